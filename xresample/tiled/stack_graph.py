"""The dask graph of a stack: one task per group and tile, and arrays ``(group, y, x)``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .graph import Graph
from .groups import GroupPlan, Planes, blank_tile
from .worker import Block, ExposureInput, SharedInput, Tile, compute_tile

MeanWeight = Callable[[list[np.ndarray]], float]
"""Returns the mean of the weights of a group, from its weights on all tiles."""


def lazy_stack(groups: GroupPlan, mean: MeanWeight) -> tuple[dict[str, Any], Any]:
    """Return the planes of a stack and the mean weights of its groups, as dask arrays.

    A group that cannot touch a tile has no task that reads exposures, and its block takes no
    memory. The mean weights have tasks of their own: with the blocks of the stack they would keep
    all blocks of a group in memory.

    Parameters
    ----------
    groups : GroupPlan
        The groups.
    mean : callable
        Returns the mean weight of a group from its weights on all tiles.
    """
    import dask.array as da

    graph = Graph(groups.plan)
    name, (rows, columns) = f"group-{graph.token}", groups.plan.tiling.shape
    blank = partial(blank_tile, groups.identities())
    tasks: dict[Any, Any] = {}
    for g in range(len(groups.members)):
        for j in range(rows):
            for i in range(columns):
                tile = groups.tile(g, j, i)
                if tile.parts:
                    tasks[name, g, j, i] = graph.task_of(tile, compute_tile)
                else:
                    tasks[name, g, j, i] = (blank, tile)
    chunks = ((1,) * len(groups.members), *groups.plan.tiling.chunks)
    meta = np.empty((0, 0, 0), object)
    tiles = da.Array(graph.layers(name, tasks), name, chunks, meta=meta)
    return {n: _plane(groups, tiles, n, graph.token) for n in groups.planes}, _means(
        groups, graph, mean
    )


def _plane(groups: GroupPlan, tiles: Any, name: str, token: str) -> Any:
    """Return the dask array that picks one plane of each group and tile."""
    import dask.array as da

    dtype = groups.dtype(name)
    meta = np.empty((0, 0, 0), dtype)
    return da.map_blocks(
        pick, tiles, plane=name, dtype=dtype, meta=meta, name=f"stack-{name}-{token}"
    )


def pick(found: Planes, plane: str) -> np.ndarray:
    """Return a plane of a group on a tile, ``(1, y, x)``."""
    return found[plane][None]


def _means(groups: GroupPlan, graph: Graph, mean: MeanWeight) -> Any:
    """Return the dask array of the mean weight of each group."""
    import dask.array as da

    name = f"mean-weight-{graph.token}"
    tasks: dict[Any, Any] = {}
    for g in range(len(groups.members)):
        jobs = [
            list(graph.task_of(groups.tile(g, j, i), compute_tile)[1:])
            for j, i in groups.tiles_of(g)
        ]
        tasks[name, g] = (mean_of_group, mean, jobs)
    return da.Array(
        graph.layers(name, tasks), name, ((1,) * len(groups.members),), dtype=np.float64
    )


def mean_of_group(
    mean: MeanWeight,
    jobs: list[tuple[SharedInput, Tile, list[ExposureInput], list[list[Block]]]],
) -> np.ndarray:
    """Return the mean weight of a group, ``(1,)``, from the arguments of `compute_tile`."""
    return np.array([mean([compute_tile(*job)["wht"] for job in jobs])])
