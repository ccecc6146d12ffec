"""The sums of the noise covariance, against the full covariance matrix in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import make_exposures, output_grid
from tests.support.kernel_maps import smooth_map
from tests.support.slow_drizzle import overlaps
from xresample.kernels.correlate import EVERY, STRIP, chosen_strip
from xresample.kernels.structures import KERNELS

SHAPE = (9, 40)
BLOCK = 8
FAR = 12
"""Number of pixels around the mosaic that the matrix covers, too: more than any lag has."""

OPTIONS: dict[str, Any] = {"variance_method": "propagated", "noise_covariance": True}


def sampled(shape: tuple[int, int]) -> np.ndarray:
    """Tell which pixels of an exposure are used."""
    # Python cannot call a function that is made to be inlined, except as plain Python.
    choose, group = getattr(chosen_strip, "py_func", chosen_strip), STRIP * EVERY
    return np.array(
        [
            [i % group // STRIP == choose(j, i // group) for i in range(shape[1])]
            for j in range(shape[0])
        ]
    )


def covariance(
    exposure: xr.Dataset, pixmap: np.ndarray, shape: tuple[int, int], how: tuple[str, float, float]
) -> np.ndarray:
    """Return the covariance of all pairs of pixels of a mosaic and its surroundings.

    The pixels are weighted sums, not yet divided by their weight. The result has the dimensions
    ``(y, x, y, x)``.
    """
    ny, nx = shape[0] + 2 * FAR, shape[1] + 2 * FAR
    good = (exposure["dq"].values == 0) & np.isfinite(exposure["data"].values)
    variances = np.where(good, (exposure["var_rnoise"] + exposure["var_flat"]).values, 0.0)
    total = np.zeros((ny, nx, ny, nx))
    for j, i in np.argwhere(variances > 0.0).tolist():
        found = [
            (y + FAR, x + FAR, a)
            for x, y, a in overlaps(pixmap, i, j, *how)
            if -FAR <= y < shape[0] + FAR and -FAR <= x < shape[1] + FAR
        ]
        if found:
            rows, columns, overlap = (np.array(entries) for entries in zip(*found, strict=True))
            pair = rows[:, None], columns[:, None], rows[None], columns[None]
            total[pair] += overlap[:, None] * overlap[None] * variances[j, i]
    return total


@pytest.mark.parametrize(
    ("kernel", "scale", "pixfrac"),
    [
        *(
            (kernel, scale, pixfrac)
            for kernel in KERNELS
            for scale, pixfrac in ((0.9, 1.0), (1.6, 0.7))
        ),
        ("square", 4.0, 1.0),
        ("turbo", 4.0, 1.0),
    ],
)
def test_sums_are_those_of_the_full_matrix(kernel: str, scale: float, pixfrac: float) -> None:
    """Every lag of every block is the sum over the full covariance matrix, to 1e-6."""
    shape, rng = (19, 13), np.random.default_rng(4)
    used = sampled(SHAPE)
    pixmap = smooth_map(SHAPE, scale, 25.0)
    # A pixel in the middle of a strip that is used lies in the middle of the mosaic.
    j, i = np.argwhere(used)[np.count_nonzero(used) // 2]
    pixmap += np.array([6.2, 9.1]) - pixmap[j, i]
    dq = (rng.random(SHAPE) < 0.1).astype(np.uint32)
    data = np.where(rng.random(SHAPE) < 0.1, np.nan, 1.0)
    variances = {
        name: np.where(used, rng.uniform(0.5, 2, SHAPE), 0.0) for name in ("var_rnoise", "var_flat")
    }
    exposure = xrs.make_exposure(data, dq=dq, variances=variances)
    how: dict[str, Any] = {
        "kernel": kernel, "pixfrac": pixfrac, "weight_type": None, "pixel_scale_ratio": 1 / scale,
    }  # fmt: skip
    mosaic = exposure.resample.onto(shape, pixmap=pixmap, noise_block=BLOCK, **how, **OPTIONS)
    matrix = covariance(exposure, pixmap, shape, (kernel, pixfrac, 1 / scale))
    sums = mosaic["noise_covariance"].values
    assert sums.max() > 0.0
    assert len(sums) <= FAR
    y, x = (FAR + np.arange(n) for n in shape)
    expected = np.empty(sums.shape)
    for lag_y, column in np.ndindex(sums.shape[:2]):
        lag_x = column - len(sums) + 1
        of_pixels = matrix[y[:, None], x, y[:, None] + lag_y, x + lag_x]
        by_row = np.add.reduceat(of_pixels, range(0, shape[0], BLOCK), axis=0)
        expected[lag_y, column] = np.add.reduceat(by_row, range(0, shape[1], BLOCK), axis=1)
    np.testing.assert_allclose(sums, expected, rtol=1e-6, atol=1e-6 * sums.max())


def test_one_pixel_in_eight_is_used() -> None:
    """The sample is even: each group of strips has one strip, and every place is chosen."""
    used = sampled((256, 256))
    assert used.mean() == 1 / EVERY
    per_column = used.mean(axis=0)
    assert per_column.min() > 0.5 / EVERY
    assert per_column.max() < 2.0 / EVERY


def test_cutouts_of_exposures_use_the_same_pixels() -> None:
    """Two halves of an exposure give the sum of the whole exposure, on a grid that both reach."""
    exposure = make_exposures(1, (40, 50))[0].isel(x=slice(0, 50))
    grid = output_grid((40, 50))
    # The point kernel does not depend on neighbours, which a half lacks at its border.
    how: dict[str, Any] = {"kernel": "point", "weight_type": None, **OPTIONS}
    halves = [exposure.isel(x=part) for part in (slice(0, 23), slice(23, None))]
    whole = xrs.coadd([exposure], grid, **how)["noise_covariance"]
    np.testing.assert_allclose(
        xrs.coadd(halves, grid, **how)["noise_covariance"], whole, rtol=1e-12
    )


@pytest.mark.parametrize("kernel", ["square", "turbo", "lanczos3"])
def test_parts_of_a_mosaic(kernel: str) -> None:
    """A part that begins and ends at edges of blocks has the sums of its blocks, bit for bit."""
    exposures, grid = make_exposures(3, (40, 50)), output_grid((40, 50))
    how: dict[str, Any] = {"kernel": kernel, "noise_block": 32, **OPTIONS}
    whole = xrs.coadd(exposures, grid, **how)
    part = {"y": slice(32, 96), "x": slice(64, None)}
    grown = xrs.coadd(exposures[:2], grid, **how).isel(part).resample.add(exposures[2])
    fresh = xrs.coadd(exposures, whole.isel(part), **how)
    blocks = {name: fresh[name] for name in ("block_y", "block_x")}
    expected = whole["noise_covariance"].sel(blocks).values
    np.testing.assert_array_equal(grown["noise_covariance"], expected)
    np.testing.assert_array_equal(fresh["noise_covariance"], expected)


def test_blocks_that_were_cut_are_refused() -> None:
    """Sums of a cut block cannot grow, and a mosaic without its blocks has no aperture errors."""
    exposures, grid = make_exposures(2, (40, 50)), output_grid((40, 50))
    mosaic = xrs.coadd(exposures[:1], grid, noise_block=32, **OPTIONS)
    cut = mosaic.isel(y=slice(30, 90))
    for refused in (
        lambda: cut.resample.add(exposures[1]),
        lambda: cut.resample.merge(xrs.coadd(exposures[1:], grid, noise_block=32, **OPTIONS)),
    ):
        with pytest.raises(xrs.InvalidInputError, match="multiples of noise_block=32"):
            refused()
    box = np.zeros((cut.sizes["y"], cut.sizes["x"]))
    box[20:26, 60:66] = 1.0
    whole = np.zeros((mosaic.sizes["y"], mosaic.sizes["x"]))
    whole[50:56, 60:66] = 1.0
    # Apertures need the sums only, so a cut inside a block does not matter for them.
    np.testing.assert_allclose(
        cut.resample.aperture_error(box).value,
        mosaic.resample.aperture_error(whole).value,
        rtol=0.02,
    )
    with pytest.raises(xrs.InvalidInputError, match="blocks along y were cut"):
        mosaic.isel(block_y=slice(2, None)).resample.aperture_error(whole)
