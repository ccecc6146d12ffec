"""The distribution of many values, as counts in bins of equal width."""

from __future__ import annotations

import math

import numpy as np

from .jit import jit


def extremes(values: np.ndarray) -> tuple[float, float]:
    """Return the minimum and maximum of the values that are finite and not 0.

    Parameters
    ----------
    values : ndarray
        float32 or float64 ``(y, x)``.

    Returns
    -------
    (float, float)
        Infinity and minus infinity if there is no such value.

    Examples
    --------
    >>> extremes(np.array([[0.0, 3.0, np.nan, 2.0]]))
    (2.0, 3.0)
    """
    out = np.array([math.inf, -math.inf])
    _extremes(values, out)
    return float(out[0]), float(out[1])


@jit
def _extremes(values, out):
    """Widen the interval ``out`` to the values that are finite and not 0."""
    low, high = out[0], out[1]
    for j in range(values.shape[0]):
        for i in range(values.shape[1]):
            value = values[j, i]
            if value != 0.0 and math.isfinite(value):
                low = min(low, value)
                high = max(high, value)
    out[0], out[1] = low, high


def count_values(values: np.ndarray, low: float, high: float, counts: np.ndarray) -> None:
    """Count the values that are not 0 in bins from ``low`` to ``high``; both ends belong to a bin.

    Parameters
    ----------
    values : ndarray
        float32 or float64 ``(y, x)``.
    low, high : float
        Ends of the first and of the last bin; ``low < high``.
    counts : ndarray
        int64; updated.
    """
    _count(values, low, high, len(counts) / (high - low), counts)


@jit
def _count(values, low, high, per_bin, counts):
    """Count values as `count_values` does; NaN fails the comparison."""
    last = counts.size - 1
    for j in range(values.shape[0]):
        for i in range(values.shape[1]):
            value = values[j, i]
            if value >= low and value <= high and value != 0.0:
                counts[min(int((value - low) * per_bin), last)] += 1
