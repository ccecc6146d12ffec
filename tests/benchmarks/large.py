"""Time and memory of a mosaic larger than memory: ``python -m tests.benchmarks.large``.

The exposures are netCDF files, in pointings of four dithers each. One run writes them into one wide
zarr store, tile by tile; the other co-adds the same files eagerly, pointing by pointing. Each run
has a new process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.wcs import make_gwcs

from .campaign import CRVAL, SCALE, Campaign
from .tasks import MIB, status

DITHERS = 4
FULL: dict[str, Any] = {"compute_err": "driz_err", "propagate_dq": True}


class Survey(Campaign):
    """A campaign whose pointings are spread over the mosaic."""

    def wcs(self, k: int) -> Any:
        """Return the WCS of exposure ``k``."""
        room = (self.output - 1.6 * self.size) / 2
        across, up = np.random.default_rng(k // DITHERS).uniform(-room, room, 2)
        dither = np.random.default_rng(1000 + k).uniform(-40, 40, 2)
        dec = CRVAL[1] + (up + dither[1]) * SCALE / 3600
        ra = CRVAL[0] - (across + dither[0]) * SCALE / 3600 / np.cos(np.deg2rad(dec))
        shape = (self.size, self.size)
        return make_gwcs(shape, (ra, dec), SCALE, rotation=7.0 * (k // DITHERS), distortion=4.0)


def opened(folder: Path) -> list[Any]:
    """Return the exposures of a folder, opened lazily."""
    import xarray as xr

    return [xr.open_dataset(path, engine="netcdf4") for path in sorted(folder.glob("*.nc"))]


def make(survey: Survey, folder: Path) -> dict[str, float]:
    """Write the files of the exposures."""
    for k in range(survey.count):
        survey.exposure(k).to_netcdf(folder / f"exposure{k:04d}.nc")
    return {}


def eager(survey: Survey, folder: Path) -> dict[str, float]:
    """Co-add each pointing in memory onto its part of the grid, and write the result."""
    import xresample as xrs

    exposures, wcs = opened(folder), survey.grid()
    whole = xrs.plan(exposures, wcs, chunks=survey.size // 8, **FULL)
    adding = writing = 0.0
    for first in range(0, len(exposures), DITHERS):
        rows, columns = [], []
        for (j, i), parts in whole.parts.items():
            if any(part.number // DITHERS == first // DITHERS for part in parts):
                tile = whole.tile(j, i)
                rows += [tile.y.start, tile.y.stop]
                columns += [tile.x.start, tile.x.stop]
        own = {"y": slice(min(rows), max(rows)), "x": slice(min(columns), max(columns))}
        grid = whole.dataset({}).isel(own)
        start = time.perf_counter()
        mosaic = xrs.coadd(exposures[first : first + DITHERS], grid, **FULL)
        done = time.perf_counter()
        mosaic.to_zarr(folder / f"eager{first}.zarr", consolidated=False, mode="w")
        adding, writing = adding + done - start, writing + time.perf_counter() - done
    return {"seconds": adding, "with writing": adding + writing, "peak": status("VmHWM")}


def tiled(survey: Survey, folder: Path, chunks: int) -> dict[str, float]:
    """Write the whole mosaic tile by tile."""
    import dask

    import xresample as xrs

    exposures, wcs = opened(folder), survey.grid()
    planned = xrs.plan(exposures, wcs, chunks=chunks, **FULL)
    print(planned, file=sys.stderr)
    base = status("VmRSS")
    with dask.config.set(scheduler="threads", num_workers=os.cpu_count()):
        start = time.perf_counter()
        xrs.coadd_to_zarr(
            exposures, wcs, folder / f"tiled{chunks}.zarr", chunks=chunks, overwrite=True, **FULL
        )
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": status("VmHWM"), "base": base, "work": planned.work}


def run(given: argparse.Namespace, task: str, folder: Path, *more: int) -> dict[str, float]:
    """Run one of the tasks above in a new process."""
    sizes = map(str, (given.size, given.output, given.exposures, *more))
    command = [sys.executable, "-m", __spec__.name, "--task", task, "--folder", str(folder), *sizes]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="pixels per side of an exposure")
    parser.add_argument("--output", type=int, default=20000, help="pixels per side of the mosaic")
    parser.add_argument("--exposures", type=int, default=40)
    parser.add_argument("--chunks", type=int, nargs="+", default=[2048, 1024])
    parser.add_argument("--folder", type=Path, help="folder for the files; temporary by default")
    parser.add_argument("--task", help="used by the processes that this program starts")
    parser.add_argument("sizes", type=int, nargs="*", help="numbers for --task")
    given = parser.parse_args()
    if given.task:
        size, output, count, *more = given.sizes
        task = {"make": make, "eager": eager, "tiled": tiled}[given.task]
        print(json.dumps(task(Survey(size, output, count), given.folder, *more)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        run(given, "make", folder)
        print(f"{given.exposures} exposures of {given.size}^2 into {given.output}^2\n")
        print(
            "| run | s per exposure | ratio to eager | peak memory |\n| --- | ---: | ---: | ---: |"
        )
        first = run(given, "eager", folder)
        for label, name in (("eager", "seconds"), ("eager, written", "with writing")):
            row(label, first[name], first, first["peak"], given.exposures)
        for chunks in given.chunks:
            found = run(given, "tiled", folder, chunks)
            row(f"tiles of {chunks}^2, written", found["seconds"], first, found["peak"],
                given.exposures)  # fmt: skip


def row(label: str, seconds: float, first: dict[str, float], peak: float, count: int) -> None:
    """Print a row of the table."""
    print(
        f"| {label} | {seconds / count:.3f} | {seconds / first['seconds']:.2f}, with writing "
        f"{seconds / first['with writing']:.2f} | {peak / MIB:.2f} GiB |",
        flush=True,
    )


if __name__ == "__main__":
    main()
