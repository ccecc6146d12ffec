"""Add the noise covariance of one exposure to the sums over the blocks of a mosaic.

The sums are (Fruchter & Hook 2002, section 6, discuss the correlation)::

    S_l(block) = sum over pixels p of the block, over input pixels i, of  a_ip a_i,p+l w_i^2 V_i

``p + l`` is the pixel a lag ``l`` away from ``p``, ``a`` the overlap of an input pixel with an
output pixel, ``w`` its weight, and ``V`` the sum of its variances that enter ``err``. Only one
input pixel in eight is used, see ``kernels.correlate``; ratios of the sums hardly depend on that.

The order of additions within a block does not depend on threads or on tiles whose edges are edges
of blocks: a block belongs to one thread, and receives its input pixels in raster order of the
exposure. The sums of an exposure are added to the mosaic once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from xresample import threads as pool
from xresample.datamodel.blocks import Blocks
from xresample.kernels.structures import Gain, LaneLayout, SeparableFootprint

from .deposit import Flags, Footprint, Placement, SampledPlane, make_source

BATCHES = 8
"""Number of batches of blocks per thread, so that no thread waits long for the others."""

NO_GAIN = Gain(np.zeros((0, 0)), 0, 0)


class NoisyPixels(NamedTuple):
    """The pixels of an exposure whose noise is to be correlated."""

    sampled: list[SampledPlane]
    """The plane of the weights, the data, then the variances that enter ``err``."""
    flags: Flags
    pixmap: np.ndarray
    placement: Placement
    first: tuple[int, int]
    """Row and column where the pixel map begins, in the pixels of the exposure's WCS."""
    limit: float = math.inf
    """Largest number of the planes of the mosaic. Data and weights beyond it do not contribute."""


def max_lag(footprint: Footprint, ratio: float) -> int:
    """Return the maximum distance along an axis of two output pixels that share an input pixel.

    A square of the width 1 that is rotated by 45 degrees is 1.41 wide along an axis. The limit
    allows for 2, because distorted pixels are elongated.

    Parameters
    ----------
    footprint : QuadrilateralFootprint or SeparableFootprint
        The kernel.
    ratio : float
        Pixel scale of the output over that of the exposure.
    """
    if isinstance(footprint, SeparableFootprint):
        return math.floor(2.0 * footprint.reach) + 1
    side = footprint.pixfrac / ratio
    return max(math.ceil(side) + 1, math.ceil(2.0 * side))


def add_covariance(
    sums: np.ndarray,
    blocks: Blocks,
    pixels: NoisyPixels,
    lags: int,
    threads: int | None = None,
    gain: Gain = NO_GAIN,
) -> None:
    """Add the covariance of the noise of an exposure to the sums over blocks.

    Parameters
    ----------
    sums : ndarray
        float64 ``(block y, block x, lag y, lag x)``; updated.
    blocks : Blocks
        The blocks.
    pixels : NoisyPixels
        The exposure.
    lags : int
        Maximum lag of this exposure. Pairs of pixels farther apart, which only very elongated
        pixels have, are counted at this lag.
    threads : int, optional
        Number of threads. Default: one per CPU. The result is bit-for-bit the same for any value.
    gain : Gain, optional
        Factors of the output pixels. Default: 1 everywhere, also outside of the mosaic.
    """
    from xresample.kernels.correlate import correlate_blocks

    lanes = LaneLayout.of(means=1, propagated=len(pixels.sampled) - 2)
    source = make_source(pixels.sampled, pixels.flags, pixels.pixmap, lanes, pixels.limit)
    footprint, active, bounds, _ = pixels.placement
    chosen = [
        (*index, *rectangle)
        for index, rectangle in blocks.rectangles()
        if _is_reached(bounds, rectangle)
    ]
    if not chosen:
        return
    middle = sums.shape[2] - 1
    columns = slice(middle - lags, middle + lags + 1)

    def work(some: np.ndarray) -> None:
        found = correlate_blocks(
            source, footprint, active, bounds, some[:, 2:], lanes, gain, pixels.first, lags
        )
        for (j, i), of_block in zip(some[:, :2].tolist(), found, strict=True):
            sums[j, i, : lags + 1, columns] += of_block

    count = min(len(chosen), BATCHES * pool.count(threads))
    pool.run(work, np.array_split(np.array(chosen, np.int64), count), threads)


def _is_reached(bounds: np.ndarray, rectangle: tuple[int, int, int, int]) -> bool:
    """Tell whether any row of blocks of input pixels can reach a rectangle of the output."""
    y0, y1, x0, x1 = rectangle
    y_low, y_high, x_low, x_high = bounds[:, -1, :4].T
    return bool(np.any((y_low < y1) & (y_high >= y0) & (x_low < x1) & (x_high >= x0)))
