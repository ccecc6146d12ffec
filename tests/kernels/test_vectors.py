"""Vector instructions against their plain equivalents."""

from __future__ import annotations

import os

import numpy as np
import pytest

from xresample.kernels import plain, vectors
from xresample.kernels.jit import inlined, jit
from xresample.kernels.structures import GROUP, LANES, SPAN, TOUCHED

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


BITS = TOUCHED | 9


@compiled
@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 2)])
def test_patches(side: int, powers: tuple[int, int]) -> None:
    group_1, pair_1 = vectors.patch_by_llvm(side)
    group_2, pair_2 = plain.patch(side)
    steps = 3, 3 * (side + 1)

    @jit
    def first(sums, cells, samples, powers):
        group_1(sums, 2, steps, cells, 5, 0.7, (powers[1], powers[1]), samples, 2, (BITS, 3))
        pair_1(sums, 0, steps, cells, 5, -0.7, powers, samples, 0, (BITS, GROUP + 2))

    @jit
    def second(sums, cells, samples, powers):
        group_2(sums, 2, steps, cells, 5, 0.7, (powers[1], powers[1]), samples, 2, (BITS, 3))
        pair_2(sums, 0, steps, cells, 5, -0.7, powers, samples, 0, (BITS, GROUP + 2))

    rng = np.random.default_rng(side)
    cells, samples = rng.normal(size=9 * SPAN), some_samples(rng)
    cells[5 + SPAN] = 0.0
    found = []
    for add in (first, second):
        sums = some_sums((side + 1) ** 2)
        add(sums.reshape(-1), cells, samples, powers)
        found.append(sums)
    assert_same_sums(*found)
    overlaps = cells[5::SPAN][: side * side].reshape(side, side)
    expected = np.zeros((side + 1, side + 1), bool)
    expected[:side, :side] = overlaps > 0
    np.testing.assert_array_equal(bits_of(found[0])[:, 2, 3], np.where(expected.ravel(), BITS, 0))
    expected[:side, :side] = overlaps < 0
    np.testing.assert_array_equal(bits_of(found[0])[:, 1, 2], np.where(expected.ravel(), BITS, 0))


def some_samples(rng: np.random.Generator) -> np.ndarray:
    """Return three groups of samples with a NaN, and zeros in the lanes that hold bits."""
    samples = rng.random(3 * GROUP)
    samples[1], samples[GROUP + 2], samples[2 * GROUP + 3] = np.nan, 0.0, 0.0
    return samples


def some_sums(pixels: int) -> np.ndarray:
    """Return three groups of sums per pixel, with zeros in the lanes that hold bits."""
    sums = np.ones((pixels, 3, GROUP))
    sums[:, 1, 2] = sums[:, 2, 3] = 0.0
    return sums


def bits_of(sums: np.ndarray) -> np.ndarray:
    """Return the bits of numbers as integers."""
    return sums.view(np.int64)


def assert_same_sums(one: np.ndarray, other: np.ndarray) -> None:
    """Check that sums are equal, and bits identical."""
    # The compiler may round a product and a sum once in one of them, and twice in the other.
    np.testing.assert_allclose(one, other, rtol=1e-15)
    for lane in ((1, 2), (2, 3)):
        np.testing.assert_array_equal(bits_of(one)[:, *lane], bits_of(other)[:, *lane])


@compiled
@pytest.mark.parametrize("n", range(1, LANES + 1))
@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 2)])
def test_rows(n: int, powers: tuple[int, int]) -> None:
    group_1, pair_1 = vectors.row_by_llvm()
    group_2, pair_2 = plain.row()

    @jit
    def first(sums, cells, samples, by, powers):
        group_1(sums, 2, (3, n), cells, 5, by, (powers[1], powers[1]), samples, 2, (BITS, 3))
        pair_1(sums, 0, (3, n), cells, 5, by, powers, samples, 0, (BITS, GROUP + 2))

    @jit
    def second(sums, cells, samples, by, powers):
        group_2(sums, 2, (3, n), cells, 5, by, (powers[1], powers[1]), samples, 2, (BITS, 3))
        pair_2(sums, 0, (3, n), cells, 5, by, powers, samples, 0, (BITS, GROUP + 2))

    rng = np.random.default_rng(n)
    cells, samples = np.zeros(5 + LANES), some_samples(rng)
    cells[5 : 5 + n] = rng.normal(size=n)
    # The second cell overlaps by no more than a rounding error, so NaN must not reach it.
    cells[6] = 1e-9 if n > 1 else 0.0
    for by in ((0.05, 0.7), (-0.05, 0.7), (0.0, 0.7), (1e-12, 1e30)):
        found = []
        for add in (first, second):
            sums = some_sums(LANES + 1)
            add(sums.reshape(-1), cells, samples, by, powers)
            found.append(sums)
        assert_same_sums(*found)
        products = np.append(cells[5:] * by[0], 0.0)
        products[np.abs(products) <= 1e-10] = 0.0
        for lane in ((1, 2), (2, 3)):
            expected = np.where(products * by[1] > 0, BITS, 0)
            np.testing.assert_array_equal(bits_of(found[0])[:, *lane], expected)
        untouched = found[0][products == 0.0]
        np.testing.assert_array_equal(untouched, some_sums(len(untouched)))


@compiled
@pytest.mark.parametrize("bits", [0, 1, 0xFFFFFFFF])
@pytest.mark.parametrize("factor", [0.3, -0.3, 0.0, 1e300])
def test_deposits_keep_bits(bits: int, factor: float) -> None:
    """A pixel that is deposited again, with any factor, changes no bit of another pixel."""
    add_group, _ = vectors.patch_by_llvm(1)

    @jit
    def add(sums, cells, samples, w, mark):
        add_group(sums, 0, (1, 1), cells, 0, w, (1, 1), samples, 0, mark)

    sums, cells, samples = np.zeros(GROUP), np.ones(1), np.array([1.0, 2.0, 3.0, 0.0])
    add(sums, cells, samples, 1.0, (TOUCHED | bits, 3))
    add(sums, cells, samples, factor, (TOUCHED, 3))
    assert bits_of(sums)[3] == TOUCHED | bits


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
