"""The cells that the pixels of a piece of a row overlap: patches of 2 x 2 or 3 x 3 output pixels.

Most pixels overlap no more than 2 x 2 cells, nearly all others no more than 3 x 3::

    +-----+-----+        +-----+-----+-----+       F  first cell: it holds the least x and y
    | ____|__   |        |     |  /\\ |     |          of the pixel
    ||    |  |  |        +-----+-/--\\+-----+
    +|----+--|--+        |    /|     |\\    |       A pixel that fits neither patch, or that has a
    ||F___|__|  |        +---\\-+-----+-/---+       NaN corner, has no patch. Its cells are found
    |     |     |        |  F \\|     |/    |       by ``square.quadrilateral_cells``.
    +-----+-----+        +-----+-\\--/+-----+
     narrow: 2 x 2           wide: 3 x 3

The work is done in three passes over the pixels of a piece:

1. `narrow_patches` computes corners, cells, and the overlaps with 2 x 2 cells, for all pixels.
2. `gather_wide` copies the corners of the pixels that need 3 x 3 cells side by side.
3. `wide_patches` computes the overlaps of those pixels.

Passes 1 and 3 are costly and have no branch, so several pixels share each instruction. Pass 2
decides, and does nothing else. Boxes of the turbo kernel need one pass, because all boxes of an
exposure have the same size.

All numbers lie in one array, ``cells``, ``SPAN`` numbers for each of the following:

================  =================================================================
from              meaning, for pixel ``k`` of the piece
================  =================================================================
0, ...            overlaps with 2 x 2 cells, row by row
WIDE, ...         overlaps with 3 x 3 cells, for slot ``SLOT[k]`` instead of ``k``
CORNERS, ...      the four corners, x and y in turn, relative to the first cell
WIDE_CORNERS, ... the corners again, for slot ``SLOT[k]``
COLUMN, ROW       first cell
WIDTH, HEIGHT     number of cells that the pixel overlaps after the first; NaN: no patch
SIDE              2 or 3: the patch
FIRST             index of the first cell in the sums of the tile; -1: see below
SLOT              position of the pixel among those with a wide patch
LARGE, ...        overlaps of one pixel of any size
================  =================================================================

Edge cases are safe for these reasons:

- A pixel with fewer cells than its patch has overlaps of exactly 0 with the others, or overlaps
  below ``MIN_OVERLAP``, which `kept` sets to 0.
- ``FIRST`` is -1 where the patch is not inside the tile. The deposit then clips cell by cell.
- A comparison with NaN is false, so a pixel with a NaN corner, or with no area, has no patch.
- Loops run on to a multiple of ``LANES``. The numbers behind the piece are stale or NaN, never out
  of bounds, and nobody reads what is computed from them.
- Which patch a pixel has depends on the pixel alone, so tiles do not change a result.
"""

from __future__ import annotations

import math

from .corners import corners
from .intrinsics import use_wide_vectors
from .jit import inlined, inner
from .plain import floor
from .square import (
    all_snapped,
    bounds,
    kept,
    overlaps_2x2,
    overlaps_3x3,
    relative_to,
    signed_area,
    tolerance_of,
)
from .structures import COARSE, LANES, PAD, SNAP, SPAN, CellWindow

WIDE = 4 * SPAN
CORNERS = 13 * SPAN
WIDE_CORNERS = 21 * SPAN
COLUMN, ROW, WIDTH, HEIGHT, SIDE, FIRST, SLOT = (k * SPAN for k in range(29, 36))


@inlined
def filled_up(n):
    """Return the next multiple of ``LANES``."""
    return (n + LANES - 1) & -LANES


