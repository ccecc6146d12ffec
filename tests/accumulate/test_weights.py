"""Weights of pixels, compared with stcal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stcal.resample.utils import build_driz_weight

from tests.support.flags import FLAGS, some_flags
from xresample.accumulate.weights import weight_map
from xresample.datamodel.dq_flags import (
    good_pixels,
)
from xresample.errors import InvalidInputError, MissingVarianceWarning


def model(dtype: str = "f4") -> dict[str, Any]:
    """Return an exposure as stcal takes it, with NaN, zeros and infinity in the variances."""
    rng = np.random.default_rng(1)
    variance = rng.uniform(1e-3, 10.0, (20, 30))
    variance[::3, ::4] = np.nan
    variance[1::5, ::3] = 0.0
    variance[2::5, ::7] = np.inf
    return {
        "data": np.zeros((20, 30), np.float32),
        "dq": some_flags(),
        "var_rnoise": variance.astype(dtype),
        "var_sky": (3 * variance).astype(dtype),
        "exposure_time": 12.3,
        "measurement_time": 11.1,
    }


@pytest.mark.parametrize("good_bits", [0, "~1", "~DO_NOT_USE+NON_SCIENCE", None])
@pytest.mark.parametrize("weight_type", ["ivm", "ivm-sky", "exptime", None])
def test_weights_equal_those_of_stcal(weight_type: str | None, good_bits: Any) -> None:
    inputs = model()
    variance = inputs["var_sky" if weight_type == "ivm-sky" else "var_rnoise"]
    good = good_pixels(inputs["dq"], good_bits, FLAGS)
    weights = weight_map(weight_type, (20, 30), variance, inputs["measurement_time"], good)
    expected = build_driz_weight(inputs, weight_type, good_bits, FLAGS)
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f8", "i4", "f2", ">f2"])
def test_variances_of_any_type(dtype: str) -> None:
    variance = np.array([[1.0, 4.0, 0.0], [1e3, 2.0, 3.0]]).astype(dtype)
    variance.flags.writeable = False
    expected = [[1.0, 0.25, 0.0], [1e-3, 0.5, 1 / 3]]
    np.testing.assert_allclose(weight_map("ivm", (2, 3), variance), expected, rtol=1e-7)


def test_half_precision_variances_are_inverted_in_float32() -> None:
    variance = np.array([[1e-7, 6e-5]], np.float16)
    expected = 1 / variance.astype(np.float32)
    np.testing.assert_array_equal(weight_map("ivm", (1, 2), variance), expected)


def test_an_inverse_beyond_float32_has_weight_zero() -> None:
    np.testing.assert_array_equal(weight_map("ivm", (1, 2), np.array([[1e-60, 2.0]])), [[0, 0.5]])


@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(width=32)))
def test_weights_are_finite_for_any_variance(variance: np.ndarray) -> None:
    assert np.isfinite(weight_map("ivm", (3, 4), variance)).all()


@pytest.mark.parametrize(("weight_type", "name"), [("ivm", "var_rnoise"), ("ivm-sky", "var_sky")])
def test_without_a_variance_all_weights_are_one(weight_type: str, name: str) -> None:
    good = np.array([[True, False]])
    with pytest.warns(MissingVarianceWarning, match=name) as caught:
        weights = weight_map(weight_type, (1, 2), None, None, good)
    np.testing.assert_array_equal(weights, [[1, 0]])
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_other_weights_need_no_variance() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(weight_map(None, (1, 2)), [[1, 1]])
        np.testing.assert_array_equal(weight_map("exptime", (1, 2), None, 2.5), [[2.5, 2.5]])


@pytest.mark.parametrize("time", [None, np.nan, np.inf])
def test_exptime_needs_a_time(time: float | None) -> None:
    with pytest.raises(InvalidInputError, match="exposure time"):
        weight_map("exptime", (1, 2), None, time)


def test_bad_arguments_are_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"'exptime'.*got 'ivm-rn'"):
        weight_map("ivm-rn", (1, 2))
    with pytest.raises(InvalidInputError, match=r"\(1, 2\), got \(2, 1\)"):
        weight_map("ivm", (1, 2), np.ones((2, 1)))
    with pytest.raises(InvalidInputError, match=r"\(1, 2\), got \(2, 1\)"):
        weight_map(None, (1, 2), good=np.ones((2, 1), bool))
