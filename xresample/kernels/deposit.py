"""The one loop over input pixels, and the one deposit, that serve every kernel.

All planes of an exposure travel together: the *lanes* of an input pixel are put side by side,
a piece of a row at a time, and so are the float64 sums of an output pixel. One overlap ``a``
updates them all::

    lane        0      1       2 ...            padding   | squared lanes
    sample      1      d       err, sqrt(var)...  0 ...   | V...
    sum        a w    a w d   a w err, ...                | (a w)^2 V

Lanes come in groups of four, one vector each. Pixels that have a patch of 2 x 2 or 3 x 3 cells
inside the tile, nearly all there are, are deposited without a branch that depends on overlaps.

Work is divided by output tile. A tile receives its input pixels in raster order of the
exposure, so a sum does not depend on how the output is divided.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba.extending import overload

from .codes import TURBO
from .corners import blend_rows, corners, mended_corners
from .intrinsics import add_lanes, patch
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
    wide_patches,
)
from .reach import BLOCK, MARGIN, block_range
from .samples import Samples, take_samples
from .separable import reach, separable_cells, separable_windows
from .square import quadrilateral_cells
from .structures import MIN_OVERLAP, PAD, SPAN, Quadrilateral


class Room(NamedTuple):
    """Room for the geometry and the samples of one row of input pixels."""

    blended: np.ndarray
    """Rows of centres mixed with their neighbours: see ``corners``."""
    cells: np.ndarray
    """Overlaps: those of the whole row first, then those of one pixel of any size."""
    samples: Samples


@inlined
def deposit(room, window, tile, sums, w, k, flag):
    """Add one input pixel to its output cells inside the tile."""
    width = tile.x1 - tile.x0 + PAD
    for r in range(max(0, tile.y0 - window.y0), min(window.ny, tile.y1 - window.y0)):
        pixel_row = (window.y0 + r - tile.y0) * width + window.x0 - tile.x0
        for c in range(max(0, tile.x0 - window.x0), min(window.nx, tile.x1 - window.x0)):
            a = room.cells[window.start + (r * window.pitch + c) * window.stride]
            if abs(a) > MIN_OVERLAP:
                aw = a * w
                pixel = pixel_row + c
                for g in range(sums.groups):
                    factor = aw if g < sums.linear else aw * aw
                    at = pixel * sums.groups + g
                    add_lanes(sums.lanes, at, factor, room.samples.lanes, k * sums.groups + g)
                if sums.flags.size > 0 and aw > 0.0:
                    sums.flags[pixel] |= flag


def depositor(side):
    """Return the function that deposits a pixel on a patch of ``side`` x ``side`` cells.

    The lanes go in pairs of groups, and in one group where their number is odd.
    """
    add_group, add_pair, set_flags = patch(side)

    @inlined
    def deposit_patch(room, first, width, sums, w, k, flag):
        """Add one input pixel to the patch from ``first`` on, all of it inside the tile."""
        cells, lanes, groups = room.cells, room.samples.lanes, sums.groups
        start = k if side == 2 else WIDE + int(cells[SLOT + k])
        steps = groups, width * groups
        for g in range(0, groups - 1, 2):
            powers = 1 if g < sums.linear else 2, 1 if g + 1 < sums.linear else 2
            at, own = first * groups + g, k * groups + g
            add_pair(sums.lanes, at, steps, cells, start, w, powers, lanes, own)
        if groups % 2:
            g = groups - 1
            power = 1 if g < sums.linear else 2
            at, own = first * groups + g, k * groups + g
            add_group(sums.lanes, at, steps, cells, start, w, (power, power), lanes, own)
        if sums.flags.size > 0:
            set_flags(sums.flags, first, width, cells, start, w, flag)

    return deposit_patch


deposit_2x2, deposit_3x3 = depositor(2), depositor(3)


@inlined
def deposit_inside(tile, sums, k, room):
    """Deposit a pixel whose patch lies inside the tile; return whether it does."""
    cells, w, flag = room.cells, room.samples.weights[k], room.samples.flags[k]
    first = int(cells[FIRST + k])
    if first < 0:
        return False
    width = tile.x1 - tile.x0 + PAD
    if cells[SIDE + k] == 2.0:
        deposit_2x2(room, first, width, sums, w, k, flag)
    else:
        deposit_3x3(room, first, width, sums, w, k, flag)
    return True


@inner
def deposit_quadrilaterals(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` as they lie on the output."""
    h, cells = 0.5 * footprint.pixfrac, room.cells
    take_samples(source, sums, j, i0, n, room.samples)
    blend_rows(source.pixmap, j, i0, n, h, room.blended)
    narrow_patches(room.blended, n, h, tile, cells)
    wide_patches(gather_wide(n, cells), cells)
    for k in range(n):
        w, flag = room.samples.weights[k], room.samples.flags[k]
        if w == 0.0 or deposit_inside(tile, sums, k, room):
            continue
        if is_small(cells, k):
            window = patch_window(cells, k, tile)
        else:
            q = corners(room.blended, k, h)
            if not math.isfinite(q[0] + q[1] + q[2] + q[3] + q[4] + q[5] + q[6] + q[7]):
                q = mended_corners(source.pixmap, j, i0 + k, h)
            window = quadrilateral_cells(q, tile, cells)
        deposit(room, window, tile, sums, w, k, flag)


