"""The input pixels that overlap no pixel of the output: off the grid, or with an unknown position.

Most pixels are counted without a look at their overlaps::

    row of blocks, or block, of input pixels       counted as
    cannot reach the grid                          all its pixels miss
    lies inside the grid, no NaN in or beside it   no pixel misses
    anything else                                  pixel by pixel, by the same geometry as a deposit

Whether a pixel overlaps the grid depends on the pixel map only, not on data or weights.
"""

from __future__ import annotations

import math

from .corners import mended_corners
from .jit import inlined, inner, jit
from .plain import floor
from .reach import BLOCK, reaches
from .square import overlaps_column, relative_to, signed_area
from .structures import LANCZOS2, LANCZOS3, MIN_OVERLAP, SQUARE, TURBO


@inner
def all_finite(pixmap, j0, j1, i0, i1):
    """Tell whether a part of a map, and the ring of pixels around it, hold no NaN."""
    ny, nx, _ = pixmap.shape
    first, stop = 2 * max(i0 - 1, 0), 2 * min(i1 + 1, nx)
    found = 0
    for j in range(max(j0 - 1, 0), min(j1 + 1, ny)):
        row = pixmap[j].reshape(-1)
        # The loop has no branch, so it becomes vector instructions.
        for k in range(first, stop):
            found |= 0 if abs(row[k]) < math.inf else 1
    return found == 0


@inlined
def is_inside(bounds, tile):
    """Tell whether a block can reach cells of the grid only."""
    y_lo, y_hi, x_lo, x_hi, _ = bounds
    return y_lo >= tile.y0 and y_hi < tile.y1 and x_lo >= tile.x0 and x_hi < tile.x1


@inlined
def box_overlaps(centre, half, low, high):
    """Return the fraction of a box that lies between two coordinates along one axis."""
    return max(min(centre + half, high) - max(centre - half, low), 0.0) / (2.0 * half)


@inlined
def touches(centre, first, stop, far, lanczos):
    """Tell whether a kernel reaches any of the cells ``first`` to ``stop - 1`` along one axis."""
    if lanczos:
        low, high = floor(centre - far) + 1.0, floor(centre + far)
    else:
        low, high = floor(centre - far + 0.5), floor(centre + far + 0.5)
    return max(low, float(first)) <= min(high, stop - 1.0)


@inlined
def quadrilateral_hits(pixmap, j, i, h, tile, cells):
    """Tell whether the mapped shape of a pixel overlaps the grid.

    The grid is scaled to one cell, so the areas of any pixel are found in one step.
    """
    q = mended_corners(pixmap, j, i, h)
    x0, y0, x1, y1, x2, y2, x3, y3 = relative_to(q, tile.x0 - 0.5, tile.y0 - 0.5)
    width, height = float(tile.x1 - tile.x0), float(tile.y1 - tile.y0)
    scaled = (
        x0 / width,
        y0 / height,
        x1 / width,
        y1 / height,
        x2 / width,
        y2 / height,
        x3 / width,
        y3 / height,
    )
    area = signed_area(scaled)
    if not (abs(area) > 0.0 and abs(area) < math.inf):
        return False
    overlaps_column(scaled, 0.0, 0.0, 1, cells, 0, 1)
    return abs(cells[0] / area) > MIN_OVERLAP


@inner
def hits(pixmap, j, i, code, pixfrac, far, tile, cells):
    """Tell whether a pixel overlaps the grid ``tile``."""
    x, y = pixmap[j, i, 0], pixmap[j, i, 1]
    if not math.isfinite(x + y):
        return False
    if code == SQUARE:
        return quadrilateral_hits(pixmap, j, i, 0.5 * pixfrac, tile, cells)
    if code == TURBO:
        along_x = box_overlaps(x, far, tile.x0 - 0.5, tile.x1 - 0.5)
        return along_x * box_overlaps(y, far, tile.y0 - 0.5, tile.y1 - 0.5) > MIN_OVERLAP
    lanczos = code == LANCZOS2 or code == LANCZOS3
    in_x = touches(x, tile.x0, tile.x1, far, lanczos)
    return in_x and touches(y, tile.y0, tile.y1, far, lanczos)


@jit
def count_misses(pixmap, active, block_bounds, code, pixfrac, far, tile, rows, cells, misses):
    """Count the pixels of each row of a map that overlap no cell of the grid.

    Parameters
    ----------
    pixmap : ndarray
        float64 ``(y, x, 2)``: mapped pixel centres.
    active : tuple of int
        First and past-the-last row and column of the pixels to count.
    block_bounds : ndarray
        The output cells that each block of those pixels can reach, see `reach.bound_blocks`.
    code : int
        Index of the kernel in ``KERNELS``.
    pixfrac, far : float
        Pixel fraction, and reach of the kernel.
    tile : OutputTile
        The grid.
    rows : tuple of int
        First and past-the-last row of blocks to count.
    cells : ndarray
        float64 ``(2,)``: scratch.
    misses : ndarray
        int64, one number per active row; written for the rows of the blocks.
    """
    j0, j1, i0, i1 = active
    for by in range(rows[0], rows[1]):
        start, stop = j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)
        for j in range(start, stop):
            misses[j - j0] = 0
        blocks = block_bounds.shape[1] - 1
        if is_inside(block_bounds[by, blocks], tile) and all_finite(pixmap, start, stop, i0, i1):
            continue
        for bx in range(blocks):
            left, right = i0 + bx * BLOCK, min(i0 + (bx + 1) * BLOCK, i1)
            inside = is_inside(block_bounds[by, bx], tile)
            if inside and all_finite(pixmap, start, stop, left, right):
                continue
            off = not reaches(block_bounds[by, bx], tile)
            for j in range(start, stop):
                for i in range(left, right):
                    if off or not hits(pixmap, j, i, code, pixfrac, far, tile, cells):
                        misses[j - j0] += 1
