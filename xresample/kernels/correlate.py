"""Sums of the covariance of output pixels over blocks of the output, by lag.

The noise of an input pixel enters every output pixel that the input pixel overlaps, so these output
pixels have a covariance. For two pixels that are a lag ``l`` apart, summed over a block::

    sums[l] = sum over p in the block, over input pixels, of  a_p a_(p + l) w^2 V

                +-----+-----+
    overlaps    | a   | b   |      lag (0, 0): a a + b b + c c + d d      times w^2 V
    of an       +-----+-----+      lag (0, 1): a b + c d
    input       | c   | d   |      lag (1, 0): a c + b d
    pixel       +-----+-----+      lag (1, 1): a d,    lag (1, -1): b c

``p`` lies in the block; ``p + l`` may lie anywhere, also outside of the mosaic, so that the edges
of the mosaic do not look less correlated.

**Sample.** Only one input pixel in ``EVERY`` is used. A row is divided into strips of ``STRIP``
pixels, and a scrambled number of the row and of the group of strips chooses one strip of each
group. A regular choice would see the same position within an output pixel again and again. The
choice depends only on the indices of a pixel, so tiles, threads and cutouts do not change a sum.

**Order.** Each pixel adds to each lag once, in raster order of the exposure, as in ``deposit``.

Kernels that are products of two factors have sums that are products, too: the correlation along y
times the correlation along x. That is much faster for the wide kernels.
"""

from __future__ import annotations

import math

import numpy as np

from .corners import blend_rows, corners, mended_corners
from .deposit import find_pieces
from .jit import inlined, inner, jit
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
from .samples import take_samples
from .separable import (
    FIRST_X,
    FIRST_Y,
    LAST_X,
    LAST_Y,
    separable_windows,
    write_factors,
)
from .square import quadrilateral_cells
from .structures import (
    GROUP,
    LARGE,
    SPAN,
    TURBO,
    CellWindow,
    ExposurePlanes,
    Gain,
    LaneLayout,
    OutputTile,
    QuadrilateralFootprint,
    SeparableFootprint,
)
from .tiles import make_scratch

STRIP = 16
"""Number of pixels of a row that are used or left out together."""

EVERY = 8
"""Number of strips of which one is used."""

LOW_BITS = 0xFFFFFFFF


@inlined
def chosen_strip(row, group):
    """Return which of the ``EVERY`` strips of a group is used, as if at random."""
    mixed = (row * 0x9E3779B1 + group * 0x85EBCA77) & LOW_BITS
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & LOW_BITS
    mixed = ((mixed ^ (mixed >> 12)) * 0x297A2D39) & LOW_BITS
    return (mixed ^ (mixed >> 15)) % EVERY


@inlined
def noise_power(samples, lanes, k):
    """Return ``w^2 V`` of a pixel; 0 if the pixel does not contribute or has no variance."""
    start = (k * lanes.groups + lanes.linear_groups) * GROUP
    total = 0.0
    for m in range(lanes.propagated):
        variance = samples.lanes[start + m]
        total += variance if variance > 0.0 else 0.0
    power = samples.weights[k] * samples.weights[k] * total
    return power if power < math.inf else 0.0


@inlined
def apply_gain(cells, window, gain):
    """Multiply the overlaps of a window by the factors of the output pixels."""
    for r in range(window.ny):
        y = window.y0 + r - gain.y0
        for c in range(window.nx):
            x = window.x0 + c - gain.x0
            inside = 0 <= y < gain.values.shape[0] and 0 <= x < gain.values.shape[1]
            at = window.start + (r * window.pitch + c) * window.stride
            cells[at] = cells[at] * gain.values[y, x] if inside else 0.0


