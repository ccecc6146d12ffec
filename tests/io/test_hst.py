"""Exposures in files of HST."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs
from tests.support import files
from tests.support.wcs import FITS_DATA
from xresample.wcs.transform import pixel_to_world


def test_each_chip_is_an_exposure(tmp_path: Path) -> None:
    path = tmp_path / "i_flc.fits"
    arrays = files.hst(path)
    exposures = xrs.open_exposures(path)
    assert len(exposures) == 2
    for version, (exposure, chip) in enumerate(zip(exposures, arrays, strict=True), start=1):
        assert exposure.identical(xr.open_dataset(path, group=version))
        assert exposure.attrs == {
            "filename": f"i_flc.fits[SCI,{version}]", "group_id": "ib4606c5q",
            "exposure_time": 50.0, "start_time": 55611.0, "end_time": 55611.5,
            "duration": 43200.0, "level": 0.1, "instrument": "WFC3", "detector": "UVIS",
            "exposure": str(exposure["exposure"].values),
        }  # fmt: skip
        for name in ("data", "err"):
            assert exposure[name].attrs["units"] == "electron/s"
            assert exposure[name].dtype == np.float32
            np.testing.assert_array_equal(exposure[name], chip[name] / np.float32(50))
        expected = np.where(chip["dq"] > 512, 32768, chip["dq"])
        np.testing.assert_array_equal(exposure["dq"], expected)
        assert exposure["dq"].dtype == np.uint32


def test_a_group_is_required_for_several_chips(tmp_path: Path) -> None:
    files.hst(tmp_path / "a.fits")
    with pytest.raises(xrs.FileError, match=r"2 exposures: choose one with group= \(1, 2\)"):
        xr.open_dataset(tmp_path / "a.fits")
    with pytest.raises(xrs.FileError, match=r"group must be one of 1, 2 for .*a\.fits, got 3"):
        xr.open_dataset(tmp_path / "a.fits", group=3)


@pytest.mark.parametrize(
    ("units", "expected", "divisor"),
    [("ELECTRONS/S", "electron/s", 1), ("COUNTS", "count/s", 50), ("furlongs", "furlongs", 1)],
)
def test_units(tmp_path: Path, units: str, expected: str, divisor: float) -> None:
    (chip,) = files.hst(tmp_path / "a.fits", units=units, chips=1)
    exposure = xr.open_dataset(tmp_path / "a.fits")
    assert exposure.attrs["filename"] == "a.fits"
    assert exposure["data"].attrs["units"] == expected
    np.testing.assert_array_equal(exposure["data"], chip["data"] / np.float32(divisor))
    assert exposure.attrs["level"] == 5.0 / divisor


def test_the_wcs_contains_the_distortion_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    files.hst(path)
    x, y = np.meshgrid(np.arange(files.NX), np.arange(files.NY))
    for version in (1, 2):
        with warnings.catch_warnings(), fits.open(path) as hdus:
            warnings.simplefilter("ignore")
            expected = WCS(hdus["SCI", version].header, hdus).all_pix2world(x, y, 0)
            bare = WCS(hdus["SCI", version].header, hdus).wcs_pix2world(x, y, 0)
        assert np.abs(np.subtract(expected, bare)).max() > 1e-7
        found = pixel_to_world(xr.open_dataset(path, group=version).resample.wcs, x, y)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_names_of_flags_depend_on_the_camera(tmp_path: Path) -> None:
    files.hst(tmp_path / "a.fits", chips=1)
    names = xr.open_dataset(tmp_path / "a.fits")["dq"].attrs["flag_meanings"].split()
    assert names[:3] == ["LOST", "FILLED", "BADPIX"]
    assert "CTE" in names
    with fits.open(tmp_path / "a.fits") as hdus:
        hdus[0].header["INSTRUME"] = "WFPC2"
        hdus.writeto(tmp_path / "b.fits")
    assert "flag_meanings" not in xr.open_dataset(tmp_path / "b.fits")["dq"].attrs


def test_flags_in_a_second_file(tmp_path: Path) -> None:
    files.hst(tmp_path / "a.fits", chips=1)
    flags = np.arange(files.NY * files.NX, dtype=np.int16).reshape(files.SHAPE)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(flags, name="SCI")]).writeto(tmp_path / "c.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits", dq=tmp_path / "c.fits")
    np.testing.assert_array_equal(exposure["dq"], flags)


def test_real_header_of_acs() -> None:
    """An ACS/WFC file with look-up tables; its images have no pixels."""
    path = FITS_DATA / "j94f05bgq_flt.fits"
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        images = [hdu for hdu in hdus if hdu.name == "SCI"]
        expected = [WCS(hdu.header, hdus).all_pix2world(300.0, 200.0, 0) for hdu in images]
    exposures = xrs.open_exposures(path)
    assert len(exposures) == len(expected) > 0
    for exposure, sky in zip(exposures, expected, strict=True):
        found = pixel_to_world(exposure.resample.wcs, 300.0, 200.0)
        np.testing.assert_allclose(found, sky, rtol=0, atol=1e-12)
        assert "dq" not in exposure


def set_keywords(
    path: Path, extension: str | int, version: int | None = None, **cards: Any
) -> None:
    """Change keywords of an HDU; None removes a keyword."""
    with fits.open(path, mode="update") as hdus:
        header = hdus[extension if version is None else (extension, version)].header
        for keyword, value in cards.items():
            if value is None:
                header.remove(keyword)
            else:
                header[keyword] = value


def test_images_of_wfpc2_are_counts(tmp_path: Path) -> None:
    (chip,) = files.hst(tmp_path / "a.fits", chips=1)
    set_keywords(tmp_path / "a.fits", 0, INSTRUME="WFPC2")
    set_keywords(tmp_path / "a.fits", "SCI", BUNIT=None)
    exposure = xr.open_dataset(tmp_path / "a.fits")
    assert exposure["data"].attrs["units"] == exposure["err"].attrs["units"] == "count/s"
    np.testing.assert_array_equal(exposure["data"], chip["data"] / np.float32(50))
    assert exposure.attrs["level"] == 0.1
    set_keywords(tmp_path / "a.fits", 0, INSTRUME="WFC3")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    assert "units" not in exposure["data"].attrs
    np.testing.assert_array_equal(exposure["data"], chip["data"])


@pytest.mark.parametrize(
    ("instrument", "names", "expected"),
    [
        ("STIS", ("o6d701axq", "o6d701ayq"), ["o6d701axq", "o6d701ayq"]),
        ("NICMOS", ("n6d701axq", "n6d701axq"), ["n6d701axq", "n6d701axq"]),
        ("STIS", ("", ""), ["ib4606c5q[SCI,1]", "ib4606c5q[SCI,2]"]),
        ("ACS", ("j8bt06nyq", "j8bt06nyq"), ["ib4606c5q", "ib4606c5q"]),
        ("WFC3", ("one", "two"), ["one", "two"]),
    ],
)
def test_groups_of_exposures_and_of_chips(
    tmp_path: Path, instrument: str, names: tuple[str, str], expected: list[str]
) -> None:
    path = tmp_path / "a.fits"
    files.hst(path)
    set_keywords(path, 0, INSTRUME=instrument)
    for version, name in enumerate(names, start=1):
        set_keywords(path, "SCI", version, EXPNAME=name)
    assert [e.attrs["group_id"] for e in xrs.open_exposures(path)] == expected


def test_each_exposure_of_a_file_has_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    chips = files.hst(path)
    set_keywords(path, 0, INSTRUME="STIS")
    for version, time in ((1, 10.0), (2, 20.0)):
        cards = {"EXPNAME": f"e{version}", "EXPTIME": time, "EXPSTART": 5e4, "EXPEND": 5e4 + 0.25}
        set_keywords(path, "SCI", version, **cards)
    exposures = xrs.open_exposures(path)
    assert [e.attrs["exposure_time"] for e in exposures] == [10.0, 20.0]
    assert [e.attrs["duration"] for e in exposures] == [21600.0, 21600.0]
    np.testing.assert_array_equal(exposures[1]["data"], chips[1]["data"] / np.float32(20))


def test_unknown_times_are_absent(tmp_path: Path) -> None:
    files.hst(tmp_path / "a.fits", chips=1)
    set_keywords(tmp_path / "a.fits", 0, EXPSTART=0.0, EXPEND=0.0)
    attrs = xr.open_dataset(tmp_path / "a.fits").attrs
    assert not attrs.keys() & {"start_time", "end_time", "duration"}


def test_pixels_of_weight_0_are_not_measured(tmp_path: Path) -> None:
    """In a co-added file, WHT is 0 where no exposure contributes."""
    (chip,) = files.hst(tmp_path / "a.fits", units="ELECTRONS", chips=1)
    weight = np.ones(files.SHAPE, np.float32)
    weight[2:5, 3] = 0
    fits.append(tmp_path / "a.fits", weight, fits.Header({"EXTNAME": "WHT"}))
    exposure = xr.open_dataset(tmp_path / "a.fits")
    expected = np.where(weight == 0, np.nan, chip["data"] / np.float32(50))
    np.testing.assert_array_equal(exposure["data"], expected)
    np.testing.assert_array_equal(exposure["data"][2:4, 2:], expected[2:4, 2:])
    weights = exposure.resample.onto(exposure, weight_type="exptime", good_bits=None)["wht"]
    np.testing.assert_array_equal(weights > 0.5, weight > 0)
