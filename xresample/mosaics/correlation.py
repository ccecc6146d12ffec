"""How the noise of neighbouring pixels of a mosaic is correlated, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import xarray as xr

from xresample.accumulate.job import Job
from xresample.accumulate.launch import noisy_pixels
from xresample.accumulate.noise import add_covariance
from xresample.accumulate.window import mapped_window
from xresample.datamodel import provenance, schema
from xresample.datamodel.blocks import NOISE, Blocks, edges_of
from xresample.datamodel.grid import Grid
from xresample.datamodel.mosaic import (
    layout_of,
    options_of,
    require_mosaic,
    root_of_sum,
    variances_of_error,
)
from xresample.datamodel.options import Options
from xresample.datamodel.pixels import pixel_origin
from xresample.errors import InvalidInputError
from xresample.kernels.structures import Gain

REFINED_BLOCK = 32
"""Maximum number of rows and columns of a block whose correlation is refined."""

Index: TypeAlias = tuple[int, ...]
"""Row and column of a block."""

Edges: TypeAlias = tuple[np.ndarray, np.ndarray]
"""First pixel of each block along an axis, and the pixel after it, in pixels of the grid."""


@dataclass(frozen=True)
class Correlation:
    """Correlation coefficients of the noise of two pixels by their distance, in each block."""

    ratios: np.ndarray
    """``(lag y, lag x, block y, block x)``; lags from 0 on along y, negative ones too along x."""
    first: tuple[np.ndarray, np.ndarray]
    """First row and first column of the blocks."""
    stop: tuple[np.ndarray, np.ndarray]
    """Row and column after the blocks."""

    @classmethod
    def of(cls, mosaic: xr.Dataset, blocks: Iterable[Index] | None = None) -> Correlation:
        """Return the correlation from the sums of a mosaic.

        Parameters
        ----------
        mosaic : xarray.Dataset
            The mosaic, or a part of one.
        blocks : iterable of (int, int), optional
            Rows and columns of the blocks that are used. Default: all.
        """
        sums = mosaic[NOISE].transpose("lag_y", "lag_x", *schema.BLOCKS).values
        edges = tuple(edges_of(mosaic, axis) for axis in schema.PIXELS)
        chosen = list(np.ndindex(sums.shape[2:]) if blocks is None else blocks)
        means = expected_products(mosaic, _weighted_deviation(mosaic), edges, chosen, len(sums) - 1)
        return cls.from_sums(sums, means, edges)

    @classmethod
    def from_sums(
        cls, sums: np.ndarray, means: np.ndarray, edges: tuple[Edges, ...]
    ) -> Correlation:
        """Return the correlation from sums of covariances and means of products of deviations.

        Parameters
        ----------
        sums : ndarray
            Sums of the covariance of pairs of pixels, ``(lag y, lag x, block y, block x)``.
        means : ndarray
            Means of the product of the deviations of the same pairs; 0 where it is not known.
        edges : tuple of Edges
            First pixel of each block and the pixel after it, along y and x.
        """
        (y0, y1), (x0, x1) = edges
        return cls(_ratios(sums, means), (y0, x0), (y1, x1))

    @classmethod
    def of_all_blocks(cls, mosaic: xr.Dataset) -> Correlation:
        """Return the correlation from the sums over all blocks, as one block."""
        sums = mosaic[NOISE].transpose("lag_y", "lag_x", *schema.BLOCKS).values
        whole = sums.sum(axis=(2, 3), keepdims=True)
        edges = tuple(
            (np.array([first]), np.array([first + mosaic.sizes[name]]))
            for name, first in zip(schema.PIXELS, pixel_origin(mosaic), strict=True)
        )
        deviation = _weighted_deviation(mosaic)
        means = expected_products(mosaic, deviation, edges, [(0, 0)], len(sums) - 1)
        return cls.from_sums(whole, means, edges)

    @property
    def lags(self) -> int:
        """Maximum lag along an axis."""
        return self.ratios.shape[0] - 1

    def half_plane(self) -> Iterator[tuple[int, int, float, np.ndarray]]:
        """Yield lags along y and x, how often each lag counts, and the ratios of the blocks.

        The covariance of two pixels does not depend on their order, so one half of the lags stands
        for both halves and counts twice.
        """
        for lag_y in range(self.lags + 1):
            for lag_x in range(0 if lag_y == 0 else -self.lags, self.lags + 1):
                ratios = self.ratios[lag_y, lag_x + self.lags]
                if ratios.any():
                    yield lag_y, lag_x, 2.0 if lag_y or lag_x else 1.0, ratios

    def blocks_at(self, axis: int, pixels: np.ndarray) -> np.ndarray:
        """Return the block of each row (``axis`` 0) or column (``axis`` 1) of the grid.

        Raises
        ------
        InvalidInputError
            No block covers one of the pixels.
        """
        first, stop = self.first[axis], self.stop[axis]
        order = np.argsort(first)
        at = np.searchsorted(first[order], pixels, side="right") - 1
        found = order[np.maximum(at, 0)]
        if len(pixels) and (not len(first) or (at < 0).any() or (pixels >= stop[found]).any()):
            raise InvalidInputError(
                f"{NOISE} must cover all pixels of the mosaic, but its blocks along "
                f"{schema.PIXELS[axis]} were cut: select pixels by y and x only, and keep all "
                "blocks"
            )
        return found

    def factors(self, pairs: np.ndarray) -> np.ndarray:
        """Return the root of the sum of the ratios times ``pairs``, ``(block y, block x)``.

        Parameters
        ----------
        pairs : ndarray
            ``(lag y, lag x)``: for each lag from 0 on along both axes, the number of pairs of
            pixels of an aperture that are this lag apart, per pixel of the aperture.
        """
        total = np.zeros(self.ratios.shape[2:])
        for lag_y, lag_x, times, ratios in self.half_plane():
            if lag_y < pairs.shape[0] and abs(lag_x) < pairs.shape[1]:
                total += times * pairs[lag_y, abs(lag_x)] * ratios
        return np.sqrt(np.maximum(total, 0.0))


def _ratios(sums: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return correlation coefficients; a block without noise gets those of the mosaic."""
    lags = sums.shape[0] - 1
    sums, means = (array.astype(np.float64, copy=True) for array in (sums, means))
    for array in (sums, means):
        # At the border of a block the two directions differ: one pixel of a pair is outside.
        array[0] = 0.5 * (array[0] + array[0, ::-1])
    every = sums.sum(axis=(2, 3), keepdims=True)
    sums = np.where(sums[0, lags] > 0.0, sums, every)
    ratios = np.zeros(sums.shape)
    np.divide(sums, sums[0, lags], out=ratios, where=sums[0, lags] > 0.0)
    scale = np.ones(means.shape)
    np.divide(means[0, lags], means, out=scale, where=means > 0.0)
    ratios = np.clip(ratios * scale, -1.0, 1.0)
    ratios[0, lags] = 1.0
    return ratios


