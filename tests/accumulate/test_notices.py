"""Warnings about exposures that are missing, outside, useless or repeated."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import make_exposure, make_exposures, make_wcs, output_grid, wcs_text
from tests.support.wcs import make_fits

SHAPE = (12, 14)
GRID = output_grid(SHAPE, margin=6)
FAR = (150.5, 2.0)


def far_away(k: int) -> xr.Dataset:
    """Return an exposure outside the grid."""
    return make_exposure(k, SHAPE, wcs_text(k, SHAPE, crval=FAR))


def of(caught: Any, category: type[Warning]) -> list[str]:
    """Return the messages of the warnings of one category."""
    return [str(w.message) for w in caught if w.category is category]


WAYS: dict[str, Callable[[list[xr.Dataset], Path], Any]] = {
    "coadd": lambda exposures, _: xrs.coadd(exposures, GRID),
    "add": lambda exposures, _: xrs.empty_mosaic(GRID).resample.add(*exposures),
    "lazy": lambda exposures, _: xrs.coadd(exposures, GRID, chunks=11).compute(),
    "zarr": lambda exposures, path: xrs.coadd_to_zarr(exposures, GRID, path / "a.zarr", chunks=16),
}
ways = pytest.mark.parametrize("way", WAYS)


@ways
def test_one_warning_names_all_exposures_outside(way: str, tmp_path: Path) -> None:
    exposures = [make_exposure(0, SHAPE), *(far_away(k) for k in range(1, 9))]
    with pytest.warns(xrs.NoOverlapWarning) as caught:
        WAYS[way](exposures, tmp_path)
    assert [str(w.message) for w in caught] == [
        "8 of 9 exposures (exposure_1.fits, exposure_2.fits, exposure_3.fits, exposure_4.fits, "
        "exposure_5.fits, ...) lie outside the mosaic: they are counted but change no pixel"
    ]
    assert caught[0].filename == __file__


USELESS: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "all NaN": lambda e: e.assign(data=e["data"] * np.nan),
    "all flagged": lambda e: e.assign(dq=e["dq"] | 1),
    "no variance is positive": lambda e: e.assign(var_rnoise=-e["var_rnoise"]),
    "all variances are infinite": lambda e: e.assign(var_rnoise=e["var_rnoise"] * np.inf),
}


@ways
@pytest.mark.parametrize("kind", USELESS)
def test_an_exposure_that_contributes_nothing(way: str, kind: str, tmp_path: Path) -> None:
    good, bad = make_exposures(2, SHAPE)
    with pytest.warns(xrs.NoContributionWarning, match=r"exposure_1\.fits contributes to no pixel"):
        mosaic = WAYS[way]([good, USELESS[kind](bad)], tmp_path)
    np.testing.assert_array_equal(mosaic["wht"], xrs.coadd([good], GRID)["wht"])
    assert mosaic.sizes["exposure"] == 2


def test_a_useless_part_of_an_exposure_does_not_warn() -> None:
    exposure = make_exposure(0, SHAPE)
    data = exposure["data"].values.copy()
    data[:, :7] = np.nan
    half = exposure.assign(data=(("y", "x"), data))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xrs.coadd([half], GRID, chunks=6).compute()
        xrs.coadd([half.chunk(5)], GRID, chunks=6).compute()


@ways
def test_no_exposures(way: str, tmp_path: Path) -> None:
    add: Any = xrs.empty_mosaic(GRID).resample.add
    with pytest.warns(xrs.NoExposureWarning, match="A generator can be used only once"):
        mosaic = add([]) if way == "add" else WAYS[way]([], tmp_path)
    assert mosaic.sizes["exposure"] == 0


def test_a_generator_that_has_been_used() -> None:
    exposures = iter(make_exposures(2, SHAPE))
    mosaic = xrs.coadd(exposures, GRID)
    with pytest.warns(xrs.NoExposureWarning):
        xrs.coadd(exposures, GRID)
    with pytest.warns(xrs.NoExposureWarning):
        mosaic.resample.add(exposures)
    mosaic.resample.add()


@ways
def test_an_exposure_that_is_given_twice(way: str, tmp_path: Path) -> None:
    first, second = make_exposures(2, SHAPE)
    with pytest.warns(xrs.RepeatedExposureWarning, match=r"exposure_0\.fits is in the mosaic more"):
        mosaic = WAYS[way]([first, second, first], tmp_path)
    assert mosaic.sizes["exposure"] == 3


def test_an_exposure_that_is_added_again(tmp_path: Path) -> None:
    first, second = make_exposures(2, SHAPE)
    mosaic = xrs.coadd([first, second], GRID)
    mosaic.to_netcdf(tmp_path / "a.nc")
    for before in (mosaic, xr.open_dataset(tmp_path / "a.nc")):
        with pytest.warns(xrs.RepeatedExposureWarning, match=r"exposure_1\.fits"):
            before.resample.add(second)
    with pytest.warns(xrs.RepeatedExposureWarning, match=r"exposure_0\.fits"):
        mosaic.resample.merge(xrs.coadd(first, GRID))


def test_an_exposure_without_a_name_is_recognised_by_its_pixels() -> None:
    grid = make_fits(SHAPE)
    rng = np.random.default_rng(0)
    first, second = (xrs.make_exposure(rng.random(SHAPE), grid) for _ in range(2))
    mosaic = xrs.coadd([first, second], grid, weight_type=None)
    with pytest.warns(xrs.RepeatedExposureWarning, match="Exposure 2 is"):
        mosaic.resample.add(first)


def test_parts_and_chips_of_one_file_are_not_repeated() -> None:
    exposure = make_exposure(0, SHAPE)
    halves = [exposure.isel(y=slice(0, 6)), exposure.isel(y=slice(6, None))]
    chip = exposure.resample.assign_wcs(make_wcs(1, SHAPE))
    xrs.coadd([*halves, chip], GRID)


@ways
def test_errors_from_variances_that_no_exposure_has(way: str, tmp_path: Path) -> None:
    bare = [e.drop_vars([n for n in e if str(n).startswith("var_")])
            for e in make_exposures(2, SHAPE)]  # fmt: skip
    options: dict[str, Any] = {"compute_err": "from_var", "weight_type": None}
    calls: dict[str, Callable[[], Any]] = {
        "coadd": lambda: xrs.coadd(bare, GRID, **options),
        "add": lambda: xrs.empty_mosaic(GRID, **options).resample.add(bare),
        "lazy": lambda: xrs.coadd(bare, GRID, chunks=11, **options),
        "zarr": lambda: xrs.coadd_to_zarr(bare, GRID, tmp_path / "a.zarr", **options),
    }
    with pytest.warns(xrs.MissingVarianceWarning, match="compute_err='from_var'") as caught:
        mosaic = calls[way]()
    assert len(of(caught, xrs.MissingVarianceWarning)) == 1
    assert np.isnan(mosaic["err"]).all()


def test_a_pixel_scale_that_is_not_that_of_the_grid() -> None:
    exposure = make_exposure(0, SHAPE)
    scale = xrs.coadd(exposure, GRID).attrs["pixel_scale"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xrs.coadd(exposure, GRID, pixel_scale=1.001 * scale)
        xrs.coadd(exposure, {"wcs": GRID, "pixel_scale": scale})
        xrs.empty_mosaic((4, 5), pixel_scale=3.0)
    for target, options in (
        (GRID, {"pixel_scale": 2 * scale}),
        ({"wcs": GRID, "pixel_scale": 0.5 * scale}, {}),
        (xrs.coadd(exposure, GRID), {"pixel_scale": 1.02 * scale}),
    ):
        with pytest.warns(xrs.PixelScaleWarning, match="must be that of the grid"):
            xrs.coadd(exposure, target, **options)
