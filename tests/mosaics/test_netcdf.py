"""A mosaic written to netCDF and read back loses nothing, and more exposures can be added."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    assert_same_attrs,
    assert_same_bits,
    make_exposure,
    make_exposures,
    output_grid,
)
from tests.support.flavours import Flavour
from tests.support.wcs import make_fits
from xresample.datamodel import schema
from xresample.datamodel.options import Options

SHAPE = (16, 20)

EVERYTHING: dict[str, Any] = {
    "kernel": "turbo",
    "pixfrac": 0.7,
    "fillval": "nan",
    "weight_type": "exptime",
    "good_bits": "JUMP_DET,DROPOUT",
    "flag_map": FLAGS,
    "compute_err": "driz_err",
    "propagate_dq": True,
    "variance_method": "propagated",
    "variance_names": ["var_rnoise", "var_flat"],
    "pixel_scale": 0.08,
    "pixel_scale_ratio": 0.8,
    "pixmap_stepsize": 4,
    "pixmap_order": 3,
    "dtype": "float64",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "none": {"weight_type": None, "good_bits": None, "fillval": None, "enable_var": False,
             "enable_ctx": False},
    "err from variances": {"compute_err": "from_var", "error_from_variances": ["var_flat"]},
    "one variance": {"variance_names": ["var_flat"], "good_bits": "~DO_NOT_USE"},
}  # fmt: skip


def through_file(dataset: xr.Dataset, path: Path) -> xr.Dataset:
    """Write a Dataset to netCDF and read it back."""
    dataset.to_netcdf(path)
    with xr.open_dataset(path) as opened:
        return opened.load()


@pytest.mark.parametrize("case", OPTIONS)
def test_a_mosaic_survives_netcdf(case: str, tmp_path: Path) -> None:
    exposures = make_exposures(3, SHAPE)
    grid = output_grid(SHAPE)
    mosaic = xrs.coadd(exposures[:2], grid, **OPTIONS[case])
    opened = through_file(mosaic, tmp_path / "mosaic.nc")
    assert_same_bits(opened, mosaic)
    assert_same_attrs(opened.attrs, mosaic.attrs)
    for name in mosaic.variables:
        assert_same_attrs(opened[name].attrs, mosaic[name].attrs)
    assert opened.resample.is_mosaic
    Options.from_attrs(opened.attrs).require_equal(Options.from_attrs(mosaic.attrs))
    expected = mosaic.resample.add(exposures[2])
    more = opened.resample.add(exposures[2])
    assert_same_bits(more, expected)
    assert_same_attrs(more.attrs, expected.attrs)
    assert_same_bits(xrs.coadd(exposures, grid, **OPTIONS[case]), expected)
    again = through_file(more, tmp_path / "again.nc")
    assert_same_bits(again, expected)
    # The attributes of the variables survive too.
    with pytest.warns(xrs.RepeatedExposureWarning, match="2 of 5 exposures"):
        merged = more.resample.merge(opened)
    for further in (more, again, merged):
        for name in expected.variables:
            assert_same_attrs(further[name].attrs, expected[name].attrs)


@pytest.mark.parametrize("case", ["defaults", "everything"])
def test_an_empty_mosaic_survives_netcdf(case: str, tmp_path: Path) -> None:
    exposures = make_exposures(1, SHAPE)
    mosaic = xrs.empty_mosaic(output_grid(SHAPE), **OPTIONS[case])
    opened = through_file(mosaic, tmp_path / "mosaic.nc")
    assert_same_bits(opened, mosaic)
    assert_same_attrs(opened.attrs, mosaic.attrs)
    assert opened.sizes["exposure"] == 0
    assert_same_bits(opened.resample.add(exposures), mosaic.resample.add(exposures))


def test_provenance_survives_netcdf(tmp_path: Path) -> None:
    exposures = make_exposures(2, SHAPE)
    exposures[1].attrs.update(filename="a longer name, with ümlaut.fits", group_id="")
    del exposures[1].attrs["measurement_time"]
    opened = through_file(xrs.coadd(exposures, output_grid(SHAPE)), tmp_path / "mosaic.nc")
    assert [str(v) for v in opened["filename"].values] == [e.attrs["filename"] for e in exposures]
    assert np.isnan(opened["measurement_time"].values[1])
    one = through_file(xrs.coadd(exposures[:1], output_grid(SHAPE)), tmp_path / "one.nc")
    assert_same_attrs(one.resample.add(exposures[1]).attrs, xrs.coadd(
        exposures, output_grid(SHAPE)).attrs)  # fmt: skip


def test_an_exposure_survives_netcdf(tmp_path: Path) -> None:
    exposure = make_exposure(0, SHAPE)
    opened = through_file(exposure, tmp_path / "exposure.nc")
    assert_same_bits(opened, exposure)
    assert_same_attrs(opened.attrs, exposure.attrs)
    options = {"good_bits": "JUMP_DET", "propagate_dq": True}
    grid = output_grid(SHAPE)
    assert_same_bits(opened.resample.onto(grid, **options), exposure.resample.onto(grid, **options))


def assert_wcs_survives(exposure: xr.Dataset, grid: Any, folder: Path) -> xr.Dataset:
    """Fail if an exposure or its mosaic changes in a netCDF file; return the reopened mosaic."""
    mosaic = exposure.resample.onto(grid)
    opened_exposure = through_file(exposure, folder / "exposure.nc")
    opened = through_file(mosaic, folder / "mosaic.nc")
    assert_same_bits(opened_exposure.resample.onto(grid), mosaic)
    with pytest.warns(xrs.RepeatedExposureWarning):
        added = opened.resample.add(opened_exposure), mosaic.resample.add(exposure)
    assert_same_bits(*added)
    np.testing.assert_array_equal(positions(opened.resample.wcs), positions(mosaic.resample.wcs))
    assert str(opened["wcs"].values) == str(mosaic["wcs"].values)
    return opened


def positions(wcs: Any) -> np.ndarray:
    """Return the sky positions of pixels inside and outside an image."""
    x, y = np.meshgrid(np.linspace(-3, 30, 7), np.linspace(-2, 25, 5))
    return np.array(wcs.pixel_to_world_values(x, y))


def test_the_wcs_of_an_exposure_survives_netcdf(flavour: Flavour, tmp_path: Path) -> None:
    exposure = make_exposure(0, SHAPE, flavour.make(SHAPE))
    assert_wcs_survives(exposure, xrs.fit_wcs(exposure, margin=4), tmp_path)


@pytest.mark.parametrize(
    "flavour", ["gwcs", "TAN", "TAN in FK5", "SIP", "look-up tables"], indirect=True
)
def test_the_wcs_of_a_grid_survives_netcdf(flavour: Flavour, tmp_path: Path) -> None:
    grid = flavour.make(SHAPE)
    around = xrs.fit_wcs(make_exposure(0, SHAPE, grid), margin=4)
    opened = assert_wcs_survives(make_exposure(0, SHAPE, around), grid, tmp_path)
    np.testing.assert_array_equal(positions(opened.resample.wcs), positions(grid))


TINY = (5, 6)
MANY = 40


@cache
def forty() -> tuple[list[xr.Dataset], Any]:
    """Return enough exposures for two context planes, and their grid."""
    exposures = []
    wcss = [make_fits(TINY, rotation=13.0 * k, crval=(150 + 2e-5 * k, 2.0)) for k in range(4)]
    for k in range(MANY):
        exposure = make_exposure(k, TINY, wcss[k % 4])
        # Only every third exposure has var_sky.
        exposures.append(exposure.drop_vars("var_sky") if k % 3 else exposure)
    return exposures, make_fits((12, 13), scale=0.08, rotation=5.0)


OF_FORTY: dict[str, Any] = {
    "compute_err": "from_var", "propagate_dq": True, "good_bits": 4, "pixfrac": 0.8,
}  # fmt: skip


@cache
def all_forty() -> xr.Dataset:
    """Return the mosaic of all exposures, made in one call."""
    exposures, grid = forty()
    return xrs.coadd(exposures, grid, **OF_FORTY)


@st.composite
def partitions(draw: st.DrawFn) -> list[tuple[int, bool]]:
    """Draw the ends of groups, and whether the mosaic is saved and reopened after each group."""
    ends = sorted(draw(st.sets(st.integers(0, MANY), max_size=6)) | {MANY})
    return [(end, draw(st.booleans())) for end in ends]


def groups(partition: list[tuple[int, bool]]) -> Iterator[tuple[list[xr.Dataset], bool]]:
    """Yield the exposures of each group, and whether the mosaic is saved afterwards."""
    start = 0
    for end, file in partition:
        yield forty()[0][start:end], file
        start = end


@given(partition=partitions())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_grouping_gives_the_same_bits(
    partition: list[tuple[int, bool]], tmp_path: Path
) -> None:
    mosaic = xrs.empty_mosaic(forty()[1], **OF_FORTY)
    for number, (exposures, file) in enumerate(groups(partition)):
        mosaic = mosaic.resample.add(*exposures)
        if file:
            mosaic = through_file(mosaic, tmp_path / f"{number}.nc")
    assert_same_bits(mosaic, all_forty())
    assert_same_attrs(mosaic.attrs, all_forty().attrs)


@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_the_order_of_variables_changes_no_bit(method: Any, tmp_path: Path) -> None:
    """A zarr store does not keep the order of the variances, whose sum is the squared error."""
    first, *others = make_exposures()
    options: dict[str, Any] = {"compute_err": "from_var", "variance_method": method}
    mosaic = xrs.coadd(first, output_grid(), **options)
    expected = mosaic.resample.add(*others)
    assert len([name for name in mosaic.data_vars if schema.is_variance(str(name))]) == 4
    variances = [name for name in mosaic.data_vars if "var_" in str(name)]
    for names in islice(permutations(variances), 0, 5000, 997):
        moved = mosaic.drop_vars(names).assign({name: mosaic[name] for name in names})
        xr.testing.assert_identical(moved.resample.add(*others), expected)
        xr.testing.assert_identical(moved.resample.err(), mosaic.resample.err())
    mosaic.to_zarr(tmp_path / "m.zarr", consolidated=False)
    again = xr.open_zarr(tmp_path / "m.zarr", consolidated=False)
    xr.testing.assert_identical(again.resample.add(*others), expected)


def test_one_by_one_gives_the_same_bits(tmp_path: Path) -> None:
    mosaic = xrs.empty_mosaic(forty()[1], n_exposures=0, **OF_FORTY)
    for number, exposure in enumerate(forty()[0]):
        mosaic = mosaic.resample.add(exposure)
        if number in (0, 31, 32):
            mosaic = through_file(mosaic, tmp_path / f"{number}.nc")
    assert_same_bits(mosaic, all_forty())
    assert mosaic.sizes["plane"] == 2
    assert mosaic["con"].values[1].any()


def test_the_context_of_forty_exposures() -> None:
    mosaic = all_forty()
    contributes = mosaic.resample.decode_context()
    for k in (0, 31, 32, 39):
        alone = forty()[0][k].resample.onto(forty()[1], **OF_FORTY)
        np.testing.assert_array_equal(contributes.values[k], alone["con"].values[0] == 1)


def test_cutouts_fills_and_merges_can_be_written(tmp_path: Path) -> None:
    """Every Dataset that the methods return can be written to netCDF."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="from_var")
    with pytest.warns(xrs.RepeatedExposureWarning):
        merged = mosaic.resample.merge(mosaic)
    for dataset in (mosaic.isel(x=slice(3, 20)), mosaic.resample.filled(np.nan), merged):
        assert_same_bits(through_file(dataset, tmp_path / "part.nc"), dataset)
