"""Right ascension and declination of pixels, and the inverse, for a WCS in any frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .frames import celestial_frame, equatorial_frame, is_equatorial, rotate
from .transform import bounding_box, celestial_axes, is_spectral, pixel_to_world, world_to_pixel

BLOCK = 1 << 16
"""Number of pixels that are evaluated at once, which bounds the temporary memory of a WCS."""

MAX_STEPS = 30
PRECISION = 1e-9
"""The search for a position ends at a step below this, in pixels."""
CLOSE = 1e-3
"""A position counts as found if the last step is below this, in pixels; tables have kinks."""

Pair = tuple[np.ndarray, np.ndarray]


def pixel_to_radec(wcs: Any, x: Any, y: Any) -> Pair:
    """Return right ascension and declination of pixel positions, in degrees.

    Parameters
    ----------
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS; world axes that are not celestial are ignored.
    x, y : array_like
        Positions in the pixels of the WCS.

    Returns
    -------
    (ndarray, ndarray)
        In `xresample.wcs.frames.equatorial_frame`; NaN outside the bounding box of the WCS.
    """
    x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    shape, x, y = x.shape, x.ravel(), y.ravel()
    ra, dec = np.empty(x.size), np.empty(x.size)
    for start in range(0, x.size, BLOCK):
        part = slice(start, start + BLOCK)
        ra[part], dec[part] = _radec(wcs, x[part], y[part])
    outside = np.zeros(x.size, bool)
    for at, (low, high) in zip((x, y), bounding_box(wcs) or (), strict=False):
        outside |= (at < low) | (at > high)
    ra[outside] = dec[outside] = np.nan
    return ra.reshape(shape), dec.reshape(shape)


def radec_to_pixel(wcs: Any, ra: Any, dec: Any, start: tuple[float, float]) -> Pair:
    """Return the pixel positions, x first, of right ascension and declination in degrees.

    The search uses the forward transform: some WCSs have no inverse, the inverse of a polynomial
    is inexact, and the inverse of a tangent plane finds antipodes. If there is an inverse, the
    search starts from its result.

    Parameters
    ----------
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS.
    ra, dec : array_like
        In `xresample.wcs.frames.equatorial_frame`; right ascension may exceed 0 to 360.
    start : (float, float)
        Position, x first, where the search starts if there is no inverse.

    Returns
    -------
    (ndarray, ndarray)
        NaN where no pixel is found.

    Raises
    ------
    UnsupportedWCSError
        The WCS is spectral, so a position on the sky is not one pixel.
    """
    if is_spectral(wcs):
        raise UnsupportedWCSError(
            "The WCS must be imaging to find the pixel of a position, got a spectral WCS: "
            "select by y and x"
        )
    ra, dec = np.broadcast_arrays(np.asarray(ra, np.float64) % 360.0, np.asarray(dec, np.float64))
    shape, ra, dec = ra.shape, ra.ravel(), dec.ravel()
    x, y = _guess(wcs, ra, dec, start)
    before = np.zeros((2, ra.size))
    with np.errstate(all="ignore"):
        for _ in range(MAX_STEPS):
            step = np.stack(_step(wcs, x, y, ra, dec, start))
            # If a step leads off the sky, half of it is taken back.
            astray = np.isnan(step).any(axis=0)
            step[:, astray] = -before[:, astray] / 2
            before = np.where(astray, before / 2, step)
            x, y = x + step[0], y + step[1]
            if not (np.hypot(*step) > PRECISION).any():
                break
        lost = ~(np.hypot(*_step(wcs, x, y, ra, dec, start)) <= CLOSE)
    lost |= ~(np.abs(dec) <= 90)
    x[lost] = y[lost] = np.nan
    return x.reshape(shape), y.reshape(shape)


def _guess(wcs: Any, ra: np.ndarray, dec: np.ndarray, start: tuple[float, float]) -> Pair:
    """Return the positions of directions by the inverse of the WCS, or else ``start``."""
    lon, lat = ra, dec
    frame = celestial_frame(wcs)
    if frame is not None and not is_equatorial(frame):
        lon, lat = rotate(ra, dec, equatorial_frame(wcs), frame)
    world = [lon, lat]
    if celestial_axes(wcs) == (1, 0):
        world.reverse()
    try:
        x, y = (np.array(v, np.float64) for v in world_to_pixel(wcs, *world))
    except UnsupportedWCSError:
        x, y = np.full((2, ra.size), np.nan)
    nowhere = ~(np.isfinite(x) & np.isfinite(y))
    x[nowhere], y[nowhere] = start
    return x, y


def _step(
    wcs: Any,
    x: np.ndarray,
    y: np.ndarray,
    ra: np.ndarray,
    dec: np.ndarray,
    start: tuple[float, float],
) -> Pair:
    """Return the first-order step in pixels from positions to directions."""
    east, north = _offset(ra, dec, *_radec(wcs, x, y))
    # Slopes are measured towards the start, because the sky may end on the other side.
    right, up = np.where(x < start[0], 1.0, -1.0), np.where(y < start[1], 1.0, -1.0)
    xe, xn = right * np.subtract(_offset(ra, dec, *_radec(wcs, x + right, y)), (east, north))
    ye, yn = up * np.subtract(_offset(ra, dec, *_radec(wcs, x, y + up)), (east, north))
    area = xe * yn - ye * xn
    return (ye * north - yn * east) / area, (xn * east - xe * north) / area


def _offset(ra0: Any, dec0: Any, ra: Any, dec: Any) -> Pair:
    """Return the offsets of directions from a position to east and north, in degrees."""
    ra0, dec0, ra, dec = map(np.deg2rad, (ra0, dec0, ra, dec))
    along = ra - ra0
    bend = 2 * np.sin(along / 2) ** 2 * np.cos(dec)
    east = np.cos(dec) * np.sin(along)
    north = np.sin(dec - dec0) + bend * np.sin(dec0)
    ahead = np.cos(dec - dec0) - bend * np.cos(dec0)
    sine = np.hypot(east, north)
    length = np.rad2deg(np.arctan2(sine, ahead)) / np.where(sine == 0, 1.0, sine)
    return east * length, north * length


def separation(ra_a: Any, dec_a: Any, ra_b: Any, dec_b: Any) -> np.ndarray:
    """Return the angle between directions, in degrees, accurate for small angles, too.

    Examples
    --------
    >>> float(separation(359.5, 0.0, 0.5, 0.0).round(9))
    1.0
    """
    ra_a, dec_a, ra_b, dec_b = map(np.deg2rad, (ra_a, dec_a, ra_b, dec_b))
    across = np.cos(dec_a) * np.cos(dec_b) * np.sin((ra_b - ra_a) / 2) ** 2
    square = np.sin((dec_b - dec_a) / 2) ** 2 + across
    return np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(square, 0, 1))))


def pixel_scales(wcs: Any, x: float, y: float) -> tuple[float, float]:
    """Return the size of a pixel at a position along x and along y, in degrees."""
    scales = []
    for dx, dy in ((0.5, 0.0), (0.0, 0.5)):
        ra, dec = _radec(wcs, np.array([x - dx, x + dx]), np.array([y - dy, y + dy]))
        scales.append(float(separation(ra[0], dec[0], ra[1], dec[1])))
    return scales[0], scales[1]


def _radec(wcs: Any, x: np.ndarray, y: np.ndarray) -> Pair:
    """Return the angles of pixels, including pixels outside the bounding box."""
    world = pixel_to_world(wcs, x, y)
    lon, lat = (world[axis] for axis in celestial_axes(wcs))
    frame = celestial_frame(wcs)
    if frame is None or is_equatorial(frame):
        return lon, lat
    return rotate(lon, lat, frame, equatorial_frame(wcs))
