"""Two grids that lost digits are one grid, and coinciding pixels stay apart."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import SHAPE, make_exposure
from tests.support.wcs import make_fits

PLAIN: dict[str, Any] = {"weight_type": None, "good_bits": None, "enable_var": False}


def sent(grid: Any, by: str) -> Any:
    """Return a grid after a round trip that loses digits."""
    stored = pickle.dumps(grid)
    again = pickle.loads(stored) if by == "pickle" else WCS(grid.to_header())  # noqa: S301 - above
    again.array_shape = grid.array_shape
    return again


@pytest.mark.parametrize("by", ["pickle", "header"])
def test_a_grid_that_lost_digits_is_the_same_grid(by: str) -> None:
    grid = make_fits(SHAPE, crval=(150.0001234567890123, 2.0001098765432109), scale=0.063)
    exposures = [make_exposure(0, SHAPE, filename=name) for name in ("a.fits", "b.fits")]
    grids = grid, sent(grid, by)
    first, second = (xrs.coadd(e, g, **PLAIN) for e, g in zip(exposures, grids, strict=True))
    assert str(first["wcs"].values) != str(second["wcs"].values)
    both = xrs.merge(first, second)
    assert str(both["wcs"].values) == str(first["wcs"].values)
    np.testing.assert_allclose(both["wht"], 2 * first["wht"], rtol=1e-5, atol=1e-5)


def test_grids_that_differ_are_told_apart_in_pixels() -> None:
    grid = make_fits(SHAPE)
    for shift, far in ((3e-6, "3e-06 pixel apart"), (0.25, "0.25 pixel apart")):
        other = grid.deepcopy()
        other.wcs.crpix += np.array([shift, 0])
        with pytest.raises(xrs.GridMismatchError, match=far):
            xrs.merge(xrs.empty_mosaic(grid), xrs.empty_mosaic(other))
    with pytest.raises(xrs.GridMismatchError, match="different skies"):
        xrs.merge(xrs.empty_mosaic(grid), xrs.empty_mosaic(make_fits(SHAPE, crval=(330.0, -2.0))))


def test_pixels_of_coinciding_grids_do_not_leak() -> None:
    grid = make_fits((60, 64), crval=(150.11234567890123, 2.2098765432109876), scale=0.063)
    exposure = make_exposure(0, (60, 64), grid)
    for kernel in ("square", "turbo", "point"):
        options = {**PLAIN, "kernel": kernel, "pixfrac": 0.0 if kernel == "point" else 1.0,
                   "pixel_scale_ratio": 1.0}  # fmt: skip
        mosaic = xrs.coadd(exposure, sent(grid, "header"), **options)
        np.testing.assert_allclose(mosaic["wht"], 1.0, atol=1e-6)
        # Each pixel of the mosaic is the pixel of the exposure, without a trace of its neighbours.
        np.testing.assert_array_equal(mosaic["data"], exposure["data"])


@pytest.mark.parametrize("first", [2**31, -(2**31) - 1, 2**57])
def test_pixels_too_far_from_the_origin_are_refused(first: int) -> None:
    mosaic = xrs.empty_mosaic((4, 5))
    far = mosaic.assign_coords(x=np.arange(first, first + 5))
    exposure = xrs.make_exposure(np.ones((4, 5)), exposure_time=1.0)
    where = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1)
    with pytest.raises(xrs.InvalidInputError, match="must lie within"):
        far.resample.add(exposure, pixmap=where)
    where[0, 0, 0] = first * 1.5
    with pytest.raises(xrs.InvalidInputError, match="positions within"):
        mosaic.resample.add(exposure, pixmap=where)
