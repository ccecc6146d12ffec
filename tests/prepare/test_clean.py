"""All steps in one call give the bits of the steps one by one."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.sky_scenes import NOISE, SHAPE, scene_wcs, sky_exposure

LEVELS = (2.0, 0.5, 1.0, 3.0)


def raw_exposures(outliers: float = 0.005) -> list[xr.Dataset]:
    """Return exposures with sky levels, bad pixels, and cosmic rays."""
    exposures = []
    for k, level in enumerate(LEVELS):
        made = sky_exposure(
            scene_wcs(k, spread=6.0), level, k, outliers=outliers, filename=f"raw_{k}.fits"
        )
        dq = (np.random.default_rng(k).random(SHAPE) < 0.02).astype(np.uint32)
        variance = np.full(SHAPE, NOISE**2, np.float32)
        planes = {"err": np.sqrt(variance), "var_rnoise": variance, "dq": dq}
        exposures.append(made.assign({n: (("y", "x"), plane) for n, plane in planes.items()}))
    return exposures


@pytest.fixture(scope="module")
def raw() -> list[xr.Dataset]:
    return raw_exposures()


@pytest.fixture(scope="module")
def grid(raw: list[xr.Dataset]) -> Any:
    return xrs.fit_wcs(raw)


@pytest.fixture(scope="module")
def by_steps(raw: list[xr.Dataset], grid: Any) -> xr.Dataset:
    exposures = xrs.match_sky(raw, grid)
    exposures = xrs.flag_outliers(exposures, grid, preset="jwst", good_bits=0)
    exposures = xrs.fill_flagged(exposures, grid)
    return xrs.coadd(exposures, grid)


def test_one_call_gives_the_bits_of_the_steps(
    raw: list[xr.Dataset], grid: Any, by_steps: xr.Dataset
) -> None:
    before = [e.copy(deep=True) for e in raw]
    xr.testing.assert_identical(xrs.make_mosaic(raw, grid), by_steps)
    one_pass = (e for e in raw)
    xr.testing.assert_identical(xrs.make_mosaic(one_pass, threads=1), by_steps)
    for exposure, old in zip(raw, before, strict=True):
        xr.testing.assert_identical(exposure, old)


def test_the_mosaic_is_clean(raw: list[xr.Dataset], grid: Any, by_steps: xr.Dataset) -> None:
    """Cosmic rays and steps of the sky are gone, and all pixels have the same noise."""
    with_levels, true = (
        [e.assign_attrs(level=level) for e, level in zip(given, LEVELS, strict=True)]
        for given in (raw, raw_exposures(outliers=0.0))
    )
    truth = xrs.coadd([e.drop_vars("dq") for e in true], grid)
    there = (truth["wht"] > 0.9 * truth["wht"].max()).values
    steps = {}
    for name, mosaic in (("clean", by_steps), ("dirty", xrs.coadd(with_levels, grid))):
        difference = (mosaic["data"] - truth["data"]).values[there]
        steps[name] = np.percentile(np.abs(difference - np.median(difference)), 99.5)
    assert steps["clean"] < 2 * NOISE < 1 < steps["dirty"]
    np.testing.assert_allclose(by_steps["sky_level"] - by_steps["sky_level"][1],
                               np.array(LEVELS) - LEVELS[1], atol=0.01)  # fmt: skip


@pytest.mark.parametrize("how", ["dask", "store", "lazy"])
def test_tiles_have_the_same_bits(
    raw: list[xr.Dataset], grid: Any, by_steps: xr.Dataset, how: str, tmp_path: Path
) -> None:
    if how == "dask":
        found = xrs.make_mosaic([e.chunk(y=100, x=130) for e in raw], grid)
    elif how == "store":
        path = tmp_path / "mosaic.zarr"
        found = xrs.make_mosaic(raw, grid, store=path, chunks=128)
        again = xrs.make_mosaic(raw, grid, store=path, chunks=128)
        xr.testing.assert_equal(found.compute(), again.compute())
    else:
        found = xrs.make_mosaic(raw, grid, chunks=100)
        assert found["data"].chunks is not None
    for name, plane in by_steps.data_vars.items():
        np.testing.assert_array_equal(found[name], plane)


def test_steps_can_be_left_out_and_changed(raw: list[xr.Dataset], grid: Any) -> None:
    none = xrs.make_mosaic(raw, grid, sky=None, outliers=False, fill=None, kernel="turbo")
    xr.testing.assert_identical(none, xrs.coadd(raw, grid, kernel="turbo"))
    found = xrs.make_mosaic(
        raw, grid, sky={"order": 1, "superpixel": 32}, outliers={"snr": (6, 5)}, fill=1,
        weight_type=None, pixfrac=0.8,
    )  # fmt: skip
    exposures = xrs.match_sky(raw, grid, order=1, superpixel=32)
    exposures = xrs.flag_outliers(exposures, grid, snr=(6, 5), weight_type=None)
    exposures = xrs.fill_flagged(exposures, grid, iterations=1, weight_type=None)
    xr.testing.assert_identical(found, xrs.coadd(exposures, grid, weight_type=None, pixfrac=0.8))
    linear = xrs.make_mosaic(raw, grid, fill={"interpolation": "linear"}, outliers=None, sky=None)
    expected = xrs.coadd(xrs.fill_flagged(raw, grid, interpolation="linear"), grid)
    xr.testing.assert_identical(linear, expected)


def test_options_as_an_object(raw: list[xr.Dataset], grid: Any) -> None:
    assert set(xrs.Options.__dataclass_fields__) < set(signature(xrs.make_mosaic).parameters)
    options = xrs.Options(kernel="turbo", weight_type=None)
    found = xrs.make_mosaic(raw, grid, options=options)
    named = xrs.make_mosaic(raw, grid, kernel="turbo", weight_type=None)
    xr.testing.assert_identical(found, named)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sky": "mtch"}, "method must be one of"),
        ({"sky": {"ordr": 1}}, "ordr .did you mean 'order'"),
        ({"outliers": {"snrr": 3}}, "snrr .did you mean 'snr'"),
        ({"outliers": {"driz_cr_snrr": "3 2"}}, "driz_cr_snrr .did you mean 'driz_cr_snr'"),
        ({"outlier": "jwst"}, "outlier .did you mean 'outliers'"),
        ({"sky": ["match"]}, "sky must be True, False, a value of method, or a mapping"),
        ({"outliers": "jswt"}, "outliers must be one of 'astrodrizzle', 'jwst', 'romancal'"),
        ({"fill": -1}, "iterations must be"),
        ({"fill": {"kernel": "point"}}, "Unknown parameters of fill_flagged: kernel"),
        ({"good_bits": None}, "good_bits=None accepts the flag of outliers"),
        ({"overwrite": True}, "overwrite must be False without store="),
        ({"weight_typ": None}, "weight_typ"),
        ({"output_wcs": (40, 50)}, "WCS"),
    ],
)
def test_invalid_arguments_are_named(
    raw: list[xr.Dataset], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xrs.InvalidInputError, match=message):
        xrs.make_mosaic(raw, **options)


def test_inputs_that_cannot_be_compared_are_named(
    raw: list[xr.Dataset], grid: Any, tmp_path: Path
) -> None:
    with pytest.raises(xrs.InvalidInputError, match="make_mosaic needs at least one exposure"):
        xrs.make_mosaic([], grid)
    with pytest.raises(xrs.InvalidExposureError, match="err is missing"):
        xrs.make_mosaic([e.drop_vars("err") for e in raw], grid)
    with pytest.raises(xrs.InvalidInputError, match="got 1 group"):
        xrs.make_mosaic(raw[:1], grid, sky=None)
    alone = xrs.make_mosaic(raw[:1], grid, sky=None, outliers=None, fill=None)
    xr.testing.assert_identical(alone, xrs.coadd(raw[:1], grid))
    (tmp_path / "full.zarr").mkdir()
    (tmp_path / "full.zarr" / "notes.txt").write_text("mine")
    with pytest.raises(xrs.InvalidInputError, match=r"holds notes\.txt"):
        xrs.make_mosaic(raw, grid, store=tmp_path / "full.zarr")
