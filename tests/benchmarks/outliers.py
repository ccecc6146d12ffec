"""The jobs of outlier detection: with the functions of stcal, and the median alone."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import xresample as xrs
from tests.support.stcal_outliers import flags_of
from xresample.prepare.combine import Combination
from xresample.tiled.combine_graph import GroupImages

from .campaign import Campaign
from .jobs import Job

GROUPS = 20


def detection(campaign: Campaign) -> Job:
    """Return the job of finding outliers with default settings."""
    grid = campaign.grid()
    exposures = [campaign.exposure(k) for k in range(campaign.count)]
    models = [campaign.model(k) for k in range(campaign.count)]
    return Job(
        f"outliers of {campaign.count} exposures",
        8,
        lambda: xrs.flag_outliers(exposures, grid),
        lambda: flags_of(models, grid),
        campaign.count,
    )


def median(size: int) -> Job:
    """Return the job of the median of a stack."""
    from stcal.outlier_detection.median import nanmedian3D

    rng = np.random.default_rng(0)
    cube = rng.normal(size=(GROUPS, size, size)).astype(np.float32)
    cube[rng.random(cube.shape) < 0.05] = np.nan
    images = GroupImages(cube, np.ones_like(cube), None, np.ones(GROUPS))
    how = Combination("median")
    return Job(
        f"median of {GROUPS} groups",
        3,
        lambda: how.run(images, None),
        lambda: nanmedian3D(cube, overwrite_input=False),
    )


def outlier_jobs(size: int) -> list[Callable[[], Job]]:
    """Return the makers of the jobs."""
    campaign = Campaign(size, round(size * 2400 / 2048), 8)
    return [lambda: detection(campaign), lambda: median(size)]


def streaming(task: str, size: int, count: int) -> dict[str, float]:
    """Measure the peak memory of a whole process that finds outliers, or that does all steps.

    The exposures are netCDF files, so that they need not be in memory.

    Parameters
    ----------
    task : {"flags", "mosaic"}
        ``flag_outliers``, or ``make_mosaic`` into a store.
    size : int
        Pixels per side of an exposure.
    count : int
        Number of exposures.
    """
    import xarray as xr

    from .tasks import status

    campaign = Campaign(size, round(size * 2400 / 2048), count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", f"{__package__}.tasks", "files", name, str(size), str(count)],
            check=True,
        )
        exposures = [xr.open_dataset(path) for path in sorted(folder.glob("*.nc"))]
        grid, start = campaign.grid(), time.perf_counter()
        if task == "flags":
            xrs.flag_outliers(exposures, grid).report.load()
        else:
            xrs.make_mosaic(exposures, grid, store=folder / "mosaic.zarr", chunks=1024)
        seconds = time.perf_counter() - start
        return {"peak": status("VmHWM"), "seconds": seconds, "per exposure": seconds / count}


def write_files(folder: str, size: int, count: int) -> dict[str, float]:
    """Write exposures to files, in a process of its own because this takes memory, too."""
    campaign = Campaign(size, size, count)
    for k in range(count):
        campaign.exposure(k).to_netcdf(Path(folder) / f"exposure{k:04d}.nc")
    return {}


def outlier_memory(who: str, size: int, output: int, count: int) -> dict[str, float]:
    """Measure how peak memory grows while outliers are found, beyond the exposures."""
    from .tasks import status

    def prepare(campaign: Campaign) -> Any:
        make = campaign.exposure if who == "ours" else campaign.model
        return [make(k) for k in range(campaign.count)]

    def run(campaign: Campaign, prepared: Any) -> object:
        if who == "ours":
            return xrs.flag_outliers(prepared, campaign.grid())
        return flags_of(prepared, campaign.grid())

    small = Campaign(64, 80, 3)
    run(small, prepare(small))
    campaign = Campaign(size, output, count)
    prepared = prepare(campaign)
    gc.collect()
    before = min(status("VmRSS"), status("VmHWM"))
    run(campaign, prepared)
    return {"peak": status("VmHWM") - before}
