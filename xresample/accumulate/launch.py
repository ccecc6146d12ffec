"""Add the arrays of one exposure to the planes of a mosaic: from names to lanes, then run.

The launcher turns an exposure, whose planes have names, into the plain structures of the kernels::

    Window: pixmap, read(name), dq      Options: kernel, pixfrac      Layout: names of planes
            |         |                          |                            |
            |         v                          v                            v
            |   SampledPlane                 Footprint                    LaneLayout
            |   per lane                         |                            |
            v              v                     v                            |
        block bounds   ExposurePlanes      (what a pixel                      |
            |          (addresses)          overlaps)                         |
            v              |                     |                            |
        Placement: tiles   |                     |                            |
            +--------------+----------+----------+----------------------------+
                                      v
                     run: threads take a few tiles at a time

====================  ===========================================================
function              decides
====================  ===========================================================
`make_footprint`      how the flux of a pixel is spread
`place`               which tiles of the output the pixels can reach
`lane_layout`         which lane is summed for which plane
`sampled_planes`      which plane each lane is read from, and with which factor
`make_source`         addresses, after all shapes have been checked
`run`                 which thread works on which tiles
====================  ===========================================================

Why this is safe: kernels read planes by address and write into planes without checks. Every array
whose address is taken has the shape of the pixel map (`make_source`), its rows lie in one piece
(`_in_order`), and it stays alive while the kernels run, because `run` holds the list of planes.
Tiles lie inside the planes of the mosaic and do not overlap each other, so threads share nothing
that they write.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from xresample import threads as pool
from xresample.datamodel.dq_flags import ALL_BITS
from xresample.datamodel.options import WEIGHT_VARIANCE, Options, parse_fillval
from xresample.datamodel.planes import Layout
from xresample.errors import InvalidInputError
from xresample.kernels.structures import (
    KERNELS,
    SQUARE,
    ExposurePlanes,
    Kernel,
    LaneLayout,
    MosaicPlanes,
    QuadrilateralFootprint,
    Rules,
    SeparableFootprint,
)

from .buffers import Buffers
from .weights import uniform_weight

TILE = (64, 512)
"""Rows and columns of an output tile: its float64 sums stay in the second-level cache.

Tiles are wide, because the planes are read and written a row of the tile at a time.
"""

BATCH = 8
"""Number of tiles that a thread works on before it asks for more."""

BOUND_ROWS = 16
"""Number of rows of blocks that a thread bounds at a time."""

Footprint: TypeAlias = QuadrilateralFootprint | SeparableFootprint

Active: TypeAlias = tuple[int, int, int, int]
"""First and past-the-last row and column of the pixels to deposit, counted in the pixel map."""

Read = Callable[[str], np.ndarray | None]
"""Function that returns a named plane of the window, or None if the exposure has no such plane."""


@dataclass(frozen=True)
class Scales:
    """The factors of one exposure."""

    ratio: float
    """Pixel scale of the output over the pixel scale of the exposure, as the kernels need it."""
    intensity: float = 1.0
    err: float = 1.0
    variance: float = 1.0
    level: float = 0.0
    time: float = math.nan


@dataclass(frozen=True)
class Window:
    """The pixels of an exposure that are to be deposited, with a margin for the corners."""

    pixmap: np.ndarray
    """float64 ``(y, x, 2)``: mapped centres of all pixels of the window, with the margin."""
    active: Active
    """First and past-the-last row and column to deposit, counted in the window."""
    read: Read
    dq: np.ndarray | None
    """uint32 ``(y, x)``, or None if flags do not matter."""
    bad: int = 0
    """Bits of dq that give a pixel the weight 0."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the exposure's arrays where the window begins."""
    weights: np.ndarray | None = None
    """Weights of the window's pixels, ``(y, x)``, instead of the weights that the options name."""


