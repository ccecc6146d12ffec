"""The simulated sky: stars and galaxies, and their image in one exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .camera import FWHM, SCALE, WAVELENGTH, Camera

ARCSEC2_PER_STAR = 1.5
"""Area of the sky per star."""

ARCSEC2_PER_GALAXY = 5.0
"""Area of the sky per galaxy."""

STAR_RADIUS = 12.0
"""Radius at which the image of a star ends, in units of its width."""

GALAXY_RADIUS = 7.0
"""Radius at which the image of a galaxy ends, in units of its scale length."""


@dataclass(frozen=True)
class Scene:
    """The sources: each row is one source, at offsets east and north in arcsec."""

    stars: np.ndarray
    """East, north, flux in MJy/sr arcsec^2 at 2.77 micrometres, and slope of the spectrum."""
    galaxies: np.ndarray
    """The same columns, then scale length in arcsec, axis ratio, and position angle in rad."""

    @classmethod
    def of(cls, camera: Camera) -> Scene:
        """Return the sources of a field, which are the same for all filters."""
        rng, half = camera.random(4), camera.field / 2
        stars = _sources(rng, half, ARCSEC2_PER_STAR, (-3.0, 0.0), (-2.0, -0.5))
        galaxies = _sources(rng, half, ARCSEC2_PER_GALAXY, (-2.2, 0.2), (-1.0, 2.5))
        count = len(galaxies)
        shapes = (
            rng.uniform(0.08, 0.35, count),
            rng.uniform(0.3, 1.0, count),
            rng.uniform(0.0, np.pi, count),
        )
        return cls(stars, np.column_stack([galaxies, *shapes]))

    def image(self, camera: Camera, exposure: int) -> np.ndarray:
        """Return the image of the sources in an exposure, without sky and noise, MJy/sr."""
        view = _View(camera, camera.plane(exposure))
        tint = WAVELENGTH[camera.filter] / WAVELENGTH["F277W"]
        width = FWHM[camera.filter]
        # A Moffat profile with exponent 3 has wings like the image of a star in a telescope.
        core = width / (2 * np.sqrt(2 ** (1 / 3) - 1))
        for east, north, flux, slope in self.stars:
            for pixels, dx, dy in view.around(east, north, STAR_RADIUS * width):
                profile = (1 + (dx**2 + dy**2) / core**2) ** -3.0
                view.image[pixels] += flux * tint**slope * 2 / (np.pi * core**2) * profile
        for east, north, flux, slope, length, ratio, angle in self.galaxies:
            for pixels, dx, dy in view.around(east, north, GALAXY_RADIUS * length):
                u = np.cos(angle) * dx + np.sin(angle) * dy
                v = (np.cos(angle) * dy - np.sin(angle) * dx) / ratio
                # The term with the width rounds the cusp of the profile like the telescope does.
                profile = np.exp(-np.sqrt(u**2 + v**2 + (width / 2) ** 2) / length)
                view.image[pixels] += flux * tint**slope / (2 * np.pi * length**2 * ratio) * profile
        return view.image


class _View:
    """Offsets of the pixels of one exposure, and the pixels around a position."""

    def __init__(self, camera: Camera, plane: Any) -> None:
        self.image = np.zeros((camera.size, camera.size))
        y, x = np.mgrid[: camera.size, : camera.size]
        self.east, self.north = (3600 * axis for axis in plane(x, y))
        middle = camera.size // 2
        here, right, up = (
            np.array([self.east[pixel], self.north[pixel]])
            for pixel in ((middle, middle), (middle, middle + 1), (middle + 1, middle))
        )
        self._middle, self._origin = middle, here
        self._inverse = np.linalg.inv(np.column_stack([right - here, up - here]))
        # The inverse is linear, so the window is wider by the largest shift of the distortion.
        self._slack = 2 + 0.02 * camera.size

    def around(
        self, east: float, north: float, radius: float
    ) -> list[tuple[tuple[slice, slice], np.ndarray, np.ndarray]]:
        """Return the window around a position with the offsets of its pixels; empty if outside."""
        x, y = self._middle + self._inverse @ (np.array([east, north]) - self._origin)
        reach = radius / SCALE + self._slack
        rows, columns = (
            slice(max(int(at - reach), 0), max(int(at + reach) + 1, 0)) for at in (y, x)
        )
        pixels = (rows, columns)
        dx, dy = self.east[pixels] - east, self.north[pixels] - north
        return [(pixels, dx, dy)] if dx.size else []


def _sources(
    rng: np.random.Generator,
    half: float,
    area: float,
    brightness: tuple[float, float],
    slopes: tuple[float, float],
) -> np.ndarray:
    """Return positions, fluxes and slopes of sources that fill a square."""
    low, high = brightness
    count = max(round((2 * half) ** 2 / area), 1)
    return np.column_stack(
        [
            rng.uniform(-half, half, (count, 2)),
            # There are many more faint sources than bright ones.
            10 ** (low + (high - low) * rng.uniform(0, 1, count) ** 2),
            rng.uniform(*slopes, count),
        ]
    )
