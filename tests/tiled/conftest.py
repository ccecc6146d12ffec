"""Fixtures for the tests of tiles that take seconds to make, so the tests share them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import dask
import pytest

import xresample as xrs
from tests.support.tiles import CHUNKS, FULL, GRID, campaign


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Return a pool of two processes for dask."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as made:
        yield made


@pytest.fixture(scope="session")
def whole_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of the campaign, written in one run; tests must not change the store."""
    folder = tmp_path_factory.mktemp("store") / "whole.zarr"
    with dask.config.set(scheduler="synchronous"):
        xrs.coadd_to_zarr(campaign(), GRID, folder, chunks=CHUNKS, **FULL)
    return folder
