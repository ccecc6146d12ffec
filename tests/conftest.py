"""Settings and fixtures for all tests; this module runs before xresample is imported."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

from tests.support.flavours import FLAVOURS, Flavour
from tests.support.shared_cache import SHARED


def _fresh_numba_cache() -> None:
    """Point numba to an empty cache, so that each session also tests how kernels are compiled.

    The workers of pytest-xdist and other child processes share the cache of the session that
    started them. ``XRESAMPLE_KEEP_CACHE=1`` keeps the value of ``NUMBA_CACHE_DIR``.
    """
    if os.environ.get("XRESAMPLE_KEEP_CACHE") or os.environ.get(SHARED):
        return
    os.environ[SHARED] = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="xresample-numba-")
    global _created
    _created = os.environ[SHARED]


_created: str | None = None
_fresh_numba_cache()
os.environ["MPLBACKEND"] = "Agg"  # Tests need no display and open no window.

# Every run draws the same examples, so a new failure always comes from a change in the code.
settings.register_profile("xresample", derandomize=True, deadline=None)
settings.load_profile("xresample")


collect_ignore = ["support/loaded_kernels.py"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the compilation cache that this process created."""
    if _created:
        shutil.rmtree(_created, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests that fill the shared cache first, so that other tests compile fewer kernels."""
    items.sort(key=lambda item: item.get_closest_marker("fills_cache") is None)


def pytest_collection_finish() -> None:
    """Exempt all objects so far from garbage collection, which would visit them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=list(FLAVOURS))
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Return each flavour of WCS in turn.

    A test of some flavours only names them:
    ``@pytest.mark.parametrize("flavour", ["SIP", "TPV"], indirect=True)``.
    """
    return FLAVOURS[request.param]


@pytest.fixture(autouse=True, scope="session")
def kernels_without_compiler() -> Iterator[None]:
    """Silence numpy in runs with ``NUMBA_DISABLE_JIT=1``, which measure the coverage of kernels.

    Compiled kernels divide by zero on purpose and discard the infinity. In plain Python, numpy
    scalars would warn about each division.
    """
    silent = os.environ.get("NUMBA_DISABLE_JIT") == "1"
    with np.errstate(all="ignore" if silent else None):
        yield
