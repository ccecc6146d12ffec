"""Memory of exposures that were read from files: used again, never while anybody sees it."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.exposures import assert_same_bits
from xresample.accumulate import ahead
from xresample.accumulate import spare as module
from xresample.accumulate.ahead import Prepared, read_ahead
from xresample.accumulate.job import Job
from xresample.accumulate.spare import Recycler, new_array

OPTIONS: dict[str, Any] = {"compute_err": "driz_err", "propagate_dq": True}
COUNT = 7
PLANES = ("data", "err", "dq", "var_rnoise", "var_poisson", "var_flat")


@pytest.fixture(autouse=True)
def used_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small arrays are used again, too; and at once, because garbage collection is off."""
    monkeypatch.setattr(module, "SMALLEST", 1)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    found = [tmp_path_factory.mktemp("jwst") / f"{k}.fits" for k in range(COUNT)]
    for k, path in enumerate(found):
        files.jwst(path, seed=k, meta={"group_id": f"group_{k}"})
    return found


@pytest.fixture
def opened(paths: list[Path]) -> list[xr.Dataset]:
    return [xr.open_dataset(path) for path in paths]


@pytest.fixture
def expected(paths: list[Path]) -> xr.Dataset:
    loaded = [xr.open_dataset(path).load() for path in paths]
    return xrs.coadd(loaded, xrs.fit_wcs(loaded), **OPTIONS)


