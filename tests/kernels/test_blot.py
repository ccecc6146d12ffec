"""The kernel that interpolates images, against ``drizzle``."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xresample.kernels.blot import INTERPOLATIONS, PIXELS, blot, margin

NAMES = ("nearest", "linear", "poly3", "poly5", "lan3", "lan5")


def run(image, where, code, y0=0, x0=0):
    """Return the values at positions."""
    out = np.empty(where.shape[:2], image.dtype)
    blot(image, where, y0, x0, code, out)
    return out


@pytest.mark.parametrize("code", range(len(INTERPOLATIONS)))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_drizzle(code, dtype):
    from drizzle.resample import blot_image

    rng = np.random.default_rng(code)
    image = rng.normal(10, 3, (16, 18)).astype(dtype)
    far = margin(code)
    # drizzle holds positions in float32.
    where = rng.uniform(far, 15 - far, (9, 8, 2)).astype(np.float32).astype(np.float64)
    expected = blot_image(image.astype(np.float32), where, interp=NAMES[code])
    assert_allclose(run(image, where, code), expected, rtol=1e-5)
    moved = run(image, where + np.array([100.0, -7.0]), code, -7, 100)
    assert_allclose(moved, expected, rtol=1e-5)


def test_an_image_smaller_than_the_interpolation():
    image = np.array([[1.0, 3.0]])
    where = np.array([[[0.25, 0.0], [-0.4, 0.4], [1.4, -0.4], [0.5, 0.6]]])
    for code in range(1, len(INTERPOLATIONS)):
        assert PIXELS[code] > 1
        assert_allclose(run(image, where, code)[0], [1.5, 1.0, 3.0, np.nan])


def test_infinity_is_missing():
    image = np.full((12, 12), 2.0, np.float32)
    image[6, 6] = np.inf
    where = np.array([[[6.0, 6.0], [6.6, 6.0], [5.0, 5.4]]])
    for code in range(len(INTERPOLATIONS)):
        assert_array_equal(run(image, where, code)[0], np.float32([np.nan, 2.0, 2.0]))
