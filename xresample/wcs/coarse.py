"""Where an image lies on the sky, by a few of its pixels: quick to find, and remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import footprint as sky
from .adapters import celestial_axes
from .caches import SharedCache
from .frames import celestial_frame, rotate
from .handle import WCSHandle
from .transform import is_imaging, pixel_to_world, range_inside

NODES = 17
"""Nodes along each side."""

REMEMBERED = 1 << 14
"""Lattices that a process keeps, of 5 kB each."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Some pixels of an image, from its first to its last inside the bounding box."""

    rows: range
    """Rows inside the bounding box, in the pixels of the WCS."""
    columns: range
    y: np.ndarray
    """Rows of the nodes, float64."""
    x: np.ndarray
    lon: np.ndarray | None
    """Degrees, ``(y, x)``; None where the WCS has more than a sky."""
    lat: np.ndarray | None
    frame: Any
    """The celestial frame as astropy names it, None where the WCS says none."""
    area: float
    """Mean area of a pixel in steradians; NaN when unknown."""

    @classmethod
    def of(cls, wcs: WCSHandle, shape: tuple[int, int], y0: int, x0: int) -> Lattice:
        """Return the lattice of an image.

        Parameters
        ----------
        wcs : WCSHandle
            Its WCS. The lattice of a live object is not remembered, because the object may change.
        shape : (int, int)
            ``(y, x)``.
        y0, x0 : int
            Its first row and column, in the pixels of the WCS.
        """
        if wcs.is_live:
            return cls._made(wcs.object, shape, y0, x0)
        key = (wcs.digest, shape, y0, x0)
        return _lattices.get(key, lambda: cls._made(wcs.object, shape, y0, x0))

    @classmethod
    def _made(cls, wcs: Any, shape: tuple[int, int], y0: int, x0: int) -> Lattice:
        columns, rows = range_inside(wcs, range(x0, x0 + shape[1]), range(y0, y0 + shape[0]))
        y, x = (_nodes(side) for side in (rows, columns))
        area = sky.mean_pixel_area(wcs, shape, x0, y0)
        if not is_imaging(wcs):
            return cls(rows, columns, y, x, None, None, None, area)
        world = pixel_to_world(wcs, *np.meshgrid(x, y))
        lon, lat = (world[axis] for axis in celestial_axes(wcs))
        return cls(rows, columns, y, x, lon, lat, celestial_frame(wcs), area)

    def on_sky(self, frame: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Return longitude and latitude of the nodes in a frame, or None without a sky."""
        if self.lon is None or self.lat is None:
            return None
        return rotate(self.lon, self.lat, self.frame, frame)


_lattices: SharedCache[Lattice] = SharedCache(REMEMBERED)


def _nodes(side: range) -> np.ndarray:
    """Return evenly spread positions from the first pixel to the last."""
    if not len(side):
        return np.empty(0)
    return np.linspace(side[0], side[-1], min(NODES, len(side)))
