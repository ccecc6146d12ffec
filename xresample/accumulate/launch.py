"""Add the arrays of one exposure to the planes of a mosaic: from names to lanes, and run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xresample import threads as pool
from xresample.datamodel.dq_flags import ALL_BITS
from xresample.datamodel.options import WEIGHT_VARIANCE, Options, parse_fillval
from xresample.datamodel.planes import Layout
from xresample.errors import InvalidInputError, MissingVarianceWarning, warn

from .buffers import Buffers
from .weights import uniform_weight

if TYPE_CHECKING:
    from xresample.kernels.combine import Planes, Rules
    from xresample.kernels.structures import Product, Quadrilateral, Source

TILE = (64, 512)
"""Rows and columns of an output tile: its float64 sums stay in the second-level cache.

Wide, because the planes are read and written a row of the tile at a time.
"""

Footprint: TypeAlias = "Quadrilateral | Product"

Read = Callable[[str], np.ndarray | None]
"""Returns a named plane of the window; None where the exposure has no such plane."""


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
    dq: np.ndarray | None
    """uint32 ``(y, x)``; None where flags do not matter."""
    bad: int = 0
    """Bits of dq that give a pixel no weight."""
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
    from xresample.kernels.tiles import add_tiles

    footprint = _footprint(options, scales.ratio)
    bounds = _bound(window, footprint, threads)
    batches = _tiles(buffers, bounds)
    if not batches:
        return False
    sampled = _sampled(buffers.layout, options, window, scales)
    source = _source(buffers, window, sampled)
    rules = _rules(buffers, options, window, scales, exposure)
    planes = _planes(buffers, exposure)

    def run(tiles: np.ndarray) -> None:
        add_tiles(source, footprint, window.active, bounds, tiles, rules, planes)

    pool.run(run, batches, threads)
    return True


@dataclass(frozen=True)
class _Sampled:
    """A plane that samples are taken from, and what is made of it."""

    array: np.ndarray | None
    """float32 or float64 ``(y, x)``, each row in one piece; None: all samples are the factor."""
    use: int
    factor: float = 1.0
    level: float = 0.0

    def row(self) -> tuple[int, int, int, int]:
        """Return the row of the table that says where the plane lies."""
        if self.array is None:
            return 0, 0, 0, self.use
        return self.array.ctypes.data, self.array.strides[0], self.array.itemsize, self.use


def _sampled(layout: Layout, options: Options, window: Window, scales: Scales) -> list[_Sampled]:
    """Return the planes of weights, and of the lanes but the first, in their order."""
    from xresample.kernels.samples import PLAIN, ROOT

    found = [_weights(options, window, scales)]
    intensity = scales.intensity
    for name in layout.linear[1:] + layout.squared:
        plane = window.read(name)
        if plane is None:
            found.append(_Sampled(None, PLAIN, math.nan))
        elif name == "data":
            found.append(_Sampled(_in_order(plane), PLAIN, intensity, scales.level))
        elif name == "err":
            found.append(_Sampled(_in_order(plane), PLAIN, intensity * scales.err))
        elif name in layout.squared:
            found.append(_Sampled(_in_order(plane), PLAIN, intensity**2))
        else:
            found.append(_Sampled(_in_order(plane), ROOT, intensity))
    return found


def _weights(options: Options, window: Window, scales: Scales) -> _Sampled:
    """Return what the weights of the pixels are made of."""
    from xresample.kernels.samples import INVERSE, PLAIN

    if window.weights is not None:
        return _Sampled(_in_order(window.weights), PLAIN)
    weight_type = weight_type_of(options, lambda name: window.read(name) is not None)
    variance = WEIGHT_VARIANCE.get(weight_type or "")
    plane = None if variance is None else window.read(variance)
    if plane is not None:
        return _Sampled(_in_order(plane), INVERSE)
    return _Sampled(None, PLAIN, uniform_weight(weight_type, scales.time))


def _in_order(plane: np.ndarray) -> np.ndarray:
    """Return a plane whose rows the kernels can read: the given one, wherever possible."""
    fits = plane.dtype in (np.float32, np.float64) and plane.flags.aligned
    if fits and plane.strides[1] == plane.itemsize:
        return plane
    enough = np.float32 if np.can_cast(plane.dtype, np.float32) else np.float64
    return np.require(plane, enough, ["C", "A"])


def _source(buffers: Buffers, window: Window, sampled: list[_Sampled]) -> Source:
    """Return the exposure as the kernels read it; the planes must outlive it."""
    from xresample.kernels.structures import Source

    layout, given = buffers.layout, window.weights is not None
    dq = window.dq if window.dq is not None else _NO_DQ
    return Source(
        pixmap=window.pixmap,
        table=np.array([plane.row() for plane in sampled], dtype=np.int64),
        factors=np.array([(plane.level, plane.factor) for plane in sampled], dtype=np.float64),
        dq=dq,
        bad=0 if given else window.bad,
        kept=0 if buffers.dq is None else ALL_BITS,
        linear=len(layout.linear),
        squared=len(layout.squared),
    )


def _rules(
    buffers: Buffers, options: Options, window: Window, scales: Scales, exposure: int
) -> Rules:
    """Say how samples enter the planes."""
    from xresample.kernels.combine import NO_REFERENCE, Rules

    layout = buffers.layout
    reference, constant = NO_REFERENCE, 1.0
    there = layout.reference is not None and window.read(layout.reference) is not None
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


def _footprint(options: Options, ratio: float) -> Footprint:
    """Return the kernel of a mosaic with its parameters."""
    from xresample.kernels import codes
    from xresample.kernels.separable import lanczos_table
    from xresample.kernels.structures import Product, Quadrilateral

    code, pixfrac = codes.of(options.kernel), float(options.pixfrac)
    if code == codes.SQUARE:
        return Quadrilateral(pixfrac)
    order = {codes.LANCZOS2: 2, codes.LANCZOS3: 3}.get(code)
    table = np.zeros(1) if order is None else lanczos_table(order)
    return Product(code, pixfrac, float(ratio), table)


def _bound(window: Window, footprint: Footprint, threads: int | None) -> np.ndarray:
    """Bound the cells that each block of the window can reach."""
    from xresample.kernels.reach import BLOCK, bound_blocks
    from xresample.kernels.separable import reach
    from xresample.kernels.structures import Product

    steps, far = footprint.pixfrac, 0.0
    if isinstance(footprint, Product):
        steps, far = 0.0, reach(footprint.code, footprint.pixfrac, footprint.ratio)
    j0, j1, i0, i1 = window.active
    bounds = np.empty((-(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK) + 1, 5))
    pool.run(
        lambda rows: bound_blocks(window.pixmap, window.active, steps, far, rows, bounds),
        [(k, min(k + 16, len(bounds))) for k in range(0, len(bounds), 16)],
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
    from xresample.kernels.combine import Planes

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
