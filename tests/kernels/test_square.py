"""The square kernel: a quadrilateral clipped to cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel_compare import against_drizzle, against_slow
from tests.support.kernel_maps import centred_map, noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add

RATIOS = (0.5, 1.0, 2.3)
PIXFRACS = (0.3, 0.6, 0.8, 1.0)
ROTATIONS = (0.0, 10.0, 45.0, 137.0)

angles = st.floats(0, 360)
scales = st.floats(0.2, 6.0)
fractions = st.floats(0.05, 1.0)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("pixfrac", PIXFRACS)
@pytest.mark.parametrize("mirror", [False, True])
def test_agrees_with_drizzle(pixfrac: float, ratio: float, mirror: bool) -> None:
    for rotation in ROTATIONS:
        pixmap, shape = centred_map(1 / ratio, rotation, mirror)
        against_drizzle(noisy_exposure(pixmap), Onto(shape, "square", pixfrac, ratio))


@pytest.mark.parametrize("ratio", RATIOS)
def test_agrees_with_drizzle_at_the_border_of_the_output(ratio: float) -> None:
    for rotation in ROTATIONS:
        pixmap = smooth_map(scale=1 / ratio, rotation=rotation, centre=(5.0, 4.0))
        against_drizzle(noisy_exposure(pixmap), Onto((9, 11), "square", 0.8, ratio))


@pytest.mark.parametrize("ratio", [*RATIOS, 0.2])
@pytest.mark.parametrize("mirror", [False, True])
def test_agrees_with_the_formulas(ratio: float, mirror: bool) -> None:
    pixmap, shape = centred_map(1 / ratio, 33.0, mirror)
    for pixfrac in (0.6, 1.0):
        onto = Onto(shape, "square", pixfrac, ratio)
        against_slow(noisy_exposure(pixmap), onto, flags_of_drizzle=True)


def test_pixels_on_the_borders_of_cells_fill_their_cells() -> None:
    y, x = np.mgrid[:4, :5].astype(float)
    data = np.arange(20.0).reshape(4, 5)
    exposure = Exposure(np.dstack([x + 2, y + 1]), data, np.ones((4, 5)))
    values = add(exposure, Onto((7, 9))).values
    expected = np.zeros((7, 9))
    expected[1:5, 2:7] = data
    np.testing.assert_array_equal(values[1], expected)
    np.testing.assert_array_equal(values[0] != 0, np.pad(np.ones((4, 5)), [(1, 2), (2, 2)]) != 0)


def test_vertical_and_horizontal_edges_on_cell_borders_halve_exactly() -> None:
    y, x = np.mgrid[:3, :3].astype(float)
    exposure = Exposure(np.dstack([x + 2.5, y + 2.5]), np.ones((3, 3)), np.ones((3, 3)))
    weight = add(exposure, Onto((8, 8))).values[0]
    np.testing.assert_array_equal(weight[2, 2:6], [0.25, 0.5, 0.5, 0.25])
    assert weight.sum() == 9


@given(scale=scales, rotation=angles, pixfrac=fractions, mirror=st.booleans())
@settings(max_examples=60)
def test_flux_is_conserved(scale: float, rotation: float, pixfrac: float, mirror: bool) -> None:
    pixmap, shape = centred_map(scale, rotation, mirror, margin=3.0)
    exposure = noisy_exposure(pixmap)
    weight, data = add(exposure, Onto(shape, "square", pixfrac)).values
    total = exposure.weights.astype(float)
    np.testing.assert_allclose(weight.sum(), total.sum(), rtol=1e-9)
    np.testing.assert_allclose((weight * data).sum(), (total * exposure.data).sum(), rtol=1e-9)


@given(scale=scales, rotation=angles, pixfrac=fractions)
@settings(max_examples=30)
def test_a_mirror_image_has_the_same_overlaps(
    scale: float, rotation: float, pixfrac: float
) -> None:
    pixmap, shape = centred_map(scale, rotation)
    exposure = noisy_exposure(pixmap)
    mirrored = exposure._replace(pixmap=pixmap * [-1, 1] + [shape[1] - 1, 0])
    onto = Onto(shape, "square", pixfrac)
    weight = add(exposure, onto).values[0]
    np.testing.assert_allclose(
        add(mirrored, onto).values[0][:, ::-1], weight, rtol=0, atol=1e-9 * weight.max()
    )


def test_a_pixel_without_area_deposits_nothing() -> None:
    y, x = np.mgrid[:3, :3].astype(float)
    flat = Exposure(np.dstack([x + 2, 0 * y + 2]), np.ones((3, 3)), np.ones((3, 3)))
    planes = add(flat, Onto((8, 8)))
    assert np.isfinite(planes.values).all()
    assert not planes.values[0].any()
    assert not planes.context.any()


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (1, 1)])
def test_an_image_one_pixel_wide_has_no_area(shape: tuple[int, int]) -> None:
    exposure = noisy_exposure(smooth_map(shape, rotation=20.0, centre=(8.0, 8.0)), holes=False)
    planes = add(exposure, Onto((16, 16)))
    assert not planes.values.any()
    assert not planes.context.any()
