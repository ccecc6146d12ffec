"""The labels of a mosaic whose context is sets of exposures, and their tables, tile by tile.

A mosaic that is computed in one piece has one table. One that is computed tile by tile has a table
per tile, because no tile knows the sets of the others; the coordinates of ``con_sets`` tell which
pixels belong to a tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError

from . import schema
from .blocks import Blocks
from .coordinates import TILE_COORDINATES, coordinate_attrs
from .exposure_sets import ExposureSets, Union, canonical, text_array
from .pixels import pixel_index

LABELS = next(row.name for row in schema.MOSAIC if row.rule is schema.Rule.LABELS)
SETS = next(row.name for row in schema.MOSAIC if row.rule is schema.Rule.SETS)


@dataclass(frozen=True)
class LabelTile:
    """The pixels that share a table, in the arrays of a mosaic."""

    rows: slice
    columns: slice
    j: int
    """Row of the tile among the tables."""
    i: int


def tile_coords(tiles: Blocks) -> dict[str, Any]:
    """Return the coordinates of the tables of tiles."""
    values = (tiles.y[:-1], tiles.x[:-1], tiles.y[1:], tiles.x[1:])
    return {
        row.name: (row.dims, np.array(held), coordinate_attrs(row.name))
        for row, held in zip(TILE_COORDINATES, values, strict=True)
    }


def is_labelled(mosaic: xr.Dataset) -> bool:
    """Tell whether the context of a mosaic is sets of exposures."""
    return LABELS in mosaic and SETS in mosaic


def label_tiles(mosaic: xr.Dataset) -> Iterator[LabelTile]:
    """Yield the tiles of a mosaic that have pixels.

    Raises
    ------
    InvalidInputError
        A pixel belongs to no tile.
    """
    sides = [
        _slices(mosaic, axis, name) for axis, name in zip(schema.PIXELS, schema.TILES, strict=True)
    ]
    for j, rows in sides[0]:
        for i, columns in sides[1]:
            yield LabelTile(rows, columns, j, i)


def _slices(mosaic: xr.Dataset, axis: str, name: str) -> list[tuple[int, slice]]:
    """Return the tiles along an axis that have pixels, each with the pixels in the array."""
    count = mosaic.sizes[axis]
    if mosaic.sizes.get(name, 1) == 1:
        # One table serves all pixels, wherever a cutout has moved them.
        return [(0, slice(0, count))]
    index, stop = pixel_index(mosaic, axis), mosaic[f"{name}_stop"].values
    found = []
    for k, first in enumerate(mosaic[name].values):
        inside = np.flatnonzero((index >= first) & (index < stop[k]))
        if len(inside):
            found.append((k, slice(int(inside[0]), int(inside[-1]) + 1)))
    if sum(part.stop - part.start for _, part in found) != count:
        raise InvalidInputError(
            f"{SETS} must have a table for each pixel, but pixels along {axis} belong to no tile: "
            f"select {name} and {axis} together"
        )
    # The tiles of a flipped image are in the opposite order.
    return sorted(found, key=lambda entry: entry[1].start)


def tiles_of(mosaic: xr.Dataset) -> Blocks:
    """Return the tiles of a mosaic that have tables, as blocks of pixels."""
    edges = (
        tuple(map(int, (*mosaic[name].values, mosaic[f"{name}_stop"].values[-1])))
        for name in schema.TILES
    )
    return Blocks(*edges)


def per_label(
    mosaic: xr.Dataset, function: Callable[[ExposureSets], Sequence[np.ndarray]], dtypes: list[Any]
) -> list[xr.DataArray]:
    """Return images of quantities that depend on the set of exposures of a pixel.

    Parameters
    ----------
    mosaic : Dataset
        The mosaic; the images are lazy if its labels are.
    function : callable
        Returns, for each quantity, one value per set of a table.
    dtypes : list of dtype
        Types of the quantities.
    """
    labels = mosaic[LABELS].transpose(*schema.PIXELS).drop_vars(schema.SKY, errors="ignore")
    texts = mosaic[SETS].variable.transpose(*schema.TILES)

    def images(part: np.ndarray, text: Any) -> tuple[np.ndarray, ...]:
        values = function(ExposureSets.from_text(np.asarray(text, object).reshape(-1)[0]))
        found = tuple(np.asarray(v, t)[part] for v, t in zip(values, dtypes, strict=True))
        return found if len(found) > 1 else found[0]

    rows: dict[int, list[Any]] = {}
    for tile in label_tiles(mosaic):
        made = xr.apply_ufunc(
            images,
            labels[tile.rows, tile.columns],
            texts[tile.j, tile.i],
            output_core_dims=[[]] * len(dtypes),
            dask="parallelized",
            output_dtypes=dtypes,
        )
        rows.setdefault(tile.j, []).append(made if len(dtypes) > 1 else (made,))
    return [
        _joined([_joined([part[k] for part in row], "x") for row in rows.values()], "y")
        for k in range(len(dtypes))
    ]


def _joined(parts: list[xr.DataArray], axis: str) -> xr.DataArray:
    """Return parts of an image in one piece."""
    return parts[0] if len(parts) == 1 else xr.concat(parts, axis, join="exact", coords="minimal")


def one_table(mosaic: xr.Dataset) -> xr.Dataset:
    """Return a mosaic whose labels share one table; the labels of tiles are read for this."""
    if not is_labelled(mosaic) or all(mosaic.sizes[name] == 1 for name in schema.TILES):
        return mosaic
    labels, sets = read_labels(mosaic)
    return with_labels(mosaic, labels, sets)


def with_labels(mosaic: xr.Dataset, labels: np.ndarray, sets: ExposureSets) -> xr.Dataset:
    """Return a mosaic with the given labels and one table."""
    held = {name: index for name in schema.PIXELS if len(index := pixel_index(mosaic, name))}
    edges = ((int(index.min()), int(index.max()) + 1) for index in held.values())
    planes = {LABELS: labels, SETS: text_array(sets)}
    variables = {}
    for name, plane in planes.items():
        row = schema.require_row(schema.MOSAIC, name)
        encoding = schema.TEXT_ENCODING if name == SETS else None
        variables[name] = xr.Variable(
            row.dims, plane, schema.variable_attrs(name, row, None), encoding
        )
    bare = mosaic.drop_dims(schema.TILES, errors="ignore")
    return bare.assign(variables).assign_coords(tile_coords(Blocks(*edges)))


def table_of(mosaic: xr.Dataset, tile: LabelTile) -> ExposureSets:
    """Return the table of a tile."""
    texts = mosaic[SETS].transpose(*schema.TILES)
    return ExposureSets.from_text(texts[tile.j, tile.i].values[()])


def set_at(mosaic: xr.Dataset, row: int, column: int) -> np.ndarray:
    """Return the numbers of the exposures that contribute to one pixel of the arrays."""
    for tile in label_tiles(mosaic):
        if (
            tile.rows.start <= row < tile.rows.stop
            and tile.columns.start <= column < tile.columns.stop
        ):
            pixel = mosaic[LABELS].variable.transpose(*schema.PIXELS)[row, column]
            return table_of(mosaic, tile)[int(pixel.values)]
    raise InvalidInputError(f"The pixel ({row}, {column}) must have a table in {SETS}")


def read_labels(mosaic: xr.Dataset) -> tuple[np.ndarray, ExposureSets]:
    """Return the labels of a mosaic in new memory, int32 ``(y, x)``, and one table for all pixels.

    Labels are numbered in the order in which they appear, row by row.

    Raises
    ------
    InvalidInputError
        A label has no set, or a table is not valid.
    """
    # The sky coordinates, which may be lazy, are not needed.
    found = mosaic.drop_vars(schema.SKY, errors="ignore")[[LABELS, SETS]].compute()
    given = found[LABELS].transpose(*schema.PIXELS).values
    labels, union = np.empty(given.shape, np.int32), Union()
    for tile in label_tiles(found):
        sets, part = table_of(found, tile), given[tile.rows, tile.columns]
        if part.min(initial=0) < 0 or part.max(initial=0) >= len(sets):
            raise InvalidInputError(
                f"{LABELS} must be 0 to {len(sets) - 1}, the rows of {SETS}, got "
                f"{part.min()} to {part.max()}"
            )
        labels[tile.rows, tile.columns] = union.labels(sets)[part]
    return labels, canonical(labels, union.sets())
