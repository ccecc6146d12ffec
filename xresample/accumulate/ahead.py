"""Read the next exposure in the background while the current one is deposited.

Reading planes and fitting the pixel map use one thread, so they fill the time in which the threads
of the kernels wait for each other. An exposure in memory has nothing to read: it is never prepared
here, so that a generator keeps one such exposure in memory.

The planes and the pixel map of an exposure are freed once it has been deposited. The next exposure
to be prepared takes their memory, see `spare`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.datamodel.exposure import Exposure, is_lazy
from xresample.datamodel.options import WEIGHT_PLANE
from xresample.datamodel.planes import wider_layout

from .deposit import Placement, make_footprint, place
from .job import Job
from .launch import Window
from .scales import scales_of
from .spare import Recycler, new_array
from .window import mapped_window, pixel_map

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap

Pair = tuple[xr.Dataset, "Prepared | None"]
"""An exposure, and what was prepared in the background."""


@dataclass(frozen=True)
class Prepared:
    """The window of an exposure, whose planes have been read, and the tiles that it reaches."""

    window: Window
    placement: Placement


def read_ahead(
    exposures: Iterable[xr.Dataset], job: Job, threads: int | None = None
) -> Iterator[Pair]:
    """Yield exposures, and prepare the next one while the caller works on the current one.

    Parameters
    ----------
    exposures : iterable of Dataset
        The exposures.
    job : Job
        The grid and the options of the mosaic, and its planes before the first exposure.
    threads : int, optional
        Number of threads. Nothing is prepared if it is 1. Default: one per CPU.
    """
    if pool.count(threads) == 1:
        for exposure in exposures:
            yield exposure, None
            del exposure
        return
    with (
        closing(Recycler()) as memory,
        ThreadPoolExecutor(1, "xresample-read-ahead") as executor,
    ):
        reader = _Reader(executor, job, memory)
        waiting: tuple[xr.Dataset, Future[Prepared | None]] | None = None
        for exposure in exposures:
            following = reader.submitted(exposure)
            if following is None:
                # Spare memory beside exposures that are in memory would be more than before.
                memory.close()
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = None if following is None else (exposure, following)
            if following is None:
                yield exposure, None
            # No exposure stays beside the next one, which may be made now.
            del exposure, following
        if waiting is not None:
            yield waiting[0], waiting[1].result()


@dataclass
class _Reader:
    """Prepares exposures in the background."""

    executor: ThreadPoolExecutor
    job: Job
    memory: Recycler
    maps_here: bool = True
    """Whether to make pixel maps in the thread that submits exposures."""

    def submitted(self, dataset: xr.Dataset) -> Future[Prepared | None] | None:
        """Start to prepare an exposure; return None if it is in memory, or not an exposure."""
        if not isinstance(dataset, xr.Dataset) or not is_lazy(dataset):
            return None
        try:
            # The text is made here, because making it may warn about the file of the exposure.
            exposure = Exposure(dataset)
            if exposure.wcs is not None:
                _ = exposure.wcs.text
            mapping = self._map(exposure)
        except Exception:
            return None
        return self.executor.submit(copy_context().run, self._prepared, exposure, mapping)

    def _map(self, exposure: Exposure) -> PixelMap | None:
        """Return the pixel map of an exposure, if the background needs no WCS to evaluate it.

        To parse a WCS takes longer than to make a map, and threads must not share the object of a
        WCS. So this thread makes the map if it has the objects, for example after `fit_wcs`.
        """
        wcss = exposure.wcs, self.job.grid.wcs
        if not self.maps_here or not all(wcs is not None and wcs.is_parsed for wcs in wcss):
            return None
        # The grid remembers its kind, which the background would need the WCS for.
        _ = self.job.grid.spectral
        mapping = pixel_map(exposure, self.job.grid, self.job.options)
        # The maps of the next exposures are probably of the same kind.
        self.maps_here = not mapping.needs_wcs
        return mapping if self.maps_here else None

    def _prepared(self, exposure: Exposure, mapping: PixelMap | None) -> Prepared | None:
        """Return an exposure with all planes read; None after any error.

        The caller does the same work again after an error, and raises the error in its own thread.
        """
        try:
            with self.memory.used():
                return _prepare(exposure, self.job, mapping)
        except Exception:
            return None


def _prepare(exposure: Exposure, job: Job, mapping: PixelMap | None) -> Prepared:
    grid, options = job.grid, job.options
    window = mapped_window(exposure, grid, options, threads=1, allocate=_new_map, mapping=mapping)
    scales = scales_of(exposure, grid, options, lambda: window.pixmap)
    footprint = make_footprint(options.kernel, options.pixfrac, scales.ratio)
    placement = place(window.pixmap, window.active, footprint, grid.shape, grid.origin, threads=1)
    if len(placement.tiles):
        weight = WEIGHT_PLANE.get(options.weight_type or "")
        sources = wider_layout(job.layout, options, exposure.variances).sources
        for name in (*sources, *((weight,) if weight else ())):
            window.read(name)
    return Prepared(window, placement)


def _new_map(shape: tuple[int, ...]) -> np.ndarray:
    """Return memory for a pixel map."""
    return new_array(shape, np.float64)
