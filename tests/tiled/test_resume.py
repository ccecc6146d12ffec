"""Resumed runs: a killed process loses nothing, and a store of another mosaic stays untouched."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xresample as xrs
from tests.support import killed
from tests.support.tiles import (
    CHUNKS,
    FULL,
    GRID,
    assert_identical,
    campaign,
    eager_mosaic,
    store_files,
)

KILLS = int(os.environ.get("XRESAMPLE_TEST_KILLS", "5"))
"""Number of kills; by hand, 20 and more."""


@pytest.fixture(scope="module")
def processes() -> Any:
    """Return a context whose processes start with the kernels already compiled."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.loaded_kernels"])
    return context


def duration(processes: Any, folder: Path, options: dict[str, Any]) -> float:
    """Write a store in a new process and return the seconds that this takes."""
    # The first process also waits for the preloaded module, so only the second one is timed.
    for name in ("first.zarr", folder.name):
        start = time.perf_counter()
        process = processes.Process(
            target=killed.write, args=(folder.with_name(name),), kwargs=options
        )
        process.start()
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - start


@pytest.mark.parametrize("options", [{}, {"enable_ctx": "sets"}], ids=["bits", "sets"])
def test_a_run_killed_at_any_moment_resumes_to_the_same_bytes(
    options: dict[str, Any], tmp_path: Path, processes: Any
) -> None:
    whole = tmp_path / "whole.zarr"
    seconds = duration(processes, whole, options)
    expected = store_files(whole)
    rng = np.random.default_rng(7)
    kills, stores = 0, 0
    while kills < KILLS:
        folder = tmp_path / f"{stores}.zarr"
        stores += 1
        code = -9
        while code != 0:
            process = processes.Process(target=killed.write, args=(folder,), kwargs=options)
            process.start()
            # After enough kills, the last process runs to its end.
            process.join(rng.uniform(0, seconds) if kills < KILLS else None)
            process.kill()
            process.join()
            code = process.exitcode
            assert code in (0, -9)
            kills += code == -9
        assert store_files(folder) == expected
    assert kills >= KILLS
    mosaic = xrs.coadd_to_zarr(campaign(), GRID, folder, chunks=killed.CHUNKS, **FULL, **options)
    if options:
        # The labels of sets differ between tiles and a whole mosaic, but mean the same exposures.
        mosaic = mosaic.compute().resample.with_context("bits")
    assert_identical(mosaic, eager_mosaic())


def different_runs() -> dict[str, tuple[dict[str, Any], str]]:
    """Return changes to the run that wrote a store, and a part of the error for each."""
    first, second, third = campaign()
    renamed = second.assign_attrs(filename="other.fits")
    units = third.assign(data=third["data"].assign_attrs(units=""))
    return {
        "kernel": ({"kernel": "turbo"}, "kernel: turbo and square"),
        "weight_type": ({"weight_type": "exptime"}, "weight_type: exptime and ivm"),
        "fewer exposures": ({"exposures": campaign(2)}, "exposures: 2 and 3"),
        "file name": ({"exposures": [first, renamed, third]}, "number 1 differs"),
        "order of exposures": ({"exposures": [second, first, third]}, "number 0 differs"),
        "missing plane": ({"exposures": [first, second, third.drop_vars("dq")]}, "number 2"),
        "units": ({"exposures": [first, second, units]}, "number 2 differs"),
        "cutout": ({"exposures": [first.isel(y=slice(1, None)), second, third]}, "number 0"),
        "tiles": ({"chunks": 30}, r"tiles: \[30, 30\] and \[20, 20\]"),
        "grid": ({"pixel_scale": 0.3}, "grid: different WCS, shape or pixel scale"),
    }


@pytest.mark.filterwarnings("ignore::xresample.PixelScaleWarning")  # one of the differences
@pytest.mark.parametrize("case", different_runs())
def test_a_different_run_leaves_the_store_untouched(
    case: str, tmp_path: Path, whole_store: Path
) -> None:
    folder = shutil.copytree(whole_store, tmp_path / "m.zarr")

    def coadd_to_zarr(**changes: Any) -> Any:
        options = {"exposures": campaign(), "chunks": CHUNKS, **FULL, **changes}
        return xrs.coadd_to_zarr(output_wcs=GRID, store=folder, **options)

    before = store_files(folder)
    changes, message = different_runs()[case]
    with pytest.raises(xrs.GridMismatchError, match=message):
        coadd_to_zarr(**changes)
    assert store_files(folder) == before
    mosaic = coadd_to_zarr(overwrite=True, **changes)
    own = {n: v for n, v in changes.items() if n not in ("chunks", "exposures")}
    expected = xrs.coadd(changes.get("exposures", campaign()), GRID, **{**FULL, **own})
    assert_identical(mosaic, expected)
