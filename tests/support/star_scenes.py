"""Rotated, distorted exposures of noise-free stars, and their fluxes in a mosaic."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import xresample as xrs
from xresample.wcs.handle import WCSHandle

from .wcs import CRVAL, SCALE, make_grid, make_gwcs

SHAPE = (330, 350)
STEP = 24
"""Distance of the stars in pixels."""

BOX = 10
"""Half side of the box in which the flux of a star is summed, in pixels of an exposure."""


@cache
def star_wcs(k: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the distorted WCS of exposure ``k`` as text, dithered and rotated, and its map.

    The map is the distance of each pixel to the east and to the north of `CRVAL`, in pixels.
    """
    dither = (1.7 * (k % 3) - 1.37, 0.9 * (k % 4) - 1.21)
    wcs = make_gwcs(SHAPE, rotation=7.0 * k, offset=dither, distortion=1.0)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    ra, dec = wcs(x, y)
    step = SCALE / 3600
    east = (ra - CRVAL[0]) / step * np.cos(np.deg2rad(CRVAL[1]))
    return WCSHandle(wcs).text, east, (dec - CRVAL[1]) / step


def positions(seed: int = 0, half: float = 110.0) -> np.ndarray:
    """Return the positions of stars, ``(star, 2)`` in pixels to the east and north."""
    axis = np.arange(-half, half + 1, STEP)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return grid + np.random.default_rng(seed).uniform(-2, 2, grid.shape)


def star_image(u: np.ndarray, v: np.ndarray, stars: np.ndarray, fwhm: float) -> np.ndarray:
    """Return an image of stars of flux 1, sampled at the centres of the pixels."""
    sigma, image = fwhm / 2.354820045, np.zeros(u.shape)
    for east, north in stars:
        near = (np.abs(u - east) < 12) & (np.abs(v - north) < 12)
        distance = (u[near] - east) ** 2 + (v[near] - north) ** 2
        image[near] += np.exp(-distance / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    return image


def star_exposures(
    n: int = 6, fwhm: float = 2.5, bad: float = 0.03, seed: int = 0, noise: float = 0.0,
    stars: np.ndarray | None = None, **planes: Any,
) -> list[xr.Dataset]:  # fmt: skip
    """Return exposures of stars; a fraction of the pixels is flagged and worthless."""
    exposures = []
    stars = positions() if stars is None else stars
    for k in range(n):
        rng = np.random.default_rng(1000 * seed + k)
        wcs, east, north = star_wcs(k)
        image = star_image(east, north, stars, fwhm) + noise * rng.normal(size=SHAPE)
        flagged = rng.random(SHAPE) < bad
        image[flagged] = 1e4
        exposures.append(
            xrs.make_exposure(
                image.astype(np.float32), wcs, dq=4 * flagged.astype(np.uint32),
                units="MJy/sr", filename=f"stars_{k}.fits", **planes,
            )
        )  # fmt: skip
    return exposures


def star_grid(scale: float = 1.0) -> Any:
    """Return the grid of a mosaic, with a pixel scale in pixels of an exposure."""
    side = int(310 / scale)
    return make_grid((side, side + 3), CRVAL, scale * SCALE, 20.0)


def fluxes(
    mosaic: xr.Dataset, stars: np.ndarray, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the flux of each star, and its distance ``(star, 2)`` from the true position."""
    wcs = mosaic.resample.wcs
    step = SCALE / 3600
    ra = CRVAL[0] + stars[:, 0] * step / np.cos(np.deg2rad(CRVAL[1]))
    true = np.stack(wcs.invert(ra, CRVAL[1] + stars[:, 1] * step), axis=-1)
    half = int(BOX / scale)
    found, offsets = [], []
    data = np.nan_to_num(mosaic["data"].values.astype(float))
    for x, y in true:
        i, j = round(float(x)), round(float(y))
        box = data[j - half : j + half + 1, i - half : i + half + 1]
        rows, columns = np.mgrid[j - half : j + half + 1, i - half : i + half + 1]
        found.append(box.sum() * scale**2)
        centre = (box * columns).sum() / box.sum(), (box * rows).sum() / box.sum()
        offsets.append((centre[0] - x, centre[1] - y))
    return np.array(found), np.array(offsets)