@pytest.fixture
def prepared(opened: list[xr.Dataset]) -> Iterator[tuple[xr.Dataset, Prepared | None]]:
    job = Job.of_target(xrs.fit_wcs(opened), OPTIONS)
    return read_ahead(opened, job.admit_all(opened[:1])[1], threads=2)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_all_exposures_share_the_memory_of_two(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exposure is freed when the next one has been read; before that, nobody may need it."""
    prepare, read = ahead._prepare, threading.Semaphore(0)

    def noted(*args: Any) -> Prepared:
        try:
            return prepare(*args)
        finally:
            read.release()

    monkeypatch.setattr(ahead, "_prepare", noted)
    places: set[int] = set()
    read_before = 0
    for number, (_, found) in enumerate(prepared):
        window = found.window
        places |= {address(window.pixmap), *(address(window.read(name)) for name in PLANES)}
        while read_before < min(number + 2, COUNT):
            assert read.acquire(timeout=30)
            read_before += 1
        del _, found, window
    assert len(places) <= 2 * (1 + len(PLANES))


HOLDERS: dict[str, Callable[[Prepared], Any]] = {
    "Prepared": lambda found: found,
    "Window": lambda found: found.window,
    "function": lambda found: found.window.read,
    "plane": lambda found: found.window.read("data"),
    "slice": lambda found: found.window.read("data")[3:, ::2],
    "view": lambda found: found.window.read("data").view(np.int32).T,
    "row": lambda found: found.window.read("data")[2],
    "memoryview": lambda found: memoryview(found.window.read("data")),
    "Variable": lambda found: xr.Variable(("y", "x"), found.window.read("data"))[1:],
    "flags": lambda found: found.window.dq,
    "map": lambda found: found.window.pixmap[..., 0],
}


def numbers(held: Any) -> np.ndarray:
    """Return the numbers that an object shows."""
    if isinstance(held, Prepared):
        held = held.window
    if hasattr(held, "read"):
        held = held.read
    return np.array(held("data") if callable(held) else held)


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_memory_that_anybody_holds_is_not_used_again(prepared: Any, holder: Any) -> None:
    kept, before = [], []
    for _, found in prepared:
        kept.append(holder(found))
        before.append(numbers(kept[-1]))
        del _, found
    assert len(kept) == COUNT
    for held, then in zip(kept, before, strict=True):
        np.testing.assert_array_equal(numbers(held), then)


@pytest.mark.parametrize("way", ["list", "generator", "add", "one thread"])
def test_same_bits_as_in_memory(opened: Any, expected: xr.Dataset, way: str) -> None:
    grid = xrs.fit_wcs(opened)
    if way == "add":
        made = xrs.empty_mosaic(grid, **OPTIONS).resample.add(*opened, threads=2)
    else:
        given = iter(opened) if way == "generator" else opened
        made = xrs.coadd(given, grid, threads=1 if way == "one thread" else 2, **OPTIONS)
    assert_same_bits(made, expected)


def test_planes_that_a_user_loads_stay(opened: Any, expected: xr.Dataset, paths: Any) -> None:
    """A user keeps Datasets, and loads some of them before, and some while exposures are read."""
    grid = xrs.fit_wcs(opened)
    opened[1]["data"].load()
    part = opened[4]["err"][2:, 3:].values

    def generated() -> Iterator[xr.Dataset]:
        for k, exposure in enumerate(opened):
            yield exposure
            if k % 2:
                opened[k - 1].load()
                exposure["dq"].load()

    assert_same_bits(xrs.coadd(generated(), grid, threads=2, **OPTIONS), expected)
    for exposure, path in zip(opened, paths, strict=True):
        xr.testing.assert_identical(exposure.load(), xr.open_dataset(path).load())
    np.testing.assert_array_equal(part, opened[4]["err"][2:, 3:])


def test_exposures_in_memory_between_others(opened: Any, expected: xr.Dataset) -> None:
    grid = xrs.fit_wcs(opened)
    mixed = [exposure.load() if k in (2, 5) else exposure for k, exposure in enumerate(opened)]
    assert_same_bits(xrs.coadd(mixed, grid, threads=2, **OPTIONS), expected)


def test_an_error_changes_nothing_that_is_held(prepared: Any, opened: Any, expected: Any) -> None:
    kept, before = [], []
    with pytest.raises(RuntimeError, match="stop"):  # noqa: PT012 - the error ends the loop
        for k, (_, found) in enumerate(prepared):
            kept.append(found.window.read("data"))
            before.append(kept[-1].copy())
            if k == 3:
                raise RuntimeError("stop")
    prepared.close()
    made = xrs.coadd(opened, xrs.fit_wcs(opened), threads=2, **OPTIONS)
    assert_same_bits(made, expected)
    np.testing.assert_array_equal(kept, before)


def test_a_file_that_is_cut_off_gives_no_pixels_of_other_files(paths: Any, tmp_path: Path) -> None:
    copies = [Path(shutil.copy(path, tmp_path)) for path in paths]
    opened = [xr.open_dataset(path) for path in copies]
    grid = xrs.fit_wcs(opened)
    with copies[4].open("r+b") as stream:
        stream.truncate(copies[4].stat().st_size // 2)
    with pytest.raises(xrs.FileError, match="has changed since it was opened"):
        xrs.coadd(opened, grid, threads=2, **OPTIONS)


def test_threads_that_read_the_same_files(opened: Any, expected: xr.Dataset) -> None:
    grid = xrs.fit_wcs(opened)
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(xrs.coadd, opened, grid, threads=2, **OPTIONS) for _ in range(8)]
    for one in made:
        assert_same_bits(one.result(), expected)


def test_two_exposures_take_memory_at_a_time(prepared: Any, blocks: list[Any]) -> None:
    size, most = 0, 0
    for _, found in prepared:
        window = found.window
        size = window.pixmap.nbytes + sum(window.read(name).nbytes for name in PLANES)
        del _, found, window
        most = max(most, live_bytes(blocks))
    assert len(blocks) == COUNT * (1 + len(PLANES))
    assert 0 < most <= 2 * size
    assert live_bytes(blocks) == 0


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Weak references to all blocks of memory that are used from now on."""
    found: list[Any] = []
    shown = module._shown

    def noted(block: np.ndarray, *rest: Any) -> np.ndarray:
        found.append(weakref.ref(block))
        return shown(block, *rest)

    monkeypatch.setattr(module, "_shown", noted)
    return found


def live_bytes(blocks: list[Any]) -> int:
    """Return the number of bytes of the blocks that still exist."""
    live = {id(found): found.nbytes for found in (ref() for ref in blocks) if found is not None}
    return sum(live.values())


def test_memory_of_other_sizes_is_given_up_before_new_memory_is_taken(blocks: list[Any]) -> None:
    memory = Recycler()
    with memory.used():
        arrays = [new_array((4, 5), "f4") for _ in range(3)]
    del arrays
    assert memory.nbytes == 240
    with memory.used():
        first = new_array((10, 2), "i4")
        assert memory.nbytes == 160
        second = new_array((4, 5), "f8")
        assert memory.nbytes == 0
    assert live_bytes(blocks) == 240
    assert first.nbytes + second.nbytes == 240


def test_memory_that_an_exposure_leaves_is_given_up() -> None:
    memory = Recycler()
    with memory.used():
        current = new_array((4, 5), "f4")
        before = [new_array((4, 5), "f4") for _ in range(3)]
    del before
    assert memory.nbytes == 240
    with memory.used():
        following = new_array((4, 5), "f4")
        # The current exposure has been deposited while the next one is read.
        del current
    assert memory.nbytes == following.nbytes == 80


def test_a_closed_recycler_keeps_nothing() -> None:
    memory = Recycler()
    with memory.used():
        one, other = new_array((5,), "f4"), new_array((6,), "f4")
    del one
    assert memory.nbytes == 20
    memory.close()
    del other
    assert memory.nbytes == 0
    with memory.used():
        array = new_array((5,), "f4")
        array[...] = 1.0
    del array
    assert memory.nbytes == 0


def test_only_code_that_reads_an_exposure_uses_spare_memory() -> None:
    memory = Recycler()
    with pytest.raises(RuntimeError), memory.used():  # noqa: PT012 - an error in the block
        where = address(new_array((50,), "f4"))
        raise RuntimeError
    assert memory.nbytes == 200
    assert new_array((50,), "f4").base is None
    with memory.used(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(new_array, (50,), "f4").result().base is None
        assert address(new_array((50,), "f4")) == where


def test_small_arrays_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALLEST", 100)
    memory = Recycler()
    with memory.used():
        assert new_array((99,), "u1").base is None
        assert new_array((0, 7), "f8").shape == (0, 7)
        array = new_array((100,), "u1")
    assert array.base is not None
    assert array.flags.writeable
    assert array.flags.c_contiguous
