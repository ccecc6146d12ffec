"""The simulated camera: its filters, pointings and distorted world coordinate systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Filter = Literal["F277W", "F356W", "F444W"]
"""Filter of the simulated camera."""

CENTRE = (150.1, 2.2)
"""Right ascension and declination of the middle of the field, in degrees."""

SCALE = 0.063
"""Nominal side of a pixel, in arcsec."""

FWHM: dict[Filter, float] = {"F277W": 0.095, "F356W": 0.12, "F444W": 0.15}
"""Width of a star on the detector, in arcsec; the width includes the size of a pixel."""

WAVELENGTH: dict[Filter, float] = {"F277W": 2.77, "F356W": 3.56, "F444W": 4.44}
"""Wavelength of each filter, in micrometres."""

DISTORTION = 3e-3
"""Shift of the middle of an edge by the distortion, in units of the size of the detector."""


@dataclass(frozen=True)
class Camera:
    """An observation: number of exposures, detector, filter and dithers."""

    count: int
    size: int
    filter: Filter
    dither: float
    seed: int

    def random(self, *place: int) -> np.random.Generator:
        """Return random numbers that depend on the seed and on a place, not on other numbers."""
        return np.random.default_rng([self.seed, *place])

    @property
    def field(self) -> float:
        """Side of a square on the sky that holds all exposures, in arcsec."""
        return SCALE * self.size * (1.5 + 2 * self.dither)

    def pointing(self, exposure: int) -> tuple[np.ndarray, float]:
        """Return the shift in arcsec, east and north, and the rotation in degrees."""
        rng = self.random(1, exposure)
        shift = rng.uniform(-self.dither, self.dither, 2) * self.size * SCALE
        return shift, 4.0 * exposure % 90.0 + rng.uniform(-1, 1)

    def plane(self, exposure: int) -> Any:
        """Return the model from pixels to the plane tangent to the sky, east and north in deg."""
        from astropy.modeling import models

        shift, rotation = self.pointing(exposure)
        half = self.size / 2
        bend = DISTORTION * self.size / half**2
        x = models.Polynomial2D(2, c1_0=1.0, c2_0=bend, c0_2=0.4 * bend)
        y = models.Polynomial2D(2, c0_1=1.0, c1_1=-0.6 * bend, c0_2=-0.8 * bend)
        cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
        linear = SCALE / 3600 * np.array([[-cos, sin], [sin, cos]])
        centre = models.Shift(0.5 - half) & models.Shift(0.5 - half)
        turn = models.AffineTransformation2D(linear, translation=shift / 3600)
        return centre | models.Mapping((0, 1, 0, 1)) | x & y | turn

    def wcs(self, exposure: int) -> Any:
        """Return the gwcs of an exposure."""
        import gwcs
        from astropy import coordinates
        from astropy import units as u
        from astropy.modeling import models
        from gwcs import coordinate_frames as frames

        sky = models.Pix2Sky_TAN() | models.RotateNative2Celestial(*CENTRE, 180.0)
        detector = frames.Frame2D(name="detector", axes_order=(0, 1), unit=(u.pix, u.pix))
        world = frames.CelestialFrame(reference_frame=coordinates.ICRS(), name="world")
        wcs = gwcs.WCS(
            [(detector, self.plane(exposure) | sky), (world, None)], name="simulated camera"
        )
        edges = (-0.5, self.size - 0.5)
        wcs.bounding_box = (edges, edges)
        wcs.array_shape = (self.size, self.size)
        return wcs
