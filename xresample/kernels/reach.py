"""Bounds of square blocks of input pixels, which tell which blocks can reach a tile.

The input pixels are divided into blocks of ``BLOCK`` x ``BLOCK``. Each block knows a rectangle of
output cells that holds every cell its pixels can deposit on::

    input                          output
    +-----+-----+-----+            +---------------+  bounds of the block:
    |     |block|     |            |  tilted block |  least and greatest centre,
    +-----+-----+-----+    --->    |   /\\          |  widened by the reach of a pixel
    |     |     |     |            |  /  \\         |
    +-----+-----+-----+            +---------------+

A tile skips the blocks whose rectangle lies outside, so the cost of an exposure does not grow with
the mosaic.

No deposit is missed. A corner of a pixel is at most half a step along x plus half a step along y
away from the centre, whichever centres it is computed from; these centres belong to the block or
to the ring of pixels around the block. Rectangles are rounded outward to whole cells. A NaN in the
map compares false everywhere, so it neither widens nor empties a rectangle; an infinity counts as
NaN.
"""

from __future__ import annotations

import math

from .intrinsics import use_wide_vectors
from .jit import inlined, inner, jit
from .plain import floor

BLOCK = 8
"""Side of a block, in input pixels."""

MARGIN = 4
"""Index of the reach of a block's pixels, from their centres, in the bounds of the block."""

SLACK = 1e-3
"""Amount by which the reach is rounded up, so that the border of a cell is never just missed."""


@inlined
def reaches(bounds, tile):
    """Tell whether a tile contains any cell within the bounds."""
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


@inlined
def finite(x):
    """Return ``x``, or NaN if ``x`` is infinite."""
    return x + 0.0 * x


@inlined
def extremes(lines, k, to_next):
    """Return the least, the greatest and the longest step of one column of `fold_block`."""
    least, greatest, longest = math.inf, -math.inf, 0.0
    for r in range(BLOCK + 2):
        here = finite(lines[r, k])
        along_y = abs(finite(lines[r + 1, k]) - here)
        along_x = abs(finite(lines[r, k + to_next]) - here)
        longest = along_y if along_y > longest else longest
        longest = along_x if along_x > longest else longest
        if 0 < r <= BLOCK:
            least = here if here < least else least
            greatest = here if here > greatest else greatest
    return least, greatest, longest


@inner
def fold_block(lines, low, high, step):
    """Write the extremes of the columns of a row of blocks.

    ``lines`` are one row before the blocks, their ``BLOCK`` rows, and two rows after them. One loop
    reads all rows, so the extremes stay in registers.
    """
    use_wide_vectors()
    numbers = lines.shape[1]
    for k in range(numbers - 2):
        low[k], high[k], step[k] = extremes(lines, k, 2)
    # The last pixel has no next one.
    for k in range(max(numbers - 2, 0), numbers):
        low[k], high[k], step[k] = extremes(lines, k, 0)


@jit
def bound_blocks(lines, columns, steps, far, space, block_bounds):
    """Bound the output cells that the pixels of each block can reach.

    Parameters
    ----------
    lines : ndarray
        float64 ``(y, 2 x)``: mapped pixel centres, x and y in turn, in the rows of the blocks, one
        row before and two rows after them. Where one of these is missing, a neighbour takes its
        place, which adds nothing.
    columns : tuple of int
        First and past-the-last column of the pixels to deposit.
    steps, far : float
        A pixel reaches ``far`` from its centre, plus ``steps`` times the longest step to a
        neighbouring centre.
    space : ndarray
        float64 ``(3, 2 x)``: space for the least, the greatest and the longest step per column.
    block_bounds : ndarray
        float64 ``(block y, block x + 1, 5)``; written: first and last cell along y, first and last
        cell along x, and the reach. The last column bounds the whole row of blocks.
    """
    low, high, step = space[0], space[1], space[2]
    for by in range(block_bounds.shape[0]):
        start = by * BLOCK
        fold_block(lines[start : start + BLOCK + 3], low, high, step)
        bound_row(low, high, step, columns[0], columns[1], steps, far, block_bounds[by])


@inner
def bound_row(low, high, step, i0, i1, steps, far, bounds):
    """Write the bounds of each block in a row, and of the row, from the extremes per column."""
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
