"""A mosaic while exposures are added: read from a Dataset, filled, and returned as a Dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import provenance, schema
from xresample.datamodel.blocks import read_sums
from xresample.datamodel.grid import Grid
from xresample.datamodel.labels import read_labels
from xresample.datamodel.memory import total_memory
from xresample.datamodel.mosaic import (
    further_attrs,
    layout_of,
    mosaic_dataset,
    options_of,
    root_of_sum,
    variances_of_error,
)
from xresample.datamodel.options import Options
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.planes import Layout, wider_layout
from xresample.errors import InvalidInputError

from .ahead import Prepared, read_ahead
from .buffers import Buffers, copy_plane
from .deposit import Placement
from .job import Admitted, Job
from .launch import Window, add_exposure
from .notices import Notices
from .set_tree import SetTree
from .spare import spare
from .window import mapped_window


@dataclass
class Accumulator:
    """The state of a mosaic in memory of its own; the Datasets it comes from stay unchanged."""

    job: Job
    buffers: Buffers
    rows: provenance.Rows = field(default_factory=provenance.Rows)
    attrs: dict[str, Any] = field(default_factory=dict)
    blank: bool = False
    """Whether the planes are still those of an empty mosaic."""
    notices: Notices = field(default_factory=Notices)

    @classmethod
    def new(cls, job: Job, exposures: int = 0) -> Accumulator:
        """Start an empty mosaic, with context planes for a number of exposures."""
        grid = job.grid
        spare.clear()
        require_memory(grid, job.layout.pixel_bytes(job.options, exposures))
        buffers = Buffers.empty(job.layout, job.options, grid.shape, *grid.origin, exposures)
        return cls(job, buffers, blank=True)

    @classmethod
    def open(
        cls, mosaic: xr.Dataset, more: Iterable[str] = (), threads: int | None = 1
    ) -> Accumulator:
        """Copy the planes of a mosaic.

        Parameters
        ----------
        mosaic : xarray.Dataset
            The mosaic.
        more : iterable of str
            Variances that the next exposure brings: their planes are allocated with the others.
        threads : int, optional
            Threads to use.

        Raises
        ------
        InvalidInputError
            The Dataset is not a complete mosaic; lists every fault.
        """
        mosaic = in_own_pixels(mosaic)
        options = options_of(mosaic)
        grid = Grid.of(mosaic, options.pixel_scale)
        held = layout_of(mosaic, options)
        rows = provenance.rows_of(mosaic)
        units = mosaic["data"].attrs.get("units")
        watched = provenance.watched({}, rows)
        further = {name: mosaic[name].attrs.get("units") for name in options.planes}
        layout = wider_layout(held, options, more)
        job = Job(grid, options, layout, units, len(rows), watched, further=further)
        planes, attrs = _read(mosaic, job, held, threads), further_attrs(mosaic)
        return cls(job, planes, rows, attrs, notices=Notices.after(rows))

    @property
    def grid(self) -> Grid:
        """The grid of the mosaic."""
        return self.job.grid

    @property
    def options(self) -> Options:
        """The options of the mosaic."""
        return self.job.options

    def add(
        self,
        dataset: xr.Dataset,
        pixmap: Any = None,
        threads: int | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        """Add one exposure, which may have been prepared in the background.

        Raises
        ------
        InvalidExposureError
            The exposure cannot be used; lists every fault.
        """
        placed: list[Window] = [] if prepared is None else [prepared.window]

        def window(admitted_exposure: Any) -> Window:
            if not placed:
                allocate = self._allocate_pixmap
                placed.append(
                    mapped_window(
                        admitted_exposure, self.grid, self.options, pixmap, threads, allocate
                    )
                )
            return placed[0]

        admitted = self.job.admit(dataset, has_pixmap=pixmap is not None, window=window)
        found = None if prepared is None else prepared.placement
        self.deposit(admitted, window(admitted.exposure), threads, found)

    def add_all(self, exposures: Iterable[xr.Dataset], threads: int | None = None) -> None:
        """Add exposures in order; those in files are read ahead."""
        for exposure, prepared in read_ahead(exposures, self.job, threads):
            self.add(exposure, threads=threads, prepared=prepared)
            # The next exposure may be made now, and this one should not stay beside it.
            del exposure, prepared

    def deposit(
        self,
        admitted: Admitted,
        window: Window,
        threads: int | None = None,
        placement: Placement | None = None,
    ) -> None:
        """Deposit the pixels of an admitted exposure that have been mapped onto the grid."""
        self.buffers = self.buffers.with_layout(
            admitted.layout, self.options, blank=self.blank, threads=threads
        )
        self.blank = False
        options = admitted.options(self.options)
        number = admitted.number
        scales = admitted.scales
        outcome = add_exposure(
            self.buffers, options, window, scales, number, threads, placement=placement
        )
        self.notices.note(admitted, outcome, self.options)
        self.rows.append(admitted.row)
        self.job = self.job.after(admitted)

    def warn(self, expected: bool = True) -> None:
        """Tell what the user should know about the exposures since the last warnings.

        Parameters
        ----------
        expected : bool, optional
            Whether a call without exposures is probably a mistake.
        """
        notices, self.notices = self.notices, Notices(seen=self.notices.seen)
        notices.warn(self.options, expected)

    def dataset(self) -> xr.Dataset:
        """Return the mosaic as a Dataset; its variables are views of the buffers."""
        job = self.job
        # The flags of the first exposure stay.
        attrs, layout = {**job.attrs, **self.attrs}, self.buffers.layout
        units = job.plane_units
        return mosaic_dataset(self.planes(), job.grid, job.options, self.rows, units, attrs, layout)

    def planes(self) -> dict[str, np.ndarray]:
        """Return the planes of the mosaic by name, in the order of its variables."""
        found = {}
        self.buffers.number_labels()
        for name in self.buffers.layout.planes:
            stored = self.buffers.stored(name)
            found[name] = self._err_from_variances() if stored is None else stored
        return found

    def _err_from_variances(self) -> np.ndarray:
        """Return the root of the sum of the variances; NaN where all variances are unknown."""
        names = variances_of_error(self.buffers.layout, self.options)
        found = [self.buffers.plane(name) for name in names]
        return root_of_sum(found, self.grid.shape, self.options.dtype)

    def _allocate_pixmap(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return memory for a pixel map, which the next exposure uses again."""
        return self.buffers.scratch_array("pixmap", shape, np.float64)


