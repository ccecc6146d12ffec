"""Add one exposure to a mosaic, tile by tile: what the threads run.

Each call takes its next tile from a counter that all threads share, so that none waits for
a slow one. Which thread takes a tile changes no bit of it.
"""

from __future__ import annotations

import numpy as np

from .combine import combine_tile
from .deposit import deposit_tile, new_room
from .jit import jit
from .structures import GROUP, Sums, Tile


@jit
def add_tiles(source, footprint, active, block_bounds, tiles, rules, planes):
    """Deposit an exposure on each of ``tiles``, ``(tile, 4)``, and combine it with the planes."""
    groups = source.linear + source.squared
    pixels = widest = 0
    for t in range(tiles.shape[0]):
        y0, y1, x0, x1 = tiles[t]
        pixels = max(pixels, (y1 - y0 + 1) * (x1 - x0))
        widest = max(widest, x1 - x0)
    room = new_room(pixels)
    columns, known = np.empty((groups * GROUP, widest)), np.empty((4, widest))
    sums = Sums(np.empty((pixels, groups * GROUP)), np.empty(pixels, dtype=np.int64))
    for t in range(tiles.shape[0]):
        y0, y1, x0, x1 = tiles[t]
        tile = Tile(y0, y1, x0, x1)
        size = (y1 - y0) * (x1 - x0)
        sums.lanes[:size] = 0.0
        sums.flags[:size] = 0
        if deposit_tile(source, footprint, active, block_bounds, tile, sums, room):
            combine_tile(source, rules, tile, sums, planes, columns, known)
