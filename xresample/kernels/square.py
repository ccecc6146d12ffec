"""The square kernel: a quadrilateral clipped to the cells of the output grid.

An input pixel, shrunk by ``pixfrac`` and mapped onto the output grid, is a quadrilateral.
Its overlap with an output cell is a difference of areas that lie up and right of a point::

      Y=2 ----+-----+-----+          up_right(X, Y) = area of the quadrilateral
              | . 3 |  4  |                           where x > X and y > Y
      Y=1 ----+--/--+\\----+
              | /   | \\   |          overlap of cell (0, 0) =
      Y=0 ----+-1---+--2--+              up_right(0, 0) - up_right(1, 0)
            X=0   X=1   X=2            - up_right(0, 1) + up_right(1, 1)

and ``up_right`` is the sum over the four edges of the area between the edge and the line
``y = Y``, signed by the direction of the edge (Green's theorem).

======  ====================================================================
symbol  meaning
======  ====================================================================
xa, ya  start of an edge, clipped to x > X; xb, yb its end
p       sum of the heights of both ends above Y, negative ones counted as 0
n       sum of the heights of both ends, without their signs
======  ====================================================================

With both ends above Y the area is ``(xb - xa) p / 2`` and ``n == p``; with both below it
is 0 and so is ``p``; when the edge crosses Y the part above has width ``(xb - xa) p / n``
and mean height ``p / 2``. So ``(xb - xa) p^2 / (2 n)`` covers every case without a branch,
and without cancellation. An edge that lies on Y has ``p == n == 0``: ``TINY`` makes that 0.
A vertical edge has no width: whatever its slope is taken to be, it adds nothing.

Coordinates are relative to the lower left corner of the cell that holds the least x and y
of the quadrilateral, so they are small, and a result depends on nothing but the pixel.
"""

from __future__ import annotations

import math

from .corners import corners
from .jit import inlined, inner
from .lanes import use_wide_vectors
from .rounding import floor
from .structures import LARGE, MIN_OVERLAP, SIDE, SPAN, Window

COLUMN, ROW, WIDTH, HEIGHT = 9 * SPAN, 10 * SPAN, 11 * SPAN, 12 * SPAN
"""Where the first column and row of the pixels, and how many follow, stand in ``cells``."""

TINY = 1e-60

NARROW = 1e-30
"""Edges narrower than this count as vertical: the product of four widths is above 0."""


@inlined
def bounds(q):
    """Return the least and greatest x and y of a quadrilateral."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    return (
        min(min(x0, x1), min(x2, x3)),
        max(max(x0, x1), max(x2, x3)),
        min(min(y0, y1), min(y2, y3)),
        max(max(y0, y1), max(y2, y3)),
    )


@inlined
def signed_area(q):
    """Area of a quadrilateral, negative when its corners run counterclockwise."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    return 0.5 * ((x2 - x0) * (y1 - y3) - (x1 - x3) * (y2 - y0))


@inlined
def relative_to(q, x, y):
    """Return a quadrilateral as seen from a point."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    return (x0 - x, y0 - y, x1 - x, y1 - y, x2 - x, y2 - y, x3 - x, y3 - y)


@inlined
def slope(x0, y0, x1, y1):
    """Rise of an edge; anything finite for a vertical one."""
    dx = x1 - x0
    return (y1 - y0) / (dx if dx != 0.0 else 1.0)


@inlined
def width(x0, x1):
    """Width of an edge to divide by; anything but 0 for a vertical one."""
    dx = x1 - x0
    return dx if abs(dx) > NARROW else 1.0


@inlined
def slopes(q):
    """Rise of the four edges; one division serves them all."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    w0, w1, w2, w3 = width(x0, x1), width(x1, x2), width(x2, x3), width(x3, x0)
    w01, w23 = w0 * w1, w2 * w3
    inverse = 1.0 / (w01 * w23)
    per01, per23 = w23 * inverse, w01 * inverse
    return (
        (y1 - y0) * (w1 * per01),
        (y2 - y1) * (w0 * per01),
        (y3 - y2) * (w3 * per23),
        (y0 - y3) * (w2 * per23),
    )


@inlined
def heights(ya, yb):
    """Return ``p`` and ``n`` of an edge for y = 1 and y = 2."""
    a1, b1 = ya - 1.0, yb - 1.0
    a2, b2 = ya - 2.0, yb - 2.0
    p1 = max(a1, 0.0) + max(b1, 0.0)
    p2 = max(a2, 0.0) + max(b2, 0.0)
    return p1, abs(a1) + abs(b1) + TINY, p2, abs(a2) + abs(b2) + TINY


