"""Drop-in for `stcal.resample`: the class `Resample` and the functions that pipelines import."""

from xresample.errors import UnsupportedWCSError

from .functions import (
    build_driz_weight,
    build_mask,
    calc_pixmap,
    compute_mean_pixel_area,
    is_flux_density,
    is_imaging_wcs,
)
from .resample import Resample

__all__ = [
    "Resample",
    "UnsupportedWCSError",
    "build_driz_weight",
    "build_mask",
    "calc_pixmap",
    "compute_mean_pixel_area",
    "is_flux_density",
    "is_imaging_wcs",
]
