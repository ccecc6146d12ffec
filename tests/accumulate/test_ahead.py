"""Exposures in files are read ahead; the mosaic is the same, and so are errors and warnings."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures
from tests.support.wcs import make_fits
from xresample.accumulate.ahead import read_ahead
from xresample.accumulate.job import Job
from xresample.wcs import handle, pixmap

SHAPE = (24, 30)
GRID = make_fits(SHAPE)
OPTIONS: dict[str, Any] = {"compute_err": "driz_err", "propagate_dq": True}
MAIN = threading.main_thread()


class Watched(BackendArray):
    """An array that notes which thread reads it, and may raise an error."""

    def __init__(self, array: np.ndarray, readers: list[threading.Thread], fails: bool) -> None:
        self._array = array
        self._readers = readers
        self._fails = fails
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        self._readers.append(threading.current_thread())
        if self._fails:
            raise OSError("the disk is on fire")
        return self._array[key]


def lazily(
    exposure: xr.Dataset, readers: list[threading.Thread], fails: bool = False
) -> xr.Dataset:
    """Return an exposure whose planes are read when they are needed."""
    planes = {
        name: (v.dims, indexing.LazilyIndexedArray(Watched(v.values, readers, fails)), v.attrs)
        for name, v in exposure.data_vars.items()
    }
    return exposure.assign(planes)


EXPOSURES = make_exposures(4, SHAPE)


@pytest.mark.parametrize("kernel", ["square", "lanczos3", "point"])
@pytest.mark.parametrize("way", ["list", "generator", "add"])
def test_same_bits_as_in_memory(way: str, kernel: str) -> None:
    readers: list[threading.Thread] = []
    opened = [lazily(exposure, readers) for exposure in EXPOSURES]
    options = {**OPTIONS, "kernel": kernel}
    if way == "add":
        made = xrs.empty_mosaic(GRID, **options).resample.add(*opened, threads=2)
    else:
        given = opened if way == "list" else iter(opened)
        made = xrs.coadd(given, GRID, threads=2, **options)
    assert_same_bits(made, xrs.coadd(EXPOSURES, GRID, **options))
    assert readers
    assert MAIN not in readers


def test_every_plane_is_read_once() -> None:
    readers: list[threading.Thread] = []
    xrs.coadd([lazily(e, readers) for e in EXPOSURES], GRID, threads=2, **OPTIONS)
    assert len(readers) == sum(len(exposure.data_vars) for exposure in EXPOSURES)


def test_one_thread_reads_nothing_ahead() -> None:
    readers: list[threading.Thread] = []
    xrs.coadd([lazily(e, readers) for e in EXPOSURES], GRID, threads=1, **OPTIONS)
    assert set(readers) == {MAIN}


def test_a_generator_keeps_one_exposure_in_memory() -> None:
    """The next exposure is taken from the generator only when the current one is done."""
    events = []

    def generated() -> Any:
        for number, exposure in enumerate(EXPOSURES):
            events.append(f"made {number}")
            yield exposure

    for number, (_, prepared) in enumerate(read_ahead(generated(), Job.of_target(GRID, {}), 2)):
        events.append(f"used {number}")
        assert prepared is None
    assert events == [f"{what} {k}" for k in range(4) for what in ("made", "used")]


def test_the_order_is_kept_where_some_exposures_are_in_memory() -> None:
    mixed = [lazily(e, []) if k % 2 else e for k, e in enumerate(EXPOSURES)]
    found = read_ahead(mixed, Job.of_target(GRID, {}), 2)
    assert [(id(e), prepared is not None) for e, prepared in found] == [
        (id(e), bool(k % 2)) for k, e in enumerate(mixed)
    ]


def test_an_exposure_outside_is_not_read() -> None:
    readers: list[threading.Thread] = []
    far = make_fits(SHAPE, crval=(10.0, 20.0))
    outside = lazily(EXPOSURES[1].resample.assign_wcs(far), readers)
    without_flags = {"good_bits": None}
    with pytest.warns(xrs.NoOverlapWarning):
        xrs.coadd([EXPOSURES[0], outside], GRID, threads=2, **without_flags)
    assert not readers


def test_an_error_of_reading_is_raised_where_the_user_waits() -> None:
    readers: list[threading.Thread] = []
    opened = [lazily(e, readers, fails=k == 2) for k, e in enumerate(EXPOSURES)]
    with pytest.raises(OSError, match="the disk is on fire"):
        xrs.coadd(opened, GRID, threads=2, **OPTIONS)
    assert MAIN in readers


@pytest.mark.parametrize("faulty", [1, "not an exposure", None, xr.Dataset()], ids=repr)
def test_other_objects_raise_the_same_error_as_without(faulty: Any) -> None:
    messages = []
    for first in (EXPOSURES[0], lazily(EXPOSURES[0], [])):
        with pytest.raises(xrs.XResampleError) as caught:
            xrs.coadd([first, faulty], GRID, threads=2)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_no_thread_stays_after_an_error(tmp_path: Path) -> None:
    opened = [lazily(e, [], fails=True) for e in EXPOSURES]
    with pytest.raises(OSError, match="fire"):
        xrs.coadd(opened, GRID, threads=2, **OPTIONS)
    assert not [t for t in threading.enumerate() if t.name.startswith("xresample-read-ahead")]


@pytest.fixture
def parsers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The thread of each WCS that is parsed from now on."""
    found = []
    parse = handle.parse

    def noted(text: str) -> Any:
        found.append(threading.current_thread())
        return parse(text)

    handle.clear_caches()
    monkeypatch.setattr(handle, "parse", noted)
    return found


def test_no_wcs_is_parsed_again_in_the_background(parsers: list[threading.Thread]) -> None:
    opened = [lazily(e, []) for e in EXPOSURES]
    grid = xrs.fit_wcs(opened)
    made = xrs.coadd(opened, grid, threads=2, **OPTIONS)
    assert set(parsers) == {MAIN}
    assert_same_bits(made, xrs.coadd(EXPOSURES, grid, **OPTIONS))


def test_wcss_that_are_not_at_hand_are_parsed_in_the_background(
    parsers: list[threading.Thread],
) -> None:
    made = xrs.coadd([lazily(e, []) for e in EXPOSURES], GRID, threads=2, **OPTIONS)
    assert len([thread for thread in parsers if thread is not MAIN]) >= len(EXPOSURES)
    assert_same_bits(made, xrs.coadd(EXPOSURES, GRID, **OPTIONS))


@pytest.mark.parametrize("step", [1, 7])
def test_maps_that_need_wcss_are_made_in_the_background(
    step: int, parsers: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixmap, "translated", lambda *_: None)
    opened = [lazily(e, []) for e in EXPOSURES]
    grid = xrs.fit_wcs(opened)
    parsers.clear()
    made = xrs.coadd(opened, grid, threads=2, pixmap_stepsize=step, **OPTIONS)
    # The background parses the WCS of the grid and of each exposure, or nothing.
    assert len([thread for thread in parsers if thread is not MAIN]) == (step == 1) * 5
    assert_same_bits(made, xrs.coadd(EXPOSURES, grid, pixmap_stepsize=step, **OPTIONS))