@inlined
def edge_areas(x0, y0, x1, y1, dydx):
    """Area under an edge above y = 0, 1 and 2: all of it, right of x = 1, right of x = 2."""
    # No corner lies left of 0 or below 0: there is nothing to clip.
    xa1, xb1, xa2, xb2 = max(x0, 1.0), max(x1, 1.0), max(x0, 2.0), max(x1, 2.0)
    ya1, yb1 = y0 + dydx * (xa1 - x0), y0 + dydx * (xb1 - x0)
    ya2, yb2 = y0 + dydx * (xa2 - x0), y0 + dydx * (xb2 - x0)
    p01, n01, p02, n02 = heights(y0, y1)
    p11, n11, p12, n12 = heights(ya1, yb1)
    p21, n21, p22, n22 = heights(ya2, yb2)
    # One division serves three columns of two lines: it is the slowest instruction here.
    n0, n1, n2 = n01 * n02, n11 * n12, n21 * n22
    inverse = 0.5 / (n0 * n1 * n2)
    dx0, dx1, dx2 = x1 - x0, xb1 - xa1, xb2 - xa2
    f0, f1, f2 = dx0 * (n1 * n2 * inverse), dx1 * (n0 * n2 * inverse), dx2 * (n0 * n1 * inverse)
    return (
        (0.5 * dx0 * (y0 + y1), f0 * p01 * p01 * n02, f0 * p02 * p02 * n01),
        (0.5 * dx1 * (ya1 + yb1), f1 * p11 * p11 * n12, f1 * p12 * p12 * n11),
        (0.5 * dx2 * (ya2 + yb2), f2 * p21 * p21 * n22, f2 * p22 * p22 * n21),
    )


@inlined
def added(a, b, c, d):
    """Sum the areas of four edges."""
    return a[0] + b[0] + c[0] + d[0], a[1] + b[1] + c[1] + d[1], a[2] + b[2] + c[2] + d[2]


@inlined
def kept(a):
    """Return an overlap, or 0 for what is no overlap."""
    return a if abs(a) > MIN_OVERLAP else 0.0


@inlined
def overlaps_3x3(q, cells, i):
    """Write the overlaps of ``q`` with its 3 x 3 cells, the m-th at ``cells[m * SPAN + i]``.

    Return the inverse of the area. All pixels of a row can be written side by side: the loop
    over ``i`` has no branch.
    """
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    s0, s1, s2, s3 = slopes(q)
    e0, e1, e2 = edge_areas(x0, y0, x1, y1, s0)
    f0, f1, f2 = edge_areas(x1, y1, x2, y2, s1)
    g0, g1, g2 = edge_areas(x2, y2, x3, y3, s2)
    h0, h1, h2 = edge_areas(x3, y3, x0, y0, s3)
    a0, a1, a2 = added(e0, f0, g0, h0)
    b0, b1, b2 = added(e1, f1, g1, h1)
    c0, c1, c2 = added(e2, f2, g2, h2)
    # Signed like the areas above, so that a mirrored map has positive overlaps too.
    scale = 1.0 / signed_area(q)
    cells[i] = kept(scale * ((a0 - a1) - (b0 - b1)))
    cells[SPAN + i] = kept(scale * ((b0 - b1) - (c0 - c1)))
    cells[2 * SPAN + i] = kept(scale * (c0 - c1))
    cells[3 * SPAN + i] = kept(scale * ((a1 - a2) - (b1 - b2)))
    cells[4 * SPAN + i] = kept(scale * ((b1 - b2) - (c1 - c2)))
    cells[5 * SPAN + i] = kept(scale * (c1 - c2))
    cells[6 * SPAN + i] = kept(scale * (a2 - b2))
    cells[7 * SPAN + i] = kept(scale * (b2 - c2))
    cells[8 * SPAN + i] = kept(scale * c2)
    return scale


@inlined
def edge_above(xa, xb, ya, yb, floor):
    """Area between the part of an edge above ``y = floor`` and that line."""
    a, b = ya - floor, yb - floor
    p = max(a, 0.0) + max(b, 0.0)
    return 0.5 * (xb - xa) * p * p / (abs(a) + abs(b) + TINY)


