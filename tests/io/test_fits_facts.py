"""Instrument, filter, target, date and zero points: from files, through mosaics, to FITS files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs
from tests.support import files
from tests.support.exposures import assert_same_attrs, assert_same_bits, make_exposure, output_grid
from tests.support.wcs import make_fits, make_sip
from xresample.datamodel import provenance, schema

SHAPE = (12, 14)
GRID = output_grid(SHAPE)
NEW = provenance.COMMON


def with_keywords(path: Path, *changes: dict[str, Any]) -> xr.Dataset:
    """Return the first exposure of a file after keywords of its HDUs have been set."""
    with fits.open(path, mode="update") as hdus:
        for hdu, keywords in zip(hdus, changes, strict=False):
            hdu.header.update(keywords)
    return xrs.open_exposures(path)[0]


def test_jwst(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a_cal.fits")
    primary = {
        "INSTRUME": "NIRCAM", "DETECTOR": "NRCB1", "FILTER": "F444W", "PUPIL": "F405N",
        "TARGNAME": "M 31", "DATE-OBS": "2024-05-01", "TIME-OBS": "12:00:00.000",
    }  # fmt: skip
    attrs = with_keywords(
        tmp_path / "a_cal.fits", primary, {"PHOTMJSR": 0.4, "PHOTUJA2": 9.4}
    ).attrs
    assert attrs["instrument"] == "NIRCAM"
    assert attrs["detector"] == "NRCB1"
    assert attrs["filter"] == "F444W+F405N"
    assert attrs["target"] == "M 31"
    assert attrs["date"] == "2024-05-01T12:00:00.000"
    assert (attrs["photmjsr"], attrs["photuja2"]) == (0.4, 9.4)
    assert "photflam" not in attrs


def test_hst(tmp_path: Path) -> None:
    files.hst(tmp_path / "a_flc.fits")
    primary = {"FILTER1": "F606W", "FILTER2": "CLEAR2S", "TARGNAME": "NGC104",
               "DATE-OBS": "2011-02-19", "TIME-OBS": "00:38:01", "PHOTFLAM": 1.0}  # fmt: skip
    image = {"PHOTFLAM": 1.8379346e-19, "PHOTPLAM": 5307.9, "PHOTZPT": -21.1, "PHOTBW": 517.1}
    attrs = with_keywords(tmp_path / "a_flc.fits", primary, image).attrs
    assert (attrs["instrument"], attrs["detector"]) == ("WFC3", "UVIS")
    assert (attrs["filter"], attrs["target"]) == ("F606W", "NGC104")
    assert attrs["date"] == "2011-02-19T00:38:01"
    assert attrs["photflam"] == 1.8379346e-19
    assert (attrs["photplam"], attrs["photzpt"], attrs["photbw"]) == (5307.9, -21.1, 517.1)


def test_roman(tmp_path: Path) -> None:
    instrument = {"name": "WFI", "detector": "WFI01", "optical_element": "F158"}
    photometry = {"pixel_area": -999999, "conversion_megajanskys": 0.4}
    files.roman(tmp_path / "a.asdf", meta={"instrument": instrument, "photometry": photometry})
    attrs = xr.open_dataset(tmp_path / "a.asdf").attrs
    assert (attrs["instrument"], attrs["detector"], attrs["filter"]) == ("WFI", "WFI01", "F158")
    assert attrs["date"] == "2027-06-01T00:00:00.000"
    assert attrs["photmjsr"] == 0.4
    unknown = {"name": "?", "detector": None}
    files.roman(tmp_path / "b.asdf", meta={"instrument": unknown, "photometry": {}})
    assert not {"instrument", "detector", "filter", "photmjsr"} & set(
        xr.open_dataset(tmp_path / "b.asdf").attrs
    )


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"INSTRUME": "DECam", "FILTER": "z", "BAND": "y", "OBJECT": "field 7", "MAGZERO": 25.5},
         {"instrument": "DECam", "filter": "z", "target": "field 7", "magzero": 25.5}),
        ({"INSTRUME": "UNKNOWN", "OBJECT": " ", "FILTER": "N/A", "BAND": "r"}, {"filter": "r"}),
        ({"FILTER": "CLEAR"}, {"filter": "CLEAR"}),
        ({"FILTNAM1": "F814W", "FILTNAM2": " "}, {"filter": "F814W"}),
        ({"TARGNAME": "M 31", "OBJECT": "field 7"}, {"target": "M 31"}),
        ({"DATE-OBS": "2013-11-22T03:03:38.3"}, {"date": "2013-11-22T03:03:38.3"}),
        ({"DATE-OBS": "2013-11-22", "UT": "03:03:38"}, {"date": "2013-11-22T03:03:38"}),
        ({"DATE-OBS": "2013-11-22", "UT": "noon"}, {"date": "2013-11-22"}),
        ({"DATE-OBS": "22/11/93"}, {"date": "1993-11-22"}),
        ({"DATE-OBS": "yesterday"}, {}),
        ({"DATE-OBS": "2013-11-22", "DATE-BEG": "2013-11-23T01:00:00"},
         {"date": "2013-11-23T01:00:00"}),
        ({"PHOTFLAM": "1e-19", "PHOTZPT": True}, {"photflam": 1e-19}),
    ],
)  # fmt: skip
def test_any_image(tmp_path: Path, keywords: dict[str, Any], expected: dict[str, Any]) -> None:
    files.image(tmp_path / "a.fits")
    attrs = with_keywords(tmp_path / "a.fits", keywords).attrs
    assert {name: attrs[name] for name in NEW if name in attrs} == expected


FACTS: dict[str, Any] = {
    "instrument": "ACS", "detector": "WFC", "filter": "F606W", "target": "M31", "photflam": 1.5e-19,
    "photplam": 5900.0, "photzpt": -21.1, "photmjsr": 0.4, "magzero": 25.0,
}  # fmt: skip
KEYWORDS = {row.name: row.keywords for row in schema.PROVENANCE}


def mosaic_of(*facts: dict[str, Any]) -> xr.Dataset:
    """Return a mosaic of exposures with these facts."""
    exposures = [make_exposure(k, SHAPE, **{**FACTS, **given}) for k, given in enumerate(facts)]
    return xrs.coadd(exposures, GRID)


def test_common_facts_are_attributes_and_keywords(tmp_path: Path) -> None:
    mosaic = mosaic_of({"date": "2024-01-02T03:00:00"}, {"date": "2024-01-01T04:00:00"})
    for name, value in FACTS.items():
        assert mosaic.attrs[name] == value
        assert list(mosaic[name].values) == [value, value]
    assert mosaic.attrs["date"] == "2024-01-01T04:00:00"
    mosaic.resample.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        header = hdus[0].header
        for name, value in FACTS.items():
            assert [header[keyword] for keyword in KEYWORDS[name]] == [value] * len(KEYWORDS[name])
        assert header["DATE-OBS"] == "2024-01-01T04:00:00"
        assert header["CREATOR"] == f"xresample {xrs.__version__}"
        assert "COMMENT" not in header
        assert header.comments["PHOTPLAM"] == "[Angstrom] pivot wavelength"
        assert hdus["SCI"].header["PHOTFLAM"] == 1.5e-19
        assert "INSTRUME" not in hdus["SCI"].header
        assert "PHOTFLAM" not in hdus["WHT"].header
        assert list(hdus["HDRTAB"].data["filter"]) == ["F606W", "F606W"]
    again = xr.open_dataset(tmp_path / "m.fits")
    assert {name: again.attrs[name] for name in FACTS} == FACTS
    assert again.attrs["date"] == "2024-01-01T04:00:00"


def test_facts_that_differ_are_absent_with_a_note(tmp_path: Path) -> None:
    mosaic = mosaic_of({"detector": "WFC1"}, {"detector": "WFC2", "photflam": 2e-19, "target": ""})
    assert not {"detector", "photflam", "target"} & set(mosaic.attrs)
    assert mosaic.attrs["filter"] == "F606W"
    mosaic.resample.to_fits(tmp_path / "m.fits")
    header = fits.getheader(tmp_path / "m.fits")
    for keyword in ("DETECTOR", "PHOTFLAM", "TARGNAME"):
        assert keyword not in header
        assert f"{keyword} is absent" in str(header["COMMENT"]).replace("\n", "")
    assert "PHOTFLAM" not in fits.getheader(tmp_path / "m.fits", "SCI")
    # A quantity that no exposure has needs no note.
    assert "PHOTBW" not in str(header["COMMENT"])


def test_the_date_follows_from_the_start_if_no_exposure_has_one(tmp_path: Path) -> None:
    mosaic = mosaic_of({"start_time": 60000.5, "group_id": ""}, {"start_time": 60000.25})
    mosaic.resample.to_fits(tmp_path / "m.fits")
    assert fits.getheader(tmp_path / "m.fits")["DATE-OBS"] == "2023-02-25T06:00:00.000"


@pytest.mark.parametrize(
    ("card", "name", "expected"),
    [
        ("OBJECT  = M 31 / target", "target", "M 31"),
        ("FILTER  = 'z band", "filter", "z band"),
        ("DATE-OBS= 2014-01-02T03:04:05", "date", "2014-01-02T03:04:05"),
        ("EXPTIME = 90,0 / s", "exposure_time", None),
        ("INSTRUME= 'WFC3\x01'", "instrument", None),
    ],
)
def test_values_that_break_the_standard(
    tmp_path: Path, card: str, name: str, expected: str | None
) -> None:
    """Text without quotes is text; numbers that are none, and control characters, are unknown."""
    keyword, path = card[:8].strip(), tmp_path / "a.fits"
    header = make_fits(SHAPE).to_header()
    header[keyword] = "replaced"
    fits.PrimaryHDU(np.ones(SHAPE, np.float32), header).writeto(path)
    written, place = path.read_bytes(), path.read_bytes().index(f"{keyword:8}= ".encode())
    path.write_bytes(written[:place] + card.ljust(80).encode() + written[place + 80 :])
    (exposure,) = xrs.open_exposures(path)
    assert exposure.attrs.get(name) == expected
    np.testing.assert_array_equal(exposure["data"], 1.0)


def test_an_extension_whose_name_breaks_the_standard_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    files.jwst(path)
    path.write_bytes(path.read_bytes().replace(b"EXTNAME = 'ERR     '", b"EXTNAME = ERR       "))
    with pytest.raises(xrs.FileError, match="breaks the FITS standard"):
        xrs.open_exposures(path)


def test_numbers_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    mosaic = mosaic_of({"photflam": np.inf, "photplam": np.nan})
    assert not {"photflam", "photplam"} & set(mosaic.attrs)
    mosaic.assign_attrs(photzpt=np.nan).resample.to_fits(tmp_path / "m.fits")
    header = fits.getheader(tmp_path / "m.fits")
    assert not {"PHOTFLAM", "PHOTPLAM", "PHOTZPT"} & set(header)
    assert header["PHOTMJSR"] == 0.4


def test_long_values_are_written(tmp_path: Path) -> None:
    facts = {"target": "a target " * 9, "filter": "z DECam SDSS c0004 9260.0 1520.0 and more"}
    mosaic_of(facts).resample.to_fits(tmp_path / "m.fits")
    header = fits.getheader(tmp_path / "m.fits")
    assert header["TARGNAME"] == header["OBJECT"] == facts["target"].strip()
    assert header["FILTER"] == facts["filter"]


@pytest.mark.parametrize("wcs", [make_fits((30, 40), rotation=20.0), make_sip((30, 40))])
def test_every_image_has_the_wcs(tmp_path: Path, wcs: Any) -> None:
    mosaic = make_exposure(0, SHAPE).resample.onto(wcs, propagate_dq=True, compute_err="from_var")
    mosaic.isel(x=slice(5, None)).resample.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        images = [hdu for hdu in hdus[1:] if isinstance(hdu, fits.ImageHDU)]
        assert {"SCI", "ERR", "WHT", "CON", "DQ", "VAR_RNOISE"} < {hdu.name for hdu in images}
        expected = np.array(WCS(hdus["SCI"].header).pixel_to_world_values(3.0, 4.0))
        for hdu in images:
            found = WCS(hdu.header, naxis=2)
            np.testing.assert_allclose(found.pixel_to_world_values(3.0, 4.0), expected, rtol=1e-14)
        if wcs.sip is None:
            cube = WCS(hdus["CON"].header)
            assert cube.naxis == 3
            assert cube.pixel_to_world_values(3.0, 4.0, 1.0)[2] == 1.0


def older(mosaic: xr.Dataset) -> xr.Dataset:
    """Return a mosaic as an earlier version made it, without the new coordinates."""
    names = [name for name in (*NEW, "software") if name in mosaic.attrs]
    return mosaic.drop_vars(NEW).drop_attrs(deep=False).assign_attrs(
        {name: value for name, value in mosaic.attrs.items() if name not in names}
    )  # fmt: skip


def test_older_mosaics_can_be_used(tmp_path: Path) -> None:
    exposures = [make_exposure(k, SHAPE, **FACTS) for k in range(3)]
    older(xrs.coadd(exposures[:2], GRID)).to_netcdf(tmp_path / "old.nc")
    with xr.open_dataset(tmp_path / "old.nc") as opened:
        old = opened.load()
    whole = xrs.coadd(exposures, GRID)
    names = [n for n in map(str, whole.variables) if n not in NEW]
    more = old.resample.add(exposures[2])
    assert_same_bits(more, whole, names)
    assert list(more["filter"].values) == ["", "", "F606W"]
    assert np.isnan(more["photflam"].values[:2]).all()
    # The filters of the first exposures are unknown, so they are not the same.
    assert "filter" not in more.attrs
    third = xrs.coadd(exposures[2:], GRID)
    both = xrs.coadd(exposures[:2], GRID).resample.merge(third)
    assert_same_bits(old.resample.merge(third), both, names)
    assert list(third.resample.merge(old)["filter"].values) == ["F606W", "", ""]
    old.resample.to_fits(tmp_path / "old.fits")
    assert "FILTER" not in fits.getheader(tmp_path / "old.fits")
    there = old.resample.contributors(x=20, y=20)
    expected = whole.isel(exposure=[0, 1]).resample.contributors(x=20, y=20)
    assert list(there["filename"].values) == list(expected["filename"].values)
    assert "filter" not in there


def test_an_older_store_is_resumed(tmp_path: Path) -> None:
    """A run with the same exposures finds the store of an earlier version."""
    exposures = [make_exposure(k, SHAPE) for k in range(2)]
    store = tmp_path / "m.zarr"
    expected = xrs.coadd_to_zarr(exposures, GRID, store, chunks=32).load()
    for name in NEW:
        shutil.rmtree(store / name)
    named = [exposure.assign_attrs(FACTS) for exposure in exposures]
    again = xrs.coadd_to_zarr(named, GRID, store, chunks=32).load()
    assert_same_bits(again, expected.drop_vars(NEW))


@pytest.mark.parametrize("chunks", [None, 30])
def test_facts_survive_every_path(chunks: Any, tmp_path: Path) -> None:
    exposures = [make_exposure(k, SHAPE, **FACTS) for k in range(3)]
    whole = xrs.coadd(exposures, GRID)
    lazy = xrs.coadd(exposures, GRID, chunks=chunks)
    assert_same_attrs(lazy.attrs, whole.attrs)
    stored = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "m.zarr", chunks=32)
    assert_same_attrs(stored.attrs, whole.attrs)
    assert list(stored["filter"].values) == ["F606W"] * 3
    added = xrs.coadd(exposures[:1], GRID).resample.add(exposures[1:])
    assert_same_attrs(added.attrs, whole.attrs)
    merged = xrs.coadd(exposures[:1], GRID).resample.merge(xrs.coadd(exposures[1:], GRID))
    assert_same_attrs(merged.attrs, whole.attrs)
