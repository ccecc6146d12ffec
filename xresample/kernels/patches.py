"""The cells of a row of input pixels: patches of 2 x 2 or 3 x 3 output pixels.

Most pixels overlap no more than 2 x 2 cells, nearly all others 3 x 3. The overlaps with 2 x 2
are worked out for all pixels of a row, several by each instruction; then the pixels that need
3 x 3 are put side by side, and done in the same way. No loop has a branch but that which finds
them.

What is known of the pixels of a row stands in one array, ``cells``, ``SPAN`` numbers for each
of the following:

================  ================================================================
from              what
================  ================================================================
0, ...            overlaps with 2 x 2 cells
WIDE, ...         overlaps with 3 x 3 cells; those pixels that need them stand side by side
CORNERS, ...      the four corners, x and y, relative to the first cell
WIDE_CORNERS, ... the same of the pixels that need 3 x 3 cells
COLUMN, ROW       the first cell
WIDTH, HEIGHT     how many cells follow
SIDE              2 or 3: the class
FIRST             the first cell in the sums of the tile; -1 where not all are inside
SLOT              where among those a pixel stands
================  ================================================================
"""

from __future__ import annotations

import math

from .corners import corners
from .intrinsics import use_wide_vectors
from .jit import inlined, inner
from .rounding import floor
from .square import bounds, kept, overlaps_2x2, overlaps_3x3, relative_to, signed_area
from .structures import PAD, SPAN, Window

WIDE = 4 * SPAN
CORNERS = 13 * SPAN
WIDE_CORNERS = 21 * SPAN
COLUMN, ROW, WIDTH, HEIGHT, SIDE, FIRST, SLOT = (k * SPAN for k in range(29, 36))

LANES = 8
"""Pixels that one instruction may work on: a row is filled up to a multiple of it."""


@inlined
def filled_up(n):
    """Return the next multiple of ``LANES``."""
    return (n + LANES - 1) & -LANES


@inlined
def put(cells, k, x, y, nx, ny, side, tile):
    """Write the cells of a pixel: the first, how many follow (NaN: unknown), and the class."""
    width = tile.x1 - tile.x0 + PAD
    inside_x = x >= tile.x0 and x + side <= tile.x1
    inside_y = y >= tile.y0 and y + side <= tile.y1
    first = (y - tile.y0) * width + (x - tile.x0)
    cells[COLUMN + k] = x
    cells[ROW + k] = y
    cells[WIDTH + k] = nx
    cells[HEIGHT + k] = ny
    cells[SIDE + k] = side
    small = nx < 3.0 and ny < 3.0
    cells[FIRST + k] = first if inside_x and inside_y and small else -1.0


@inner
def narrow_patches(blended, n, h, tile, cells):
    """Write corners, cells and overlaps with 2 x 2 cells; a pixel without an area has no width."""
    use_wide_vectors()
    for k in range(filled_up(n)):
        q = corners(blended, k, h)
        x_lo, x_hi, y_lo, y_hi = bounds(q)
        x, y = floor(x_lo + 0.5), floor(y_lo + 0.5)
        nx, ny = floor(x_hi + 0.5) - x, floor(y_hi + 0.5) - y
        # A NaN may get lost in the bounds, but not in the area.
        area = abs(signed_area(q))
        nx = nx if area > 0.0 and area < math.inf else math.nan
        put(cells, k, x, y, nx, ny, 2.0 if nx < 2.0 and ny < 2.0 else 3.0, tile)
        q = relative_to(q, x - 0.5, y - 0.5)
        x0, y0, x1, y1, x2, y2, x3, y3 = q
        cells[CORNERS + k] = x0
        cells[CORNERS + SPAN + k] = y0
        cells[CORNERS + 2 * SPAN + k] = x1
        cells[CORNERS + 3 * SPAN + k] = y1
        cells[CORNERS + 4 * SPAN + k] = x2
        cells[CORNERS + 5 * SPAN + k] = y2
        cells[CORNERS + 6 * SPAN + k] = x3
        cells[CORNERS + 7 * SPAN + k] = y3
        overlaps_2x2(q, cells, k)


@inner
def gather_wide(n, cells):
    """Put the corners of those of ``n`` pixels side by side that need 3 x 3 cells; count them."""
    count = 0
    for pixel in range(n):
        # The masks change nothing: they tell the compiler that no index counts from the end.
        k, slot = pixel & (SPAN - 1), count & (SPAN - 1)
        if cells[SIDE + k] == 3.0:
            cells[SLOT + k] = slot
            for c in range(8):
                cells[WIDE_CORNERS + c * SPAN + slot] = cells[CORNERS + c * SPAN + k]
            count += 1
    return count


