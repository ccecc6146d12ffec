"""A mosaic through a file and back: nothing is lost, and adding goes on as if nothing was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
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
    make_wcs,
    output_grid,
)
from tests.support.wcs import make_fits, make_lookup, make_sip, make_tabular
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
    """Write a Dataset and read it again."""
    dataset.to_netcdf(path)
    with xr.open_dataset(path) as opened:
        return opened.load()


@pytest.mark.parametrize("case", OPTIONS)
def test_everything_comes_back(case: str, tmp_path: Path) -> None:
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
    # What the variables say of themselves lasts too.
    for further in (more, again, more.resample.merge(opened)):
        for name in expected.variables:
            assert_same_attrs(further[name].attrs, expected[name].attrs)


@pytest.mark.parametrize("case", ["defaults", "everything"])
def test_an_empty_mosaic_comes_back(case: str, tmp_path: Path) -> None:
    exposures = make_exposures(1, SHAPE)
    mosaic = xrs.empty_mosaic(output_grid(SHAPE), **OPTIONS[case])
    opened = through_file(mosaic, tmp_path / "mosaic.nc")
    assert_same_bits(opened, mosaic)
    assert_same_attrs(opened.attrs, mosaic.attrs)
    assert opened.sizes["exposure"] == 0
    assert_same_bits(opened.resample.add(exposures), mosaic.resample.add(exposures))


def test_provenance_is_text_and_numbers(tmp_path: Path) -> None:
    exposures = make_exposures(2, SHAPE)
    exposures[1].attrs.update(filename="a longer name, with ümlaut.fits", group_id="")
    del exposures[1].attrs["measurement_time"]
    opened = through_file(xrs.coadd(exposures, output_grid(SHAPE)), tmp_path / "mosaic.nc")
    assert [str(v) for v in opened["filename"].values] == [e.attrs["filename"] for e in exposures]
    assert np.isnan(opened["measurement_time"].values[1])
    one = through_file(xrs.coadd(exposures[:1], output_grid(SHAPE)), tmp_path / "one.nc")
    assert_same_attrs(one.resample.add(exposures[1]).attrs, xrs.coadd(
        exposures, output_grid(SHAPE)).attrs)  # fmt: skip


def test_an_exposure_comes_back(tmp_path: Path) -> None:
    exposure = make_exposure(0, SHAPE)
    opened = through_file(exposure, tmp_path / "exposure.nc")
    assert_same_bits(opened, exposure)
    assert_same_attrs(opened.attrs, exposure.attrs)
    options = {"good_bits": "JUMP_DET", "propagate_dq": True}
    grid = output_grid(SHAPE)
    assert_same_bits(opened.resample.onto(grid, **options), exposure.resample.onto(grid, **options))


def cropped(make: Callable[[], Any], shape: tuple[int, int]) -> Any:
    """Return a WCS that calls its image small."""
    wcs = make()
    wcs.pixel_shape = shape[::-1]
    return wcs


WCSS: dict[str, Callable[[], Any]] = {
    "polynomials": lambda: make_wcs(1, SHAPE),
    "table": lambda: make_tabular(SHAPE),
    "fits": lambda: make_fits(SHAPE, rotation=33.3),
    "sip": lambda: make_sip(SHAPE),
    "look-up tables": lambda: cropped(make_lookup, SHAPE),
}


ROLES = [("input", case) for case in WCSS]
ROLES += [("output", case) for case in ("tangent", "fits", "sip", "look-up tables")]


@pytest.mark.parametrize(("role", "case"), ROLES)
def test_the_wcs_comes_back(role: str, case: str, tmp_path: Path) -> None:
    wcs = output_grid(SHAPE) if case == "tangent" else WCSS[case]()
    exposure = make_exposure(0, SHAPE, wcs)
    grid = xrs.fit_wcs(exposure, margin=4)
    if role == "output":
        grid, exposure = wcs, make_exposure(0, SHAPE, grid)
    mosaic = exposure.resample.onto(grid)
    opened_exposure = through_file(exposure, tmp_path / "exposure.nc")
    opened = through_file(mosaic, tmp_path / "mosaic.nc")
    assert_same_bits(opened_exposure.resample.onto(grid), mosaic)
    assert_same_bits(opened.resample.add(opened_exposure), mosaic.resample.add(exposure))
    x, y = np.meshgrid(np.linspace(-3, 30, 7), np.linspace(-2, 25, 5))
    given, before, after = (
        np.array(w.pixel_to_world_values(x, y))
        for w in (wcs, mosaic.resample.wcs, opened.resample.wcs)
    )
    np.testing.assert_array_equal(after, before)
    if role == "output":
        np.testing.assert_array_equal(after, given)
    assert str(opened["wcs"].values) == str(mosaic["wcs"].values)


TINY = (5, 6)
MANY = 40


@cache
def forty() -> tuple[list[xr.Dataset], Any]:
    """Return exposures for two context planes, and their grid."""
    exposures = []
    wcss = [make_fits(TINY, rotation=13.0 * k, crval=(150 + 2e-5 * k, 2.0)) for k in range(4)]
    for k in range(MANY):
        exposure = make_exposure(k, TINY, wcss[k % 4])
        # Variances come and go, too.
        exposures.append(exposure.drop_vars("var_sky") if k % 3 else exposure)
    return exposures, make_fits((12, 13), scale=0.08, rotation=5.0)


OF_FORTY: dict[str, Any] = {
    "compute_err": "from_var", "propagate_dq": True, "good_bits": 4, "pixfrac": 0.8,
}  # fmt: skip


@cache
def all_forty() -> xr.Dataset:
    """Return the mosaic of all, made in one call."""
    exposures, grid = forty()
    return xrs.coadd(exposures, grid, **OF_FORTY)


@st.composite
def partitions(draw: st.DrawFn) -> list[tuple[int, bool]]:
    """Draw where groups end, and whether a file lies there."""
    ends = sorted(draw(st.sets(st.integers(0, MANY), max_size=6)) | {MANY})
    return [(end, draw(st.booleans())) for end in ends]


def groups(partition: list[tuple[int, bool]]) -> Iterator[tuple[list[xr.Dataset], bool]]:
    """Yield the exposures of each group, and whether a file follows."""
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


def test_one_by_one_gives_the_same_bits(tmp_path: Path) -> None:
    mosaic = xrs.empty_mosaic(forty()[1], n_exposures=0, **OF_FORTY)
    for number, exposure in enumerate(forty()[0]):
        mosaic = mosaic.resample.add(exposure)
        if number in (0, 31, 32):
            mosaic = through_file(mosaic, tmp_path / f"{number}.nc")
    assert_same_bits(mosaic, all_forty())
    assert mosaic.sizes["plane"] == 2
    assert mosaic["con"].values[1].any()


def test_forty_exposures_in_the_context() -> None:
    mosaic = all_forty()
    there = mosaic.resample.decode_context()
    for k in (0, 31, 32, 39):
        alone = forty()[0][k].resample.onto(forty()[1], **OF_FORTY)
        np.testing.assert_array_equal(there.values[k], alone["con"].values[0] == 1)


def test_the_mosaic_stays_writable_while_it_grows(tmp_path: Path) -> None:
    """Also after views, cutouts and fills."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="from_var")
    for dataset in (mosaic.isel(x=slice(3, 20)), mosaic.resample.filled(np.nan),
                    mosaic.resample.merge(mosaic)):  # fmt: skip
        assert_same_bits(through_file(dataset, tmp_path / "part.nc"), dataset)
