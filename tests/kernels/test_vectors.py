"""Vector instructions against their plain equivalents."""

from __future__ import annotations

import os

import numpy as np
import pytest

from xresample.kernels import plain, vectors
from xresample.kernels.jit import inlined, jit
from xresample.kernels.structures import GROUP, LANES, SPAN

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
@pytest.mark.parametrize("n", range(1, LANES + 1))
@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 2)])
def test_rows(n: int, powers: tuple[int, int]) -> None:
    group_1, pair_1, flags_1 = vectors.row_by_llvm()
    group_2, pair_2, flags_2 = plain.row()

    @jit
    def first(sums, flags, cells, samples, by, powers):
        group_1(sums, 2, (3, n), cells, 5, by, (powers[1], powers[1]), samples, 2)
        pair_1(sums, 0, (3, n), cells, 5, by, powers, samples, 0)
        flags_1(flags, 1, cells, 5, by, 9)

    @jit
    def second(sums, flags, cells, samples, by, powers):
        group_2(sums, 2, (3, n), cells, 5, by, (powers[1], powers[1]), samples, 2)
        pair_2(sums, 0, (3, n), cells, 5, by, powers, samples, 0)
        flags_2(flags, 1, cells, 5, by, 9)

    rng = np.random.default_rng(n)
    cells, samples = np.zeros(5 + LANES), rng.random(3 * GROUP)
    cells[5 : 5 + n] = rng.normal(size=n)
    # The second cell overlaps by no more than a rounding error, so NaN must not reach it.
    cells[6], samples[1] = 1e-9 if n > 1 else 0.0, np.nan
    for by in ((0.05, 0.7), (-0.05, 0.7), (0.0, 0.7), (1e-12, 1e30)):
        found = []
        for add in (first, second):
            sums, flags = np.ones((LANES + 1) * 3 * GROUP), np.full(LANES + 2, 4)
            add(sums, flags, cells, samples, by, powers)
            found.append((sums, flags))
        # The compiler may round a product and a sum once in one of them, and twice in the other.
        np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-15)
        np.testing.assert_array_equal(found[0][1], found[1][1])
        products = np.append(cells[5:] * by[0], 0.0)
        products[np.abs(products) <= 1e-10] = 0.0
        np.testing.assert_array_equal(found[0][1][1:], np.where(products * by[1] > 0, 13, 4))
        untouched = found[0][0].reshape(LANES + 1, -1)[products == 0.0]
        np.testing.assert_array_equal(untouched, 1.0)


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
