"""Cylindrical projections of FITS, whose maps may begin at any longitude.

wcslib knows native longitudes from -180 to 180 degrees only. A map of the whole sky may begin at
its reference pixel and run on to 360 degrees; wcslib returns NaN for its second half, and puts
directions of the second half before the first pixel. In a cylindrical projection, positions that
are 360 degrees apart are the same direction, so such positions are moved by a whole turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CODES = ("CAR", "CEA", "MER")
"""Projections whose x is the native longitude in degrees."""


def turn_of(wcs: Any) -> np.ndarray | None:
    """Return the step in pixels, x first, of 360 degrees of native longitude.

    The result is None for a projection that is not cylindrical, and for a distorted WCS, in which
    pixels that are 360 degrees apart are distorted differently.
    """
    prm = wcs.wcs
    if wcs.naxis != 2 or wcs.has_distortion or prm.lng < 0 or prm.cel.prj.code not in CODES:
        return None
    turn = np.zeros(2)
    turn[prm.lng] = 360.0
    return np.linalg.solve(wcs.pixel_scale_matrix, turn)


def pixel_to_world(wcs: Any, x: Any, y: Any) -> Any:
    """Return the world values of pixels of an `astropy.wcs.WCS` with its full distortion."""
    world = wcs.all_pix2world(x, y, 0)
    turn = turn_of(wcs)
    if turn is None:
        return world
    world = [np.array(values) for values in world]
    x, y = np.broadcast_arrays(x, y)
    for sign in (-1, 1):
        lost = np.isnan(world[0]) & np.isfinite(x + y)
        if not lost.any():
            break
        found = wcs.all_pix2world(x[lost] + sign * turn[0], y[lost] + sign * turn[1], 0)
        for values, new in zip(world, found, strict=True):
            values[lost] = new
    return world


def into_image(wcs: Any, pixels: Any) -> Any:
    """Return pixel positions, x first, moved by a whole turn where this leads into the image."""
    if wcs.array_shape is None or (turn := turn_of(wcs)) is None:
        return pixels
    x, y = (np.array(values) for values in pixels)
    outside = ~_inside(wcs, x, y)
    for sign in (-1, 1):
        moved_x, moved_y = x + sign * turn[0], y + sign * turn[1]
        back = outside & _inside(wcs, moved_x, moved_y)
        x, y = np.where(back, moved_x, x), np.where(back, moved_y, y)
    return x, y


def _inside(wcs: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell which positions lie in the image, with its left and lower border."""
    ny, nx = wcs.array_shape
    inside: np.ndarray = (x >= -0.5) & (x < nx - 0.5) & (y >= -0.5) & (y < ny - 0.5)
    return inside
