"""``import xresample`` loads no heavy package."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "numba",
    "astropy",
    "gwcs",
    "asdf",
    "scipy.interpolate",
    "matplotlib",
    "dask",
    "zarr",
    "tqdm",
)

SCRIPT = """
import json, sys, time
import xarray
before = set(sys.modules)
start = time.perf_counter()
import xresample
seconds = time.perf_counter() - start
print(json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""


def test_import_loads_no_heavy_package() -> None:
    """Print the import time (``pytest -s``); an assertion would depend on the machine."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    seconds, loaded = json.loads(done.stdout)
    print(f"import xresample after xarray: {1e3 * seconds:.0f} ms, {len(loaded)} modules")
    assert "xresample" in loaded
    assert [name for name in HEAVY if name in loaded] == []
