"""Instructions written for LLVM against their plain equivalents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xresample.kernels import by_address, intrinsics, plain, queue
from xresample.kernels.jit import inlined, jit

CHECKS = {
    "patches": intrinsics.patches_work,
    "rows": intrinsics.rows_work,
    "turn": intrinsics.turn_works,
    "multiply_add": intrinsics.multiply_add_works,
    "readers": by_address.readers_work,
    "prefetch": by_address.prefetch_works,
    "queues": queue.queues_work,
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
