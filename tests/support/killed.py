"""The work of a process that a test kills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask

import xresample as xrs

from .tiles import FULL, GRID, campaign

CHUNKS = 14


def write(folder: Path, **options: Any) -> None:
    """Write the mosaic of the campaign, or the tiles that a store still lacks."""
    with dask.config.set(scheduler="synchronous"):
        xrs.coadd_to_zarr(campaign(), GRID, folder, chunks=CHUNKS, **FULL, **options)
