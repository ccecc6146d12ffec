"""Mosaics in zarr stores: contents, resuming after errors, refused stores."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
import zarr

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposure
from tests.support.tiles import (
    CHUNKS,
    FULL,
    GRID,
    assert_identical,
    campaign,
    eager_mosaic,
    store_files,
)
from tests.support.wcs import make_grid
from xresample.tiled import zarr_store
from xresample.tiled.folders import in_use

TOUCHED = 7
"""Number of tiles, out of 9, that the campaign touches."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread, so that each run writes the tiles in the same order."""
    with dask.config.set(scheduler="synchronous"):
        yield


def write(folder: Any, exposures: list[xr.Dataset] | None = None, **options: Any) -> xr.Dataset:
    """Co-add the campaign into a store."""
    given = {"chunks": CHUNKS, **FULL, **options}
    return xrs.coadd_to_zarr(campaign() if exposures is None else exposures, GRID, folder, **given)


class Tiles:
    """Record the tiles that are written, and raise an error before tile number ``stop``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[tuple[int, int]] = []
        self.stop: int | None = None
        self._write = zarr_store.write_tile
        monkeypatch.setattr(zarr_store, "write_tile", self)

    def __call__(self, *given: Any, store: Any, index: tuple[int, int]) -> Any:
        if len(self.written) == self.stop:
            raise RuntimeError("interrupted")
        self.written.append(index)
        return self._write(*given, store=store, index=index)


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> Tiles:
    """Return the recorder of written tiles."""
    return Tiles(monkeypatch)


CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "propagated": {"variance_method": "propagated", "compute_err": "from_var"},
    "float64": {"dtype": "float64", "fillval": "nan"},
    "fillval -1": {"fillval": -1},
    "fillval INDEF": {"fillval": "INDEF"},
    "data alone": {"enable_var": False, "enable_ctx": False, "compute_err": None,
                   "propagate_dq": False},
    "one tile": {"chunks": -1},
    "auto chunks": {"chunks": "auto"},
    "wide tiles": {"chunks": {"x": 15}},
    "uncompressed": {"compressors": None},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_store_holds_the_mosaic(case: str, tmp_path: Path) -> None:
    mosaic = write(tmp_path / "m.zarr", **CASES[case])
    own = {n: v for n, v in CASES[case].items() if n not in ("chunks", "compressors")}
    expected = xrs.coadd(campaign(), GRID, **{**FULL, **own})
    assert mosaic["data"].chunks is not None
    assert_identical(mosaic, expected)
    assert mosaic.resample.is_mosaic


def test_without_zarr_the_error_names_zarr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(xrs.InvalidInputError, match="needs zarr, which is not installed"):
        xrs.coadd_to_zarr(campaign(1), GRID, tmp_path / "mosaic.zarr", chunks=CHUNKS)
    assert list(tmp_path.iterdir()) == []


def test_empty_tiles_have_no_files_and_read_as_fill_values(tmp_path: Path) -> None:
    """xarray reads the fill values without this package."""
    exposure, folder = make_exposure(0, (20, 24)), tmp_path / "m.zarr"
    grid = make_grid((200, 200))
    for fillval, empty in ((0, 0.0), (-1, -1.0), ("nan", np.nan), ("INDEF", np.nan)):
        xrs.coadd_to_zarr(exposure, grid, folder, chunks=50, overwrite=True, fillval=fillval,
                          compute_err="from_var", propagate_dq=True)  # fmt: skip
        opened = xr.open_zarr(folder, consolidated=False)
        corner = opened.isel(y=slice(0, 50), x=slice(0, 50)).load()
        values = {"data": empty, "wht": 0.0, "con": 0, "dq": 0, "err": np.nan,
                  "var_rnoise": np.nan, "var_rnoise_wht": 0.0}  # fmt: skip
        for name, value in values.items():
            np.testing.assert_array_equal(corner[name], value, err_msg=name)
            files = [path for path in (folder / name / "c").rglob("*") if path.is_file()]
            # The exposure lies where four tiles meet, so four chunks have a file.
            assert len(files) == (0 if name == "dq" else 4), name
        assert (corner["dq"].dtype, corner["con"].dtype) == (np.uint32, np.int32)


def test_a_mosaic_from_a_store_can_be_added_to(tmp_path: Path) -> None:
    mosaic = write(tmp_path / "m.zarr", campaign(2))
    expected = xrs.coadd(campaign(), GRID, **FULL)
    more = mosaic.resample.add(campaign()[2])
    assert_identical(more, expected)
    mosaic.to_netcdf(tmp_path / "m.nc")
    with xr.open_dataset(tmp_path / "m.nc") as opened:
        assert_same_bits(opened.load(), xrs.coadd(campaign(2), GRID, **FULL))


def test_a_cutout_of_a_mosaic_may_be_the_grid(tmp_path: Path) -> None:
    cut = xrs.empty_mosaic(GRID).isel(y=slice(9, 41), x=slice(13, 50))
    mosaic = xrs.coadd_to_zarr(campaign(), cut, tmp_path / "m.zarr", chunks=15, **FULL)
    assert_identical(mosaic, xrs.coadd(campaign(), cut, **FULL))


@pytest.mark.parametrize("kind", ["text", "LocalStore", "MemoryStore", "dict"])
def test_kinds_of_stores(kind: str, tmp_path: Path) -> None:
    kinds = {"text": lambda: str(tmp_path / "m.zarr"), "dict": dict,
             "LocalStore": lambda: zarr.storage.LocalStore(tmp_path / "m.zarr"),
             "MemoryStore": zarr.storage.MemoryStore}  # fmt: skip
    assert_identical(write(kinds[kind]()), eager_mosaic())


def test_provenance_survives_zarr(tmp_path: Path) -> None:
    exposures = [exposure.copy() for exposure in campaign()]
    exposures[1].attrs.update(filename="a longer name, with ümlaut.fits", group_id="")
    del exposures[2].attrs["measurement_time"]
    del exposures[2].attrs["start_time"]
    assert_identical(write(tmp_path / "m.zarr", exposures), xrs.coadd(exposures, GRID, **FULL))


@pytest.mark.parametrize("stop", [0, 1, 4, TOUCHED - 1])
def test_a_run_resumes_after_an_error(
    stop: int, tmp_path: Path, tiles: Tiles, whole_store: Path
) -> None:
    """Only the remaining tiles are computed, and the store has the same bytes as after one run."""
    tiles.stop = stop
    with pytest.raises(RuntimeError, match="interrupted"):
        write(tmp_path / "m.zarr")
    assert len(tiles.written) == stop
    tiles.stop = None
    mosaic = write(tmp_path / "m.zarr")
    assert len(set(tiles.written)) == len(tiles.written) == TOUCHED
    assert_identical(mosaic, eager_mosaic())
    assert store_files(tmp_path / "m.zarr") == store_files(whole_store)
    before = store_files(tmp_path / "m.zarr")
    assert_identical(write(tmp_path / "m.zarr"), mosaic.compute())
    assert len(tiles.written) == TOUCHED
    assert store_files(tmp_path / "m.zarr") == before


@pytest.mark.parametrize("count", range(0, 40, 3))
def test_a_run_resumes_after_an_error_while_the_store_is_created(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_store: Path
) -> None:
    """Write number ``count`` to the store fails."""
    put, seen = zarr.storage.LocalStore.set, []

    async def failing(self: Any, key: str, *given: Any) -> None:
        seen.append(key)
        if len(seen) > count:
            raise OSError("the disk is full")
        await put(self, key, *given)

    with monkeypatch.context() as patched:
        patched.setattr(zarr.storage.LocalStore, "set", failing)
        with pytest.raises(OSError, match="full"):
            write(tmp_path / "m.zarr")
    assert len(seen) > count
    write(tmp_path / "m.zarr")
    assert store_files(tmp_path / "m.zarr") == store_files(whole_store)


def test_an_interrupted_replacement_keeps_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m.zarr"
    write(folder)
    before = store_files(tmp_path)
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if target == folder and path.name.endswith(".new"):
            raise OSError("interrupted")
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupted)
        with pytest.raises(OSError, match="interrupted"):
            write(folder, overwrite=True, kernel="turbo")
    assert store_files(tmp_path) == before


@pytest.mark.parametrize("purpose", ["new", "old"])
def test_folders_of_killed_processes_are_removed(purpose: str, tmp_path: Path) -> None:
    """An old store that a killed process was about to replace is put back."""
    folder = tmp_path / "m.zarr"
    write(folder)
    before = store_files(tmp_path)
    # No process has this number: Linux and macOS stop counting earlier.
    hidden = folder.with_name(f".m.zarr.{socket.gethostname()}-{2**30}-0.{purpose}")
    folder.rename(hidden)
    with pytest.raises(xrs.GridMismatchError) if purpose == "old" else nullcontext():
        write(folder, **({"kernel": "turbo"} if purpose == "old" else {}))
    assert store_files(tmp_path) == before


def test_temporary_files_of_a_killed_process_are_removed(
    tmp_path: Path, tiles: Tiles, whole_store: Path
) -> None:
    """Only files of zarr below arrays of the store are removed, and only if no process uses it."""
    folder = tmp_path / "m.zarr"
    tiles.stop = 3
    with pytest.raises(RuntimeError):
        write(folder)
    kept = ("data/catalogue.fits.partial", "progress/notes.partial")
    for name in (*kept, f"data/c/1/0.{16 * '4a'}.partial"):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"half")
    tiles.stop = None
    with in_use(folder, []):
        write(folder)
    assert (folder / f"data/c/1/0.{16 * '4a'}.partial").exists()
    for path in (folder / "data/c").rglob("0"):
        if path.is_file():
            path.unlink()
    root = zarr.open_group(folder, mode="r+")
    root["progress/done"][...] = 0
    write(folder)
    for name in kept:
        (folder / name).unlink()
    assert store_files(folder) == store_files(whole_store)


def test_processes_that_begin_one_store_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_store: Path
) -> None:
    """The second process completes the store while the first one still prepares it."""
    folder, allocate = tmp_path / "m.zarr", zarr_store._allocate

    def slow(*arguments: Any) -> None:
        monkeypatch.setattr(zarr_store, "_allocate", allocate)
        write(folder)
        allocate(*arguments)

    monkeypatch.setattr(zarr_store, "_allocate", slow)
    first = write(folder)
    assert_identical(first, eager_mosaic())
    assert store_files(folder) == store_files(whole_store)
    assert [path.name for path in tmp_path.iterdir()] == ["m.zarr"]


@pytest.mark.parametrize("inside", ["", "exposures/first"])
@pytest.mark.parametrize("chunks", [None, {}])
def test_a_store_does_not_overwrite_its_exposures(inside: str, chunks: Any, tmp_path: Path) -> None:
    store = tmp_path / "m.zarr"
    campaign(1)[0].to_zarr(store / inside, consolidated=False)
    lazy = xr.open_zarr(store / inside, consolidated=False, chunks=chunks)
    before = store_files(store)
    changed = lazy.assign(data=2 * lazy["data"]).drop_encoding()
    # Old versions of xarray load all variables here; then the store is no longer needed.
    is_read = all(variable._in_memory for variable in changed.variables.values())
    for exposure in (lazy,) if is_read else (lazy, changed):
        with pytest.raises(
            xrs.InvalidInputError, match=r"would delete .* the source of the exposure"
        ):
            write(store, [exposure], overwrite=True)
    assert store_files(store) == before
    assert_identical(
        write(tmp_path / "other.zarr", [lazy], overwrite=True), xrs.coadd([lazy], GRID, **FULL)
    )


@pytest.mark.parametrize("kind", ["group", "old group", "attributes", "array", "files"])
def test_a_store_that_is_not_a_mosaic_stays_untouched(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "m.zarr"
    if kind == "array":
        zarr.create_array(folder, shape=(3,), dtype="f4")
    elif kind == "files":
        folder.mkdir()
        (folder / "thesis.tex").write_text("precious")
    else:
        group = zarr.open_group(folder, mode="w", zarr_format=2 if kind == "old group" else 3)
        if kind == "attributes":
            group.attrs["title"] = "precious"
        else:
            group.create_array("precious", shape=(3,), dtype="f4")
    before = store_files(folder)
    with pytest.raises(xrs.InvalidInputError, match="store must be new or hold a mosaic"):
        write(folder)
    assert store_files(folder) == before
    assert_identical(write(folder, overwrite=True), eager_mosaic())


def test_progress_counts_tiles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiles: Tiles
) -> None:
    tiles.stop = 4
    with pytest.raises(RuntimeError):
        write(tmp_path / "m.zarr")
    assert capsys.readouterr().err == ""
    tiles.stop = None
    write(tmp_path / "m.zarr", progress=True)
    shown = capsys.readouterr().err
    assert f"{TOUCHED - 4}/{TOUCHED - 4}" in shown
    assert "tile" in shown


def test_tiles_of_a_store_have_one_size(tmp_path: Path) -> None:
    for chunks in (((10, 20, 22), 20), ((20, 20, 12), (10, 20, 27)), (20, (10, 47))):
        ny, nx = GRID.array_shape
        sides = [(*c[:-1], n - sum(c[:-1])) if isinstance(c, tuple) else c
                 for c, n in zip(chunks, (ny, nx), strict=True)]  # fmt: skip
        with pytest.raises(xrs.InvalidInputError, match="must have the same size"):
            write(tmp_path / "m.zarr", chunks=tuple(sides))
    assert not (tmp_path / "m.zarr").exists()


def test_a_store_of_no_exposures(tmp_path: Path) -> None:
    with pytest.warns(xrs.NoExposureWarning):
        mosaic, expected = write(tmp_path / "m.zarr", []), xrs.coadd([], GRID, **FULL)
    # zarr has no text type of length 0, which is the type of the text of no exposures.
    texts = ["filename", "group_id", "fingerprint"]
    assert_identical(mosaic.drop_vars(texts), expected.drop_vars(texts))


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_all_schedulers_write_the_same_bytes(
    scheduler: str, tmp_path: Path, whole_store: Path, pool: ProcessPoolExecutor
) -> None:
    options = {"pool": pool} if scheduler == "processes" else {"num_workers": 2}
    with dask.config.set(scheduler=scheduler, **options):
        write(tmp_path / "m.zarr", [exposure.chunk(9) for exposure in campaign()])
    assert store_files(tmp_path / "m.zarr") == store_files(whole_store)
