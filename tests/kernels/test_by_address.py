"""Memory that is read by its address."""

from __future__ import annotations

import os

import numpy as np
import pytest

from xresample.kernels import plain
from xresample.kernels.jit import jit

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


@compiled
def test_readers() -> None:
    floats, doubles, words = plain.readers()

    @jit
    def read(address, k, scratch):
        return (
            doubles(address, k, scratch),
            floats(address, k, scratch),
            words(address, k, scratch),
        )

    numbers = np.random.default_rng(2).normal(size=6)
    for k in range(6):
        expected = numbers[k], numbers.view(np.float32)[k], numbers.view(np.uint32)[k]
        assert read(numbers.ctypes.data, k, np.zeros(6)) == expected
