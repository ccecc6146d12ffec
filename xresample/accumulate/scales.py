"""The factors of one exposure: kernel size, intensity, errors and variances."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options
from xresample.datamodel.units import same_units
from xresample.errors import InvalidInputError
from xresample.kernels.structures import SeparableFootprint
from xresample.wcs import footprint
from xresample.wcs.coarse import Lattice

from .deposit import make_footprint
from .launch import Scales

LARGEST_RATIO = 1e6
"""Maximum ratio of the pixel scales of the mosaic and an exposure, in either direction."""


@dataclass(frozen=True)
class Given:
    """Factors and weights that the caller sets, instead of values from the exposure."""

    ratio: float | None
    """Pixel scale ratio of all exposures; None: unknown, errors are not scaled."""
    intensity: float
    """Factor of the data."""
    weights: bool = False
    """Whether the caller also gives the weights of the pixels."""


def scales_of(
    exposure: Exposure,
    grid: Grid,
    options: Options,
    pixmap: Callable[[], np.ndarray],
    given: Given | None = None,
) -> Scales:
    """Return the factors of an exposure on a grid.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    grid : Grid
        The grid of the mosaic.
    options : Options
        The options of the mosaic.
    pixmap : callable
        Returns the pixel map of the exposure, which is evaluated only if no pixel scale is known.
    given : Given, optional
        Factors that the caller decides.
    """
    spectral = grid.spectral
    if given is not None:
        ratio, intensity = given.ratio, given.intensity
    else:
        ratio = options.pixel_scale_ratio
        if ratio is None and not spectral:
            ratio = own_ratio(exposure, grid)
        intensity = intensity_scale(spectral, ratio, exposure.units)
    if ratio is not None and not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
        raise InvalidInputError(
            f"The pixel scale ratio of {exposure.scalars['filename'] or 'the exposure'} must be "
            f"between {1 / LARGEST_RATIO:g} and {LARGEST_RATIO:g}, got {ratio:g}: check "
            "pixel_scale, pixel_scale_ratio and pixelarea_steradians"
        )
    if ratio is None:
        err = variance = 1.0
        kernel_ratio = ratio_of_map(pixmap())
    elif spectral:
        # The ratio of a spectral mosaic is defined as input over output.
        err, variance, kernel_ratio = math.sqrt(ratio), ratio, 1.0 / ratio
    else:
        err, variance, kernel_ratio = 1.0 / ratio, 1.0 / ratio**2, ratio
    if options.conserve == "flux":
        if spectral:
            raise InvalidInputError(
                "conserve must be 'surface_brightness' for spectral mosaics, got 'flux': units "
                "of flux density are scaled with the pixel size anyway"
            )
        intensity *= kernel_ratio**2
    alike = tuple(name for name in options.planes if _is_like_data(exposure, name))
    return Scales(
        ratio=kernel_ratio,
        intensity=intensity,
        err=err,
        variance=variance,
        level=exposure.level,
        time=exposure.time,
        exposure_time=exposure.scalars["exposure_time"],
        alike=alike,
    )


def _is_like_data(exposure: Exposure, name: str) -> bool:
    """Tell whether a further plane has the units of ``data``; unknown units are equal."""
    own, data = exposure.units_of(name), exposure.units
    return own == data or bool(own and data and same_units(own, data))


def reach(options: Options, ratio: float, step: float) -> float:
    """Return the distance along an axis that the flux of a pixel reaches, in output pixels.

    Parameters
    ----------
    options : Options
        The options of the mosaic, with the kernel and pixfrac.
    ratio : float
        Pixel scale of the output over that of the exposure.
    step : float
        Maximum distance of adjacent pixels, in output pixels.
    """
    kernel = make_footprint(options.kernel, options.pixfrac, ratio)
    if isinstance(kernel, SeparableFootprint):
        return kernel.reach + 0.5
    return kernel.pixfrac * step


def intensity_scale(spectral: bool, ratio: float | None, units: Any) -> float:
    """Return the factor of the data: a flux density along a slit scales with the pixel size."""
    if spectral and ratio is not None and is_flux_density(units):
        return 1.0 / ratio
    return 1.0


def own_ratio(exposure: Exposure, grid: Grid) -> float | None:
    """Return the pixel scale of the grid over that of the exposure; None when unknown."""
    if grid.pixel_scale is None:
        return None
    area = exposure.scalars["pixelarea_steradians"]
    if not area > 0:
        if exposure.wcs is None:
            return None
        area = Lattice.of(exposure.wcs, exposure.pixels).area
    return scale_ratio(grid.pixel_scale, area)


def scale_ratio(pixel_scale: float | None, area: float | None) -> float | None:
    """Return the ratio of a pixel scale in arcsec to that of pixels of an area in steradians."""
    if pixel_scale is None or area is None or not area > 0:
        return None
    return pixel_scale / footprint.arcsec(area)


def ratio_of_map(pixmap: np.ndarray) -> float:
    """Return the pixel scale ratio from the Jacobian of a map, at its middle finite pixel."""
    # The middle column is checked first: in a map without NaN, it has a step in every row.
    middle = _steps(pixmap[:, pixmap.shape[1] // 2 - 1 :][:, :2])[:, 0]
    rows = [j for j, there in enumerate(middle) if there or _steps(pixmap[j : j + 2]).any()]
    if not rows:
        return 1.0
    j = rows[len(rows) // 2]
    columns = np.flatnonzero(_steps(pixmap[j : j + 2]))
    i = columns[len(columns) // 2]
    along_y = pixmap[j + 1, i] - pixmap[j, i]
    along_x = pixmap[j, i + 1] - pixmap[j, i]
    area = abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    return 1.0 / math.sqrt(area) if area > 0 else 1.0


def _steps(pixmap: np.ndarray) -> np.ndarray:
    """Tell which pixels of a map have a finite step along y and along x."""
    finite = np.isfinite(pixmap[..., 0] + pixmap[..., 1])
    steps: np.ndarray = finite[:-1, :-1] & finite[1:, :-1] & finite[:-1, 1:]
    return steps


def is_flux_density(units: Any) -> bool:
    """Tell whether units can be converted to Jy."""
    from astropy import units as u

    try:
        return bool(u.Unit("" if units is None else units).is_equivalent(u.Jy))
    except (TypeError, ValueError):
        return False
