"""Facts stay with their exposure: identities, and facts as coordinates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support import files
from tests.support.exposures import (
    assert_same_attrs,
    assert_same_bits,
    make_exposure,
    make_exposures,
    output_grid,
)
from tests.support.wcs import make_fits
from xresample.datamodel.exposure import Exposure

SHAPE = (12, 14)
GRID = output_grid(SHAPE)


def leveled(n: int = 3) -> list[xr.Dataset]:
    """Return exposures whose sky levels and times differ."""
    return [
        make_exposure(k, SHAPE, level=0.5 * k, exposure_time=10.0 * (k + 1), measurement_time=None)
        for k in range(n)
    ]


def test_an_exposure_has_an_identity_as_attribute_and_as_coordinate() -> None:
    first, second = make_exposure(0, SHAPE), make_exposure(0, SHAPE)
    assert first["exposure"].shape == ()
    assert first.attrs["exposure"] == first["exposure"].item()
    assert first.attrs["exposure"].startswith("exposure_0.fits#")
    assert first.attrs["exposure"] != second.attrs["exposure"]
    # Attributes of another exposure may be given, because the new exposure has its own identity.
    third = xrs.make_exposure(np.ones(SHAPE), **first.attrs)
    assert third.attrs["exposure"] not in (first.attrs["exposure"], None)
    assert third.attrs["exposure"] == third["exposure"].item()


def test_an_exposure_in_a_file_has_the_same_identity_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        files.image(tmp_path / name / "x.fits")
        files.hst(tmp_path / name / "y.fits")
    found = [
        exposure.attrs["exposure"]
        for name in ("a", "b")
        for exposure in xrs.open_exposures([tmp_path / name / "x.fits", tmp_path / name / "y.fits"])
    ]
    assert len(set(found)) == 6
    assert xr.open_dataset(tmp_path / "a" / "x.fits").attrs["exposure"] == found[0]
    files_again = fits.open(tmp_path / "a" / "x.fits")
    files_again.writeto(tmp_path / "a" / "x.fits", overwrite=True)
    files_again.close()
    assert xr.open_dataset(tmp_path / "a" / "x.fits").attrs["exposure"] != found[0]


HOW: dict[str, Any] = {
    "data_vars": "all", "coords": "different", "compat": "equals", "join": "outer",
}  # fmt: skip
"""Arguments that are the defaults of older versions of xarray."""


def by_number(given: list[xr.Dataset]) -> Any:
    """Return exposures joined along numbers that replace their identities."""
    return xr.concat(given, xr.DataArray([0, 1, 2], dims="exposure", name="exposure"), **HOW)


JOINS: dict[str, Callable[[list[xr.Dataset]], Any]] = {
    "concat": lambda given: xr.concat(given, "n", **HOW),
    "concat exposure": lambda given: xr.concat(given, "exposure", **HOW),
    "concat numbers": by_number,
    "drop": lambda given: xr.concat(given, "n", **HOW, combine_attrs="drop"),
    "drop conflicts": lambda given: xr.concat(given, "n", **HOW, combine_attrs="drop_conflicts"),
    "nested": lambda given: xr.combine_nested(given, "n", **HOW),
}


@pytest.mark.parametrize("join", JOINS)
def test_attributes_of_another_exposure_are_refused(join: str) -> None:
    """xarray joins Datasets with the attributes of the first, or without those that differ."""
    stack = JOINS[join](leveled())
    dim = "n" if "n" in stack.dims else "exposure"
    parts = [stack.isel({dim: k}) for k in range(3)]
    if dim == "exposure":
        with pytest.raises(xrs.InvalidExposureError, match=r"xresample\.concat"):
            xrs.coadd(stack, GRID, weight_type="exptime")
    with pytest.raises(xrs.InvalidExposureError, match=r"xresample\.concat"):
        xrs.coadd(parts, GRID, weight_type="exptime")
    with pytest.raises(xrs.InvalidExposureError, match=r"xresample\.concat"):
        xrs.plan(parts, GRID)
    with pytest.raises(xrs.InvalidExposureError, match=r"xresample\.concat"):
        _ = Exposure(parts[2]).scalars


def test_the_error_names_both_exposures() -> None:
    first, second, _ = leveled()
    mixed = second.assign_attrs(first.attrs)
    with pytest.raises(xrs.InvalidExposureError) as caught:
        mixed.resample.onto(GRID)
    for text in (first.attrs["exposure"], second.attrs["exposure"], "exposure_1.fits cannot"):
        assert text in str(caught.value)


def test_rows_of_different_exposures_are_refused() -> None:
    first, second, _ = leveled()
    upper, lower = first.isel(y=slice(0, 6)), second.isel(y=slice(6, None))
    both = xr.concat([upper, lower], "y", **HOW)
    with pytest.raises(xrs.InvalidExposureError, match="belong to several exposures"):
        both.resample.onto(GRID)
    with pytest.raises(xrs.InvalidInputError, match="'wcs' must hold one WCS, got 12 along 'y'"):
        _ = both.resample.wcs
    whole = xr.concat([first.isel(y=slice(0, 6)), first.isel(y=slice(6, None))], "y", **HOW)
    assert_same_bits(whole.resample.onto(GRID), first.resample.onto(GRID))


def test_exposures_of_one_name_in_different_folders_are_different(tmp_path: Path) -> None:
    paths = []
    for night in ("night1", "night2"):
        (tmp_path / night).mkdir()
        files.image(tmp_path / night / "img_001.fits")
        paths.append(tmp_path / night / "img_001.fits")
    exposures = xrs.open_exposures(paths)
    mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures), weight_type="exptime")
    assert mosaic.attrs["exposure_time"] == 180.0
    with pytest.warns(xrs.RepeatedExposureWarning, match="img_001"):
        xrs.coadd([exposures[0], xr.open_dataset(paths[0])], mosaic, weight_type="exptime")


def test_a_join_that_drops_the_other_coordinates_warns(tmp_path: Path) -> None:
    """With these arguments, identities and WCSs of the other exposures are lost, too."""
    for k in range(2):
        files.jwst(tmp_path / f"{k}_cal.fits", seed=k)
    exposures = xrs.open_exposures([tmp_path / "0_cal.fits", tmp_path / "1_cal.fits"])
    stack = xr.concat(exposures, "n", data_vars="all", coords="minimal", compat="override",
                      join="override")  # fmt: skip
    with pytest.warns(xrs.RepeatedExposureWarning, match="more than once"):
        xrs.coadd([stack.isel(n=k) for k in range(2)], xrs.fit_wcs(exposures))


def test_dropped_attributes_are_refused() -> None:
    exposure = leveled()[1]
    for lost in (exposure.drop_attrs(), exposure["data"].to_dataset()):
        with pytest.raises(xrs.InvalidExposureError, match="have been dropped"):
            lost.resample.onto(GRID, weight_type=None)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.drop_vars("exposure"),
        lambda e: e.drop_attrs().drop_vars("exposure").assign_attrs(e.attrs),
        lambda e: xr.Dataset({n: e[n].variable for n in e.data_vars},
                             {n: e[n].variable for n in ("y", "x", "wcs")},
                             {n: v for n, v in e.attrs.items() if n != "exposure"}),
        lambda e: e.copy(deep=True),
        lambda e: e.assign_attrs(filename="another.fits", group_id="another"),
    ],
)  # fmt: skip
def test_exposures_without_an_identity_still_work(change: Any) -> None:
    exposures = leveled()
    expected = xrs.coadd(exposures, GRID, weight_type="exptime")
    mosaic = xrs.coadd([change(e) for e in exposures], GRID, weight_type="exptime")
    assert_same_bits(mosaic, expected, ["data", "wht", "con", "exposure_time"])


FACTS: dict[str, Any] = {
    "filename": "b.fits", "group_id": "g", "exposure_time": 7.0, "measurement_time": 6.0,
    "start_time": 60001.5, "end_time": 60002.5, "duration": 9.0, "level": 0.25, "subtracted": False,
    "pixelarea_steradians": 3e-13, "instrument": "ACS", "detector": "WFC", "filter": "F606W",
    "target": "M31", "date": "2024-01-01", "photflam": 1e-19,
}  # fmt: skip


def test_facts_as_coordinates_win() -> None:
    exposure = leveled()[1]
    expected = exposure.assign_attrs(FACTS).resample.onto(GRID, weight_type="exptime")
    for given in (exposure, exposure.drop_attrs(deep=False), exposure.drop_vars("exposure")):
        mosaic = given.assign_coords(FACTS).resample.onto(GRID, weight_type="exptime")
        assert_same_bits(mosaic, expected)
        assert_same_attrs(mosaic.attrs, expected.attrs)


def test_facts_as_coordinates_survive_netcdf(tmp_path: Path) -> None:
    exposure = leveled()[1].assign_coords(FACTS)
    exposure.to_netcdf(tmp_path / "e.nc")
    with xr.open_dataset(tmp_path / "e.nc") as opened:
        assert_same_bits(opened.resample.onto(GRID), exposure.resample.onto(GRID))


def test_dates_and_durations_as_coordinates_are_converted() -> None:
    coords = {
        "start_time": np.datetime64("2023-02-25T06:00:00", "ns"),
        "duration": np.timedelta64(90_500, "ms"),
    }
    mosaic = leveled()[0].assign_coords(coords).resample.onto(GRID)
    assert mosaic.attrs["start_time"] == 60000.25
    assert mosaic.attrs["duration"] == 90.5
    dated = leveled()[0].assign_coords(date=np.datetime64("2023-02-25T06:00:00", "ns"))
    assert dated.resample.onto(GRID).attrs["date"] == "2023-02-25T06:00:00.000"


@pytest.mark.parametrize("value", ["text", 1j, np.datetime64("2023-01-01"), np.timedelta64(1, "s")])
def test_odd_values_of_coordinates_are_refused(value: Any) -> None:
    with pytest.raises(xrs.InvalidExposureError, match="invalid value"):
        leveled()[0].assign_coords(level=value).resample.onto(GRID)


def test_unknown_values_of_coordinates_have_the_defaults() -> None:
    exposure = leveled()[1].assign_coords(group_id=np.nan, subtracted=np.nan, duration=np.nan)
    scalars = Exposure(exposure).scalars
    assert scalars["group_id"] == ""
    assert scalars["subtracted"] is False
    assert np.isnan(scalars["duration"])
    with pytest.raises(xrs.InvalidExposureError, match="level must be finite"):
        leveled()[1].assign_coords(level=np.nan).resample.onto(GRID)


def test_every_path_uses_the_coordinates() -> None:
    exposures = [e.assign_coords(level=2.0 + k) for k, e in enumerate(make_exposures(3, SHAPE))]
    expected = xrs.coadd(exposures, GRID)
    assert_same_bits(xrs.coadd(exposures, GRID, chunks=20).compute(), expected)
    resample = xrs.Resample(GRID)
    for exposure in exposures:
        resample.add_model(exposure)
    resample.finalize()
    np.testing.assert_allclose(resample.output_model["data"], expected["data"], rtol=1e-5)


def test_a_mosaic_keeps_the_software_that_made_it() -> None:
    mosaic = xrs.empty_mosaic(make_fits((4, 5)))
    assert mosaic.attrs["software"] == f"xresample {xrs.__version__}"
    older = mosaic.assign_attrs(software="xresample 0.0.1")
    assert older.resample.merge(mosaic).attrs["software"] == mosaic.attrs["software"]


@pytest.mark.parametrize(
    ("value", "subtracted"),
    [("False", False), ("true", True), (np.bool_(False), False), (1, True), (0.0, False)],
)
def test_truth_values_as_text_are_truth_values(value: Any, subtracted: bool) -> None:
    """netCDF has no truth values, so programs write text, and the text False is not true."""
    exposure = make_exposure(0, level=0.5, subtracted=False)
    expected = xrs.coadd(exposure.assign_attrs(subtracted=int(subtracted)), GRID)["data"]
    for given in (
        exposure.assign_attrs(subtracted=value),
        exposure.assign_coords(subtracted=value),
    ):
        np.testing.assert_array_equal(xrs.coadd(given, GRID)["data"], expected)


@pytest.mark.parametrize("value", ["no", 2, b"x", np.float32("nan")])
def test_other_values_are_no_truth_values(value: Any) -> None:
    exposure = make_exposure(0, level=0.5).assign_attrs(subtracted=value)
    with pytest.raises(xrs.InvalidExposureError, match="subtracted must be True or False"):
        xrs.coadd(exposure, GRID)
