"""Errors of apertures: the noise of neighbouring pixels is correlated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from xresample.arguments import choice
from xresample.datamodel import schema
from xresample.datamodel.blocks import NOISE, edges_of
from xresample.datamodel.options import Options
from xresample.datamodel.pixels import counts_pixels, image_shape, pixel_axis, pixel_origin
from xresample.errors import InvalidInputError

from .apertures import ApertureImage, Method, Weights
from .correlation import (
    Correlation,
    pixel_variance,
    refined,
    require_covariance,
    require_propagated,
)

BATCH = 1 << 21
"""Maximum number of pixels of apertures that are worked on together."""

SUBSAMPLES = 16
"""Number of points per pixel and axis by which the overlap with a circle is counted."""


def aperture_error(
    dataset: xr.Dataset,
    apertures: Any,
    variable: str = "data",
    *,
    mask: Any = None,
    method: Method = "exact",
    subpixels: int = 5,
    refine: bool = False,
    exposures: xr.Dataset | Iterable[xr.Dataset] | None = None,
) -> Any:
    """Return the standard deviation of sums over apertures; see the accessor."""
    require_covariance(dataset)
    _require_steps_of_one(dataset)
    if refine != (exposures is not None):
        raise InvalidInputError(
            "refine=True and exposures= belong together, got "
            f"refine={refine!r} {'without' if exposures is None else 'and'} exposures: pass both "
            "or neither"
        )
    chosen = _as_mask(mask, image_shape(dataset))
    weights, shape = ApertureImage(dataset, method, subpixels).weights_of(apertures)
    part = NeededPart.around(dataset, weights)
    weights = [aperture.moved(part.y.start, part.x.start) for aperture in weights]
    if exposures is None:
        correlation = Correlation.of(part.mosaic, part.needed(weights))
    else:
        correlation = refined(dataset, exposures)
    variance = pixel_variance(part.mosaic, variable)
    noise = _Noise.of(part.mosaic, correlation, variance, chosen[part.y, part.x])
    return _with_units(noise.errors(weights).reshape(shape), dataset)


@dataclass(frozen=True)
class NeededPart:
    """The part of a mosaic that some apertures need: only its planes are read."""

    mosaic: xr.Dataset
    y: slice
    """Rows of the whole image."""
    x: slice

    @classmethod
    def around(cls, dataset: xr.Dataset, weights: list[Weights]) -> NeededPart:
        """Return the blocks that contain apertures, and the pixels that their lags reach."""
        there = [aperture for aperture in weights if aperture.values.size]
        lags = dataset.sizes["lag_y"] - 1
        sides = []
        for axis, name in enumerate(schema.PIXELS):
            first, stop = edges_of(dataset, name)
            origin, count = pixel_origin(dataset)[axis], image_shape(dataset)[axis]
            low = min((aperture[1 + axis] for aperture in there), default=0)
            high = max((a[1 + axis] + a.values.shape[axis] for a in there), default=1)
            reached = (first - origin < high) & (stop - origin > low)
            if reached.any():
                low, high = int(first[reached].min()), int(stop[reached].max())
                low, high = low - origin - lags, high - origin + lags
            sides.append(slice(max(0, low), min(count, high)))
        y, x = sides
        return cls(dataset.isel(y=y, x=x), y, x)

    def needed(self, weights: list[Weights]) -> set[tuple[int, int]]:
        """Return the row and the column of the blocks that apertures touch."""
        edges = [edges_of(self.mosaic, name) for name in schema.PIXELS]
        found: set[tuple[int, int]] = set()
        for aperture in weights:
            touched: list[list[int]] = []
            for axis, origin in enumerate(pixel_origin(self.mosaic)):
                first, stop = edges[axis]
                low = aperture[1 + axis] + origin
                high = low + aperture.values.shape[axis]
                touched.append(np.flatnonzero((first < high) & (stop > low)).tolist())
            rows, columns = touched
            found.update(itertools.product(rows, columns))
        return found


@dataclass(frozen=True)
class _Noise:
    """The standard deviation of each pixel of an image, and the correlation of its noise."""

    correlation: Correlation
    deviation: np.ndarray
    """float64 ``(y, x)``; 0 for pixels that do not count."""
    rows: np.ndarray
    """Row of blocks of each row of the image."""
    columns: np.ndarray

    @classmethod
    def of(
        cls, dataset: xr.Dataset, correlation: Correlation, variance: np.ndarray, mask: np.ndarray
    ) -> _Noise:
        """Return the noise of a mosaic, without the pixels of a mask."""
        blocks = (
            correlation.blocks_at(axis, first + np.arange(count))
            for axis, (first, count) in enumerate(
                zip(pixel_origin(dataset), image_shape(dataset), strict=True)
            )
        )
        deviation = np.sqrt(variance)
        deviation[mask] = 0.0
        return cls(correlation, deviation, *blocks)

    def errors(self, weights: list[Weights]) -> np.ndarray:
        """Return the standard deviation of the sum over each aperture; NaN off the image."""
        errors = np.full(len(weights), np.nan)
        groups: dict[tuple[int, int], list[int]] = {}
        for k, aperture in enumerate(weights):
            if aperture.values.size:
                groups.setdefault(aperture.values.shape, []).append(k)
        for (height, width), members in groups.items():
            size = max(1, BATCH // (height * width))
            for start in range(0, len(members), size):
                some = members[start : start + size]
                errors[some] = self._errors([weights[k] for k in some], height, width)
        return errors

    def _errors(self, weights: list[Weights], height: int, width: int) -> np.ndarray:
        """Return the errors of apertures of one shape."""
        y = np.array([aperture.y0 for aperture in weights])[:, None] + np.arange(height)
        x = np.array([aperture.x0 for aperture in weights])[:, None] + np.arange(width)
        values = np.stack([aperture.values for aperture in weights])
        deviation = self.deviation[y[:, :, None], x[:, None, :]]
        # A pixel that does not belong to the aperture may have any deviation, also NaN.
        noise = np.where(values != 0.0, values * deviation, 0.0)
        rows, columns = self.rows[y], self.columns[x]
        total = np.zeros(len(weights))
        for lag_y, lag_x, times, ratios in self.correlation.half_plane():
            if lag_y >= height or abs(lag_x) >= width:
                continue
            here = slice(0, height - lag_y), slice(max(0, -lag_x), width - max(0, lag_x))
            there = slice(lag_y, height), slice(max(0, lag_x), width - max(0, -lag_x))
            ratio = ratios[rows[:, here[0], None], columns[:, None, here[1]]]
            pairs = noise[:, *here] * noise[:, *there] * ratio
            total += times * pairs.sum(axis=(1, 2))
        return np.sqrt(np.maximum(total, 0.0))


def err_of_aperture(
    dataset: xr.Dataset, err: xr.DataArray, radius: Any = None, area: Any = None
) -> xr.DataArray:
    """Return an error per pixel whose squares add up to the squared error of an aperture.

    Parameters
    ----------
    dataset : xarray.Dataset
        The mosaic.
    err : xarray.DataArray
        The standard deviation of single pixels.
    radius, area : float or Quantity
        Size of the aperture: one of them.
    """
    require_covariance(dataset)
    _require_steps_of_one(dataset)
    if radius is not None and area is not None:
        raise InvalidInputError("err must have radius or area, got both: pass one of them")
    pixels = _pixels_of(dataset, radius, area)
    correlation = Correlation.of(dataset)
    factors = correlation.factors(_pairs_of_disc(pixels, correlation.lags))
    noise = _Noise.of(dataset, correlation, np.ones(image_shape(dataset)), np.zeros((), bool))
    image = factors[noise.rows[:, None], noise.columns[None, :]].astype(err.dtype)
    scaled = err * xr.DataArray(image, dims=schema.PIXELS)
    scaled.attrs = {
        **err.attrs,
        "long_name": f"standard deviation per pixel for apertures of radius {pixels:g} pixels",
    }
    return scaled.rename("err")


def noise_factor(
    dataset: xr.Dataset, method: Literal["covariance", "formula"] | None = None
) -> float:
    """Return the noise of a large aperture over that of independent pixels; see the accessor."""
    options = require_propagated(dataset)
    _require_steps_of_one(dataset, flips=True)
    choice("method", method, ("covariance", "formula", None))
    if method == "formula" or (method is None and NOISE not in dataset):
        return _by_formula(dataset, options)
    require_covariance(dataset)
    whole = Correlation.of_all_blocks(dataset)
    count = whole.lags + 1
    return float(whole.factors(np.ones((count, count)))[0, 0])


def formula_factor(pixfrac: float, ratio: float) -> float:
    """Return the noise factor of the square kernel for many exposures at random positions.

    Parameters
    ----------
    pixfrac : float
        Pixel fraction.
    ratio : float
        Pixel scale of the output over that of the input.

    References
    ----------
    Fruchter & Hook 2002, PASP 114, 144, equations 9 and 10; Casertano et al. 2000, AJ 120, 2747,
    equation A6, which is the inverse.

    Examples
    --------
    >>> round(formula_factor(1.0, 1.0), 3), round(formula_factor(0.6, 1.0), 3)
    (1.5, 1.25)
    """
    r = pixfrac / ratio
    return r / (1.0 - 1.0 / (3.0 * r)) if r >= 1.0 else 1.0 / (1.0 - r / 3.0)


def _by_formula(dataset: xr.Dataset, options: Options) -> float:
    """Return the noise factor of a mosaic from its pixfrac and its pixel scale ratios."""
    if options.kernel not in ("square", "turbo", "point"):
        raise InvalidInputError(
            "The formula of the noise factor is for the kernels 'square', 'turbo' and 'point', got "
            f"kernel={options.kernel!r}: make the mosaic with noise_covariance=True"
        )
    ratios = dataset["pixel_scale_ratio"].values
    if not ratios.size:
        raise InvalidInputError(
            "The formula of the noise factor needs the pixel scale ratio of the exposures, got a "
            "mosaic without exposures: add exposures first"
        )
    pixfrac = 0.0 if options.kernel == "point" else options.pixfrac
    return formula_factor(pixfrac, float(np.mean(ratios)))


def _pixels_of(dataset: xr.Dataset, radius: Any, area: Any) -> float:
    """Return the radius in pixels of an aperture given by its radius or its area."""
    name, given, power = ("radius", radius, 1) if area is None else ("area", area, 2)
    value: Any = given
    unit = getattr(given, "unit", None)
    if unit is not None and str(unit) not in ("", "pix", "pix2"):
        from astropy.units import UnitConversionError, arcsec

        scale = schema.plain(dataset.attrs.get("pixelarea_arcsecsq", math.nan)) ** 0.5
        try:
            value = given.to_value(arcsec**power) / scale**power
        except UnitConversionError:
            kind = "an angle" if power == 1 else "a solid angle"
            raise InvalidInputError(
                f"{name} must be a number of pixels or {kind}, got {given!r}"
            ) from None
    elif unit is not None:
        value = given.value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 < number < math.inf:
        raise InvalidInputError(f"{name} must be a positive number, got {given!r}")
    return number if power == 1 else math.sqrt(number / math.pi)


def _pairs_of_disc(radius: float, lags: int) -> np.ndarray:
    """Return the pairs of pixels of a disc by lag, over those at lag 0, ``(lag y, lag x)``."""
    half = math.ceil(radius + 0.5)
    side = 2 * half + 1
    # One quadrant, one row of pixels at a time: all points of a large disc do not fit into memory.
    points = (np.arange((half + 1) * SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    # The middle pixel lies in all quadrants, so its points are on both sides of the centre.
    rows = (y[:, None] ** 2 + points**2 <= radius**2 for y in points.reshape(-1, SUBSAMPLES))
    quadrant = np.stack([row.reshape(SUBSAMPLES, half + 1, -1).mean(axis=(0, 2)) for row in rows])
    disc = np.pad(quadrant, ((half, 0), (half, 0)), mode="reflect")
    if not disc.any():
        return np.ones((1, 1))
    reach = min(lags, side - 1) + 1
    pairs = np.array(
        [
            [np.sum(disc[: side - j, : side - i] * disc[j:, i:]) for i in range(reach)]
            for j in range(reach)
        ]
    )
    return pairs / pairs[0, 0]


def _as_mask(mask: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return which pixels do not count."""
    if mask is None:
        return np.zeros(shape, bool)
    if isinstance(mask, xr.DataArray) and set(mask.dims) == set(schema.PIXELS):
        mask = mask.transpose(*schema.PIXELS)
    array = np.asarray(mask)
    if array.shape != shape or array.dtype.kind != "b":
        raise InvalidInputError(
            f"mask must be an array of bool with the shape of the mosaic, {shape}, got shape "
            f"{array.shape} and type {array.dtype}"
        )
    return array


def _require_steps_of_one(dataset: xr.Dataset, flips: bool = False) -> None:
    """Raise an `InvalidInputError` unless adjacent pixels of an image are adjacent on the grid.

    Parameters
    ----------
    dataset : xarray.Dataset
        The mosaic, whose correlations are those of adjacent pixels of the grid.
    flips : bool, optional
        Whether the image may be flipped.
    """
    steps = tuple(pixel_axis(dataset, name)[1] for name in schema.PIXELS)
    flipped = flips and all(abs(step) == 1.0 for step in steps)
    if not flipped and not all(counts_pixels(dataset, name) for name in schema.PIXELS):
        raise InvalidInputError(
            "The pixels of a mosaic must follow each other in steps of 1 for the errors of "
            f"apertures, got steps {steps} along y and x"
        )


def _with_units(errors: np.ndarray, dataset: xr.Dataset) -> Any:
    """Return errors with the units of the data, if astropy knows them."""
    from astropy.units import Quantity, Unit

    text = dataset["data"].attrs.get("units")
    if not text:
        return errors if errors.ndim else float(errors)
    try:
        return Quantity(errors, Unit(text))
    except (TypeError, ValueError):
        return errors if errors.ndim else float(errors)
