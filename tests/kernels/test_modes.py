"""The kernels as plain Python, and compiled with checks of every index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_kernels_in_another_mode(mode: str, tmp_path: Path) -> None:
    # A fresh cache makes sure that everything is compiled in this mode. The code runs only once, so
    # optimising it would take longer than it saves.
    environment = {**os.environ, mode: "1", "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_OPT": "0"}
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.kernels.smoke"],
        cwd=Path(__file__).parents[2],
        env=environment,
        check=True,
        timeout=300,
    )
