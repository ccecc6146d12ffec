"""Tangent-plane grids that cover footprints on the sky."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from xresample.arguments import number
from xresample.errors import InvalidInputError, UnsupportedWCSError

from . import footprint as sky
from .adapters import axes_types, celestial_axes, copied
from .frames import OtherFrame, celestial_frame, icrs, rotate
from .handle import WCSHandle
from .pixels import Pixels
from .steps import Steps, stepped_object
from .transform import is_imaging, world_to_pixel

Placed = tuple[WCSHandle, Pixels]
"""The WCS and the pixels of an image."""


class Border(NamedTuple):
    """The space around images."""

    margin: int
    """Number of pixels."""
    padding: float
    """Further angle in arcsec."""

    def pixels(self, scale: float) -> int:
        """Return the number of pixels of a scale in arcsec."""
        return self.margin + math.ceil(self.padding / scale - 1e-9)


@dataclass(frozen=True)
class Tangent:
    """A tangent plane: its scale, direction and tangent point, as the user gives them."""

    pixel_scale: Any = None
    """Pixel scale, in arcsec unless it has units; None: that of the first image times the ratio."""
    pixel_scale_ratio: Any = 1.0
    rotation: Any = 0.0
    """Position angle of y, in degrees unless it has units."""
    reference: Any = None
    """Tangent point; None: the middle of the images."""


def frame_of(placed: Sequence[Placed]) -> Any:
    """Return the celestial frame for a grid: ICRS, or a frame that astropy cannot rotate.

    Raises
    ------
    UnsupportedWCSError
        A WCS is not an imaging WCS.
    """
    frame = None
    for wcs, _ in placed:
        if not is_imaging(wcs.object):
            raise UnsupportedWCSError(
                "A grid on the sky needs exposures whose WCSs have two celestial axes only, got "
                f"{', '.join(axes_types(wcs.object)) or 'axes of unknown type'}: make a grid for "
                "spectra yourself"
            )
        own = celestial_frame(wcs.object)
        frame = own if isinstance(own, OtherFrame) else frame
    return frame or icrs()


def footprints(placed: Sequence[Placed], frame: Any) -> np.ndarray:
    """Return points on and inside the borders of images, ``(n, 2)``: longitude and latitude."""
    found = []
    for wcs, pixels in placed:
        points = np.stack(sky.coverage(wcs.object, pixels), axis=-1)
        points = points[np.isfinite(points).all(axis=1)]
        found.append(_rotated(points, celestial_frame(wcs.object), frame))
    points = np.concatenate(found)
    if not len(points):
        raise InvalidInputError(
            "The exposures must have a position on the sky, but all positions of their WCSs are NaN"
        )
    return points


def _rotated(points: np.ndarray, here: Any, there: Any) -> np.ndarray:
    """Return directions, ``(n, 2)`` in degrees, of one celestial frame in another."""
    return np.stack(rotate(points[:, 0], points[:, 1], here, there), axis=-1)


def middle(points: np.ndarray) -> tuple[float, float]:
    """Return the mean direction; it is right near RA 0 and near the poles, too."""
    ra, dec = np.deg2rad(points).T
    x, y, z = np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)
    mean = x.mean(), y.mean(), z.mean()
    longitude = math.degrees(math.atan2(mean[1], mean[0])) % 360.0
    # The remainder of a tiny negative number is rounded to 360.
    return longitude % 360.0, math.degrees(math.atan2(mean[2], math.hypot(mean[0], mean[1])))


def tangent_grid(placed: Sequence[Placed], wanted: Tangent, border: Border) -> Any:
    """Return a tangent projection with square pixels that covers images."""
    frame = frame_of(placed)
    if wanted.pixel_scale is None:
        wcs, own_pixels = placed[0]
        ratio = number("pixel_scale_ratio", wanted.pixel_scale_ratio, above=0.0)
        pixel_scale = ratio * sky.pixel_scale(wcs.object, own_pixels)
        if not pixel_scale > 0:
            raise InvalidInputError(
                "The first exposure has no pixel scale, because its WCS gives no position on the "
                "sky for its border: give pixel_scale="
            )
    else:
        pixel_scale = number("pixel_scale", wanted.pixel_scale, above=0.0, unit="arcsec")
    rotation = number("rotation", wanted.rotation, unit="deg")
    chosen = None if wanted.reference is None else _position(wanted.reference, frame)
    points = footprints(placed, frame)
    grid = _tangent(chosen or middle(points), pixel_scale, rotation, frame)
    pixels = grid.wcs_world2pix(points[:, 0], points[:, 1], 0)
    start, shape = _cover(pixels, border.pixels(pixel_scale))
    grid.wcs.crpix = [pixel - first for pixel, first in zip(grid.wcs.crpix, start, strict=True)]
    grid.wcs.set()
    grid.array_shape = shape
    return grid


def _position(reference: Any, frame: Any) -> tuple[float, float]:
    """Return the tangent point that the user gives, in degrees.

    Raises
    ------
    InvalidInputError
        The position is not one direction.
    """
    if hasattr(reference, "transform_to") and getattr(reference, "isscalar", False):
        lon, lat = _directions(reference, frame)
    else:
        try:
            lon, lat = (number("reference", value, unit="deg") for value in reference)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"reference must be one position, as two angles or a SkyCoord, got {reference!r}"
            ) from None
    if not abs(lat) <= 90:
        raise InvalidInputError(f"reference must have a latitude of -90 to 90 degrees, got {lat}")
    return lon, lat


def _directions(position: Any, frame: Any) -> tuple[float, float]:
    """Return longitude and latitude of a SkyCoord in a frame."""
    if isinstance(frame, OtherFrame):
        raise InvalidInputError(
            f"reference must be two angles in the frame {frame.name} of the exposures, got a "
            f"position in the frame {position.name}"
        )
    found = position.transform_to(frame).spherical
    return float(found.lon.deg), float(found.lat.deg)


def aligned_grid(placed: Sequence[Placed], wcs: WCSHandle | None, border: Border) -> Any:
    """Return a FITS grid that is shifted by whole pixels and resized to cover images."""
    from astropy.wcs import WCS

    grid = None if wcs is None else wcs.object
    if not isinstance(grid, WCS):
        raise InvalidInputError(
            "align_with must have an astropy.wcs.WCS, whose reference pixel can be shifted, got "
            f"{type(grid).__name__}"
        )
    frame_of(placed)
    frame = celestial_frame(grid)
    points = footprints(placed, icrs() if frame is None else frame)
    axes = celestial_axes(grid)
    x, y = world_to_pixel(grid, *(points[:, axes.index(axis)] for axis in range(2)))
    scale = 3600 * math.sqrt(abs(np.linalg.det(grid.pixel_scale_matrix)))
    (x0, y0), shape = _cover((x, y), border.pixels(scale))
    return stepped_object(copied(grid), Steps(x0, 1, y0, 1), shape)


def _tangent(
    reference: tuple[float, float], pixel_scale: float, rotation: float, frame: Any
) -> Any:
    """Return a tangent projection whose tangent point is the first pixel."""
    from astropy.wcs import WCS

    grid = WCS(naxis=2)
    # Longitudes on the surface of the Sun or a planet increase to the right.
    right = -1
    if isinstance(frame, OtherFrame):
        lon = frame.name
        right = 1 if lon.endswith("LN") else -1
        lat = f"{lon[:-2]}LT" if lon.endswith("LN") else f"{lon[:-3]}LAT"
        grid.wcs.ctype = f"{lon}-TAN", f"{lat}-TAN"
    else:
        grid.wcs.ctype = "RA---TAN", "DEC--TAN"
        grid.wcs.radesys = "ICRS"
    grid.wcs.cunit = "deg", "deg"
    grid.wcs.crval = [float(value) for value in reference]
    grid.wcs.crpix = 1.0, 1.0
    scale, angle = pixel_scale / 3600.0, math.radians(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    # The y axis points to the position angle ``rotation``, east of north; x increases to the west.
    grid.wcs.cd = [[right * scale * cos, -right * scale * sin], [scale * sin, scale * cos]]
    grid.wcs.set()
    return grid


def _cover(pixels: Any, margin: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first pixel, x first, and the shape of the grid that covers all positions."""
    x, y = pixels
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInputError(
            "The exposures must lie within 90 degrees of the tangent point, but some points cannot "
            "be projected: choose another reference, or fewer exposures"
        )
    # A pixel extends half a pixel from its centre; 1e-6 keeps rounding from adding a pixel.
    low = [math.floor(v.min() + 0.5 + 1e-6) - margin for v in (x, y)]
    high = [math.ceil(v.max() - 0.5 - 1e-6) + margin for v in (x, y)]
    shape = high[1] - low[1] + 1, high[0] - low[0] + 1
    if min(shape) < 1:
        raise InvalidInputError(f"margin must leave at least one pixel per side, got {margin}")
    return (low[0], low[1]), shape
