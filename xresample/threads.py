"""A pool of plain threads over functions that release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_LIMIT = "XRESAMPLE_NUM_THREADS"


def count(threads: int | None = None) -> int:
    """Return how many threads to use: as asked, else by environment, else one a processor."""
    if threads is not None:
        return max(1, int(threads))
    if limit := os.environ.get(_LIMIT):
        return max(1, int(limit))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Any], object], items: Iterable[Any], threads: int | None = None
) -> None:
    """Call ``function`` on every item, the next item to whichever thread is free."""
    threads = count(threads)
    if threads == 1:
        for item in items:
            function(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(function, items):
            pass
