"""Areas and outlines of images on the sky."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .pixels import Pixels
from .transform import bounding_box, celestial_axes, pixel_to_world, range_inside

SPACING = 15
"""Maximum spacing, in pixels, of the outline points used for the area."""

EDGE_POINTS = 8
"""Number of points of a footprint on each edge."""

DENSE = 512
"""Maximum number of points on each edge where a curved border matters."""

INSIDE = 33
"""Number of rows and columns of points inside an image."""

Limits = tuple[float, float, float, float]
"""Minimum and maximum x, minimum and maximum y."""

_ARCSEC = math.degrees(1) * 3600


def mean_pixel_area(wcs: Any, pixels: Pixels) -> float:
    """Return the mean area of the pixels of an image, in steradians.

    The mean is the area on the sky of the polygon through the centres of the outermost pixels
    inside the bounding box, divided by its area in pixels.

    Parameters
    ----------
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS.
    pixels : Pixels
        The pixels of the image.

    Returns
    -------
    float
        NaN if no part of the outline is on the sky.
    """
    box = _limits(wcs, pixels)
    x_low, x_high, y_low, y_high = box
    if x_low > x_high or y_low > y_high:
        return math.nan
    if x_low == x_high or y_low == y_high:
        # The centres of a single row or column enclose no area.
        box = (x_low - 0.5, x_high + 0.5, y_low - 0.5, y_high + 0.5)
        points = _outline(box, box[1] - box[0] + 1, box[3] - box[2] + 1)
        return _area(wcs, points, box)
    return _area_of_centres(wcs, box)


def area_of_pixel(wcs: Any, x: float, y: float) -> float:
    """Return the area on the sky of the pixel around a position, in steradians."""
    box = (x - 0.5, x + 0.5, y - 0.5, y + 0.5)
    return _area(wcs, _sample(box, 1, 1), box)


def arcsec(area: float) -> float:
    """Return the side in arcsec of a square pixel with an area in steradians."""
    return math.sqrt(area) * _ARCSEC


def steradians(side: float) -> float:
    """Return the area in steradians of a square pixel with a side in arcsec."""
    return (side / _ARCSEC) ** 2


def pixel_scale(wcs: Any, pixels: Pixels) -> float:
    """Return the square root of the mean pixel area of an image, in arcsec."""
    return arcsec(mean_pixel_area(wcs, pixels))


def footprint(wcs: Any, pixels: Pixels) -> np.ndarray:
    """Return right ascension and declination, ``(n, 2)`` in degrees, around an image.

    The points follow the outer borders of the pixels inside the bounding box, including corners,
    counter-clockwise from the lower left pixel.
    """
    return np.stack(_sky(wcs, *outline(wcs, pixels)), axis=-1)


def outline(wcs: Any, pixels: Pixels, points: int = EDGE_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions, x and y in pixels, of the points of `footprint`.

    Parameters
    ----------
    wcs : WCS
        The WCS.
    pixels : Pixels
        The pixels of the image.
    points : int
        Number of points on each edge.
    """
    return _sample(_borders(wcs, pixels), points, points)


