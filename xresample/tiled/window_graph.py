"""Tasks that see one exposure, and the part of images on the grid under that exposure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xresample.datamodel.exposure import Exposure

from .graph import Graph, bare_planes
from .plan import Plan
from .tiling import Part
from .worker import Block, ExposureInput, SharedInput, Tile


class PlacedImage(NamedTuple):
    """An image, or the part of an image that an exposure sees."""

    image: np.ndarray
    """``(y, x)``; real numbers are NaN where the image has no value."""
    y0: int
    """First row, in the pixels of the grid."""
    x0: int


Work = Callable[[SharedInput, ExposureInput, Exposure, dict[str, PlacedImage]], np.ndarray]
"""Returns an image on the pixels of an exposure from the parts of images under the exposure."""


def per_exposure(
    plan: Plan, names: Sequence[str], images: Mapping[str, Any], work: Work, dtype: Any
) -> list[Any]:
    """Return for each exposure a dask array ``(y, x)`` of one chunk.

    Parameters
    ----------
    plan : Plan
        The exposures, and the tiles that they touch.
    names : sequence of str
        Variables of an exposure that the work reads.
    images : mapping of str to dask array
        Images on the grid, whose chunks are the tiles of the plan.
    work : callable
        Computes the array of an exposure.
    dtype : dtype
        Type of the arrays.
    """
    import dask.array as da

    graph = Graph(plan, partial(bare_planes, names=tuple(names)))
    touched: dict[int, list[tuple[int, int]]] = {}
    for index, parts in plan.parts.items():
        for part in parts:
            touched.setdefault(part.number, []).append(index)
    arrays = []
    for number, exposure in enumerate(plan.exposures):
        tile = Tile(exposure.y, exposure.x, (Part(number, exposure.y, exposure.x),))
        blocks = [
            [image, plan.tiling.y[j], plan.tiling.x[i], (array.name, j, i)]
            for image, array in images.items()
            for j, i in touched.get(number, ())
        ]
        name = f"exposure-{number}-{graph.token}"
        task = (*graph.task_of(tile, partial(run_exposure, work)), blocks)
        layers = graph.layers(name, {(name, 0, 0): task}, images.values())
        height, width = exposure.shape
        arrays.append(da.Array(layers, name, ((height,), (width,)), dtype=dtype))
    return arrays


def run_exposure(
    work: Work,
    shared: SharedInput,
    tile: Tile,
    exposures: Sequence[ExposureInput],
    blocks: Sequence[Sequence[Block]],
    tiles: Sequence[Sequence[Any]],
) -> np.ndarray:
    """Return the array of an exposure from its planes and the tiles that it touches."""
    exposure = exposures[0].cut(tile.y, tile.x, blocks[0])
    return work(shared, exposures[0], exposure, joined_tiles(tiles))


def joined_tiles(tiles: Sequence[Sequence[Any]]) -> dict[str, PlacedImage]:
    """Return each image as one array, with NaN where no tile is given.

    Examples
    --------
    >>> tiles = [["a", 4, 2, np.ones((1, 1))], ["a", 5, 3, np.zeros((1, 1))]]
    >>> joined_tiles(tiles)["a"]
    PlacedImage(image=array([[ 1., nan],
           [nan,  0.]]), y0=4, x0=2)
    """
    found = {}
    for name in dict.fromkeys(tile[0] for tile in tiles):
        own = [tile[1:] for tile in tiles if tile[0] == name]
        y0, x0 = min(y for y, _, _ in own), min(x for _, x, _ in own)
        y1 = max(y + block.shape[0] for y, _, block in own)
        x1 = max(x + block.shape[1] for _, x, block in own)
        image = np.full((y1 - y0, x1 - x0), np.nan, own[0][2].dtype)
        for y, x, block in own:
            image[y - y0 : y - y0 + block.shape[0], x - x0 : x - x0 + block.shape[1]] = block
        found[name] = PlacedImage(image, y0, x0)
    return found


def flagged(flags: xr.Variable | None, mask: Any, value: int, convert: Callable[..., Any]) -> Any:
    """Return flags, lazily, with a value added where a mask is true.

    Parameters
    ----------
    flags : Variable or None
        The flags, ``(y, x)``; None if there are none yet.
    mask : dask.array.Array
        Where to set the value.
    value : int
        The bits to set.
    convert : callable
        Makes flags uint32.
    """
    import dask.array as da

    if flags is None:
        return da.where(mask, np.uint32(value), np.uint32(0))
    array = flags.data if flags.chunks else da.from_array(flags, mask.chunks)
    return da.map_blocks(
        set_bits, array, mask.rechunk(array.chunks), value=value, convert=convert, dtype=np.uint32
    )


def set_bits(flags: Any, mask: np.ndarray, value: int, convert: Callable[..., Any]) -> np.ndarray:
    """Return flags with a value added where a mask is true."""
    return convert(np.asarray(flags)) | np.where(mask, np.uint32(value), np.uint32(0))


def counts(masks: Sequence[Any]) -> Any:
    """Return the number of true pixels of each mask, lazily."""
    import dask.array as da

    return da.stack([mask.sum() for mask in masks])
