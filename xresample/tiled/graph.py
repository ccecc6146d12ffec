"""The dask graph of a mosaic: a task for each tile, small whatever the exposures hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from uuid import uuid4

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import plane_names
from xresample.accumulate.window import with_next
from xresample.datamodel import schema
from xresample.datamodel.context import n_planes
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WEIGHT_VARIANCE

from .plan import Plan
from .tiling import Part
from .worker import Job, Place, Source, compute_tile

Key = tuple[Any, ...]


class Graph:
    """The tasks of a plan, with the tasks of dask arrays that its exposures hold."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.token = uuid4().hex
        self._loaded: list[dict[str, xr.Variable]] = []
        self._chunked: list[dict[str, _Chunked]] = []
        for exposure in plan.exposures:
            found = planes(exposure, plan.job)
            chunked = {n: _Chunked.of(v, exposure) for n, v in found.items() if v.chunks}
            self._chunked.append(chunked)
            self._loaded.append({n: v for n, v in found.items() if n not in chunked})

    def inputs(self) -> dict[Key, Any]:
        """Return what tasks refer to by key, so that a graph holds each of it once."""
        inputs: dict[Key, Any] = {self._key("job"): self.plan.job}
        for number in range(self.plan.n_exposures):
            inputs[self._key("exposure", number)] = self._source(number)
        return inputs

    def task(self, j: int, i: int, function: Callable[..., Any]) -> tuple[Any, ...]:
        """Return the task that calls a function with what `compute_tile` needs."""
        tile = self.plan.tile(j, i)
        sources = [self._key("exposure", part.number) for part in tile.parts]
        blocks = [self._blocks(part) for part in tile.parts]
        return (function, self._key("job"), tile, sources, blocks)

    def layers(self, name: str, tasks: dict[Any, Any]) -> Any:
        """Return a dask graph whose layer of that name holds the tasks."""
        from dask.highlevelgraph import HighLevelGraph

        arrays = [chunked.array for planes in self._chunked for chunked in planes.values()]
        graph = HighLevelGraph.from_collections(name, tasks, arrays)
        inputs = f"inputs-{self.token}"
        layers: dict[str, Any] = {**graph.layers, inputs: self.inputs()}
        dependencies = {**graph.dependencies, inputs: set()}
        dependencies[name] = {*dependencies[name], inputs}
        return HighLevelGraph(layers, dependencies)

    def _key(self, kind: str, *index: int) -> Key:
        return (f"{kind}-{self.token}", *index)

    def _source(self, number: int) -> Source:
        exposure = self.plan.exposures[number]
        dataset = exposure.dataset
        known = [row.name for row in schema.EXPOSURE_ATTRS if row.name in dataset.attrs]
        return Source(
            number=number,
            wcs=zlib.compress(str(exposure.wcs_text).encode()),
            shape=exposure.shape,
            y0=exposure.y.start,
            x0=exposure.x.start,
            variables=self._loaded[number],
            flags=dict(dataset.variables["dq"].attrs) if "dq" in dataset else {},
            attrs={name: dataset.attrs[name] for name in known},
            scales=self.plan.scales[number],
            weight_type=self.plan.weight_types[number],
        )

    def _blocks(self, part: Part) -> list[list[Any]]:
        """Return the blocks that a part of an exposure needs, each with its key."""
        exposure = self.plan.exposures[part.number]
        y, x = with_next(part.y, exposure.y), with_next(part.x, exposure.x)
        return [
            [Place(name, *corner), key]
            for name, chunked in self._chunked[part.number].items()
            for *corner, key in chunked.covering(y, x)
        ]


def planes(exposure: Exposure, job: Job) -> dict[str, xr.Variable]:
    """Return the planes of an exposure that are co-added, ``(y, x)``, and nothing about them."""
    weight = WEIGHT_VARIANCE.get(job.options.weight_type or "", "")
    wanted = dict.fromkeys((*job.layout.linear[1:], *job.layout.squared, weight, "dq"))
    found = {}
    for name in wanted:
        variable = exposure.dataset.variables.get(name)
        if variable is not None:
            # Neither read nor copied.
            bare = variable.transpose(*schema.PIXELS).copy(deep=False)
            bare.attrs, bare.encoding = {}, {}
            found[name] = bare
    return found


@dataclass(frozen=True)
class _Chunked:
    """A plane that is a dask array, and where its blocks start."""

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

    def covering(self, y: range, x: range) -> Iterable[tuple[int, int, Key]]:
        """Yield first row, first column and key of the blocks that have a part in a window."""
        for j in _overlapping(self.y, y):
            for i in _overlapping(self.x, x):
                yield int(self.y[j]), int(self.x[i]), (self.array.name, j, i)


def _overlapping(edges: np.ndarray, window: range) -> range:
    """Return which of consecutive intervals have a part in a window."""
    first = int(np.searchsorted(edges, window.start, side="right")) - 1
    return range(first, int(np.searchsorted(edges, window.stop, side="left")))


def lazy(plan: Plan) -> xr.Dataset:
    """Return the mosaic of a plan as a Dataset of dask arrays, one tile a chunk."""
    import dask.array as da

    graph = Graph(plan)
    name = f"tile-{graph.token}"
    rows, columns = plan.tiling.shape
    tasks = {
        (name, j, i): graph.task(j, i, compute_tile) for j in range(rows) for i in range(columns)
    }
    # Each block of this array holds all planes of a tile, which those of the mosaic pick.
    tiles = da.Array(
        graph.layers(name, tasks), name, plan.tiling.chunks, meta=np.empty((0, 0), object)
    )
    job = plan.job
    computed = {}
    for plane in plane_names(job.layout, job.options):
        dtype = np.dtype(schema.plane_dtype(plane, job.options.dtype))
        if plane == "con":
            more = {"new_axis": 0, "chunks": ((n_planes(plan.n_exposures),), *plan.tiling.chunks)}
        else:
            more = {}
        computed[plane] = da.map_blocks(
            itemgetter(plane),
            tiles,
            dtype=dtype,
            meta=np.empty((0,) * (2 + bool(more)), dtype),
            name=f"{plane}-{graph.token}",
            **more,
        )
    return plan.dataset(computed)