def require_memory(grid: Grid, pixel_bytes: int) -> None:
    """Raise an error if the planes of a mosaic are larger than the memory of the machine."""
    (ny, nx), available = grid.shape, total_memory()
    size = ny * nx * pixel_bytes
    if available is not None and size > available:
        raise InvalidInputError(
            f"A mosaic in memory must fit the {available / 2**30:.1f} GiB of this machine, got "
            f"{ny} x {nx} pixels, which need {size / 2**30:.1f} GiB: check that no exposure lies "
            "far from the others, look at xresample.plan(...), and use chunks= or coadd_to_zarr "
            "for a mosaic in tiles"
        )


def _read(mosaic: xr.Dataset, job: Job, held: Layout, threads: int | None) -> Buffers:
    """Return the planes of a mosaic in new memory."""
    grid, options, layout = job.grid, job.options, job.layout
    noise = None
    if layout.block:
        noise = read_sums(mosaic, layout.blocks(grid.shape, grid.origin))
    buffers = Buffers.spare(layout, options, grid.shape, *grid.origin)
    buffers.noise = noise
    for name in layout.names:
        if name in layout.flag_planes:
            areas = mosaic["rejected"].transpose("flag", *schema.PIXELS)
            copy_plane(buffers.plane(name), areas[layout.flag_planes.index(name)].values, threads)
        elif name in held.names:
            plane = mosaic[name].transpose(*schema.PIXELS).values
            copy_plane(buffers.plane(name), plane, threads)
        else:
            buffers.clear(name, options, threads)
    for name in layout.by_rule(schema.Rule.CONTEXT):
        con = mosaic[name].transpose(*layout.planes[name].dims).values
        buffers.context, _ = spare.array(con.shape, layout.dtype(name, options))
        for target, source in zip(buffers.context, con, strict=True):
            copy_plane(target, source, threads)
    if layout.by_rule(schema.Rule.LABELS):
        buffers.context, sets = read_labels(mosaic)
        buffers.tree = SetTree.of(sets)
    for name in layout.by_rule(schema.Rule.DQ):
        buffers.dq, _ = spare.array(grid.shape, layout.dtype(name, options))
        copy_plane(buffers.dq, mosaic[name].transpose(*schema.PIXELS).values, threads)
    for name in layout.by_rule(schema.Rule.SHARED_DQ):
        buffers.dq = ~mosaic[name].transpose(*schema.PIXELS).values
    return buffers
