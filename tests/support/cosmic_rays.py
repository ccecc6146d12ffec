"""Exposures of stars with cosmic rays whose pixels are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import erf

import xresample as xrs
from xresample.wcs.handle import WCSHandle

from .exposures import FLAGS, make_attrs
from .wcs import CRVAL, SCALE, make_grid, make_gwcs

SHAPE = (120, 130)
SIGMA = 0.1
"""Noise of a pixel."""


@dataclass(frozen=True)
class Scene:
    """Exposures, and what is in them."""

    exposures: list[xr.Dataset]
    rays: np.ndarray
    """Amplitude of the cosmic rays in standard deviations, ``(exposure, y, x)``."""
    stars: np.ndarray
    """Light of the stars, ``(exposure, y, x)``."""
    sky: tuple[np.ndarray, np.ndarray]
    """Right ascension and declination of the stars."""


def wcs_of(k: int, shape: tuple[int, int] = SHAPE, distortion: float = 1.0) -> Any:
    """Return the distorted WCS of exposure ``k``, dithered and slightly rotated."""
    dither = (3.37 * (k % 3) - 2.61, 2.43 * (k % 4) - 3.17)
    return make_gwcs(shape, rotation=1.3 * k, offset=dither, distortion=distortion)


@cache
def transforms_of(k: int, shape: tuple[int, int]) -> tuple[str, Any, Any]:
    """Return the WCS of exposure ``k``: as text, without limits, and the inverse if undistorted."""
    forward = wcs_of(k, shape)
    text = WCSHandle(forward).text
    forward.bounding_box = None
    return text, forward, wcs_of(k, shape, distortion=0.0).backward_transform


def pixels_of(k: int, shape: tuple[int, int], sky: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of stars in exposure ``k``, by iteration: the WCS has no inverse."""
    _, forward, inverse = transforms_of(k, shape)
    start = np.array(inverse(*sky))
    found = start.copy()
    for _ in range(20):
        found += start - np.array(inverse(*forward(*found)))
    return found[0], found[1]


def grid_of(shape: tuple[int, int] = SHAPE, scale: float = SCALE) -> Any:
    """Return a grid that contains all exposures."""
    side = int(1.15 * max(shape)) + 12
    return make_grid((side, side + 3), CRVAL, scale, 2.0)


def star_image(
    shape: tuple[int, int], x: np.ndarray, y: np.ndarray, flux: float, fwhm: float
) -> np.ndarray:
    """Return Gaussian stars, integrated over the pixels."""
    width = fwhm / 2.3548 * np.sqrt(2)

    def profile(size: int, at: np.ndarray) -> np.ndarray:
        edges = (np.arange(size + 1) - 0.5 - at[:, None]) / width
        return np.diff(erf(edges), axis=1) / 2

    return flux * np.einsum("sy,sx->yx", profile(shape[0], y), profile(shape[1], x))


def make_scene(
    n: int = 8,
    shape: tuple[int, int] = SHAPE,
    *,
    rays: float = 0.003,
    amplitude: tuple[float, float] = (5.0, 50.0),
    flux: float = 30.0,
    fwhm: float = 2.5,
    stars: int = 20,
    seed: int = 0,
) -> Scene:
    """Return exposures of a star field with noise and cosmic rays of one pixel.

    Parameters
    ----------
    n : int
        Number of exposures.
    shape : (int, int)
        Their shape.
    rays : float
        Fraction of the pixels with a cosmic ray.
    amplitude : (float, float)
        Minimum and maximum of the cosmic rays, in standard deviations.
    flux, fwhm : float
        Flux and full width at half maximum of the stars; the width is in pixels.
    stars : int
        Number of stars, which have different positions in their pixels.
    seed : int
        Seed of positions and noise.
    """
    rng = np.random.default_rng(seed)
    first = wcs_of(0, shape)
    x = rng.uniform(20, shape[1] - 20, stars)
    y = rng.uniform(20, shape[0] - 20, stars)
    sky = first(x, y)
    exposures, amplitudes, lights = [], [], []
    for k in range(n):
        px, py = pixels_of(k, shape, sky)
        light = star_image(shape, px, py, flux, fwhm)
        hit = rng.random(shape) < rays
        height = np.where(hit, rng.uniform(*amplitude, shape), 0.0)
        data = 1.0 + light + SIGMA * (height + rng.normal(size=shape))
        variance = np.full(shape, SIGMA**2, np.float32)
        exposures.append(
            xrs.make_exposure(
                data.astype(np.float32),
                transforms_of(k, shape)[0],
                err=np.sqrt(variance),
                dq=np.zeros(shape, np.uint32),
                variances={"var_rnoise": variance},
                flag_map={**FLAGS, "OUTLIER": 16},
                units="MJy/sr",
                **{**make_attrs(k), "filename": f"scene_{k}.fits", "group_id": f"visit_{k}"},
            )
        )
        amplitudes.append(height)
        lights.append(light)
    return Scene(exposures, np.array(amplitudes), np.array(lights), sky)
