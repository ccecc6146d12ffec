"""Exposures: creation, validation, slicing, reading."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    assert_same_bits,
    make_arrays,
    make_exposure,
    make_wcs,
    output_grid,
)
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.validation import validate

SHAPE = (16, 20)
GRID = output_grid(SHAPE)


def test_make_exposure_sets_variables_and_attributes() -> None:
    arrays = make_arrays(0, SHAPE)
    exposure = make_exposure(0, SHAPE)
    for name in ("data", "err", "dq"):
        np.testing.assert_array_equal(exposure[name], arrays[name])
    assert exposure["var_flat"].attrs == {"long_name": "variance (flat)", "units": "MJy2 / sr2"}
    assert exposure["data"].attrs["units"] == "MJy/sr"
    assert exposure["dq"].attrs["flag_meanings"] == " ".join(FLAGS)
    assert exposure["dq"].attrs["flag_masks"].tolist() == list(FLAGS.values())
    assert exposure["y"].dtype == exposure["x"].dtype == np.int64
    assert not exposure.resample.is_mosaic


def test_make_exposure_does_not_copy_arrays() -> None:
    data = np.ones(SHAPE, np.float32)
    assert np.shares_memory(xrs.make_exposure(data)["data"].values, data)


def test_only_data_is_required() -> None:
    exposure = xrs.make_exposure([[1, 2], [3, 4]])
    assert list(exposure.data_vars) == ["data"]
    assert exposure.attrs == {"exposure": str(exposure["exposure"].values)}
    with pytest.raises(xrs.MissingKeyError, match="assign_wcs"):
        _ = exposure.resample.wcs


def test_attributes_of_none_are_left_out() -> None:
    exposure = make_exposure(0, SHAPE, level=None, subtracted=True, measurement_time=None)
    assert "level" not in exposure.attrs
    assert "measurement_time" not in exposure.attrs
    assert exposure.attrs["subtracted"] == 1


def test_each_access_of_wcs_returns_a_new_object() -> None:
    exposure = make_exposure(0, SHAPE)
    wcs = exposure.resample.wcs
    wcs.bounding_box = (0, 1), (0, 1)
    again = exposure.resample.wcs
    assert again is not wcs
    assert again.bounding_box != wcs.bounding_box


def test_assign_wcs_takes_an_object_or_text() -> None:
    exposure = make_exposure(0, SHAPE)
    other = make_wcs(3, SHAPE)
    changed = exposure.resample.assign_wcs(other)
    assert str(changed["wcs"].values) != str(exposure["wcs"].values)
    np.testing.assert_array_equal(
        changed.resample.wcs.pixel_to_world_values(3, 4), other.pixel_to_world_values(3, 4)
    )
    by_text = exposure.resample.assign_wcs(str(changed["wcs"].values))
    assert_same_bits(by_text, changed)
    with pytest.raises(xrs.WCSTextError):
        exposure.resample.assign_wcs("SIMPLE  =  T")


@pytest.mark.parametrize(
    "cut",
    [
        {"x": slice(5, 12)},
        {"y": slice(4, None), "x": slice(0, 9)},
        {"y": slice(7, 8)},
        {"x": slice(19, 20), "y": slice(0, 2)},
    ],
)
def test_a_sliced_exposure_keeps_its_position(cut: dict[str, slice]) -> None:
    exposure = make_exposure(0, SHAPE)
    grid = output_grid(SHAPE)
    whole = exposure.resample.pixmap(grid, pixmap_stepsize=1)
    part = exposure.isel(cut)
    np.testing.assert_array_equal(part.resample.pixmap(grid, pixmap_stepsize=1), whole.isel(cut))
    mosaic = part.resample.onto(grid, weight_type=None, good_bits=None)
    inside = part.sizes["y"] * part.sizes["x"]
    assert float(mosaic["wht"].sum()) == pytest.approx(inside, rel=1e-5)


def test_a_single_pixel_keeps_its_area() -> None:
    """The corners of a single pixel come from the neighbouring pixels of the detector."""
    exposure = make_exposure(0, SHAPE)
    grid = output_grid(SHAPE)
    pixel = exposure.isel(x=[7], y=[9])
    mosaic = pixel.resample.onto(grid, weight_type=None, good_bits=None)
    assert float(mosaic["wht"].sum()) == pytest.approx(1, rel=1e-6)
    covered = mosaic["data"].values[mosaic["wht"].values > 0]
    np.testing.assert_allclose(covered, pixel["data"].item(), rtol=1e-6)


def test_dask_arrays_are_accepted() -> None:
    arrays = make_arrays(0, SHAPE)
    lazy: dict[str, Any] = {n: dask.array.from_array(arrays[n], 7) for n in ("data", "err", "dq")}
    lazy["variances"] = {n: dask.array.from_array(v, 7) for n, v in arrays["variances"].items()}
    exposure = make_exposure(0, SHAPE, arrays=lazy)
    assert exposure.chunks
    grid = output_grid(SHAPE)
    assert_same_bits(exposure.resample.onto(grid), make_exposure(0, SHAPE).resample.onto(grid))


def test_other_variables_are_ignored() -> None:
    exposure = make_exposure(0, SHAPE)
    grid = output_grid(SHAPE)
    more = exposure.assign(extra=(("y", "x", "band"), np.zeros((*SHAPE, 3))), note="text")
    assert_same_bits(more.resample.onto(grid), exposure.resample.onto(grid))


def test_properties_of_an_exposure() -> None:
    exposure = Exposure(make_exposure(2, SHAPE).isel(y=slice(3, 9), x=slice(4, 15)))
    assert exposure.shape == (6, 11)
    assert (exposure.y, exposure.x) == (range(3, 9), range(4, 15))
    assert exposure.time == 91.0
    assert set(exposure.variances) == {"var_rnoise", "var_flat", "var_poisson", "var_sky"}
    assert exposure.units == "MJy/sr"
    window = exposure.plane("data", slice(1, 3), slice(0, 2))
    np.testing.assert_array_equal(window, exposure.dataset["data"].values[1:3, :2])
    assert exposure.plane("var_none", slice(None), slice(None)) is None


def test_the_exposure_time_replaces_a_missing_measurement_time() -> None:
    assert Exposure(make_exposure(2, SHAPE, measurement_time=None)).time == 101.0


def test_validate_accepts_valid_exposures() -> None:
    validate(make_exposure(0, SHAPE))
    validate(xr.Dataset({"data": (("y", "x"), np.ones((2, 2)))}))
    validate(make_exposure(0, SHAPE).transpose("x", "y"))


@pytest.mark.parametrize("chunks", [None, 20])
@pytest.mark.parametrize("name", ["data", "var_rnoise", "dq"])
@pytest.mark.parametrize(
    "change", [lambda block: block[:5, :6].copy(), lambda block: block.astype("c8")]
)
def test_planes_that_return_something_else_than_they_promise(
    change: Any, name: str, chunks: int | None
) -> None:
    """No memory beyond an array is read, because the result of a lazy array is checked."""
    exposure = make_exposure(0, (20, 24))
    plane = exposure[name].chunk()
    lazy = plane.data.map_blocks(change, dtype=plane.dtype, chunks=plane.data.chunks)
    broken = exposure.assign({name: (("y", "x"), lazy)})
    grid = output_grid((20, 24))
    with pytest.raises(xrs.InvalidExposureError, match=f"{name} must return"):
        xrs.coadd([broken], grid, chunks=chunks, good_bits=0).compute()


def in_millijansky(exposure: xr.Dataset, *names: str) -> xr.Dataset:
    """Return an exposure in MJy/sr with some variables in mJy/sr."""
    changed = {}
    for name in names:
        power = 2 if name.startswith("var_") else 1
        units = "mJy/sr" if power == 1 else "(mJy/sr)**2"
        changed[name] = (exposure[name] * 1e9**power).assign_attrs(units=units)
    return exposure.assign(changed)


def test_errors_and_variances_have_the_scale_of_the_data() -> None:
    """An exposure of which only the data were converted would have errors of another scale."""
    exposure = make_exposure(0)
    names = [name for name in exposure.data_vars if name == "err" or name.startswith("var_")]
    with pytest.raises(xrs.InvalidExposureError) as caught:
        xrs.coadd(in_millijansky(exposure, "data"), GRID)
    assert "err must have the units 'mJy/sr'" in str(caught.value)
    assert "multiply it by 1e+18" in str(caught.value)
    assert str(caught.value).count("must have the units") == len(names)
    whole = in_millijansky(exposure, "data", *names)
    options = {"compute_err": "from_var", "dtype": "float64"}
    expected = xrs.coadd(exposure, GRID, **options)["err"] * 1e9
    np.testing.assert_allclose(xrs.coadd(whole, GRID, **options)["err"], expected, rtol=1e-6)


@pytest.mark.parametrize("units", ["MJy sr-1", "MJy2/sr2", "furlong", None, 5])
def test_units_that_tell_no_other_scale_are_accepted(units: object) -> None:
    """Operations such as ``err**2`` keep units of another kind, and some units are unknown."""
    exposure = make_exposure(0)
    changed = exposure.assign(err=exposure["err"].assign_attrs(units=units))
    np.testing.assert_array_equal(
        xrs.coadd(changed, GRID)["data"], xrs.coadd(exposure, GRID)["data"]
    )
