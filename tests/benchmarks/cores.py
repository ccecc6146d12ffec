"""Time the same co-add with more and more threads: ``python -m tests.benchmarks.cores``.

The serial fraction is the part of the time of one thread that more threads do not shorten, fitted
to all measurements (Amdahl's law). More threads than cores show what waiting for each other costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
from functools import partial
from typing import Any

import numpy as np

import xresample as xrs

from . import measure
from .campaign import Campaign
from .jobs import FULL

KINDS: dict[str, dict[str, Any]] = {
    "square, default map": {},
    "square, exact map": {"pixmap_stepsize": 1},
    "lanczos3, default map": {"kernel": "lanczos3"},
}


def main() -> None:
    """Run the measurements and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="pixels per side of an exposure")
    parser.add_argument("--count", type=int, default=4, help="number of exposures")
    parser.add_argument("--runs", type=int, default=5, help="runs per number of threads")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 8])
    given = parser.parse_args()
    campaign = Campaign(given.size, round(given.size * 2400 / 2048), given.count)
    grid = campaign.grid()
    exposures = [campaign.exposure(k) for k in range(given.count)]
    print(f"{os.cpu_count()} cores; seconds per exposure, medians of {given.runs} runs\n")
    print("| job | " + " | ".join(f"{n} threads" for n in given.threads) + " | serial fraction |")
    print("| --- | " + "---: | " * (len(given.threads) + 1))
    for name, options in KINDS.items():
        coadd = partial(xrs.coadd, exposures, grid, **FULL, **options)
        seconds = {}
        coadd()
        for threads in given.threads:
            runs = [measure.timed(partial(coadd, threads=threads)) for _ in range(given.runs)]
            seconds[threads] = statistics.median(run["wall"] for run in runs) / given.count
        shown = " | ".join(f"{s:.3f}" for s in seconds.values())
        print(f"| {name} | {shown} | {serial_fraction(seconds):.2f} |", flush=True)


def serial_fraction(seconds: dict[int, float]) -> float:
    """Return the fraction of the time that does not shrink, from the times by threads."""
    cores = os.cpu_count() or 1
    working = np.array([min(threads, cores) for threads in seconds], float)
    matrix = np.column_stack([np.ones(len(working)), 1 / working])
    serial, parallel = np.linalg.lstsq(matrix, np.array(list(seconds.values())), rcond=None)[0]
    return float(serial / (serial + parallel))


if __name__ == "__main__":
    main()
