"""Copies of planes: the same bits, and blocks of zeros cost nothing."""

from __future__ import annotations

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
    threads=st.integers(1, 3), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_copy_has_the_same_bits(shape, dtype, piece, threads, seed):
    rng = np.random.default_rng(seed)
    source = np.zeros(shape, dtype)
    covered = rng.random(shape) < rng.choice([0.0, 0.1, 1.0])
    source[covered] = rng.choice(NUMBERS if dtype[0] == "f" else [1, 7], covered.sum())
    target = np.zeros(shape, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffers, "PIECE", piece)
        patch.setattr(buffers, "PIECES", 3)
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


def test_blocks_of_zeros_are_not_touched(monkeypatch):
    """The target is new memory, and memory that nobody touches takes no place."""
    monkeypatch.setattr(buffers, "PIECE", 64)
    source, target = np.zeros((4, 16), "f4"), np.full((4, 16), 7.0, "f4")
    source[2, 3] = 1.0
    copy_plane(target, source, 1)
    np.testing.assert_array_equal(target[2], source[2])
    assert (np.delete(target, 2, axis=0) == 7.0).all()
