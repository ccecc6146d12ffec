"""Queues of tiles that threads share."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Onto, add
from xresample.kernels import queue
from xresample.kernels.jit import jit
from xresample.kernels.queue import queues, take

TILES = np.arange(4 * 1000).reshape(1000, 4)

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


@jit
def take_all(taken, found):
    """Take numbers until none is left, and count how often each was taken."""
    number = take(taken)
    while number < found.size:
        found[number] += 1
        number = take(taken)


@compiled
def test_threads_take_each_tile_once() -> None:
    found = np.zeros((8, len(TILES)), np.int64)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take_all, [one.taken for one in queues(TILES, 8)], found))
    np.testing.assert_array_equal(found.sum(axis=0), 1)


@pytest.mark.parametrize("threads", [1, 3, 2000])
@pytest.mark.parametrize("shared", [True, False])
def test_queues_hold_each_tile_once(
    threads: int, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SHARED", shared)
    found = queues(TILES, threads)
    assert len(found) == min(threads, len(TILES))
    distinct = {id(one.taken): one for one in found}
    assert len(distinct) == (1 if shared else len(found))
    held = np.concatenate([one.tiles for one in distinct.values()])
    np.testing.assert_array_equal(held[np.argsort(held[:, 0])], TILES)
    assert all(one.taken == 0 and one.tiles.flags.c_contiguous for one in found)


def test_no_tile_needs_no_queue() -> None:
    assert queues(TILES[:0], 2) == []


def test_queues_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    exposure, onto = noisy_exposure(smooth_map(rotation=20.0), 3), Onto((30, 30))
    expected = add(exposure, onto, side=8, threads=3)
    monkeypatch.setattr(queue, "SHARED", False)
    found = add(exposure, onto, side=8, threads=3)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.context, expected.context)
