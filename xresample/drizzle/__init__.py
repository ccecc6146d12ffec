"""Drop-in for the package `drizzle`: the class `Drizzle`, `blot_image`, and `utils`."""

from . import cdrizzle, resample, utils
from .resample import Drizzle, blot_image
from .utils import calc_pixmap, decode_context, estimate_pixel_scale_ratio

__all__ = [
    "Drizzle",
    "blot_image",
    "calc_pixmap",
    "cdrizzle",
    "decode_context",
    "estimate_pixel_scale_ratio",
    "resample",
    "utils",
]
