"""Spectral images, with two sky coordinates and a wavelength, compared with stcal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    VARIANCES,
    assert_close,
    make_arrays,
    make_exposure,
    make_model,
    stcal_coadd,
)
from tests.support.spectral import RATIO, SHAPE, make_slit, make_target
from tests.support.wcs import make_gwcs, make_spectral

TOLERANCE = 1e-5


def both(
    exposures: list[xr.Dataset], **options: Any
) -> tuple[xr.Dataset, dict[str, Any], np.ndarray]:
    """Return our mosaic, the product of stcal, and the pixels with enough digits to compare."""
    target = make_target()
    theirs = stcal_coadd(map(make_model, exposures), target, **options)
    mine = xrs.coadd(
        exposures, target, pixel_scale_ratio=RATIO, variance_names=VARIANCES, **options
    )
    firm = theirs["wht"] > 1e-3 * theirs["wht"].max()
    for exposure in exposures:
        overlap = exposure.resample.onto(mine, weight_type=None)["wht"].values
        firm &= (overlap == 0) | (overlap > 1e-3)
    assert firm.mean() > 0.3
    return mine, theirs, firm


@pytest.mark.parametrize("units", ["MJy", "Jy", "mJy", "MJy/sr", "DN/s"])
@pytest.mark.parametrize("compute_err", ["from_var", "driz_err"])
def test_spectra_agree_with_stcal(units: str, compute_err: str) -> None:
    exposures = [make_slit(k, units) for k in range(3)]
    mine, theirs, firm = both(exposures, compute_err=compute_err)
    assert_close(mine["wht"], theirs["wht"], TOLERANCE)
    for name in ("data", "err", *VARIANCES):
        assert_close(mine[name], theirs[name], TOLERANCE, firm, name)
    np.testing.assert_array_equal(mine["con"].values[:, firm], theirs["con"][:, firm])
    assert mine.attrs["pixel_scale_ratio"] == RATIO


@pytest.mark.parametrize(("units", "factor"), [("MJy", 1 / RATIO), ("MJy/sr", 1.0), (None, 1.0)])
def test_flux_density_is_scaled(units: str | None, factor: float) -> None:
    """Flux density per pixel grows with the output pixel; the ratio is input over output scale."""
    arrays = make_arrays(0, SHAPE)
    arrays["data"][...] = 2.0
    arrays["err"][...] = 0.5
    arrays["variances"] = {"var_rnoise": np.full(SHAPE, 0.25, np.float32)}
    slit = make_exposure(0, SHAPE, make_spectral(SHAPE), arrays, units=units)
    mosaic = slit.resample.onto(
        make_target()["wcs"], pixel_scale_ratio=RATIO, compute_err="driz_err"
    )
    there = mosaic["wht"].values > 0
    np.testing.assert_allclose(mosaic["data"].values[there], 2.0 * factor, rtol=1e-6)
    expected = 0.5 * factor * np.sqrt(RATIO)
    np.testing.assert_allclose(mosaic["err"].values[there], expected, rtol=1e-6)
    np.testing.assert_allclose(mosaic["var_rnoise"].values[there], expected**2, rtol=1e-6)


def test_without_a_scale_ratio_nothing_is_scaled() -> None:
    slit = make_slit(0)
    target = make_target()["wcs"]
    plain = slit.resample.onto(target)
    one = slit.resample.onto(target, pixel_scale_ratio=1.0)
    for name in ("data", "wht", *VARIANCES):
        np.testing.assert_array_equal(plain[name], one[name])
    assert "pixel_scale_ratio" not in plain.attrs


def test_spectra_and_images_do_not_mix() -> None:
    image = make_exposure(0, SHAPE, make_gwcs(SHAPE))
    with pytest.raises(xrs.UnsupportedWCSError, match="must both be imaging or both be spectral"):
        image.resample.onto(make_target()["wcs"])
    with pytest.raises(xrs.UnsupportedWCSError, match="must both be imaging or both be spectral"):
        make_slit(0).resample.onto(make_gwcs(SHAPE, distortion=0.0))
