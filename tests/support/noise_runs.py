"""Noise realisations of a small campaign, which tell whether the errors of a mosaic are right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from photutils.aperture import CircularAperture
from scipy import sparse

import xresample as xrs

from .wcs import SCALE, make_grid, make_gwcs

SCATTER = 0.2
"""Relative scatter of the variances from pixel to pixel."""

BAD = 0.03
"""Fraction of pixels that are flagged."""

SPACING = {"square": 4, "turbo": 4, "point": 3, "gaussian": 6, "lanczos2": 8, "lanczos3": 11}
"""Number of pixels along an axis after which input pixels share no output pixel."""


@dataclass(frozen=True)
class Case:
    """A mosaic of pure noise."""

    kernel: str = "square"
    pixfrac: float = 1.0
    scale: float = 1.0
    """Pixel scale of the mosaic over that of the exposures."""
    exposures: int = 6
    side: int = 120
    """Rows and columns of an exposure."""

    @property
    def options(self) -> dict[str, Any]:
        """The options of the mosaic."""
        return {"kernel": self.kernel, "pixfrac": self.pixfrac}

    @property
    def radius(self) -> float:
        """Radius, in pixels of the mosaic, of the circle that all exposures cover."""
        return 0.5 * (self.side - 12) / self.scale

    def grid(self) -> Any:
        """Return the grid of the mosaic."""
        side = 2 * math.ceil(self.radius) + 21
        return make_grid((side, side), scale=SCALE * self.scale, rotation=20.0)

    def campaign(self, seed: int) -> list[xr.Dataset]:
        """Return exposures that are rotated, dithered and distorted; their data are 0."""
        rng = np.random.default_rng(seed)
        made = []
        for k in range(self.exposures):
            shape = (self.side, self.side)
            wcs = make_gwcs(
                shape, rotation=7.0 * k, offset=tuple(rng.uniform(-3, 3, 2)), distortion=1.0
            )
            variance = np.maximum(rng.normal(1.0, SCATTER, shape), 0.1)
            made.append(
                xrs.make_exposure(
                    np.zeros(shape, np.float32),
                    wcs,
                    variances={"var_rnoise": variance.astype(np.float32)},
                    dq=(rng.random(shape) < BAD).astype(np.uint32),
                    filename=f"noise_{k}.fits",
                    units="DN/s",
                )
            )
        return made


@dataclass(frozen=True)
class Pulls:
    """Scatter over reported error; those of apertures by the radius in pixels."""

    pixel: float
    apertures: dict[float, float] = field(default_factory=dict)
    """From noise realisations."""
    exact: dict[float, float] = field(default_factory=dict)
    """From the matrix that turns noise into the mosaic, without a statistical error."""
    independent: dict[float, float] = field(default_factory=dict)
    """Exact, if the errors of pixels are added in quadrature."""
    spread: dict[float, float] = field(default_factory=dict)
    """Expected statistical error of ``apertures``."""


def run(
    case: Case,
    realisations: int,
    radii: tuple[float, ...] = (2.0, 4.0, 8.0),
    positions: int = 100,
    seed: int = 1,
    refine: bool = False,
) -> Pulls:
    """Compare reported errors with the scatter of noise realisations.

    Parameters
    ----------
    case : Case
        The mosaic.
    realisations : int
        Number of realisations of the noise.
    radii : tuple of float
        Radii of apertures in pixels.
    positions : int
        Number of apertures per radius.
    seed : int
        Seed of the random numbers.
    refine : bool
        Whether to use the mean correlation of pixels.
    """
    exposures, grid = case.campaign(seed), case.grid()
    mosaic = xrs.coadd(
        exposures, grid, variance_method="propagated", noise_covariance=True, **case.options
    )
    rng = np.random.default_rng(seed + 1)
    middle, shape = (mosaic.sizes["y"] - 1) / 2, (mosaic.sizes["y"], mosaic.sizes["x"])
    err = mosaic.resample.err().values.astype(np.float64)
    holes = ~np.isfinite(err)
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = ~holes & (np.hypot(y - middle, x - middle) < case.radius)
    noisy = noise_matrix(case, exposures, grid)
    data = noisy @ rng.standard_normal((noisy.shape[1], realisations))
    squares = (data[inside.ravel()] / err[inside][:, None]) ** 2
    found = Pulls(pixel=float(np.sqrt(squares.mean())))
    for radius in radii:
        places = _places(rng, middle, case.radius - radius - 1.0, positions)
        aperture = CircularAperture(places, radius)
        more = {"refine": True, "exposures": exposures} if refine else {}
        errors = mosaic.resample.aperture_error(aperture, mask=holes, **more).value
        rows = [np.where(holes, 0.0, m.to_image(shape)).ravel() for m in aperture.to_mask()]
        weights = sparse.csr_array(np.array(rows))
        simple = np.sqrt(weights.power(2) @ np.nan_to_num(err).ravel() ** 2)
        exact = np.sqrt((weights @ noisy).power(2).sum(axis=1))
        scatter = np.mean((weights @ data) ** 2, axis=1)
        found.apertures[radius] = _rms(np.sqrt(scatter) / errors)
        found.exact[radius] = _rms(exact / errors)
        found.independent[radius] = _rms(exact / simple)
        # Apertures that overlap are not independent.
        count = min(positions, (case.radius / radius) ** 2)
        found.spread[radius] = 1.0 / math.sqrt(2.0 * realisations * count)
    return found


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def noise_matrix(case: Case, exposures: list[xr.Dataset], grid: Any) -> sparse.csr_array:
    """Return the matrix that turns noise of unit variance into the data of a mosaic.

    A column is the response of the mosaic to one input pixel, times the deviation of the pixel.
    Pixels that share no output pixel are drizzled together, once with the value 1 and once with
    their number, so the ratio tells to which pixel a response belongs.
    """
    step = SPACING[case.kernel]
    how = {**case.options, "enable_var": False, "enable_ctx": False, "dtype": "float64"}
    total, parts = 0.0, []
    for exposure in exposures:
        shape = exposure["data"].shape
        numbers = np.arange(1.0, 1.0 + shape[0] * shape[1]).reshape(shape)
        rows, columns, values = [], [], []
        for j, i in np.ndindex(step, step):
            chosen = np.zeros(shape)
            chosen[j::step, i::step] = 1.0
            one, number = (
                exposure.assign(data=(("y", "x"), image)).resample.onto(grid, **how)
                for image in (chosen, chosen * numbers)
            )
            weight = one["wht"].values
            response = (one["data"].values * weight).ravel()
            at = np.flatnonzero(np.abs(response) > 1e-12 * np.abs(weight).max())
            which = (number["data"].values * weight).ravel()[at] / response[at]
            rows.append(at)
            columns.append(np.rint(which).astype(int) - 1)
            values.append(response[at])
        total = total + weight
        deviation = np.sqrt(exposure["var_rnoise"].values.ravel().astype(np.float64))
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        part = sparse.csr_array(entries, shape=(weight.size, deviation.size))
        parts.append(part @ sparse.diags_array(deviation))
    per_weight = np.zeros(total.size)
    np.divide(1.0, total.ravel(), out=per_weight, where=total.ravel() != 0.0)
    return sparse.diags_array(per_weight) @ sparse.hstack(parts, format="csr")


def _places(rng: np.random.Generator, middle: float, radius: float, count: int) -> np.ndarray:
    """Return random positions ``(x, y)`` in a circle."""
    r, angle = radius * np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
    return middle + np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
