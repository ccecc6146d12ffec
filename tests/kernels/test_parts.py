"""Functions that are compiled inside kernels only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xresample.kernels import parts
from xresample.kernels.jit import inlined, inner, jit, variant

compiled = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="LLVM is not in use"
)


@inlined
def doubled(x):
    """Return twice a number."""
    return 2.0 * x


@inner
def fill(values, x):
    """Write twice a number everywhere."""
    for k in range(values.size):
        values[k] = doubled(x)


@jit
def kernel(values):
    """Call a part, which calls a part."""
    fill(values, 3.0)
    return doubled(values.sum())


@compiled
def test_a_kernel_contains_its_parts() -> None:
    assert "parts" not in variant
    values = np.zeros(4)
    assert kernel(values) == 48.0
    np.testing.assert_array_equal(values, 6.0)
    for part in (fill, doubled):
        (result,) = part.overloads.values()
        assert result.library.get_pointer_to_function(result.fndesc.llvm_func_name) == 0


def test_without_the_private_features_there_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "REPLACED", (*parts.REPLACED, "no_such_attribute"))
    assert parts.part_options() == {}


SCRIPT = """
from xresample.kernels import parts
parts.REPLACED += ("no_such_attribute",)
import numpy as np
from tests.kernels.test_parts import fill, kernel
from xresample.kernels.jit import variant
assert "parts" in variant
assert kernel(np.zeros(4)) == 48.0
(result,) = fill.overloads.values()
assert result.library.get_pointer_to_function(result.fndesc.llvm_func_name) != 0
"""


@compiled
def test_kernels_work_without_parts(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        check=True,
        timeout=120,
    )
