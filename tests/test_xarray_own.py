"""The tests of xarray for groupby and resample, run with ``xresample`` imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import xarray as xr

import xresample  # noqa: F401 - the import registers the accessor under test

MODULES = ("test_groupby", "test_cftimeindex_resample")

# The tests of xarray get another ini file, because warnings are not errors in them.
INI = """
[pytest]
markers =
    network: xarray's
    xfail_with_dask_array: xarray's
"""


def test_the_accessor_is_registered() -> None:
    """Without the accessor, the test below would prove nothing."""
    assert xr.Dataset.resample.__module__.startswith("xresample")
    assert xr.DataArray.resample.__module__.startswith("xarray")


def test_xarray_passes_its_own_tests(tmp_path: Path) -> None:
    """Resampling in time works as without ``xresample``."""
    ini, report = tmp_path / "pytest.ini", tmp_path / "report.xml"
    ini.write_text(INI)
    # An outer pytest, or a worker of pytest-xdist, sets variables that would confuse the inner one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    # The report names the module of a test only if the module lies below the root folder.
    root = f"--rootdir={Path(xr.__file__).parents[1]}"
    options = [
        "-c",
        str(ini),
        root,
        "-p",
        "xresample",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
    ]
    names = [f"xarray.tests.{module}" for module in MODULES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", "--pyargs", *names],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    cases = [case for case in ElementTree.parse(report).iter("testcase") if not len(case)]
    for module in MODULES:
        assert sum(module in case.get("classname", "") for case in cases) > 300, module