@inner
def correlate_window(cells, window, power, tile, gain, sums):
    """Add the products of all pairs of overlaps of a window whose first cell is in the tile."""
    far = sums.shape[0] - 1
    if gain.values.size > 0:
        apply_gain(cells, window, gain)
    start, pitch, stride = window.start, window.pitch, window.stride
    c0, c1 = max(0, tile.x0 - window.x0), min(window.nx, tile.x1 - window.x0)
    for r in range(max(0, tile.y0 - window.y0), min(window.ny, tile.y1 - window.y0)):
        for c in range(c0, c1):
            a = power * cells[start + (r * pitch + c) * stride]
            if a == 0.0:
                continue
            for other in range(r, window.ny):
                lag_y, row = min(other - r, far), start + other * pitch * stride
                for k in range(window.nx):
                    lag_x = min(max(k - c, -far), far)
                    sums[lag_y, far + lag_x] += a * cells[row + k * stride]


@inlined
def correlate_2x2(cells, at, power, sums):
    """Add the products of all pairs of overlaps of a patch of 2 x 2 cells."""
    a, b, c, d = cells[at], cells[at + SPAN], cells[at + 2 * SPAN], cells[at + 3 * SPAN]
    far = sums.shape[0] - 1
    level = power * (a * b + c * d)
    sums[0, far] += power * (a * a + b * b + c * c + d * d)
    sums[0, far + 1] += level
    sums[0, far - 1] += level
    sums[1, far] += power * (a * c + b * d)
    sums[1, far + 1] += power * (a * d)
    sums[1, far - 1] += power * (b * c)


@inlined
def correlate_3x3(cells, at, power, sums):
    """Add the products of all pairs of overlaps of a patch of 3 x 3 cells."""
    a, b, c = cells[at], cells[at + SPAN], cells[at + 2 * SPAN]
    d, e, f = cells[at + 3 * SPAN], cells[at + 4 * SPAN], cells[at + 5 * SPAN]
    g, h, i = cells[at + 6 * SPAN], cells[at + 7 * SPAN], cells[at + 8 * SPAN]
    far = sums.shape[0] - 1
    squares = a * a + b * b + c * c + d * d + e * e + f * f + g * g + h * h + i * i
    level_1 = power * (a * b + b * c + d * e + e * f + g * h + h * i)
    level_2 = power * (a * c + d * f + g * i)
    sums[0, far] += power * squares
    sums[0, far + 1] += level_1
    sums[0, far - 1] += level_1
    sums[0, far + 2] += level_2
    sums[0, far - 2] += level_2
    sums[1, far] += power * (a * d + b * e + c * f + d * g + e * h + f * i)
    sums[1, far + 1] += power * (a * e + b * f + d * h + e * i)
    sums[1, far - 1] += power * (b * d + c * e + e * g + f * h)
    sums[1, far + 2] += power * (a * f + d * i)
    sums[1, far - 2] += power * (c * d + f * g)
    sums[2, far] += power * (a * g + b * h + c * i)
    sums[2, far + 1] += power * (a * h + b * i)
    sums[2, far - 1] += power * (b * g + c * h)
    sums[2, far + 2] += power * (a * i)
    sums[2, far - 2] += power * (c * g)


@inlined
def correlate_patch(cells, k, power, tile, gain, sums):
    """Add the products of all pairs of overlaps of a pixel that has a patch.

    A patch inside the tile has formulas without loops; its unused cells are 0. Every kernel that
    has patches has sums over at least two lags.
    """
    if cells[FIRST + k] >= 0.0 and gain.values.size == 0:
        if cells[SIDE + k] == 2.0:
            correlate_2x2(cells, k, power, sums)
        else:
            correlate_3x3(cells, WIDE + int(cells[SLOT + k]), power, sums)
    else:
        correlate_window(cells, patch_window(cells, k, tile), power, tile, gain, sums)


@inlined
def correlate_quadrilaterals(source, footprint, tile, lanes, gain, j, i0, n, scratch, sums):
    """Add ``n`` pixels of row ``j`` with the shapes that they have on the output."""
    h, cells, far = 0.5 * footprint.pixfrac, scratch.cells, sums.shape[0] - 1
    take_samples(source, lanes.groups, j, i0, n, scratch.samples)
    blend_rows(source.lines, j, i0, n, h, scratch.blended)
    narrow_patches(scratch.blended, n, h, tile, cells)
    wide_patches(gather_wide(n, cells), cells)
    around = OutputTile(tile.y0 - far, tile.y1 + far, tile.x0 - far, tile.x1 + far)
    for k in range(n):
        power = noise_power(scratch.samples, lanes, k)
        if power == 0.0:
            continue
        if is_small(cells, k):
            correlate_patch(cells, k, power, tile, gain, sums)
        else:
            q = corners(scratch.blended, k, h)
            if not math.isfinite(q[0] + q[1] + q[2] + q[3] + q[4] + q[5] + q[6] + q[7]):
                q = mended_corners(source.pixmap, j, i0 + k, h)
            window = quadrilateral_cells(q, around, cells)
            correlate_window(cells, window, power, tile, gain, sums)


