"""The kernel that marks outliers, against ``stcal``."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from xresample.kernels.outliers import FlagRule, flag_rows, mark_rows


def scene(shape: tuple[int, int] = (21, 23), seed: int = 0):
    """Return data, noise and model, with NaN in each of them and outliers of all sizes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    model = (5 * np.exp(-((y - 10) ** 2 + (x - 8) ** 2) / 12)).astype(np.float32)
    noise = rng.uniform(0.1, 0.2, shape).astype(np.float32)
    data = model + rng.normal(0, 0.1, shape).astype(np.float32)
    hit = rng.random(shape) < 0.1
    data = np.where(hit, data + rng.uniform(-3, 3, shape), data).astype(np.float32)
    data[2, 3] = noise[5, 6] = model[7, 15] = np.nan
    return data, noise, model


def mask_of(data, noise, model, rule, spread=None, rows=4):
    """Run the two kernels in slabs of rows."""
    levels, mask = np.empty(data.shape, np.uint8), np.empty(data.shape, bool)
    spread = np.empty((0, 0), model.dtype) if spread is None else spread
    starts = range(0, len(data), rows)
    for first in starts:
        last = min(first + rows, len(data))
        mark_rows(data, noise, model, spread, rule, first, last, levels)
    for first in starts:
        flag_rows(levels, first, min(first + rows, len(data)), mask)
    return mask


@pytest.mark.parametrize("background", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_stcal(background, seed):
    from stcal.outlier_detection.utils import flag_resampled_crs

    data, noise, model = scene(seed=seed)
    rule = FlagRule(5.0, 4.0, 1.2, 0.7, background)
    expected = flag_resampled_crs(data, noise, model, 5.0, 4.0, 1.2, 0.7, background)
    assert 3 < expected.sum() < 100
    assert_array_equal(mask_of(data, noise, model, rule), expected)


def test_a_weak_pixel_needs_a_strong_neighbour():
    data = np.zeros((5, 5))
    data[1, 1], data[2, 2], data[4, 4] = 10.0, 4.5, 4.5
    flat = np.zeros((5, 5))
    mask = mask_of(data, np.ones((5, 5)), flat, FlagRule(5.0, 4.0, 1.2, 0.7, 0.0))
    assert_array_equal(np.argwhere(mask), [[1, 1], [2, 2]])


def test_the_blur_can_be_another_image():
    data, flat = np.zeros((5, 5)), np.zeros((5, 5))
    data[1, 1] = data[3, 3] = 8.0
    spread = np.zeros((5, 5))
    spread[4, 4] = 3.0
    spread[0, 0] = np.nan
    rule = FlagRule(5.0, 4.0, 1.2, 0.7, 0.0)
    mask = mask_of(data, np.ones((5, 5)), flat, rule, spread)
    assert_array_equal(np.argwhere(mask), [[1, 1]])
