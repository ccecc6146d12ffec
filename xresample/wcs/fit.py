"""Tangent-plane grids that cover footprints on the sky."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from xresample.errors import InvalidInputError

from . import footprint as sky
from .frames import celestial_frame, icrs, rotate
from .handle import WCSHandle

Placed = tuple[WCSHandle, tuple[int, int], int, int]
"""WCS, shape ``(y, x)``, and the first row and column of an image."""


class Border(NamedTuple):
    """The space around images."""

    margin: int
    """Number of pixels."""
    padding: float
    """Further angle in arcsec."""

    def pixels(self, scale: float) -> int:
        """Return the number of pixels of a scale in arcsec."""
        return self.margin + math.ceil(self.padding / scale - 1e-9)


def footprints(placed: Sequence[Placed]) -> np.ndarray:
    """Return the outlines of images, ``(n, 2)``: ICRS right ascension and declination."""
    outlines = []
    for wcs, shape, y0, x0 in placed:
        outline = sky.footprint(wcs.object, shape, x0=x0, y0=y0)
        outline = outline[np.isfinite(outline).all(axis=1)]
        outlines.append(_rotated(outline, celestial_frame(wcs.object), icrs()))
    points = np.concatenate(outlines)
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
    return longitude, math.degrees(math.atan2(mean[2], math.hypot(mean[0], mean[1])))


def tangent_grid(
    placed: Sequence[Placed],
    pixel_scale: float | None,
    pixel_scale_ratio: float,
    rotation: float,
    reference: Any,
    border: Border,
) -> Any:
    """Return a tangent projection with square pixels that covers images."""
    points = footprints(placed)
    if pixel_scale is None:
        wcs, shape, y0, x0 = placed[0]
        pixel_scale = pixel_scale_ratio * sky.pixel_scale(wcs.object, shape, x0, y0)
    if not (math.isfinite(pixel_scale) and pixel_scale > 0):
        raise InvalidInputError(
            f"pixel_scale must be a positive number of arcsec, got {pixel_scale}"
        )
    if reference is None:
        reference = middle(points)
    elif hasattr(reference, "icrs"):
        reference = (reference.icrs.ra.deg, reference.icrs.dec.deg)
    grid = _tangent(reference, pixel_scale, rotation)
    return _cover(grid, points, border.pixels(pixel_scale))


def aligned_grid(placed: Sequence[Placed], wcs: WCSHandle | None, border: Border) -> Any:
    """Return a FITS grid that is shifted by whole pixels and resized to cover images."""
    from astropy.wcs import WCS

    grid = None if wcs is None else wcs.object
    if not isinstance(grid, WCS):
        raise InvalidInputError(
            "align_with must have an astropy.wcs.WCS, whose reference pixel can be shifted, got "
            f"{type(grid).__name__}"
        )
    grid = grid.deepcopy()
    points = footprints(placed)
    scale = 3600 * math.sqrt(abs(np.linalg.det(grid.pixel_scale_matrix)))
    rotated = _rotated(points, icrs(), celestial_frame(grid))
    return _cover(grid, rotated, border.pixels(scale))


def _tangent(reference: tuple[float, float], pixel_scale: float, rotation: float) -> Any:
    from astropy.wcs import WCS

    grid = WCS(naxis=2)
    grid.wcs.ctype = "RA---TAN", "DEC--TAN"
    grid.wcs.radesys = "ICRS"
    grid.wcs.cunit = "deg", "deg"
    grid.wcs.crval = [float(value) for value in reference]
    grid.wcs.crpix = 1.0, 1.0
    scale, angle = pixel_scale / 3600.0, math.radians(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    # The y axis points to the position angle ``rotation``, east of north; x increases to the west.
    grid.wcs.cd = [[-scale * cos, scale * sin], [scale * sin, scale * cos]]
    grid.wcs.set()
    return grid


def _cover(grid: Any, points: np.ndarray, margin: int) -> Any:
    """Shift the reference pixel by whole pixels, and set the shape, to cover all points."""
    x, y = grid.wcs_world2pix(points[:, 0], points[:, 1], 0)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInputError(
            "The exposures must lie within 90 degrees of the tangent point, but some points cannot "
            "be projected: choose another reference, or fewer exposures"
        )
    # A pixel extends half a pixel from its centre; 1e-6 keeps rounding from adding a pixel.
    low = [math.floor(v.min() + 0.5 + 1e-6) - margin for v in (x, y)]
    high = [math.ceil(v.max() - 0.5 - 1e-6) + margin for v in (x, y)]
    grid.wcs.crpix = [pixel - start for pixel, start in zip(grid.wcs.crpix, low, strict=True)]
    grid.wcs.set()
    grid.array_shape = (high[1] - low[1] + 1, high[0] - low[0] + 1)
    return grid
