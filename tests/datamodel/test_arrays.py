"""Arrays with masks, units and uncertainties become exposures without losing them."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from astropy.nddata import (
    CCDData,
    InverseVariance,
    NDData,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.utils.masked import Masked
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import VARIANCES
from tests.support.wcs import make_fits
from xresample.datamodel.arrays import bare_array

SHAPE = (20, 24)
MASK = np.zeros(SHAPE, bool)
MASK[8:12, 8:12] = True
DATA = np.where(MASK, 1000.0, 1.0).astype(np.float32)
WCS_OF = make_fits(SHAPE)

MASKED: dict[str, Any] = {
    "numpy.ma": lambda: np.ma.array(DATA, mask=MASK),
    "numpy.ma of integers": lambda: np.ma.array(DATA.astype(np.int16), mask=MASK),
    "CCDData": lambda: CCDData(DATA, mask=MASK, unit="adu"),
    "NDData": lambda: NDData(DATA, mask=MASK),
    "NDData of a masked array": lambda: NDData(np.ma.array(DATA, mask=MASK)),
    "Masked": lambda: Masked(DATA, MASK),
    "Masked Quantity": lambda: Masked(DATA, MASK) * u.Jy,
    "dask": lambda: da.from_array(np.ma.array(DATA, mask=MASK), chunks=7),
}


@pytest.mark.parametrize("kind", MASKED)
def test_masked_pixels_have_no_weight(kind: str) -> None:
    exposure = xrs.make_exposure(MASKED[kind](), WCS_OF, exposure_time=1.0)
    assert exposure["data"].dtype.kind == "f"
    np.testing.assert_array_equal(np.isnan(exposure["data"]), MASK)
    mosaic = xrs.coadd(exposure, WCS_OF, weight_type=None, good_bits=None)
    assert float(mosaic["data"].max()) == 1.0
    np.testing.assert_allclose(mosaic["wht"], ~MASK, atol=1e-6)


@pytest.mark.parametrize("kind", [np.ma.array, Masked])
def test_masked_flags_mask_the_data(kind: Any) -> None:
    flags = kind(np.zeros(SHAPE, np.uint32), mask=MASK)
    exposure = xrs.make_exposure(DATA, WCS_OF, dq=flags, exposure_time=1.0)
    assert exposure["dq"].dtype == np.uint32
    np.testing.assert_array_equal(np.isnan(exposure["data"]), MASK)


def test_masked_errors_and_variances_are_unknown() -> None:
    masked = np.ma.array(np.full(SHAPE, 4.0), mask=MASK)
    exposure = xrs.make_exposure(DATA, WCS_OF, err=masked, variances={"var_rnoise": masked})
    for name in ("err", "var_rnoise"):
        np.testing.assert_array_equal(np.isnan(exposure[name]), MASK)
    np.testing.assert_allclose(
        exposure.resample.weight_map("ivm"), np.where(MASK, 0.0, 0.25), atol=0
    )


def test_an_array_that_masks_nothing_is_shared() -> None:
    for array in (np.ma.array(DATA), u.Quantity(DATA, "Jy", copy=False)):
        assert np.shares_memory(xrs.make_exposure(array)["data"].values, np.asarray(array))


def test_units_of_quantities_are_taken() -> None:
    exposure = xrs.make_exposure(
        DATA * u.Jy, err=np.full(SHAPE, 20.0) * u.mJy, variances={"var_rnoise": DATA * u.mJy**2}
    )
    assert exposure["data"].attrs["units"] == "Jy"
    assert exposure["err"].attrs["units"] == "Jy"
    assert exposure["var_rnoise"].attrs["units"] == "Jy2"
    np.testing.assert_array_equal(exposure["data"], DATA)
    np.testing.assert_allclose(exposure["err"], 0.02, rtol=1e-12)
    np.testing.assert_allclose(exposure["var_rnoise"], 1e-6 * DATA, rtol=1e-6)
    assert xrs.make_exposure(CCDData(DATA, unit="adu"))["data"].attrs["units"] == "adu"
    assert "units" not in xrs.make_exposure(DATA * u.dimensionless_unscaled)["data"].attrs


def test_arrays_are_converted_to_the_given_units() -> None:
    exposure = xrs.make_exposure(
        DATA * u.mJy, units="Jy", variances={"var_rnoise": np.full(SHAPE, 4.0) * u.mJy**2}
    )
    assert exposure["data"].dtype == np.float32
    np.testing.assert_allclose(exposure["data"], 1e-3 * DATA, rtol=1e-6)
    np.testing.assert_allclose(exposure["var_rnoise"], 4e-6, rtol=1e-12)
    level = xrs.make_exposure(DATA, units=u.Jy, level=3.0 * u.kJy).attrs["level"]
    assert level == pytest.approx(3000.0)


def test_one_error_lists_all_units_that_cannot_be_converted() -> None:
    with pytest.raises(xrs.InvalidExposureError) as caught:
        xrs.make_exposure(
            DATA * u.m, units="Jy", err=DATA * u.s, variances={"var_flat": DATA * u.Jy},
            dq=np.zeros(SHAPE, int) * u.s, level=1 * u.s,
        )  # fmt: skip
    for fault in (
        "data must have units like 'Jy', got 'm'",
        "err must have units like 'Jy', got 's'",
        "var_flat must have units like 'Jy2', got 'Jy'",
        "dq must have no units, got 's'",
        "level must have units like 'Jy', got 's'",
    ):
        assert fault in str(caught.value)
    with pytest.raises(xrs.InvalidExposureError, match="err has the units 'Jy', but data has none"):
        xrs.make_exposure(DATA, err=DATA * u.Jy)


UNCERTAINTIES = {
    "std": StdDevUncertainty(np.full(SHAPE, 2.0)),
    "std in other units": StdDevUncertainty(np.full(SHAPE, 2000.0), unit="mJy"),
    "var": VarianceUncertainty(np.full(SHAPE, 4.0)),
    "var in other units": VarianceUncertainty(np.full(SHAPE, 4e6), unit="mJy2"),
    "ivar": InverseVariance(np.full(SHAPE, 0.25)),
    "ivar in other units": InverseVariance(np.full(SHAPE, 0.25e-6), unit="1 / mJy2"),
}


@pytest.mark.parametrize("kind", UNCERTAINTIES)
def test_uncertainties_become_errors_or_variances(kind: str) -> None:
    uncertainty = UNCERTAINTIES[kind]
    exposure = xrs.make_exposure(
        DATA, units="Jy", err=uncertainty, variances={"var_rnoise": uncertainty}
    )
    np.testing.assert_allclose(exposure["err"], 2.0, rtol=1e-12)
    np.testing.assert_allclose(exposure["var_rnoise"], 4.0, rtol=1e-12)
    image = CCDData(DATA, unit="Jy", uncertainty=uncertainty, wcs=WCS_OF)
    exposure = xrs.make_exposure(image)
    np.testing.assert_allclose(exposure["err"], 2.0, rtol=1e-12)
    assert exposure["err"].attrs["units"] == "Jy"
    assert isinstance(exposure.resample.wcs, WCS)
    own = xrs.make_exposure(image, err=np.full(SHAPE, 5.0))
    np.testing.assert_array_equal(own["err"], 5.0)


def test_arrays_that_cannot_be_used_are_refused() -> None:
    class Pint:
        magnitude, units = DATA, "Jy"

    cases = {
        "with a magnitude": Pint(),
        "of the type 'unknown'": NDData(DATA, uncertainty=UnknownUncertainty(DATA)),
        "dask array of numpy arrays, got Quantity": da.from_array(DATA * u.Jy, chunks=9),
        r"A mask must have the shape of its array, \(20, 24\), got \(2, 2\)": NDData(
            DATA, mask=np.zeros((2, 2), bool)),
        "data must be an image": np.ma.array(np.ones(4), mask=[True, False, False, False]),
    }  # fmt: skip
    for message, data in cases.items():
        with pytest.raises(xrs.InvalidExposureError, match=message):
            xrs.make_exposure(data)


def test_a_dataarray_keeps_its_order_its_pixels_and_its_wcs() -> None:
    whole = xrs.make_exposure(DATA, WCS_OF, units="Jy")
    part = whole.isel(y=slice(3, 15), x=slice(5, None))
    exposure = xrs.make_exposure(part["data"].transpose("x", "y"), err=part["data"])
    # The new exposure has an identity of its own.
    given = part["data"].drop_vars("exposure")
    xr.testing.assert_equal(exposure["data"].drop_vars("exposure"), given)
    assert exposure["data"].attrs["units"] == "Jy"
    assert exposure["wcs"].item() == whole["wcs"].item()
    with pytest.raises(xrs.InvalidExposureError, match="err must have the coordinates y and x"):
        xrs.make_exposure(part["data"], err=whole["data"].isel(y=slice(0, 12), x=slice(0, 19)))


def test_models_of_the_stcal_compatible_class_keep_masks_and_units() -> None:
    plain = np.ones(SHAPE, np.float32)
    model = {
        "wcs": WCS_OF, "data": Masked(DATA, MASK) * u.mJy, "dq": np.zeros(SHAPE, np.uint32),
        **dict.fromkeys(VARIANCES, plain * u.Jy**2), "bunit_data": "Jy",
        **dict.fromkeys(("filename", "group_id", "exposure_time", "start_time", "end_time",
                         "duration", "measurement_time", "pixelarea_steradians", "level",
                         "subtracted")),
    }  # fmt: skip
    product = xrs.Resample(WCS_OF)
    product.add_model(model)
    product.finalize()
    np.testing.assert_allclose(product.output_model["wht"], ~MASK, atol=1e-6)
    np.testing.assert_allclose(product.output_model["data"][~MASK], 1e-3, rtol=1e-6)
    product = xrs.Resample(WCS_OF)
    with pytest.raises(xrs.InvalidExposureError, match="data must have units like 'Jy', got 'm'"):
        product.add_model({**model, "data": DATA * u.m})


def test_bare_arrays_have_no_units() -> None:
    np.testing.assert_array_equal(bare_array([1, 2], "a"), [1, 2])
    np.testing.assert_array_equal(bare_array(np.ma.array([1, 2], mask=[0, 1]), "a"), [1, np.nan])
    with pytest.raises(xrs.InvalidInputError, match="a must have no units, got 'm'"):
        bare_array([1, 2] * u.m, "a")
