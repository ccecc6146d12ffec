"""Timing of alternating pairs of runs, and measurements in new processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Figures = dict[str, float]


def timed(function: Callable[[], object]) -> Figures:
    """Return the wall and CPU seconds of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def pairs(
    ours: Callable[[], object], reference: Callable[[], object], count: int
) -> dict[str, Any]:
    """Run two functions in turn; return the median times and the median ratio."""
    timed(ours)
    timed(reference)
    mine, theirs = [], []
    for _ in range(count):
        mine.append(timed(ours))
        theirs.append(timed(reference))
    ratios = [b["wall"] / a["wall"] for a, b in zip(mine, theirs, strict=True)]
    return {
        "ours": _medians(mine),
        "reference": _medians(theirs),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


def _medians(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def in_process(task: str, *arguments: object, cache: str | None = None) -> dict[str, Any]:
    """Run a task of ``tests.benchmarks.tasks`` in a new process; return the JSON that it prints."""
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    command = [sys.executable, "-m", "tests.benchmarks.tasks", task, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def first_calls(size: int) -> dict[str, float]:
    """Return the extra seconds of the first ``add`` of a process, for an empty and a warm cache."""
    with tempfile.TemporaryDirectory() as cache:
        empty = in_process("first", size, cache=cache)
        warm = [in_process("first", size, cache=cache)["over"] for _ in range(3)]
    return {"empty cache": empty["over"], "warm cache": statistics.median(warm)}


def imports() -> float:
    """Return the extra seconds of ``import xresample`` after ``import xarray``."""
    return statistics.median(in_process("import")["over"] for _ in range(7))


def memory(size: int, output: int, count: int) -> dict[str, dict[str, float]]:
    """Return the peak memory of xresample and of stcal, each in a new process."""
    return {who: in_process("memory", who, size, output, count) for who in ("ours", "reference")}


def by_mosaic(size: int, outputs: tuple[int, ...], count: int) -> dict[int, float]:
    """Return the seconds per exposure for mosaics of several sizes."""
    return {output: in_process("marginal", size, output, count)["seconds"] for output in outputs}
