"""Exposures dropped from a store and replaced in it: the same bytes as a new store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import make_arrays, make_exposure, make_wcs, output_grid
from tests.support.tiles import assert_identical, store_files
from xresample.tiled import zarr_revision, zarr_store

SHAPE = (15, 18)
GRID = output_grid(SHAPE, margin=30)
CHUNKS = 32
SETS: dict[str, Any] = {"enable_ctx": "sets"}


def side_by_side(n: int = 4) -> list[xr.Dataset]:
    """Return exposures side by side, with overlaps."""
    wcss = [make_wcs(k, SHAPE, offset=(9.0 * k - 12, 3.0 * k)) for k in range(n)]
    return [make_exposure(k, SHAPE, wcs) for k, wcs in enumerate(wcss)]


EXPOSURES = side_by_side()


def stored(exposures: list[xr.Dataset], folder: Path, **options: Any) -> Path:
    """Write the mosaic of some exposures, and return the folder."""
    xrs.coadd_to_zarr(exposures, GRID, folder, chunks=CHUNKS, **options)
    return folder


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that copies the store of some exposures, which is written only once."""
    templates = tmp_path_factory.mktemp("templates")

    @cache
    def template(numbers: tuple[int, ...], with_sets: bool) -> Path:
        folder = templates / f"{len(numbers)}-{with_sets}.zarr"
        return stored([EXPOSURES[k] for k in numbers], folder, **(SETS if with_sets else {}))

    def copy(numbers: tuple[int, ...], folder: Path, options: dict[str, Any]) -> Path:
        return Path(shutil.copytree(template(numbers, options is SETS), folder))

    return copy


