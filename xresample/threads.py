"""Plain threads over functions that release the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
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
    """Call ``function`` on every item, the next item to whichever thread is free.

    The caller is one of the threads. An error ends it as on one thread: no further item is begun,
    and of several errors that of the first item is raised.
    """
    items = list(items)
    threads = min(count(threads), len(items))
    if threads <= 1:
        for item in items:
            function(item)
        return
    # Threads that help themselves: a future for each item costs as much as many an item.
    waiting = deque(enumerate(items))
    failed: dict[int, BaseException] = {}

    def work() -> None:
        while True:
            try:
                number, item = waiting.popleft()
            except IndexError:
                return
            try:
                function(item)
            except BaseException as error:
                failed[number] = error
                waiting.clear()

    with ThreadPoolExecutor(threads - 1) as pool:
        for _ in range(threads - 1):
            pool.submit(work)
        work()
    if failed:
        raise failed.pop(min(failed))
