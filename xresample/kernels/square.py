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
of the quadrilateral, so they are small, and a result depends on the pixel alone. In these
coordinates the borders of cells are integers. A coordinate of a corner that is an integer but for
the rounding of a WCS is set to the integer, so pixels of coinciding grids do not leak.
"""

from __future__ import annotations

import math

from .intrinsics import multiply_add
from .jit import inlined, inner
from .plain import floor, snapped
from .structures import COARSE, LARGE, MIN_OVERLAP, SNAP, SPAN, CellWindow

TINY = 1e-30
"""Number added to heights before a division. The product of eight is still above 0."""

NARROW = 1e-30
"""Edges narrower than this count as vertical. The product of four such widths is above 0."""


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
    """Return the area of a quadrilateral, negative if its corners run counterclockwise."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    # Each product is rounded before the subtraction, so a pixel folded to a line has an area of 0.
    return 0.5 * ((x2 - x0) * (y1 - y3) - (x1 - x3) * (y2 - y0))


@inlined
def relative_to(q, x, y):
    """Return a quadrilateral as seen from a point."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    return (x0 - x, y0 - y, x1 - x, y1 - y, x2 - x, y2 - y, x3 - x, y3 - y)


@inlined
def tolerance_of(x_lo, x_hi, y_lo, y_hi):
    """Return the tolerance for the corners of a quadrilateral; 0 if it is tiny."""
    return SNAP if min(x_hi - x_lo, y_hi - y_lo) > COARSE * SNAP else 0.0


@inlined
def all_snapped(q, tolerance):
    """Return a quadrilateral whose corners coincide with borders of cells within a tolerance."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    return (
        snapped(x0, tolerance),
        snapped(y0, tolerance),
        snapped(x1, tolerance),
        snapped(y1, tolerance),
        snapped(x2, tolerance),
        snapped(y2, tolerance),
        snapped(x3, tolerance),
        snapped(y3, tolerance),
    )


@inlined
def slope(x0, y0, x1, y1):
    """Return the rise of an edge, or any finite number for a vertical edge."""
    dx = x1 - x0
    return (y1 - y0) / (dx if dx != 0.0 else 1.0)


@inlined
def width(x0, x1):
    """Return the width of an edge to divide by, or any number but 0 for a vertical edge."""
    dx = x1 - x0
    return dx if abs(dx) > NARROW else 1.0


