"""The dask graph of a revised mosaic: each tile is kept, or computed anew where it changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import context
from xresample.datamodel.exposure_sets import ExposureSets, text_array
from xresample.datamodel.labels import LABELS, tiles_of
from xresample.datamodel.schema import Rule

from .graph import Graph, lazy_mosaic_of
from .plan import Plan
from .revision import Revision
from .worker import Block, ExposureInput, SharedInput, Tile, compute_tile


def lazily_revised(mosaic: xr.Dataset, revised: Revision) -> xr.Dataset:
    """Return a revised mosaic as a Dataset of dask arrays, with the tiles of the plan.

    Each tile reads the old tile to find out whether an exposure that leaves touches it.
    """
    planned = revised.plan
    layout = planned.job.layout
    if revised.margin != 0 or not _has_tables(mosaic, planned):
        return lazy_mosaic_of(Graph(planned), lambda graph, j, i: graph.task(j, i, compute_tile))
    held = {}
    for name, row in layout.planes.items():
        if name in mosaic:
            sizes: tuple[Any, ...] = planned.tiling.chunks
            if row.rule is Rule.SETS:
                sizes = 1, 1
            chunks = dict(zip(row.dims, (*(-1,) * (len(row.dims) - 2), *sizes), strict=True))
            held[name] = mosaic[name].transpose(*row.dims).chunk(chunks).data
    forced = revised.new_tiles

    def task(graph: Graph, j: int, i: int) -> tuple[Any, ...]:
        function = partial(
            revised_tile, old=revised.old, gone=revised.gone, forced=(j, i) in forced
        )
        keys = [
            [name, (array.name, *(0,) * (array.ndim - 2), j, i)] for name, array in held.items()
        ]
        return (*graph.task(j, i, function), keys)

    return lazy_mosaic_of(Graph(planned), task, tuple(held.values()))


def _has_tables(mosaic: xr.Dataset, planned: Plan) -> bool:
    """Tell whether a mosaic has tables of sets for the tiles of a plan, if it has any."""
    return LABELS not in mosaic or tiles_of(mosaic) == planned.tiling.blocks


def revised_tile(
    shared: SharedInput,
    tile: Tile,
    exposures: Sequence[ExposureInput],
    blocks: Sequence[Sequence[Block]],
    planes: Sequence[Sequence[Any]],
    *,
    old: tuple[int | None, ...],
    gone: tuple[int, ...],
    forced: bool,
) -> dict[str, np.ndarray]:
    """Return all planes of a tile: those of the old mosaic, or computed anew where they change.

    Parameters
    ----------
    shared, tile, exposures, blocks
        See `compute_tile`.
    planes : sequence
        Names and arrays of the old tile.
    old, gone
        See `Revision`.
    forced : bool
        Whether a new exposure can touch the tile.
    """
    layout, options = shared.job.layout, shared.job.options
    held = {str(name): np.asarray(array) for name, array in planes}
    for con in layout.by_rule(Rule.CONTEXT):
        forced |= bool(context.has_any(held[con], gone).any())
        held[con] = context.renumbered(held[con], old)
    for name in layout.by_rule(Rule.SETS):
        sets = ExposureSets.from_text(held[name][0, 0])
        forced |= bool(sets.has_any(gone).any())
        held[name] = text_array(sets.renumbered(old))
    if forced:
        return compute_tile(shared, tile, exposures, blocks)
    shape = len(tile.y), len(tile.x)
    for name in layout.planes:
        if name not in held:
            full, dtype = layout.shape(name, shape, len(old)), layout.dtype(name, options)
            held[name] = np.full(full, layout.identity(name, options), dtype)
    return {name: held[name] for name in layout.planes}