@inner
def wide_patches(n, cells):
    """Write the overlaps of ``n`` pixels, their corners side by side, with 3 x 3 cells."""
    use_wide_vectors()
    for k in range(filled_up(n)):
        at = WIDE_CORNERS + k
        q = (
            cells[at],
            cells[at + SPAN],
            cells[at + 2 * SPAN],
            cells[at + 3 * SPAN],
            cells[at + 4 * SPAN],
            cells[at + 5 * SPAN],
            cells[at + 6 * SPAN],
            cells[at + 7 * SPAN],
        )
        overlaps_3x3(q, cells, WIDE + k)


@inlined
def share(centre, cell, half):
    """Return the part of a box along one axis that lies in a cell."""
    inside = min(centre + half, cell + 0.5) - max(centre - half, cell - 0.5)
    return max(inside, 0.0) * (0.5 / half)


@inlined
def put_box(cells, k, x, y, half, side, tile):
    """Write the cells of a box; return the first. A NaN centre has no width."""
    column, line = floor(x - half + 0.5), floor(y - half + 0.5)
    nx = floor(x + half + 0.5) - column + 0.0 * (x + y)
    put(cells, k, column, line, nx, floor(y + half + 0.5) - line, side, tile)
    cells[SLOT + k] = k
    return column, line


@inner
def narrow_boxes(row, n, half, tile, cells):
    """Write the patches of ``n`` boxes of at most one cell, their centres in ``row``."""
    use_wide_vectors()
    for k in range(n):
        x, y = row[2 * k], row[2 * k + 1]
        column, line = put_box(cells, k, x, y, half, 2.0, tile)
        x0, x1 = share(x, column, half), share(x, column + 1.0, half)
        y0, y1 = share(y, line, half), share(y, line + 1.0, half)
        cells[k] = kept(x0 * y0)
        cells[SPAN + k] = kept(x1 * y0)
        cells[2 * SPAN + k] = kept(x0 * y1)
        cells[3 * SPAN + k] = kept(x1 * y1)


@inner
def wide_boxes(row, n, half, tile, cells):
    """Write the patches of ``n`` boxes of less than two cells."""
    use_wide_vectors()
    for k in range(n):
        x, y = row[2 * k], row[2 * k + 1]
        column, line = put_box(cells, k, x, y, half, 3.0, tile)
        x0, x1, x2 = (
            share(x, column, half),
            share(x, column + 1.0, half),
            share(x, column + 2.0, half),
        )
        y0, y1, y2 = share(y, line, half), share(y, line + 1.0, half), share(y, line + 2.0, half)
        at = WIDE + k
        cells[at] = kept(x0 * y0)
        cells[at + SPAN] = kept(x1 * y0)
        cells[at + 2 * SPAN] = kept(x2 * y0)
        cells[at + 3 * SPAN] = kept(x0 * y1)
        cells[at + 4 * SPAN] = kept(x1 * y1)
        cells[at + 5 * SPAN] = kept(x2 * y1)
        cells[at + 6 * SPAN] = kept(x0 * y2)
        cells[at + 7 * SPAN] = kept(x1 * y2)
        cells[at + 8 * SPAN] = kept(x2 * y2)


@inlined
def box_patches(pixmap, j, i0, n, half, tile, cells):
    """Write the patches of ``n`` boxes of less than two cells around the pixels of row ``j``."""
    row = pixmap[j].reshape(-1)[2 * i0 :]
    if half <= 0.5:
        narrow_boxes(row, n, half, tile, cells)
    else:
        wide_boxes(row, n, half, tile, cells)


@inlined
def is_small(cells, k):
    """Tell whether a pixel has a patch: no cells beyond it, and an area."""
    return cells[WIDTH + k] < 3.0 and cells[HEIGHT + k] < 3.0


@inlined
def patch_window(cells, k, tile):
    """Return the window of a pixel that has a patch; empty off the tile."""
    x, y = cells[COLUMN + k], cells[ROW + k]
    side = int(cells[SIDE + k])
    start = k if side == 2 else WIDE + int(cells[SLOT + k])
    if x < tile.x1 and x + side > tile.x0 and y < tile.y1 and y + side > tile.y0:
        nx, ny = int(cells[WIDTH + k]) + 1, int(cells[HEIGHT + k]) + 1
        return Window(int(x), int(y), min(nx, side), min(ny, side), side, start, SPAN)
    return Window(0, 0, 0, 0, side, start, SPAN)
