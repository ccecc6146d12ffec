"""Simulated exposures: the sources through the camera, with noise, cosmic rays and bad pixels."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xresample.datamodel.exposure import make_exposure
from xresample.io.mission_flags import JWST

from .camera import SCALE, Camera
from .scene import Scene

EXPOSURE_TIME = 100.0
"""Seconds per exposure."""

SKY = 0.25
"""Mean level of the sky, MJy/sr."""

READ_NOISE = 0.02
"""Standard deviation of the read noise of a pixel, MJy/sr."""

PHOTON = 4e-4
"""Variance of the photon noise per signal, MJy/sr."""

DAY = 60000.0
"""MJD of the first exposure."""


def simulate(camera: Camera, prepared: bool) -> list[xr.Dataset]:
    """Return all exposures of a camera.

    Parameters
    ----------
    camera : Camera
        The camera and its pointings.
    prepared : bool
        Whether cosmic rays are flagged and the sky level is known.
    """
    scene, defects = Scene.of(camera), _defects(camera)
    return [_exposure(camera, k, scene, defects, prepared) for k in range(camera.count)]


def _exposure(
    camera: Camera, k: int, scene: Scene, defects: np.ndarray, prepared: bool
) -> xr.Dataset:
    """Return one exposure."""
    rng = camera.random(2, k, round(1000 * SCALE), *map(ord, camera.filter))
    level = SKY + float(rng.uniform(-0.06, 0.06))
    clean = scene.image(camera, k) + level
    poisson = PHOTON * clean
    data = clean + rng.normal(size=clean.shape) * np.sqrt(poisson + READ_NOISE**2)
    rays = _cosmic_rays(rng, clean.shape)
    data += rays
    dq = defects.copy()
    if prepared:
        dq[rays > 0] |= JWST["OUTLIER"] | JWST["DO_NOT_USE"]
    data[defects & JWST["DEAD"] != 0] = np.nan
    data[defects & JWST["HOT"] != 0] += 5.0
    start = DAY + k * 200.0 / 86400
    return make_exposure(
        data.astype(np.float32),
        camera.wcs(k),
        err=np.sqrt(poisson + READ_NOISE**2).astype(np.float32),
        dq=dq,
        flag_map=JWST,
        variances={
            "var_rnoise": np.full(clean.shape, READ_NOISE**2, np.float32),
            "var_poisson": poisson.astype(np.float32),
        },
        units="MJy/sr",
        filename=f"simulated_{k + 1:05d}_nrcalong_cal",
        group_id=f"simulated_{k + 1:05d}",
        exposure_time=EXPOSURE_TIME,
        measurement_time=EXPOSURE_TIME,
        duration=EXPOSURE_TIME,
        start_time=start,
        end_time=start + EXPOSURE_TIME / 86400,
        pixelarea_steradians=float(np.deg2rad(SCALE / 3600) ** 2),
        level=level if prepared else None,
        subtracted=False,
        instrument="NIRCAM",
        detector="NRCALONG",
        filter=camera.filter,
        target="simulated",
    )


def _defects(camera: Camera) -> np.ndarray:
    """Return the flags of the bad pixels of the detector, the same for all exposures."""
    draw = camera.random(3).random((camera.size, camera.size))
    dq = np.zeros(draw.shape, np.uint32)
    dq[draw < 0.004] = JWST["DEAD"] | JWST["DO_NOT_USE"]
    dq[draw > 0.998] = JWST["HOT"] | JWST["DO_NOT_USE"]
    return dq


def _cosmic_rays(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return an image of short, straight tracks."""
    rays = np.zeros(shape)
    for _ in range(rng.poisson(7e-4 * rays.size)):
        length, angle = rng.integers(1, 7), rng.uniform(0, np.pi)
        steps = np.arange(length)
        y = np.round(rng.uniform(0, shape[0] - 1) + steps * np.sin(angle)).astype(int)
        x = np.round(rng.uniform(0, shape[1] - 1) + steps * np.cos(angle)).astype(int)
        inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        rays[y[inside], x[inside]] += 10 ** rng.uniform(-0.3, 1.0)
    return rays
