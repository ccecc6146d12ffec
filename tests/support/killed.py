"""What a process does that is going to be killed; it is forked from one that has compiled all."""

from __future__ import annotations

from pathlib import Path

import dask

import xresample as xrs

from .tiles import FULL, GRID, campaign

CHUNKS = 14


def write(folder: Path) -> None:
    """Write the mosaic of the campaign, or what is left of it."""
    with dask.config.set(scheduler="synchronous"):
        xrs.coadd_to_zarr(campaign(), GRID, folder, chunks=CHUNKS, **FULL)


# Kernels are loaded once, before processes are forked; a thread would not survive that.
xrs.coadd(campaign(), GRID, threads=1, **FULL)
