"""How the noise of neighbouring pixels of a mosaic is correlated, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from xresample.accumulate.job import Job
from xresample.accumulate.launch import noisy_pixels
from xresample.accumulate.noise import add_covariance
from xresample.accumulate.window import place
from xresample.datamodel import provenance, schema
from xresample.datamodel.blocks import NOISE, edges_of
from xresample.datamodel.grid import Grid
from xresample.datamodel.mosaic import layout_of, require_mosaic, root_of_sum, variances_of_error
from xresample.datamodel.options import Options
from xresample.errors import InvalidInputError
from xresample.kernels.structures import Gain


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
    def of(cls, mosaic: xr.Dataset) -> Correlation:
        """Return the correlation from the sums of a mosaic."""
        sums = mosaic[NOISE].transpose("lag_y", "lag_x", *schema.BLOCKS).values
        (y0, y1), (x0, x1) = (edges_of(mosaic, axis) for axis in schema.PIXELS)
        return cls(_ratios(sums), (y0, x0), (y1, x1))

    @classmethod
    def of_all_blocks(cls, mosaic: xr.Dataset) -> Correlation:
        """Return the correlation from the sums over all blocks, as one block."""
        sums = mosaic[NOISE].transpose("lag_y", "lag_x", *schema.BLOCKS).values
        one = np.zeros(1), np.zeros(1)
        return cls(_ratios(sums.sum(axis=(2, 3), keepdims=True)), one, one)

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


def _ratios(sums: np.ndarray) -> np.ndarray:
    """Return sums over those at lag 0; a block without noise has the ratios of all blocks."""
    lags = sums.shape[0] - 1
    sums = sums.astype(np.float64, copy=True)
    # At the border of a block the two directions differ, because one pixel of a pair is outside.
    sums[0] = 0.5 * (sums[0] + sums[0, ::-1])
    every = sums.sum(axis=(2, 3), keepdims=True)
    sums = np.where(sums[0, lags] > 0.0, sums, every)
    ratios = np.zeros(sums.shape)
    np.divide(sums, sums[0, lags], out=ratios, where=sums[0, lags] > 0.0)
    ratios[0, lags] = 1.0
    return ratios


def require_propagated(mosaic: xr.Dataset) -> Options:
    """Return the options of a mosaic whose variances are those of single pixels.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic, or its variances are resampled.
    """
    require_mosaic(mosaic)
    options = Options.from_attrs(mosaic.attrs)
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
    options = Options.from_attrs(mosaic.attrs)
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
    """Return the mean correlation of the pixels of each block, from the exposures themselves.

    The sums of a mosaic are dominated by the pixels that have the largest weights. The mean over
    pixels treats all pixels alike, but needs the final weights, so the exposures are read again.

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
    options = Options.from_attrs(mosaic.attrs)
    grid = Grid.of(mosaic, options.pixel_scale)
    layout = layout_of(mosaic, options)
    blocks = layout.blocks(grid.shape, (grid.y0, grid.x0))
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
        window = place(admitted.exposure, grid, own, threads=threads)
        pixels = noisy_pixels(layout, own, window, admitted.scales, grid, threads)
        add_covariance(sums, blocks, pixels, layout.lags, threads, gain)
        names.append(str(admitted.exposure.scalars["filename"]))
        job = job.after(admitted)
    _require_all(mosaic, names)
    pairs = _pairs(gain.values != 0.0, blocks.y, blocks.x, layout.lags)
    means = np.zeros(sums.shape)
    np.divide(sums, pairs, out=means, where=pairs > 0)
    y, x = (np.array(edges) for edges in (blocks.y, blocks.x))
    return Correlation(_ratios(means.transpose(2, 3, 0, 1)), (y[:-1], x[:-1]), (y[1:], x[1:]))


def _gain(mosaic: xr.Dataset, grid: Grid) -> Gain:
    """Return the factors that turn deposits into units of the noise of their output pixel."""
    deviation = np.sqrt(pixel_variance(mosaic))
    weight = mosaic["wht"].transpose(*schema.PIXELS).values.astype(np.float64)
    factors = np.zeros(weight.shape)
    scale = weight * deviation
    np.divide(1.0, scale, out=factors, where=np.isfinite(scale) & (scale != 0.0))
    return Gain(factors, grid.y0, grid.x0)


def _require_all(mosaic: xr.Dataset, names: list[str]) -> None:
    """Raise an `InvalidInputError` unless the names are those of the exposures of a mosaic."""
    expected = [str(row["filename"]) for row in provenance.rows_of(mosaic)]
    if sorted(names) != sorted(expected):
        raise InvalidInputError(
            f"refine=True must have all {len(expected)} exposures of the mosaic "
            f"({', '.join(expected)}), got {len(names)} ({', '.join(names)})"
        )


def _pairs(
    valid: np.ndarray, y: tuple[int, ...], x: tuple[int, ...], lags: int
) -> np.ndarray:
    """Count the pairs of valid pixels of each lag, ``(block y, block x, lag y, lag x)``."""
    padded = np.pad(valid, ((0, lags), (lags, lags)))
    counts = np.empty((len(y) - 1, len(x) - 1, lags + 1, 2 * lags + 1))
    rows, columns = np.subtract(y[:-1], y[0]), np.subtract(x[:-1], x[0])
    height, width = valid.shape
    for lag_y in range(lags + 1):
        for lag_x in range(2 * lags + 1):
            both = valid & padded[lag_y : lag_y + height, lag_x : lag_x + width]
            by_row = np.add.reduceat(both, rows, axis=0, dtype=np.int64)
            counts[:, :, lag_y, lag_x] = np.add.reduceat(by_row, columns, axis=1)
    return counts
