"""Merging mosaics of one grid."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    assert_close,
    assert_same_attrs,
    assert_same_bits,
    checksum,
    make_exposure,
    make_exposures,
    output_grid,
    shifted_map,
)

SHAPE = (20, 24)
METHODS = ("resampled", "propagated")
EXACT = ("con", "dq", "filename", "group_id", "exposure_time", "start_time", "pixel_scale_ratio")


@cache
def campaign() -> tuple[list[xr.Dataset], Any]:
    """Return the exposures and the grid; tests must not change them."""
    return make_exposures(5, SHAPE), output_grid(SHAPE)


def coadd_some(which: slice, **options: Any) -> xr.Dataset:
    """Return the mosaic of a slice of the exposures."""
    exposures, grid = campaign()
    return xrs.coadd(exposures[which], grid, propagate_dq=True, **options)


def assert_nearly_same(a: xr.Dataset, b: xr.Dataset, tolerance: float = 1e-6) -> None:
    """Fail if float planes differ by more than rounding, or if anything else differs at all."""
    assert set(a) == set(b)
    assert_same_bits(a, b, [name for name in EXACT if name in a])
    assert_same_attrs(a.attrs, b.attrs)
    for name in set(a.data_vars) - set(EXACT):
        if a[name].dtype.kind != "f" or a[name].dims == ("exposure",):
            np.testing.assert_array_equal(a[name], b[name])
            continue
        np.testing.assert_array_equal(np.isnan(a[name]), np.isnan(b[name]))
        assert a[name].dtype == b[name].dtype
        assert_close(a[name].fillna(0), b[name].fillna(0), tolerance, name=str(name))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("compute_err", ["from_var", "driz_err", None])
def test_merging_equals_adding(method: str, compute_err: str | None) -> None:
    options = {"variance_method": method, "compute_err": compute_err}
    whole = coadd_some(slice(None), **options)
    for cut in (1, 3):
        parts = coadd_some(slice(None, cut), **options), coadd_some(slice(cut, None), **options)
        assert_nearly_same(parts[0].resample.merge(parts[1]), whole)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weight_type", ["ivm", "exptime", "ivm-sky", None])
def test_merging_is_associative(method: str, weight_type: str | None) -> None:
    options = {"variance_method": method, "weight_type": weight_type, "dtype": "float64"}
    a, b, c = (coadd_some(which, **options) for which in (slice(0, 2), slice(2, 3), slice(3, 5)))
    left = a.resample.merge(b).resample.merge(c)
    right = a.resample.merge(b.resample.merge(c))
    assert_nearly_same(left, right, 1e-13)
    assert_same_bits(xrs.merge(a, b, c), left)
    assert_nearly_same(left, coadd_some(slice(None), **options), 1e-13)


@pytest.mark.parametrize("options", [{}, {"fillval": "nan", "compute_err": "driz_err"},
                                     {"variance_method": "propagated"}])  # fmt: skip
def test_merging_with_the_empty_mosaic_changes_nothing(options: dict[str, Any]) -> None:
    mosaic = coadd_some(slice(0, 3), **options)
    empty = xrs.empty_mosaic(campaign()[1], propagate_dq=True, **options)
    for merged in (mosaic.resample.merge(empty), empty.resample.merge(mosaic)):
        assert_same_bits(merged, mosaic)
        assert_same_attrs(merged.attrs, mosaic.attrs)
        for name in mosaic.variables:
            assert_same_attrs(merged[name].attrs, mosaic[name].attrs)
    both = empty.resample.merge(empty)
    assert_same_bits(both, empty)


def test_merging_one_mosaic_changes_nothing() -> None:
    mosaic = coadd_some(slice(0, 2))
    assert_same_bits(mosaic.resample.merge(), mosaic)


def test_merge_does_not_change_its_arguments() -> None:
    a, b = coadd_some(slice(0, 2)), coadd_some(slice(2, 4))
    before = checksum(a), checksum(b)
    merged = a.resample.merge(b)
    for name in ("data", "wht", "con", "dq", "var_flat"):
        merged[name].values[...] = 0
    assert (checksum(a), checksum(b)) == before


@pytest.mark.parametrize(("first", "second"), [(1, 1), (31, 1), (32, 2), (33, 31), (20, 30)])
def test_the_context_shifts_across_planes(first: int, second: int) -> None:
    options = {"kernel": "point", "weight_type": None, "enable_var": False}
    exposure = xrs.make_exposure(np.ones((2, 2)))

    def row(start: int, n: int) -> xr.Dataset:
        mosaic = xrs.empty_mosaic((2, 70), **options)
        for k in range(start, start + n):
            mosaic = mosaic.resample.add(exposure, pixmap=shifted_map((2, 2), x=k))
        return mosaic

    merged = row(0, first).resample.merge(row(first, second))
    assert merged.sizes["plane"] == -(-(first + second) // 32)
    there = merged.resample.decode_context().values[:, 0]
    for k in range(first + second):
        assert np.flatnonzero(there[k]).tolist() == [k, k + 1]
    assert_same_bits(merged, row(0, first + second), ["con", "wht", "data"])


def test_a_variance_of_one_mosaic_only_is_kept() -> None:
    grid = campaign()[1]
    a, b = make_exposure(0, SHAPE), make_exposure(1, SHAPE)
    a, b = a.drop_vars("var_flat"), b.drop_vars(["var_sky", "var_poisson"])
    merged = a.resample.onto(grid).resample.merge(b.resample.onto(grid))
    assert_nearly_same(merged, xrs.coadd([a, b], grid))
    names = {"var_rnoise", "var_flat", "var_poisson", "var_sky"}
    assert names <= set(merged)
    np.testing.assert_array_equal(merged["var_sky"], a.resample.onto(grid)["var_sky"])


def test_units_come_from_the_mosaic_that_has_units() -> None:
    grid = campaign()[1]
    empty = xrs.empty_mosaic(grid)
    mosaic = make_exposure(0, SHAPE).resample.onto(grid)
    assert empty.resample.merge(mosaic)["data"].attrs["units"] == "MJy/sr"
    assert empty.resample.merge(mosaic)["var_flat"].attrs["units"] == "MJy2 / sr2"


def test_the_error_names_all_differences() -> None:
    exposures, grid = campaign()
    mosaic = exposures[0].resample.onto(grid)
    other = exposures[0].resample.onto(grid, kernel="turbo", pixfrac=0.5, weight_type=None)
    with pytest.raises(xrs.GridMismatchError) as caught:
        mosaic.resample.merge(other)
    for name in ("kernel: 'square' and 'turbo'", "pixfrac", "weight_type"):
        assert name in str(caught.value)
    with pytest.raises(xrs.GridMismatchError, match="pixels: rows from 0 and columns from 2"):
        mosaic.isel(x=slice(2, 9)).resample.merge(mosaic)
    moved = exposures[0].resample.onto(output_grid(SHAPE, rotation=3.0))
    with pytest.raises(xrs.GridMismatchError, match="wcs"):
        mosaic.resample.merge(moved)


def test_coordinates_of_the_user_stay() -> None:
    """Coordinates of the whole mosaic and of its pixels stay, as attributes do."""
    first, second, third = make_exposures()[:3]
    grid = output_grid()
    plain = xrs.coadd([first, second], grid)
    rows = ("y", np.arange(plain.sizes["y"]) * 2.0, {"long_name": "my rows"})
    given = plain.assign_coords(band="r", row=rows, night=("exposure", [1, 2]))
    given = given.assign_attrs(observer="me")
    results = {
        "add": given.resample.add(third),
        "merge": given.resample.merge(xrs.coadd(third, grid)),
        "drop": given.resample.drop(str(plain["filename"].values[1]), exposures=[first]),
    }
    for made in results.values():
        assert made["band"].item() == "r"
        xr.testing.assert_identical(made["row"].variable, given["row"].variable)
        assert made.attrs["observer"] == "me"
        # A coordinate of single exposures has no values for further exposures.
        assert "night" not in made.coords
    expected = plain.resample.add(third).assign_attrs(observer="me")
    xr.testing.assert_identical(results["add"].drop_vars(["band", "row"]), expected)
