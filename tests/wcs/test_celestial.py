"""Angles of pixels and pixels of angles, for WCSs of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import FK5, ICRS, Galactic, SkyCoord

import xresample as xrs
from tests.support import wcs as makers
from tests.support.flavours import Flavour
from xresample.wcs.celestial import (
    BLOCK,
    equatorial_frame,
    pixel_scales,
    pixel_to_radec,
    radec_to_pixel,
    separation,
)

SHAPE = (96, 128)
MIDDLE = (64.0, 48.0)


def pixels(shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of pixels all over an image, its corners too."""
    y, x = np.meshgrid(*(np.linspace(0, n - 1, 12).round() for n in shape), indexing="ij")
    return x, y


def test_angles_are_those_of_the_wcs(flavour: Flavour) -> None:
    wcs = flavour.make(SHAPE)
    x, y = pixels()
    ra, dec = pixel_to_radec(wcs, x, y)
    expected = flavour.to_equatorial(*wcs.pixel_to_world_values(x, y))
    np.testing.assert_allclose(ra, expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(dec, expected[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("turn", [0.0, -360.0, 720.0])
def test_pixels_of_angles(flavour: Flavour, turn: float) -> None:
    wcs = flavour.make(SHAPE)
    x, y = pixels()
    # A table has kinks, where the search is exact at the centres of pixels only.
    expected = (x, y) if "table" in flavour.name else (x + 0.3, y - 0.2)
    ra, dec = pixel_to_radec(wcs, *expected)
    there = radec_to_pixel(wcs, ra + turn, dec, MIDDLE)
    inside = np.isfinite(ra)
    # Degrees of several turns resolve 1e-7 of such a pixel.
    np.testing.assert_allclose(there[0][inside], expected[0][inside], rtol=0, atol=2e-6)
    np.testing.assert_allclose(there[1][inside], expected[1][inside], rtol=0, atol=2e-6)
    assert inside.any()


@pytest.mark.parametrize(
    "flavour", ["gwcs", "TAN", "gwcs without inverse", "SIP", "gwcs at the pole"], indirect=True
)
def test_the_other_side_of_the_sky_has_no_pixel(flavour: Flavour) -> None:
    """The inverse of a tangent plane finds the antipode of a pixel in that pixel."""
    wcs = flavour.make(SHAPE)
    ra, dec = pixel_to_radec(wcs, *MIDDLE)
    x, y = radec_to_pixel(wcs, [ra + 180, np.nan, ra, ra], [-dec, dec, np.nan, 91.0], MIDDLE)
    assert np.isnan(x).all()
    assert np.isnan(y).all()


def test_a_single_position() -> None:
    wcs = makers.make_sip(SHAPE)
    ra, dec = pixel_to_radec(wcs, 3, 4)
    assert ra.shape == dec.shape == ()
    x, y = radec_to_pixel(wcs, float(ra), float(dec), MIDDLE)
    assert (float(x), float(y)) == pytest.approx((3.0, 4.0), abs=1e-7)


def test_blocks_change_no_bit() -> None:
    wcs = makers.make_sip(SHAPE)
    x, y = np.linspace(0, 127, BLOCK + 7), np.linspace(95, 0, BLOCK + 7)
    whole = wcs.all_pix2world(x, y, 0)
    found = pixel_to_radec(wcs, x, y)
    np.testing.assert_array_equal(found, whole)


def test_outside_the_bounding_box_there_is_no_sky() -> None:
    wcs = makers.make_gwcs(SHAPE)
    wcs.bounding_box = ((3.5, 100.5), (-0.5, 95.5))
    ra, dec = pixel_to_radec(wcs, [3, 4, 100, 101], 5)
    np.testing.assert_array_equal(np.isfinite(ra), [False, True, True, False])
    np.testing.assert_array_equal(np.isfinite(dec), [False, True, True, False])


def test_near_where_the_sky_ends() -> None:
    """A search that steps off the sky goes back."""
    wcs = makers.make_hole(SHAPE, rows=20)
    x, y = np.array([10.0, 64.0, 120.0]), np.array([20.4, 21.0, 23.0])
    ra, dec = pixel_to_radec(wcs, x, y)
    there = radec_to_pixel(wcs, ra, dec, MIDDLE)
    np.testing.assert_allclose(there, (x, y), rtol=0, atol=1e-6)


def test_other_angles_become_icrs() -> None:
    wcs = makers.make_gwcs(SHAPE, reference=Galactic())
    ra, dec = pixel_to_radec(wcs, 10, 20)
    lon, lat = wcs(10, 20)
    expected = SkyCoord(lon, lat, unit="deg", frame="galactic").icrs
    assert (float(ra), float(dec)) == pytest.approx((expected.ra.deg, expected.dec.deg), abs=1e-10)
    x, y = radec_to_pixel(wcs, ra, dec, MIDDLE)
    assert (float(x), float(y)) == pytest.approx((10.0, 20.0), abs=1e-6)
    assert isinstance(equatorial_frame(wcs), ICRS)
    assert isinstance(equatorial_frame(makers.make_fits(SHAPE, radesys="FK5")), FK5)
    assert isinstance(equatorial_frame(makers.Plain()), ICRS)


def test_axes_in_another_order_and_unit() -> None:
    ra, dec = pixel_to_radec(makers.Plain(), 4.0, 5.0)
    assert (float(ra), float(dec)) == pytest.approx((4.0, 5.0))
    x, y = radec_to_pixel(makers.Plain(), 4.0, 5.0, (5.0, 5.0))
    assert (float(x), float(y)) == pytest.approx((4.0, 5.0))


def test_a_spectral_wcs_goes_one_way() -> None:
    wcs = makers.make_spectral()
    ra, dec = pixel_to_radec(wcs, 30, 20)
    assert (float(ra), float(dec)) == pytest.approx(wcs(30, 20)[:2], abs=1e-10)
    with pytest.raises(xrs.UnsupportedWCSError, match="spectral"):
        radec_to_pixel(wcs, ra, dec, (30.0, 20.0))


def test_scales_and_separations() -> None:
    wcs = makers.make_fits(SHAPE, (30.0, 60.0), 0.2)
    assert pixel_scales(wcs, 60.0, 40.0) == pytest.approx((0.2 / 3600, 0.2 / 3600), rel=1e-6)
    a, b = SkyCoord([359.9, 10, 0], [80, -3, 90], unit="deg"), SkyCoord(
        [0.2, 10, 77], [80, -3 + 1e-9, 90], unit="deg")  # fmt: skip
    found = separation(a.ra.deg, a.dec.deg, b.ra.deg, b.dec.deg)
    np.testing.assert_allclose(found, a.separation(b).deg, rtol=1e-5, atol=1e-13)
