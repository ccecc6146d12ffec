"""The cache of compiled kernels that all processes of a test session share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

SHARED = "XRESAMPLE_TEST_CACHE"
"""Environment variable with the cache of the session; child processes inherit the variable."""


def share(folder: Path) -> None:
    """Copy the compiled code of a cache to the cache of the session, if the session has one."""
    if SHARED not in os.environ:
        return
    # The import of numba fixes the folder of its cache, so settings must load this module first.
    from xresample.kernels.jit import FOLDER

    target = Path(os.environ[SHARED]) / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    for source in (folder / FOLDER).glob("*.nbc"):
        # Other processes read the cache, so each file must appear as a whole.
        with tempfile.NamedTemporaryFile(dir=target, suffix=".tmp", delete=False) as part:
            shutil.copyfile(source, part.name)
        os.replace(part.name, target / source.name)
