"""Celestial frames: the frame of a WCS, and the rotation of directions from one to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .adapters import Values, axes_between, celestial_axes, is_fits, low_level

Pair = tuple[np.ndarray, np.ndarray]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True)
class OtherFrame:
    """A frame of longitude and latitude that astropy cannot rotate, such as one of the Sun.

    Parameters
    ----------
    name : str
        Type of the longitude axis in FITS, such as ``"HPLN"``.
    """

    name: str

    def is_equivalent_frame(self, other: Any) -> bool:
        """Tell whether another frame has the same directions."""
        return self == other

    def get_representation_component_names(self) -> dict[str, str]:
        """Return the names of the angles; this frame has none."""
        return {}


def celestial_frame(wcs: Any) -> Any:
    """Return the celestial frame of a WCS as an astropy frame; None if the WCS names no frame.

    A frame of FITS that astropy does not have is an `OtherFrame`.
    """
    low = low_level(wcs)
    frame = _frame_of_astropy(low)
    if not is_fits(low) or low.wcs.lng < 0:
        return frame
    # astropy takes every frame with an unknown CTYPE, such as an ecliptic one, for ICRS.
    is_other = frame is None or (low.wcs.lngtyp != "RA" and is_equatorial(frame))
    return OtherFrame(low.wcs.lngtyp) if is_other else frame


def _frame_of_astropy(low: Any) -> Any:
    """Return the frame that a WCS names in the interface of APE 14, or else None."""
    try:
        classes = low.world_axis_object_classes
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

    Raises
    ------
    UnsupportedWCSError
        One frame is an `OtherFrame`, and the other frame is different.
    """
    if same_frame(here, there):
        return lon, lat
    finite = np.isfinite(lon) & np.isfinite(lat)
    if np.all(finite):
        return _rotated(lon, lat, here, there)
    rotated = np.full((2, *np.shape(lon)), np.nan)
    rotated[:, finite] = _rotated(np.asarray(lon)[finite], np.asarray(lat)[finite], here, there)
    return rotated[0], rotated[1]


def same_frame(here: Any, there: Any) -> bool:
    """Tell whether two frames have the same directions; a frame that is None is the other one.

    Raises
    ------
    UnsupportedWCSError
        The frames differ, and directions cannot be rotated from one to the other.
    """
    if here is None or there is None:
        return True
    if isinstance(here, OtherFrame) or isinstance(there, OtherFrame):
        if here == there:
            return True
        raise UnsupportedWCSError(
            "Directions cannot be rotated between the celestial frames "
            f"{here.name} and {there.name}: use a grid in the frame of the exposures"
        )
    return bool(here.is_equivalent_frame(there))


def _rotated(lon: Any, lat: Any, here: Any, there: Any) -> Pair:
    from astropy.coordinates import SkyCoord

    sky = SkyCoord(lon, lat, unit="deg", frame=here).transform_to(there)
    return sky.spherical.lon.deg, sky.spherical.lat.deg


def between_frames(wcs_from: Any, wcs_to: Any) -> Callable[[Values], Values]:
    """Return the function from world values of one WCS to the axes and the frame of another WCS."""
    here, there = celestial_frame(wcs_from), celestial_frame(wcs_to)
    axes = axes_between(wcs_from, wcs_to)
    if same_frame(here, there):
        if axes == tuple(range(len(axes))):
            return lambda world: world
        return lambda world: tuple(world[axis] for axis in axes)
    lon, lat = celestial_axes(wcs_to)

    def apply(world: Values) -> Values:
        result = [world[axis] for axis in axes]
        result[lon], result[lat] = rotate(result[lon], result[lat], here, there)
        return tuple(result)

    return apply
