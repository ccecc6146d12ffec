"""The deposit of an exposure on one output tile: one loop over input pixels serves every kernel.

All planes of an exposure travel together. The *lanes* of an input pixel lie side by side, and so do
the float64 sums of an output pixel (see `LaneLayout`), so one overlap updates all planes::

    overlap a of pixel k with an output pixel, weight w of pixel k

    samples of pixel k       1      d      err   ...   0     |  V  ...
                             |      |       |                |           times a w    (linear)
                             v      v       v                v           or (a w)^2   (squared)
    sums of output pixel    a w   a w d  a w err ...   0     | (a w)^2 V ...

The loop is divided three times::

    output tile          no two threads share a tile
      row of blocks      blocks that cannot reach the tile are skipped (`reach`)
        piece of a row   up to SPAN pixels: samples, geometry, then deposits

A tile receives its input pixels in raster order of the exposure, so a sum does not depend on how
the output is divided into tiles.

Each pixel takes the first way below that fits:

1. weight 0: no deposit.
2. a patch of 2 x 2 or 3 x 3 cells inside the tile, nearly always: `depositor`. There is no branch
   that depends on an overlap, and no bounds to check, because the whole patch is inside the tile.
3. a patch that reaches beyond the tile: `deposit`, which clips its window to the tile.
4. corners that are NaN because of a neighbour, or far away because the map is torn: corners from
   other neighbours, then like 5.
5. a pixel of any size: its overlaps with the cells inside the tile, then `deposit`.

An overlap of 0 adds nothing, not even NaN times 0, so a sample that is NaN spoils only the output
pixels that its input pixel really overlaps.
"""

from __future__ import annotations

import math

from .corners import blend_rows, corners, is_stretched, is_torn, mended_corners
from .intrinsics import patch, row
from .jit import inlined, inner
from .patches import (
    FIRST,
    SIDE,
    SLOT,
    WIDE,
    box_patches,
    gather_wide,
    is_small,
    narrow_patches,
    patch_window,
    point_patches,
    wide_patches,
)
from .reach import BLOCK, MARGIN, block_range
from .samples import take_samples
from .separable import separable_factors, separable_windows
from .square import quadrilateral_cells
from .structures import GROUP, LANES, MIN_OVERLAP, PAD, POINT, SPAN, TURBO


def lane_adder(add_group, add_pair):
    """Return the function that adds all groups of lanes of a pixel to some output pixels.

    The groups are added in pairs; the last one is added alone if their number is odd. ``steps``
    tells the two functions which output pixels are meant.
    """

    @inlined
    def add_lanes(scratch, start, first, steps, lanes, sums, w, k):
        """Add input pixel ``k`` of a piece from cell ``first`` of the tile on.

        The overlaps stand from ``scratch.cells[start]`` on.
        """
        cells, samples, groups = scratch.cells, scratch.samples.lanes, lanes.groups
        bits = scratch.samples.flags[k]
        for g in range(0, groups - 1, 2):
            powers = 1 if g < lanes.linear_groups else 2, 1 if g + 1 < lanes.linear_groups else 2
            at, own = first * groups + g, k * groups + g
            mark = bits, lanes.flags - g * GROUP
            add_pair(sums, at, steps, cells, start, w, powers, samples, own, mark)
        if groups % 2:
            g = groups - 1
            power = 1 if g < lanes.linear_groups else 2
            at, own, mark = first * groups + g, k * groups + g, (bits, lanes.flags - g * GROUP)
            add_group(sums, at, steps, cells, start, w, (power, power), samples, own, mark)

    return add_lanes


def depositor(side):
    """Return the function that deposits a pixel on a patch of ``side`` x ``side`` cells."""
    add_lanes = lane_adder(*patch(side))

    @inlined
    def deposit_patch(scratch, start, first, width, lanes, sums, w, k):
        """Add input pixel ``k`` of a piece to the patch from cell ``first`` of the tile on."""
        add_lanes(scratch, start, first, (lanes.groups, width * lanes.groups), lanes, sums, w, k)

    return deposit_patch