@inlined
def autocorrelate(cells, start, n, first, stop, lags, to):
    """Write ``sum f[c] f[c + l]`` over ``c`` from first to stop; lags from -``lags`` to n - 1."""
    for lag in range(-lags, n):
        total = 0.0
        for c in range(max(first, -lag), min(stop, n - lag)):
            total += cells[start + c] * cells[start + c + lag]
        cells[to + lags + lag] = total


@inner
def correlate_product(cells, window, power, tile, sums):
    """Add the products of all pairs of overlaps that are products of factors.

    The factors along x stand from ``window.start`` on, those along y behind them.
    """
    far, nx, ny = sums.shape[0] - 1, window.nx, window.ny
    along_x = window.start + nx + ny
    along_y = along_x + 2 * nx
    first_x, stop_x = max(0, tile.x0 - window.x0), min(nx, tile.x1 - window.x0)
    first_y, stop_y = max(0, tile.y0 - window.y0), min(ny, tile.y1 - window.y0)
    autocorrelate(cells, window.start, nx, first_x, stop_x, nx - 1, along_x)
    autocorrelate(cells, window.start + nx, ny, first_y, stop_y, 0, along_y)
    # The lags never exceed those of the sums; the minimum keeps a mistake inside the array.
    side = min(nx - 1, far)
    for lag_y in range(min(ny, far + 1)):
        factor = power * cells[along_y + lag_y]
        for lag_x in range(-side, side + 1):
            sums[lag_y, far + lag_x] += factor * cells[along_x + nx - 1 + lag_x]


@inlined
def expand(cells, window):
    """Write the overlaps of a window behind its factors; return the window of the overlaps."""
    start = window.start + window.nx + window.ny
    for r in range(window.ny):
        for c in range(window.nx):
            x, y = cells[window.start + c], cells[window.start + window.nx + r]
            cells[start + r * window.nx + c] = x * y
    return CellWindow(window.x0, window.y0, window.nx, window.ny, window.nx, start, 1)


@inlined
def correlate_separable(source, footprint, tile, lanes, gain, j, i0, n, scratch, sums):
    """Add ``n`` pixels of row ``j`` by a kernel that is a product of two factors."""
    cells = scratch.cells
    take_samples(source, lanes.groups, j, i0, n, scratch.samples)
    if footprint.code == TURBO and footprint.reach < 1.0:
        # Boxes of less than two cells have few pairs, and several boxes share each instruction.
        box_patches(source.lines, j, i0, n, footprint.reach, tile, cells)
        for k in range(n):
            power = noise_power(scratch.samples, lanes, k)
            if power > 0.0 and is_small(cells, k):
                correlate_patch(cells, k, power, tile, gain, sums)
        return
    separable_windows(source.lines, j, i0, n, footprint.code, footprint.reach, cells)
    for k in range(n):
        power = noise_power(scratch.samples, lanes, k)
        x, y = source.pixmap[j, i0 + k, 0], source.pixmap[j, i0 + k, 1]
        first_x, final_x = cells[FIRST_X + k], cells[LAST_X + k]
        first_y, final_y = cells[FIRST_Y + k], cells[LAST_Y + k]
        along_x = first_x < tile.x1 and final_x >= tile.x0
        along_y = first_y < tile.y1 and final_y >= tile.y0
        # A comparison with NaN is false, so a pixel with a NaN centre is left out.
        if power > 0.0 and along_x and along_y and math.isfinite(x + y):
            nx, ny = int(final_x - first_x) + 1, int(final_y - first_y) + 1
            window = CellWindow(int(first_x), int(first_y), nx, ny, nx, LARGE, 1)
            write_factors(footprint, first_x, nx, x, cells, LARGE)
            write_factors(footprint, first_y, ny, y, cells, LARGE + nx)
            if gain.values.size > 0:
                window = expand(cells, window)
                correlate_window(cells, window, power, tile, gain, sums)
            else:
                correlate_product(cells, window, power, tile, sums)


