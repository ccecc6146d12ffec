"""The work on one tile: its planes from the parts of the exposures that can touch it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.buffers import Buffers
from xresample.accumulate.job import Job
from xresample.accumulate.launch import Outcome, Scales, add_exposure
from xresample.accumulate.notices import warn_outcome
from xresample.accumulate.weights import deposited_weights
from xresample.accumulate.window import map_between, require_wcs, window_of_part, with_next
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WeightType
from xresample.errors import InvalidExposureError
from xresample.wcs.caches import ThreadCache
from xresample.wcs.handle import WCSHandle
from xresample.wcs.pixels import Pixels

from .tiling import Part

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap

MAPS = 32
"""Number of pixel maps that each thread keeps."""

_maps: ThreadCache[PixelMap] = ThreadCache(MAPS)


@dataclass(frozen=True)
class SharedInput:
    """The input that all tiles of a mosaic share."""

    job: Job
    """The job after all exposures have been admitted."""
    threads: int
    """Threads to use within a tile."""


@dataclass(frozen=True)
class BlockOrigin:
    """The position of a block in a plane; a dataclass, which dask does not mistake for a key."""

    name: str
    """Name of the plane."""
    y: int
    """First row, in the pixels of the WCS."""
    x: int
    shape: tuple[int, int]
    """Shape that the chunks of the dask array promise, ``(y, x)``."""
    kind: str
    """Kind of numbers that the dask array promises."""


Block = Sequence[Any]
"""The `BlockOrigin` of a block of a plane, and its array."""


@dataclass(frozen=True)
class ExposureInput:
    """The parts of an exposure that workers need, in a form that is small when pickled."""

    number: int
    wcs: bytes
    """Text of the WCS, compressed."""
    pixels: Pixels
    variables: dict[str, xr.Variable]
    """Planes in memory or in files; planes that are dask arrays come as blocks."""
    flags: dict[str, Any]
    """Attributes of ``dq``."""
    attrs: dict[str, Any]
    scales: Scales
    weight_type: WeightType

    @property
    def label(self) -> str:
        """Name of the exposure in a message."""
        return str(self.attrs.get("filename") or self.number)

    def cut(self, y: range, x: range, blocks: Sequence[Block]) -> Exposure:
        """Return a part of the exposure."""
        rows, columns = self.pixels.slices(y, x)
        planes = {name: v[rows, columns] for name, v in self.variables.items()}
        for name in dict.fromkeys(origin.name for origin, _ in blocks):
            found = [block for block in blocks if block[0].name == name]
            planes[name] = xr.Variable(schema.PIXELS, _joined(found, y, x))
        if "dq" in planes:
            planes["dq"].attrs = dict(self.flags)
        coords = {"y": np.arange(y.start, y.stop), "x": np.arange(x.start, x.stop)}
        return Exposure(xr.Dataset(planes, coords, self.attrs))


@dataclass(frozen=True)
class Tile:
    """A tile, and the parts of exposures that can touch it, in the order of the exposures."""

    y: range
    """Rows, in the pixels of the grid."""
    x: range
    parts: tuple[Part, ...] = ()


def compute_tile(
    shared: SharedInput,
    tile: Tile,
    exposures: Sequence[ExposureInput],
    blocks: Sequence[Sequence[Block]],
) -> dict[str, np.ndarray]:
    """Return all planes of a tile, ``(y, x)`` and ``(plane, y, x)``.

    Parameters
    ----------
    shared : SharedInput
        The input that all tiles share.
    tile : Tile
        Position of the tile, and the parts of exposures that can touch it.
    exposures : sequence of ExposureInput
        The exposure of each part.
    blocks : sequence
        For each exposure the blocks of its planes that are dask arrays.
    """
    job, shape = shared.job, (len(tile.y), len(tile.x))
    grid = replace(job.grid, shape=shape, y0=tile.y.start, x0=tile.x.start)
    buffers = Buffers.empty(job.layout, job.options, shape, *grid.origin, job.count)
    for part, exposure, loaded in zip(tile.parts, exposures, blocks, strict=True):
        _add(buffers, shared, part, exposure, loaded)
    return Accumulator(replace(job, grid=grid), buffers).planes()


def _add(
    buffers: Buffers,
    shared: SharedInput,
    part: Part,
    exposure: ExposureInput,
    blocks: Sequence[Block],
) -> None:
    """Add a part of an exposure; the memory that this takes is free again afterwards."""
    mapping = mapping_of(exposure, shared)
    y, x = with_next(part.y, mapping.y), with_next(part.x, mapping.x)
    options = replace(shared.job.options, weight_type=exposure.weight_type)
    cut = exposure.cut(y, x, blocks)
    window = window_of_part(cut, mapping, options, part.y, part.x, shared.threads)
    outcome = add_exposure(
        buffers, options, window, exposure.scales, exposure.number, shared.threads
    )
    if outcome is Outcome.NOTHING and not blocks:
        # Other parts of the exposure may contribute to other tiles.
        whole = exposure.cut(*exposure.pixels, blocks)
        if deposited_weights(whole, options).any():
            return
    elif outcome is Outcome.NOTHING and (part.y, part.x) != exposure.pixels:
        return
    if outcome is not Outcome.OUTSIDE:
        warn_outcome(outcome, [exposure.label], 1)


def mapping_of(exposure: ExposureInput, shared: SharedInput) -> PixelMap:
    """Return the map of a whole exposure, which each thread keeps for the next tile."""
    grid, options = shared.job.grid, shared.job.options
    how = options.pixmap_stepsize, options.pixmap_order, options.pixmap_tol
    key = exposure.wcs, exposure.pixels, grid.wcs, how

    def make() -> PixelMap:
        wcs_from = WCSHandle(zlib.decompress(exposure.wcs).decode())
        wcs_to = require_wcs(grid.wcs, "mosaic")
        return map_between(wcs_from, wcs_to, exposure.pixels, options)

    return _maps.get(key, make)


def _joined(blocks: Sequence[Block], y: range, x: range) -> np.ndarray:
    """Return a window of an array from the blocks that cover it."""
    out = np.empty((len(y), len(x)), np.result_type(*(block for _, block in blocks)))
    for origin, block in blocks:
        if block.shape != origin.shape or block.dtype.kind != origin.kind:
            raise InvalidExposureError(
                f"{origin.name} must return blocks of shape {origin.shape} and dtype kind "
                f"{origin.kind!r}, got {block.shape} and {block.dtype.kind!r}: the function behind "
                "the dask array must keep both"
            )
        (to_y, from_y), (to_x, from_x) = (
            _common(side, first, length)
            for side, first, length in zip((y, x), (origin.y, origin.x), block.shape, strict=True)
        )
        out[to_y, to_x] = block[from_y, from_x]
    return out


def _common(window: range, first: int, length: int) -> tuple[slice, slice]:
    """Return the pixels that a window and a block have in common, as slices of both."""
    start, stop = max(window.start, first), min(window.stop, first + length)
    return (
        slice(start - window.start, stop - window.start),
        slice(start - first, stop - first),
    )
