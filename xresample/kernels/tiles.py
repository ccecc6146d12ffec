"""Add one exposure to some tiles of a mosaic: the unit of work of a thread.

A thread receives a few tiles at a time. Which thread works on a tile changes no bit of the result.
"""

from __future__ import annotations

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
    tiles: np.ndarray,
    lanes: LaneLayout,
    rules: Rules,
    planes: MosaicPlanes,
) -> int:
    """Deposit an exposure on each tile of ``tiles``, ``(tile, 4)``, and combine it with the planes.

    The compiled functions do not check their input. The launcher checks shapes and types first.
    Returns ``CONTRIBUTED`` and ``OVERFLOWED``, as far as they apply to any tile.
    """
    outcome = 0
    if not len(tiles):
        return outcome
    height, width = (tiles[:, 1] - tiles[:, 0]).max(), (tiles[:, 3] - tiles[:, 2]).max()
    pixels = int((height + 1) * (width + PAD))
    sums = make_sums(lanes.groups, pixels)
    scratch = make_scratch(lanes.groups, source.pixmap.shape[1], pixels)
    columns = np.empty((lanes.groups * GROUP + COLUMNS) * CHUNK)
    is_square = isinstance(footprint, QuadrilateralFootprint)
    deposit = deposit_quadrilaterals if is_square else deposit_separable
    for edges in tiles.tolist():
        tile = OutputTile(*edges)
        if deposit(source, footprint, active, block_bounds, tile, lanes, sums, scratch):
            outcome |= combine_tile(lanes, rules, tile, sums, planes, columns)
    return outcome
