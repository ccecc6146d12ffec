"""Deposit the plain arrays of one exposure on the planes of a mosaic.

This is the launcher proper: it knows kernels, tiles, addresses and threads, but no names of planes.
`launch` calls it for exposures, and the tests of the kernels call it for arrays.

====================  ===========================================================
function              decides
====================  ===========================================================
`make_footprint`      how the flux of a pixel is spread
`place`               which tiles of the output the pixels can reach
`make_rules`          how sums enter the planes
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

import functools
import math
import operator
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from xresample import threads as pool
from xresample.datamodel.dq_flags import ALL_BITS
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

TILE = (64, 512)
"""Rows and columns of an output tile: its float64 sums stay in the second-level cache.

Tiles are wide, because the planes are read and written a row of the tile at a time.
"""

BOUND_ROWS = 16
"""Number of rows of blocks that a thread bounds at a time."""

Footprint: TypeAlias = QuadrilateralFootprint | SeparableFootprint

Active: TypeAlias = tuple[int, int, int, int]
"""First and past-the-last row and column of the pixels to deposit, counted in the pixel map."""


class SampledPlane(NamedTuple):
    """A plane that samples are read from, and what is made of its numbers."""

    array: np.ndarray | None
    """Real numbers ``(y, x)``, or None if all samples are the factor."""
    use: int
    """PLAIN, ROOT, INVERSE or SPREAD, see ``kernels.samples``."""
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
    flip: int = 0
    """Bits that reach the mosaic where a pixel lacks them."""


class Placement(NamedTuple):
    """Where the active pixels of a pixel map fall on the planes of a mosaic."""

    footprint: Footprint
    active: Active
    block_bounds: np.ndarray
    """Cells that each block of active pixels can reach, see ``kernels.reach``."""
    tiles: np.ndarray
    """int64 ``(tile, 4)``: the tiles that any pixel can reach, y0, y1, x0, x1."""


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

    def work(some: tuple[int, int]) -> None:
        rows = range(j0 + some[0] * BLOCK, min(j0 + some[1] * BLOCK, j1))
        lines = _lines_around(pixmap, rows, BLOCK * (some[1] - some[0]))
        extremes = np.empty((3, lines.shape[1]))
        bound_blocks(lines, (i0, i1), steps, far, extremes, bounds[some[0] : some[1]])

    # A last block with fewer rows is bounded alone.
    whole = (j1 - j0) // BLOCK
    parts = [(k, min(k + BOUND_ROWS, whole)) for k in range(0, whole, BOUND_ROWS)]
    pool.run(work, parts + [(k, k + 1) for k in range(whole, len(bounds))], threads)
    return bounds


def _lines_around(pixmap: np.ndarray, rows: range, count: int) -> np.ndarray:
    """Return the rows of a pixel map that `bound_blocks` reads, flattened.

    There are ``count`` rows of blocks between one row and two rows. A neighbour takes the place of
    a row beyond the blocks or beyond the map.
    """
    last = len(pixmap) - 1
    if rows.start > 0 and len(rows) == count and rows.stop < last:
        lines = pixmap[rows.start - 1 : rows.stop + 2]
    else:
        own = np.minimum(np.arange(count), len(rows) - 1)
        wanted = rows.start + np.array([-1, *own, len(rows), len(rows) + 1])
        lines = pixmap[np.clip(wanted, 0, last)]
    return lines.reshape(len(lines), -1)


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
    """Return how the sums of an exposure enter the planes; `run` sets the limit of the planes.

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
    return Rules(float(constant), float(variance_scale), signed, float(fillval), math.inf)


def make_source(
    sampled: Sequence[SampledPlane],
    flags: Flags,
    pixmap: np.ndarray,
    lanes: LaneLayout,
    limit: float = math.inf,
) -> ExposurePlanes:
    """Return an exposure as the kernels read it.

    The result holds addresses only: the caller keeps the planes and flags alive. Data and weights
    beyond the limit do not contribute.

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
        lines=pixmap.reshape(len(pixmap), -1),
        table=np.array(rows, dtype=np.int64),
        factors=np.array([(plane.level, plane.factor) for plane in sampled], dtype=np.float64),
        dq=0 if flags.dq is None else flags.dq.ctypes.data,
        dq_pitch=0 if flags.dq is None else flags.dq.strides[0],
        bad=flags.bad,
        kept=flags.kept,
        flip=flags.flip,
        limit=limit,
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
) -> int:
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

    Returns
    -------
    int
        ``CONTRIBUTED`` and ``OVERFLOWED``, as far as they apply.
    """
    from xresample.kernels.queue import TileQueue, queues
    from xresample.kernels.tiles import add_tiles

    sampled, flags = in_order(sampled, flags)
    limit = float(np.finfo(planes.values.dtype).max)
    lanes = lanes.with_flags() if planes.context.size + planes.dq.size > 0 else lanes
    source = make_source(sampled, flags, pixmap, lanes, limit)
    rules = rules._replace(limit=limit)
    footprint, active, bounds, tiles = placement
    outcomes = {0}

    def work(queue: TileQueue) -> None:
        outcomes.add(add_tiles(source, footprint, active, bounds, queue, lanes, rules, planes))

    pool.run(work, queues(tiles, pool.count(threads)), threads)
    return functools.reduce(operator.or_, outcomes)


_FLOATS = np.float32, np.float64


def in_order(sampled: Sequence[SampledPlane], flags: Flags) -> tuple[list[SampledPlane], Flags]:
    """Return planes and flags whose rows the kernels can read: the same ones wherever possible."""
    planes = [plane._replace(array=_in_order(plane.array, _FLOATS)) for plane in sampled]
    return planes, flags._replace(dq=_in_order(flags.dq, (np.uint32,)))


def _in_order(plane: np.ndarray | None, dtypes: tuple[type, ...]) -> np.ndarray | None:
    """Return a plane whose rows the kernels can read: the same plane wherever possible."""
    if plane is None:
        return None
    fits = plane.dtype in dtypes and plane.flags.aligned
    if fits and plane.strides[1] == plane.itemsize:
        return plane
    enough = next((t for t in dtypes if np.can_cast(plane.dtype, t)), dtypes[-1])
    return np.require(plane, enough, ["C", "A"])
