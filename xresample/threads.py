"""A pool of plain threads for functions that release the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .arguments import whole

_LIMIT = "XRESAMPLE_NUM_THREADS"


def count(threads: int | None = None) -> int:
    """Return the number of threads: the argument, or the environment's limit, or one per CPU."""
    if threads is not None:
        return whole("threads", threads, at_least=1)
    if limit := os.environ.get(_LIMIT):
        return whole(f"The environment variable {_LIMIT}", _as_number(limit), at_least=1)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _as_number(text: str) -> int | str:
    return int(text) if text.strip().isdigit() else text


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
