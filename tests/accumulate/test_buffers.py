"""Copies of planes: the same bits, and equal blocks are not written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xresample.accumulate import buffers
from xresample.accumulate.buffers import copy_plane

NUMBERS = [0.0, -0.0, np.nan, np.inf, 1e-45, 3.0]


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(["f4", "f8", "i4", "u4"]), piece=st.sampled_from([8, 24, 256]),
    used=st.booleans(), threads=st.integers(1, 3), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_copy_has_the_same_bits(shape, dtype, piece, used, threads, seed):
    rng = np.random.default_rng(seed)
    source = np.zeros(shape, dtype)
    covered = rng.random(shape) < rng.choice([0.0, 0.1, 1.0])
    source[covered] = rng.choice(NUMBERS if dtype[0] == "f" else [1, 7], covered.sum())
    target = np.zeros(shape, dtype)
    if used:
        target.view("u1")[...] = rng.integers(0, 255, target.view("u1").shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffers, "PIECE", piece)
        copy_plane(target, source, threads)
    assert target.tobytes() == source.tobytes()


@pytest.mark.parametrize(
    "source",
    [np.ones((9, 8), "f4").T, np.ones((8, 18), "f4")[:, ::2], np.ones((8, 9), "f8")],
    ids=["transposed", "every other column", "another type"],
)
def test_other_orders_and_types_are_copied(source):
    target = np.zeros((8, 9), "f4")
    copy_plane(target, source, 2)
    np.testing.assert_array_equal(target, source)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system counts no pages")
@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="too slow without compiler")
def test_blocks_of_zeros_take_no_memory():
    """The target is new memory, and memory that nobody writes takes no place."""
    source, target = np.zeros((2, 4096, 4096), "f4")
    source[2000:2010] = 1.0
    before = resident_bytes()
    copy_plane(target, source, 1)
    assert resident_bytes() - before < target.nbytes // 4
    np.testing.assert_array_equal(target[1990:2020], source[1990:2020])


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
