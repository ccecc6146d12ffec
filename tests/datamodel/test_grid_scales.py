"""Scales of a grid: in a dict, in attributes, and pixels without an area."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import make_exposure, output_grid
from tests.support.wcs import make_fits


def test_the_ratio_of_a_dict_is_never_lost() -> None:
    """An Options object names all options, also those that it leaves at None."""
    grid = {"wcs": output_grid(), "pixel_scale_ratio": 0.5}
    expected = xrs.coadd(make_exposure(0), output_grid(), pixel_scale_ratio=0.5)
    choices: list[dict[str, Any]]
    choices = [{}, {"options": xrs.Options()}, {"pixel_scale_ratio": 0.5}]
    for options in choices:
        mosaic = xrs.coadd(make_exposure(0), grid, **options)
        xr.testing.assert_identical(mosaic, expected)


def test_a_pixel_scale_attribute_that_is_no_number_is_refused() -> None:
    grid = xrs.empty_mosaic(output_grid()).assign_attrs(pixel_scale="fine")
    with pytest.raises(xrs.InvalidInputError, match="attribute pixel_scale must be a number"):
        xrs.coadd(make_exposure(0), grid)


def test_a_wcs_whose_pixels_have_no_area_is_refused() -> None:
    wcs = make_fits((5, 6))
    wcs.wcs.cd = np.zeros((2, 2))
    with pytest.raises(xrs.UnsupportedWCSError, match=r"FITS WCS is invalid.*\n.*singular"):
        xrs.coadd(make_exposure(0), wcs)
