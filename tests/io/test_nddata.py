"""A mosaic as NDData, which photutils takes, and exposures from NDData."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.nddata import NDData, StdDevUncertainty
from photutils.aperture import CircularAperture, aperture_photometry

import xresample as xrs
from tests.support.exposures import make_exposures, output_grid

SHAPE = (20, 24)
GRID = output_grid(SHAPE)


def test_a_mosaic_becomes_nddata() -> None:
    """Data, errors, mask, WCS and unit equal those of the mosaic."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, variance_method="propagated")
    made = mosaic.resample.to_nddata()
    assert isinstance(made, NDData)
    assert isinstance(made.uncertainty, StdDevUncertainty)
    assert made.unit == "MJy / sr"
    np.testing.assert_array_equal(made.mask, mosaic["wht"] == 0)
    good = ~made.mask
    np.testing.assert_array_equal(made.data[good], mosaic["data"].values[good])
    err = mosaic.resample.err().values
    known = np.isfinite(err)
    np.testing.assert_allclose(made.uncertainty.array[known], err[known], rtol=1e-6)
    place = made.wcs.pixel_to_world_values(5, 7)
    np.testing.assert_allclose(place, mosaic.resample.wcs.pixel_to_world_values(5, 7))


def test_photutils_takes_it() -> None:
    """The sum over an aperture equals the sum over the arrays."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, variance_method="propagated")
    circle = CircularAperture((14.0, 12.0), 3.0)
    table = aperture_photometry(mosaic.resample.to_nddata(), circle)
    mask = mosaic["wht"].values == 0
    expected = aperture_photometry(mosaic["data"].values, circle, mask=mask)
    assert table["aperture_sum"][0].value == pytest.approx(float(expected["aperture_sum"][0]))


def test_a_part_keeps_its_place_on_the_sky() -> None:
    """The WCS of a cutout, or of every second row, belongs to its own pixels."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, variance_method="propagated")
    for part, at in (
        (mosaic.isel(x=slice(4, None), y=slice(3, None)), (4.0, 3.0)),
        (mosaic.isel(y=slice(None, None, 2)), (0.0, 0.0)),
    ):
        found = part.resample.to_nddata().wcs.pixel_to_world(0, 0)
        ra, dec = mosaic.resample.wcs.pixel_to_world_values(*at)
        np.testing.assert_allclose([found.ra.deg, found.dec.deg], [ra, dec], rtol=1e-9)


def test_there_and_back() -> None:
    """An exposure made of the NDData has the data, the errors and the units."""
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, variance_method="propagated")
    made = mosaic.resample.to_nddata()
    again = xrs.make_exposure(made)
    good = ~made.mask
    np.testing.assert_array_equal(again["data"].values[good], made.data[good])
    assert again["data"].attrs["units"] == "MJy / sr"
    assert np.isnan(again["data"].values[~good]).all()
