"""Maps of exposure time and of rejected pixels, and the flags that follow from them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    assert_same_bits,
    make_exposure,
    output_grid,
)
from tests.support.slow_drizzle import area, at, inside_cell
from xresample.datamodel.grid import Grid

SHAPE = (12, 14)
GRID = output_grid(SHAPE, margin=8)
REJECTED = ("SATURATED", "JUMP_DET")
SQUARE = (-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)
MAPS: dict[str, Any] = {"exposure_map": True, "rejected": REJECTED}


@cache
def exposure_of(k: int) -> xr.Dataset:
    """Return an exposure with many flags and a few NaN."""
    exposure = make_exposure(k, SHAPE)
    dq = np.random.default_rng(k).choice([0, 0, 2, 4, 6, 8], SHAPE).astype(np.uint32)
    data = exposure["data"].values.copy()
    data[3, 4] = np.nan
    return exposure.assign(dq=exposure["dq"].copy(data=dq), data=exposure["data"].copy(data=data))


def slow_maps(exposure: xr.Dataset, bad: int) -> dict[str, np.ndarray]:
    """Return covered area, area of good pixels and area of rejected pixels, pixel by pixel."""
    shape = Grid.of(GRID).shape
    pixmap = exposure.resample.pixmap(GRID).values
    dq, data = exposure["dq"].values, exposure["data"].values
    maps = {name: np.zeros(shape) for name in ("covered", "good", *REJECTED)}
    for j, i in np.ndindex(SHAPE):
        corners = [at(pixmap, i + u, j + v) for u, v in SQUARE]
        sign = np.sign(area(corners))
        low, high = np.floor(np.min(corners, 0) + 0.5), np.floor(np.max(corners, 0) + 0.5)
        good = np.isfinite(data[j, i]) and not dq[j, i] & bad
        for y in range(int(low[1]), int(high[1]) + 1):
            for x in range(int(low[0]), int(high[0]) + 1):
                overlap = sign * inside_cell(corners, x, y)
                maps["covered"][y, x] += overlap
                maps["good"][y, x] += overlap * good
                for name in REJECTED:
                    maps[name][y, x] += overlap * (not good and bool(dq[j, i] & FLAGS[name]))
    return maps


@pytest.mark.parametrize("good_bits", [0, 4])
@pytest.mark.parametrize("kernel", ["square", "point"])
def test_maps_equal_a_slow_reference(good_bits: int, kernel: Any) -> None:
    exposures = [exposure_of(k) for k in range(2)]
    options = {"pixfrac": 0.5, "good_bits": good_bits, "dtype": "float64", **MAPS}
    mosaic = xrs.coadd(exposures, GRID, kernel=kernel, **options)
    slow = [slow_maps(e, ~good_bits & 0xFFFFFFFF) for e in exposures]
    times = [e.attrs["exposure_time"] for e in exposures]
    expected = sum(t * np.minimum(m["good"], 1) for t, m in zip(times, slow, strict=True))
    np.testing.assert_allclose(mosaic["exposure_map"], expected, atol=1e-6 * sum(times))
    np.testing.assert_allclose(mosaic["covered"], sum(m["covered"] for m in slow), atol=1e-6)
    for k, name in enumerate(REJECTED):
        reference = sum(m[name] for m in slow)
        np.testing.assert_allclose(mosaic["rejected"][k], reference, atol=1e-6)
    assert mosaic["exposure_map"].attrs["units"] == "s"


def test_the_map_of_time_integrates_to_time_times_good_area() -> None:
    exposure = exposure_of(1)
    mosaic = xrs.coadd([exposure], GRID, dtype="float64", exposure_map=True)
    areas = xrs.coadd([exposure], GRID, dtype="float64", rejected=REJECTED)
    good = slow_maps(exposure, 0xFFFFFFFF)["good"].sum()
    total = float(mosaic["exposure_map"].sum())
    assert total == pytest.approx(exposure.attrs["exposure_time"] * good, rel=1e-6)
    assert float(areas["covered"].sum()) > good


@given(
    st.sampled_from(["square", "gaussian", "lanczos3"]),
    st.sampled_from([0.5, 1.0]),
    st.sampled_from([None, 11, 20]),
)
@settings(max_examples=8)
def test_maps_change_nothing_else_and_are_the_same_in_tiles(
    kernel: Any, pixfrac: float, chunks: int | None
) -> None:
    exposures = [exposure_of(k) for k in range(3)]
    options: dict[str, Any] = {"kernel": kernel, "pixfrac": pixfrac}
    plain = xrs.coadd(exposures, GRID, **options)
    whole = xrs.coadd(exposures, GRID, threads=1, **options, **MAPS)
    assert_same_bits(whole, plain, list(map(str, plain.data_vars)))
    tiled = xrs.coadd(exposures, GRID, chunks=chunks, **options, **MAPS).load()
    assert_same_bits(tiled, whole)


@given(st.sampled_from(["square", "turbo"]), st.booleans(), st.integers(0, 2))
@settings(max_examples=6)
def test_maps_survive_dropping(kernel: Any, rejected: bool, gone: int) -> None:
    exposures = [exposure_of(k) for k in range(3)]
    options: dict[str, Any] = {"kernel": kernel, "pixfrac": 0.6, "exposure_map": True}
    if rejected:
        options["rejected"] = REJECTED
    rest = [e for k, e in enumerate(exposures) if k != gone]
    dropped = xrs.coadd(exposures, GRID, **options).resample.drop(gone, exposures=rest)
    assert_same_bits(dropped, xrs.coadd(rest, GRID, **options))


def test_maps_survive_saving_adding_and_merging(tmp_path: Path) -> None:
    first, *others = (exposure_of(k) for k in range(3))
    whole = xrs.coadd([first, *others], GRID, **MAPS)
    start = xrs.coadd([first], GRID, **MAPS)
    start.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as saved:
        assert_same_bits(saved.resample.add(*others), whole)
    merged = start.resample.merge(xrs.coadd(others, GRID, **MAPS))
    for name in ("exposure_map", "covered", "rejected"):
        np.testing.assert_allclose(merged[name], whole[name], rtol=1e-5, atol=1e-5)
    stored = xrs.coadd_to_zarr([first, *others], GRID, tmp_path / "a.zarr", chunks=30, **MAPS)
    assert_same_bits(stored.load(), whole, ("exposure_map", "covered", "rejected"))
    whole.resample.to_fits(tmp_path / "a.fits")


def test_flags_follow_from_the_share_of_the_area() -> None:
    exposures = [exposure_of(k) for k in range(3)]
    mosaic = xrs.coadd(exposures, GRID, propagate_dq=True, good_bits=8, dtype="float64", **MAPS)
    thresholds = {"SATURATED": 0.3, "JUMP_DET": 0.0}
    flagged = mosaic.resample.flag_rejected(thresholds)["dq"]
    expected = mosaic["dq"].values.copy()
    for k, (name, share) in enumerate(thresholds.items()):
        with np.errstate(invalid="ignore"):
            beyond = mosaic["rejected"].values[k] / mosaic["covered"].values > share
        expected[beyond] |= FLAGS[name]
    expected[mosaic["wht"].values == 0] |= FLAGS["DO_NOT_USE"]
    np.testing.assert_array_equal(flagged, expected)
    assert (flagged.values & FLAGS["SATURATED"]).any()
    lazy = xrs.coadd(
        exposures, GRID, chunks=20, propagate_dq=True, good_bits=8, dtype="float64", **MAPS
    ).resample.flag_rejected(thresholds)["dq"]
    assert lazy.chunks is not None
    np.testing.assert_array_equal(lazy, expected)
    kept = mosaic.resample.flag_rejected({}, empty=None)["dq"]
    np.testing.assert_array_equal(kept, mosaic["dq"])


def test_flags_have_names(tmp_path: Path) -> None:
    exposures = [exposure_of(k) for k in range(2)]
    whole = xrs.coadd(exposures, GRID, **MAPS)
    assert list(whole["flag"].values) == list(REJECTED)
    np.testing.assert_array_equal(whole["rejected"].sel(flag="JUMP_DET"), whole["rejected"][1])
    stored = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "a.zarr", chunks=20, **MAPS)
    assert stored["flag"].equals(whole["flag"])
    xrs.coadd(exposures[:1], GRID, **MAPS).to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as saved:
        assert_same_bits(saved.resample.add(exposures[1]), whole)
    chosen = whole.sel(flag=["JUMP_DET"])
    flagged = chosen.resample.flag_rejected({"JUMP_DET": 0.1}, empty=None)["dq"]
    expected = whole.resample.flag_rejected({"JUMP_DET": 0.1}, empty=None)["dq"]
    np.testing.assert_array_equal(flagged, expected)
    with pytest.raises(xrs.InvalidInputError, match="Unknown flags: SATURATED"):
        chosen.resample.flag_rejected({"SATURATED": 0.1})
    with pytest.raises(xrs.InvalidInputError, match="rejected must have the flags SATURATED, J"):
        whole.isel(flag=[1, 0]).resample.add(exposures[0])


def test_bad_input() -> None:
    exposure = exposure_of(0)
    with pytest.raises(xrs.InvalidExposureError, match=r"rejected must name flags.*got NONE"):
        xrs.coadd([exposure], GRID, rejected=("NONE",))
    del (untimed := exposure.copy()).attrs["exposure_time"]
    with pytest.raises(xrs.InvalidExposureError, match="exposure_time must be a number"):
        xrs.coadd([untimed], GRID, exposure_map=True)
    mosaic = xrs.coadd([exposure], GRID, **MAPS)
    with pytest.raises(xrs.InvalidInputError, match=r"Unknown flags: SATURATE \(did you mean"):
        mosaic.resample.flag_rejected({"SATURATE": 0.1})
    for value in (-0.1, 1.1, np.nan, "x"):
        with pytest.raises(xrs.InvalidInputError, match="threshold of SATURATED must be"):
            mosaic.resample.flag_rejected({"SATURATED": value})
    with pytest.raises(xrs.InvalidInputError, match="empty must be a known flag"):
        mosaic.resample.flag_rejected({}, empty="NOTHING")
    with pytest.raises(xrs.InvalidInputError, match="has no 'rejected'"):
        xrs.coadd([exposure], GRID).resample.flag_rejected({})
