"""Rotations between celestial frames."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import FK5, ICRS, Galactic, SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

from xresample.wcs.frames import rotate

LON, LAT = np.array([0.0, 150.0, 359.9]), np.array([-89.0, 2.0, 45.0])


@pytest.mark.parametrize("there", [FK5(), Galactic()])
def test_rotation(there):
    wanted = SkyCoord(LON, LAT, unit="deg", frame=ICRS()).transform_to(there).spherical
    assert_array_equal(rotate(LON, LAT, ICRS(), there), (wanted.lon.deg, wanted.lat.deg))
    assert_allclose(rotate(*rotate(LON, LAT, ICRS(), there), there, ICRS())[1], LAT, atol=1e-9)


@pytest.mark.parametrize("pair", [(None, FK5()), (FK5(), None), (None, None), (ICRS(), ICRS())])
def test_unknown_and_equal_frames_change_nothing(pair):
    lon, lat = rotate(LON, LAT, *pair)
    assert lon is LON
    assert lat is LAT


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_directions_that_are_not_finite(bad):
    lon, lat = LON.copy(), LAT.copy()
    lon[1], lat[2] = bad, bad
    found = np.array(rotate(lon, lat, ICRS(), Galactic()))
    assert_array_equal(found[:, 0], np.array(rotate(LON, LAT, ICRS(), Galactic()))[:, 0])
    assert np.isnan(found[:, 1:]).all()


def test_a_single_direction_and_images():
    whole = np.array(rotate(LON, LAT, ICRS(), Galactic()))
    for k in range(3):
        assert_array_equal(rotate(LON[k], LAT[k], ICRS(), Galactic()), whole[:, k])
    image = rotate(LON.reshape(3, 1), LAT.reshape(3, 1), ICRS(), Galactic())
    assert_array_equal(np.array(image)[..., 0], whole)
    assert np.isnan(rotate(np.float64(np.nan), np.float64(1.0), ICRS(), Galactic())).all()
