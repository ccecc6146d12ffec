"""Add the arrays of one exposure to the planes of a mosaic: from names to lanes, and run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import threads as pool
from .errors import InvalidInputError, MissingVarianceWarning, warn
from .options import WEIGHT_VARIANCE, Options, parse_fillval
from .planes import Buffers, Layout
from .weights import weight_map

if TYPE_CHECKING:
    from .kernels.combine import Planes, Rules
    from .kernels.structures import Footprint, Source

TILE = (64, 512)
"""Rows and columns of an output tile: its float64 sums stay in the second-level cache.

Wide, because the planes are read and written a row of the tile at a time.
"""

STRIP = 8
"""Rows of blocks of an exposure that a thread prepares at a time: with fewer, threads wait for
each other."""

Part = tuple[slice, slice]
"""Rows and columns of an exposure's window."""

Read = Callable[[str, Part], np.ndarray | None]
"""Returns a part of a named plane of the window; None where the exposure has no such plane."""

NOTHING: Part = (slice(0, 0), slice(0, 0))
"""The part to ask for where all that matters is whether there is such a plane."""


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
    good: Callable[[Part], np.ndarray | None]
    dq: np.ndarray | None
    origin: tuple[int, int] = (0, 0)
    """Row and column of the exposure's arrays where the window starts."""
    weights: np.ndarray | None = None
    """Weights of the window's pixels, ``(y, x)``, in place of those that the options ask for."""


def add_exposure(
    buffers: Buffers,
    options: Options,
    window: Window,
    scales: Scales,
    exposure: int,
    threads: int | None = None,
) -> bool:
    """Add one exposure to the buffers; return whether any of its pixels can reach them."""
    from .kernels.tiles import add_tiles

    footprint = _footprint(options, scales.ratio)
    bounds = _bound(window, footprint, threads)
    source = _source(buffers, options, window, scales, bounds, threads)
    batches = _tiles(buffers, bounds)
    if not batches:
        return False
    rules = _rules(buffers, options, window, scales, exposure)
    planes = _planes(buffers, exposure)

    def run(tiles: np.ndarray) -> None:
        add_tiles(source, footprint, window.active, bounds, tiles, rules, planes)

    pool.run(run, batches, threads)
    return True


def _source(
    buffers: Buffers,
    options: Options,
    window: Window,
    scales: Scales,
    bounds: np.ndarray,
    threads: int | None,
) -> Source:
    """Fill weights and samples of the pixels that can reach the buffers."""
    from .kernels.structures import Source

    layout = buffers.layout
    shape = window.pixmap.shape[:2]
    dtype = np.dtype(options.dtype)
    linear, squared = len(layout.linear), len(layout.squared)
    weights = buffers.room("weights", shape, dtype)
    samples = buffers.room("samples", (linear - 1 + squared, *shape), dtype)
    weight_type = None
    if window.weights is None:
        weight_type = weight_type_of(options, lambda n: window.read(n, NOTHING) is not None)
    fill = _Filler(weight_type, layout, window, scales, weights, samples)
    pool.run(fill, _strips(buffers, window, bounds), threads)
    dq = window.dq if window.dq is not None and buffers.dq is not None else _NO_DQ
    return Source(window.pixmap, weights, samples, dq, linear, squared)


def _strips(buffers: Buffers, window: Window, bounds: np.ndarray) -> list[Part]:
    """Return the pixels that can reach the buffers, in strips of a few rows."""
    from .kernels.blocks import BLOCK

    j0, j1, i0, i1 = window.active
    y0, x0 = buffers.y0, buffers.x0
    ny, nx = buffers.values.shape[1:]
    y_low, y_high, x_low, x_high = np.moveaxis(bounds[:, :-1, :4], -1, 0)
    reach = (y_low < y0 + ny) & (y_high >= y0) & (x_low < x0 + nx) & (x_high >= x0)
    strips = []
    for k in range(0, len(reach), STRIP):
        columns = np.flatnonzero(reach[k : k + STRIP].any(axis=0))
        if len(columns):
            rows = slice(j0 + k * BLOCK, min(j0 + (k + STRIP) * BLOCK, j1))
            left, right = int(columns[0]) * BLOCK, (int(columns[-1]) + 1) * BLOCK
            strips.append((rows, slice(i0 + left, min(i0 + right, i1))))
    return strips


def _rules(
    buffers: Buffers, options: Options, window: Window, scales: Scales, exposure: int
) -> Rules:
    """Say how samples enter the planes."""
    from .kernels.combine import NO_REFERENCE, Rules

    layout = buffers.layout
    reference, constant = NO_REFERENCE, 1.0
    there = layout.reference is not None and window.read(layout.reference, NOTHING) is not None
    if there and layout.variances:
        reference = layout.linear.index(layout.reference)
    elif options.weight_type == "exptime":
        constant = scales.time
    bit = 1 << (exposure % 32)
    return Rules(
        means=len(layout.means),
        resampled=len(layout.variances) if layout.resampled else 0,
        propagated=0 if layout.resampled else len(layout.variances),
        reference=reference,
        constant=float(constant),
        variance_scale=float(scales.variance),
        bit=bit if bit < 1 << 31 else bit - (1 << 32),
        fillval=parse_fillval(options.fillval),
    )


