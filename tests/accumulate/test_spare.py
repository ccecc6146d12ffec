"""Memory of freed mosaics: used again, never while anybody can see it, and given up in time."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures, output_grid
from xresample.accumulate import spare as module
from xresample.accumulate.spare import Spare, spare

GRID = output_grid((16, 20))
OPTIONS = {"compute_err": "driz_err", "propagate_dq": True}


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Memory must return at once, so the collection of garbage is off."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Spare:
    monkeypatch.setattr(module, "total_memory", lambda: module.SHARE * 1000)
    return Spare()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_chain_uses_the_memory_of_the_mosaic_before_last() -> None:
    mosaic, addresses = xrs.empty_mosaic(GRID, **OPTIONS), []
    for exposure in make_exposures(6):
        mosaic = mosaic.resample.add(exposure)
        addresses.append(address(mosaic["data"].values))
    assert addresses[0::2] == [addresses[0]] * 3
    assert addresses[1::2] == [addresses[1]] * 3
    del mosaic
    assert spare.nbytes == 0


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("kept", ["Dataset", "plane", "view", "numpy"])
def test_what_anybody_holds_is_unchanged(kept: str) -> None:
    exposures = make_exposures(6)
    mosaic = xrs.empty_mosaic(GRID, **OPTIONS).resample.add(exposures[0])
    held = {
        "Dataset": mosaic,
        "plane": mosaic["con"],
        "view": mosaic["data"][2:, ::3],
        "numpy": mosaic["dq"].values[::-1],
    }[kept]
    before = held.copy(deep=True) if kept != "numpy" else held.copy()
    for exposure in exposures[1:]:
        mosaic = mosaic.resample.add(exposure)
    if kept == "numpy":
        np.testing.assert_array_equal(held, before)
    else:
        assert held.identical(before)


@pytest.mark.usefixtures("no_garbage_collection")
def test_changes_of_a_freed_mosaic_do_not_return() -> None:
    """A user may write into a mosaic before the next exposure, or after it."""
    exposures = make_exposures(5)
    mosaic = xrs.coadd(exposures[:1], GRID, **OPTIONS)
    expected = xrs.coadd(exposures, GRID, **OPTIONS)
    for exposure in exposures[1:]:
        following = mosaic.resample.add(exposure)
        for name in ("data", "wht", "con", "dq", "err"):
            mosaic[name].values[...] = 77
        mosaic = following
    assert_same_bits(mosaic, expected)


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_variance_that_comes_later_is_empty_where_nothing_is() -> None:
    exposures = make_exposures(5)
    without = [exposure.drop_vars("var_flat", errors="ignore") for exposure in exposures]
    chained = xrs.empty_mosaic(GRID, **OPTIONS)
    for exposure in (*without[:3], *exposures[3:]):
        chained = chained.resample.add(exposure)
    assert_same_bits(chained, xrs.coadd((*without[:3], *exposures[3:]), GRID, **OPTIONS))


def test_a_used_block_fits_arrays_of_its_size_only(pool: Spare) -> None:
    other, _ = pool.array((1,), "u1")
    array, is_new = pool.array((5, 2), "f4")
    assert is_new
    assert not array.any()
    where = address(array)
    array[...] = 3.0
    del array
    assert pool.nbytes == 40
    assert pool.array((5,), "f4")[1]
    array, is_new = pool.array((10,), "i4")
    assert not is_new
    assert address(array) == where
    assert other.size


def test_a_view_keeps_its_memory(pool: Spare) -> None:
    other, _ = pool.array((1,), "u1")
    array, _ = pool.array((5, 2), "f4")
    view = array[1:].T
    del array
    assert pool.nbytes == 0
    del view
    assert pool.nbytes == 40
    assert other.size


def test_the_spare_memory_is_limited_to_the_last_blocks(pool: Spare) -> None:
    other, _ = pool.array((1,), "u1")
    arrays = [pool.array((size,), "u1")[0] for size in (600, 300, 500)]
    while arrays:
        arrays.pop(0)
    assert pool.nbytes == 800
    too_large, _ = pool.array((2000,), "u1")
    del too_large
    assert pool.nbytes == 0
    assert other.size


def test_spare_memory_is_given_up_with_the_last_array(pool: Spare) -> None:
    one, other = pool.array((8,), "u1")[0], pool.array((9,), "u1")[0]
    del one
    assert pool.nbytes == 8
    del other
    assert pool.nbytes == 0


def test_a_new_mosaic_gives_up_spare_memory() -> None:
    first, second = make_exposures(2)
    mosaic = xrs.empty_mosaic(GRID).resample.add(first)
    mosaic = mosaic.resample.add(second)
    gc.collect()
    assert spare.nbytes > 0
    xrs.empty_mosaic(GRID)
    assert spare.nbytes == 0
    assert mosaic.sizes["exposure"] == 2