def add_exposure(
    buffers: Buffers,
    options: Options,
    window: Window,
    scales: Scales,
    exposure: int,
    threads: int | None = None,
) -> bool:
    """Add one exposure to the buffers; return whether any of its pixels can reach them.

    Parameters
    ----------
    buffers : Buffers
        The planes of the mosaic; updated.
    options : Options
        The options of the mosaic. The exposure has the variance that ``weight_type`` needs.
    window : Window
        The pixels to deposit.
    scales : Scales
        The factors of the exposure.
    exposure : int
        Index of the exposure in the mosaic, which is its bit in the context.
    threads : int, optional
        Number of threads. Default: one per CPU. The result is bit-for-bit the same for any value.
    """
    footprint = make_footprint(options.kernel, options.pixfrac, scales.ratio)
    shape, origin = buffers.values.shape[1:], (buffers.y0, buffers.x0)
    placement = place(window.pixmap, window.active, footprint, shape, origin, threads=threads)
    if not len(placement.tiles):
        return False
    layout = buffers.layout
    reference = layout.reference
    weighted = bool(layout.variances) and reference is not None
    if not weighted or window.read(str(reference)) is None:
        reference = None
    lanes = lane_layout(layout, reference)
    flags = Flags(
        dq=window.dq,
        bad=0 if window.weights is not None else window.bad,
        kept=0 if buffers.dq is None else ALL_BITS,
    )
    sampled = sampled_planes(layout, reference, options, window, scales)
    is_timed = reference is None and options.weight_type == "exptime"
    rules = make_rules(
        exposure,
        constant=scales.time if is_timed else 1.0,
        variance_scale=scales.variance,
        fillval=parse_fillval(options.fillval),
    )
    run(sampled, flags, window.pixmap, placement, lanes, rules, mosaic_planes(buffers, exposure),
        threads)  # fmt: skip
    return True


class SampledPlane(NamedTuple):
    """A plane that samples are read from, and what is made of its numbers."""

    array: np.ndarray | None
    """Real numbers ``(y, x)``, or None if all samples are the factor."""
    use: int
    """PLAIN, ROOT or INVERSE, see ``kernels.samples``."""
    factor: float = 1.0
    level: float = 0.0
    name: str = ""

    def row(self, lane: int) -> tuple[int, int, int, int, int]:
        """Return the row of ``ExposurePlanes.table`` for this plane."""
        if self.array is None:
            return 0, 0, 0, self.use, lane
        array = self.array
        return array.ctypes.data, array.strides[0], array.itemsize, self.use, lane


class Flags(NamedTuple):
    """The flags of an exposure, and which of them matter."""

    dq: np.ndarray | None = None
    """uint32 ``(y, x)``, or None if flags do not matter."""
    bad: int = 0
    """Bits that give a pixel the weight 0."""
    kept: int = ALL_BITS
    """Bits that reach the mosaic."""


class Placement(NamedTuple):
    """Where the active pixels of a pixel map fall on the planes of a mosaic."""

    footprint: Footprint
    active: Active
    block_bounds: np.ndarray
    """Cells that each block of active pixels can reach, see ``kernels.reach``."""
    tiles: np.ndarray
    """int64 ``(tile, 4)``: the tiles that any pixel can reach, y0, y1, x0, x1."""


def lane_names(layout: Layout, reference: str | None) -> tuple[str, ...]:
    """Return the planes of a mosaic that the lanes fill, and the reference, in their order."""
    own = () if reference is None or reference in layout.variances else (reference,)
    return (*layout.means, *layout.variances, *own)


def lane_layout(layout: Layout, reference: str | None) -> LaneLayout:
    """Return the lanes for the planes of a mosaic.

    Parameters
    ----------
    layout : Layout
        The planes.
    reference : str or None
        The variance of this exposure that weights the resampled variances, if any.
    """
    count = len(layout.variances)
    index = None
    if reference is not None:
        index = (*layout.variances, reference).index(reference)
    return LaneLayout.of(
        means=len(layout.means),
        resampled=count if layout.resampled else 0,
        propagated=0 if layout.resampled else count,
        reference=index,
    )


def sampled_planes(
    layout: Layout, reference: str | None, options: Options, window: Window, scales: Scales
) -> list[SampledPlane]:
    """Return the plane of the weights, then the planes of `lane_names`."""
    from xresample.kernels.samples import PLAIN, ROOT

    found = [_weights(options, window, scales)]
    intensity = scales.intensity
    for name in lane_names(layout, reference):
        plane = window.read(layout.source(name))
        if plane is None:
            found.append(SampledPlane(None, PLAIN, math.nan))
        elif name == "data":
            found.append(SampledPlane(plane, PLAIN, intensity, scales.level, name))
        elif name == "err":
            found.append(SampledPlane(plane, PLAIN, intensity * scales.err, 0.0, name))
        elif name in layout.means:
            found.append(SampledPlane(plane, PLAIN, intensity, 0.0, name))
        elif layout.resampled:
            found.append(SampledPlane(plane, ROOT, intensity, 0.0, name))
        else:
            found.append(SampledPlane(plane, PLAIN, intensity**2, 0.0, name))
    return found