@inlined
def slopes(q):
    """Return the rise of the four edges and the inverse of the signed area, by one division."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    w0, w1, w2, w3 = width(x0, x1), width(x1, x2), width(x2, x3), width(x3, x0)
    w01, w23, area = w0 * w1, w2 * w3, signed_area(q)
    inverse = 1.0 / (w01 * w23 * area)
    per_widths = inverse * area
    per01, per23 = w23 * per_widths, w01 * per_widths
    return (
        (y1 - y0) * (w1 * per01),
        (y2 - y1) * (w0 * per01),
        (y3 - y2) * (w3 * per23),
        (y0 - y3) * (w2 * per23),
        w01 * w23 * inverse,
    )


@inlined
def height(ya, yb, floor):
    """Return ``p`` and ``n`` of an edge for ``y = floor``."""
    a, b = ya - floor, yb - floor
    return max(a, 0.0) + max(b, 0.0), abs(a) + abs(b) + TINY


@inlined
def right_of(x0, y0, x1, dydx, left):
    """Return the width of the part of an edge right of ``x = left``, and its two heights."""
    xa, xb = max(x0, left), max(x1, left)
    return xb - xa, multiply_add(dydx, xa - x0, y0), multiply_add(dydx, xb - x0, y0)


@inlined
def halves(a, b, c, d):
    """Return half the inverse of four numbers by one division, the slowest instruction here."""
    ab, cd = a * b, c * d
    inverse = 0.5 / (ab * cd)
    per_ab, per_cd = cd * inverse, ab * inverse
    return b * per_ab, a * per_ab, d * per_cd, c * per_cd


@inlined
def edge_2x2(x0, y0, x1, y1, dydx):
    """Return the terms of the areas between an edge and y = 1, right of x = 0 and of x = 1.

    The terms are ``(xb - xa) p^2`` and ``n`` for each x, and twice the area between the edge and
    y = 0 right of x = 1.
    """
    dx0 = x1 - x0
    dx1, ya, yb = right_of(x0, y0, x1, dydx, 1.0)
    p0, n0 = height(y0, y1, 1.0)
    p1, n1 = height(ya, yb, 1.0)
    return dx0 * p0 * p0, n0, dx1 * p1 * p1, n1, dx1 * (ya + yb)


@inlined
def edge_3x3(x0, y0, x1, y1, dydx):
    """Return the areas between an edge and y = 0, 1, 2, right of x = 0, 1, 2; not y = 0, x = 0."""
    dx0 = x1 - x0
    dx1, ya1, yb1 = right_of(x0, y0, x1, dydx, 1.0)
    dx2, ya2, yb2 = right_of(x0, y0, x1, dydx, 2.0)
    p01, n01 = height(y0, y1, 1.0)
    p02, n02 = height(y0, y1, 2.0)
    p11, n11 = height(ya1, yb1, 1.0)
    p12, n12 = height(ya1, yb1, 2.0)
    p21, n21 = height(ya2, yb2, 1.0)
    p22, n22 = height(ya2, yb2, 2.0)
    n0, n1, n2 = n01 * n02, n11 * n12, n21 * n22
    inverse = 0.5 / (n0 * n1 * n2)
    f0, f1, f2 = dx0 * (n1 * n2 * inverse), dx1 * (n0 * n2 * inverse), dx2 * (n0 * n1 * inverse)
    return (
        (f0 * p01 * p01 * n02, f0 * p02 * p02 * n01),
        (0.5 * dx1 * (ya1 + yb1), f1 * p11 * p11 * n12, f1 * p12 * p12 * n11),
        (0.5 * dx2 * (ya2 + yb2), f2 * p21 * p21 * n22, f2 * p22 * p22 * n21),
    )


@inlined
def kept(a):
    """Return an overlap, or 0 if the overlap is no more than a rounding error."""
    return a if abs(a) > MIN_OVERLAP else 0.0


@inlined
def overlaps_2x2(q, cells, i):
    """Write the overlaps of ``q`` with its 2 x 2 cells, the m-th at ``cells[m * SPAN + i]``."""
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    s0, s1, s2, s3, scale = slopes(q)
    e0, en0, e1, en1, e = edge_2x2(x0, y0, x1, y1, s0)
    f0, fn0, f1, fn1, f = edge_2x2(x1, y1, x2, y2, s1)
    g0, gn0, g1, gn1, g = edge_2x2(x2, y2, x3, y3, s2)
    h0, hn0, h1, hn1, h = edge_2x2(x3, y3, x0, y0, s3)
    et, ft, gt, ht = halves(en0 * en1, fn0 * fn1, gn0 * gn1, hn0 * hn1)
    # The scale has the sign of the area, so a mirrored map has positive overlaps too.
    a1 = scale * (e0 * (en1 * et) + f0 * (fn1 * ft) + g0 * (gn1 * gt) + h0 * (hn1 * ht))
    b1 = scale * (e1 * (en0 * et) + f1 * (fn0 * ft) + g1 * (gn0 * gt) + h1 * (hn0 * ht))
    b0 = 0.5 * scale * (e + f + g + h)
    cells[i] = kept((1.0 - a1) - (b0 - b1))
    cells[SPAN + i] = kept(b0 - b1)
    cells[2 * SPAN + i] = kept(a1 - b1)
    cells[3 * SPAN + i] = kept(b1)


@inlined
def added(a, b, c, d):
    """Return the sums of the areas of four edges."""
    return a[0] + b[0] + c[0] + d[0], a[1] + b[1] + c[1] + d[1], a[2] + b[2] + c[2] + d[2]


@inlined
def overlaps_3x3(q, cells, i):
    """Write the overlaps of ``q`` with its 3 x 3 cells, the m-th at ``cells[m * SPAN + i]``.

    There is no branch, so a loop over ``i`` becomes vector instructions.
    """
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    s0, s1, s2, s3, scale = slopes(q)
    e0, e1, e2 = edge_3x3(x0, y0, x1, y1, s0)
    f0, f1, f2 = edge_3x3(x1, y1, x2, y2, s1)
    g0, g1, g2 = edge_3x3(x2, y2, x3, y3, s2)
    h0, h1, h2 = edge_3x3(x3, y3, x0, y0, s3)
    a1, a2 = e0[0] + f0[0] + g0[0] + h0[0], e0[1] + f0[1] + g0[1] + h0[1]
    b0, b1, b2 = added(e1, f1, g1, h1)
    c0, c1, c2 = added(e2, f2, g2, h2)
    cells[i] = kept(1.0 - scale * (a1 + (b0 - b1)))
    cells[SPAN + i] = kept(scale * ((b0 - b1) - (c0 - c1)))
    cells[2 * SPAN + i] = kept(scale * (c0 - c1))
    cells[3 * SPAN + i] = kept(scale * ((a1 - a2) - (b1 - b2)))
    cells[4 * SPAN + i] = kept(scale * ((b1 - b2) - (c1 - c2)))
    cells[5 * SPAN + i] = kept(scale * (c1 - c2))
    cells[6 * SPAN + i] = kept(scale * (a2 - b2))
    cells[7 * SPAN + i] = kept(scale * (b2 - c2))
    cells[8 * SPAN + i] = kept(scale * c2)


@inlined
def edge_above(xa, xb, ya, yb, floor):
    """Return the area between the line ``y = floor`` and the part of an edge above the line."""
    p, n = height(ya, yb, floor)
    return 0.5 * (xb - xa) * p * p / n


@inlined
def overlaps_column(q, left, y0, ny, cells, c, nx):
    """Write the overlaps of ``q`` with the cells of one column, at ``cells[c + r * nx]``.

    The column covers ``left`` to ``left + 1``; row ``r`` covers ``y0 + r`` to
    ``y0 + r + 1``. The quadrilateral may have any size. The overlaps are not yet divided by its
    area. ``cells[c + ny * nx]`` is used as scratch.
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
def quadrilateral_cells(q, tile, cells):
    """Write the overlaps of a pixel of any size from ``cells[LARGE]`` on; return its window.

    The window contains only cells inside the tile. It is empty for a pixel whose corners are NaN or
    that has no area.
    """
    x_lo, x_hi, y_lo, y_hi = bounds(q)
    area = signed_area(q)
    first_x = max(floor(x_lo + 0.5), float(tile.x0))
    final_x = min(floor(x_hi + 0.5), tile.x1 - 1.0)
    first_y = max(floor(y_lo + 0.5), float(tile.y0))
    final_y = min(floor(y_hi + 0.5), tile.y1 - 1.0)
    somewhere = abs(area) > 0.0 and x_hi - x_lo < math.inf and y_hi - y_lo < math.inf
    if not (somewhere and first_x <= final_x and first_y <= final_y):
        return CellWindow(0, 0, 0, 0, 0, LARGE, 1)
    # The origin does not depend on the tile, so the overlaps are equal, bit by bit, in all tiles.
    x, y = floor(x_lo + 0.5) - 0.5, floor(y_lo + 0.5) - 0.5
    nx, ny = int(final_x - first_x) + 1, int(final_y - first_y) + 1
    exact = relative_to(q, x, y)
    relative = all_snapped(exact, tolerance_of(x_lo, x_hi, y_lo, y_hi))
    area *= signed_area(relative) / signed_area(exact)
    for c in range(nx):
        left = first_x + c - 0.5 - x
        overlaps_column(relative, left, first_y - 0.5 - y, ny, cells, LARGE + c, nx)
    for m in range(LARGE, LARGE + nx * ny):
        cells[m] /= area
    return CellWindow(int(first_x), int(first_y), nx, ny, nx, LARGE, 1)
