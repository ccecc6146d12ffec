"""Corners of the shrunken input pixels on the output grid, a row of pixels at a time.

The pixel map holds the mapped pixel centres. A corner lies half the pixel fraction, ``h``, from
the centre along both axes, and is bilinear between the four centres around it::

    row j + 1     o-----------o-----------o
                  |   .   .   |           |         o  mapped centres
    j + h  upper  |...x.......|...x.......|         .  blended rows
    row j         o-----------P-----------o         x  corners of pixel P (two of four)
    j - h  lower  |...x.......|...x.......|
    row j - 1     o-----------o-----------o

Bilinear is linear along y, then linear along x, so two blended rows of centres serve all four
corners of all pixels of a row.

A neighbour may be missing, at the border of the image or because of a NaN in the map. The line
through the other two centres is then extended. Where that is impossible, the step of an adjacent
line is used (`mended_corners`). A NaN therefore costs its own pixel and no other.

A map may be torn: on a map of the whole sky, neighbours can lie at opposite ends of a row. A
neighbour beyond a tear counts as missing, so no pixel is stretched across the map.
"""

from __future__ import annotations

import math

import numpy as np

from .by_address import fetch
from .intrinsics import multiply_add
from .jit import inlined, inner
from .structures import SPAN

UPPER = 2 * (SPAN + 2)
"""Index in ``blended`` where the upper of the two blended rows begins."""

CENTRE = 16
"""Number of bytes of a centre."""

TORN = 8.0
"""Minimum step across a tear, in units of the step to the opposite neighbour."""

OBLONG = 4.0
"""Maximum ratio of the sides of a pixel that has only one neighbour along the longer side."""

CONTINUOUS = 4.0
"""Length of a step, in output pixels, that is never a tear: tables of distortion have kinks."""


@inner
def blend_rows(lines, j, i0, n, h, blended):
    """Mix row ``j`` of centres with its neighbours, for columns ``i0 - 1`` to ``i0 + n``.

    ``lines`` is the map, ``(y, 2 x)``.
    ``blended`` receives x and y in turn, first the row ``y = j - h``, then the row ``y = j + h``.
    """
    ny, nx = lines.shape[0], lines.shape[1] // 2
    # Linear extrapolation to -h is (1 + h) P[0] - h P[1], the same form with a negative h.
    # An image one pixel wide gives no direction, so its pixels have no area.
    below, h_below = (j - 1, h) if j > 0 else (min(j + 1, ny - 1), -h)
    above, h_above = (j + 1, h) if j < ny - 1 else (max(j - 1, 0), -h)
    first = max(i0 - 1, 0)
    offset = 2 * (first + 1 - i0)
    start = 2 * first
    middle, lower, upper = lines[j, start:], lines[below, start:], lines[above, start:]
    # Row j + 1 was asked for with the row before.
    fetch(lines.ctypes.data + CENTRE * ((j + 2) * nx + i0), CENTRE * n)
    mixed_below, mixed_above = blended[offset:UPPER], blended[UPPER + offset :]
    for k in range(2 * (min(i0 + n, nx - 1) + 1 - first)):
        here = middle[k]
        mixed_below[k] = multiply_add(h_below, lower[k] - here, here)
        mixed_above[k] = multiply_add(h_above, upper[k] - here, here)
    for row in (0, UPPER):
        for axis in range(2):
            if nx == 1:
                blended[row + 4 + axis] = blended[row + 2 + axis]
            if i0 == 0:
                k = row + axis
                blended[k] = 2.0 * blended[k + 2] - blended[k + 4]
            if i0 + n == nx:
                k = row + 2 * (n + 1) + axis
                blended[k] = 2.0 * blended[k - 2] - blended[k - 4]


@inlined
def corners(blended, k, h):
    """Return the corners of pixel ``k`` of a blended row, in turn around its outline.

    Every index is a sum of numbers that are not negative. The compiler can then leave out the check
    for indices that count from the end, and work on several pixels at once.
    """
    left, own, right = 2 * k, 2 * k + 2, 2 * k + 4
    lx, ly = blended[own], blended[own + 1]
    ux, uy = blended[UPPER + own], blended[UPPER + own + 1]
    return (
        multiply_add(h, blended[left] - lx, lx),
        multiply_add(h, blended[left + 1] - ly, ly),
        multiply_add(h, blended[right] - lx, lx),
        multiply_add(h, blended[right + 1] - ly, ly),
        multiply_add(h, blended[UPPER + right] - ux, ux),
        multiply_add(h, blended[UPPER + right + 1] - uy, uy),
        multiply_add(h, blended[UPPER + left] - ux, ux),
        multiply_add(h, blended[UPPER + left + 1] - uy, uy),
    )


@inlined
def centre(pixmap, j, i):
    """Return the mapped centre of a pixel, or NaN outside the image and where x or y is NaN."""
    ny, nx, _ = pixmap.shape
    if i < 0 or j < 0 or i >= nx or j >= ny:
        return np.nan, np.nan
    x, y = pixmap[j, i, 0], pixmap[j, i, 1]
    if not (math.isfinite(x) and math.isfinite(y)):
        return np.nan, np.nan
    return x, y


@inlined
def length(pixmap, j, i, px, py):
    """Return the distance of a centre from a point, along x plus along y; NaN if it is missing."""
    x, y = centre(pixmap, j, i)
    return abs(x - px) + abs(y - py)