def _weights(options: Options, window: Window, scales: Scales) -> SampledPlane:
    """Return the plane that the weights of the pixels are made of."""
    from xresample.kernels.samples import INVERSE, PLAIN

    if window.weights is not None:
        return SampledPlane(window.weights, PLAIN, name="weights")
    variance = WEIGHT_VARIANCE.get(options.weight_type or "")
    if variance is not None:
        return SampledPlane(window.read(variance), INVERSE, name=variance)
    return SampledPlane(None, PLAIN, uniform_weight(options.weight_type, scales.time))


def make_footprint(kernel: Kernel, pixfrac: float, ratio: float) -> Footprint:
    """Return a kernel with its parameters.

    Parameters
    ----------
    kernel : {"square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"}
        Name of the kernel.
    pixfrac : float
        Pixel fraction.
    ratio : float
        Pixel scale of the output over the pixel scale of the input.
    """
    code = KERNELS.index(kernel)
    if code == SQUARE:
        return QuadrilateralFootprint(float(pixfrac))
    from xresample.kernels.separable import separable_footprint

    return separable_footprint(code, float(pixfrac), float(ratio))


def place(
    pixmap: np.ndarray,
    active: Active,
    footprint: Footprint,
    shape: tuple[int, ...],
    origin: tuple[int, int],
    *,
    tile: tuple[int, int] = TILE,
    threads: int | None = None,
) -> Placement:
    """Return the tiles of a mosaic that the active pixels of a pixel map can reach.

    Parameters
    ----------
    pixmap : ndarray
        float64 ``(y, x, 2)``, C-contiguous: mapped pixel centres.
    active : tuple of int
        First and past-the-last row and column to deposit.
    footprint : QuadrilateralFootprint or SeparableFootprint
        The kernel.
    shape : tuple of int
        Rows and columns of the planes.
    origin : tuple of int
        Row and column of the grid where the planes begin.
    tile : tuple of int
        Rows and columns of a tile. The result is bit-for-bit the same for any value.
    threads : int, optional
        Number of threads. Default: one per CPU.
    """
    bounds = _bound_blocks(pixmap, active, footprint, threads)
    return Placement(footprint, active, bounds, _tiles(shape, origin, bounds, tile))


def _bound_blocks(
    pixmap: np.ndarray, active: Active, footprint: Footprint, threads: int | None
) -> np.ndarray:
    """Return the bounds of the cells that each block of active pixels can reach."""
    from xresample.kernels.reach import BLOCK, bound_blocks

    if isinstance(footprint, SeparableFootprint):
        steps, far = 0.0, footprint.reach
    else:
        steps, far = footprint.pixfrac, 0.0
    j0, j1, i0, i1 = active
    bounds = np.empty((-(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK) + 1, 5))

    def work(rows: tuple[int, int]) -> None:
        columns = np.empty((3, 2 * pixmap.shape[1]))
        bound_blocks(pixmap, active, steps, far, rows, columns, bounds)

    rows = range(0, len(bounds), BOUND_ROWS)
    pool.run(work, [(k, min(k + BOUND_ROWS, len(bounds))) for k in rows], threads)
    return bounds


def _tiles(
    shape: tuple[int, ...], origin: tuple[int, int], bounds: np.ndarray, tile: tuple[int, int]
) -> np.ndarray:
    """Return the tiles that cover the reach of all blocks inside the planes."""
    (ny, nx), (y, x) = shape, origin
    finite = bounds[:, -1]
    if not np.isfinite(finite).all():
        finite = bounds[np.isfinite(bounds).all(axis=-1)]
    if not len(finite):
        return np.zeros((0, 4), np.int64)
    y0, x0 = max(y, finite[:, 0].min()), max(x, finite[:, 2].min())
    y1, x1 = min(y + ny, finite[:, 1].max() + 1), min(x + nx, finite[:, 3].max() + 1)
    edges = [
        (j, min(j + tile[0], int(y1)), i, min(i + tile[1], int(x1)))
        for j in range(int(y0), int(y1), tile[0])
        for i in range(int(x0), int(x1), tile[1])
    ]
    return np.array(edges, dtype=np.int64).reshape(-1, 4)


def make_rules(
    exposure: int, *, constant: float = 1.0, variance_scale: float = 1.0, fillval: float = 0.0
) -> Rules:
    """Return how the sums of an exposure enter the planes.

    Parameters
    ----------
    exposure : int
        Index of the exposure in the mosaic.
    constant : float
        Weight of the resampled variances where no variance weights them.
    variance_scale : float
        Factor of the resampled variances.
    fillval : float
        Value of the means where the weight is 0.

    Examples
    --------
    >>> make_rules(exposure=33).bit
    2
    """
    bit = 1 << (exposure % 32)
    signed = bit if bit < 1 << 31 else bit - (1 << 32)
    return Rules(float(constant), float(variance_scale), signed, float(fillval))


