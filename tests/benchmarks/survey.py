"""Plan a survey that is larger than any machine here: ``python -m tests.benchmarks.survey``.

The exposures are dask arrays that nobody computes: the program measures what the client of a
cluster does before the first tile is computed.
"""

from __future__ import annotations

import argparse
import pickle
import time
from typing import Any

import numpy as np

import xresample as xrs
from tests.support.wcs import make_fits

from .campaign import CRVAL, SCALE, VARIANCES
from .tasks import status


def main() -> None:
    """Make the exposures, the plan and the graph, and print what each costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="number of exposures")
    parser.add_argument("--size", type=int, default=4096, help="pixels per side of an exposure")
    parser.add_argument("--output", type=int, default=100_000, help="pixels per side of the mosaic")
    parser.add_argument("--chunks", type=int, default=2048, help="pixels per side of a tile")
    given = parser.parse_args()
    base = status("VmRSS")
    print("| step | s | peak memory MiB |\n| --- | ---: | ---: |")

    def lap(name: str, start: float) -> float:
        print(f"| {name} | {time.perf_counter() - start:.1f} | {status('VmHWM') - base:.0f} |")
        return time.perf_counter()

    start = time.perf_counter()
    exposures = [exposure(k, given.size, given.output) for k in range(given.count)]
    start = lap("exposures", start)
    grid = make_fits((given.output, given.output), crval=CRVAL, scale=SCALE)
    plan = xrs.plan(exposures, grid, chunks=given.chunks)
    start = lap("plan", start)
    mosaic = xrs.coadd(exposures, grid, chunks=given.chunks)
    start = lap("plan and graph of coadd", start)
    graph = mosaic.__dask_graph__()
    tasks = len(graph)
    start = lap("all tasks as one dict", start)
    size = len(pickle.dumps(graph.to_dict()))
    lap("pickle", start)
    print(
        f"\n{len(plan.parts)} tiles with exposures, {tasks} tasks, pickle of {size / 2**20:.0f} MiB"
    )


def exposure(k: int, size: int, output: int) -> Any:
    """Return an exposure of the survey, whose arrays are never made."""
    import dask.array as da

    rng = np.random.default_rng(k)
    room = (output - size) / 2 * SCALE / 3600
    across, up = rng.uniform(-room, room, 2)
    dec = CRVAL[1] + up
    ra = CRVAL[0] - across / np.cos(np.deg2rad(dec))
    wcs = make_fits((size, size), crval=(ra, dec), scale=SCALE, rotation=float(rng.uniform(0, 90)))
    plane = da.zeros((size, size), np.float32, chunks=size, name=f"plane-{k}")
    return xrs.make_exposure(
        plane, wcs, err=plane, variances={name: plane for name in VARIANCES},
        filename=f"{k}.fits", exposure_time=100.0,
    )  # fmt: skip


if __name__ == "__main__":
    main()
