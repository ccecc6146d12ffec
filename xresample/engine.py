"""Add the arrays of one exposure to the planes of a mosaic: from names to lanes, and run.

The planes of a mosaic are one array, ``(plane, y, x)``, so that one kernel serves any
number of them; the variables of the mosaic are views of it::

    wht | data | err | var_a, var_b, ... | var_a_wht, var_b_wht, ...
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import threads as pool
from .context import n_planes
from .errors import InvalidInputError, MissingVarianceWarning
from .options import WEIGHT_VARIANCE, Options, parse_fillval
from .schema import WEIGHT_SUFFIX
from .weights import weight_map

TILE = 128
"""Side of an output tile: its float64 sums stay in the second-level cache."""

ROWS = 16
"""Rows of an exposure that a thread prepares at a time."""

Read = Callable[[str, slice], np.ndarray | None]
"""Returns rows of a named plane of the exposure's window; None where it has no such plane."""


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


@dataclass
class Buffers:
    """The planes of a mosaic, or of a window of it, while exposures are added."""

    layout: Layout
    values: np.ndarray
    context: np.ndarray | None
    dq: np.ndarray | None
    y0: int
    x0: int

    @classmethod
    def empty(
        cls, layout: Layout, options: Options, shape: tuple[int, int], y0: int, x0: int,
        exposures: int = 0,
    ) -> Buffers:
        """Allocate the planes of an empty mosaic."""
        values = np.zeros((len(layout.names), *shape), dtype=options.dtype)
        context = np.zeros((n_planes(exposures), *shape), np.int32) if options.enable_ctx else None
        dq = np.zeros(shape, np.uint32) if options.propagate_dq else None
        buffers = cls(layout, values, context, dq, y0, x0)
        for name in layout.names:
            buffers.clear(name, options)
        return buffers

    def clear(self, name: str, options: Options) -> None:
        """Fill a plane of zeros with what it holds where nothing contributed."""
        identity = 0.0
        if name in self.layout.means:
            identity = parse_fillval(options.fillval)
        elif name in self.layout.variances:
            identity = math.nan
        # Untouched pages of zeros cost neither time nor memory.
        if identity != 0.0:
            self.plane(name)[...] = identity

    def plane(self, name: str) -> np.ndarray:
        """Return a plane as a view, ``(y, x)``."""
        return self.values[self.layout.names.index(name)]

    def with_layout(self, layout: Layout, options: Options) -> Buffers:
        """Return buffers that hold further planes, empty so far."""
        if layout == self.layout:
            return self
        shape = self.values.shape[1:]
        wider = Buffers.empty(layout, options, shape, self.y0, self.x0)
        for name in self.layout.names:
            wider.plane(name)[...] = self.plane(name)
        wider.context, wider.dq = self.context, self.dq
        return wider

    def context_plane(self, exposure: int) -> np.ndarray:
        """Return the context plane of an exposure, adding planes where there are too few."""
        if self.context is None:
            return np.zeros((0, 0), np.int32)
        missing = n_planes(exposure + 1) - len(self.context)
        if missing > 0:
            more = np.zeros((missing, *self.context.shape[1:]), np.int32)
            self.context = np.concatenate([self.context, more])
        return self.context[exposure // 32]


@dataclass(frozen=True)
class Scales:
    """The factors of one exposure."""

    ratio: float
    """Pixel scale of the output over that of the exposure, as the kernels need it."""
    intensity: float = 1.0
    err: float = 1.0
    variance: float = 1.0
    level: float = 0.0
    time: float = math.nan


@dataclass(frozen=True)
class Window:
    """The pixels of an exposure that are to be deposited, with a margin for the corners."""

    pixmap: np.ndarray
    """float64 ``(y, x, 2)`` of the window, margin and all."""
    active: tuple[int, int, int, int]
    """First and past-the-last row and column to deposit, counted in the window."""
    read: Read
    good: Callable[[slice], np.ndarray | None]
    dq: np.ndarray | None


def add_exposure(
    buffers: Buffers, options: Options, window: Window, scales: Scales, exposure: int,
    threads: int | None = None,
) -> bool:
    """Add one exposure to the buffers; return whether any of its pixels can reach them."""
    from .kernels.tiles import add_tiles

    source, rules = _prepare(buffers, options, window, scales, exposure, threads)
    footprint = _footprint(options, scales.ratio)
    bounds = _bound(window, footprint, threads)
    batches = _tiles(buffers, bounds)
    if not batches:
        return False
    planes = _planes(buffers, exposure)

    def run(tiles: np.ndarray) -> None:
        add_tiles(source, footprint, window.active, bounds, tiles, rules, planes)

    pool.run(run, batches, threads)
    return True


def _prepare(buffers, options, window, scales, exposure, threads):  # type: ignore[no-untyped-def]
    """Fill weights and samples, and say how they enter the planes."""
    from .kernels.combine import NO_REFERENCE, Rules
    from .kernels.structures import GROUP, Source

    layout = buffers.layout
    shape = window.pixmap.shape[:2]
    dtype = np.dtype(options.dtype)
    linear = -(-len(layout.linear) // GROUP)
    squared = -(-len(layout.squared) // GROUP)
    weights = np.empty(shape, dtype)
    samples = np.empty((*shape, GROUP * (linear + squared)), dtype)
    weight_type = _weight_type(options, window)
    fill = _Filler(weight_type, layout, window, scales, weights, samples, GROUP * linear)
    steps = range(0, shape[0], ROWS)
    pool.run(lambda j: fill(slice(j, min(j + ROWS, shape[0]))), steps, threads)

    reference, constant = NO_REFERENCE, 1.0
    there = layout.reference is not None and window.read(layout.reference, slice(0, 1)) is not None
    if there and layout.variances:
        reference = layout.linear.index(layout.reference)
    elif options.weight_type == "exptime":
        constant = scales.time
    bit = 1 << (exposure % 32)
    rules = Rules(
        means=len(layout.means),
        resampled=len(layout.variances) if layout.resampled else 0,
        propagated=0 if layout.resampled else len(layout.variances),
        reference=reference,
        constant=float(constant),
        variance_scale=float(scales.variance),
        bit=bit if bit < 1 << 31 else bit - (1 << 32),
        fillval=parse_fillval(options.fillval),
    )
    dq = window.dq if window.dq is not None and buffers.dq is not None else _NO_DQ
    return Source(window.pixmap, weights, samples, dq, linear, squared), rules


_NO_DQ = np.zeros((0, 0), np.uint32)


def _weight_type(options: Options, window: Window) -> str | None:
    """Return the weight type; where its variance is missing all pixels weigh the same."""
    needed = WEIGHT_VARIANCE.get(options.weight_type or "")
    if needed is None or window.read(needed, slice(0, 1)) is not None:
        return options.weight_type
    warnings.warn(
        f"weight_type={options.weight_type!r} needs {needed}, which the exposure lacks: all its "
        "pixels get weight 1",
        MissingVarianceWarning, stacklevel=6,
    )
    return None


@dataclass(frozen=True)
class _Filler:
    """Fills rows of weights and samples, every plane while the rows are in the cache."""

    weight_type: str | None
    layout: Layout
    window: Window
    scales: Scales
    weights: np.ndarray
    samples: np.ndarray
    first_squared: int

    def __call__(self, rows: slice) -> None:
        from .kernels.samples import finish_samples

        weights, samples = self.weights[rows], self.samples[rows]
        free, used = len(self.layout.linear), self.first_squared + len(self.layout.squared)
        with np.errstate(invalid="ignore", over="ignore"):
            for lane, name in enumerate(self.layout.linear[1:], start=1):
                self._fill(samples[..., lane], name, rows)
            for lane, name in enumerate(self.layout.squared, start=self.first_squared):
                self._fill(samples[..., lane], name, rows, squared=True)
        weights[...] = weight_map(
            self.weight_type,
            weights.shape,
            self.window.read(WEIGHT_VARIANCE.get(self.weight_type or "", ""), rows),
            self.scales.time,
            self.window.good(rows),
        )
        finish_samples(weights, samples, free, self.first_squared, used)

    def _fill(self, lane: np.ndarray, name: str, rows: slice, squared: bool = False) -> None:
        plane = self.window.read(name, rows)
        if plane is None:
            lane[...] = np.nan
        elif name == "data":
            if self.scales.level:
                plane = plane - np.float64(self.scales.level)
            np.multiply(plane, self.scales.intensity, out=lane, casting="same_kind")
        elif name == "err":
            np.multiply(plane, self.scales.intensity * self.scales.err, out=lane,
                        casting="same_kind")
        elif squared:
            np.multiply(plane, self.scales.intensity**2, out=lane, casting="same_kind")
        else:
            np.sqrt(plane, out=lane, casting="same_kind")
            if self.scales.intensity != 1.0:
                lane *= self.scales.intensity


def _footprint(options: Options, ratio: float):  # type: ignore[no-untyped-def]
    from .kernels import codes
    from .kernels.separable import lanczos_table
    from .kernels.structures import Footprint

    code = getattr(codes, options.kernel.upper())
    order = {codes.LANCZOS2: 2, codes.LANCZOS3: 3}.get(code)
    table = np.zeros(1) if order is None else lanczos_table(order)
    return Footprint(code, float(options.pixfrac), float(ratio), table)


def _bound(window: Window, footprint, threads: int | None) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Bound the cells that each block of the window can reach."""
    from .kernels.blocks import BLOCK, bound_blocks

    j0, j1, i0, i1 = window.active
    bounds = np.empty((-(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK) + 1, 4))
    steps = [(k, min(k + 16, len(bounds))) for k in range(0, len(bounds), 16)]
    pool.run(
        lambda rows: bound_blocks(window.pixmap, window.active, footprint, rows, bounds),
        steps, threads,
    )
    return bounds


def _tiles(buffers: Buffers, bounds: np.ndarray) -> list[np.ndarray]:
    """Return batches of tiles that cover the footprint inside the buffers."""
    ny, nx = buffers.values.shape[1:]
    y, x = buffers.y0, buffers.x0
    finite = bounds[np.isfinite(bounds).all(axis=-1)]
    if not len(finite):
        return []
    y0, x0 = max(y, finite[:, 0].min()), max(x, finite[:, 2].min())
    y1, x1 = min(y + ny, finite[:, 1].max() + 1), min(x + nx, finite[:, 3].max() + 1)
    tiles = np.array(
        [
            (j, min(j + TILE, int(y1)), i, min(i + TILE, int(x1)))
            for j in range(int(y0), int(y1), TILE)
            for i in range(int(x0), int(x1), TILE)
        ],
        dtype=np.int64,
    )
    return np.array_split(tiles, -(-len(tiles) // 8)) if len(tiles) else []


def _planes(buffers: Buffers, exposure: int):  # type: ignore[no-untyped-def]
    from .kernels.combine import Planes

    context = buffers.context_plane(exposure)
    dq = buffers.dq if buffers.dq is not None else _NO_DQ
    return Planes(buffers.values, context, dq, buffers.y0, buffers.x0)


def require_memory_order(pixmap: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a given pixel map as the kernels need it, or say what is wrong with it."""
    pixmap = np.asarray(pixmap)
    if pixmap.shape != (*shape, 2) or pixmap.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"pixmap has shape {pixmap.shape} and type {pixmap.dtype}: needed are real numbers of "
            f"shape {(*shape, 2)}, (y, x, 2), the output x first; one pair for each pixel"
        )
    if min(shape) < 2:
        raise InvalidInputError(
            f"A pixmap of {shape[0]} x {shape[1]} pixels does not say where the corners of a "
            "pixel are: at least 2 x 2 are needed"
        )
    return np.require(pixmap, np.float64, "CAW")
