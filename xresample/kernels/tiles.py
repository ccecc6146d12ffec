"""Add one exposure to some tiles of a mosaic: the unit of work of a thread.

Threads take tiles from a queue. Which thread works on a tile changes no bit of the result.
"""

from __future__ import annotations

import numpy as np

from .combine import CHUNK, COLUMNS, combine_tile
from .deposit import deposit_quadrilateral_piece, deposit_separable_piece, find_pieces
from .jit import inlined, jit
from .queue import TileQueue, take
from .reach import BLOCK
from .structures import (
    CACHE_LINE,
    GROUP,
    LARGE,
    PAD,
    SPAN,
    ExposurePlanes,
    LaneLayout,
    MosaicPlanes,
    OutputTile,
    QuadrilateralFootprint,
    Rules,
    Samples,
    Scratch,
    SeparableFootprint,
)

LINE = CACHE_LINE // 8
"""Number of float64 in a cache line."""


def aligned(n: int) -> np.ndarray:
    """Return ``n`` float64 numbers, not initialised, that begin at the start of a cache line."""
    buffer = np.empty(n + LINE)
    skip = -(buffer.ctypes.data // 8) % LINE
    return buffer[skip : skip + n]


def make_scratch(groups: int, columns: int, tile_cells: int) -> Scratch:
    """Allocate space for a piece of a row, and for one pixel that covers a whole tile.

    Parameters
    ----------
    groups : int
        Number of groups of lanes.
    columns : int
        Number of columns of the exposure.
    tile_cells : int
        Maximum number of output pixels of a tile, with padding.
    """
    lanes = SPAN * groups * GROUP
    samples = Samples(aligned(lanes), aligned(lanes), aligned(SPAN), np.empty(SPAN, np.int64))
    samples.columns[:SPAN] = 1.0
    samples.columns[SPAN:] = 0.0
    pieces = np.empty((BLOCK * (columns // SPAN + 1), 3), np.int64)
    return Scratch(pieces, aligned(4 * (SPAN + 2)), aligned(LARGE + tile_cells), samples)


def make_sums(groups: int, pixels: int) -> np.ndarray:
    """Allocate sums over a number of output pixels, all zero."""
    sums = aligned(pixels * groups * GROUP)
    sums.fill(0.0)
    return sums


def add_tiles(
    source: ExposurePlanes,
    footprint: QuadrilateralFootprint | SeparableFootprint,
    active: tuple[int, int, int, int],
    block_bounds: np.ndarray,
    queue: TileQueue,
    lanes: LaneLayout,
    rules: Rules,
    planes: MosaicPlanes,
) -> int:
    """Deposit an exposure on the tiles of a queue, and combine it with the planes.

    The compiled functions do not check their input. The launcher checks shapes and types first.
    Returns ``CONTRIBUTED`` and ``OVERFLOWED``, as far as they apply to any tile.
    """
    sides = queue.tiles[:, 1::2] - queue.tiles[:, ::2]
    height, width = sides.max(axis=0)
    pixels = int((height + 1) * (width + PAD))
    sums = make_sums(lanes.groups, pixels)
    scratch = make_scratch(lanes.groups, source.pixmap.shape[1], pixels)
    columns = np.empty((lanes.groups * GROUP + COLUMNS) * CHUNK)
    is_square = isinstance(footprint, QuadrilateralFootprint)
    add = add_quadrilaterals if is_square else add_separable
    arguments = source, footprint, active, block_bounds, queue, lanes, rules, planes
    return add(*arguments, sums, scratch, columns)


@jit
def add_quadrilaterals(
    source, footprint, active, block_bounds, queue, lanes, rules, planes, sums, scratch, columns
):
    """Add an exposure to tiles with the square kernel, as `add_tiles` does."""
    outcome, number, pieces = 0, take(queue.taken), scratch.pieces
    while number < queue.tiles.shape[0]:
        tile, reached = tile_of(queue.tiles[number]), False
        for by in range(block_bounds.shape[0]):
            count = find_pieces(source.pixmap, active, block_bounds, by, tile, pieces)
            reached = reached or count >= 0
            for p in range(count):
                j, i, n = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                deposit_quadrilateral_piece(source, footprint, tile, lanes, sums, j, i, n, scratch)
        if reached:
            outcome |= combine_tile(lanes, rules, tile, sums, planes, columns)
        number = take(queue.taken)
    return outcome


@jit
def add_separable(
    source, footprint, active, block_bounds, queue, lanes, rules, planes, sums, scratch, columns
):
    """Add an exposure to tiles with a kernel other than square, as `add_tiles` does.

    Numba compiles what a function may call, so one function for both would make users of one kernel
    wait for the other.
    """
    outcome, number, pieces = 0, take(queue.taken), scratch.pieces
    while number < queue.tiles.shape[0]:
        tile, reached = tile_of(queue.tiles[number]), False
        for by in range(block_bounds.shape[0]):
            count = find_pieces(source.pixmap, active, block_bounds, by, tile, pieces)
            reached = reached or count >= 0
            for p in range(count):
                j, i, n = pieces[p, 0], pieces[p, 1], pieces[p, 2]
                deposit_separable_piece(source, footprint, tile, lanes, sums, j, i, n, scratch)
        if reached:
            outcome |= combine_tile(lanes, rules, tile, sums, planes, columns)
        number = take(queue.taken)
    return outcome


@inlined
def tile_of(edges):
    """Return a tile by its edges."""
    return OutputTile(edges[0], edges[1], edges[2], edges[3])
