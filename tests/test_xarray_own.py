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
    """Resampling in time works as without ``xresample``.

    Tests of an old xarray may fail with newer pandas or cftime, so tests that fail are run again
    without ``xresample`` and must fail then, too.
    """
    passed, failed = outcomes(tmp_path, "-p", "xresample")
    for module in MODULES:
        assert sum(module in name for name in passed) > 250, module
    if failed:
        assert failed <= outcomes(tmp_path)[1]


def outcomes(folder: Path, *plugin: str) -> tuple[set[str], set[str]]:
    """Return the names of xarray's tests that pass, and of those that fail."""
    ini, report = folder / "pytest.ini", folder / "report.xml"
    ini.write_text(INI)
    # An outer pytest, or a worker of pytest-xdist, sets variables that would confuse the inner one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    # The report names the module of a test only if the module lies below the root folder.
    root = f"--rootdir={Path(xr.__file__).parents[1]}"
    options = ["-c", str(ini), root, *plugin, "-p", "no:cacheprovider", "-q", "--tb=short"]
    names = [f"xarray.tests.{module}" for module in MODULES]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", "--pyargs", *names],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    passed, failed = set(), set()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
        elif not len(case):
            passed.add(name)
    return passed, failed
