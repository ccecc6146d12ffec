"""Small and large units, and pixels whose weights or variances make no sense."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import VARIANCES, assert_same_bits, shifted_map
from tests.support.wcs import make_fits
from xresample.wcs.handle import WCSHandle

SHAPE = (20, 22)
GRID = make_fits(SHAPE)
WCS_TEXT = WCSHandle(GRID).text
FLUX = "erg / (s cm2 Angstrom)"


def scaled(unit: float, dtype: str = "f8", n: int = 2) -> list[xr.Dataset]:
    """Return exposures with the numbers of ``scaled(1.0)`` times a unit."""
    exposures = []
    for k in range(n):
        images = np.random.default_rng(k).uniform(0.5, 1.5, (2 + len(VARIANCES), *SHAPE))
        data, err = (images[:2] * unit).astype(dtype)
        variances = dict(zip(VARIANCES, images[2:] * unit**2, strict=True))
        exposures.append(
            xrs.make_exposure(
                data, WCS_TEXT, err=err, variances=variances, units=FLUX,
                exposure_time=10.0 + k, filename=f"{k}.fits", level=0.25 * unit,
            )
        )  # fmt: skip
    return exposures


OPTIONS: dict[str, Any] = {"compute_err": "driz_err", "dtype": "float64"}


def assert_scaled(got: xr.Dataset, expected: xr.Dataset, unit: float, weight_type: Any) -> None:
    """Fail unless a mosaic is the expected one in another unit."""
    inverse = -2 if weight_type == "ivm" else 0
    powers = {"data": 1, "err": 1, "wht": inverse}
    powers |= {name: 2 for name in VARIANCES if name in expected}
    powers |= {f"{name}_wht": inverse for name in VARIANCES if f"{name}_wht" in expected}
    for name, power in powers.items():
        wanted = expected[name].astype(np.float64) * unit**power
        # Weights are rounded to float32 in units where float32 holds them.
        np.testing.assert_allclose(got[name], wanted, rtol=3e-7, atol=0, err_msg=name)
    np.testing.assert_array_equal(got["con"], expected["con"])


@pytest.mark.parametrize("unit", [1e-20, 1e-23, 1e-30, 1e20])
@pytest.mark.parametrize("weight_type", ["ivm", "exptime", None])
@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_small_and_large_units_in_float64(unit: float, weight_type: Any, method: str) -> None:
    options = {**OPTIONS, "weight_type": weight_type, "variance_method": method}
    expected = xrs.coadd(scaled(1.0), GRID, **options)
    exposures = scaled(unit)
    mosaic = xrs.coadd(exposures, GRID, **options)
    assert_scaled(mosaic, expected, unit, weight_type)
    tiled = xrs.coadd([exposure.chunk(7) for exposure in exposures], GRID, chunks=9, **options)
    assert_same_bits(tiled.compute(), mosaic)
    one_by_one = xrs.empty_mosaic(GRID, **options)
    for exposure in exposures:
        one_by_one = one_by_one.resample.add(exposure)
    assert_same_bits(one_by_one, mosaic)
    merged = xrs.merge(*(exposure.resample.onto(GRID, **options) for exposure in exposures))
    assert_scaled(merged, expected, unit, weight_type)


def test_data_of_float32_in_small_units() -> None:
    options = {**OPTIONS, "weight_type": "ivm"}
    mosaic = xrs.coadd(scaled(1e-20, "f4"), GRID, **options)
    assert_scaled(mosaic, xrs.coadd(scaled(1.0, "f4"), GRID, **options), 1e-20, "ivm")


@pytest.mark.parametrize("unit", [1e-15, 1e-18])
@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_float32_holds_units_that_are_not_too_small(unit: float, method: str) -> None:
    options = {**OPTIONS, "dtype": "float32", "variance_method": method}
    mosaic = xrs.coadd(scaled(unit), GRID, **options)
    assert_scaled(mosaic, xrs.coadd(scaled(1.0), GRID, **options), unit, "ivm")


@pytest.mark.parametrize("unit", [1e-20, 1e-23, 1e20])
@pytest.mark.parametrize("options", [{}, {"weight_type": None}, {"weight_type": "exptime"}])
@pytest.mark.parametrize("chunks", [None, 9])
def test_float32_refuses_units_that_it_cannot_hold(unit: float, options: Any, chunks: Any) -> None:
    match = r"within 1e-39 and 3.4e\+38, the range of float32.*: use dtype='float64', or convert"
    with pytest.raises(xrs.InvalidInputError, match=match):
        xrs.coadd(scaled(unit), GRID, chunks=chunks, **options).compute()
    if not options and chunks is None:
        with pytest.raises(xrs.InvalidInputError, match="The inverse of var_rnoise"):
            scaled(unit)[0].resample.weight_map("ivm")


def test_float32_holds_the_data_where_nothing_else_is_asked_for() -> None:
    plain: dict[str, Any] = {"weight_type": None, "enable_var": False}
    mosaic = xrs.coadd(scaled(1e-20), GRID, **plain)
    expected = xrs.coadd(scaled(1.0), GRID, **plain)
    np.testing.assert_allclose(mosaic["data"], expected["data"] * 1e-20, rtol=1e-6)
    for unit in (1e-50, 1e50):
        with pytest.raises(xrs.InvalidInputError, match="data must be within"):
            xrs.coadd(scaled(unit), GRID, **plain)


def test_a_failed_add_changes_nothing() -> None:
    product = xrs.Resample(GRID, enable_var=False)
    good, bad = scaled(1.0, n=1)[0], scaled(1e-20, n=1)[0]
    product.add_model(good)
    before = product.output_model["data"].copy(), product.output_model["wht"].copy()
    with pytest.raises(xrs.InvalidInputError, match="range of float32"):
        product.add_model(bad)
    np.testing.assert_array_equal(product.output_model["data"], before[0])
    np.testing.assert_array_equal(product.output_model["wht"], before[1])


@pytest.mark.parametrize("chunks", [None, 9])
def test_a_sum_of_weights_beyond_float32_is_limited(chunks: Any) -> None:
    """Five weights of 1e38 are more than float32 holds; the mean of the data stays right."""
    exposures = [
        xrs.make_exposure(
            np.full(SHAPE, 3.0), GRID, variances={"var_rnoise": np.full(SHAPE, 1e-38)},
            filename=f"{k}.fits",
        )
        for k in range(5)
    ]  # fmt: skip
    with pytest.warns(xrs.ValueRangeWarning, match="dtype='float64'"):
        mosaic = xrs.coadd(exposures, GRID, chunks=chunks).compute()
    inside = mosaic.isel(y=slice(1, -1), x=slice(1, -1))
    np.testing.assert_allclose(inside["data"], 3.0, rtol=1e-6)
    np.testing.assert_array_equal(inside["wht"], np.finfo(np.float32).max)
    parts = [exposure.resample.onto(GRID) for exposure in exposures[:4]]
    with pytest.warns(xrs.ValueRangeWarning):
        merged = xrs.merge(*parts).isel(y=slice(1, -1), x=slice(1, -1))
    np.testing.assert_allclose(merged["data"], 3.0, rtol=1e-6)
    assert np.isfinite(merged["wht"]).all()


BAD_VARIANCES = [0.0, -1.0, -1e-30, np.nan, np.inf, -np.inf, 1e-42]


def with_bad_pixels(values: list[float], name: str = "var_rnoise") -> xr.Dataset:
    """Return an exposure with bad values in the middle of the fifth row."""
    exposure = scaled(1.0, n=1)[0]
    plane = exposure[name].values.copy()
    plane[5, 3 : 3 + len(values)] = values
    return exposure.assign({name: (("y", "x"), plane)})


def copied(exposure: xr.Dataset, **options: Any) -> xr.Dataset:
    """Return a mosaic on the pixels of the exposure."""
    pixmap = shifted_map(SHAPE)
    return exposure.resample.onto(SHAPE, pixmap=pixmap, kernel="point", pixfrac=0.0, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_a_bad_variance_costs_its_pixel_only(dtype: str, method: str) -> None:
    bad = BAD_VARIANCES if dtype == "float32" else BAD_VARIANCES[:-1]
    exposure = with_bad_pixels(bad)
    mosaic = copied(exposure, dtype=dtype, variance_method=method)
    good = np.ones(SHAPE, bool)
    good[5, 3 : 3 + len(bad)] = False
    expected = np.where(good, 1 / np.where(good, exposure["var_rnoise"], 1.0), 0.0)
    np.testing.assert_allclose(mosaic["wht"], expected, rtol=1e-6, atol=0)
    weights = exposure.resample.weight_map("ivm", dtype=dtype)
    np.testing.assert_array_equal(weights, mosaic["wht"])
    for name in ("data", *VARIANCES):
        wanted = exposure[name] - (0.25 if name == "data" else 0.0)
        np.testing.assert_allclose(mosaic[name].values[good], wanted.values[good], rtol=1e-6)
    assert not mosaic["con"].values[0][~good].any()


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize("value", [-1.0, -1e-3, np.nan])
def test_a_variance_that_weighs_nothing_is_unknown_where_it_is_negative(
    method: str, value: float
) -> None:
    exposure = with_bad_pixels([value], "var_flat")
    mosaic = copied(exposure, variance_method=method)
    unknown = np.zeros(SHAPE, bool)
    unknown[5, 3] = True
    np.testing.assert_array_equal(np.isnan(mosaic["var_flat"]), unknown)
    assert (mosaic["wht"] > 0).all()
    assert np.isfinite(mosaic["data"]).all()
    assert np.isfinite(mosaic["var_rnoise"]).all()


def test_a_variance_of_zero_is_a_variance_unless_it_is_the_weight() -> None:
    mosaic = copied(with_bad_pixels([0.0], "var_flat"))
    assert mosaic["var_flat"].values[5, 3] == 0.0
    assert np.isfinite(mosaic["var_flat"]).all()


def test_a_negative_error_is_unknown() -> None:
    mosaic = copied(with_bad_pixels([-2.0], "err"), compute_err="driz_err")
    assert np.isnan(mosaic["err"].values[5, 3])
    assert np.isfinite(mosaic["err"]).values.sum() == mosaic["err"].size - 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e39])
@pytest.mark.parametrize("weight_type", ["ivm", "exptime", None])
def test_data_that_the_planes_cannot_hold_have_no_weight(value: float, weight_type: Any) -> None:
    exposure = with_bad_pixels([value], "data")
    mosaic = copied(exposure, weight_type=weight_type)
    weights = exposure.resample.weight_map(weight_type)
    np.testing.assert_array_equal(weights, mosaic["wht"])
    assert mosaic["wht"].values[5, 3] == 0.0
    assert (mosaic["wht"].values > 0).sum() == mosaic["wht"].size - 1
    assert np.isfinite(mosaic["data"]).all()


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan, 1e39])
@pytest.mark.parametrize("name", ["measurement_time", "exposure_time"])
def test_a_bad_time_is_an_error(bad: float, name: str) -> None:
    exposure = scaled(1.0, n=1)[0].assign_attrs({"exposure_time": 10.0, name: bad})
    unknown = bool(np.isnan(bad))
    if unknown and name == "measurement_time":
        np.testing.assert_array_equal(copied(exposure, weight_type="exptime")["wht"], 10.0)
        return
    calls: list[Callable[[], Any]] = [
        lambda: xrs.coadd(exposure, GRID, weight_type="exptime"),
        lambda: xrs.coadd(exposure, GRID, weight_type="exptime", chunks=9),
        lambda: exposure.resample.weight_map("exptime"),
        lambda: xrs.Resample(GRID, weight_type="exptime", enable_var=False).add_model(exposure),
    ]
    for call in calls:
        with pytest.raises(xrs.InvalidExposureError, match="exposure"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0])
def test_weights_of_hooks_cost_their_pixel_only(bad: float) -> None:
    class Weighed(xrs.Resample):
        # The hook passes on whatever it receives, so it names no parameters.
        def resample_variance_arrays(self, **given: Any) -> None:  # type: ignore[override]
            weights = given["weight_map"].astype(np.float64)
            weights[5, 3] = bad
            super().resample_variance_arrays(**{**given, "weight_map": weights})

    exposure = scaled(1.0, n=1)[0]
    product, plain = (kind(GRID, kernel="point") for kind in (Weighed, xrs.Resample))
    for resample in (product, plain):
        resample.add_model(exposure)
        resample.finalize()
    changed = np.zeros(SHAPE, bool)
    changed[5, 3] = True
    got, expected = (r.output_model["var_flat"] for r in (product, plain))
    np.testing.assert_array_equal(got[~changed], expected[~changed])
    assert np.isnan(got[5, 3])


def test_ordinary_exposures_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xrs.coadd(scaled(1.0), GRID, chunks=9).compute()
