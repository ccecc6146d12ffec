"""The kernel that combines images pixel by pixel, against numpy and astropy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.stats import sigma_clip
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import median_abs_deviation

from xresample.kernels.network import network
from xresample.kernels.selection import METHODS, Selection, combine_images

ALL = Selection(0, 0, 0, -np.inf, np.inf, 3.0, 3.0, 5, predicted=True)
SHAPE = (7, 5, 6)


def cube(shape: tuple[int, int, int] = SHAPE, missing: float = 0.3, seed: int = 0) -> np.ndarray:
    """Return noise with NaN, and one pixel without any value."""
    rng = np.random.default_rng(seed)
    values = rng.normal(5.0, 2.0, shape).astype(np.float32)
    values[rng.random(shape) < missing] = np.nan
    values[:, 0, 0] = np.nan
    return values


def run(values, method, weights=None, sigmas=None, floors=None, **how):
    """Return data, count and rejected."""
    weights = np.ones_like(values) if weights is None else weights
    sigmas = np.ones_like(values) if sigmas is None else sigmas
    floors = np.zeros(len(values)) if floors is None else floors
    shape = values.shape[1:]
    out = np.empty(shape, values.dtype), np.empty(shape, np.int32), np.empty(shape, np.int32)
    selection = ALL._replace(method=METHODS.index(method), **how)
    combine_images(values, weights, sigmas, floors, selection, *out)
    return out


def by_pixel(values, function):
    """Return a function of the values of each pixel that are not NaN; NaN if there are none."""
    out = np.full(values.shape[1:], np.nan)
    for at in np.ndindex(out.shape):
        column = values[(slice(None), *at)].astype(np.float64)
        column = column[~np.isnan(column)]
        if column.size:
            out[at] = function(column)
    return out


@pytest.mark.parametrize("count", range(1, 33))
def test_the_network_sorts(count):
    # A network that sorts all sequences of 0 and 1 sorts everything (Knuth, 5.3.4, theorem Z).
    rng = np.random.default_rng(count)
    columns = rng.integers(0, 2, (count, 400))
    for a, b in network(count):
        columns[[a, b]] = np.minimum(*columns[[a, b]]), np.maximum(*columns[[a, b]])
    assert (np.diff(columns, axis=0) >= 0).all()


@pytest.mark.parametrize(
    ("method", "function"),
    [
        ("mean", np.mean),
        ("median", np.median),
        ("min", np.min),
        ("max", np.max),
        ("mad", lambda v: median_abs_deviation(v, scale="normal")),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_numpy(method, function, dtype):
    values = cube().astype(dtype)
    data, count, rejected = run(values, method)
    assert_allclose(data, by_pixel(values, function), rtol=1e-6, atol=1e-7)
    assert_array_equal(count, np.isfinite(values).sum(axis=0))
    assert_array_equal(rejected, 0)


def test_more_columns_than_fit_into_scratch():
    values = cube((3, 2, 1100))
    assert_allclose(run(values, "median")[0], by_pixel(values, np.median), rtol=1e-6)


def test_low_weights_do_not_count():
    values = cube(missing=0.0)
    weights = np.random.default_rng(1).uniform(0, 2, values.shape).astype(np.float32)
    weights[2] = 0.0
    floors = np.linspace(0.2, 1.4, len(values))
    counts = (weights >= floors[:, None, None]) & (weights > 0) & np.isfinite(values)
    data, count, rejected = run(values, "median", weights, floors=floors)
    assert_allclose(data, by_pixel(np.where(counts, values, np.nan), np.median), rtol=1e-6)
    assert_array_equal(count, counts.sum(axis=0))
    assert_array_equal(rejected, ((weights > 0) & np.isfinite(values)).sum(axis=0) - count)


def test_weighted_mean():
    values = cube()
    weights = np.random.default_rng(1).uniform(0.5, 2, values.shape).astype(np.float32)
    known = np.isfinite(values)
    total = np.where(known, values * weights.astype(np.float64), 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        expected = total / np.where(known, weights.astype(np.float64), 0).sum(axis=0)
    assert_allclose(run(values, "weighted_mean", weights)[0], expected, rtol=1e-6)


def test_nlow_and_nhigh():
    values = cube()
    data, count, rejected = run(values, "mean", nlow=1, nhigh=2)

    def expected(column):
        high = min(2, column.size - 1)
        low = min(1, column.size - 1 - high)
        return np.sort(column)[low : column.size - high].mean()

    assert_allclose(data, by_pixel(values, expected), rtol=1e-6)
    held = np.isfinite(values).sum(axis=0)
    assert_array_equal(count + rejected, held)
    assert_array_equal(count, np.where(held > 0, np.maximum(held - 3, 1), 0))


def test_limits_of_values():
    values = cube()
    inside = np.where((values >= 3) & (values <= 7), values, np.nan)
    data, count, _ = run(values, "mean", low=3.0, high=7.0)
    assert_allclose(data, by_pixel(inside, np.mean), rtol=1e-6)
    assert_array_equal(count, np.isfinite(inside).sum(axis=0))


def test_predicted_clipping_finds_a_ray_among_three():
    values = np.array([1.0, 1.1, 9.0], np.float32).reshape(3, 1, 1)
    data, count, rejected = run(values, "clipped", sigmas=np.full_like(values, 0.2))
    assert_allclose(data, 1.05, rtol=1e-6)
    assert (count.item(), rejected.item()) == (2, 1)
    # An empirical sigma cannot reject: with three values no one is 3 sigma away.
    assert run(values, "clipped", predicted=False)[1].item() == 3


def test_empirical_clipping_agrees_with_astropy():
    values = cube((25, 4, 5), 0.2, seed=3).astype(np.float64)
    values[::9] += 30.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clipped = sigma_clip(values, 2.5, maxiters=5, axis=0, masked=False)
        expected = np.nanmean(clipped, axis=0)
    data, count, _ = run(values, "clipped", predicted=False, below=2.5, above=2.5)
    assert_allclose(data, expected, rtol=1e-12)
    assert_array_equal(count, np.isfinite(clipped).sum(axis=0))


def test_clipping_keeps_one_value():
    values = np.array([0.0, 10.0], np.float32).reshape(2, 1, 1)
    data, count, _ = run(values, "clipped", sigmas=np.full_like(values, 0.1))
    assert (data.item(), count.item()) == (0.0, 1)


def test_minmed():
    values = np.array([[1.0, 1.0], [3.0, 1.2], [9.0, 9.0]], np.float32).reshape(3, 1, 2)
    data = run(values, "minmed", sigmas=np.full_like(values, 0.3), below=4.0)[0]
    assert_allclose(data[0], [1.0, 1.2], rtol=1e-6)


def test_the_order_of_the_images_does_not_matter():
    values = cube()
    order = np.random.default_rng(5).permutation(len(values))
    for method in ("median", "mean", "min", "max", "mad", "minmed"):
        for a, b in zip(run(values, method), run(values[order], method), strict=True):
            assert_array_equal(a, b)
