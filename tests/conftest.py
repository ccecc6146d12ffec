"""What holds for all tests, set up before anything of xresample is imported."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

_OWN = "XRESAMPLE_TEST_CACHE"
"""Names the compilation cache of this session, to its child processes too."""


def _fresh_numba_cache() -> None:
    """Point numba to an empty cache: a cached kernel does not see an edit in another module.

    The workers of pytest-xdist and other child processes share the cache of the session that
    started them. ``XRESAMPLE_KEEP_CACHE=1`` leaves ``NUMBA_CACHE_DIR`` as it is.
    """
    if os.environ.get("XRESAMPLE_KEEP_CACHE") or os.environ.get(_OWN):
        return
    os.environ[_OWN] = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="xresample-numba-")
    global _created
    _created = os.environ[_OWN]


_created: str | None = None
_fresh_numba_cache()
os.environ["MPLBACKEND"] = "Agg"  # no display is needed, nor opened

# The same examples in every run: a failure is a change in the code, never in the dice.
settings.register_profile("xresample", derandomize=True, deadline=None)
settings.load_profile("xresample")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the compilation cache that this process made."""
    if _created:
        shutil.rmtree(_created, ignore_errors=True)
