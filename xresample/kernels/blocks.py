"""Which input pixels can reach which output tile: bounds of square blocks of pixels."""

from __future__ import annotations

import math

import numpy as np

from .codes import SQUARE
from .jit import inlined, jit
from .rounding import floor
from .separable import reach

BLOCK = 16
"""Side of a block, in input pixels."""


@inlined
def block_range(block_bounds, by, tile):
    """Return the first and last block of a row of blocks that can reach a tile."""
    first, last = block_bounds.shape[1], -1
    for bx in range(block_bounds.shape[1]):
        y_lo, y_hi, x_lo, x_hi = block_bounds[by, bx]
        if y_lo < tile.y1 and y_hi >= tile.y0 and x_lo < tile.x1 and x_hi >= tile.x0:
            first = min(first, bx)
            last = bx
    return first, last


@inlined
def centre_bounds(pixmap, axis, j0, j1, i0, i1):
    """Return the least and greatest mapped centre of a block; inf, -inf when all are NaN."""
    low, high = math.inf, -math.inf
    for j in range(j0, j1):
        for i in range(i0, i1):
            here = pixmap[j, i, axis]
            if here < low:
                low = here
            if here > high:
                high = here
    return low, high


@inlined
def longest_step(pixmap, axis, j0, j1, i0, i1):
    """Return the greatest step to a next centre, in a block and the ring of pixels around it."""
    ny, nx, _ = pixmap.shape
    longest = 0.0
    for j in range(max(j0 - 1, 0), min(j1 + 1, ny)):
        above = min(j + 1, ny - 1)
        for i in range(max(i0 - 1, 0), min(i1 + 1, nx)):
            here = pixmap[j, i, axis]
            along_y = abs(pixmap[above, i, axis] - here)
            along_x = abs(pixmap[j, min(i + 1, nx - 1), axis] - here)
            # Written so that a NaN changes nothing.
            if along_x > longest:
                longest = along_x
            if along_y > longest:
                longest = along_y
    return longest


@jit
def bound_blocks(pixmap, active, footprint, rows, block_bounds):
    """Bound the output cells that the pixels of each block can reach.

    Fills rows ``rows[0]`` to ``rows[1]`` of ``block_bounds``, ``(block y, block x, 4)``:
    first and last cell along y, first and last along x. A corner of a pixel lies within half
    a step along x plus half a step along y of its centre, whichever centres it is made of.
    """
    j0, j1, i0, i1 = active
    far = reach(footprint.code, footprint.pixfrac, footprint.ratio)
    for by in range(rows[0], rows[1]):
        start_j, stop_j = j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)
        for bx in range(block_bounds.shape[1]):
            start_i, stop_i = i0 + bx * BLOCK, min(i0 + (bx + 1) * BLOCK, i1)
            block = (start_j, stop_j, start_i, stop_i)
            for axis in range(2):
                low, high = centre_bounds(pixmap, axis, *block)
                margin = far
                if footprint.code == SQUARE:
                    margin = footprint.pixfrac * longest_step(pixmap, axis, *block)
                k = 2 - 2 * axis
                block_bounds[by, bx, k] = floor(low - margin + 0.5)
                block_bounds[by, bx, k + 1] = floor(high + margin + 0.5)
