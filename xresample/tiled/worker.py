"""What a worker does: one tile of a mosaic from the parts of the exposures that touch it."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.buffers import Buffers, Layout
from xresample.accumulate.launch import Scales, add_exposure
from xresample.accumulate.window import map_between, place_part, with_next
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import Options
from xresample.wcs.text import from_text

from .tiling import Part

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap

MAPS = 32
"""Pixel maps that each thread keeps."""

_own = threading.local()


@dataclass(frozen=True)
class Job:
    """What all tiles of a mosaic share."""

    grid: Grid
    options: Options
    layout: Layout
    exposures: int
    threads: int


@dataclass(frozen=True)
class Place:
    """Where a block of a plane stands: what dask cannot take for a key."""

    name: str
    """Of the plane."""
    y: int
    """First row, in the pixels of the WCS."""
    x: int


Block = Sequence[Any]
"""The `Place` of a part of a plane, and the array."""


@dataclass(frozen=True)
class Source:
    """An exposure on its way to the workers, with no more of it than they need."""

    number: int
    wcs: bytes
    """The text of its WCS, compressed."""
    shape: tuple[int, int]
    """``(y, x)``."""
    y0: int
    x0: int
    variables: dict[str, xr.Variable]
    """Planes that are in memory or in files; those of dask arrays come as blocks."""
    flags: dict[str, Any]
    """Attributes of ``dq``."""
    attrs: dict[str, Any]
    scales: Scales
    weight_type: str | None

    @property
    def y(self) -> range:
        """Its rows."""
        return range(self.y0, self.y0 + self.shape[0])

    @property
    def x(self) -> range:
        """Its columns."""
        return range(self.x0, self.x0 + self.shape[1])

    def cut(self, y: range, x: range, blocks: Sequence[Block]) -> Exposure:
        """Return a part of the exposure."""
        rows, columns = (
            slice(part.start - first, part.stop - first)
            for part, first in ((y, self.y0), (x, self.x0))
        )
        planes = {name: v[rows, columns] for name, v in self.variables.items()}
        for name in dict.fromkeys(place.name for place, _ in blocks):
            found = [block for block in blocks if block[0].name == name]
            planes[name] = xr.Variable(schema.PIXELS, _joined(found, y, x))
        if "dq" in planes:
            planes["dq"].attrs = dict(self.flags)
        coords = {"y": np.arange(y.start, y.stop), "x": np.arange(x.start, x.stop)}
        return Exposure(xr.Dataset(planes, coords, self.attrs))


@dataclass(frozen=True)
class Tile:
    """A tile, and the parts of exposures that can touch it, in the order of these."""

    y: range
    """In the pixels of the grid."""
    x: range
    parts: tuple[Part, ...] = ()


def compute_tile(
    job: Job, tile: Tile, sources: Sequence[Source], blocks: Sequence[Sequence[Block]]
) -> dict[str, np.ndarray]:
    """Return all planes of a tile, ``(y, x)`` and ``(plane, y, x)``.

    Parameters
    ----------
    job : Job
        What it has in common with the other tiles.
    tile : Tile
        Where it lies, and what touches it.
    sources : sequence of Source
        The exposures of its parts.
    blocks : sequence
        For each of them the blocks of its planes that are dask arrays.
    """
    shape = len(tile.y), len(tile.x)
    grid = replace(job.grid, shape=shape, y0=tile.y.start, x0=tile.x.start)
    buffers = Buffers.empty(job.layout, job.options, shape, grid.y0, grid.x0, job.exposures)
    for part, source, loaded in zip(tile.parts, sources, blocks, strict=True):
        _add(buffers, job, part, source, loaded)
    return Accumulator(grid, job.options, buffers).planes()


def _add(buffers: Buffers, job: Job, part: Part, source: Source, blocks: Sequence[Block]) -> None:
    """Add a part of an exposure; all that it takes is free again afterwards."""
    mapping = _mapping(source, job)
    y, x = with_next(part.y, mapping.y), with_next(part.x, mapping.x)
    options = replace(job.options, weight_type=source.weight_type)
    window = place_part(source.cut(y, x, blocks), mapping, options, part.y, part.x, job.threads)
    add_exposure(buffers, options, window, source.scales, source.number, job.threads)


def _mapping(source: Source, job: Job) -> PixelMap:
    """Return the map of a whole exposure, which each thread keeps for the next tile."""
    options = job.options
    how = options.pixmap_stepsize, options.pixmap_order, options.pixmap_tol
    key = source.wcs, source.shape, source.y0, source.x0, job.grid.text, how
    kept: OrderedDict[Any, PixelMap] = _own.__dict__.setdefault("maps", OrderedDict())
    if key not in kept:
        wcs_from = from_text(zlib.decompress(source.wcs).decode())
        kept[key] = map_between(
            wcs_from, job.grid.wcs, source.x, source.y, options, threads=job.threads
        )
        if len(kept) > MAPS:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]


def _joined(blocks: Sequence[Block], y: range, x: range) -> np.ndarray:
    """Return a window of an array from the blocks that cover it."""
    out = np.empty((len(y), len(x)), np.result_type(*(block for _, block in blocks)))
    for place, block in blocks:
        (to_y, from_y), (to_x, from_x) = (
            _shared(side, first, length)
            for side, first, length in zip((y, x), (place.y, place.x), block.shape, strict=True)
        )
        out[to_y, to_x] = block[from_y, from_x]
    return out


def _shared(window: range, first: int, length: int) -> tuple[slice, slice]:
    """Return where the pixels stand that a window shares with a block: in the one, in the other."""
    start, stop = max(window.start, first), min(window.stop, first + length)
    return (
        slice(start - window.start, stop - window.start),
        slice(start - first, stop - first),
    )