def expected_products(
    mosaic: xr.Dataset,
    deviation: np.ndarray,
    edges: tuple[Edges, ...],
    needed: Iterable[Index],
    lags: int,
) -> np.ndarray:
    """Return the mean product of the deviations of two pixels, by lag and block.

    The result is ``(lag y, lag x, block y, block x)``.

    A sum of covariances over pixels of unequal deviation falls with the lag even where the pixels
    are fully correlated. Division by these means removes that.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The image.
    deviation : ndarray
        Deviation of each pixel of the image, 0 where it is not known.
    edges : tuple of Edges
        First pixel of each block and the pixel after it, along y and x.
    needed : iterable of (int, int)
        Rows and columns of the blocks; the means of other blocks are 0.
    lags : int
        Maximum lag.
    """
    (ny, nx), (oy, ox) = deviation.shape, pixel_origin(mosaic)
    shape = tuple(len(first) for first, _ in edges)
    means = np.zeros((lags + 1, 2 * lags + 1, *shape))
    for j, i in needed:
        (y0, y1), (x0, x1) = (
            (int(first[k]) - origin, int(stop[k]) - origin)
            for (first, stop), k, origin in zip(edges, (j, i), (oy, ox), strict=True)
        )
        for lag_y, lag_x in np.ndindex(lags + 1, 2 * lags + 1):
            right = lag_x - lags
            # Both pixels of a pair lie inside the image, and the first one in the block.
            rows = slice(max(y0, 0), min(y1, ny - lag_y))
            columns = slice(max(x0, 0, -right), min(x1, nx, nx - right))
            count = (rows.stop - rows.start) * (columns.stop - columns.start)
            if rows.start < rows.stop and columns.start < columns.stop:
                here = deviation[rows, columns]
                there = deviation[
                    rows.start + lag_y : rows.stop + lag_y,
                    columns.start + right : columns.stop + right,
                ]
                means[lag_y, lag_x, j, i] = np.einsum("yx,yx->", here, there) / count
    return means


def _weighted_deviation(mosaic: xr.Dataset) -> np.ndarray:
    """Return the deviation of each pixel times its weight; 0 where the variance is unknown."""
    weight = mosaic["wht"].transpose(*schema.PIXELS).values.astype(np.float64)
    return np.nan_to_num(np.abs(weight) * np.sqrt(pixel_variance(mosaic)))


def require_propagated(mosaic: xr.Dataset) -> Options:
    """Return the options of a mosaic that has the variances of single pixels.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic, or its variances are resampled.
    """
    require_mosaic(mosaic)
    options = options_of(mosaic)
    if options.variance_method == "resampled":
        raise InvalidInputError(
            "The mosaic must have propagated variances, got variance_method='resampled', which "
            "resamples the variances like data and does not give the variance of a pixel: make the "
            "mosaic with variance_method='propagated', noise_covariance=True"
        )
    return options


