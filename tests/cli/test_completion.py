"""Completion of the command line by a shell, and files behind URLs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from xresample.cli.completion import script
from xresample.cli.main import main
from xresample.cli.parser import build_parser

BASH = shutil.which("bash")


def completed(*words: str) -> list[str]:
    """Return what bash proposes for the last word."""
    quoted = " ".join(f"'{word}'" for word in ("xresample", *words))
    commands = (
        f"{script(build_parser(), 'bash')}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words)}\n"
        '_xresample\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [str(BASH), "-c", commands], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.split()


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
class TestBash:
    """What bash proposes."""

    def test_commands(self) -> None:
        assert completed("") == [
            *("coadd", "plan", "info", "warm-up", "completion", "--help", "--version"),
        ]
        assert completed("pl") == ["plan"]

    def test_options(self) -> None:
        assert completed("coadd", "a.fits", "--pixf") == ["--pixfrac"]
        offered = completed("coadd", "--")
        for field in fields(xrs.Options):
            assert "--" + field.name.replace("_", "-") in offered
        assert "--kernel" not in completed("info", "--")

    def test_values(self) -> None:
        assert completed("coadd", "--kernel", "lan") == ["lanczos2", "lanczos3"]
        assert completed("plan", "--weight-type", "iv") == ["ivm", "ivm-sky"]

    def test_files(self) -> None:
        assert "/tmp" in completed("coadd", "/tm")
        assert "/tmp" in completed("coadd", "-o", "/tm")


def test_the_script_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("autoload -U +X bashcompinit")
    assert printed.endswith("complete -o filenames -F _xresample xresample\n")
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "csh"])


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Any]:
    """Return the file system in memory with an exposure, which is empty afterwards."""
    fs = fsspec.filesystem("memory")
    files.jwst(tmp_path / "a_cal.fits")
    fs.pipe("/x/a_cal.fits", (tmp_path / "a_cal.fits").read_bytes())
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def test_urls_of_files_and_stores(
    remote: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exposures are read from URLs, and a store is written behind a URL."""
    url, store = "memory://x/a_cal.fits", "memory://x/m.zarr"
    assert main(["coadd", url, "-o", store, "--no-progress"]) == 0
    assert capsys.readouterr().out == f"{store}\n"
    exposures = xrs.open_exposures(tmp_path / "a_cal.fits")
    expected = xrs.coadd(exposures, xrs.fit_wcs(exposures))
    with xr.open_zarr(store, consolidated=False) as mosaic:
        np.testing.assert_array_equal(mosaic["data"], expected["data"])
    assert main(["coadd", url, "-o", "memory://x/m.nc", "--no-progress"]) == 1
    assert "a URL that ends with .zarr" in capsys.readouterr().err
