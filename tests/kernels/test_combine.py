"""How the sums of an exposure enter the planes of a mosaic."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.kernel_runs import Exposure, Onto, add, empty_planes

SHAPE = (3, 4)


def aligned(value: float = 1.0, weight: float = 1.0, **more: object) -> Exposure:
    """Return an exposure whose pixels are all alike and coincide with the output pixels."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    data, weights = np.full(SHAPE, value), np.full(SHAPE, weight)
    return Exposure(np.dstack([x, y]), data, weights, **more)


def total(exposures: list[Exposure], onto: Onto | None = None, dtype: str = "f8") -> np.ndarray:
    """Return one pixel of the planes after all exposures."""
    onto = onto or Onto(SHAPE, "point")
    planes = None
    for exposure in exposures:
        planes = add(exposure, onto, planes=planes, dtype=dtype)
    assert planes is not None
    assert (planes.values == planes.values[:, :1, :1]).all() or np.isnan(planes.values).any()
    return planes.values[:, 1, 2]


def flat(*values: float) -> list[np.ndarray]:
    """Return an image for each value."""
    return [np.full(SHAPE, v) for v in values]


def test_means_are_weighted() -> None:
    wht, data, err = total([aligned(1.0, 1.0, means=flat(4.0)), aligned(5.0, 3.0, means=flat(0.0))])
    assert (wht, data, err) == (4.0, 4.0, 1.0)


@pytest.mark.parametrize("fillval", [0.0, -1.0, np.nan])
def test_the_fill_value_does_not_enter_a_mean(fillval: float) -> None:
    onto = Onto(SHAPE, "point", fillval=fillval)
    np.testing.assert_array_equal(total([aligned(3.0, 2.0)], onto), [2.0, 3.0])
    np.testing.assert_array_equal(total([aligned(3.0, 0.0)], onto), [0.0, fillval])


def test_weights_that_cancel_leave_the_fill_value() -> None:
    onto = Onto(SHAPE, "point", fillval=-7.0)
    np.testing.assert_array_equal(total([aligned(3.0, 2.0), aligned(9.0, -2.0)], onto), [0, -7])


def test_resampled_variances_weighted_by_their_inverse() -> None:
    v1, v2 = 4.0, 9.0
    q1, q2 = 1 / v1, 1 / v2
    planes = total(
        [
            aligned(1.0, 0.7, sigmas=flat(v1**0.5, 2.0)),
            aligned(1.0, 0.2, sigmas=flat(v2**0.5, 3.0)),
        ]
    )
    expected = [(v1 * q1**2 + v2 * q2**2), (4.0 * q1**2 + 9.0 * q2**2)]
    np.testing.assert_allclose(planes[2:4], np.array(expected) / (q1 + q2) ** 2, rtol=1e-6)
    np.testing.assert_allclose(planes[4:6], q1 + q2, rtol=1e-6)


def test_resampled_variances_of_equal_weight() -> None:
    planes = total(
        [
            aligned(sigmas=flat(2.0), by_reference=False),
            aligned(sigmas=flat(3.0), by_reference=False),
        ]
    )
    np.testing.assert_allclose(planes[2:], [(4 + 9) / 4, 2.0])


def test_the_variance_of_a_single_exposure_is_only_scaled() -> None:
    exposure = aligned(weight=0.3, sigmas=flat(1.5))
    planes = add(exposure, Onto(SHAPE, "point"), variance_scale=0.25)
    np.testing.assert_allclose(planes.values[2], 0.25 * 1.5**2, rtol=1e-6)


@pytest.mark.parametrize("sigma", [np.nan, np.inf])
def test_a_variance_that_is_not_finite_is_ignored(sigma: float) -> None:
    exposures = [aligned(sigmas=flat(2.0, 3.0)), aligned(sigmas=flat(2.0, sigma))]
    planes = total(exposures)
    np.testing.assert_allclose(planes[2:], [2.0, 9.0, 0.5, 0.25])
    only = total(exposures[1:])
    assert np.isnan(only[3])
    assert only[5] == 0


@pytest.mark.parametrize("sigma", [np.nan, 0.0, np.inf])
def test_an_exposure_without_a_reference_variance_changes_no_variance(sigma: float) -> None:
    planes = total([aligned(sigmas=flat(2.0, 3.0)), aligned(sigmas=flat(sigma, 1.0))])
    np.testing.assert_allclose(planes[2:], [4.0, 9.0, 0.25, 0.25])


def test_propagated_variances() -> None:
    planes = total([aligned(1.0, 2.0, variances=flat(3.0)), aligned(1.0, 5.0, variances=flat(7.0))])
    np.testing.assert_allclose(planes[2], (4 * 3.0 + 25 * 7.0) / 49)


@pytest.mark.parametrize("size", [1e-28, 1e-14, 1e14, 1e28])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_variances_neither_overflow_nor_vanish(size: float, dtype: str) -> None:
    sigmas = flat(size**0.5)
    exposure = aligned(1.0, 1 / size, sigmas=sigmas)
    planes = total([exposure, exposure], dtype=dtype)
    np.testing.assert_allclose(planes, [2 / size, 1, size / 2, 2 / size], rtol=1e-6)
    exposure = aligned(1.0, 1 / size, variances=flat(size))
    planes = total([exposure, exposure], dtype=dtype)
    np.testing.assert_allclose(planes, [2 / size, 1, size / 2], rtol=1e-6)


def test_planes_of_float32_are_rounded_once_per_exposure() -> None:
    rng = np.random.default_rng(0)
    onto = Onto(SHAPE, "square")
    planes = empty_planes(aligned(), onto, "f4")
    expected = planes.values.copy()
    for _ in range(5):
        exposure = aligned()._replace(
            data=rng.normal(size=SHAPE).astype(np.float32),
            weights=rng.random(SHAPE).astype(np.float32),
        )
        add(exposure, onto, planes=planes)
        weight, mean = add(exposure, onto).values
        before = expected.astype(float)
        total = before[0] + weight
        expected[1] = (mean * weight + before[1] * before[0]) / total
        expected[0] = total
    np.testing.assert_array_equal(planes.values[0], expected[0])
    np.testing.assert_allclose(planes.values[1], expected[1], rtol=1.2e-7, atol=1e-7)


@pytest.mark.parametrize("k", [0, 1, 30, 31])
def test_every_bit_of_the_context_can_be_set(k: int) -> None:
    planes = add(aligned(number=32), Onto(SHAPE, "point"))
    add(aligned(number=64 + k), Onto(SHAPE, "point"), planes=planes)
    np.testing.assert_array_equal(planes.context.view(np.uint32), (1 << k) | 1)


def test_flags_of_all_exposures_are_combined() -> None:
    onto = Onto(SHAPE, "point")
    first = aligned(dq=np.full(SHAPE, 0x80000000, np.uint32))
    planes = add(first, onto)
    add(aligned(dq=np.full(SHAPE, 5, np.uint32)), onto, planes=planes)
    add(aligned(weight=0.0, dq=np.full(SHAPE, 2, np.uint32)), onto, planes=planes)
    np.testing.assert_array_equal(planes.dq, 0x80000005)