def require_covariance(mosaic: xr.Dataset) -> Options:
    """Return the options of a mosaic that knows how its noise is correlated.

    Raises
    ------
    InvalidInputError
        The mosaic has no covariance, or resampled variances.
    """
    options = require_propagated(mosaic)
    if not options.noise_covariance or NOISE not in mosaic:
        raise InvalidInputError(
            f"The mosaic has no {NOISE!r}, so the noise of an aperture is not known: make the "
            "mosaic with coadd(..., variance_method='propagated', noise_covariance=True). For "
            "large apertures, noise_factor() gives an estimate by a formula"
        )
    return options


def pixel_variance(mosaic: xr.Dataset, variable: str = "data") -> np.ndarray:
    """Return the variance of single pixels, float64 ``(y, x)``; NaN where it is unknown.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic.
    variable : str, optional
        ``"data"`` for the variances that enter ``err``, or the name of one variance.
    """
    options = options_of(mosaic)
    held = [name for name in map(str, mosaic.data_vars) if schema.is_variance(name)]
    if variable == "data":
        names = variances_of_error(layout_of(mosaic, options), options)
    else:
        names = tuple(name for name in held if name == variable)
    if not names:
        known = ", ".join(map(repr, ["data", *held]))
        raise InvalidInputError(
            f"variable must be one of {known}, and the mosaic must have variances, got {variable!r}"
        )
    planes = [mosaic[name].transpose(*schema.PIXELS).values for name in names]
    return root_of_sum(planes, planes[0].shape, "float64") ** 2


def refined(
    mosaic: xr.Dataset, exposures: xr.Dataset | Iterable[xr.Dataset], threads: int | None = None
) -> Correlation:
    """Return the correlation of the pixels of each block, from the exposures themselves.

    The sums of a mosaic are dominated by the pixels that have the largest weights. The mean of the
    covariance over pixels treats all pixels alike, but needs the final weights, so the exposures
    are read again.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic.
    exposures : Dataset or iterable of Dataset
        All exposures of the mosaic, in any order.
    threads : int, optional
        Number of threads. Default: one per CPU.

    Raises
    ------
    InvalidInputError
        The exposures are not those of the mosaic.
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    """
    options = options_of(mosaic)
    grid = Grid.of(mosaic, options.pixel_scale)
    layout = layout_of(mosaic, options)
    blocks = Blocks.of(grid.shape, grid.origin, min(layout.block, REFINED_BLOCK))
    gain = _gain(mosaic, grid)
    sums = np.zeros((*blocks.shape, layout.lags + 1, 2 * layout.lags + 1))
    job = Job(grid, options, layout, mosaic["data"].attrs.get("units"))
    names = []
    for dataset in [exposures] if isinstance(exposures, xr.Dataset) else exposures:
        admitted = job.admit(dataset)
        if admitted.layout != layout:
            raise InvalidInputError(
                f"exposures must be those of the mosaic, but {admitted.label} has other variances "
                "or another pixel scale"
            )
        own = admitted.options(options)
        window = mapped_window(admitted.exposure, grid, own, threads=threads)
        pixels = noisy_pixels(layout, own, window, admitted.scales, grid, threads)
        add_covariance(sums, blocks, pixels, layout.lags, threads, gain)
        names.append(str(admitted.exposure.scalars["filename"]))
        job = job.after(admitted)
    _require_all(mosaic, names)
    edges = tuple((np.array(e[:-1]), np.array(e[1:])) for e in (blocks.y, blocks.x))
    deviation = np.abs(_weighted_deviation(mosaic) * gain.values)
    needed = np.ndindex(blocks.shape)
    means = expected_products(mosaic, deviation, edges, needed, layout.lags)
    return Correlation.from_sums(sums.transpose(2, 3, 0, 1), means, edges)


def _gain(mosaic: xr.Dataset, grid: Grid) -> Gain:
    """Return the factors of the overlaps: the inverse weights, less for pixels of high variance.

    A few pixels with hardly any weight, for example where the weights of lanczos cancel, would
    otherwise dominate the mean.
    """
    weight = mosaic["wht"].transpose(*schema.PIXELS).values.astype(np.float64)
    variance = pixel_variance(mosaic)
    there = np.isfinite(weight) & (weight != 0.0) & np.isfinite(variance) & (variance > 0.0)
    factors = np.zeros(weight.shape)
    if there.any():
        usual = np.median(variance[there])
        factors[there] = 1.0 / (weight[there] * np.sqrt(1.0 + variance[there] / (4.0 * usual)))
    return Gain(factors, *grid.origin)


def _require_all(mosaic: xr.Dataset, names: list[str]) -> None:
    """Raise an `InvalidInputError` unless the names belong to the exposures of a mosaic."""
    expected = [str(row["filename"]) for row in provenance.rows_of(mosaic)]
    if sorted(names) != sorted(expected):
        raise InvalidInputError(
            f"refine=True must have all {len(expected)} exposures of the mosaic "
            f"({', '.join(expected)}), got {len(names)} ({', '.join(names)})"
        )
