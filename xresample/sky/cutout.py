"""Parts of images around a place on the sky."""

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
    """Return the part of an image around a position, clipped at its edges.

    Parameters
    ----------
    dataset : xarray.Dataset
        An exposure or a mosaic.
    ra : float, Quantity or SkyCoord
        Right ascension, in degrees unless it has units; or the position.
    dec : float or Quantity
        Declination; with a SkyCoord, None or the size.
    size : int, Quantity or a pair of these
        Height and width, in pixels or as angles.
    """
    transform = SkyTransform.of(dataset)
    wcs = transform.wcs.object
    if hasattr(ra, "transform_to"):
        if dec is not None and size is not None:
            raise InvalidInputError(
                "cutout got a SkyCoord, a declination and a size: give cutout(position, size=...)"
            )
        size = dec if size is None else size
        ra, dec = _angles(wcs, ra)
    elif dec is None:
        raise InvalidInputError("cutout needs a declination: give cutout(ra, dec, size)")
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
    """Return the angles of a SkyCoord in the frame that ``ra`` and ``dec`` are in."""
    if not position.isscalar:
        raise InvalidInputError(
            f"cutout got {position.size} positions: a cutout is around one of them"
        )
    found = position.transform_to(equatorial_frame(wcs))
    return float(found.spherical.lon.deg), float(found.spherical.lat.deg)


def _sides(size: Any) -> tuple[Any, Any]:
    """Return height and width, each a number of pixels or an angle."""
    if isinstance(size, tuple | list) or np.shape(size) == (2,):
        if len(size) != 2:
            raise InvalidInputError(f"size={size!r}: a pair is (height, width)")
        return size[0], size[1]
    return size, size


def _count(side: Any, scale: Any) -> int:
    """Return the pixels of a side; ``scale`` gives the degrees of one when they are needed."""
    unit = getattr(side, "unit", None)
    if unit is not None:
        number = side.value if unit == "pix" else _degrees_of(side) / scale()
        count = math.ceil(float(number) - 1e-6) if math.isfinite(number) and number > 0 else 0
    elif isinstance(side, int | np.integer) and not isinstance(side, bool):
        count = int(side)
    else:
        raise InvalidInputError(
            f"size has {side!r}: needed is a whole number of pixels, or an angle with its units, "
            "such as 5 * astropy.units.arcsec; or a pair of these, (height, width)"
        )
    if count < 1:
        raise InvalidInputError(f"size has {side!r}: it must be above 0")
    return count


def _degrees_of(side: Any) -> float:
    from astropy.units import UnitConversionError

    try:
        return float(side.to_value("deg"))
    except UnitConversionError:
        raise InvalidInputError(f"size has {side!r}: needed is an angle, or pixels") from None


def _scale(wcs: Any, transform: SkyTransform, places: dict[str, Any], axis: int) -> float:
    """Return the degrees that a pixel of the image spans along an axis, at a place."""
    y, x = (
        float(index[round(float(place))])
        for index, place in zip(transform.pixels, places.values(), strict=True)
    )
    index = transform.pixels[axis]
    step = abs(float(index[-1] - index[0])) / (len(index) - 1) if len(index) > 1 else 1.0
    return step * radec.pixel_scales(wcs, x, y)[1 - axis]
