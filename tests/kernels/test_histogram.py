"""The kernels that count values."""

from __future__ import annotations

import math

import numpy as np
from numpy.testing import assert_array_equal

from xresample.kernels.histogram import count_values, extremes


def test_counts_agree_with_numpy():
    values = np.random.default_rng(0).uniform(1, 3, (20, 30))
    values[4], values[5, 3] = 0.0, np.nan
    known = values[(values != 0) & np.isfinite(values)]
    low, high = extremes(values)
    assert (low, high) == (known.min(), known.max())
    counts = np.zeros(7, np.int64)
    count_values(values, low, high, counts)
    assert_array_equal(counts, np.histogram(known, 7, (low, high))[0])
    count_values(values, low, high, counts)
    assert counts.sum() == 2 * known.size


def test_no_values():
    assert extremes(np.array([[0.0, math.nan, math.inf]])) == (math.inf, -math.inf)
