"""The examples run as they are and write the files that they announce."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: Path) -> str:
    """Run an example and return its output.

    Warnings are errors, unless Python itself was started with ``-W``.
    """
    warnings = [f"-W{action}" for action in sys.warnoptions or ["error"]]
    done = subprocess.run(
        [sys.executable, *warnings, str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_coadd_writes_a_mosaic_and_a_picture(tmp_path):
    assert "contributing exposures" in run("coadd.py", tmp_path)
    assert (tmp_path / "mosaic.png").stat().st_size > 20_000
    with xr.open_dataset(tmp_path / "mosaic.nc") as mosaic:
        assert mosaic.sizes["exposure"] == 7
        sky = float(np.nanmedian(mosaic["data"]))
        # The sky level was subtracted, so the median is close to zero.
        assert abs(sky) < 0.05
        assert int(mosaic["con"].max()) == 0b1111111


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return the folder with the files that an example simulates, and what the example prints."""
    folder = tmp_path_factory.mktemp("simulated")
    return folder, run("from_files.py", folder)


def test_from_files_simulates_files(simulated):
    folder, printed = simulated
    assert "3 exposures, at most 3 per pixel" in printed
    assert (folder / "mosaic.png").stat().st_size > 20_000
    with fits.open(folder / "mosaic.fits") as hdus:
        assert {"SCI", "ERR", "WHT", "CON", "VAR_RNOISE"} <= {hdu.name for hdu in hdus}
        # The masked pixels, which have 50 adu, are excluded.
        assert np.nanmax(hdus["SCI"].data) < 15


def test_from_files_takes_the_files_that_are_named(simulated, tmp_path):
    two = [simulated[0] / f"image_{k}.fits" for k in range(2)]
    printed = run("from_files.py", tmp_path, *two)
    assert "2 exposures" in printed
    assert "image_2.fits" not in printed


def test_pixfrac_shows_width_against_noise(tmp_path):
    rows = [line.split() for line in run("pixfrac.py", tmp_path).splitlines()]
    square = {row[1]: [float(n) for n in row[2:]] for row in rows if row[0] == "square"}
    assert len(square) == 4
    # A smaller pixfrac makes the star sharper and the noise of a pixel larger.
    widths, noises, _ = np.array([square[p] for p in sorted(square, reverse=True)]).T
    assert (np.diff(widths) < 0).all()
    assert (np.diff(noises) > 0).all()
    assert (tmp_path / "pixfrac.png").stat().st_size > 10_000


def test_every_example_is_tested():
    here = Path(__file__).read_text(encoding="utf-8")
    missing = [path.name for path in EXAMPLES.glob("*.py") if f'run("{path.name}"' not in here]
    assert missing == []
