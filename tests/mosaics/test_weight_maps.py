"""Weights as data: maps of the user, smooth weights, and weights for photometry."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposure, make_exposures, output_grid
from xresample.accumulate.weight_recipe import smooth_variance

GRID = output_grid()
NAMES = ("data", "wht", "con", "var_rnoise", "var_flat")


def with_map(exposure: xr.Dataset, weights: Any) -> xr.Dataset:
    """Return an exposure with weights of the user."""
    return exposure.assign(weight_map=(("y", "x"), np.asarray(weights, np.float32)))


@pytest.mark.parametrize("kind", ["ivm", "ivm-sky", "exptime", None])
def test_a_map_of_the_own_weights_changes_no_bit(kind: Any) -> None:
    exposures = make_exposures(3)
    mapped = [e.assign(weight_map=e.resample.weight_map(kind, good_bits=None)) for e in exposures]
    options = {"variance_method": "propagated", "propagate_dq": True}
    own = xrs.coadd(exposures, GRID, weight_type=kind, **options)
    given = xrs.coadd(mapped, GRID, weight_type="map", **options)
    assert_same_bits(given, own, (*NAMES, "dq"))


def test_flagged_and_non_finite_pixels_weigh_nothing() -> None:
    exposure = make_exposure(0)
    weights = np.full(exposure["data"].shape, 2.0, np.float32)
    holes = np.zeros(weights.shape, bool)
    holes[5:9, 7:12] = True
    expected = xrs.coadd([with_map(exposure, np.where(holes, 0, weights))], GRID, weight_type="map")
    for value in (np.nan, np.inf):
        holed = with_map(exposure, np.where(holes, value, weights))
        assert_same_bits(xrs.coadd([holed], GRID, weight_type="map"), expected, NAMES)
    used = exposure.assign(weight_map=(("y", "x"), weights)).resample.weight_map("map")
    np.testing.assert_array_equal(used, np.where(exposure["dq"].values == 0, 2.0, 0.0))


@pytest.mark.parametrize("chunked", [False, True])
def test_tiles_equal_the_whole(chunked: bool) -> None:
    exposures = [
        with_map(e, np.random.default_rng(k).uniform(0, 3, e["data"].shape))
        for k, e in enumerate(make_exposures(3))
    ]
    whole = xrs.coadd(exposures, GRID, weight_type="map")
    if chunked:
        exposures = [e.chunk(y=17, x=21) for e in exposures]
    assert_same_bits(xrs.coadd(exposures, GRID, weight_type="map", chunks=40).load(), whole, NAMES)


def test_a_missing_map_is_an_error_that_names_the_exposure() -> None:
    exposures = make_exposures(3)
    given = [with_map(exposures[0], np.ones(exposures[0]["data"].shape)), *exposures[1:]]
    for chunks in (None, 40):
        with pytest.raises(xrs.InvalidExposureError, match=r"exposure_1\.fits.*\n.*weight_map"):
            xrs.coadd(given, GRID, weight_type="map", chunks=chunks)
    with pytest.raises(xrs.InvalidExposureError, match="weight_map is missing"):
        exposures[1].resample.weight_map("map")


def test_negative_weights_are_an_error() -> None:
    weights = np.ones((40, 50), np.float32)
    weights[3, 4] = -1
    with pytest.raises(xrs.InvalidExposureError, match="weight_map must not be negative"):
        xrs.coadd([with_map(make_exposure(0), weights)], GRID, weight_type="map")
    lazy = with_map(make_exposure(0), weights).chunk(y=20)
    with pytest.raises(xrs.InvalidExposureError, match="weight_map must not be negative"):
        xrs.coadd([lazy], GRID, weight_type="map")


def test_make_exposure_takes_weights() -> None:
    exposure = xrs.make_exposure(np.zeros((2, 3)), weight_map=np.ones((2, 3)))
    assert exposure["weight_map"].attrs["long_name"].startswith("weights")
    with pytest.raises(xrs.InvalidExposureError, match="weight_map must have the shape"):
        xrs.make_exposure(np.zeros((2, 3)), weight_map=np.ones((2, 2)))


def test_readers_take_one_file_of_weights_per_exposure(tmp_path: Path) -> None:
    paths, maps = [], []
    for k in range(2):
        paths.append(tmp_path / f"{k}.fits")
        maps.append(tmp_path / f"{k}.weight.fits")
        header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 1e-4})
        fits.PrimaryHDU(np.full((3, 4), 1.0 + k, ">f4"), header).writeto(paths[-1])
        fits.PrimaryHDU(np.full((3, 4), 5.0 + k, ">f4")).writeto(maps[-1])
    found = xrs.open_exposures(paths, weight_map=maps)
    assert [float(e["weight_map"].max()) for e in found] == [5.0, 6.0]
    assert [float(e["data"].max()) for e in found] == [1.0, 2.0]
    with pytest.raises(xrs.InvalidInputError, match="one file of weights per file, 2, got 1"):
        xrs.open_exposures(paths, weight_map=maps[:1])


def test_the_warning_about_a_missing_variance_names_the_remedy() -> None:
    exposure = make_exposure(0).drop_vars("var_rnoise")
    with pytest.warns(xrs.MissingVarianceWarning, match=r"exptime.*weight_map"):
        xrs.coadd([exposure], GRID)


def test_smooth_weights_follow_the_medians_of_blocks() -> None:
    rng = np.random.default_rng(0)
    variance = rng.uniform(0.8, 1.2, (8, 8))
    dq = np.zeros((8, 8), np.uint32)
    variance[1, 1], dq[2, 2] = 1000.0, 1
    variance[3, 3] = np.nan
    exposure = xrs.make_exposure(np.zeros((8, 8)), dq=dq, variances={"var_rnoise": variance})
    weights = exposure.resample.weight_map("ivm", smooth=8)
    expected = np.full((8, 8), 1 / np.nanmedian(np.where(dq, np.nan, variance)), np.float32)
    expected[2, 2] = expected[3, 3] = 0
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_array_equal(weights == 0, expected == 0)


def test_smoothing_keeps_a_plane() -> None:
    """Medians of a plane are its values at the centres, so interpolation returns the plane."""
    y, x = np.mgrid[:24, :30]
    plane = 5.0 + 0.1 * x + 0.2 * y
    smooth = smooth_variance(plane, 5, (0, 0))
    np.testing.assert_allclose(smooth[2:18, 2:28], plane[2:18, 2:28], rtol=1e-12)


def test_clipped_weights_lie_between_the_percentiles() -> None:
    exposure = make_exposure(0)
    plain = exposure.resample.weight_map("ivm").values
    clipped = exposure.resample.weight_map("ivm", clip=(10, 90)).values
    low, high = np.percentile(plain[plain > 0], (10, 90))
    np.testing.assert_array_equal(clipped == 0, plain == 0)
    np.testing.assert_allclose(clipped[plain > 0], np.clip(plain, low, high)[plain > 0], rtol=1e-6)


def test_the_median_of_the_poisson_variance_is_added_to_the_read_noise() -> None:
    exposure = make_exposure(0)
    good = exposure["dq"].values == 0
    median = np.median(exposure["var_poisson"].values[good].astype(np.float64))
    expected = np.where(good, 1 / (exposure["var_rnoise"].values + median), 0)
    weights = exposure.resample.weight_map("ivm-poisson-median")
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    with pytest.raises(xrs.InvalidExposureError, match="missing: var_poisson"):
        exposure.drop_vars("var_poisson").resample.weight_map("ivm-poisson-median")


@pytest.mark.parametrize(
    "how", [{}, {"smooth": 8}, {"clip": (5, 95)}, {"smooth": 8, "clip": (5, 95)}]
)
@pytest.mark.parametrize("kind", ["ivm", "ivm-poisson-median"])
def test_weights_of_a_chunked_exposure_are_lazy_and_equal(kind: Any, how: dict[str, Any]) -> None:
    exposure = make_exposure(0)
    lazy = exposure.chunk(y=16, x=20).resample.weight_map(kind, **how)
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy, exposure.resample.weight_map(kind, **how))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 4))
def test_a_cutout_of_whole_blocks_has_the_same_smooth_weights(j: int, i: int, size: int) -> None:
    exposure = make_exposure(0)
    whole = exposure.resample.weight_map("ivm", smooth=size)
    y, x = slice(j * size, (j + 4) * size), slice(i * size, (i + 4) * size)
    cut = exposure.isel(y=y, x=x).resample.weight_map("ivm", smooth=size)
    inner = slice(size, -size)
    np.testing.assert_array_equal(cut[inner, inner], whole.isel(y=y, x=x)[inner, inner])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weight_type": "imv"}, "weight_type must be one of.*got 'imv'"),
        ({"smooth": 0}, "smooth must be an integer of at least 1, got 0"),
        ({"smooth": 2.5}, r"smooth must be an integer of at least 1, got 2\.5"),
        ({"weight_type": "exptime", "smooth": 4}, "smooth must be None.*'exptime'"),
        ({"clip": (99, 1)}, r"clip must be two increasing percentiles.*got \(99, 1\)"),
        ({"clip": 5}, "clip must be two increasing percentiles.*got 5"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(xrs.InvalidInputError, match=words):
        make_exposure(0).resample.weight_map(**arguments)


def test_smooth_weights_of_an_exposure_without_variances_are_one() -> None:
    exposure = xrs.make_exposure(np.zeros((4, 5)))
    with pytest.warns(xrs.MissingVarianceWarning):
        np.testing.assert_array_equal(exposure.resample.weight_map("ivm", smooth=2), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(exposure.resample.weight_map(None), 1.0)
