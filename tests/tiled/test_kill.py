"""A process that writes a store is killed, again and again: nothing is lost, nothing is left."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xresample as xrs
from tests.support.killed import CHUNKS, write
from tests.support.tiles import FULL, GRID, assert_identical, campaign, tree

KILLS = int(os.environ.get("XRESAMPLE_TEST_KILLS", "5"))
"""How often; by hand, 20 times and more."""


@pytest.fixture(scope="module")
def processes() -> Any:
    """Return what starts processes that are at work at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.killed"])
    return context


def duration(processes: Any, folder: Path) -> float:
    """Write a store; return the seconds that it took."""
    # The first process waits for what is loaded before it.
    for name in ("first.zarr", folder.name):
        start = time.perf_counter()
        process = processes.Process(target=write, args=(folder.with_name(name),))
        process.start()
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - start


def test_killed_at_any_moment(tmp_path: Path, processes: Any) -> None:
    whole = tmp_path / "whole.zarr"
    seconds = duration(processes, whole)
    expected = tree(whole)
    rng = np.random.default_rng(7)
    kills, stores = 0, 0
    while kills < KILLS:
        folder = tmp_path / f"{stores}.zarr"
        stores += 1
        code = -9
        while code != 0:
            process = processes.Process(target=write, args=(folder,))
            process.start()
            # Enough kills have been: the last one may finish.
            process.join(rng.uniform(0, seconds) if kills < KILLS else None)
            process.kill()
            process.join()
            code = process.exitcode
            assert code in (0, -9)
            kills += code == -9
        assert tree(folder) == expected
    assert kills >= KILLS
    mosaic = xrs.coadd_to_zarr(campaign(), GRID, folder, chunks=CHUNKS, **FULL)
    assert_identical(mosaic, xrs.coadd(campaign(), GRID, **FULL))
