"""Add one exposure to some tiles of a mosaic: the unit of work of a thread.

Threads take tiles from a common queue. Which thread works on a tile changes no bit of the result.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from .combine import CHUNK, COLUMNS, combine_tile
from .deposit import deposit_quadrilaterals, deposit_separable
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
    waiting: deque[list[int]],
    largest: tuple[int, int],
    lanes: LaneLayout,
    rules: Rules,
    planes: MosaicPlanes,
) -> int:
    """Deposit an exposure on tiles that no other thread takes, and combine it with the planes.

    The compiled functions do not check their input. The launcher checks shapes and types first.

    Parameters
    ----------
    source : ExposurePlanes
        The exposure.
    footprint : QuadrilateralFootprint or SeparableFootprint
        The kernel.
    active : tuple of int
        First and past-the-last row and column of the pixels to deposit.
    block_bounds : ndarray
        The output cells that each block of those pixels can reach.
    waiting : deque
        The tiles: y0, y1, x0, x1 of each. Threads remove the first one until none is left.
    largest : (int, int)
        Maximum number of rows and of columns of a tile.
    lanes : LaneLayout
        The order of the lanes.
    rules : Rules
        How the sums enter the planes.
    planes : MosaicPlanes
        The planes; updated.

    Returns
    -------
    int
        ``CONTRIBUTED`` and ``OVERFLOWED``, as far as they apply to any of the tiles.
    """
    outcome = 0
    pixels = (largest[0] + 1) * (largest[1] + PAD)
    sums = make_sums(lanes.groups, pixels)
    scratch = make_scratch(lanes.groups, source.pixmap.shape[1], pixels)
    columns = np.empty((lanes.groups * GROUP + COLUMNS) * CHUNK)
    is_square = isinstance(footprint, QuadrilateralFootprint)
    deposit = deposit_quadrilaterals if is_square else deposit_separable
    while True:
        try:
            tile = OutputTile(*waiting.popleft())
        except IndexError:
            return outcome
        if deposit(source, footprint, active, block_bounds, tile, lanes, sums, scratch):
            outcome |= combine_tile(lanes, rules, tile, sums, planes, columns)