@inner
def deposit_boxes(source, far, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` as boxes of less than two output pixels."""
    box_patches(source.pixmap, j, i0, n, far, tile, room.cells)
    for k in range(n):
        w, flag = room.samples.weights[k], room.samples.flags[k]
        if w == 0.0 or deposit_inside(tile, sums, k, room):
            continue
        if is_small(room.cells, k):
            deposit(room, patch_window(room.cells, k, tile), tile, sums, w, k, flag)


@inner
def deposit_products(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` by a kernel that is a product."""
    far = reach(footprint.code, footprint.pixfrac, footprint.ratio)
    take_samples(source, sums, j, i0, n, room.samples)
    if footprint.code == TURBO and far < 1.0:
        deposit_boxes(source, far, tile, sums, j, i0, n, room)
        return
    separable_windows(source.pixmap, j, i0, n, footprint.code, far, room.cells)
    for k in range(n):
        w, flag = room.samples.weights[k], room.samples.flags[k]
        if w != 0.0:
            x, y = source.pixmap[j, i0 + k, 0], source.pixmap[j, i0 + k, 1]
            window = separable_cells(footprint, x, y, k, tile, room.cells)
            deposit(room, window, tile, sums, w, k, flag)


def deposit_row(source, footprint, tile, sums, j, i0, n, room):
    """Deposit ``n`` pixels of row ``j`` by the kernel of a footprint; no other is compiled."""
    row = deposit_quadrilaterals if isinstance(footprint, Quadrilateral) else deposit_products
    row(source, footprint, tile, sums, j, i0, n, room)


@overload(deposit_row, inline="always")
def _deposit_row(source, footprint, tile, sums, j, i0, n, room):
    row = deposit_quadrilaterals if footprint.instance_class is Quadrilateral else deposit_products

    def compiled(source, footprint, tile, sums, j, i0, n, room):
        row(source, footprint, tile, sums, j, i0, n, room)

    return compiled


@inlined
def trim(pixmap, j, start, stop, tile, margin):
    """Leave out pixels at both ends of a part of a row that cannot reach a tile.

    A NaN centre is kept: its pixel finds out.
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


@inlined
def deposit_tile(source, footprint, active, block_bounds, tile, sums, room):
    """Sum the deposits of an exposure over one output tile; return whether any can reach it.

    ``active`` holds the first and past-the-last row and column of the pixels to deposit;
    ``block_bounds`` the output cells that each block of them can reach.
    """
    j0, j1, i0, i1 = active
    reached = False
    for by in range(block_bounds.shape[0]):
        first, last = block_range(block_bounds, by, tile)
        if first > last:
            continue
        reached = True
        margin = block_bounds[by, block_bounds.shape[1] - 1, MARGIN]
        first_i, last_i = i0 + first * BLOCK, min(i0 + (last + 1) * BLOCK, i1)
        for j in range(j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1)):
            start, stop = trim(source.pixmap, j, first_i, last_i, tile, margin)
            for i in range(start, stop, SPAN):
                n = min(SPAN, stop - i)
                deposit_row(source, footprint, tile, sums, j, i, n, room)
    return reached
