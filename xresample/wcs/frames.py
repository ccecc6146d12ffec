"""Celestial frames: the frame of a WCS, and the rotation of directions from one to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .adapters import Values, celestial_axes, low_level

Pair = tuple[np.ndarray, np.ndarray]
"""Longitude and latitude in degrees."""


def celestial_frame(wcs: Any) -> Any:
    """Return the celestial frame of a WCS as an astropy frame; None if the WCS names no frame."""
    try:
        classes = low_level(wcs).world_axis_object_classes
    except (AttributeError, NotImplementedError, ValueError):
        return None
    for _, _, options in (entry[:3] for entry in classes.values()):
        frame = options.get("frame")
        if hasattr(frame, "is_equivalent_frame"):
            return frame
    return None


def is_equatorial(frame: Any) -> bool:
    """Tell whether the angles of a celestial frame are right ascension and declination."""
    return "ra" in frame.get_representation_component_names()


def equatorial_frame(wcs: Any) -> Any:
    """Return the frame of right ascension and declination: the frame of the WCS, else ICRS.

    ICRS stands in for a frame of other angles, such as galactic ones, and for a missing frame.
    """
    frame = celestial_frame(wcs)
    return frame if frame is not None and is_equatorial(frame) else icrs()


def icrs() -> Any:
    """Return the frame ICRS."""
    from astropy.coordinates import ICRS

    return ICRS()


def rotate(lon: Any, lat: Any, here: Any, there: Any) -> Pair:
    """Return directions of one celestial frame in another.

    Parameters
    ----------
    lon, lat : ndarray
        Longitude and latitude in degrees, of one shape.
    here, there : astropy frame or None
        The frame of these angles, and the frame of the result. If one of them is None, that frame
        is unknown and taken to be the other one.

    Returns
    -------
    (ndarray, ndarray)
        Longitude and latitude in degrees. A direction that is not finite becomes NaN, unless both
        frames are the same.
    """
    if here is None or there is None or here.is_equivalent_frame(there):
        return lon, lat
    finite = np.isfinite(lon) & np.isfinite(lat)
    if np.all(finite):
        return _rotated(lon, lat, here, there)
    rotated = np.full((2, *np.shape(lon)), np.nan)
    rotated[:, finite] = _rotated(np.asarray(lon)[finite], np.asarray(lat)[finite], here, there)
    return rotated[0], rotated[1]


def _rotated(lon: Any, lat: Any, here: Any, there: Any) -> Pair:
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(lon, lat, unit="deg", frame=here).transform_to(there)
    return sky.spherical.lon.deg, sky.spherical.lat.deg


def between_frames(wcs_from: Any, wcs_to: Any) -> Callable[[Values], Values]:
    """Return the function from world values of one WCS to the celestial frame of another WCS."""
    here, there = celestial_frame(wcs_from), celestial_frame(wcs_to)
    if here is None or there is None or here.is_equivalent_frame(there):
        return lambda world: world
    lon_from, lat_from = celestial_axes(wcs_from)
    lon_to, lat_to = celestial_axes(wcs_to)

    def apply(world: Values) -> Values:
        result = list(world)
        result[lon_to], result[lat_to] = rotate(world[lon_from], world[lat_from], here, there)
        return tuple(result)

    return apply
