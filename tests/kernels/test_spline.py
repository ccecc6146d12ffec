"""The kernel that evaluates splines, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import RectBivariateSpline

from xresample.kernels.spline import TERMS, evaluate_spline
from xresample.wcs.spline import Spline


def make_spline(order, ny=9, nx=12):
    """Return a pair of splines through random nodes, and the same splines by scipy."""
    rng = np.random.default_rng(order)
    y, x = np.linspace(-3, 40, ny), np.linspace(2, 57, nx)
    values = rng.normal(size=(2, ny, nx))
    scipys = [RectBivariateSpline(y, x, plane, kx=order, ky=order) for plane in values]
    return Spline.through(y, x, values, order), scipys


def evaluate(spline, y, x, rows=None):
    """Run the kernel on a window."""
    row_starts, row_basis = spline.basis(spline.knots_y, y)
    starts, basis = spline.basis(spline.knots_x, x)
    cuts = np.concatenate(([0], np.flatnonzero(np.diff(starts)) + 1, [len(x)]))
    out = np.full((len(y), len(x), 2), np.nan)
    first, last = rows or (0, len(y))
    row_basis, basis = np.ascontiguousarray(row_basis), np.ascontiguousarray(basis.T)
    evaluate_spline(spline.coefficients, row_starts, row_basis, cuts, starts[cuts[:-1]],
                    basis, first, last, out)  # fmt: skip
    return out


@pytest.mark.parametrize("order", [1, 3, 5])
def test_agrees_with_scipy(order):
    spline, scipys = make_spline(order)
    y, x = np.arange(-3, 41), np.arange(2, 58)
    wanted = np.stack([scipy(y, x) for scipy in scipys], axis=-1)
    assert_allclose(evaluate(spline, y, x), wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_basis_sums_to_one(order):
    spline, _ = make_spline(order)
    starts, basis = spline.basis(spline.knots_x, np.linspace(2, 57, 200))
    assert basis.shape == (200, TERMS)
    assert_allclose(basis.sum(axis=1), 1, rtol=1e-14)
    assert starts.min() == 0
    assert starts.max() == 12 - order - 1
    assert not basis[:, order + 1 :].any()


def test_scattered_points_agree_with_the_kernel():
    spline, _ = make_spline(5)
    y, x = np.arange(-3, 41), np.arange(2, 58)
    at_x, at_y = (part.ravel() for part in np.meshgrid(x, y))
    scattered = spline.at(at_x, at_y).T.reshape(len(y), len(x), 2)
    assert_allclose(evaluate(spline, y, x), scattered, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_grids_agree_with_scattered_points(order):
    spline, scipys = make_spline(order)
    x, y = np.linspace(2, 57, 31), np.linspace(-3, 40, 23)
    found = spline.on_grid(x, y)
    assert_allclose(found, [scipy(y, x) for scipy in scipys], rtol=0, atol=1e-11)
    at_x, at_y = (part.ravel() for part in np.meshgrid(x, y))
    scattered = spline.at(at_x, at_y).reshape(found.shape)
    assert_allclose(found, scattered, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_same_bits_in_any_window(order):
    spline, _ = make_spline(order)
    y, x = np.arange(-3, 41), np.arange(2, 58)
    whole = evaluate(spline, y, x)
    for y0, y1, x0, x1 in [(0, 44, 3, 4), (5, 6, 0, 56), (7, 30, 11, 55), (40, 44, 54, 56)]:
        assert_array_equal(evaluate(spline, y[y0:y1], x[x0:x1]), whole[y0:y1, x0:x1])


def test_only_the_rows_asked_for_are_written():
    spline, _ = make_spline(3)
    y, x = np.arange(-3, 41), np.arange(2, 58)
    out = evaluate(spline, y, x, rows=(10, 12))
    assert_array_equal(out[10:12], evaluate(spline, y, x)[10:12])
    assert np.isnan(out[:10]).all()
    assert np.isnan(out[12:]).all()
