"""The coarse lattice of an image: the sky positions of a few of its pixels, remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import footprint as sky
from .adapters import celestial_axes
from .caches import SharedCache
from .frames import celestial_frame, rotate
from .handle import WCSHandle
from .pixels import Pixels
from .transform import is_imaging, pixel_to_world, range_inside

NODES = 17
"""Number of nodes along each side."""

REMEMBERED = 1 << 14
"""Maximum number of lattices that a process keeps; each takes 5 kB."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Evenly spread pixels of an image, from the first to the last inside the bounding box."""

    rows: range
    """Rows inside the bounding box, in the pixels of the WCS."""
    columns: range
    y: np.ndarray
    """Rows of the nodes, float64."""
    x: np.ndarray
    lon: np.ndarray | None
    """Longitude in degrees, ``(y, x)``; None if the WCS is not an imaging WCS."""
    lat: np.ndarray | None
    frame: Any
    """Celestial frame of astropy; None if the WCS names no frame."""
    area: float
    """Mean area of a pixel in steradians; NaN if unknown."""

    @classmethod
    def of(cls, wcs: WCSHandle, pixels: Pixels) -> Lattice:
        """Return the lattice of an image.

        Parameters
        ----------
        wcs : WCSHandle
            WCS of the image. The lattice of a live object is not remembered, because the object
            may change.
        pixels : Pixels
            The pixels of the image.
        """
        if wcs.is_live:
            return cls._made(wcs.object, pixels)
        key = wcs.digest, pixels
        return _lattices.get(key, lambda: cls._made(wcs.object, pixels))

    @classmethod
    def _made(cls, wcs: Any, pixels: Pixels) -> Lattice:
        columns, rows = range_inside(wcs, pixels.x, pixels.y)
        y, x = (_nodes(side) for side in (rows, columns))
        area = sky.mean_pixel_area(wcs, pixels)
        if not is_imaging(wcs):
            return cls(rows, columns, y, x, None, None, None, area)
        world = pixel_to_world(wcs, *np.meshgrid(x, y))
        lon, lat = (world[axis] for axis in celestial_axes(wcs))
        return cls(rows, columns, y, x, lon, lat, celestial_frame(wcs), area)

    def on_sky(self, frame: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Return longitude and latitude of the nodes in a frame; None without celestial axes."""
        if self.lon is None or self.lat is None:
            return None
        return rotate(self.lon, self.lat, self.frame, frame)


_lattices: SharedCache[Lattice] = SharedCache(REMEMBERED)


def _nodes(side: range) -> np.ndarray:
    """Return evenly spread positions from the first pixel to the last."""
    if not len(side):
        return np.empty(0)
    return np.linspace(side[0], side[-1], min(NODES, len(side)))
