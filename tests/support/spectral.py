"""Spectral exposures and grids: images whose pixels have a sky position and a wavelength."""

from __future__ import annotations

from typing import Any

import gwcs
import xarray as xr
from astropy.modeling import models

from .exposures import make_arrays, make_exposure
from .wcs import bounding_box, detector_frame, make_spectral

SHAPE = (24, 40)
RATIO = 0.8


def make_slit(k: int, units: str = "MJy", distortion: float = 2.0) -> xr.Dataset:
    """Return distorted slit image ``k``, which lies inside the grid of `make_target`."""
    straight = make_spectral(SHAPE, distortion)
    slit = straight.forward_transform.copy()
    slit.bounding_box = None
    moved = models.Shift(4.3 + 0.4 * k) & models.Shift(3.2 + 0.3 * k) | slit
    wcs = gwcs.WCS(moved, detector_frame(), straight.output_frame)
    wcs.bounding_box = bounding_box(SHAPE)
    wcs.array_shape = SHAPE
    return make_exposure(k, SHAPE, wcs, make_arrays(k, SHAPE), units=units)


def make_target() -> dict[str, Any]:
    """Return the grid of the mosaic: a straight slit, with its pixel scale and scale ratio."""
    return {"wcs": make_spectral((34, 52)), "pixel_scale": 0.1, "pixel_scale_ratio": RATIO}
