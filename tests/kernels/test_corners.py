"""Corners of input pixels: bilinear between centres, extrapolated at borders and beside NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kernel_compare import against_slow
from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add
from tests.support.slow_drizzle import at
from xresample.kernels import corners
from xresample.kernels.corners import UPPER
from xresample.kernels.jit import jit
from xresample.kernels.structures import SPAN

OUTLINE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


@jit
def blend_rows(pixmap, j, i0, n, h, blended):
    """Call the compiled function, which Python cannot call."""
    corners.blend_rows(pixmap.reshape(len(pixmap), -1), j, i0, n, h, blended)


@jit
def mended_corners(pixmap, j, i, h):
    """Call the compiled function, which Python cannot call."""
    return corners.mended_corners(pixmap, j, i, h)


def outline(pixmap: np.ndarray, j: int, i: int, h: float) -> list[float]:
    """Return the corners of a pixel by plain bilinear interpolation."""
    return [c for u, v in OUTLINE for c in at(pixmap, i + u * h, j + v * h)]


def blended_rows(pixmap: np.ndarray, j: int, h: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper blended row, ``(column + 1, 2)``."""
    n = pixmap.shape[1]
    blended = np.full(4 * (SPAN + 2), np.nan)
    blend_rows(pixmap, j, 0, n, h, blended)
    rows = blended[: 2 * (n + 2)], blended[UPPER : UPPER + 2 * (n + 2)]
    return rows[0].reshape(-1, 2), rows[1].reshape(-1, 2)


@pytest.mark.parametrize("j", [0, 3, 18])
def test_blended_rows_lie_between_the_rows_of_centres(j: int) -> None:
    pixmap = smooth_map(rotation=20.0, bend=30.0)
    lower, upper = blended_rows(pixmap, j, 0.4)
    for i in range(-1, pixmap.shape[1] + 1):
        np.testing.assert_allclose(lower[i + 1], at(pixmap, i, j - 0.4), rtol=1e-12)
        np.testing.assert_allclose(upper[i + 1], at(pixmap, i, j + 0.4), rtol=1e-12)


@given(h=st.floats(0.05, 0.5), rotation=st.floats(0, 360), j=st.integers(0, 5))
def test_mended_corners_are_the_corners_where_nothing_is_missing(
    h: float, rotation: float, j: int
) -> None:
    pixmap = smooth_map((6, 7), 1.3, rotation, bend=0.0)
    for i in range(7):
        expected = outline(pixmap, j, i, h)
        np.testing.assert_allclose(mended_corners(pixmap, j, i, h), expected, atol=1e-12)


def test_mended_corners_inside_a_bent_map_are_bilinear() -> None:
    pixmap = smooth_map((6, 7), rotation=20.0, bend=30.0)
    expected = outline(pixmap, 3, 2, 0.5)
    np.testing.assert_allclose(mended_corners(pixmap, 3, 2, 0.5), expected, atol=1e-12)


def test_a_pixel_without_neighbours_has_no_corners() -> None:
    pixmap = np.full((3, 3, 2), np.nan)
    pixmap[1, 1] = 5.0
    assert all(math.isnan(c) for c in mended_corners(pixmap, 1, 1, 0.5))


def test_pieces_of_a_long_row_have_no_seam() -> None:
    pixmap = smooth_map((3, 2 * SPAN + 9), 1.0, 3.0, centre=(SPAN + 10.0, 20.0), bend=0.0)
    against_slow(noisy_exposure(pixmap), Onto((45, 2 * SPAN + 30)))


def lose(exposure: Exposure, j: int, i: int) -> tuple[Exposure, Exposure]:
    """Return an exposure with NaN in the map of a pixel, and an exposure with weight 0 there."""
    pixmap, weights = exposure.pixmap.copy(), exposure.weights.copy()
    pixmap[j, i] = np.nan
    weights[j, i] = 0
    return exposure._replace(pixmap=pixmap), exposure._replace(weights=weights)


