"""The kernels whose overlap is a factor along x times a factor along y."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel_compare import against_drizzle, against_slow
from tests.support.kernel_maps import centred_map, noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add
from xresample.kernels.separable import TABLE_STEP, lanczos_table

KERNELS = ("turbo", "point", "gaussian", "lanczos2", "lanczos3")
RATIOS = (0.5, 1.0, 2.3)
PIXFRACS = (0.3, 0.6, 0.8, 1.0)
ROTATIONS = (0.0, 10.0, 45.0, 137.0)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("pixfrac", PIXFRACS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_drizzle(kernel: str, pixfrac: float, ratio: float) -> None:
    for rotation in ROTATIONS:
        for mirror in (False, True):
            pixmap, shape = centred_map(1 / ratio, rotation, mirror)
            against_drizzle(noisy_exposure(pixmap), Onto(shape, kernel, pixfrac, ratio))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_drizzle_at_the_border_of_the_output(kernel: str, ratio: float) -> None:
    for rotation in ROTATIONS:
        pixmap = smooth_map(scale=1 / ratio, rotation=rotation, centre=(5.0, 4.0))
        against_drizzle(noisy_exposure(pixmap), Onto((9, 11), kernel, 0.8, ratio))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_the_formulas(kernel: str, ratio: float) -> None:
    pixmap, shape = centred_map(1 / ratio, 33.0, mirror=True, margin=6.0)
    for pixfrac in (0.6, 1.0):
        onto = Onto(shape, kernel, pixfrac, ratio)
        against_slow(noisy_exposure(pixmap), onto, flags_of_drizzle=True)


@given(
    kernel=st.sampled_from(["turbo", "point"]),
    scale=st.floats(0.2, 6.0),
    rotation=st.floats(0, 360),
    pixfrac=st.floats(0.05, 1.0),
)
@settings(max_examples=60)
def test_flux_is_conserved(kernel: str, scale: float, rotation: float, pixfrac: float) -> None:
    pixmap, shape = centred_map(scale, rotation)
    exposure = noisy_exposure(pixmap)
    weight, data = add(exposure, Onto(shape, kernel, pixfrac, 1 / scale)).values
    total = exposure.weights.astype(float)
    np.testing.assert_allclose(weight.sum(), total.sum(), rtol=1e-8)
    np.testing.assert_allclose((weight * data).sum(), (total * exposure.data).sum(), rtol=1e-8)


def one_pixel(x: float, y: float) -> Exposure:
    """Return an exposure of a single pixel with weight 1."""
    return Exposure(np.array([[[x, y]]]), np.ones((1, 1)), np.ones((1, 1)))


@pytest.mark.parametrize(("x", "cell"), [(2.5, 3), (2.499, 2), (3.499, 3), (-0.5, 0)])
def test_the_point_kernel_rounds_half_up(x: float, cell: int) -> None:
    weight = add(one_pixel(x, 1.0), Onto((3, 6), "point")).values[0]
    np.testing.assert_array_equal(np.argwhere(weight), [[1, cell]])


def test_the_point_kernel_takes_a_pixel_fraction_of_zero() -> None:
    weight = add(one_pixel(2.0, 1.0), Onto((3, 6), "point", pixfrac=0.0)).values[0]
    assert weight[1, 2] == 1 == weight.sum()


@pytest.mark.parametrize("order", [2, 3])
def test_the_lanczos_table(order: int) -> None:
    table = lanczos_table(order)
    assert table[0] == 1
    assert abs(table[round(1 / TABLE_STEP)]) < 2e-3
    assert (table[round(order / TABLE_STEP) + 1 :] == 0).all()
    assert table.size * TABLE_STEP > order + 0.5 * TABLE_STEP


@pytest.mark.parametrize("kernel", ["lanczos2", "lanczos3"])
def test_lanczos_ignores_the_pixel_fraction(kernel: str) -> None:
    pixmap, shape = centred_map(1.0, 10.0)
    exposure = noisy_exposure(pixmap)
    narrow, wide = (add(exposure, Onto(shape, kernel, p)).values for p in (0.3, 1.0))
    np.testing.assert_array_equal(narrow, wide)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf, 1e12, -1e12])
def test_a_centre_that_is_nan_or_far_away_deposits_nothing(kernel: str, x: float) -> None:
    planes = add(one_pixel(x, 1.0), Onto((3, 6), kernel))
    assert not planes.values.any()
    assert not planes.context.any()
