"""Errors of apertures agree with noise realisations and with the exact matrix; laws of the sums."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.aperture import CircularAnnulus, CircularAperture, SkyCircularAperture
from regions import CirclePixelRegion, PixCoord

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures, output_grid
from tests.support.noise_runs import Case, noise_matrix, run

SHAPE = (40, 50)
NOISE: dict[str, Any] = {
    "variance_method": "propagated", "noise_covariance": True, "noise_block": 16,
}  # fmt: skip
GRID = output_grid(SHAPE)


@pytest.fixture(scope="module")
def exposures() -> list[xr.Dataset]:
    """Return three exposures."""
    return make_exposures(3, SHAPE)


@pytest.fixture(scope="module")
def mosaic(exposures: list[xr.Dataset]) -> xr.Dataset:
    """Return their mosaic, which knows how its noise is correlated."""
    return xrs.coadd(exposures, GRID, **NOISE)


@pytest.mark.parametrize(
    "case",
    [
        Case(exposures=3, side=60),
        Case(pixfrac=0.6, scale=0.6, side=48),
        Case("turbo", exposures=2, side=48),
        Case("gaussian", exposures=2, side=48),
    ],
    ids=lambda case: f"{case.kernel} {case.pixfrac} {case.scale}",
)
def test_errors_agree_with_realisations(case: Case) -> None:
    """The exact pull of apertures is 1 within 3 %; added in quadrature, errors are too small."""
    pulls = run(case, 100, radii=(2.0, 4.0))
    assert pulls.pixel == pytest.approx(1.0, abs=0.01)
    for radius, pull in pulls.exact.items():
        assert pull == pytest.approx(1.0, abs=0.03)
        assert pulls.apertures[radius] == pytest.approx(1.0, abs=0.03 + 3 * pulls.spread[radius])
        assert pulls.independent[radius] > 1.05


def test_the_error_of_a_pixel_is_exact() -> None:
    """The squared errors of pixels are the diagonal of the exact covariance matrix."""
    case = Case(exposures=2, side=24)
    exposures = case.campaign(3)
    made = xrs.coadd(exposures, case.grid(), **NOISE, dtype="float64")
    noisy = noise_matrix(case, exposures, case.grid())
    exact = np.sqrt(noisy.power(2).sum(axis=1)).reshape(made["data"].shape)
    err = made.resample.err().values
    covered = np.isfinite(err)
    np.testing.assert_allclose(err[covered], exact[covered], rtol=1e-6)


@settings(max_examples=5)
@given(cut=st.integers(1, 2), threads=st.integers(1, 4))
def test_sums_are_additive(cut: int, threads: int) -> None:
    """Adding, merging and any number of threads give the sums of one co-add."""
    three = make_exposures(3, SHAPE)
    whole = xrs.coadd(three, GRID, **NOISE)
    parts = [xrs.coadd(part, GRID, threads=threads, **NOISE) for part in (three[:cut], three[cut:])]
    assert_same_bits(parts[0].resample.add(three[cut:]), whole)
    merged = xrs.merge(*parts)
    np.testing.assert_allclose(
        merged["noise_covariance"], whole["noise_covariance"], rtol=1e-12, atol=1e-300
    )


def test_tiles_files_and_stores(
    exposures: list[xr.Dataset], mosaic: xr.Dataset, tmp_path: Path
) -> None:
    """Aligned tiles, netCDF and zarr keep every bit."""
    assert_same_bits(xrs.coadd(exposures, GRID, chunks=32, **NOISE).compute(), mosaic)
    stored = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "m.zarr", chunks=32, **NOISE)
    assert_same_bits(stored.compute(), mosaic)
    mosaic.to_netcdf(tmp_path / "m.nc")
    with xr.open_dataset(tmp_path / "m.nc") as opened:
        assert_same_bits(opened.load(), mosaic)
        circle = CircularAperture([(30.0, 25.0)], 4.0)
        np.testing.assert_array_equal(
            opened.resample.aperture_error(circle), mosaic.resample.aperture_error(circle)
        )


def test_tiles_that_cut_blocks_are_refused(exposures: list[xr.Dataset]) -> None:
    """The error names the nearest size that works."""
    with pytest.raises(xrs.InvalidInputError, match="16"):
        xrs.coadd(exposures, GRID, chunks=24, **NOISE)


def test_nothing_else_changes(exposures: list[xr.Dataset], mosaic: xr.Dataset) -> None:
    """All other planes have the bits of a co-add without the sums."""
    plain = xrs.coadd(exposures, GRID, variance_method="propagated")
    for name in plain.data_vars:
        np.testing.assert_array_equal(mosaic[name], plain[name])


def test_apertures_of_all_kinds(mosaic: xr.Dataset) -> None:
    """Photutils, regions, sky apertures and arrays of weights give one error for one shape."""
    holes = ~np.isfinite(mosaic.resample.err().values)
    place, shape = (31.3, 24.6), mosaic["data"].shape
    pixel = CircularAperture(place, 4.0)
    expected = mosaic.resample.aperture_error(pixel, mask=holes)
    assert expected.unit == "MJy / sr"
    weights = pixel.to_mask().to_image(shape)
    sky = pixel.to_sky(mosaic.resample.wcs)
    region = CirclePixelRegion(PixCoord(*place), 4.0)
    assert isinstance(sky, SkyCircularAperture)
    for other in (weights, sky, region):
        found = mosaic.resample.aperture_error(other, mask=holes)
        np.testing.assert_allclose(found.value, expected.value, rtol=2e-3)
    several = mosaic.resample.aperture_error(CircularAperture([place, place], 4.0), mask=holes)
    np.testing.assert_allclose(several.value, [expected.value] * 2)
    annulus = CircularAnnulus(place, 5.0, 8.0)
    assert mosaic.resample.aperture_error(annulus, mask=holes).value > 0
    off = mosaic.resample.aperture_error(CircularAperture((-50.0, -50.0), 4.0))
    assert np.isnan(off.value)


def test_a_second_pass_is_more_exact() -> None:
    """With ragged coverage, the refined errors are nearer to the exact ones, within 3 %."""
    case = Case(exposures=2, side=48)
    plain, refined = (run(case, 2, radii=(4.0,), refine=refine) for refine in (False, True))
    assert abs(refined.exact[4.0] - 1) < abs(plain.exact[4.0] - 1)
    assert refined.exact[4.0] == pytest.approx(1.0, abs=0.03)


def test_maps_and_factors(mosaic: xr.Dataset, exposures: list[xr.Dataset]) -> None:
    """The map for a radius exceeds the errors of pixels, up to the factor of large areas."""
    err, wide = mosaic.resample.err(), mosaic.resample.err(radius=4)
    ratio = (wide / err).values[np.isfinite(err.values)]
    factor = mosaic.resample.noise_factor()
    assert 1.2 < np.median(ratio) < factor < 2.0
    area = mosaic.resample.err(area=np.pi * 16)
    np.testing.assert_allclose(area.values, wide.values, rtol=0.02)
    plain = xrs.coadd(exposures, GRID, variance_method="propagated")
    # Casertano et al. 2000, equation A6, for pixels of 0.8 of those of the exposures.
    assert plain.resample.noise_factor() == pytest.approx(1.25 / (1 - 0.8 / 3), abs=0.02)


def test_large_apertures_take_little_memory(mosaic: xr.Dataset) -> None:
    """The map for a very large aperture is that of the factor of large areas."""
    tracemalloc.start()
    wide = mosaic.resample.err(radius=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
    ratio = (wide / mosaic.resample.err()).values[np.isfinite(wide.values)]
    assert np.median(ratio) == pytest.approx(mosaic.resample.noise_factor(), rel=0.02)


def test_what_is_refused(mosaic: xr.Dataset, exposures: list[xr.Dataset]) -> None:
    """Each error says what to do."""
    circle = CircularAperture((31.0, 25.0), 4.0)
    plain = xrs.coadd(exposures, GRID, variance_method="propagated")
    resampled = xrs.coadd(exposures, GRID)
    for refused, message in ((plain, "noise_covariance=True"), (resampled, "propagated")):
        with pytest.raises(xrs.InvalidInputError, match=message):
            refused.resample.aperture_error(circle)
    with pytest.raises(xrs.InvalidInputError, match="noise_covariance must be False with"):
        xrs.coadd(exposures, GRID, noise_covariance=True)
    with pytest.raises(xrs.InvalidInputError, match="noise_block must be an integer"):
        xrs.coadd(exposures, GRID, **{**NOISE, "noise_block": 0})
    with pytest.raises(xrs.InvalidInputError, match="belong together"):
        mosaic.resample.aperture_error(circle, refine=True)
    with pytest.raises(xrs.InvalidInputError):
        mosaic.resample.aperture_error("circle")
    with pytest.raises(xrs.InvalidInputError):
        mosaic.isel(x=slice(None, None, 2)).resample.aperture_error(circle)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_pixels_left_out_have_another_correlation(mosaic: xr.Dataset, axis: str) -> None:
    """Every second pixel is less correlated with the next, which the sums do not tell."""
    thinned, flipped = (mosaic.isel({axis: slice(None, None, step)}) for step in (2, -1))
    for refused in (
        lambda: thinned.resample.err(radius=4),
        lambda: thinned.resample.err(area=20),
        lambda: thinned.resample.noise_factor(),
        lambda: thinned.resample.noise_factor("formula"),
        lambda: flipped.resample.err(radius=4),
    ):
        with pytest.raises(xrs.InvalidInputError, match="in steps of 1"):
            refused()
    factor = mosaic.resample.noise_factor()
    assert flipped.resample.noise_factor() == pytest.approx(factor, rel=1e-6)
    single = mosaic.resample.err().sel(y=thinned.y, x=thinned.x)
    np.testing.assert_array_equal(thinned.resample.err(), single)
