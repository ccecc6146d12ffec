"""Instructions written for LLVM against their plain equivalents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xresample.kernels import by_address, intrinsics, plain
from xresample.kernels.jit import inlined, jit
from xresample.kernels.structures import GROUP, SPAN

CHECKS = {
    "patches": intrinsics.patches_work,
    "rows": intrinsics.rows_work,
    "turn": intrinsics.turn_works,
    "multiply_add": intrinsics.multiply_add_works,
    "readers": by_address.readers_work,
    "prefetch": by_address.prefetch_works,
    "wide_vectors": intrinsics.wide_vectors_work,
}

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


@compiled
@pytest.mark.parametrize("name", CHECKS)
def test_every_feature_works_with_this_numba(name: str) -> None:
    assert CHECKS[name]()
    assert name not in intrinsics.variant


def test_a_feature_that_fails_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: set[str] = set()
    monkeypatch.setattr(intrinsics, "variant", noted)
    monkeypatch.setattr(intrinsics.numba.config, "DISABLE_JIT", 0)
    assert not intrinsics.works("raises", lambda: 1 // 0 == 0)
    assert not intrinsics.works("is wrong", lambda: False)
    assert intrinsics.works("is right", lambda: True)
    assert noted == {"raises", "is wrong"}


@compiled
@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 2)])
def test_patches(side: int, powers: tuple[int, int]) -> None:
    group_1, pair_1, flags_1 = intrinsics.patch_by_llvm(side)
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
        intrinsics.write_products_by_llvm(one, 3, 40, factor, 0.7)
        write_products(other, 3, 40, factor, 0.7)
        intrinsics.set_flags_in_row_by_llvm(flags[0], 2, one, 3, 9)
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
        intrinsics.turn_by_llvm(source, at, pitch, one, to, target_pitch)
        turn(source, at, pitch, other, to, target_pitch)

    source = np.random.default_rng(3).random(64)
    one, other = np.zeros((2, 1024))
    both(source, one, other)
    rows = [source[at + row * pitch :][:GROUP] for row in range(GROUP)]
    columns = [one[to + column * target_pitch :][:GROUP] for column in range(GROUP)]
    np.testing.assert_array_equal(columns, np.transpose(rows))
    np.testing.assert_array_equal(one, other)


@compiled
def test_multiply_add() -> None:
    multiply_add = inlined(plain.multiply_add)

    @jit
    def both(a, b, c):
        return intrinsics.multiply_add_by_llvm(a, b, c), multiply_add(a, b, c)

    for a, b, c in np.random.default_rng(1).normal(size=(100, 3)):
        one, other = both(a, b, c)
        assert one == pytest.approx(other, rel=0, abs=4e-16 * (abs(a * b) + abs(c)))


WITHOUT = """
import numpy as np
import numba.extending

usual = numba.extending.intrinsic

def intrinsic(function):
    return None if function.__module__.startswith("xresample") else usual(function)

numba.extending.intrinsic = intrinsic
from xresample.kernels import jit

# Compiled code that lies beside the package was made with intrinsics, so it must not be found.
jit.digest = lambda: "without intrinsics"
from tests.kernels import smoke

assert jit.variant == {names}, jit.variant
with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
    smoke.main()
"""
"""Runs every kernel where nothing can be written for LLVM."""


@compiled
def test_all_kernels_without_intrinsics(tmp_path: Path) -> None:
    """The plain equivalents keep the same bounds; their code never mixes with the other."""
    script = WITHOUT.replace("{names}", repr(set(CHECKS)))
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        check=True,
        timeout=300,
    )
