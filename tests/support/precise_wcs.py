"""Maps between tangent planes in extended precision, by spherical trigonometry.

The formulas are those of Calabretta & Greisen 2002, A&A 395, 1077 (equations 2, 5, 14, 15, 54 and
55), written as they stand there and not with vectors. On x86, extended precision has 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

EXTENDED = np.longdouble
DEGREE = np.arctan(EXTENDED(1)) / 45
IS_PRECISE = np.finfo(EXTENDED).eps < 1e-18
"""Whether extended precision is more precise than float64."""

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Plane:
    """A tangent plane with its pixels, and a distortion as polynomials of the offset."""

    crpix: tuple[float, float]
    """Reference pixel, counted from 0."""
    matrix: np.ndarray
    """Degrees per pixel."""
    crval: tuple[float, float]
    lon_pole: float = 180.0
    terms: tuple[dict[tuple[int, int], float], ...] = ()
    """Factor of each product of powers of the offset, along x and y."""

    def to_sky(self, x: Any, y: Any) -> Pair:
        """Return longitude and latitude of pixels in radians."""
        u, v = np.asarray(x, EXTENDED) - self.crpix[0], np.asarray(y, EXTENDED) - self.crpix[1]
        if self.terms:
            u, v = (
                sum((EXTENDED(c) * u**i * v**j for (i, j), c in axis.items()), EXTENDED(0))
                for axis in self.terms
            )
        a = self.matrix.astype(EXTENDED) * DEGREE
        x, y = a[0, 0] * u + a[0, 1] * v, a[1, 0] * u + a[1, 1] * v
        phi, theta = np.arctan2(x, -y), np.arctan2(EXTENDED(1), np.hypot(x, y))
        lon, lat, pole = (EXTENDED(value) * DEGREE for value in (*self.crval, self.lon_pole))
        turned = phi - pole
        across = np.cos(theta) * np.sin(turned)
        along = np.sin(theta) * np.cos(lat) - np.cos(theta) * np.sin(lat) * np.cos(turned)
        up = np.sin(theta) * np.sin(lat) + np.cos(theta) * np.cos(lat) * np.cos(turned)
        return lon + np.arctan2(-across, along), np.arctan2(up, np.hypot(across, along))

    def to_pixel(self, alpha: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Return the pixels, ``(2, ...)``, of longitudes and latitudes in radians."""
        lon, lat, pole = (EXTENDED(value) * DEGREE for value in (*self.crval, self.lon_pole))
        turned = alpha - lon
        across = np.cos(delta) * np.sin(turned)
        along = np.sin(delta) * np.cos(lat) - np.cos(delta) * np.sin(lat) * np.cos(turned)
        up = np.sin(delta) * np.sin(lat) + np.cos(delta) * np.cos(lat) * np.cos(turned)
        phi, radius = pole + np.arctan2(-across, along), np.hypot(across, along) / up / DEGREE
        x, y = radius * np.sin(phi), -radius * np.cos(phi)
        (a, b), (c, d) = self.matrix.astype(EXTENDED)
        u, v = (d * x - b * y) / (a * d - b * c), (a * y - c * x) / (a * d - b * c)
        return np.array([u + self.crpix[0], v + self.crpix[1]])