def correlator(correlate):
    """Return the function that correlates the sampled pixels of an exposure over one block."""

    @inlined
    def correlate_piece(source, footprint, tile, lanes, gain, first, piece, scratch, sums):
        """Correlate the strips of a piece of a row that are used."""
        j, i, n = int(piece[0]), int(piece[1]), int(piece[2])
        row, left = first[0] + j, first[1]
        width = STRIP * EVERY
        for group in range((left + i) // width, (left + i + n - 1) // width + 1):
            strip = group * width + chosen_strip(row, group) * STRIP - left
            start, stop = max(strip, i), min(strip + STRIP, i + n)
            if start < stop:
                correlate(
                    source, footprint, tile, lanes, gain, j, start, stop - start, scratch, sums
                )

    @jit
    def correlate_block(
        source, footprint, active, block_bounds, tile, lanes, gain, first, scratch, sums
    ):
        """Add the covariance of the noise of an exposure over one block to ``sums``.

        Parameters
        ----------
        source : ExposurePlanes
            The exposure; its squared lanes are the variances.
        footprint : QuadrilateralFootprint or SeparableFootprint
            The kernel.
        active : tuple of int
            First and past-the-last row and column of the pixels to deposit.
        block_bounds : ndarray
            The output cells that each block of those pixels can reach, see `reach.bound_blocks`.
        tile : OutputTile
            The block.
        lanes : LaneLayout
            The order of the lanes.
        gain : Gain
            Factors of the output pixels.
        first : tuple of int
            Row and column of the detector where the pixel map begins.
        scratch : Scratch
            Space for one piece of a row.
        sums : ndarray
            float64 ``(lag y, lag x)``: lags from 0 on along y, negative ones too along x; updated.
        """
        pieces = scratch.pieces
        for by in range(block_bounds.shape[0]):
            count = find_pieces(source.pixmap, active, block_bounds, by, tile, pieces)
            for p in range(count):
                correlate_piece(
                    source, footprint, tile, lanes, gain, first, pieces[p], scratch, sums
                )

    return correlate_block


correlate_block_of_quadrilaterals = correlator(correlate_quadrilaterals)
correlate_block_of_products = correlator(correlate_separable)


def correlate_blocks(
    source: ExposurePlanes,
    footprint: QuadrilateralFootprint | SeparableFootprint,
    active: tuple[int, int, int, int],
    block_bounds: np.ndarray,
    blocks: np.ndarray,
    lanes: LaneLayout,
    gain: Gain,
    first: tuple[int, int],
    lags: int,
) -> np.ndarray:
    """Return the sums over each block of ``blocks``, ``(block, lag y, lag x)``.

    Parameters
    ----------
    blocks : ndarray
        int64 ``(block, 4)``: rows and columns y0, y1, x0, x1.
    lags : int
        Maximum lag along an axis.
    """
    found = np.zeros((len(blocks), lags + 1, 2 * lags + 1))
    height, width = (int((blocks[:, k + 1] - blocks[:, k]).max()) for k in (0, 2))
    # A pixel has at most ``lags + 1`` cells along an axis, or is cut to the block and its margin.
    cells = max((height + 2 * lags + 1) * (width + 2 * lags), (lags + 6) ** 2)
    scratch = make_scratch(lanes.groups, source.pixmap.shape[1], cells)
    is_square = isinstance(footprint, QuadrilateralFootprint)
    correlate = correlate_block_of_quadrilaterals if is_square else correlate_block_of_products
    for block, sums in zip(blocks.tolist(), found, strict=True):
        tile = OutputTile(*block)
        correlate(source, footprint, active, block_bounds, tile, lanes, gain, first, scratch, sums)
    return found
