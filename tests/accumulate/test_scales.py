"""The scale factors of an exposure conserve surface brightness or flux."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import VARIANCES, make_exposure, make_wcs
from tests.support.spectral import make_slit, make_target
from tests.support.wcs import CRVAL, SCALE, make_grid

SHAPE = (24, 26)
RATIOS = (0.5, 1.0, 1.7)


def star(**attrs: Any) -> xr.Dataset:
    """Return an exposure of a star on an empty sky, without bad pixels and without distortion."""
    wcs = make_wcs(0, SHAPE, distortion=0.0)
    exposure = make_exposure(0, SHAPE, wcs, pixelarea_steradians=np.nan, **attrs)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.exp(-((x - 12.3) ** 2 + (y - 11.6) ** 2) / 4).astype(np.float32)
    exposure["data"].values[:] = image
    exposure["dq"].values[:] = 0
    return exposure


def onto(ratio: float, **options: Any) -> xr.Dataset:
    """Return the star on a rotated grid; its pixels are ``ratio`` times as wide."""
    side = int(60 / ratio) + 20
    grid = make_grid((side, side), CRVAL, ratio * SCALE, 30.0)
    return star().resample.onto(grid, weight_type=None, dtype="float64", **options)


@pytest.mark.parametrize("kernel", ["square", "turbo"])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_sum_over_a_source_does_not_depend_on_the_pixel_scale(
    kernel: Any, ratio: float
) -> None:
    options = {"kernel": kernel, "pixfrac": 1.0, "fillval": 0.0}
    expected = float(star()["data"].sum(dtype=float))
    found = float(onto(ratio, conserve="flux", **options)["data"].sum())
    assert found == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize("ratio", RATIOS)
def test_errors_and_variances_follow_the_data(method: Any, ratio: float) -> None:
    options = {"compute_err": "driz_err", "variance_method": method, "fillval": "nan"}
    plain = onto(ratio, **options)
    flux = onto(ratio, conserve="flux", **options)
    actual = plain.attrs["pixel_scale"] / (star().resample.pixel_area ** 0.5 * 206264.80624709636)
    for name in ("data", "err"):
        np.testing.assert_allclose(flux[name], plain[name] * actual**2, rtol=1e-10)
    for name in VARIANCES:
        np.testing.assert_allclose(flux[name], plain[name] * actual**4, rtol=1e-10)
    np.testing.assert_array_equal(flux["wht"], plain["wht"])


def test_surface_brightness_does_not_depend_on_the_pixel_scale() -> None:
    flat = star()
    flat["data"].values[:] = 7.0
    for ratio in RATIOS:
        grid = make_grid((90, 90), CRVAL, ratio * SCALE, 30.0)
        mosaic = flat.resample.onto(grid, weight_type=None, fillval="nan")
        np.testing.assert_allclose(mosaic["data"].values[mosaic["wht"] > 0], 7.0, rtol=1e-6)


def test_merge_refuses_mosaics_with_different_conserve() -> None:
    with pytest.raises(xrs.GridMismatchError, match="conserve: 'surface_brightness' and 'flux'"):
        onto(1.0).resample.merge(onto(1.0, conserve="flux"))


def test_flux_is_not_conserved_for_spectra() -> None:
    with pytest.raises(xrs.InvalidInputError, match="conserve must be 'surface_brightness'"):
        xrs.coadd(make_slit(0), make_target(), pixel_scale_ratio=0.8, conserve="flux")
