"""Bad input gives a clear error or a right result, and never changes the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import (
    assert_close,
    assert_same_bits,
    checksum,
    make_arrays,
    make_attrs,
    make_exposure,
    make_wcs,
    output_grid,
    shifted_map,
)
from tests.support.wcs import make_fits, make_spectral

SHAPE = (12, 14)
GRID = output_grid(SHAPE, margin=6)
GOOD = make_exposure(0, SHAPE)


def started(**options: Any) -> xr.Dataset:
    """Return a mosaic of one exposure."""
    return GOOD.resample.onto(GRID, **options)


def without_wcs() -> xr.Dataset:
    return GOOD.drop_vars("wcs")


def with_plane(name: str, array: Any, dims: tuple[str, ...] = ("y", "x")) -> xr.Dataset:
    return GOOD.assign({name: (dims, array)})


BAD_EXPOSURES: dict[str, tuple[Callable[[], Any], str]] = {
    "no data": (lambda: GOOD.drop_vars("data"), "data is missing"),
    "no wcs": (without_wcs, "wcs is missing"),
    "a numpy array": (lambda: GOOD["data"].values, "ndarray"),
    "a DataArray": (lambda: GOOD["data"], "DataArray"),
    "None": (lambda: None, "must be .*Dataset.*, got None"),
    "complex data": (lambda: with_plane("data", np.ones(SHAPE, complex)), "complex"),
    "text data": (lambda: with_plane("data", np.full(SHAPE, "a")), "data must hold real numbers"),
    "floating-point dq": (
        lambda: with_plane("dq", np.zeros(SHAPE)), "dq must hold integers, got type float64"),
    "dq beyond 32 bits": (
        lambda: with_plane("dq", np.full(SHAPE, 1 << 40, np.int64)), "flags of 32 bits"),
    "a cube": (lambda: GOOD.expand_dims(band=2), "dimensions"),
    "an empty image": (lambda: GOOD.isel(x=slice(0, 0)), "empty"),
    "uneven columns": (lambda: GOOD.isel(x=[0, 1, 3]), "x must count pixels in constant steps"),
    "a row twice": (lambda: GOOD.isel(y=[1, 1, 2]), "y must count pixels in constant steps"),
    "text as columns": (lambda: GOOD.assign_coords(x=GOOD["x"].astype(str)), "x must hold pixel"),
    "other units": (lambda: GOOD.assign(data=GOOD["data"].assign_attrs(units="Jy")), "units"),
    "a time that is text": (lambda: GOOD.assign_attrs(exposure_time="long"), "attribute"),
    "a wcs that is not ASDF text": (
        lambda: GOOD.assign_coords(wcs=((), "RA---TAN")), "not the ASDF text of a WCS"),
    "a wcs that is other ASDF text": (
        lambda: GOOD.assign_coords(wcs=((), "#ASDF 1.0.0\nwcs: [1]\n...\n")), "cannot be read|WCS"),
    "a spectral wcs": (
        lambda: GOOD.resample.assign_wcs(make_spectral(SHAPE)), "both be imaging"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_EXPOSURES)
def test_a_bad_exposure_raises_and_changes_nothing(case: str) -> None:
    make, message = BAD_EXPOSURES[case]
    mosaic = started()
    before = checksum(mosaic), checksum(GOOD)
    with pytest.raises(xrs.XResampleError, match=message):
        mosaic.resample.add(make())
    assert (checksum(mosaic), checksum(GOOD)) == before


def test_one_error_lists_all_faults_of_an_exposure() -> None:
    bad = GOOD.drop_vars(["wcs", "err"]).assign(dq=(("y", "x"), np.zeros(SHAPE)))
    bad.attrs.pop("exposure_time"), bad.attrs.pop("measurement_time")
    with pytest.raises(xrs.InvalidExposureError) as caught:
        xrs.coadd(bad, GRID, compute_err="driz_err", weight_type="exptime")
    message = str(caught.value)
    for fault in ("dq must hold integers", "wcs is missing", "err is missing", "exposure_time"):
        assert fault in message
    assert message.startswith("exposure_0.fits")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KeyError)


def test_a_failure_in_the_second_exposure_changes_nothing() -> None:
    mosaic = started()
    before = checksum(mosaic)
    with pytest.raises(xrs.InvalidExposureError):
        mosaic.resample.add(make_exposure(1, SHAPE), without_wcs())
    assert checksum(mosaic) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "box"}, "kernel must be .*got 'box'"),
        ({"kernel": None}, "kernel must be .*got None"),
        ({"pixfrac": 0.0}, "pixfrac"),
        ({"pixfrac": -0.1}, "pixfrac"),
        ({"pixfrac": 1.001}, "pixfrac"),
        ({"pixfrac": np.nan}, "pixfrac"),
        ({"pixfrac": "1"}, "pixfrac"),
        ({"pixfrac": None}, "pixfrac"),
        ({"pixfrac": True}, "pixfrac"),
        ({"fillval": "nothing"}, "fillval"),
        ({"weight_type": "ivm-"}, "weight_type"),
        ({"compute_err": "guess"}, "compute_err"),
        ({"variance_method": "none"}, "variance_method"),
        ({"pixel_scale": -1.0}, "pixel_scale"),
        ({"pixel_scale_ratio": 0.0}, "pixel_scale_ratio"),
        ({"pixmap_stepsize": 0}, "pixmap_stepsize"),
        ({"pixmap_order": 2}, "pixmap_order"),
        ({"pixmap_tol": 0.0}, "pixmap_tol"),
        ({"dtype": "float16"}, "dtype"),
        ({"pixfraction": 0.5}, "pixfraction"),
        ({"good_bits": "WRONG"}, "WRONG"),
        ({"good_bits": 1.5}, "good_bits"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(xrs.InvalidInputError, match=message):
        xrs.coadd(GOOD, GRID, **options)


def test_one_error_lists_all_bad_options() -> None:
    with pytest.raises(xrs.InvalidInputError) as caught:
        xrs.empty_mosaic(GRID, kernel="box", pixfrac=2.0, weight_type="x", fillval="y")
    for name in ("kernel", "pixfrac", "weight_type", "fillval"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "output grid"),
        ("grid.fits", "output grid"),
        (3, "output grid"),
        ((0, 5), "two positive integers"),
        ((5, -1), "two positive integers"),
        ((5,), "two positive integers"),
        ((5, "a"), "two positive integers"),
        ({}, "must have the key 'wcs'"),
        ({"pixel_scale": 0.1}, "must have the key 'wcs'"),
        ({"wcs": (5, 6), "pixel_scal": 0.1}, "Unknown keys .*did you mean 'pixel_scale'"),
        ({"wcs": (5, 6), "pixel_scale": "fine"}, r"\['pixel_scale'\] must be a number .*'fine'"),
        ({"wcs": (5, 6), "pixel_scale": 0}, r"\['pixel_scale'\] must be a number .* got 0"),
        ({"wcs": (5, 6), "pixel_scale_ratio": -1}, r"\['pixel_scale_ratio'\] must be .* got -1"),
        (WCS(naxis=2), "SPATIAL|array_shape|sky"),
        (WCS(naxis=3), "axes"),
        (WCS(naxis=1), "axes"),
        (object(), "WCS"),
    ],
)
def test_a_bad_grid_raises(target: Any, message: str) -> None:
    with pytest.raises(xrs.XResampleError, match=message):
        xrs.coadd(GOOD, target)


def test_a_grid_without_array_shape_raises() -> None:
    grid = make_fits(SHAPE)
    grid.pixel_shape = None
    with pytest.raises(xrs.InvalidInputError, match="array_shape"):
        xrs.empty_mosaic(grid)


def test_a_grid_without_inverse_raises() -> None:
    with pytest.raises(xrs.UnsupportedWCSError, match="no inverse"):
        GOOD.resample.onto(make_wcs(1, SHAPE))


def test_bad_pixel_maps_raise() -> None:
    start = xrs.empty_mosaic((20, 20))
    for bad in (np.zeros((*SHAPE, 3)), np.zeros(SHAPE), np.zeros((2, *SHAPE)), "map",
                np.zeros((*SHAPE, 2), complex)):  # fmt: skip
        with pytest.raises(xrs.InvalidInputError, match="pixmap"):
            start.resample.add(GOOD, pixmap=bad)
    with pytest.raises(xrs.InvalidInputError, match="one at a time"):
        start.resample.add(GOOD, GOOD, pixmap=shifted_map(SHAPE))
    with pytest.raises(xrs.InvalidInputError, match="no WCS"):
        start.resample.add(GOOD)


def test_make_exposure_lists_all_bad_arrays() -> None:
    arrays = make_arrays(0, SHAPE)
    with pytest.raises(xrs.InvalidExposureError) as caught:
        xrs.make_exposure(
            arrays["data"], err=arrays["err"][1:], dq=arrays["dq"].T,
            variances={"var_flat": np.zeros(3), "flat": arrays["err"]},
        )  # fmt: skip
    for fault in (
        "err must have the shape",
        "dq must have the shape",
        "var_flat must have the shape",
        "must start with 'var_'",
    ):
        assert fault in str(caught.value)
    with pytest.raises(xrs.InvalidExposureError, match="image"):
        xrs.make_exposure(np.zeros(4))


@pytest.mark.parametrize("wcs", [3, "no wcs", np.zeros(2), {}])
def test_make_exposure_refuses_a_bad_wcs(wcs: Any) -> None:
    with pytest.raises(xrs.XResampleError):
        xrs.make_exposure(np.zeros(SHAPE), wcs)


def test_merge_refuses_mosaics_that_differ() -> None:
    mosaic = started()
    others = {
        "different grids": GOOD.resample.onto(output_grid(SHAPE, margin=7)),
        "kernel": started(kernel="turbo"),
        "pixfrac: 1.0 and 0.5": started(pixfrac=0.5),
        "good_bits": started(good_bits=4),
    }
    before = checksum(mosaic)
    for message, other in others.items():
        with pytest.raises(xrs.GridMismatchError, match=message):
            mosaic.resample.merge(other)
    with pytest.raises(xrs.InvalidInputError, match="merge expects mosaics"):
        mosaic.resample.merge(GOOD)
    with pytest.raises(xrs.InvalidInputError, match="2 mosaics"):
        mosaic.resample.add(mosaic)
    jansky = GOOD.assign(data=GOOD["data"].assign_attrs(units="Jy")).resample.onto(GRID)
    with pytest.raises(xrs.GridMismatchError, match="units"):
        mosaic.resample.merge(jansky)
    assert checksum(mosaic) == before


@pytest.mark.parametrize("name", ["wht", "con", "var_rnoise", "var_rnoise_wht"])
def test_add_refuses_a_mosaic_without_a_plane(name: str) -> None:
    mosaic = started().drop_vars(name)
    with pytest.raises(xrs.InvalidInputError, match=name if name != "wht" else "output_wcs"):
        mosaic.resample.add(GOOD)


def test_add_refuses_a_plane_of_the_wrong_type() -> None:
    mosaic = started()
    mosaic["wht"] = mosaic["wht"].astype(np.float64)
    with pytest.raises(xrs.InvalidInputError, match="wht must have type float32, got float64"):
        mosaic.resample.add(GOOD)


def test_an_exposure_of_nan_contributes_nothing() -> None:
    nothing = GOOD.assign(data=GOOD["data"] * np.nan)
    with pytest.warns(xrs.NoContributionWarning, match=r"exposure_0\.fits contributes to no pixel"):
        mosaic = xrs.coadd(nothing, GRID, compute_err="from_var", propagate_dq=True)
    for name in ("data", "wht", "con", "dq"):
        assert not mosaic[name].any(), name
    assert np.isnan(mosaic["var_flat"]).all()
    assert np.isnan(mosaic["err"]).all()
    assert mosaic.sizes["exposure"] == 1


def test_a_bounding_box_outside_the_image_contributes_nothing() -> None:
    wcs = make_wcs(0, SHAPE)
    wcs.bounding_box = (100.0, 120.0), (100.0, 120.0)
    with pytest.warns(xrs.NoOverlapWarning):
        mosaic = GOOD.resample.assign_wcs(wcs).resample.onto(GRID)
    assert not mosaic["wht"].any()


def test_an_exposure_outside_the_mosaic_changes_no_plane() -> None:
    far = make_exposure(1, SHAPE, make_wcs(1, SHAPE, crval=(150.1, 2.0)))
    mosaic = started()
    with pytest.warns(xrs.NoOverlapWarning, match="exposure_1.fits") as caught:
        more = mosaic.resample.add(far)
    assert caught[0].filename == __file__
    assert_same_bits(more, mosaic, ["data", "wht", "con", "var_rnoise", "var_rnoise_wht"])
    assert more.sizes["exposure"] == 2
    later = more.resample.add(make_exposure(2, SHAPE))
    assert 2 in later.resample.contributors(x=16, y=16)["exposure"].values


OTHER_ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "column order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "float64": lambda a: a.astype(np.float64) if a.dtype.kind == "f" else a.astype(np.int64),
    "int64": lambda a: a.astype(np.int64) if a.dtype.kind == "u" else a,
    "int32": lambda a: a.view(np.int32) if a.dtype.kind == "u" else a,
    "uint64": lambda a: a.astype(np.uint64) if a.dtype.kind == "u" else a,
}


@pytest.mark.parametrize("case", OTHER_ARRAYS)
@pytest.mark.parametrize("frozen", [False, True])
def test_memory_layout_and_type_do_not_change_the_result(case: str, frozen: bool) -> None:
    arrays = make_arrays(0, SHAPE, flagged=0.1)
    options = {"compute_err": "driz_err", "propagate_dq": True, "good_bits": 4}
    expected = xrs.coadd(make_exposure(0, SHAPE, arrays=arrays), GRID, **options)

    def changed(array: np.ndarray) -> np.ndarray:
        array = OTHER_ARRAYS[case](array.copy())
        array.flags.writeable = not frozen
        return array

    other = {
        "data": changed(arrays["data"]),
        "err": changed(arrays["err"]),
        "dq": changed(arrays["dq"]),
        "variances": {name: changed(v) for name, v in arrays["variances"].items()},
    }
    exposure = make_exposure(0, SHAPE, arrays=other)
    before = checksum(exposure)
    mosaic = xrs.coadd(exposure, GRID, **options)
    if case == "float64":
        # float64 input is scaled and square-rooted before it is rounded to float32, so the results
        # differ by at most half a unit in the last place.
        for name in ("data", "err", "wht", *arrays["variances"]):
            assert_close(mosaic[name].fillna(0), expected[name].fillna(0), 2e-7, name=name)
    else:
        assert_same_bits(mosaic, expected)
    assert checksum(exposure) == before


def test_a_read_only_mosaic_can_be_added_to() -> None:
    mosaic = started()
    for name in mosaic.data_vars:
        mosaic[name].values.flags.writeable = False
    expected = started().resample.add(make_exposure(1, SHAPE))
    assert_same_bits(mosaic.resample.add(make_exposure(1, SHAPE)), expected)


def test_transposed_exposures_and_mosaics_give_the_same_bits() -> None:
    expected = started().resample.add(make_exposure(1, SHAPE))
    mosaic = started().transpose("x", "y", "plane", "exposure")
    got = mosaic.resample.add(make_exposure(1, SHAPE).transpose("x", "y"))
    assert_same_bits(got, expected)


def test_attributes_may_be_numpy_scalars_but_not_mappings() -> None:
    with pytest.raises(xrs.InvalidExposureError, match="mapping"):
        make_exposure(0, SHAPE, header={"a": 1})
    given = {name: np.float32(v) if isinstance(v, float) else v for name, v in
             make_attrs(0).items()}  # fmt: skip
    assert make_exposure(0, SHAPE, **given).attrs["exposure_time"] == 100.0
