"""The one loop over input pixels, and the one deposit, that serve every kernel.

All planes of an exposure travel together: the *lanes* of an input pixel are put side by side,
a piece of a row at a time, and so are the float64 sums of an output pixel. One overlap ``a``
updates them all::

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

from .blocks import BLOCK, MARGIN, block_range
from .codes import SQUARE, TURBO
from .corners import blend_rows, corners, mended_corners
from .jit import inlined, inner
from .lanes import add_lanes, add_lanes_3x3, add_pairs_3x3, flag_3x3
from .samples import gather_lanes
from .separable import box_cells, reach, separable_cells, separable_windows
from .square import (
    COLUMN,
    ROW,
    is_small,
    quadrilateral_cells,
    small_window,
    square_cells,
)
from .structures import MIN_OVERLAP, PAD, SIDE, SPAN, TOUCHED


class Room(NamedTuple):
    """Room for the geometry and the samples of one row of input pixels."""

    blended: np.ndarray
    """Rows of centres mixed with their neighbours: see ``corners``."""
    cells: np.ndarray
    """Overlaps: those of the whole row first, then those of one pixel of any size."""
    lanes: np.ndarray
    """Samples, the lanes of a pixel side by side."""


@inlined
def deposit(room, window, tile, sums, w, k, flag):
    """Add one input pixel to its output cells inside the tile."""
    width = tile.x1 - tile.x0 + PAD
    for r in range(max(0, tile.y0 - window.y0), min(window.ny, tile.y1 - window.y0)):
        pixel_row = (window.y0 + r - tile.y0) * width + window.x0 - tile.x0
        for c in range(max(0, tile.x0 - window.x0), min(window.nx, tile.x1 - window.x0)):
            a = room.cells[window.start + (r * window.pitch + c) * window.stride]
            if abs(a) > MIN_OVERLAP:
                aw = a * w
                pixel = pixel_row + c
                for g in range(sums.groups):
                    factor = aw if g < sums.linear else aw * aw
                    at = pixel * sums.groups + g
                    add_lanes(sums.lanes, at, factor, room.lanes, k * sums.groups + g)
                if sums.flags.size > 0 and aw > 0.0:
                    sums.flags[pixel] |= flag


@inlined
def deposit_3x3(room, first, width, sums, w, k, flag):
    """Add one input pixel to its 3 x 3 output cells, all inside the tile, from ``first`` on.

    No branch depends on the overlaps.
    """
    cells, lanes, groups = room.cells, room.lanes, sums.groups
    if groups == 1:
        add_lanes_3x3(sums.lanes, first, (1, width), cells, k, w, 1, lanes, k)
    elif groups == 2:
        # Both linear, or the second one squared.
        add_pairs_3x3(sums.lanes, first, (1, width), cells, k, w, 3 - sums.linear, lanes, k)
    else:
        for g in range(groups):
            power = 1 if g < sums.linear else 2
            at, own, steps = first * groups + g, k * groups + g, (groups, width * groups)
            add_lanes_3x3(sums.lanes, at, steps, cells, k, w, power, lanes, own)
    if sums.flags.size > 0:
        flag_3x3(sums.flags, first, width, cells, k, w, flag)


@inlined
def flag_of(dq, j, i):
    """Return the bits that a pixel sets where it contributes."""
    return TOUCHED | int(dq[j, i]) if dq.size > 0 else TOUCHED


@inner
def deposit_small(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` whose 3 x 3 overlaps have been written."""
    h = 0.5 * footprint.pixfrac
    cells, width = room.cells, tile.x1 - tile.x0 + PAD
    for k in range(n):
        i = i0 + k
        w = float(source.weights[j, i])
        if w == 0.0:
            continue
        flag = flag_of(source.dq, j, i)
        if is_small(cells, k):
            x, y = cells[COLUMN + k], cells[ROW + k]
            if x >= tile.x0 and x + SIDE <= tile.x1 and y >= tile.y0 and y + SIDE <= tile.y1:
                first = (int(y) - tile.y0) * width + int(x) - tile.x0
                deposit_3x3(room, first, width, sums, w, k, flag)
                continue
            window = small_window(cells, k, tile)
        elif footprint.code == SQUARE:
            q = corners(room.blended, k, h)
            if not math.isfinite(q[0] + q[1] + q[2] + q[3] + q[4] + q[5] + q[6] + q[7]):
                q = mended_corners(source.pixmap, j, i, h)
            window = quadrilateral_cells(q, tile, cells)
        else:
            continue
        deposit(room, window, tile, sums, w, k, flag)


@inner
def deposit_separable(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` whose windows have been written."""
    for k in range(n):
        i = i0 + k
        w = float(source.weights[j, i])
        if w != 0.0:
            x, y = source.pixmap[j, i, 0], source.pixmap[j, i, 1]
            window = separable_cells(footprint, x, y, k, tile, room.cells)
            deposit(room, window, tile, sums, w, k, flag_of(source.dq, j, i))


@inner
def deposit_row(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j``."""
    far = reach(footprint.code, footprint.pixfrac, footprint.ratio)
    gather_lanes(source, sums, j, i0, n, room.lanes)
    if footprint.code == SQUARE:
        h = 0.5 * footprint.pixfrac
        blend_rows(source.pixmap, j, i0, n, h, room.blended)
        square_cells(room.blended, n, h, room.cells)
        deposit_small(source, footprint, tile, sums, j, i0, n, room)
    elif footprint.code == TURBO and 2.0 * far < SIDE - 1.0:
        box_cells(source.pixmap, j, i0, n, far, room.cells)
        deposit_small(source, footprint, tile, sums, j, i0, n, room)
    else:
        separable_windows(source.pixmap, j, i0, n, footprint.code, far, room.cells)
        deposit_separable(source, footprint, tile, sums, j, i0, n, room)


@inlined
def trim(pixmap, j, start, stop, tile, margin):
    """Leave out pixels at both ends of a part of a row that cannot reach a tile.

    A NaN centre is kept: its pixel finds out.
    """
    x_lo, x_hi = tile.x0 - 0.5 - margin, tile.x1 - 0.5 + margin
    y_lo, y_hi = tile.y0 - 0.5 - margin, tile.y1 - 0.5 + margin
    while start < stop:
        x, y = pixmap[j, start, 0], pixmap[j, start, 1]
        if not (x < x_lo or x > x_hi or y < y_lo or y > y_hi):
            break
        start += 1
    while start < stop:
        x, y = pixmap[j, stop - 1, 0], pixmap[j, stop - 1, 1]
        if not (x < x_lo or x > x_hi or y < y_lo or y > y_hi):
            break
        stop -= 1
    return start, stop


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
        margin = block_bounds[by, block_bounds.shape[1] - 1, MARGIN]
        first_i, last_i = i0 + first * BLOCK, min(i0 + (last + 1) * BLOCK, i1)
        for j in range(j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)):
            start, stop = trim(source.pixmap, j, first_i, last_i, tile, margin)
            for i in range(start, stop, SPAN):
                n = min(SPAN, stop - i)
                deposit_row(source, footprint, tile, sums, j, i, n, room)
    return reached
