"""A pool of plain threads for functions that release the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_LIMIT = "XRESAMPLE_NUM_THREADS"


def count(threads: int | None = None) -> int:
    """Return the number of threads: the argument, or the environment's limit, or one per CPU."""
    if threads is not None:
        return max(1, int(threads))
    if limit := os.environ.get(_LIMIT):
        return max(1, int(limit))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    function: Callable[[Any], object], items: Iterable[Any], threads: int | None = None
) -> None:
    """Call ``function`` on every item; the next item goes to the next free thread.

    The caller is one of the threads. After an error no further item starts; if several items
    fail, the error of the first one is raised.
    """
    items = list(items)
    threads = min(count(threads), len(items))
    if threads <= 1:
        for item in items:
            function(item)
        return
    # Workers pull from a deque: one Future per item would cost more than many items do.
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