@given(
    st.sampled_from(["square", "lanczos3"]),
    st.sampled_from([{}, {"compute_err": "from_var"}, {"enable_ctx": False}, SETS]),
    st.sets(st.integers(0, 3), min_size=1, max_size=2),
)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_without_exposures_has_the_bytes_of_a_new_one(
    tmp_path_factory: pytest.TempPathFactory, kernel: str, more: dict[str, Any], gone: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    options = {"kernel": kernel, **more}
    rest = [e for k, e in enumerate(EXPOSURES) if k not in gone]
    store = stored(EXPOSURES, folder / "a.zarr", **options)
    mosaic = xrs.drop_from_zarr(store, sorted(gone), exposures=rest)
    new = stored(rest, folder / "b.zarr", **options)
    expected = xrs.coadd(rest, GRID, **options)
    if more is SETS:
        expected, mosaic = (m.resample.with_context("bits") for m in (expected, mosaic))
    assert_identical(mosaic, expected)
    assert store_files(store) == store_files(new)
    # The store can be resumed like any other.
    xrs.coadd_to_zarr(rest, GRID, store, chunks=CHUNKS, **options)


def test_a_replaced_exposure(tmp_path: Path) -> None:
    new = make_exposure(2, SHAPE, make_wcs(2, SHAPE, offset=(-9.0, 8.0)), make_arrays(20, SHAPE))
    new = new.assign(var_odd=new["var_flat"])
    store = stored(EXPOSURES, tmp_path / "a.zarr")
    rest = [e for k, e in enumerate(EXPOSURES) if k != 2]
    mosaic = xrs.replace_in_zarr(store, new, exposures=rest)
    final = [*EXPOSURES[:2], new, *EXPOSURES[3:]]
    assert_identical(mosaic, xrs.coadd(final, GRID))


def test_a_mosaic_opened_from_a_store_is_dropped_from_lazily(tmp_path: Path) -> None:
    mosaic = xr.open_zarr(stored(EXPOSURES, tmp_path / "a.zarr"), consolidated=False)
    dropped = mosaic.resample.drop(1, exposures=[EXPOSURES[0], *EXPOSURES[2:]])
    assert dropped["con"].chunks is not None
    assert_identical(dropped, xrs.coadd([EXPOSURES[0], *EXPOSURES[2:]], GRID))


class InterruptedRunError(RuntimeError):
    """The interruption of a test."""


@pytest.mark.parametrize("options", [{}, SETS])
@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("step", ["create_plane", "_renumber", "write_tile", "write_labels"])
def test_an_interrupted_revision_resumes_to_the_same_bytes(
    step: str,
    call: int,
    options: dict[str, Any],
    tmp_path: Path,
    copied: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step fails at its first or second call, after it has done its work."""
    rest = [EXPOSURES[0], *EXPOSURES[2:]]
    store = copied((0, 1, 2, 3), tmp_path / "a.zarr", options)
    function, calls = getattr(zarr_revision, step), []

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls.append(step)
        result = function(*args, **kwargs)
        if len(calls) >= (1 if step == "write_labels" else call):
            raise InterruptedRunError
        return result

    with monkeypatch.context() as patch:
        patch.setattr(zarr_revision, step, failing)
        with pytest.raises(InterruptedRunError):
            xrs.drop_from_zarr(store, 1, exposures=rest)
    mosaic = xrs.drop_from_zarr(store, 1, exposures=rest)
    if options is SETS:
        mosaic = mosaic.resample.with_context("bits")
    assert_identical(mosaic, xrs.coadd(rest, GRID))
    assert store_files(store) == store_files(copied((0, 2, 3), tmp_path / "b.zarr", options))


def test_another_revision_does_not_continue_an_interrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(EXPOSURES, tmp_path / "a.zarr")

    def fail(*_: Any) -> None:
        raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr(zarr_revision, "_swap", fail)
        with pytest.raises(InterruptedRunError):
            xrs.drop_from_zarr(store, 1, exposures=[EXPOSURES[0], *EXPOSURES[2:]])
    with pytest.raises(xrs.GridMismatchError, match="repeat the call that began it"):
        xrs.drop_from_zarr(store, 0, exposures=EXPOSURES[1:])
    mosaic = xrs.drop_from_zarr(store, 1, exposures=[EXPOSURES[0], *EXPOSURES[2:]])
    assert_identical(mosaic, xrs.coadd([EXPOSURES[0], *EXPOSURES[2:]], GRID))


def test_only_changed_tiles_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stored(EXPOSURES, tmp_path / "a.zarr")
    computed = []
    compute = zarr_store.compute_tile

    def spy(shared: Any, tile: Any, *args: Any) -> Any:
        computed.append(tile)
        return compute(shared, tile, *args)

    monkeypatch.setattr(zarr_store, "compute_tile", spy)
    con = xr.open_zarr(store, consolidated=False)["con"].values
    xrs.drop_from_zarr(store, 3, exposures=EXPOSURES[:3])
    there = (con[0] >> 3) & 1
    expected = {(int(j) // CHUNKS, int(i) // CHUNKS) for j, i in np.argwhere(there)}
    assert {(tile.y.start // CHUNKS, tile.x.start // CHUNKS) for tile in computed} == expected


def test_stores_that_are_no_finished_mosaic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(xrs.InvalidInputError, match=r"store must hold a mosaic of coadd_to_zarr"):
        xrs.drop_from_zarr(tmp_path / "none.zarr", 0, exposures=EXPOSURES[1:])

    def fail(*_: Any) -> None:
        raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr(zarr_store, "run_tiles", fail)
        with pytest.raises(InterruptedRunError):
            stored(EXPOSURES, tmp_path / "a.zarr")
    with pytest.raises(xrs.InvalidInputError, match=r"tiles of .*a\.zarr are missing"):
        xrs.drop_from_zarr(tmp_path / "a.zarr", 0, exposures=EXPOSURES[1:])
    store = stored(EXPOSURES, tmp_path / "a.zarr")
    before = store_files(store)
    with pytest.raises(xrs.InvalidInputError, match=r"names must be files.*'x\.fits'"):
        xrs.drop_from_zarr(store, "x.fits", exposures=EXPOSURES[1:])
    with pytest.raises(xrs.InvalidInputError, match=r"exposure 1 differs"):
        xrs.drop_from_zarr(store, 0, exposures=EXPOSURES[:3])
    assert store_files(store) == before
