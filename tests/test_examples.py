"""The examples run as they stand and make what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import xarray as xr

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_coadd_writes_a_mosaic_and_a_picture(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / "coadd.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "contributing exposures" in done.stdout
    assert (tmp_path / "mosaic.png").stat().st_size > 20_000
    with xr.open_dataset(tmp_path / "mosaic.nc") as mosaic:
        assert mosaic.sizes["exposure"] == 7
        sky = float(np.nanmedian(mosaic["data"]))
        # The sky level was subtracted: what is left is noise about zero.
        assert abs(sky) < 0.05
        assert int(mosaic["con"].max()) == 0b1111111