@inlined
def least(a, b):
    """Return the smaller of two numbers, or the one that is not NaN."""
    return b if math.isnan(a) or b < a else a


@inner
def limit_of(pixmap, j, i):
    """Return the distance from a centre beyond which its neighbours lie on the far side of a tear.

    A tear is a step that is much longer than the step to the opposite neighbour. A pixel at the
    border has no opposite neighbour; then its steps along the other axis count, and the next step
    inwards.
    """
    px, py = centre(pixmap, j, i)
    right, left = length(pixmap, j, i + 1, px, py), length(pixmap, j, i - 1, px, py)
    up, down = length(pixmap, j + 1, i, px, py), length(pixmap, j - 1, i, px, py)
    x, y = least(right, left), least(up, down)
    width, height = x, y
    if math.isnan(right + left):
        inwards = -1 if math.isnan(right) else 1
        qx, qy = centre(pixmap, j, i + inwards)
        further = length(pixmap, j, i + 2 * inwards, qx, qy)
        width = least(x, OBLONG * least(y, further))
    if math.isnan(up + down):
        inwards = -1 if math.isnan(up) else 1
        qx, qy = centre(pixmap, j + inwards, i)
        further = length(pixmap, j + 2 * inwards, i, qx, qy)
        height = least(y, OBLONG * least(x, further))
    # A comparison with NaN is false, so without any neighbour there is no limit.
    longer = height if math.isnan(width) or height > width else width
    return TORN * longer + CONTINUOUS


@inlined
def near(pixmap, j, i, around):
    """Return the mapped centre of a pixel; NaN if it lies beyond a limit around a point."""
    px, py, limit = around
    x, y = centre(pixmap, j, i)
    if abs(x - px) + abs(y - py) > limit:
        return np.nan, np.nan
    return x, y


@inlined
def is_stretched(pixmap, j, i, q):
    """Tell whether the map may be torn at a pixel, by its corners.

    The mean of the corners of a pixel is its centre, except where the map bends. At the border of
    the map, the extrapolation of a tear has the same mean, so every pixel there may be at a tear.
    """
    x0, y0, x1, y1, x2, y2, x3, y3 = q
    ny, nx, _ = pixmap.shape
    if i == 0 or j == 0 or i == nx - 1 or j == ny - 1:
        return True
    x, y = pixmap[j, i, 0], pixmap[j, i, 1]
    return abs(0.25 * (x0 + x1 + x2 + x3) - x) + abs(0.25 * (y0 + y1 + y2 + y3) - y) > 0.5


@inner
def is_torn(pixmap, j, i):
    """Tell whether a neighbour of a pixel lies beyond a tear of the map."""
    px, py = centre(pixmap, j, i)
    limit = limit_of(pixmap, j, i)
    for dj in range(-1, 2):
        for di in range(-1, 2):
            if length(pixmap, j + dj, i + di, px, py) > limit:
                return True
    return False


@inlined
def step(pixmap, j, i, dj, di, around):
    """Return the step to the next pixel, or the step from the previous pixel if it is missing."""
    px, py = near(pixmap, j, i, around)
    x, y = near(pixmap, j + dj, i + di, around)
    if math.isnan(x):
        qx, qy = near(pixmap, j - dj, i - di, around)
        return px - qx, py - qy
    return x - px, y - py


@inner
def neighbour(pixmap, j, i, dj, di, around):
    """Return the centre of the next pixel, or a substitute from the step of an adjacent line.

    A pixel at a border, between two NaN, or beside a tear has no step along its own line.
    """
    px, py, _ = around
    x, y = step(pixmap, j, i, dj, di, around)
    for side in (-1, 1):
        if math.isnan(x):
            x, y = step(pixmap, j + side * di, i + side * dj, dj, di, around)
    return px + x, py + y


@inner
def mended_corner(pixmap, j, i, dj, di, h, around):
    """Return the corner towards ``(dj, di)`` of a pixel some of whose neighbours are missing."""
    px, py, _ = around
    ax, ay = neighbour(pixmap, j, i, 0 * di, di, around)
    bx, by = neighbour(pixmap, j, i, dj, 0 * dj, around)
    cx, cy = near(pixmap, j + dj, i + di, around)
    if math.isnan(cx):
        cx, cy = ax + bx - px, ay + by - py
    lx, ly = px + h * (bx - px), py + h * (by - py)
    rx, ry = ax + h * (cx - ax), ay + h * (cy - ay)
    return lx + h * (rx - lx), ly + h * (ry - ly)


@inner
def mended_corners(pixmap, j, i, h):
    """Return the four corners of a pixel some of whose neighbours are NaN or beyond a tear."""
    # This is a variable and no constant, so that one compiled function serves all corners.
    one = np.int64(1)
    px, py = centre(pixmap, j, i)
    around = px, py, limit_of(pixmap, j, i)
    x0, y0 = mended_corner(pixmap, j, i, -one, -one, h, around)
    x1, y1 = mended_corner(pixmap, j, i, -one, one, h, around)
    x2, y2 = mended_corner(pixmap, j, i, one, one, h, around)
    x3, y3 = mended_corner(pixmap, j, i, one, -one, h, around)
    return x0, y0, x1, y1, x2, y2, x3, y3
