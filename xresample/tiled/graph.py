"""The dask graph of a mosaic: one task per tile, small whatever the exposures hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import uuid4

import numpy as np
import xarray as xr

from xresample.accumulate.job import Admitted, Job
from xresample.accumulate.window import require_wcs, with_next
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WEIGHT_PLANE

from .plan import Plan
from .tiling import Part
from .worker import BlockOrigin, ExposureInput, SharedInput, Tile, compute_tile

Key = tuple[Any, ...]

ReadPlanes = Callable[[Exposure], dict[str, xr.Variable]]
"""Returns the planes of an exposure that tasks need, as `needed_planes` does."""


class Graph:
    """The tasks of a plan, and the tasks of the dask arrays in its exposures."""

    def __init__(self, plan: Plan, read: ReadPlanes | None = None) -> None:
        self.plan = plan
        self.token = uuid4().hex
        self._loaded: list[dict[str, xr.Variable]] = []
        self._chunked: list[dict[str, _Chunked]] = []
        for exposure in plan.exposures:
            found = needed_planes(exposure, plan.job) if read is None else read(exposure)
            chunked = {n: _Chunked.of(v, exposure) for n, v in found.items() if v.chunks}
            self._chunked.append(chunked)
            self._loaded.append({n: v for n, v in found.items() if n not in chunked})

    def inputs(self) -> dict[Key, Any]:
        """Return the inputs that tasks refer to by key, so that a graph holds each input once."""
        shared = SharedInput(self.plan.job, self.plan.threads)
        inputs: dict[Key, Any] = {self._key("shared"): shared}
        for number in range(self.plan.n_exposures):
            admitted, variables = self.plan.admitted[number], self._loaded[number]
            inputs[self._key("exposure", number)] = exposure_input(admitted, variables)
        return inputs

    def task(self, j: int, i: int, function: Callable[..., Any]) -> tuple[Any, ...]:
        """Return the task that calls a function with the arguments of `compute_tile`."""
        return self.task_of(self.plan.tile(j, i), function)

    def task_of(self, tile: Tile, function: Callable[..., Any]) -> tuple[Any, ...]:
        """Return the task for a tile, which may have some of the parts of a tile of the plan."""
        exposures = [self._key("exposure", part.number) for part in tile.parts]
        blocks = [self._blocks(part) for part in tile.parts]
        return (function, self._key("shared"), tile, exposures, blocks)

    def layers(self, name: str, tasks: dict[Any, Any], further: Iterable[Any] = ()) -> Any:
        """Return a dask graph whose layer ``name`` holds the tasks.

        Parameters
        ----------
        name : str
            Name of the layer.
        tasks : dict
            The tasks by their keys.
        further : iterable of dask.array.Array
            Arrays whose blocks the tasks need, beside those of the exposures.
        """
        from dask.highlevelgraph import HighLevelGraph

        arrays = [chunked.array for planes in self._chunked for chunked in planes.values()]
        graph = HighLevelGraph.from_collections(name, tasks, [*arrays, *further])
        inputs = f"inputs-{self.token}"
        layers: dict[str, Any] = {**graph.layers, inputs: self.inputs()}
        dependencies = {**graph.dependencies, inputs: set()}
        dependencies[name] = {*dependencies[name], inputs}
        return HighLevelGraph(layers, dependencies)

    def _key(self, kind: str, *index: int) -> Key:
        return (f"{kind}-{self.token}", *index)

    def _blocks(self, part: Part) -> list[list[Any]]:
        """Return the blocks that a part of an exposure needs, each with its key."""
        exposure = self.plan.exposures[part.number]
        y, x = with_next(part.y, exposure.y), with_next(part.x, exposure.x)
        return [
            [origin, key]
            for name, chunked in self._chunked[part.number].items()
            for origin, key in chunked.covering(name, y, x)
        ]


def exposure_input(admitted: Admitted, variables: dict[str, xr.Variable]) -> ExposureInput:
    """Return what workers need of an exposure.

    Parameters
    ----------
    admitted : Admitted
        The exposure.
    variables : dict
        Its planes that do not come as blocks, see `needed_planes`.
    """
    exposure = admitted.exposure
    return ExposureInput(
        number=admitted.number,
        wcs=zlib.compress(require_wcs(exposure.wcs, "exposure").text.encode()),
        pixels=exposure.pixels,
        variables=variables,
        flags=dict(exposure.dq_attrs),
        attrs=exposure.scalars,
        scales=admitted.scales,
        weight_type=admitted.weight_type,
    )


def needed_planes(exposure: Exposure, job: Job) -> dict[str, xr.Variable]:
    """Return the planes of an exposure that are co-added, ``(y, x)``, without attributes."""
    weight = WEIGHT_PLANE.get(job.options.weight_type or "", "")
    return bare_planes(exposure, (*job.layout.sources, weight, "dq", schema.COADD_WEIGHT))


def bare_planes(exposure: Exposure, names: Iterable[str]) -> dict[str, xr.Variable]:
    """Return planes of an exposure, ``(y, x)``, without attributes; missing ones are left out."""
    found = {}
    for name in dict.fromkeys(names):
        variable = exposure.dataset.variables.get(name)
        if variable is not None:
            # The copy shares the array, which is not read.
            bare = variable.transpose(*schema.PIXELS).copy(deep=False)
            bare.attrs, bare.encoding = {}, {}
            found[name] = bare
    return found


@dataclass(frozen=True)
class _Chunked:
    """A plane that is a dask array, and the first rows and columns of its blocks."""

    array: Any
    y: np.ndarray
    x: np.ndarray

    @classmethod
    def of(cls, variable: xr.Variable, exposure: Exposure) -> _Chunked:
        """Return a plane of an exposure."""
        array = variable.data
        edges = (
            np.cumsum([side.start, *sizes])
            for side, sizes in zip((exposure.y, exposure.x), array.chunks, strict=True)
        )
        return cls(array, *edges)

    def covering(self, name: str, y: range, x: range) -> Iterable[tuple[BlockOrigin, Key]]:
        """Yield origin and key of the blocks of a plane that overlap a window."""
        for j in _overlapping(self.y, y):
            for i in _overlapping(self.x, x):
                shape = int(self.y[j + 1] - self.y[j]), int(self.x[i + 1] - self.x[i])
                first = int(self.y[j]), int(self.x[i])
                origin = BlockOrigin(name, *first, shape, self.array.dtype.kind)
                yield origin, (self.array.name, j, i)


def _overlapping(edges: np.ndarray, window: range) -> range:
    """Return the consecutive intervals that overlap a window."""
    first = int(np.searchsorted(edges, window.start, side="right")) - 1
    return range(first, int(np.searchsorted(edges, window.stop, side="left")))


def lazy_mosaic(plan: Plan) -> xr.Dataset:
    """Return the mosaic of a plan as a Dataset of dask arrays, one chunk per tile."""
    return lazy_mosaic_of(Graph(plan), lambda graph, j, i: graph.task(j, i, compute_tile))


def lazy_mosaic_of(
    graph: Graph,
    task: Callable[[Graph, int, int], tuple[Any, ...]],
    further: Iterable[Any] = (),
) -> xr.Dataset:
    """Return the mosaic of a graph whose tasks return all planes of a tile.

    Parameters
    ----------
    graph : Graph
        The graph.
    task : callable
        Returns the task of a tile from the graph, and the row and column of the tile.
    further : iterable of dask.array.Array
        Arrays whose blocks the tasks need, beside those of the exposures.
    """
    import dask.array as da

    plan = graph.plan
    name = f"tile-{graph.token}"
    rows, columns = plan.tiling.shape
    tasks = {(name, j, i): task(graph, j, i) for j in range(rows) for i in range(columns)}
    # Each block of this array is a dict of all planes of a tile; a variable picks its plane.
    tiles = da.Array(
        graph.layers(name, tasks, further), name, plan.tiling.chunks, meta=np.empty((0, 0), object)
    )
    return plan.dataset({name: _plane(plan, tiles, name, graph.token) for name in plan.planes})


def _plane(plan: Plan, tiles: Any, name: str, token: str) -> Any:
    """Return the dask array that picks one plane of each tile."""
    import dask.array as da

    job = plan.job
    chunks: tuple[tuple[int, ...], ...] = plan.tiling.chunks
    dtype = job.layout.dtype(name, job.options)
    further = job.layout.shape(name, plan.shape, plan.n_exposures, plan.origin)[:-2]
    if job.layout.planes[name].rule is schema.Rule.BLOCK_SUM:
        chunks = plan.block_chunks
    elif job.layout.planes[name].rule is schema.Rule.SETS:
        rows, columns = plan.tiling.shape
        chunks = (1,) * rows, (1,) * columns
    # Dimensions that the array of tiles does not have are one chunk each.
    more: dict[str, Any] = {"chunks": chunks}
    if further:
        sizes = ((size,) for size in further)
        more = {"new_axis": list(range(len(further))), "chunks": (*sizes, *chunks)}
    meta = np.empty((0,) * (2 + len(further)), dtype)
    return da.map_blocks(
        itemgetter(name), tiles, dtype=dtype, meta=meta, name=f"{name}-{token}", **more
    )
