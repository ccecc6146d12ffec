"""The deposit: one overlap updates all lanes in one pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel_compare import assert_close, slow
from tests.support.kernel_maps import centred_map, noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add
from xresample.kernels.structures import KERNELS, SNAP


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("kernel", ["square", "gaussian"])
def test_any_number_of_planes(kernel: str, count: int) -> None:
    pixmap, shape = centred_map(0.9, 20.0, margin=3.0)
    rng = np.random.default_rng(count)
    images = [rng.random(pixmap.shape[:2]).astype(np.float32) for _ in range(2 * count)]
    exposure = noisy_exposure(pixmap)._replace(means=images[:count], variances=images[count:])
    onto = Onto(shape, kernel, 0.8, 1.1)
    expected, values = slow(exposure, onto), add(exposure, onto).values
    reached = values[0] != 0
    for k in range(count):
        for plane, name in ((2 + k, f"mean {k}"), (2 + count + k, f"variance {k}")):
            assert_close(values[plane][reached], expected[name][reached], 1e-7)


def test_a_plane_has_the_same_bits_alone_and_with_others() -> None:
    pixmap, shape = centred_map(0.9, 20.0)
    exposure = noisy_exposure(pixmap)
    extra = np.random.default_rng(1).random(pixmap.shape[:2]).astype(np.float32)
    company = exposure._replace(means=[extra] * 5, sigmas=[extra] * 2)
    alone, together = add(exposure, Onto(shape)), add(company, Onto(shape))
    np.testing.assert_array_equal(alone.values, together.values[:2])
    np.testing.assert_array_equal(alone.dq, together.dq)


@given(kernel=st.sampled_from(KERNELS), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_a_pixel_without_weight_changes_nothing(kernel: str, seed: int) -> None:
    pixmap, shape = centred_map(1.2, 30.0)
    exposure = noisy_exposure(pixmap, seed)
    absent = exposure.weights == 0
    assert absent.any()
    assert exposure.dq is not None
    broken = exposure._replace(
        data=np.where(absent, np.float32(np.nan), exposure.data),
        dq=np.where(absent, np.uint32(0xFFFFFFFF), exposure.dq),
    )
    onto = Onto(shape, kernel, 0.7, 0.9)
    one, other = add(broken, onto), add(exposure, onto)
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(one.values).all()


def test_input_arrays_may_be_read_only_and_stay_as_they_are() -> None:
    pixmap, shape = centred_map(1.2, 30.0)
    exposure = noisy_exposure(pixmap)
    before = [a.copy() for a in (exposure.pixmap, exposure.data, exposure.weights)]
    for a in (exposure.pixmap, exposure.data, exposure.weights):
        a.flags.writeable = False
    add(exposure, Onto(shape))
    for a, b in zip(before, (exposure.pixmap, exposure.data, exposure.weights), strict=True):
        np.testing.assert_array_equal(a, b)


def shifted(dx: float) -> Exposure:
    """Return an exposure on cell centres moved by ``dx``, with a flag in each pixel."""
    y, x = np.mgrid[:3, :3].astype(float)
    ones = np.ones((3, 3))
    dq = np.full((3, 3), 0x80000001, np.uint32)
    return Exposure(np.dstack([x + 2 + dx, y + 2]), ones, ones, dq=dq)


@pytest.mark.parametrize("kernel", ["square", "turbo"])
def test_an_overlap_of_rounding_size_deposits_nothing(kernel: str) -> None:
    for dx, columns in ((SNAP / 4, 3), (-SNAP / 4, 3), (SNAP * 4, 4), (-SNAP * 4, 4), (0.0, 3)):
        planes = add(shifted(dx), Onto((8, 8), kernel))
        assert (planes.context[3] != 0).sum() == columns
        assert (planes.values[0, 3] != 0).sum() == columns
        np.testing.assert_array_equal(planes.dq[3], 0x80000001 * (planes.context[3] != 0))
        np.testing.assert_allclose(planes.values[0].sum(), 9.0, rtol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 3.0, 1 / 3, 7.0])
def test_pixels_of_a_coinciding_grid_do_not_leak(scale: float) -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:12, :12].astype(float)
    exact = np.dstack([x, y]) * scale + (scale - 1) / 2 + 2
    noisy = exact + rng.uniform(-1e-7, 1e-7, exact.shape)
    ones, flags = np.ones((12, 12)), np.ones((12, 12), np.uint32)
    for kernel in ("square", "turbo"):
        onto = Onto((90, 90), kernel, ratio=1 / scale)
        found, expected = (add(Exposure(m, ones, ones, dq=flags), onto) for m in (noisy, exact))
        np.testing.assert_array_equal(found.context, expected.context)
        np.testing.assert_array_equal(found.dq, expected.dq)
        np.testing.assert_allclose(found.values[0], expected.values[0], atol=1e-5)
        np.testing.assert_allclose(found.values[0].sum(), 144.0, rtol=2e-6)


def test_tiny_pixels_keep_their_flux_on_the_border_of_a_cell() -> None:
    y, x = np.mgrid[:4, :4] * 1e-7
    ones = np.ones((4, 4))
    for kernel in ("square", "turbo"):
        planes = add(Exposure(np.dstack([x + 2.5, y + 3.5]), ones, ones),
                     Onto((8, 8), kernel, ratio=1e7))  # fmt: skip
        np.testing.assert_allclose(planes.values[0].sum(), 16.0, rtol=1e-6)


def test_a_centre_on_a_border_goes_to_one_side_whatever_its_rounding() -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:9, :9] + 2.5
    ones = np.ones((9, 9))
    noisy = np.dstack([x, y]) + rng.uniform(-1e-7, 1e-7, (9, 9, 2))
    weight = add(Exposure(noisy, ones, ones), Onto((14, 14), "point")).values[0]
    np.testing.assert_array_equal(weight[3:12, 3:12], 1.0)


def test_a_negative_overlap_sets_no_bit() -> None:
    exposure = noisy_exposure(np.array([[[8.3, 8.4]]]), holes=False)
    planes = add(exposure, Onto((17, 17), "lanczos3"))
    negative = planes.values[0] < 0
    assert negative.any()
    assert not planes.context[negative].any()
    assert not planes.dq[negative].any()
    assert planes.context[planes.values[0] > 0].all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_pixels_of_all_sizes_share_a_row(kernel: str) -> None:
    x = np.cumsum([0, 0.3, 0.5, 4.0, 9.0, 1.0, 1.0, 2.5, 0.2]) + 5.123
    pixmap = np.dstack(np.meshgrid(x, np.array([4.2, 5.3, 11.4, 11.9])))
    exposure = noisy_exposure(pixmap, holes=False)
    onto = Onto((24, 34), kernel, 1.0, 0.4)
    expected = slow(exposure, onto)
    values = add(exposure, onto).values
    assert_close(values[0], expected["wht"], 1e-9)
    assert_close(values[0] * values[1], expected["wht"] * np.nan_to_num(expected["data"]), 1e-9)


def test_only_the_active_pixels_are_deposited() -> None:
    pixmap = smooth_map((40, 45), 1.1, 12.0, centre=(30.0, 30.0), bend=0.1)
    exposure = noisy_exposure(pixmap)
    active = (3, 29, 5, 41)
    inside = np.zeros(pixmap.shape[:2], bool)
    inside[3:29, 5:41] = True
    masked = exposure._replace(weights=np.where(inside, exposure.weights, np.float32(0)))
    for kernel in KERNELS:
        onto = Onto((60, 60), kernel)
        part, whole = add(exposure, onto, active=active), add(masked, onto)
        np.testing.assert_array_equal(part.values, whole.values)
        np.testing.assert_array_equal(part.dq, whole.dq)