deposit_1x1, deposit_2x2, deposit_3x3 = depositor(1), depositor(2), depositor(3)


@inlined
def deposit_inside(tile, lanes, sums, k, scratch):
    """Deposit a pixel whose patch lies inside the tile; return whether the patch does."""
    cells, w = scratch.cells, scratch.samples.weights[k]
    first = int(cells[FIRST + k])
    if first < 0:
        return False
    width = tile.x1 - tile.x0 + PAD
    if cells[SIDE + k] == 2.0:
        deposit_2x2(scratch, k, first, width, lanes, sums, w, k)
    else:
        start = WIDE + int(cells[SLOT + k])
        deposit_3x3(scratch, start, first, width, lanes, sums, w, k)
    return True


@inner
def deposit(scratch, window, tile, lanes, sums, w, k):
    """Add input pixel ``k`` of a piece to the cells of its window that lie inside the tile.

    Few pixels are deposited in this way, and a call compiles faster than the inlined body.
    """
    width = tile.x1 - tile.x0 + PAD
    for r in range(max(0, tile.y0 - window.y0), min(window.ny, tile.y1 - window.y0)):
        pixel_row = (window.y0 + r - tile.y0) * width + window.x0 - tile.x0
        for c in range(max(0, tile.x0 - window.x0), min(window.nx, tile.x1 - window.x0)):
            start = window.start + (r * window.pitch + c) * window.stride
            if abs(scratch.cells[start]) > MIN_OVERLAP:
                deposit_1x1(scratch, start, pixel_row + c, width, lanes, sums, w, k)


add_lanes_to_row = lane_adder(*row())


@inlined
def deposit_products(scratch, window, tile, lanes, sums, w, k):
    """Add input pixel ``k`` of a piece to cells whose overlaps are products of two factors.

    The window lies inside the tile, see `separable_factors`. Cells behind the last one of a row are
    in the padding of the tile or have a factor of 0. A sum begins at +0, so it is never -0, and
    adding 0 does not change its bits.
    """
    cells, width = scratch.cells, tile.x1 - tile.x0 + PAD
    along_x, along_y = window.start, window.start + window.pitch
    for r in range(window.ny):
        first, by = (window.y0 + r - tile.y0) * width + window.x0 - tile.x0, (cells[along_y + r], w)
        for c in range(0, window.nx, LANES):
            start, steps = along_x + c, (lanes.groups, window.nx - c)
            add_lanes_to_row(scratch, start, first + c, steps, lanes, sums, by, k)


