"""The context: which exposures contribute to a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from drizzle.utils import decode_context
from hypothesis import given
from hypothesis import strategies as st

from xresample.datamodel.context import count, decode, n_planes, shift_context
from xresample.errors import InvalidInputError

exposures = st.sets(st.integers(0, 99))


def context(indices: set[int], n: int) -> np.ndarray:
    """Return the context of one pixel, with shape ``(plane, 1, 1)``, built bit by bit."""
    planes = [sum(1 << (k % 32) for k in indices if k // 32 == p) for p in range(n)]
    return np.array(planes, dtype=np.uint32).view(np.int32).reshape(n, 1, 1)


@pytest.mark.parametrize(
    ("exposures", "planes"), [(0, 1), (1, 1), (32, 1), (33, 2), (64, 2), (65, 3)]
)
def test_a_plane_holds_32_exposures(exposures: int, planes: int) -> None:
    assert n_planes(exposures) == planes


@given(indices=exposures)
def test_decode_lists_the_bits(indices: set[int]) -> None:
    con = context(indices, 4)
    assert set(decode(con[:, 0, 0], 100)) == indices
    assert set(decode(con[:, 0, 0].astype(">i4"), 100)) == indices
    assert set(decode(con[:, 0, 0].view(np.uint32))) == indices
    assert count(con) == len(indices)


def test_decode_agrees_with_drizzle() -> None:
    con = np.random.default_rng(0).integers(-(2**31), 2**31, (3, 4, 5)).astype(np.int32)
    for y, x in np.ndindex(4, 5):
        (expected,) = decode_context(con, [x], [y])
        np.testing.assert_array_equal(decode(con[:, y, x], 96), expected)
        assert count(con)[y, x] == len(expected)


def test_decode_stops_at_the_last_exposure() -> None:
    np.testing.assert_array_equal(decode(context({0, 31, 40}, 2)[:, 0, 0], 40), [0, 31])
    assert decode(np.zeros(0, np.int32), 0).size == 0


@given(indices=exposures, by=st.integers(0, 130))
def test_shift_moves_every_bit(indices: set[int], by: int) -> None:
    moved = shift_context(context(indices, 4), by, 8)
    assert moved.dtype == np.int32
    assert moved.shape == (8, 1, 1)
    assert set(decode(moved[:, 0, 0])) == {k + by for k in indices}


@given(indices=exposures, one=st.integers(0, 64), other=st.integers(0, 64))
def test_shifts_add_up(indices: set[int], one: int, other: int) -> None:
    con = context(indices, 4)
    twice = shift_context(shift_context(con, one, 8), other, 8)
    np.testing.assert_array_equal(twice, shift_context(con, one + other, 8))


def test_shift_needs_no_plane_for_bits_that_are_not_set() -> None:
    con = context({0, 3}, 1)
    np.testing.assert_array_equal(shift_context(con, 28, 1)[:, 0, 0], context({28, 31}, 1)[:, 0, 0])
    assert shift_context(np.zeros((3, 2, 2), np.int32), 40, 1).shape == (1, 2, 2)


def test_shift_does_not_change_its_argument() -> None:
    con = context({31}, 1)
    con.flags.writeable = False
    assert shift_context(con, 0, 1)[0, 0, 0] == np.int32(-(2**31))


@pytest.mark.parametrize("by", [29, 32, 64])
def test_a_bit_beyond_the_last_plane_is_an_error(by: int) -> None:
    with pytest.raises(InvalidInputError, match="n_planes must be at least"):
        shift_context(context({3}, 1), by, 1)


def test_a_negative_shift_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="-1"):
        shift_context(context({3}, 1), -1, 1)