@inlined
def overlaps_column(q, left, y0, ny, cells, c, nx):
    """Write the overlaps of ``q`` with the cells of one column, at ``cells[c + r * nx]``.

    The column covers ``left`` to ``left + 1``; row ``r`` covers ``y0 + r`` to
    ``y0 + r + 1``. Serves pixels of any size; the overlaps are not yet normalised.
    """
    for r in range(ny + 1):
        cells[c + r * nx] = 0.0
    for k in range(4):
        xs, ys = q[2 * k], q[2 * k + 1]
        xe, ye = q[(2 * k + 2) % 8], q[(2 * k + 3) % 8]
        dydx = slope(xs, ys, xe, ye)
        xa = min(max(xs, left), left + 1.0)
        xb = min(max(xe, left), left + 1.0)
        ya = ys + dydx * (xa - xs)
        yb = ys + dydx * (xb - xs)
        for r in range(ny + 1):
            cells[c + r * nx] += edge_above(xa, xb, ya, yb, y0 + r)
    for r in range(ny):
        cells[c + r * nx] -= cells[c + (r + 1) * nx]


@inner
def square_cells(blended, n, h, cells):
    """Write the 3 x 3 overlaps of ``n`` pixels, the m-th of pixel k at ``cells[m * SPAN + k]``.

    Beside them go the first column and row of each pixel, and how many follow; the overlaps of
    one that takes more than 3 of either, or NaN, are to be done anew. The loop has no branch
    and two arrays, so several pixels are done by each instruction.
    """
    use_wide_vectors()
    for k in range(n):
        q = corners(blended, k, h)
        x_lo, x_hi, y_lo, y_hi = bounds(q)
        x, y = floor(x_lo + 0.5), floor(y_lo + 0.5)
        cells[COLUMN + k] = x
        cells[ROW + k] = y
        scale = overlaps_3x3(relative_to(q, x - 0.5, y - 0.5), cells, k)
        # A NaN may get lost in the bounds, but not in the area; 0 * inf is NaN too.
        cells[WIDTH + k] = floor(x_hi + 0.5) - x + 0.0 * scale
        cells[HEIGHT + k] = floor(y_hi + 0.5) - y


@inlined
def is_small(cells, k):
    """Tell whether the 3 x 3 overlaps cover a pixel: no cells beyond them, and finite."""
    return cells[WIDTH + k] < SIDE and cells[HEIGHT + k] < SIDE


@inlined
def small_window(cells, k, tile):
    """Return the window of a pixel that has 3 x 3 overlaps; empty off the tile."""
    x, y = cells[COLUMN + k], cells[ROW + k]
    if x < tile.x1 and x + SIDE > tile.x0 and y < tile.y1 and y + SIDE > tile.y0:
        nx, ny = int(cells[WIDTH + k]) + 1, int(cells[HEIGHT + k]) + 1
        return Window(int(x), int(y), nx, ny, SIDE, k, SPAN)
    return Window(0, 0, 0, 0, SIDE, k, SPAN)


@inner
def quadrilateral_cells(q, tile, cells):
    """Write the overlaps of a pixel of any size from ``cells[LARGE]``; return its window.

    Only the cells inside the tile count. A pixel that lies nowhere, NaN or without an area,
    has an empty window.
    """
    x_lo, x_hi, y_lo, y_hi = bounds(q)
    area = signed_area(q)
    first_x = max(floor(x_lo + 0.5), float(tile.x0))
    final_x = min(floor(x_hi + 0.5), tile.x1 - 1.0)
    first_y = max(floor(y_lo + 0.5), float(tile.y0))
    final_y = min(floor(y_hi + 0.5), tile.y1 - 1.0)
    somewhere = abs(area) > 0.0 and x_hi - x_lo < math.inf and y_hi - y_lo < math.inf
    if not (somewhere and first_x <= final_x and first_y <= final_y):
        return Window(0, 0, 0, 0, 0, LARGE, 1)
    # Relative to a cell that the tile has no part in, so that the bits do not either.
    x, y = floor(x_lo + 0.5) - 0.5, floor(y_lo + 0.5) - 0.5
    nx, ny = int(final_x - first_x) + 1, int(final_y - first_y) + 1
    relative = relative_to(q, x, y)
    for c in range(nx):
        left = first_x + c - 0.5 - x
        overlaps_column(relative, left, first_y - 0.5 - y, ny, cells, LARGE + c, nx)
    for m in range(LARGE, LARGE + nx * ny):
        cells[m] /= area
    return Window(int(first_x), int(first_y), nx, ny, nx, LARGE, 1)
