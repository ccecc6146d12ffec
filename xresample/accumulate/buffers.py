"""The planes of a mosaic in one array, and which is where.

The planes are one array, ``(plane, y, x)``, so that one kernel serves any number of them; the
variables of the mosaic are views of it::

    wht | data | err | var_a, var_b, ... | var_a_wht, var_b_wht, ...
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xresample import threads as pool
from xresample.datamodel.context import PLANE_BITS, n_planes
from xresample.datamodel.options import WEIGHT_VARIANCE, Options, parse_fillval
from xresample.datamodel.schema import WEIGHT_SUFFIX

SLAB = 512
"""Rows that a thread fills or copies at a time."""


@dataclass(frozen=True)
class Layout:
    """Which plane is where in the array of planes, and in the lanes of an exposure."""

    err: bool
    variances: tuple[str, ...]
    resampled: bool
    reference: str | None
    """The variance that weights the resampled variances; None: all weigh the same."""

    @classmethod
    def of(cls, options: Options, variances: tuple[str, ...]) -> Layout:
        """Return the layout of a mosaic with these options that holds these variances."""
        resampled = options.variance_method == "resampled"
        reference = WEIGHT_VARIANCE.get(options.weight_type or "") if resampled else None
        return cls(options.compute_err == "driz_err", variances, resampled, reference)

    @property
    def means(self) -> tuple[str, ...]:
        """Planes that are means weighted by ``wht``."""
        return ("data", "err") if self.err else ("data",)

    @property
    def names(self) -> tuple[str, ...]:
        """All planes, in their order."""
        weights = tuple(f"{name}{WEIGHT_SUFFIX}" for name in self.variances if self.resampled)
        return ("wht", *self.means, *self.variances, *weights)

    @property
    def linear(self) -> tuple[str, ...]:
        """Lanes that are summed with the weight, in order; the first is 1 in every pixel."""
        if not self.resampled:
            return ("1", *self.means)
        reference = self.reference if self.variances else None
        extra = () if reference is None or reference in self.variances else (reference,)
        return ("1", *self.means, *self.variances, *extra)

    @property
    def squared(self) -> tuple[str, ...]:
        """Lanes that are summed with the square of the weight."""
        return () if self.resampled else self.variances

    def identity(self, name: str, options: Options) -> float:
        """Return what a plane holds where nothing contributed."""
        if name in self.means:
            return parse_fillval(options.fillval)
        return math.nan if name in self.variances else 0.0


@dataclass
class Buffers:
    """The planes of a mosaic, or of a window of it, while exposures are added."""

    layout: Layout
    values: np.ndarray
    context: np.ndarray | None
    dq: np.ndarray | None
    y0: int
    x0: int
    scratch: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays that one exposure after another uses: fresh memory costs time at first touch."""

    @classmethod
    def empty(
        cls,
        layout: Layout,
        options: Options,
        shape: tuple[int, int],
        y0: int,
        x0: int,
        exposures: int = 0,
        threads: int | None = 1,
    ) -> Buffers:
        """Allocate the planes of an empty mosaic."""
        values = np.zeros((len(layout.names), *shape), dtype=options.dtype)
        context = np.zeros((n_planes(exposures), *shape), np.int32) if options.enable_ctx else None
        dq = np.zeros(shape, np.uint32) if options.propagate_dq else None
        buffers = cls(layout, values, context, dq, y0, x0)
        for name in layout.names:
            buffers.clear(name, options, threads)
        return buffers

    def clear(
        self, name: str, options: Options, threads: int | None = 1, zeroed: bool = True
    ) -> None:
        """Fill a plane, by default one of zeros, with what it holds where nothing contributed."""
        identity = self.layout.identity(name, options)
        # Untouched pages of zeros cost neither time nor memory.
        if identity != 0.0 or not zeroed:
            plane = self.plane(name)
            in_rows(lambda rows: plane[rows].fill(identity), len(plane), threads)

    def room(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array to be filled, the one of the exposure before where it fits."""
        array = self.scratch.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self.scratch[name] = np.empty(shape, dtype)
        return array

    def plane(self, name: str) -> np.ndarray:
        """Return a plane as a view, ``(y, x)``."""
        return self.values[self.layout.names.index(name)]

    def with_layout(
        self, layout: Layout, options: Options, *, blank: bool = False, threads: int | None = 1
    ) -> Buffers:
        """Return buffers that hold further planes, empty so far.

        Parameters
        ----------
        layout : Layout
            That of all planes.
        options : Options
            The options of the mosaic.
        blank : bool
            Whether the planes held so far are as they were allocated: there is nothing to copy.
        threads : int, optional
            Threads to use.
        """
        if layout == self.layout:
            return self
        ny, nx = self.values.shape[1:]
        wider = Buffers.empty(layout, options, (ny, nx), self.y0, self.x0, threads=threads)
        for name in () if blank else self.layout.names:
            new, old = wider.plane(name), self.plane(name)
            copy_rows(new, old, threads)
        wider.context, wider.dq, wider.scratch = self.context, self.dq, self.scratch
        return wider

    def context_plane(self, exposure: int) -> np.ndarray:
        """Return the context plane of an exposure, adding planes where there are too few."""
        if self.context is None:
            return np.zeros((0, 0), np.int32)
        missing = n_planes(exposure + 1) - len(self.context)
        if missing > 0:
            more = np.zeros((missing, *self.context.shape[1:]), np.int32)
            self.context = np.concatenate([self.context, more])
        return self.context[exposure // PLANE_BITS]


def in_rows(work: Callable[[slice], object], count: int, threads: int | None) -> None:
    """Do some work on slabs of ``count`` rows: the first touch of fresh memory takes its time."""
    slabs = [slice(start, start + SLAB) for start in range(0, count, SLAB)]
    pool.run(work, slabs, threads if count > SLAB else 1)


def copy_rows(target: np.ndarray, source: np.ndarray, threads: int | None) -> None:
    """Copy a plane, ``(y, x)``."""
    in_rows(lambda rows: np.copyto(target[rows], source[rows]), len(target), threads)