@inlined
def put(cells, k, x, y, nx, ny, side, tile):
    """Write the first cell of a pixel, how many cells follow (NaN: no patch), and the patch."""
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
    """Write corners, cells and overlaps with 2 x 2 cells of ``n`` pixels.

    A pixel without an area has a width of NaN.
    """
    use_wide_vectors()
    for k in range(filled_up(n)):
        q = corners(blended, k, h)
        x_lo, x_hi, y_lo, y_hi = bounds(q)
        tolerance = tolerance_of(x_lo, x_hi, y_lo, y_hi)
        to_border = 0.5 + tolerance
        x, y = floor(x_lo + to_border), floor(y_lo + to_border)
        nx, ny = floor(x_hi + 0.5) - x, floor(y_hi + 0.5) - y
        # The least or greatest of some numbers may hide a NaN, but the area does not.
        area = abs(signed_area(q))
        nx = nx if area > 0.0 and area < math.inf else math.nan
        put(cells, k, x, y, nx, ny, 2.0 if nx < 2.0 and ny < 2.0 else 3.0, tile)
        q = all_snapped(relative_to(q, x - 0.5, y - 0.5), tolerance)
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
    """Copy the corners of the pixels that need 3 x 3 cells side by side; return their number."""
    count = 0
    for pixel in range(n):
        # ``& (SPAN - 1)`` changes no index; it tells the compiler that no index is negative.
        k, slot = pixel & (SPAN - 1), count & (SPAN - 1)
        if cells[SIDE + k] == 3.0:
            cells[SLOT + k] = slot
            for c in range(8):
                cells[WIDE_CORNERS + c * SPAN + slot] = cells[CORNERS + c * SPAN + k]
            count += 1
    return count


@inner
def wide_patches(n, cells):
    """Write the overlaps with 3 x 3 cells of the ``n`` pixels that `gather_wide` found."""
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
    """Return the fraction of a box that lies in a cell along one axis."""
    inside = min(centre + half, cell + 0.5) - max(centre - half, cell - 0.5)
    return (inside if inside > tolerance_of_box(half) else 0.0) * (0.5 / half)


@inlined
def tolerance_of_box(half):
    """Return the width of the part of a box that the rounding of a WCS puts into a cell."""
    return min(SNAP, half * (2.0 / COARSE))


@inlined
def put_box(cells, k, x, y, half, side, tile):
    """Write the cells of a box; return the first cell. A NaN centre gives a width of NaN."""
    to_border = 0.5 + tolerance_of_box(half)
    column, line = floor(x - half + to_border), floor(y - half + to_border)
    nx = floor(x + half + 0.5) - column + 0.0 * (x + y)
    put(cells, k, column, line, nx, floor(y + half + 0.5) - line, side, tile)
    cells[SLOT + k] = k
    return column, line


@inner
def narrow_boxes(row, n, half, tile, cells):
    """Write the patches of ``n`` boxes of at most one cell; ``row`` holds their centres."""
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
    """Write the patches of ``n`` boxes of less than two cells; ``row`` holds their centres."""
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
def box_patches(lines, j, i0, n, half, tile, cells):
    """Write the patches of ``n`` boxes of less than two cells around the pixels of row ``j``."""
    row = lines[j, 2 * i0 :]
    if half <= 0.5:
        narrow_boxes(row, n, half, tile, cells)
    else:
        wide_boxes(row, n, half, tile, cells)


@inner
def point_patches(lines, j, i0, n, tile, cells):
    """Write the patches of ``n`` pixels of row ``j`` that deposit on the cell of their centre.

    A centre on the border of two cells belongs to the second one, whatever its rounding error. A
    NaN centre has no cell.
    """
    use_wide_vectors()
    row = lines[j, 2 * i0 :]
    for k in range(n):
        x, y = row[2 * k], row[2 * k + 1]
        column, line = floor(x + SNAP + 0.5), floor(y + SNAP + 0.5)
        put(cells, k, column, line, 0.0, 0.0, 1.0, tile)
        cells[k] = 1.0


@inlined
def is_small(cells, k):
    """Tell whether a pixel has a patch: an area, and no cells beyond the patch."""
    return cells[WIDTH + k] < 3.0 and cells[HEIGHT + k] < 3.0


@inlined
def patch_window(cells, k, tile):
    """Return the window of a pixel that has a patch; the window is empty outside the tile."""
    x, y = cells[COLUMN + k], cells[ROW + k]
    side = int(cells[SIDE + k])
    start = k if side == 2 else WIDE + int(cells[SLOT + k])
    if x < tile.x1 and x + side > tile.x0 and y < tile.y1 and y + side > tile.y0:
        nx, ny = int(cells[WIDTH + k]) + 1, int(cells[HEIGHT + k]) + 1
        return CellWindow(int(x), int(y), min(nx, side), min(ny, side), side, start, SPAN)
    return CellWindow(0, 0, 0, 0, side, start, SPAN)