@inlined
def trim(pixmap, j, start, stop, tile, margin):
    """Shorten a part of a row at both ends by the pixels that cannot reach a tile.

    A pixel with a NaN centre is not left out here; its deposit finds that it has no cells.
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


@inner
def find_pieces(pixmap, active, block_bounds, by, tile, pieces):
    """Write the pieces of one row of blocks that can reach a tile, in raster order.

    Return their number, or -1 if none of the blocks can reach the tile.
    """
    first, last = block_range(block_bounds, by, tile)
    if first > last:
        return -1
    j0, j1, i0, i1 = active
    margin = block_bounds[by, block_bounds.shape[1] - 1, MARGIN]
    first_i, last_i = i0 + first * BLOCK, min(i0 + (last + 1) * BLOCK, i1)
    count = 0
    for j in range(j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)):
        start, stop = trim(pixmap, j, first_i, last_i, tile, margin)
        for i in range(start, stop, SPAN):
            pieces[count, 0] = j
            pieces[count, 1] = i
            pieces[count, 2] = min(SPAN, stop - i)
            count += 1
    return count


@inlined
def deposit_quadrilateral_piece(source, footprint, tile, lanes, sums, j, i0, n, scratch):
    """Deposit ``n`` pixels of row ``j`` with the shapes that they have on the output.

    Parameters
    ----------
    source : ExposurePlanes
        The exposure.
    footprint : QuadrilateralFootprint
        The kernel.
    tile : OutputTile
        The tile.
    lanes : LaneLayout
        The order of the lanes.
    sums : ndarray
        float64: the sums over the tile, the lanes of a pixel side by side; updated.
    j, i0, n : int
        Row, first column and number of pixels.
    scratch : Scratch
        Space for one piece of a row.
    """
    h, cells = 0.5 * footprint.pixfrac, scratch.cells
    take_samples(source, lanes.groups, j, i0, n, scratch.samples)
    blend_rows(source.lines, j, i0, n, h, scratch.blended)
    narrow_patches(scratch.blended, n, h, tile, cells)
    wide_patches(gather_wide(n, cells), cells)
    for k in range(n):
        w = scratch.samples.weights[k]
        if w == 0.0 or deposit_inside(tile, lanes, sums, k, scratch):
            continue
        if is_small(cells, k):
            window = patch_window(cells, k, tile)
        else:
            q = corners(scratch.blended, k, h)
            finite = math.isfinite(q[0] + q[1] + q[2] + q[3] + q[4] + q[5] + q[6] + q[7])
            if not finite or (
                is_stretched(source.pixmap, j, i0 + k, q) and is_torn(source.pixmap, j, i0 + k)
            ):
                q = mended_corners(source.pixmap, j, i0 + k, h)
            window = quadrilateral_cells(q, tile, cells)
        if window.nx > 0:
            deposit(scratch, window, tile, lanes, sums, w, k)


@inlined
def deposit_boxes(source, far, tile, lanes, sums, j, i0, n, scratch):
    """Deposit ``n`` pixels of row ``j`` as boxes of less than two output pixels."""
    box_patches(source.lines, j, i0, n, far, tile, scratch.cells)
    for k in range(n):
        w = scratch.samples.weights[k]
        if w == 0.0 or deposit_inside(tile, lanes, sums, k, scratch):
            continue
        if is_small(scratch.cells, k):
            window = patch_window(scratch.cells, k, tile)
            deposit(scratch, window, tile, lanes, sums, w, k)


@inlined
def deposit_points(source, tile, lanes, sums, j, i0, n, scratch):
    """Deposit ``n`` pixels of row ``j`` on the one cell that holds their centre."""
    cells, weights = scratch.cells, scratch.samples.weights
    point_patches(source.lines, j, i0, n, tile, cells)
    width = tile.x1 - tile.x0 + PAD
    for k in range(n):
        first = int(cells[FIRST + k])
        if weights[k] != 0.0 and first >= 0:
            deposit_1x1(scratch, k, first, width, lanes, sums, weights[k], k)


@inlined
def deposit_separable_piece(source, footprint, tile, lanes, sums, j, i0, n, scratch):
    """Deposit ``n`` pixels of row ``j`` by a kernel that is a product of two factors.

    The parameters are those of `deposit_quadrilateral_piece`, with a SeparableFootprint.
    """
    far = footprint.reach
    take_samples(source, lanes.groups, j, i0, n, scratch.samples)
    if footprint.code == TURBO and far < 1.0:
        deposit_boxes(source, far, tile, lanes, sums, j, i0, n, scratch)
        return
    if footprint.code == POINT:
        deposit_points(source, tile, lanes, sums, j, i0, n, scratch)
        return
    separable_windows(source.lines, j, i0, n, footprint.code, far, scratch.cells)
    for k in range(n):
        w = scratch.samples.weights[k]
        if w != 0.0:
            x, y = source.pixmap[j, i0 + k, 0], source.pixmap[j, i0 + k, 1]
            window = separable_factors(footprint, x, y, k, tile, scratch.cells)
            deposit_products(scratch, window, tile, lanes, sums, w, k)
