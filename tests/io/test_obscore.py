"""Outlines and descriptions for the Virtual Observatory: polygon, MOC, row of ObsCore."""

from __future__ import annotations

import io
import sys
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse_single_table
from astropy.table import vstack
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import make_exposures
from tests.support.wcs import make_grid
from xresample.io.obscore import COLUMNS
from xresample.sky.region import Region

MANDATORY = [
    "dataproduct_type",
    "calib_level",
    "obs_collection",
    "obs_id",
    "obs_publisher_did",
    "access_url",
    "access_format",
    "access_estsize",
    "target_name",
    "s_ra",
    "s_dec",
    "s_fov",
    "s_region",
    "s_resolution",
    "s_xel1",
    "s_xel2",
    "t_min",
    "t_max",
    "t_exptime",
    "t_resolution",
    "t_xel",
    "em_min",
    "em_max",
    "em_res_power",
    "em_xel",
    "o_ucd",
    "pol_states",
    "pol_xel",
    "facility_name",
    "instrument_name",
]
"""Mandatory columns of ObsCore 1.1, table 1."""


def image(cards: dict[str, Any] | None = None, shape: tuple[int, int] = (40, 60)) -> xr.Dataset:
    """Return an exposure with a FITS WCS."""
    header = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": shape[1] / 2 + 0.5, "CRPIX2": shape[0] / 2 + 0.5, "RADESYS": "ICRS",
        "CDELT1": -0.001, "CDELT2": 0.001, **(cards or {}),
    }  # fmt: skip
    return xrs.make_exposure(np.zeros(shape), WCS(header))


def corners(text: str) -> np.ndarray:
    """Return the corners of a polygon in the notation of ``s_region``."""
    words = text.split()
    assert words[:2] == ["POLYGON", "ICRS"]
    return np.array(words[2:], float).reshape(-1, 2)


def test_a_tangent_plane_has_four_corners() -> None:
    """The polygon has the corners of the pixels, counter-clockwise as seen from the Earth."""
    exposure = image()
    found = corners(exposure.resample.s_region())
    expected = exposure.resample.wcs.calc_footprint(axes=(60, 40), center=False)
    assert len(found) == 4
    assert sorted(map(tuple, found.round(9))) == sorted(map(tuple, expected.round(9)))
    # Right ascension grows to the left, so the mirrored polygon has the usual sign of an area.
    x, y = -(found[:, 0] - 150), found[:, 1] - 2
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0


@pytest.mark.parametrize("step", [1, -1])
def test_the_order_does_not_depend_on_the_parity(step: int) -> None:
    flipped = image().isel(x=slice(None, None, step))
    found = corners(flipped.resample.s_region())
    x, y = -(found[:, 0] - 150), found[:, 1] - 2
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0


def test_curved_edges_have_more_corners() -> None:
    cards = {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CDELT1": -0.5, "CDELT2": 0.5}
    curved = image({**cards, "CRVAL2": 0.0, "CRPIX2": -60.0})
    assert len(corners(curved.resample.s_region())) == 32


def test_other_frames_become_icrs() -> None:
    cards = {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": 10.0, "CRVAL2": 30.0}
    region = Region.of(image(cards))
    middle = SkyCoord(10 * u.deg, 30 * u.deg, frame="galactic").icrs
    assert SkyCoord(*region.centre, unit="deg").separation(middle) < 0.01 * u.arcsec


def test_a_polygon_over_the_edge_of_right_ascension() -> None:
    region = Region.of(image({"CRVAL1": 0.0}))
    assert region.centre[0] % 360 == pytest.approx(0, abs=1e-9) or region.centre[0] > 359.999999
    assert region.diameter == pytest.approx(np.hypot(0.04, 0.06), rel=1e-3)


def test_the_whole_sky_is_no_polygon() -> None:
    cards = {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CDELT1": -6.0, "CDELT2": 4.5}
    sky = image({**cards, "CRVAL2": 0.0})
    with pytest.raises(xrs.UnsupportedWCSError, match="hemisphere"):
        sky.resample.s_region()


def test_a_moc_covers_the_image() -> None:
    """The map and the image have the same area, up to the cells on the border."""
    exposure = image()
    moc = exposure.resample.moc()
    area = moc.sky_fraction * 4 * np.pi / (exposure.resample.pixel_area * exposure["data"].size)
    assert 1 <= area < 1.15
    assert moc.contains_skycoords(SkyCoord(150, 2, unit="deg")).all()
    assert not moc.contains_skycoords(SkyCoord(150.1, 2, unit="deg")).any()
    assert exposure.resample.moc(5).max_order == 5
    with pytest.raises(xrs.InvalidInputError, match="max_depth must be"):
        exposure.resample.moc(30)


def test_without_mocpy_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mocpy", None)
    with pytest.raises(xrs.InvalidInputError, match=r"pip install 'xresample\[moc\]'"):
        image().resample.moc()


def test_the_columns_are_those_of_the_standard() -> None:
    names = [column.name for column in COLUMNS]
    assert [name for name in names if name != "s_pixel_scale"] == MANDATORY


def test_a_row_describes_a_mosaic() -> None:
    exposures = make_exposures(2, (16, 20), target="M 1", instrument="CAM")
    mosaic = xrs.coadd(exposures, make_grid((24, 30)))
    table = mosaic.resample.obscore(obs_collection="survey", em_min=5e-7)
    row = table[0]
    assert (row["dataproduct_type"], row["calib_level"]) == ("image", 3)
    assert row["o_ucd"] == "phot.flux.density.sb"
    assert (row["s_xel1"], row["s_xel2"]) == (30, 24)
    assert (row["target_name"], row["instrument_name"]) == ("M 1", "CAM")
    assert row["t_exptime"] == mosaic.attrs["exposure_time"]
    assert (row["t_min"], row["t_max"]) == (mosaic.attrs["start_time"], mosaic.attrs["end_time"])
    assert row["s_pixel_scale"] == pytest.approx(0.1)
    assert row["s_region"] == mosaic.resample.s_region()
    assert (row["obs_collection"], row["em_min"]) == ("survey", 5e-7)
    assert table["em_max"].mask.all()
    assert table["access_url"].mask.all()
    assert table["s_ra"].unit == u.deg


def test_rows_join_and_become_a_votable() -> None:
    rows = [exposure.resample.obscore() for exposure in make_exposures(2, (16, 20))]
    assert rows[0]["calib_level"][0] == 2
    buffer = io.BytesIO()
    vstack(rows, metadata_conflicts="silent").write(buffer, format="votable")
    buffer.seek(0)
    table = parse_single_table(buffer)
    by_name = {field.name: field for field in table.fields}
    assert len(table.array) == 2
    for column in COLUMNS:
        assert by_name[column.name].ucd == column.ucd
        assert by_name[column.name].utype == f"obscore:{column.utype}"


def test_unknown_columns_and_wrong_types_are_refused() -> None:
    with pytest.raises(xrs.InvalidInputError, match=r"obs_colection .*obs_collection"):
        image().resample.obscore(obs_colection="survey")
    with pytest.raises(xrs.InvalidInputError, match="em_min must be a number, got 'red'"):
        image().resample.obscore(em_min="red")
