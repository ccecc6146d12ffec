"""Pixel maps and exposures for the tests, and ``drizzle`` to compare with."""

from __future__ import annotations

import warnings

import numpy as np
from drizzle.resample import Drizzle

from .kernel_runs import Exposure

SHAPE = (19, 23)
"""Shape of the exposures: not square, and no multiple of a block."""

OUTSIDE = 40
"""Output pixels added on each side, for footprints that reach beyond the output.

``drizzle`` crashes if a corner falls just outside its output.
"""


def smooth_map(
    shape: tuple[int, int] = SHAPE,
    scale: float = 1.0,
    rotation: float = 0.0,
    mirror: bool = False,
    centre: tuple[float, float] = (0.0, 0.0),
    bend: float = 1.0,
) -> np.ndarray:
    """Return a map: mirrored, bent by a quadratic, turned (degrees), scaled and moved.

    No position is a round number, because ``drizzle`` rounds ties either way.
    """
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    u, v = x - shape[1] / 2, y - shape[0] / 2
    u, v = u + bend * (3e-4 * u * v + 2e-4 * v * v), v + bend * (4e-4 * u * u - 1e-4 * u * v)
    if mirror:
        u = -u
    angle = np.deg2rad(rotation)
    along_x = scale * (np.cos(angle) * u - np.sin(angle) * v) + centre[0] + np.pi / 10
    along_y = scale * (np.sin(angle) * u + np.cos(angle) * v) + centre[1] + np.e / 10
    return np.dstack([along_x, along_y])


def centred_map(
    scale: float, rotation: float = 0.0, mirror: bool = False, margin: float = 9.0
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a map, and the shape of an output that holds all of it and a margin."""
    pixmap = smooth_map(SHAPE, scale, rotation, mirror)
    low = np.floor(pixmap.min(axis=(0, 1)) - margin * max(scale, 1.0))
    pixmap -= low
    nx, ny = np.ceil(pixmap.max(axis=(0, 1)) + margin * max(scale, 1.0)).astype(int)
    return pixmap, (int(ny), int(nx))


def noisy_exposure(pixmap: np.ndarray, seed: int = 0, holes: bool = True) -> Exposure:
    """Return an exposure of random data, weights (some are 0) and flags on a map."""
    rng = np.random.default_rng(seed)
    shape = pixmap.shape[:2]
    weights = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if holes:
        weights[rng.random(shape) < 0.05] = 0
    data = rng.normal(2.0, 1.0, shape).astype(np.float32)
    dq = (1 << rng.integers(0, 32, shape)).astype(np.uint32)
    return Exposure(pixmap, data, weights, dq=dq)


def run_drizzle(
    exposure: Exposure, shape: tuple[int, int], kernel: str, pixfrac: float, ratio: float
) -> dict[str, np.ndarray]:
    """Run ``drizzle`` onto a larger output, and crop."""
    larger = (shape[0] + 2 * OUTSIDE, shape[1] + 2 * OUTSIDE)
    drizzle = Drizzle(kernel=kernel, out_shape=larger, fillval="0")
    with warnings.catch_warnings():
        # drizzle warns that lanczos ignores pixfrac, and which kernels do not conserve flux.
        warnings.simplefilter("ignore")
        drizzle.add_image(
            exposure.data,
            1.0,
            exposure.pixmap + OUTSIDE,
            dq=exposure.dq,
            weight_map=exposure.weights,
            pixfrac=pixfrac,
            pixel_scale_ratio=ratio,
        )
    planes = {
        "wht": drizzle.out_wht.astype(float),
        "data": drizzle.out_img.astype(float),
        "context": drizzle.out_ctx.reshape(larger) != 0,
        "dq": drizzle.out_dq,
    }
    inside = slice(OUTSIDE, -OUTSIDE)
    return {name: plane[inside, inside] for name, plane in planes.items()}
