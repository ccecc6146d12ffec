"""Exposures of one scene of bright sources, each with its own sky level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import xresample as xrs
from xresample.wcs.handle import WCSHandle

from .wcs import CRVAL, SCALE, make_gwcs

SHAPE = (200, 240)
NOISE = 0.1


def offsets_on_sky(wcs: Any, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances from the middle of the scene to the east and north, in pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    ra, dec = wcs(x, y)
    step = SCALE / 3600
    return (ra - CRVAL[0]) / step * np.cos(np.deg2rad(CRVAL[1])), (dec - CRVAL[1]) / step


def sources(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the brightness of a galaxy, 500 times the noise, and of a star, at positions."""
    galaxy = 50 * np.exp(-((u - 20) ** 2 + (v + 15) ** 2) / (2 * 25**2))
    star: np.ndarray = 500 * np.exp(-((u + 40) ** 2 + (v - 20) ** 2) / (2 * 2**2))
    return galaxy + star


def scene_wcs(k: int, spread: float = 30.0, **options: Any) -> Any:
    """Return the WCS of exposure ``k``, dithered on a grid of three columns, and rotated."""
    offset = (spread * (k % 3 - 1), 1.3 * spread * (k // 3) - 17)
    return make_gwcs(SHAPE, **{"rotation": 7.0 * k, "offset": offset, "distortion": 1.0, **options})


@cache
def scene_of(k: int) -> tuple[str, np.ndarray]:
    """Return the WCS of exposure ``k`` as text, and the brightness of the sources in its pixels."""
    wcs = scene_wcs(k)
    return WCSHandle(wcs).text, sources(*offsets_on_sky(wcs))


def sky_exposure(wcs: Any, sky: Any, seed: int, **options: Any) -> xr.Dataset:
    """Return an exposure of the scene on a WCS, with the options of `exposed`."""
    return exposed((wcs, sources(*offsets_on_sky(wcs))), sky, seed, **options)


def exposed(
    scene: tuple[Any, np.ndarray], sky: Any, seed: int, *, outliers: float = 0.0, **attrs: Any
) -> xr.Dataset:
    """Return an exposure with a sky level, noise, and outliers in a fraction of the pixels."""
    wcs, brightness = scene
    rng = np.random.default_rng(seed)
    data = brightness + sky + rng.normal(0, NOISE, SHAPE)
    hit = rng.random(SHAPE) < outliers
    data[hit] += 0.5 + rng.exponential(20, SHAPE)[hit]
    return xrs.make_exposure(data.astype(np.float32), wcs, units="DN/s", **attrs)


def sky_exposures(levels: Sequence[float], seed: int = 0, **options: Any) -> list[xr.Dataset]:
    """Return one exposure per sky level."""
    return [
        exposed(scene_of(k), level, 100 * seed + k, filename=f"sky_{k}.fits", **options)
        for k, level in enumerate(levels)
    ]
