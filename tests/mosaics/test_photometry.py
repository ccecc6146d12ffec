"""Fluxes and positions of noise-free stars: smooth weights keep them, weights per pixel do not."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs

SIDE, STEP, RADIUS = 150, 22, 9
SIGMA = 2.5 / 2.3548
"""Width of a star of FWHM 2.5 pixels."""


def wcs_of(angle: float, x: float, y: float, side: int) -> WCS:
    """Return a WCS with the same pixel scale for all exposures and the mosaic."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [30.0, 10.0]
    c, s = 1e-5 * np.cos(angle), 1e-5 * np.sin(angle)
    wcs.wcs.cd = [[-c, s], [s, c]]
    wcs.wcs.crpix = [(side + 1) / 2 + x, (side + 1) / 2 + y]
    wcs.array_shape = side, side
    return wcs


GRID = wcs_of(0.0, 0.0, 0.0, SIDE)
PLACES = np.arange(RADIUS + 6, SIDE - RADIUS - 5, STEP)


@cache
def stars() -> np.ndarray:
    """Return the positions of the stars on the grid, ``(star, 2)``, x first, at any phase."""
    x, y = np.meshgrid(PLACES, PLACES)
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    return centres + np.random.default_rng(1).uniform(-0.5, 0.5, centres.shape)


@cache
def exposures(bad: float) -> tuple[xr.Dataset, ...]:
    """Return dithered, rotated exposures whose variance differs by 20 % from pixel to pixel."""
    made, side = [], SIDE + 60
    rng = np.random.default_rng(2)
    for k in range(6):
        x, y = rng.uniform(-3, 3, 2)
        wcs = wcs_of(0.02 * k, x, y, side)
        empty = xrs.make_exposure(np.zeros((side, side), np.float32), wcs)
        pixmap = empty.resample.pixmap(GRID).values
        data = np.zeros((side, side))
        for star in stars():
            near = (np.abs(pixmap - star) < 12).all(axis=-1)
            distance = ((pixmap[near] - star) ** 2).sum(axis=-1)
            data[near] += np.exp(-distance / (2 * SIGMA**2))
        noise = rng.normal(1.0, 0.2, data.shape).clip(0.2).astype(np.float32)
        dq = (rng.random(data.shape) < bad).astype(np.uint32)
        variances = {"var_rnoise": noise}
        made.append(xrs.make_exposure(data, wcs, variances=variances, dq=dq, exposure_time=1.0))
    return tuple(made)


def weighted(bad: float, kind: Any, **how: Any) -> xr.Dataset:
    """Return the mosaic of the exposures with weights of a kind."""
    given = [e.assign(weight_map=e.resample.weight_map(kind, **how)) for e in exposures(bad)]
    options = {"enable_var": False, "dtype": "float64"}
    return xrs.coadd(given, GRID, weight_type="map", **options)


def measured(mosaic: xr.Dataset) -> tuple[float, float]:
    """Return the scatter of the fluxes, and the largest error of a centroid in pixels."""
    data, fluxes, errors = mosaic["data"].values, [], []
    for star in stars():
        i, j = np.rint(star).astype(int)
        rows, columns = slice(j - RADIUS, j + RADIUS + 1), slice(i - RADIUS, i + RADIUS + 1)
        part = data[rows, columns]
        y, x = np.mgrid[rows, columns]
        fluxes.append(part.sum())
        centre = np.array([(part * x).sum(), (part * y).sum()]) / part.sum()
        errors.append(np.abs(centre - star).max())
    return float(np.std(fluxes) / np.mean(fluxes)), float(max(errors))


def test_smooth_weights_keep_fluxes_and_positions() -> None:
    scatter, error = measured(weighted(0.0, "ivm", smooth=64, clip=(1, 99)))
    assert scatter <= 1e-5
    assert error <= 1e-3
    equal, _ = measured(weighted(0.0, None))
    assert equal <= 1e-5


def test_weights_of_every_pixel_scatter_the_fluxes() -> None:
    scatter, _ = measured(weighted(0.0, "ivm"))
    assert 1e-3 < scatter < 1e-2


def test_smooth_weights_are_as_good_as_equal_ones_with_bad_pixels() -> None:
    smooth, _ = measured(weighted(0.03, "ivm", smooth=64, clip=(1, 99)))
    equal, _ = measured(weighted(0.03, None))
    per_pixel, _ = measured(weighted(0.03, "ivm"))
    assert smooth <= 1.002 * equal
    assert smooth < per_pixel
    assert equal <= 6e-3
