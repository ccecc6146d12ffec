"""One line about a WCS: projection, pixel scale, position and shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .adapters import bounding_box, celestial_axes, is_fits, is_gwcs, low_level
from .footprint import arcsec, area_of_pixel
from .frames import celestial_frame, icrs
from .handle import WCSHandle, remembered
from .transform import pixel_to_world

_UNITS = ((3600.0, "degree"), (60.0, "arcmin"), (0.0, "arcsec"))
"""Smallest pixel scale in arcsec that is written in each unit."""

_SIZES = {"degree": 3600.0, "arcmin": 60.0, "arcsec": 1.0}


def summary(text: str) -> str:
    """Return one line about the WCS in an ASDF text; it has no line breaks and no raw text.

    Parameters
    ----------
    text : str
        ASDF text of a WCS.

    Returns
    -------
    str
        Projection, pixel scale, longitude and latitude of the middle in degrees, the frame unless
        it is ICRS, and the shape ``ny x nx``, as far as they are known.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.1, "CRVAL2": 2.2,
    ...            "CDELT1": -1e-5, "CDELT2": 1e-5, "CRPIX1": 247, "CRPIX2": 253,
    ...            "NAXIS": 2, "NAXIS1": 493, "NAXIS2": 505})
    >>> summary(WCSHandle(wcs).text)
    'TAN, 0.036 arcsec, 150.1000 +2.2000, 505 x 493'
    """
    try:
        wcs = WCSHandle(text).object
        return remembered(wcs, _described)
    except Exception:
        # A repr must not fail, whatever the text is and whichever extension of asdf is missing.
        return f"ASDF text of {len(text)} characters"


def _described(wcs: Any) -> str:
    shape = _shape(wcs)
    x, y = _middle(wcs, shape)
    parts = [_projection(wcs)]
    scale = arcsec(area_of_pixel(wcs, x, y))
    if scale > 0 and math.isfinite(scale):
        unit = next(unit for least, unit in _UNITS if scale >= least)
        parts.append(f"{scale / _SIZES[unit]:.4g} {unit}")
    lon_axis, lat_axis = celestial_axes(wcs)
    world = pixel_to_world(wcs, np.array([x]), np.array([y]))
    lon, lat = float(world[lon_axis][0]), float(world[lat_axis][0])
    if math.isfinite(lon + lat):
        parts.append(f"{lon % 360:.4f} {lat:+.4f}{_frame(wcs)}")
    if shape is not None:
        parts.append(f"{shape[0]} x {shape[1]}")
    return ", ".join(parts)


def _projection(wcs: Any) -> str:
    """Return the code of the projection in FITS, such as TAN, or the kind of the WCS."""
    low = low_level(wcs)
    if is_fits(low):
        codes = str(low.wcs.ctype[celestial_axes(low)[0]]).split("-")
        return "-".join(code for code in codes[1:] if code) or "FITS"
    code = _projection_of_gwcs(low) if is_gwcs(low) else None
    return "gwcs" if code is None else f"gwcs {code}"


def _projection_of_gwcs(wcs: Any) -> str | None:
    """Return the code of the first projection among the models of a gwcs, or else None."""
    from astropy.modeling import projections

    classes = {getattr(projections, f"Pix2Sky_{code}"): code for code in projections.projcodes}
    model = wcs.forward_transform
    for part in model if model.n_submodels > 1 else (model,):
        if (code := classes.get(type(part))) is not None:
            return str(code)
    return None


def _shape(wcs: Any) -> tuple[int, int] | None:
    """Return the shape of the image, ``(ny, nx)``, or else of the bounding box; None if unknown."""
    shape = getattr(low_level(wcs), "array_shape", None)
    if shape is not None and len(shape) == 2:
        return int(shape[0]), int(shape[1])
    box = bounding_box(wcs)
    if box is None or not np.isfinite(box).all():
        return None
    (x_low, x_high), (y_low, y_high) = box
    return round(y_high - y_low), round(x_high - x_low)


def _middle(wcs: Any, shape: tuple[int, int] | None) -> tuple[float, float]:
    """Return the position in the middle of the image, or else the reference pixel."""
    box = bounding_box(wcs)
    if box is not None and np.isfinite(box).all():
        (x_low, x_high), (y_low, y_high) = box
        return (x_low + x_high) / 2, (y_low + y_high) / 2
    if shape is not None:
        return (shape[1] - 1) / 2, (shape[0] - 1) / 2
    low = low_level(wcs)
    if is_fits(low):
        return float(low.wcs.crpix[0] - 1), float(low.wcs.crpix[1] - 1)
    return 0.0, 0.0


def _frame(wcs: Any) -> str:
    """Return the name of the celestial frame in brackets; nothing for ICRS and unknown frames."""
    frame = celestial_frame(wcs)
    if frame is None or frame == icrs() or not getattr(frame, "name", ""):
        return ""
    return f" ({frame.name})"
