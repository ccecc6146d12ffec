"""Mosaics on a cluster of processes; a killed worker changes no bit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
import xarray as xr

import xresample as xrs
from tests.support.tiles import (
    FULL,
    GRID,
    assert_identical,
    campaign,
    eager_mosaic,
    slow,
    store_files,
)

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return the client of a cluster with two worker processes."""
    with (
        dask.config.set({"distributed.admin.log-format": "", "logging.distributed": "critical"}),
        distributed.LocalCluster(
            # Port 0 is any free port: another cluster on the machine may have the default port.
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


def kill_one(client: Any) -> None:
    """Kill one worker."""
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


def test_a_cluster_computes_a_lazy_mosaic(client: Any) -> None:
    # This process compiles the kernels into the cache, so the workers only load them.
    expected = eager_mosaic()
    exposures = [*campaign(2), campaign()[2].chunk(9)]
    lazy = xrs.coadd(exposures, GRID, chunks=20, **FULL)
    assert_identical(client.compute(lazy).result(), expected)
    assert_identical(lazy.compute(), expected)


def test_a_cluster_writes_a_store(
    client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mosaic = xrs.coadd_to_zarr(campaign(), GRID, tmp_path / "m.zarr", chunks=20, progress=True,
                               **FULL)  # fmt: skip
    assert "7/7" in capsys.readouterr().err
    assert_identical(mosaic, eager_mosaic())
    with dask.config.set(scheduler="synchronous"):
        xrs.coadd_to_zarr(campaign(), GRID, tmp_path / "other.zarr", chunks=20, **FULL)
    assert store_files(tmp_path / "m.zarr") == store_files(tmp_path / "other.zarr")


def test_an_error_in_a_worker_is_raised(client: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be read"):
        xrs.coadd_to_zarr(slow(0.0, broken=True), GRID, tmp_path / "m.zarr", chunks=20, **FULL)
    mosaic = xrs.coadd_to_zarr(campaign(), GRID, tmp_path / "m.zarr", chunks=20, **FULL)
    assert_identical(mosaic, eager_mosaic())


def test_a_worker_dies_while_a_mosaic_is_computed(client: Any) -> None:
    lazy: xr.Dataset = xrs.coadd(slow(0.02), GRID, chunks=12, **FULL)
    future = client.compute(lazy)
    time.sleep(0.5)
    assert not future.done()
    kill_one(client)
    assert_identical(future.result(), eager_mosaic())


def test_a_worker_dies_while_a_store_is_written(client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "m.zarr"
    done: list[int] = []

    def kill_soon() -> None:
        while not done:
            count = sum(p.is_file() for p in (folder / "progress/done/c").rglob("*"))
            if count > 2:
                done.append(count)
            time.sleep(0.02)
        kill_one(client)

    killer = threading.Thread(target=kill_soon)
    killer.start()
    try:
        xrs.coadd_to_zarr(slow(0.02), GRID, folder, chunks=12, **FULL)
    finally:
        done.append(-1)
        killer.join()
    with dask.config.set(scheduler="synchronous"):
        mosaic = xrs.coadd_to_zarr(slow(0.02), GRID, folder, chunks=12, **FULL)
        xrs.coadd_to_zarr(campaign(), GRID, tmp_path / "other.zarr", chunks=12, **FULL)
    assert done[0] > 2
    assert_identical(mosaic, eager_mosaic())
    left = {n: v for n, v in store_files(folder).items() if not n.endswith(".partial")}
    assert left == store_files(tmp_path / "other.zarr")
