"""Add one exposure to a mosaic, tile by tile: what the threads run.

Each call takes a few tiles, and the next few go to whichever thread is free. Which thread takes
a tile changes no bit of it.
"""

from __future__ import annotations

import numpy as np

from .combine import CHUNK, COLUMNS, combine_tile
from .deposit import Room, deposit_tile
from .jit import jit
from .samples import Samples
from .structures import GROUP, LARGE, PAD, SPAN, Sums, Tile

LINE = 8
"""Float64 numbers in a cache line."""


@jit
def aligned(n):
    """Allocate ``n`` float64 numbers from the start of a cache line on."""
    buffer = np.empty(n + LINE)
    skip = (LINE - buffer.ctypes.data // 8 % LINE) % LINE
    return buffer[skip : skip + n]


@jit
def new_room(groups, tile_cells):
    """Allocate room for a row of pixels, and for one pixel as large as a tile."""
    lanes = SPAN * groups * GROUP
    columns = aligned(lanes)
    columns[:SPAN] = 1.0
    columns[SPAN:] = 0.0
    samples = Samples(columns, aligned(lanes), aligned(SPAN), np.empty(SPAN, dtype=np.int64))
    return Room(aligned(4 * (SPAN + 2)), aligned(LARGE + tile_cells), samples)


@jit
def new_sums(source, flagged, pixels):
    """Allocate sums over ``pixels`` output pixels, all zero."""
    linear = (source.linear + GROUP - 1) // GROUP
    groups = linear + (source.squared + GROUP - 1) // GROUP
    lanes = aligned(pixels * groups * GROUP)
    lanes[:] = 0.0
    return Sums(lanes, np.zeros(pixels if flagged else 0, dtype=np.int64), linear, groups)


@jit
def add_tiles(source, footprint, active, block_bounds, tiles, rules, planes):
    """Deposit an exposure on each of ``tiles``, ``(tile, 4)``, and combine it with the planes."""
    pixels = 0
    for t in range(tiles.shape[0]):
        y0, y1, x0, x1 = tiles[t]
        pixels = max(pixels, (y1 - y0 + 1) * (x1 - x0 + PAD))
    sums = new_sums(source, planes.context.size + planes.dq.size > 0, pixels)
    room = new_room(sums.groups, pixels)
    columns = np.empty((sums.groups * GROUP + COLUMNS) * CHUNK)
    for t in range(tiles.shape[0]):
        y0, y1, x0, x1 = tiles[t]
        tile = Tile(y0, y1, x0, x1)
        if deposit_tile(source, footprint, active, block_bounds, tile, sums, room):
            combine_tile(rules, tile, sums, planes, columns)
