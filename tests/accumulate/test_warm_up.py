"""`warm_up` compiles every kernel ahead of time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import xresample as xrs
from tests.support.shared_cache import share
from xresample.kernels.jit import MESSAGE

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled"
)

WARM_UP = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
import xresample as xrs
xrs.warm_up()
"""

END = "all kernels are warm"

COADDS = f"""{WARM_UP}
print("{END}")
import numpy as np
from tests.benchmarks.campaign import Campaign
from xresample.kernels.structures import KERNELS

campaign = Campaign(48, 60, 2)
exposures = [campaign.exposure(k) for k in range(2)]
for kernel in KERNELS:
    for method in ("resampled", "propagated"):
        for dtype in ("float32", "float64"):
            options = dict(kernel=kernel, variance_method=method, dtype=dtype)
            options |= dict(compute_err="driz_err", propagate_dq=dtype == "float32")
            xrs.coadd(exposures, campaign.grid(), **options)
            xrs.coadd(exposures, campaign.grid(), chunks=32, **options).compute()
    xrs.coadd(exposures, campaign.grid(), kernel=kernel, variance_method="propagated",
              noise_covariance=True)
xrs.coadd(exposures, campaign.grid(), pixmap_stepsize=1)
labelled = xrs.coadd(exposures, campaign.grid(), enable_ctx="sets")
labelled.resample.add(exposures[0]).resample.merge(labelled).resample.with_context("bits")
y, x = np.mgrid[:48, :48] + 0.3
given = np.dstack([x, y])
given.flags.writeable = False
exposures[0].isel(x=slice(3, 40), y=slice(None, None)).resample.onto(
    campaign.grid(), pixmap=given[:, 3:40], weight_type=None
)

from xresample.drizzle import Drizzle
drizzle = Drizzle(out_shape=(50, 50))
drizzle.add_image(np.ones((48, 48)), 1.0, np.dstack([x, y]), data2=np.ones((48, 48)))
"""
"""Warms up, then co-adds of all kinds: every kernel, method, type and map, tiles, and gaps."""


def run(script: str, cache: Path) -> str:
    """Run a script with a cache; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.fills_cache
def test_after_warm_up_nothing_is_left_to_compile(tmp_path: Path) -> None:
    assert run(WARM_UP, tmp_path).splitlines() == [MESSAGE]
    share(tmp_path)
    kept = sorted(tmp_path.rglob("*.nbc"))
    again, coadds = run(COADDS, tmp_path).split(f"{END}\n")
    assert again == ""
    assert MESSAGE not in coadds
    assert sorted(tmp_path.rglob("*.nbc")) == kept


def test_the_progress_bar_shows_that_kernels_compile(capsys: pytest.CaptureFixture[str]) -> None:
    from xresample.progress import announce, bar

    with bar(True, total=1):
        announce(MESSAGE)
    assert MESSAGE in capsys.readouterr().err
    with bar(False, total=1):
        announce(MESSAGE)
    assert MESSAGE not in capsys.readouterr().err


def test_warm_up_is_public() -> None:
    assert "warm_up" in dir(xrs)
