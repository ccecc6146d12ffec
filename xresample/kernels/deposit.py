"""The one loop over input pixels, and the one deposit, that serve every kernel.

All planes of an exposure travel together: the *lanes* of an input pixel lie side by side in
memory, and so do the float64 sums of an output pixel. One overlap ``a`` updates them all::

    lane        0      1       2 ...            padding   | squared lanes
    sample      1      d       err, sqrt(var)...  0 ...   | V...
    sum        a w    a w d   a w err, ...                | (a w)^2 V

Lanes come in groups of four, one vector each.

Work is divided by output tile. A tile receives its input pixels in raster order of the
exposure, so a sum does not depend on how the output is divided.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .blocks import BLOCK, block_range
from .codes import SQUARE
from .corners import blend_rows, corners, mended_corners
from .jit import inlined, jit
from .lanes import add_lanes
from .separable import reach, separable_cells, separable_windows
from .square import is_small, quadrilateral_cells, square_cells, square_window
from .structures import LARGE, SPAN, TOUCHED

MIN_OVERLAP = 1e-10
"""Overlaps below this are the rounding of a WCS, not an overlap: they deposit nothing."""


class Room(NamedTuple):
    """Room for the geometry of one row of input pixels."""

    blended: np.ndarray
    """Rows of centres mixed with their neighbours: see ``corners``."""
    cells: np.ndarray
    """Overlaps: those of the whole row first, then those of one pixel of any size."""


@inlined
def new_room(tile_cells):
    """Allocate room for a row of pixels, and for one pixel as large as a tile."""
    return Room(np.empty(4 * (SPAN + 2)), np.empty(LARGE + tile_cells))


@inlined
def deposit(source, cells, window, tile, sums, w, sample, flag):
    """Add one input pixel to its output cells inside the tile."""
    groups = source.linear + source.squared
    width = tile.x1 - tile.x0
    for r in range(max(0, tile.y0 - window.y0), min(window.ny, tile.y1 - window.y0)):
        pixel_row = (window.y0 + r - tile.y0) * width + window.x0 - tile.x0
        for c in range(max(0, tile.x0 - window.x0), min(window.nx, tile.x1 - window.x0)):
            a = cells[window.start + (r * window.pitch + c) * window.stride]
            if abs(a) > MIN_OVERLAP:
                pixel = pixel_row + c
                aw = a * w
                first = pixel * groups
                add_lanes(sums.lanes, first, aw, source.samples, sample)
                for g in range(1, groups):
                    factor = aw if g < source.linear else aw * aw
                    add_lanes(sums.lanes, first + g, factor, source.samples, sample + g)
                if aw > 0.0:
                    sums.flags[pixel] |= flag


@jit
def deposit_row(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j``."""
    pixmap, weights, dq = source.pixmap, source.weights, source.dq
    blended, cells = room
    groups = source.linear + source.squared
    h = 0.5 * footprint.pixfrac
    if footprint.code == SQUARE:
        blend_rows(pixmap, j, i0, n, h, blended)
        square_cells(blended, n, h, cells)
    else:
        far = reach(footprint.code, footprint.pixfrac, footprint.ratio)
        separable_windows(pixmap, j, i0, n, footprint.code, far, cells)
    for k in range(n):
        i = i0 + k
        w = float(weights[j, i])
        if w != 0.0:
            flag = TOUCHED
            if dq.size > 0:
                flag |= int(dq[j, i])
            if footprint.code != SQUARE:
                x, y = pixmap[j, i, 0], pixmap[j, i, 1]
                window = separable_cells(footprint, x, y, k, tile, cells)
            elif is_small(cells, k):
                window = square_window(cells, k, tile)
            else:
                q = corners(blended, k, h)
                if not math.isfinite(q[0] + q[1] + q[2] + q[3] + q[4] + q[5] + q[6] + q[7]):
                    q = mended_corners(pixmap, j, i, h)
                window = quadrilateral_cells(q, tile, cells)
            sample = (j * weights.shape[1] + i) * groups
            deposit(source, cells, window, tile, sums, w, sample, flag)


@inlined
def deposit_tile(source, footprint, active, block_bounds, tile, sums, room):
    """Sum the deposits of an exposure over one output tile; return whether any can reach it.

    ``active`` holds the first and past-the-last row and column of the pixels to deposit;
    ``block_bounds`` the output cells that each block of them can reach.
    """
    j0, j1, i0, i1 = active
    reached = False
    for by in range(block_bounds.shape[0]):
        first, last = block_range(block_bounds, by, tile)
        if first > last:
            continue
        reached = True
        start, stop = i0 + first * BLOCK, min(i0 + (last + 1) * BLOCK, i1)
        for j in range(j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)):
            for i in range(start, stop, SPAN):
                n = min(SPAN, stop - i)
                deposit_row(source, footprint, tile, sums, j, i, n, room)
    return reached
