"""The outline of an image as a region of the Virtual Observatory: polygon and MOC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import whole
from xresample.datamodel.exposure import required_wcs
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.pixels import pixels_of
from xresample.errors import InvalidInputError, UnsupportedWCSError
from xresample.wcs.celestial import separation
from xresample.wcs.footprint import EDGE_POINTS, footprint, pixel_scale
from xresample.wcs.frames import celestial_frame, icrs, rotate

STRAIGHT = 0.5
"""Maximum distance in pixels of a straight edge from the great circle through its corners."""

MAX_DEPTH = 29
"""Maximum depth of a MOC in the standard (IVOA MOC 2.0)."""

_CELLS_PER_SIDE = 64
_SIDE_OF_ROOT = math.degrees(math.sqrt(4 * math.pi / 12))
"""Side in degrees of a cell of depth 0; HEALPix divides the sky into 12 of these cells."""


@dataclass(frozen=True)
class Region:
    """A polygon on the sky whose edges are great circles."""

    ra: np.ndarray
    """ICRS right ascension of the corners in degrees, counter-clockwise as seen from the Earth."""
    dec: np.ndarray

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Region:
        """Return the outline of an exposure or a mosaic.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS.
        UnsupportedWCSError
            The outline is not within a hemisphere, or its frame cannot be rotated to ICRS.
        """
        dataset = in_own_pixels(dataset)
        wcs, pixels = required_wcs(dataset).object, pixels_of(dataset)
        lon, lat = footprint(wcs, pixels).T
        ra, dec = rotate(lon, lat, celestial_frame(wcs), icrs())
        found = cls(np.asarray(ra) % 360, np.asarray(dec))
        if not found._is_small:
            raise UnsupportedWCSError(
                "The outline of the image must lie within a hemisphere of the sky to be a polygon: "
                "take a smaller part of the image"
            )
        scale = pixel_scale(wcs, pixels) / 3600
        return found._with_straight_edges(STRAIGHT * scale)._counter_clockwise()

    @property
    def vectors(self) -> np.ndarray:
        """Unit vectors of the corners, ``(corner, 3)``."""
        ra, dec = np.deg2rad(self.ra), np.deg2rad(self.dec)
        east = np.cos(dec)
        return np.stack([east * np.cos(ra), east * np.sin(ra), np.sin(dec)], axis=-1)

    @property
    def centre(self) -> tuple[float, float]:
        """Right ascension and declination of the mean direction of the corners, in degrees."""
        x, y, z = self.vectors.mean(axis=0)
        return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))

    @property
    def diameter(self) -> float:
        """Diameter of the circle around the centre that contains all corners, in degrees."""
        return 2 * float(separation(*self.centre, self.ra, self.dec).max())

    @property
    def text(self) -> str:
        """The polygon in the notation of the column ``s_region`` (ObsCore 1.1, section B.6.1.3)."""
        corners = zip(self.ra, self.dec, strict=True)
        # Nine digits behind the point are 4 microarcseconds.
        return "POLYGON ICRS " + " ".join(f"{ra:.9f} {dec:.9f}" for ra, dec in corners)

    @property
    def _is_small(self) -> bool:
        if not (np.isfinite(self.ra) & np.isfinite(self.dec)).all():
            return False
        return bool((self.vectors @ self.vectors.mean(axis=0) > 0).all())

    def _with_straight_edges(self, tolerance: float) -> Region:
        """Return the polygon of the four corners if its edges are great circles."""
        corners = slice(None, None, EDGE_POINTS)
        start = self.vectors[corners]
        poles = np.cross(start, np.roll(start, -1, axis=0))
        with np.errstate(invalid="ignore"):
            poles /= np.linalg.norm(poles, axis=1, keepdims=True)
        edges = self.vectors.reshape(len(start), EDGE_POINTS, 3)
        distance = np.abs(np.einsum("eij,ej->ei", edges, poles))
        if not distance.max() <= math.radians(tolerance):
            return self
        return Region(self.ra[corners], self.dec[corners])

    def _counter_clockwise(self) -> Region:
        """Return the polygon in the order that the standard asks for (IVOA DALI 1.1)."""
        edge, after = self.vectors, np.roll(self.vectors, -1, axis=0)
        turn = np.cross(edge, after).sum(axis=0) @ edge.mean(axis=0)
        # A positive turn is counter-clockwise from outside the sphere, clockwise from the Earth.
        return self if turn < 0 else Region(self.ra[::-1], self.dec[::-1])


def s_region(dataset: xr.Dataset) -> str:
    """Return the outline of an exposure or a mosaic as a polygon; see `SkyMethods.s_region`."""
    return Region.of(dataset).text


def moc(dataset: xr.Dataset, max_depth: int | None) -> Any:
    """Return the outline of an exposure or a mosaic as a MOC; see `SkyMethods.moc`."""
    try:
        from mocpy import MOC
    except ImportError:
        raise InvalidInputError(
            "moc needs mocpy, which is not installed: pip install 'xresample[moc]'"
        ) from None
    from astropy.coordinates import SkyCoord

    region = Region.of(dataset)
    if max_depth is None:
        cells = _CELLS_PER_SIDE * _SIDE_OF_ROOT / region.diameter
        max_depth = min(max(math.ceil(math.log2(cells)), 0), MAX_DEPTH)
    depth = whole("max_depth", max_depth, at_least=0, at_most=MAX_DEPTH)
    return MOC.from_polygon_skycoord(SkyCoord(region.ra, region.dec, unit="deg"), max_depth=depth)
