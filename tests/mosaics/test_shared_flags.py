"""``propagate_dq="and"``: the flags that all contributing pixels share."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposure, output_grid
from tests.support.slow_drizzle import at, inside_cell

SHAPE = (12, 14)
GRID = output_grid(SHAPE, margin=5)
AND: dict[str, Any] = {"propagate_dq": "and", "good_bits": 7}
ALL = 2**32 - 1
SQUARE = (-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)


def exposure_of(k: int) -> xr.Dataset:
    """Return an exposure with patches of flagged pixels, and some bad pixels."""
    exposure = make_exposure(k, SHAPE)
    rng = np.random.default_rng(k)
    dq = np.kron(rng.choice([0, 1, 3, 7, 5], (4, 7)), np.ones((3, 2), int)).astype(np.uint32)
    dq[rng.random(SHAPE) < 0.05] |= 8
    return exposure.assign(dq=exposure["dq"].copy(data=dq))


EXPOSURES = [exposure_of(k) for k in range(4)]


def slow_flags(exposures: list[xr.Dataset], bad: int) -> np.ndarray:
    """Return the flags that all contributing pixels share, pixel by pixel."""
    shape = tuple(xrs.empty_mosaic(GRID).sizes[name] for name in ("y", "x"))
    shared = np.full(shape, ALL, np.uint32)
    for exposure in exposures:
        pixmap = exposure.resample.pixmap(GRID).values
        dq, data = exposure["dq"].values, exposure["data"].values
        weights = exposure["var_rnoise"].values
        for j, i in np.ndindex(SHAPE):
            good = np.isfinite(data[j, i]) and np.isfinite(weights[j, i]) and weights[j, i] > 0
            if not good or dq[j, i] & bad:
                continue
            corners = [at(pixmap, i + u, j + v) for u, v in SQUARE]
            low, high = np.floor(np.min(corners, 0) + 0.5), np.floor(np.max(corners, 0) + 0.5)
            for y in range(int(low[1]), int(high[1]) + 1):
                for x in range(int(low[0]), int(high[0]) + 1):
                    if abs(inside_cell(corners, x, y)) > 1e-9:
                        shared[y, x] &= dq[j, i]
    return shared


def test_shared_flags_equal_a_slow_reference() -> None:
    mosaic = xrs.coadd(EXPOSURES[:2], GRID, **AND)
    np.testing.assert_array_equal(mosaic["dq"], slow_flags(EXPOSURES[:2], 8))
    assert mosaic["dq"].dtype == np.uint32
    uncovered = mosaic["con"].values[0] == 0
    assert (mosaic["dq"].values[uncovered] == ALL).all()
    assert (mosaic["dq"].values[~uncovered] < 8).all()


@pytest.mark.parametrize("kernel", ["turbo", "lanczos3", "point", "gaussian"])
def test_exposures_one_by_one_give_the_shared_flags(kernel: Any) -> None:
    options = {"kernel": kernel, "pixfrac": 0.7, **AND}
    alone = [xrs.coadd([e], GRID, **options)["dq"].values for e in EXPOSURES]
    whole = xrs.coadd(EXPOSURES, GRID, **options)
    np.testing.assert_array_equal(whole["dq"], reduce(np.bitwise_and, alone))
    any_flag = xrs.coadd(EXPOSURES, GRID, **{**options, "propagate_dq": "or"})
    covered = whole["con"].values[0] != 0
    assert not (whole["dq"].values & ~any_flag["dq"].values)[covered].any()
    assert_same_bits(whole.drop_vars("dq"), any_flag.drop_vars("dq"))


def test_or_is_the_default_rule() -> None:
    given, default = (xrs.coadd(EXPOSURES, GRID, propagate_dq=rule) for rule in ("or", True))
    xr.testing.assert_identical(given, default)


def test_an_exposure_without_flags_shares_none() -> None:
    mosaic = xrs.coadd([EXPOSURES[0], EXPOSURES[1].drop_vars("dq")], GRID, **AND)
    second = (mosaic["con"].values[0] & 2) != 0
    assert not mosaic["dq"].values[second].any()


@given(st.integers(1, 3), st.sampled_from([None, 20]), st.sampled_from([True, "sets"]))
@settings(max_examples=3)
def test_every_path_gives_the_same_flags(first: int, chunks: Any, context: Any) -> None:
    options = {**AND, "enable_ctx": context, "enable_var": False}
    whole = xrs.coadd(EXPOSURES, GRID, **options)
    start = xrs.coadd(EXPOSURES[:first], GRID, chunks=chunks, **options)
    assert_same_bits(start.resample.add(EXPOSURES[first:]), whole)
    rest = xrs.coadd(EXPOSURES[first:], GRID, chunks=chunks, **options)
    np.testing.assert_array_equal(start.resample.merge(rest)["dq"], whole["dq"])
    dropped = start.resample.merge(rest).resample.drop(0, exposures=EXPOSURES[1:])
    np.testing.assert_array_equal(dropped["dq"], xrs.coadd(EXPOSURES[1:], GRID, **options)["dq"])


def test_shared_flags_survive_netcdf_and_zarr(tmp_path: Path) -> None:
    whole = xrs.coadd(EXPOSURES, GRID, **AND)
    xrs.coadd(EXPOSURES[:2], GRID, **AND).to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as saved:
        assert_same_bits(saved.resample.add(EXPOSURES[2:]), whole)
    stored = xrs.coadd_to_zarr(EXPOSURES, GRID, tmp_path / "a.zarr", chunks=9, **AND)
    assert_same_bits(stored.load(), whole)
    left = xrs.drop_from_zarr(tmp_path / "a.zarr", 1, exposures=[EXPOSURES[0], *EXPOSURES[2:]])
    expected = xrs.coadd([EXPOSURES[0], *EXPOSURES[2:]], GRID, **AND)
    assert_same_bits(left.load(), expected)


def test_mosaics_of_different_rules_do_not_combine() -> None:
    either = [xrs.empty_mosaic(GRID, propagate_dq=rule) for rule in ("or", "and")]
    with pytest.raises(xrs.GridMismatchError, match="propagate_dq: True and 'and'"):
        xrs.merge(*either)
    with pytest.raises(xrs.InvalidInputError, match=r"propagate_dq must be one of .*'and'"):
        xrs.empty_mosaic(GRID, propagate_dq="xor")
