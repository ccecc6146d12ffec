"""Which input pixels can reach which output tile: bounds of square blocks of pixels."""

from __future__ import annotations

import math

import numpy as np

from .jit import inlined, inner, jit
from .rounding import floor

BLOCK = 8
"""Side of a block, in input pixels."""

MARGIN = 4
"""Where the reach of a block's pixels from their centres stands in its bounds."""

SLACK = 1e-3
"""What the reach is rounded up by: a cell is never left out for the rounding of its border."""


@inlined
def reaches(bounds, tile):
    """Tell whether the cells within bounds have a part in a tile."""
    y_lo, y_hi, x_lo, x_hi, _ = bounds
    return y_lo < tile.y1 and y_hi >= tile.y0 and x_lo < tile.x1 and x_hi >= tile.x0


@inlined
def block_range(block_bounds, by, tile):
    """Return the first and last block of a row of blocks that can reach a tile."""
    blocks = block_bounds.shape[1] - 1
    first, last = blocks, -1
    if reaches(block_bounds[by, blocks], tile):
        for bx in range(blocks):
            if reaches(block_bounds[by, bx], tile):
                first = min(first, bx)
                last = bx
    return first, last


@inner
def fold_row(row, after, above, low, high, step):
    """Take a row of centres, x and y in turn, into the least, greatest and longest step.

    Column by column, so that several are done by each instruction; written so that a NaN
    changes nothing. ``after`` is the row from its second pixel on, ``above`` the next row.
    """
    for k in range(row.size):
        here = row[k]
        low[k] = here if here < low[k] else low[k]
        high[k] = here if here > high[k] else high[k]
        along_y = abs(above[k] - here)
        step[k] = along_y if along_y > step[k] else step[k]
    for k in range(after.size):
        along_x = abs(after[k] - row[k])
        step[k] = along_x if along_x > step[k] else step[k]


@inlined
def fold_ring(pixmap, j, step):
    """Take a row next to a block into the longest step alone."""
    ny = pixmap.shape[0]
    row = pixmap[j].reshape(-1)
    above = pixmap[min(j + 1, ny - 1)].reshape(-1)
    for k in range(row.size):
        along_y = abs(above[k] - row[k])
        step[k] = along_y if along_y > step[k] else step[k]
    after = row[2:]
    for k in range(after.size):
        along_x = abs(after[k] - row[k])
        step[k] = along_x if along_x > step[k] else step[k]


@jit
def bound_blocks(pixmap, active, steps, far, rows, block_bounds):
    """Bound the output cells that the pixels of each block can reach.

    Fills rows ``rows[0]`` to ``rows[1]`` of ``block_bounds``, ``(block y, block x, 5)``:
    first and last cell along y, first and last along x, and how far from the centres. The last
    column bounds the whole row of blocks. A pixel reaches ``far`` from its centre, plus ``steps``
    times the longest step to a next centre: a corner lies within half a step along x plus half a
    step along y of the centre, whichever centres it is made of, of its block or of the ring
    around it.
    """
    j0, j1, i0, i1 = active
    ny, nx, _ = pixmap.shape
    low, high, step = np.empty(2 * nx), np.empty(2 * nx), np.empty(2 * nx)
    for by in range(rows[0], rows[1]):
        start, stop = j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)
        low[:] = math.inf
        high[:] = -math.inf
        step[:] = 0.0
        for j in range(start, stop):
            row = pixmap[j].reshape(-1)
            fold_row(row, row[2:], pixmap[min(j + 1, ny - 1)].reshape(-1), low, high, step)
        if start > 0:
            fold_ring(pixmap, start - 1, step)
        if stop < ny:
            fold_ring(pixmap, stop, step)
        bound_row(low, high, step, i0, i1, steps, far, block_bounds[by])


@inlined
def bound_row(low, high, step, i0, i1, steps, far, bounds):
    """Bound a row of blocks, and all of it in the last entry, from what its columns hold."""
    nx = low.size // 2
    blocks = bounds.shape[0] - 1
    for k in (0, 2):
        bounds[blocks, k] = math.inf
        bounds[blocks, k + 1] = -math.inf
    bounds[blocks, MARGIN] = 0.0
    for bx in range(blocks):
        start, stop = i0 + bx * BLOCK, min(i0 + (bx + 1) * BLOCK, i1)
        bounds[bx, MARGIN] = 0.0
        for axis in range(2):
            least, greatest, longest = math.inf, -math.inf, 0.0
            for i in range(start, stop):
                least = min(least, low[2 * i + axis])
                greatest = max(greatest, high[2 * i + axis])
            for i in range(max(start - 1, 0), min(stop + 1, nx)):
                longest = max(longest, step[2 * i + axis])
            margin = far + steps * longest
            k = 2 - 2 * axis
            bounds[bx, k] = floor(least - margin + 0.5)
            bounds[bx, k + 1] = floor(greatest + margin + 0.5)
            bounds[blocks, k] = min(bounds[blocks, k], bounds[bx, k])
            bounds[blocks, k + 1] = max(bounds[blocks, k + 1], bounds[bx, k + 1])
            bounds[bx, MARGIN] = max(bounds[bx, MARGIN], margin + SLACK)
            bounds[blocks, MARGIN] = max(bounds[blocks, MARGIN], bounds[bx, MARGIN])