def coverage(wcs: Any, pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of many points of an image, on its border and inside.

    The border has a point per corner of a pixel, up to `DENSE` per edge, because borders may be
    curved. The points inside find a pole in the image, and images whose border is off the sky.
    """
    box = _borders(wcs, pixels)
    x, y = _sample(box, min(DENSE, len(pixels.x)), min(DENSE, len(pixels.y)))
    sides = (np.linspace(*limits, INSIDE) for limits in (box[:2], box[2:]))
    inside_x, inside_y = (side.ravel() for side in np.meshgrid(*sides))
    return _sky(wcs, np.append(x, inside_x), np.append(y, inside_y))


def _borders(wcs: Any, pixels: Pixels) -> Limits:
    """Return the outer borders of the pixels of an image inside the bounding box."""
    x, y = range_inside(wcs, pixels.x, pixels.y)
    return x.start - 0.5, x.stop - 0.5, y.start - 0.5, y.stop - 0.5


def _limits(wcs: Any, pixels: Pixels) -> Limits:
    """Return the pixels that limit the area: minimum and maximum x, minimum and maximum y."""
    (y_low, y_high), (x_low, x_high) = ((side.start, side.stop - 1) for side in pixels)
    low, high = (x_low, y_low), (x_high, y_high)
    box = bounding_box(wcs)
    if box is None:
        return low[0], high[0], low[1], high[1]
    sides = []
    for axis, (start, stop) in enumerate(box):
        sides.append(low[axis] if start == -math.inf else max(low[axis], math.floor(start + 0.5)))
        sides.append(high[axis] if stop == math.inf else min(high[axis], math.floor(stop - 0.5)))
    return sides[0], sides[1], sides[2], sides[3]


def _area_of_centres(wcs: Any, box: Limits) -> float:
    """Return the mean area inside ``box``, which shrinks until its outline is on the sky."""
    x_low, x_high, y_low, y_high = box
    limits, inwards = [y_low, x_high, y_high, x_low], (1, -1, -1, 1)
    edge = 0
    while limits[3] < limits[1] and limits[0] < limits[2]:
        box = (limits[3], limits[1], limits[0], limits[2])
        width, height = (min((b - a) // 4, SPACING) for a, b in (box[:2], box[2:]))
        points = _outline(box, width, height)
        finite = _finite(wcs, points)
        if finite.all():
            return _area(wcs, points, box)
        # The edges take turns, so that a corner off the sky does not shrink one side only.
        lost = _lost_edges(finite, box, width, height)
        while not lost[edge]:
            edge = (edge + 1) % 4
        limits[edge] += inwards[edge]
        edge = (edge + 1) % 4
    return math.nan


def _lost_edges(finite: np.ndarray, box: Limits, width: float, height: float) -> list[bool]:
    """Tell whether the bottom, right, top and left edge have a point that is off the sky."""
    across, up = _counts(box, width, height)
    edges = np.split(finite, np.cumsum((across, up, across)))
    return [not edge.all() for edge in edges]


def _counts(box: Limits, width: float, height: float) -> tuple[int, int]:
    """Return the numbers of points on a horizontal and a vertical edge, with one corner each."""
    nx, ny = box[1] - box[0] + 1, box[3] - box[2] + 1
    return (
        math.ceil(nx / width) if width > 0 else 1,
        math.ceil(ny / height) if height > 0 else 1,
    )


def _outline(box: Limits, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points around ``box`` with a maximum spacing of ``width`` and ``height``."""
    return _sample(box, *_counts(box, width, height))


def _sample(box: Limits, across: int, up: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points around ``box``, counter-clockwise from its lower left corner."""
    x_low, x_high, y_low, y_high = box
    x = np.concatenate([
        np.linspace(x_low, x_high, across, endpoint=False), np.full(up, x_high),
        np.linspace(x_high, x_low, across, endpoint=False), np.full(up, x_low),
    ])  # fmt: skip
    y = np.concatenate([
        np.full(across, y_low), np.linspace(y_low, y_high, up, endpoint=False),
        np.full(across, y_high), np.linspace(y_high, y_low, up, endpoint=False),
    ])  # fmt: skip
    return x, y


def _sky(wcs: Any, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude in degrees."""
    lon, lat = celestial_axes(wcs)
    world = pixel_to_world(wcs, x, y)
    return world[lon], world[lat]


def _finite(wcs: Any, points: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Tell which points are on the sky and inside the bounding box."""
    lon, lat = _sky(wcs, *points)
    found = np.isfinite(lon) & np.isfinite(lat)
    # Rounding may put an edge up to half a pixel outside the bounding box.
    for at, limits in zip(points, bounding_box(wcs) or (), strict=False):
        found &= (at >= limits[0]) & (at <= limits[1])
    return found


def _area(wcs: Any, points: tuple[np.ndarray, np.ndarray], box: Limits) -> float:
    """Return the area of a polygon on the sky, in steradians, over the area of ``box``."""
    x_low, x_high, y_low, y_high = box
    lon, lat = _sky(wcs, *points)
    lon0, lat0 = _sky(wcs, np.array([(x_low + x_high) / 2]), np.array([(y_low + y_high) / 2]))
    if not np.isfinite(lon0 + lat0).all():
        lon0, lat0 = lon[:1], lat[:1]
    total = _fan(np.deg2rad(lon - lon0), np.deg2rad(lat), np.deg2rad(lat - lat0), np.deg2rad(lat0))
    return abs(total) / ((x_high - x_low) * (y_high - y_low))


def _fan(along: np.ndarray, lat: np.ndarray, up: np.ndarray, lat0: np.ndarray) -> float:
    """Return the signed solid angle of a polygon, as a sum of triangles from one position.

    The excess E of a triangle of unit vectors a, b, c has
    ``tan(E / 2) = det(a, b, c) / (1 + a.b + b.c + c.a)`` (van Oosterom & Strackee 1983). The
    position is the pole of the coordinates; east, north and 1 - height follow from differences
    in longitude (``along``) and latitude (``up``), so small triangles lose no digits.
    """
    bend = 2 * np.sin(along / 2) ** 2 * np.cos(lat)
    east = np.cos(lat) * np.sin(along)
    north = np.sin(up) + bend * np.sin(lat0)
    height = 1 - (2 * np.sin(up / 2) ** 2 + bend * np.cos(lat0))
    e, n, h = (np.roll(part, -1) for part in (east, north, height))
    determinant = east * n - north * e
    halves = np.arctan2(determinant, 1 + height + h + (east * e + north * n + height * h))
    return float(2 * halves.sum())