@pytest.mark.parametrize("kernel", ["square", "turbo", "point", "gaussian", "lanczos3"])
@pytest.mark.parametrize(("scale", "rotation"), [(0.6, 200.0), (1.0, 20.0), (2.9, 75.0)])
def test_a_nan_in_the_map_loses_only_its_own_pixel(
    kernel: str, scale: float, rotation: float
) -> None:
    size = int(10 * scale) + 12
    pixmap = smooth_map((6, 7), scale, rotation, centre=(size / 2, size / 2), bend=0.0)
    exposure = noisy_exposure(pixmap, holes=False)
    onto = Onto((size, size), kernel, 0.8, 1 / scale)
    for j, i in np.ndindex(6, 7):
        broken, without = (add(e, onto).values for e in lose(exposure, j, i))
        np.testing.assert_allclose(broken, without, rtol=0, atol=1e-9 * np.abs(without).max())


def test_many_nan_lose_only_their_own_pixels_of_an_affine_map() -> None:
    pixmap = smooth_map(scale=1.1, rotation=15.0, centre=(20.0, 20.0), bend=0.0)
    exposure = noisy_exposure(pixmap, holes=False)
    gone = np.zeros(pixmap.shape[:2], bool)
    gone[2::5, 1::4] = True
    gone[0, :3] = gone[10, 10:13] = gone[-1, -1] = True
    broken = exposure._replace(pixmap=np.where(gone[..., None], np.nan, pixmap))
    without = exposure._replace(weights=np.where(gone, 0, exposure.weights))
    onto = Onto((40, 42))
    np.testing.assert_allclose(add(broken, onto).values, add(without, onto).values, atol=1e-9)


def test_one_infinite_coordinate_loses_only_its_own_pixel() -> None:
    pixmap = smooth_map((7, 9), centre=(8.0, 8.0), bend=0.0)
    exposure = noisy_exposure(pixmap, holes=False)
    _, without = lose(exposure, 3, 4)
    pixmap = pixmap.copy()
    pixmap[3, 4, 1] = np.inf
    broken = add(exposure._replace(pixmap=pixmap), Onto((20, 20))).values
    np.testing.assert_allclose(broken, add(without, Onto((20, 20))).values, atol=1e-9)


TEARS = {
    "along x": lambda x, y: x >= 4,
    "along x, beside the border": lambda x, y: x >= 1,
    "along y": lambda x, y: y >= 2,
    "tilted": lambda x, y: x + 0.4 * y >= 3.3,
    "in a corner": lambda x, y: (x >= 6) & (y >= 6),
}


@pytest.mark.parametrize("tear", sorted(TEARS))
@pytest.mark.parametrize("rotation", [0.0, 25.0])
@pytest.mark.parametrize("far", [(360.0, 0.0), (-31.0, 40.0)])
def test_a_pixel_beside_a_tear_keeps_its_shape(
    tear: str, rotation: float, far: tuple[float, float]
) -> None:
    whole = smooth_map((7, 7), 1.3, rotation, bend=0.0)
    y, x = np.mgrid[:7, :7]
    beyond = TEARS[tear](x, y)
    torn = whole + beyond[..., np.newaxis] * np.array(far)
    for j, i in np.ndindex(7, 7):
        expected = np.array(outline(whole, j, i, 0.5)).reshape(4, 2) + beyond[j, i] * np.array(far)
        found = np.array(mended_corners(torn, j, i, 0.5)).reshape(4, 2)
        # A single column or pixel beside a tear has no step, so it is left out.
        alone = (tear.endswith("border") and i == 0) or (beyond.sum() == 1 and beyond[j, i])
        np.testing.assert_allclose(found, expected * (np.nan if alone else 1), atol=1e-9)


def test_no_deposit_lies_between_the_sides_of_a_tear() -> None:
    y, x = np.mgrid[:12, :12].astype(float)
    map_ = np.dstack([np.where(x >= 5, x - 5, x + 195), y + 5])
    ones = np.ones((12, 12))
    for pixfrac in (1.0, 0.6):
        weight = add(Exposure(map_, ones, ones), Onto((20, 200), "square", pixfrac)).values[0]
        assert not weight[:, 8:194].any()
        # The two halves of the image fill both ends of the rows.
        assert weight.sum() == pytest.approx(144, rel=1e-9)