def mosaic_planes(buffers: Buffers, exposure: int) -> MosaicPlanes:
    """Return the planes of a mosaic as the kernels write them."""
    dq = buffers.dq if buffers.dq is not None else np.zeros((0, 0), np.uint32)
    context = buffers.context_plane(exposure)
    return MosaicPlanes(buffers.values, context, dq, buffers.y0, buffers.x0)


def make_source(
    sampled: Sequence[SampledPlane], flags: Flags, pixmap: np.ndarray, lanes: LaneLayout
) -> ExposurePlanes:
    """Return an exposure as the kernels read it.

    The result holds addresses only: the caller keeps the planes and flags alive.

    Raises
    ------
    InvalidInputError
        If a plane does not have the shape of the pixel map.
    """
    shape = pixmap.shape[:2]
    for array, name in [*((plane.array, plane.name) for plane in sampled), (flags.dq, "dq")]:
        if array is not None and array.shape != shape:
            raise InvalidInputError(
                f"{name} must have the shape of the pixel map, {shape}, got {array.shape}"
            )
    rows = [plane.row(lane) for plane, lane in zip(sampled, (0, *lanes.sampled), strict=True)]
    return ExposurePlanes(
        pixmap=pixmap,
        table=np.array(rows, dtype=np.int64),
        factors=np.array([(plane.level, plane.factor) for plane in sampled], dtype=np.float64),
        dq=0 if flags.dq is None else flags.dq.ctypes.data,
        dq_pitch=0 if flags.dq is None else flags.dq.strides[0],
        bad=flags.bad,
        kept=flags.kept,
    )


def run(
    sampled: Sequence[SampledPlane],
    flags: Flags,
    pixmap: np.ndarray,
    placement: Placement,
    lanes: LaneLayout,
    rules: Rules,
    planes: MosaicPlanes,
    threads: int | None = None,
) -> None:
    """Deposit an exposure on its tiles, and combine it with the planes of a mosaic.

    Parameters
    ----------
    sampled : sequence of SampledPlane
        The plane of the weights, the data, then the planes of the other lanes.
    flags : Flags
        The flags of the exposure.
    pixmap : ndarray
        float64 ``(y, x, 2)``, C-contiguous: mapped pixel centres.
    placement : Placement
        The footprint and the tiles.
    lanes : LaneLayout
        The order of the lanes.
    rules : Rules
        How the sums enter the planes.
    planes : MosaicPlanes
        The planes; updated.
    threads : int, optional
        Number of threads. Default: one per CPU. The result is bit-for-bit the same for any value.
    """
    from xresample.kernels.tiles import add_tiles

    sampled = [plane._replace(array=_in_order(plane.array, _FLOATS)) for plane in sampled]
    flags = flags._replace(dq=_in_order(flags.dq, (np.uint32,)))
    source = make_source(sampled, flags, pixmap, lanes)
    footprint, active, bounds, tiles = placement

    def work(some: np.ndarray) -> None:
        add_tiles(source, footprint, active, bounds, some, lanes, rules, planes)

    if len(tiles):
        pool.run(work, np.array_split(tiles, -(-len(tiles) // BATCH)), threads)


_FLOATS = np.float32, np.float64


def _in_order(plane: np.ndarray | None, dtypes: tuple[type, ...]) -> np.ndarray | None:
    """Return a plane whose rows the kernels can read: the same plane wherever possible."""
    if plane is None:
        return None
    fits = plane.dtype in dtypes and plane.flags.aligned
    if fits and plane.strides[1] == plane.itemsize:
        return plane
    enough = next((t for t in dtypes if np.can_cast(plane.dtype, t)), dtypes[-1])
    return np.require(plane, enough, ["C", "A"])


def require_memory_order(pixmap: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a pixel map in the memory order that the kernels read.

    Raises
    ------
    InvalidInputError
        If the map has another shape or type, or too few pixels.
    """
    pixmap = np.asarray(pixmap)
    if pixmap.shape != (*shape, 2) or pixmap.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"pixmap must hold real numbers of shape {(*shape, 2)}, (y, x, 2) with the output x "
            f"first, got shape {pixmap.shape} and type {pixmap.dtype}"
        )
    if min(shape) < 2:
        raise InvalidInputError(
            f"pixmap must have at least 2 x 2 pixels, got {shape[0]} x {shape[1]}: the corners of "
            "a pixel follow from the centres of its neighbours"
        )
    return np.require(pixmap, np.float64, ["C", "A", "W"])
