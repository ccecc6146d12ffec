"""The blot against ``drizzle`` and ``stcal``, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from astropy import units
from numpy.testing import assert_allclose, assert_array_equal

import xresample as xrs
from tests.support.exposures import checksum, make_exposure, output_grid
from tests.support.wcs import make_grid

SHAPE = (40, 50)
GRID = output_grid(SHAPE)
NAMES = {
    "nearest": "nearest",
    "linear": "linear",
    "poly3": "poly3",
    "poly5": "poly5",
    "lanczos3": "lan3",
    "lanczos5": "lan5",
}
"""Each interpolation, and its name in ``drizzle``."""

MARGIN = {"nearest": 0, "linear": 0, "poly3": 1, "poly5": 2, "lanczos3": 2, "lanczos5": 4}
"""Pixels at the edge for which the interpolation reads beyond the image."""


def noise(shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """Return an image without any structure, the hardest one to interpolate."""
    return np.random.default_rng(seed).normal(10.0, 3.0, shape).astype(np.float32)


def on_grid(image: np.ndarray) -> xr.Dataset:
    """Return an image without a WCS."""
    return xrs.make_exposure(image)


@pytest.fixture(scope="module")
def mosaic() -> xr.Dataset:
    """Return a mosaic of exposures that do not fill its grid."""
    return xrs.coadd([make_exposure(k, SHAPE) for k in range(4)], GRID)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> xr.Dataset:
    """Return the same mosaic in a store of small tiles."""
    folder = tmp_path_factory.mktemp("blot") / "mosaic.zarr"
    exposures = [make_exposure(k, SHAPE) for k in range(4)]
    return xrs.coadd_to_zarr(exposures, GRID, folder, chunks=6)


@pytest.mark.parametrize("interpolation", NAMES)
def test_agrees_with_drizzle(interpolation):
    from drizzle.resample import blot_image

    image = noise()
    edge = MARGIN[interpolation]
    rng = np.random.default_rng(1)
    high = np.array([SHAPE[1] - 1, SHAPE[0] - 1]) - edge
    # drizzle holds positions in float32.
    where = rng.uniform(edge, high, (70, 60, 2)).astype(np.float32).astype(np.float64)
    expected = blot_image(image, where, interp=NAMES[interpolation])
    exposure = on_grid(np.zeros((70, 60), np.float32))
    got = exposure.resample.blot(on_grid(image), pixmap=where, interpolation=interpolation)
    assert got.dtype == np.float32
    assert_allclose(got, expected, rtol=1e-5)


def test_agrees_with_stcal(mosaic):
    from stcal.outlier_detection.utils import gwcs_blot

    exposure = make_exposure(1, SHAPE)
    filled = mosaic["data"].where(mosaic["wht"] != 0).values
    expected = gwcs_blot(filled, mosaic.resample.wcs, SHAPE, exposure.resample.wcs, fillval=np.nan)
    got = exposure.resample.blot(mosaic)
    known = np.isfinite(expected)
    assert known.mean() > 0.9
    assert_allclose(got.values[known], expected[known], rtol=1e-5)


@pytest.mark.parametrize("interpolation", NAMES)
def test_a_missing_pixel_does_not_spread(interpolation):
    image = np.full((20, 20), 7.0, np.float32)
    image[10, 10] = np.nan
    where = np.stack(np.meshgrid(np.linspace(6, 13, 57), np.linspace(6, 13, 57)), axis=-1)
    exposure = on_grid(np.zeros((57, 57), np.float32))
    got = exposure.resample.blot(on_grid(image), pixmap=where, interpolation=interpolation).values
    in_pixel = (np.floor(where + 0.5) == 10).all(axis=-1)
    assert np.isnan(got[in_pixel]).all()
    # The table of lanczos does not sum up to exactly 1.
    assert_allclose(got[~in_pixel], 7.0, rtol=0.02 if "lanczos" in interpolation else 1e-6)


@pytest.mark.parametrize("interpolation", NAMES)
def test_the_image_ends_with_its_pixels(interpolation):
    image = np.full((12, 12), 3.0, np.float32)
    x = np.array([-0.6, -0.4, 0.0, 11.4, 11.6, np.nan, np.inf, 1e300])
    where = np.stack([x, np.full(8, 5.0)], axis=-1)[None]
    exposure = on_grid(np.zeros((1, 8), np.float32))
    got = exposure.resample.blot(on_grid(image), pixmap=where, interpolation=interpolation).values
    assert_array_equal(np.isnan(got[0]), [True, False, False, False, True, True, True, True])
    assert_allclose(got[0, 1:4], 3.0, rtol=0.02)


def test_polynomials_are_exact():
    y, x = np.mgrid[:20, :22] / 10.0
    image = 1 + x**3 * y - 0.5 * y**3 + x * y
    where = np.random.default_rng(2).uniform(3, 16, (15, 15, 2))
    at = where / 10.0
    exposure = on_grid(np.zeros((15, 15)))
    expected = 1 + at[..., 0] ** 3 * at[..., 1] - 0.5 * at[..., 1] ** 3 + at[..., 0] * at[..., 1]
    for interpolation in ("poly3", "poly5"):
        got = exposure.resample.blot(on_grid(image), pixmap=where, interpolation=interpolation)
        assert got.dtype == np.float64
        assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("interpolation", ["linear", "poly5"])
def test_threads_do_not_matter(mosaic, interpolation):
    exposure = make_exposure(0, (150, 50))
    one, many = (
        exposure.resample.blot(mosaic, interpolation=interpolation, threads=n) for n in (1, 5)
    )
    assert_array_equal(one, many)


def test_the_blot_of_a_cutout_is_the_cutout_of_the_blot(mosaic):
    exposure, part = make_exposure(2, SHAPE), {"y": slice(7, 31), "x": slice(3, 40)}
    whole = exposure.resample.blot(mosaic, pixmap_stepsize=1)
    cutout = exposure.isel(part).resample.blot(mosaic, pixmap_stepsize=1)
    xr.testing.assert_identical(cutout, whole.isel(part))
    # The default map of a cutout has nodes of its own, so it differs by the tolerance of the map.
    smooth = exposure.isel(part).resample.blot(mosaic)
    assert_allclose(smooth, whole.isel(part), rtol=1e-5)


def test_a_cutout_of_the_mosaic_gives_the_same_bits(mosaic):
    exposure = make_exposure(2, SHAPE)
    whole = exposure.resample.blot(mosaic)
    part = exposure.resample.blot(mosaic.isel(y=slice(30, 60), x=slice(25, 70)))
    known = part.notnull()
    assert 0.2 < float(known.mean()) < 0.9
    where = exposure.resample.pixmap(mosaic)
    x, y = where.sel(axis="x"), where.sel(axis="y")
    inner = (y > 30) & (y < 59) & (x > 25) & (x < 69)
    xr.testing.assert_equal(part.where(inner), whole.where(inner))


def test_a_given_pixel_map_may_be_masked_or_have_units(mosaic):
    exposure = make_exposure(2, SHAPE)
    where = exposure.resample.pixmap(mosaic).values
    whole = exposure.resample.blot(mosaic, pixmap=where)
    xr.testing.assert_equal(exposure.resample.blot(mosaic, pixmap=where * units.pix), whole)
    masked = np.ma.masked_array(where, np.zeros(where.shape, bool))
    masked[30, 25] = np.ma.masked
    expected = whole.copy()
    assert np.isfinite(expected[30, 25])
    expected[30, 25] = np.nan
    xr.testing.assert_equal(exposure.resample.blot(mosaic, pixmap=masked), expected)
    with pytest.raises(xrs.InvalidInputError, match="pixmap must have no units, or pix, got 'deg'"):
        exposure.resample.blot(mosaic, pixmap=where * units.deg)


def test_pixels_of_weight_0_are_missing(mosaic):
    exposure = make_exposure(0, SHAPE)
    nan = mosaic.resample.filled(np.nan)
    xr.testing.assert_equal(exposure.resample.blot(mosaic), exposure.resample.blot(nan))


def test_only_the_part_under_the_exposure_is_read(mosaic):
    import dask.array as da

    read: list[tuple[int, int]] = []

    def load(block: np.ndarray, block_info: dict) -> np.ndarray:
        read.append(block_info[0]["chunk-location"])
        return block

    lazy = mosaic.chunk(y=10, x=10)
    lazy["data"] = (("y", "x"), da.map_blocks(load, lazy["data"].data, dtype=np.float32))
    read.clear()
    exposure = make_exposure(1, SHAPE)
    small = exposure.isel(y=slice(10, 20), x=slice(10, 20))
    got = small.resample.blot(lazy)
    assert not read
    assert_array_equal(got, small.resample.blot(mosaic))
    assert 0 < len(set(read)) <= 9


@pytest.mark.parametrize("interpolation", NAMES)
@pytest.mark.parametrize("kind", ["mosaic", "exposure", "both", "store"])
def test_lazy_blots_have_the_same_bits(mosaic, interpolation, kind, request):
    """An interpolation reads chunks beyond the exposure, too."""
    exposure = make_exposure(1, SHAPE).isel(y=slice(3, 31), x=slice(8, 40))
    expected = exposure.resample.blot(mosaic, interpolation=interpolation)
    image, seen = mosaic, exposure
    if kind in ("mosaic", "both"):
        image = mosaic.chunk(y=3, x=4)
    if kind in ("exposure", "both"):
        seen = exposure.chunk(y=9, x=20)
    if kind == "store":
        image = request.getfixturevalue("store")
        assert image["data"].chunks is not None
    got = seen.resample.blot(image, interpolation=interpolation)
    assert got.chunks == (seen["data"].chunks or ((28,), (32,)))
    assert got.dtype == expected.dtype
    for scheduler in ("synchronous", "threads"):
        xr.testing.assert_identical(got.compute(scheduler=scheduler), expected)


def test_a_lazy_blot_of_an_exposure_whose_pixels_are_binned(mosaic):
    exposure = make_exposure(1, SHAPE).drop_vars("dq").coarsen(y=2, x=2).mean()
    expected = exposure.resample.blot(mosaic)
    xr.testing.assert_identical(exposure.resample.blot(mosaic.chunk(y=7)).compute(), expected)


def test_a_lazy_blot_of_a_store_without_dask(mosaic, tmp_path):
    mosaic.to_netcdf(tmp_path / "mosaic.nc")
    with xr.open_dataset(tmp_path / "mosaic.nc") as image:
        exposure = make_exposure(1, SHAPE)
        got = exposure.chunk(y=20).resample.blot(image)
        xr.testing.assert_identical(got.compute(), exposure.resample.blot(mosaic))


def test_arguments_stay_unchanged(mosaic):
    exposure = make_exposure(1, SHAPE)
    before = checksum(exposure), checksum(mosaic)
    exposure.resample.blot(mosaic)
    assert before == (checksum(exposure), checksum(mosaic))


def test_labels(mosaic):
    exposure = make_exposure(1, SHAPE).isel(y=slice(5, 9))
    got = exposure.resample.blot(mosaic)
    assert got.name == "data"
    assert got.attrs["units"] == "MJy/sr"
    xr.testing.assert_identical(got["y"], exposure["y"])
    assert (exposure["data"] - got).sizes == exposure["data"].sizes


def test_a_grid_of_another_field(mosaic):
    exposure = make_exposure(0, SHAPE)
    elsewhere = xrs.empty_mosaic(make_grid((30, 30), (151.0, 2.0)))
    for mosaic in (elsewhere, elsewhere.chunk(y=10)):
        with pytest.warns(xrs.NoOverlapWarning, match=r"exposure_0\.fits lies outside"):
            assert exposure.resample.blot(mosaic).isnull().all()


def test_bad_arguments(mosaic):
    exposure = make_exposure(0, SHAPE)
    with pytest.raises(xrs.InvalidInputError, match=r"one of 'nearest', .*got 'sinc'"):
        exposure.resample.blot(mosaic, interpolation="sinc")
    with pytest.raises(xrs.InvalidInputError, match="with the variable 'data', got a Dataset"):
        exposure.resample.blot(mosaic.drop_vars("data"))
    with pytest.raises(xrs.InvalidInputError, match="got DataArray"):
        exposure.resample.blot(mosaic["data"])
    with pytest.raises(xrs.InvalidInputError, match="must be an image"):
        exposure.resample.blot(mosaic, variable="con")
    with pytest.raises(xrs.InvalidInputError, match=r"shape \(40, 50, 2\)"):
        exposure.resample.blot(mosaic, pixmap=np.zeros((40, 50)))
