"""Cutouts of images around a position on the sky."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import schema
from xresample.errors import InvalidInputError
from xresample.wcs import celestial as radec
from xresample.wcs.frames import equatorial_frame

from .index import SkyTransform, degrees, require_inside


def cutout(dataset: xr.Dataset, ra: Any, dec: Any, size: Any) -> xr.Dataset:
    """Return the part of an image around a position, clipped at the edges of the image.

    Parameters
    ----------
    dataset : xarray.Dataset
        An exposure or a mosaic.
    ra : float, Quantity or SkyCoord
        Right ascension, in degrees unless it has units; or the position.
    dec : float or Quantity
        Declination. With a SkyCoord: None, or the size.
    size : int, Quantity or a pair of these
        Height and width, in pixels or as angles.
    """
    transform = SkyTransform.of(dataset)
    wcs = transform.wcs.object
    if hasattr(ra, "transform_to"):
        if dec is not None and size is not None:
            raise InvalidInputError(
                "cutout takes a SkyCoord without a declination, got both: use "
                "cutout(position, size=...)"
            )
        size = dec if size is None else size
        ra, dec = _angles(wcs, ra)
    elif dec is None:
        raise InvalidInputError("cutout needs a declination, got None: use cutout(ra, dec, size)")
    angles = [np.asarray(degrees(angle)) for angle in (ra, dec)]
    places = transform.reverse(dict(zip(schema.SKY, angles, strict=True)))
    require_inside(places, angles)
    window = {}
    for side, axis in zip(_sides(size), (0, 1), strict=True):
        name, index = schema.PIXELS[axis], transform.pixels[axis]
        count = _count(side, lambda axis=axis: _scale(wcs, transform, places, axis))
        start = math.ceil(float(places[name]) - count / 2 - 1e-6)
        window[name] = slice(max(start, 0), min(start + count, len(index)))
    return dataset.isel(window)


def _angles(wcs: Any, position: Any) -> tuple[float, float]:
    """Return the angles of a SkyCoord in the frame of ``ra`` and ``dec``."""
    if not position.isscalar:
        raise InvalidInputError(f"cutout takes one position, got {position.size}")
    found = position.transform_to(equatorial_frame(wcs))
    return float(found.spherical.lon.deg), float(found.spherical.lat.deg)


def _sides(size: Any) -> tuple[Any, Any]:
    """Return height and width, each as a number of pixels or an angle."""
    if isinstance(size, tuple | list) or getattr(size, "shape", ()) == (2,):
        if len(size) != 2:
            raise InvalidInputError(
                f"size must be one size or a pair (height, width), got {size!r}"
            )
        return size[0], size[1]
    return size, size


def _count(side: Any, scale: Any) -> int:
    """Return the number of pixels of a side; ``scale`` returns the size of a pixel in degrees."""
    unit = getattr(side, "unit", None)
    if unit is not None:
        number = side.value if unit == "pix" else _degrees_of(side) / scale()
        count = math.ceil(float(number) - 1e-6) if math.isfinite(number) and number > 0 else 0
    elif isinstance(side, int | np.integer) and not isinstance(side, bool):
        count = int(side)
    else:
        raise InvalidInputError(
            "size must be an integer number of pixels or an angle with units, such as "
            f"5 * astropy.units.arcsec, or a pair (height, width), got {side!r}"
        )
    if count < 1:
        raise InvalidInputError(f"size must be positive, got {side!r}")
    return count


def _degrees_of(side: Any) -> float:
    from astropy.units import UnitConversionError

    try:
        return float(side.to_value("deg"))
    except UnitConversionError:
        raise InvalidInputError(
            f"size must be an angle or a number of pixels, got {side!r}"
        ) from None


def _scale(wcs: Any, transform: SkyTransform, places: dict[str, Any], axis: int) -> float:
    """Return the size in degrees of a pixel of the image along an axis, at a position."""
    y, x = (
        float(index[round(float(place))])
        for index, place in zip(transform.pixels, places.values(), strict=True)
    )
    index = transform.pixels[axis]
    step = abs(float(index[-1] - index[0])) / (len(index) - 1) if len(index) > 1 else 1.0
    return step * radec.pixel_scales(wcs, x, y)[1 - axis]
