"""Cutouts: the pixels around a position, however it and the size are given."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord

import xresample as xrs
from tests.support import wcs as wcs_makers
from tests.support.exposures import (
    assert_same_bits,
    checksum,
    make_exposure,
    make_exposures,
    output_grid,
)

SHAPE = (30, 40)
SCALE = 0.1
WCS = wcs_makers.make_fits(SHAPE, scale=SCALE)


def exposure() -> xr.Dataset:
    """Return an exposure with square pixels of a tenth of an arcsecond."""
    return make_exposure(0, SHAPE, WCS)


def at(x: float, y: float) -> tuple[float, float]:
    """Return the right ascension and declination of a position in pixels."""
    ra, dec = WCS.pixel_to_world_values(x, y)
    return float(ra), float(dec)


def limits(part: xr.Dataset) -> tuple[int, int, int, int]:
    """Return the first and the last row and column."""
    y, x = part["y"].values, part["x"].values
    return int(y[0]), int(y[-1]), int(x[0]), int(x[-1])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, (12, 12, 20, 20)), (3, (11, 13, 19, 21)), (4, (10, 13, 19, 22)),
        ((3, 7), (11, 13, 17, 23)), ([5, 1], (10, 14, 20, 20)), (np.int64(3), (11, 13, 19, 21)),
        (0.3 * u.arcsec, (11, 13, 19, 21)), (0.25 * u.arcsec, (11, 13, 19, 21)),
        ((0.3, 0.7) * u.arcsec, (11, 13, 17, 23)), ((3, 0.7 * u.arcsec), (11, 13, 17, 23)),
        (3 * u.pix, (11, 13, 19, 21)), (1 * u.deg, (0, 29, 0, 39)), (1000, (0, 29, 0, 39)),
    ],
)  # fmt: skip
def test_sizes(size: Any, expected: tuple[int, int, int, int]) -> None:
    given = exposure()
    part = given.resample.cutout(*at(20.3, 11.8), size)
    assert limits(part) == expected
    y0, y1, x0, x1 = expected
    assert_same_bits(part, given.isel(y=slice(y0, y1 + 1), x=slice(x0, x1 + 1)))
    assert part.attrs == given.attrs


def test_positions() -> None:
    given = exposure()
    ra, dec = at(20.3, 11.8)
    position = SkyCoord(ra, dec, unit="deg")
    expected = given.resample.cutout(ra, dec, 5)
    for part in (
        given.resample.cutout(ra=ra, dec=dec, size=5),
        given.resample.cutout(ra - 360, dec, 5),
        given.resample.cutout(ra * u.deg, (dec * 60) * u.arcmin, 5),
        given.resample.cutout(position, size=5),
        given.resample.cutout(position, 5),
        given.resample.cutout(position.galactic, size=0.5 * u.arcsec),
        given.resample.cutout(position.fk5, size=5),
    ):
        assert_same_bits(part, expected)


def test_a_position_in_the_frame_of_the_wcs() -> None:
    """FK5 and ICRS differ by a fifth of such a pixel."""
    wcs = wcs_makers.make_fits(SHAPE, scale=0.01, radesys="FK5")
    given = make_exposure(0, SHAPE, wcs)
    ra, dec = (float(v) for v in wcs.pixel_to_world_values(20, 12))
    assert limits(given.resample.cutout(ra, dec, 1)) == (12, 12, 20, 20)
    there = SkyCoord(ra, dec, unit="deg", frame="fk5")
    assert limits(given.resample.cutout(there.icrs, size=1)) == (12, 12, 20, 20)
    assert limits(given.resample.cutout(there.icrs.ra, there.icrs.dec, 1)) != (12, 12, 20, 20)


def test_edges_clip() -> None:
    given = exposure()
    assert limits(given.resample.cutout(*at(0, 29), 5)) == (27, 29, 0, 2)
    assert limits(given.resample.cutout(*at(-0.49, -0.49), 2))[::2] == (0, 0)
    assert limits(given.resample.cutout(*at(39.49, 29.49), 1)) == (29, 29, 39, 39)
    for off in ((-0.6, 10), (39.6, 10), (10, -0.6), (10, 29.6)):
        with pytest.raises(xrs.MissingKeyError, match="off the image"):
            given.resample.cutout(*at(*off), 100)


def test_a_cutout_of_a_part_of_a_mosaic() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE))
    part = mosaic.isel(y=slice(5, None), x=slice(7, 60))
    x, y = 30, 25
    ra, dec = (float(v) for v in mosaic.resample.wcs.pixel_to_world_values(x, y))
    cut = part.resample.cutout(ra, dec, (5, 9))
    assert limits(cut) == (23, 27, 26, 34)
    assert cut.resample.is_mosaic
    assert "ra" not in cut.coords
    lazy = part.resample.with_sky().resample.cutout(ra, dec, (5, 9))
    assert "ra" in lazy.xindexes
    assert_same_bits(lazy.resample.without_sky(), cut)
    more = make_exposure(2, SHAPE)
    whole = mosaic.resample.add(more).isel(y=slice(23, 28), x=slice(26, 35))
    assert_same_bits(cut.resample.add(more), whole)


def test_every_other_pixel() -> None:
    """A size in pixels counts the pixels of the Dataset; an angle covers the same sky as before."""
    thin = exposure().isel(y=slice(None, None, 2), x=slice(None, None, -2))
    part = thin.resample.cutout(*at(21, 12), (3, 0.9 * u.arcsec))
    assert part["y"].values.tolist() == [10, 12, 14]
    assert part["x"].values.tolist() == [25, 23, 21, 19, 17]


def test_a_wcs_without_an_inverse() -> None:
    given = make_exposure(0, SHAPE)
    ra, dec = given.resample.wcs(33.2, 4.1)
    assert limits(given.resample.cutout(ra, dec, 3)) == (3, 5, 32, 34)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((150.0, 2.0, 5.0), "integer number of pixels"), ((150.0, 2.0, True), "integer number"),
        ((150.0, 2.0, 0), "must be positive"), ((150.0, 2.0, -1 * u.arcsec), "must be positive"),
        ((150.0, 2.0, np.nan * u.arcsec), "must be positive"), ((150.0, 2.0, (1, 2, 3)), "a pair"),
        ((150.0, 2.0, 3 * u.s), "must be an angle"), ((150.0, 2.0), "integer number"),
        ((150.0, None, 3), "declination"), (("10h", 2.0, 3), "An angle must be"),
        ((150.0 * u.s, 2.0, 3), "An angle must be"), ((np.nan, 2.0, 3), "An angle must be"),
        ((150.0, 92.0, 3), "off the image"), ((330.0, -2.0, 3), "off the image"),
        ((SkyCoord([1, 2], [3, 4], unit="deg"), None, 3), "one position, got 2"),
        ((SkyCoord(150, 2, unit="deg"), 2.0, 3), "SkyCoord without a declination"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(xrs.XResampleError, match=message):
        exposure().resample.cutout(*arguments)


def test_the_argument_stays_as_it_is() -> None:
    given = exposure()
    before = checksum(given)
    given.resample.cutout(*at(3, 3), 3)
    assert checksum(given) == before
    with pytest.raises(xrs.MissingKeyError, match="assign_wcs"):
        given.drop_vars("wcs").resample.cutout(150.0, 2.0, 3)
