"""Tasks that are measured in a new process; each prints one line of JSON."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MIB = 1024.0


def first(size: int) -> dict[str, float]:
    """Time the first ``add`` of a process minus the fastest later one."""
    import xresample as xrs

    from .campaign import Campaign

    campaign = Campaign(size, round(size * 1.2))
    grid = campaign.grid()
    exposure = campaign.exposure(0)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        xrs.coadd(exposure, grid, compute_err="driz_err", propagate_dq=True)
        seconds.append(time.perf_counter() - start)
    return {"over": seconds[0] - min(seconds[1:])}


def import_time() -> dict[str, float]:
    """Time the import of the package after xarray is imported."""
    import xarray  # noqa: F401 - the time of xarray is not counted

    start = time.perf_counter()
    import xresample  # noqa: F401 - the import itself is timed

    return {"over": time.perf_counter() - start}


def memory(who: str, size: int, output: int, count: int) -> dict[str, float]:
    """Measure how peak memory grows while a campaign is co-added, one exposure at a time."""
    from .campaign import Campaign

    # A small campaign first, so that the baseline includes imports and compiled code.
    run = _ours if who == "ours" else _reference
    run(Campaign(64, 80, 1))
    campaign = Campaign(size, output, count)
    # The count of used memory is updated in batches, so it can lie a few pages above the peak.
    before = min(status("VmRSS"), status("VmHWM"))
    made = run(campaign)
    gc.collect()
    # Untouched pages of the output take no memory; the memory held at the end tells their number.
    peak, held = status("VmHWM"), status("VmRSS")
    bytes_of = sum(plane.nbytes for plane in made)
    return {"peak": peak - before, "held": held - before, "output": bytes_of / MIB / MIB}


def status(entry: str) -> float:
    """Return an entry of the status of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(entry)) / MIB


def _ours(campaign: Any) -> list[Any]:
    import xresample as xrs

    exposures = (campaign.exposure(k) for k in range(campaign.count))
    mosaic = xrs.coadd(exposures, campaign.grid(), compute_err="driz_err", propagate_dq=True)
    return [mosaic.variables[name].data for name in mosaic.data_vars]


def _reference(campaign: Any) -> list[Any]:
    from stcal.resample import Resample

    made = Resample(
        {"wcs": campaign.grid()},
        n_input_models=campaign.count,
        compute_err="driz_err",
        propagate_dq=True,
        pixmap_stepsize=32,
        pixmap_order=3,
    )
    for k in range(campaign.count):
        made.add_model(campaign.model(k))
    made.finalize()
    return [plane for plane in made.output_model.values() if hasattr(plane, "nbytes")]


def marginal(size: int, output: int, count: int) -> dict[str, float]:
    """Time one more exposure in a mosaic of a given size."""
    from xresample.accumulate.accumulator import Accumulator
    from xresample.accumulate.job import Job

    from .campaign import Campaign

    campaign = Campaign(size, output, count)
    exposures = [campaign.exposure(k) for k in range(count)]
    options = {"compute_err": "driz_err", "propagate_dq": True}
    state = Accumulator.new(Job.of_target(campaign.grid(), options), 2 * count)
    for exposure in exposures:
        # The first access to a page of the planes costs time once per mosaic, so it is not timed.
        state.add(exposure)
    seconds = []
    for exposure in exposures:
        start = time.perf_counter()
        state.add(exposure)
        seconds.append(time.perf_counter() - start)
    return {"seconds": statistics.median(seconds)}


def outliers(who: str, size: int, output: int, count: int) -> dict[str, float]:
    """Measure how peak memory grows while outliers are found."""
    from .outliers import outlier_memory

    return outlier_memory(who, size, output, count)


def streaming(task: str, size: int, count: int) -> dict[str, float]:
    """Measure the peak memory of a process that finds outliers in files."""
    from .outliers import streaming as run

    return run(task, size, count)


def files(folder: str, size: int, count: int) -> dict[str, float]:
    """Write the files of a campaign."""
    from .outliers import write_files

    return write_files(folder, size, count)


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "files": files,
    "streaming": streaming,
    "first": first,
    "import": import_time,
    "memory": memory,
    "marginal": marginal,
    "outliers": outliers,
}


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    values = [int(value) if value.isdigit() else value for value in arguments]
    print(json.dumps(TASKS[task](*values)))
