"""Small copies of the package that contain the kernels only, to edit and to run in processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import xresample

NEEDED = ("kernels", "arguments.py", "errors.py", "progress.py", "threads.py")
"""Parts of the package that the kernels need."""

TRIAL = """
from .plain import floor
from .jit import jit

@jit
def trial(x):
    return floor(x)
"""
"""A small kernel, with a helper in another module."""

SCRIPT = """
import logging, sys

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
from xresample.kernels.trial import trial

print(trial(2.75))
"""
"""Compiles the kernel and prints its result; messages go to stderr."""

RESULT = "2.0"
"""Output of `SCRIPT`."""


def copy_kernels(folder: Path) -> Path:
    """Copy the kernels into a package ``xresample`` in a folder; return the folder of kernels."""
    package = folder / "xresample"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in NEEDED:
        source = Path(xresample.__file__).parent / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, package / name)
    shutil.rmtree(package / "kernels" / "__pycache__", ignore_errors=True)
    (package / "kernels" / "trial.py").write_text(TRIAL, encoding="utf-8")
    return package / "kernels"


def start(folder: Path, script: str = SCRIPT, **environment: str) -> subprocess.Popen[str]:
    """Start a script with the copy of the package in a folder.

    Parameters
    ----------
    folder : Path
        The folder that holds the package, and where the script runs.
    script : str
        The script.
    **environment : str
        Environment variables that replace variables of this process; an empty value unsets one.
    """
    chosen = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-c", script],
        cwd=folder,
        env={name: value for name, value in chosen.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for a script that must succeed; return its output and what it said on stderr."""
    output, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return output.strip(), said
