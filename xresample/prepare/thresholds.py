"""The mean weight of a group of exposures: pixels below a fraction of this mean do not count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CLIP = 3.0
"""Distance from the median, in standard deviations, at which a weight is rejected."""

ITERATIONS = 5

BINS = 1 << 18
"""Number of bins between the minimum and the maximum weight."""


def mean_weight(images: Sequence[np.ndarray]) -> float:
    """Return the sigma-clipped mean of the weights that are finite and not 0; NaN without any.

    This is the mean of ``stcal.outlier_detection.compute_weight_threshold``. The weights are
    counted in narrow bins, which is ten times as fast as sorting them, and the result does not
    depend on their order. Each round divides the remaining interval into bins again.

    Parameters
    ----------
    images : sequence of ndarray
        The weights, in arrays of two dimensions.

    Examples
    --------
    >>> mean_weight([np.array([[0.0, 2.0, 2.0, 4.0, 4.0, np.nan]])]).__round__(4)
    3.0
    """
    from xresample.kernels.histogram import count_values, extremes

    found = [extremes(image) for image in images]
    low = min((ends[0] for ends in found), default=math.inf)
    high = max((ends[1] for ends in found), default=-math.inf)
    if low > high:
        return math.nan
    mean = low
    for _ in range(ITERATIONS + 1):
        if not low < high:
            return low
        counts = np.zeros(BINS, np.int64)
        for image in images:
            count_values(image, low, high, counts)
        total = int(counts.sum())
        values = low + (np.arange(BINS) + 0.5) * ((high - low) / BINS)
        mean = float(counts @ values) / total
        middle = int(np.searchsorted(np.cumsum(counts), (total + 1) // 2))
        far = CLIP * math.sqrt(float(counts @ (values - mean) ** 2) / total)
        below, above = values[middle] - far, values[middle] + far
        if below <= low and above >= high:
            break
        low, high = max(low, below), min(high, above)
    return mean
