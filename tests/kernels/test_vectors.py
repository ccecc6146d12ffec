"""Vector instructions against their plain equivalents."""

from __future__ import annotations

import os

import numpy as np
import pytest

from xresample.kernels import plain, vectors
from xresample.kernels.jit import inlined, jit
from xresample.kernels.structures import GROUP, SPAN

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


@compiled
@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 2)])
def test_patches(side: int, powers: tuple[int, int]) -> None:
    group_1, pair_1, flags_1 = vectors.patch_by_llvm(side)
    group_2, pair_2, flags_2 = plain.patch(side)
    steps = 3, 3 * (side + 1)

    @jit
    def first(sums, flags, cells, samples, powers):
        group_1(sums, 2, steps, cells, 5, 0.7, (powers[1], powers[1]), samples, 2)
        pair_1(sums, 0, steps, cells, 5, -0.7, powers, samples, 0)
        flags_1(flags, 1, side + 1, cells, 5, 0.7, 9)

    @jit
    def second(sums, flags, cells, samples, powers):
        group_2(sums, 2, steps, cells, 5, 0.7, (powers[1], powers[1]), samples, 2)
        pair_2(sums, 0, steps, cells, 5, -0.7, powers, samples, 0)
        flags_2(flags, 1, side + 1, cells, 5, 0.7, 9)

    rng = np.random.default_rng(side)
    cells, samples = rng.normal(size=9 * SPAN), rng.random(3 * GROUP)
    cells[5 + SPAN] = 0.0
    samples[1] = np.nan
    pixels = (side + 1) ** 2
    found = []
    for add in (first, second):
        sums, flags = np.ones(pixels * 3 * GROUP), np.zeros(pixels, np.int64)
        add(sums, flags, cells, samples, powers)
        found.append((sums, flags))
    # The compiler may round a product and a sum once in one of them, and twice in the other.
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-15)
    np.testing.assert_array_equal(found[0][1], found[1][1])


@compiled
@pytest.mark.parametrize("factor", [-0.3, 0.0, 1e-7, np.nan])
def test_rows(factor: float) -> None:
    set_flags, write_products = inlined(plain.set_flags_in_row), inlined(plain.write_products)

    @jit
    def both(one, other, flags, factor):
        vectors.write_products_by_llvm(one, 3, 40, factor, 0.7)
        write_products(other, 3, 40, factor, 0.7)
        vectors.set_flags_in_row_by_llvm(flags[0], 2, one, 3, 9)
        set_flags(flags[1], 2, one, 3, 9)

    one = np.random.default_rng(4).normal(size=64)
    one[40:44] = 1e-3, -1e-3, 1e-4, 0.0
    other, flags = one.copy(), np.full((2, 12), 4)
    both(one, other, flags, factor)
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*flags)
    written = factor * one[40:48]
    written[~(np.abs(written) > 1e-10)] = 0.0
    np.testing.assert_array_equal(one[3:11], written * 0.7)
    np.testing.assert_array_equal(flags[0, 2:10], np.where(written > 0, 13, 4))


@compiled
@pytest.mark.parametrize(("at", "pitch", "to", "target_pitch"), [(0, 4, 0, 4), (3, 8, 5, 256)])
def test_turn(at: int, pitch: int, to: int, target_pitch: int) -> None:
    turn = inlined(plain.turn)

    @jit
    def both(source, one, other):
        vectors.turn_by_llvm(source, at, pitch, one, to, target_pitch)
        turn(source, at, pitch, other, to, target_pitch)

    source = np.random.default_rng(3).random(64)
    one, other = np.zeros((2, 1024))
    both(source, one, other)
    rows = [source[at + row * pitch :][:GROUP] for row in range(GROUP)]
    columns = [one[to + column * target_pitch :][:GROUP] for column in range(GROUP)]
    np.testing.assert_array_equal(columns, np.transpose(rows))
    np.testing.assert_array_equal(one, other)