_NO_DQ = np.zeros((0, 0), np.uint32)


def weight_type_of(options: Options, has: Callable[[str], bool]) -> str | None:
    """Return the weight type; where its variance is missing all pixels weigh the same."""
    needed = WEIGHT_VARIANCE.get(options.weight_type or "")
    if needed is None or has(needed):
        return options.weight_type
    warn(
        f"weight_type={options.weight_type!r} needs {needed}, which the exposure lacks: all its "
        "pixels get weight 1",
        MissingVarianceWarning,
    )
    return None


@dataclass(frozen=True)
class _Filler:
    """Fills a part of weights and samples, every plane while its rows are in the cache."""

    weight_type: str | None
    layout: Layout
    window: Window
    scales: Scales
    weights: np.ndarray
    samples: np.ndarray

    def __call__(self, part: Part) -> None:
        from .kernels.samples import drop_missing

        rows, columns = part
        linear = self.layout.linear[1:]
        with np.errstate(invalid="ignore", over="ignore"):
            for lane, name in zip(self.samples, linear + self.layout.squared, strict=True):
                self._fill(lane[part], name, part, name in self.layout.squared)
        weights = self.weights[part]
        weights[...] = self._weigh(part, weights.shape)
        drop_missing(self.weights[rows], self.samples[0, rows], columns.start, columns.stop)

    def _weigh(self, part: Part, shape: tuple[int, int]) -> np.ndarray:
        if self.window.weights is not None:
            return self.window.weights[part]
        return weight_map(
            self.weight_type,
            shape,
            self.window.read(WEIGHT_VARIANCE.get(self.weight_type or "", ""), part),
            self.scales.time,
            self.window.good(part),
        )

    def _fill(self, lane: np.ndarray, name: str, part: Part, squared: bool) -> None:
        plane = self.window.read(name, part)
        if plane is None:
            lane[...] = np.nan
        elif name == "data":
            if self.scales.level:
                plane = plane - np.float64(self.scales.level)
            np.multiply(plane, self.scales.intensity, out=lane, casting="same_kind")
        elif name == "err":
            np.multiply(
                plane, self.scales.intensity * self.scales.err, out=lane, casting="same_kind"
            )
        elif squared:
            np.multiply(plane, self.scales.intensity**2, out=lane, casting="same_kind")
        else:
            np.sqrt(plane, out=lane, casting="same_kind")
            if self.scales.intensity != 1.0:
                lane *= self.scales.intensity


def _footprint(options: Options, ratio: float) -> Footprint:
    from .kernels import codes
    from .kernels.separable import lanczos_table
    from .kernels.structures import Footprint

    code = codes.of(options.kernel)
    order = {codes.LANCZOS2: 2, codes.LANCZOS3: 3}.get(code)
    table = np.zeros(1) if order is None else lanczos_table(order)
    return Footprint(code, float(options.pixfrac), float(ratio), table)


def _bound(window: Window, footprint: Footprint, threads: int | None) -> np.ndarray:
    """Bound the cells that each block of the window can reach."""
    from .kernels.blocks import BLOCK, bound_blocks

    j0, j1, i0, i1 = window.active
    bounds = np.empty((-(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK) + 1, 5))
    steps = [(k, min(k + 16, len(bounds))) for k in range(0, len(bounds), 16)]
    pool.run(
        lambda rows: bound_blocks(window.pixmap, window.active, footprint, rows, bounds),
        steps,
        threads,
    )
    return bounds


def _tiles(buffers: Buffers, bounds: np.ndarray) -> list[np.ndarray]:
    """Return batches of tiles that cover the footprint inside the buffers."""
    ny, nx = buffers.values.shape[1:]
    y, x = buffers.y0, buffers.x0
    finite = bounds[:, -1]
    if not np.isfinite(finite).all():
        finite = bounds[np.isfinite(bounds).all(axis=-1)]
    if not len(finite):
        return []
    y0, x0 = max(y, finite[:, 0].min()), max(x, finite[:, 2].min())
    y1, x1 = min(y + ny, finite[:, 1].max() + 1), min(x + nx, finite[:, 3].max() + 1)
    tiles = np.array(
        [
            (j, min(j + TILE[0], int(y1)), i, min(i + TILE[1], int(x1)))
            for j in range(int(y0), int(y1), TILE[0])
            for i in range(int(x0), int(x1), TILE[1])
        ],
        dtype=np.int64,
    )
    return np.array_split(tiles, -(-len(tiles) // 8)) if len(tiles) else []


def _planes(buffers: Buffers, exposure: int) -> Planes:
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
    return np.require(pixmap, np.float64, ["C", "A", "W"])
