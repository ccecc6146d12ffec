"""Drop exposures from a mosaic, or replace them, at the cost of the pixels that they touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace as changed
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.buffers import Buffers
from xresample.accumulate.job import FLAG_VALUES
from xresample.accumulate.launch import add_exposure
from xresample.accumulate.window import pixel_map, window_of_part
from xresample.datamodel import context
from xresample.datamodel.exposure_sets import ExposureSets, Union, canonical, text_array
from xresample.datamodel.labels import LABELS, SETS, is_labelled, read_labels
from xresample.datamodel.mosaic import (
    require_mosaic,
    with_further_attrs,
    with_further_coords,
)
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.provenance import rows_of
from xresample.datamodel.schema import PIXELS, Rule
from xresample.tiled.plan import parts_of
from xresample.tiled.revised_graph import lazily_revised
from xresample.tiled.revision import Revision, dropping, replacing, revision
from xresample.tiled.tiling import Part, Tiling

Box = tuple[int, int, int, int]
"""First and past-the-last row and column, counted in the arrays of a mosaic."""

PIECE = 512
"""Size of the tiles by which the pixels that a new exposure touches are found."""


def drop(
    mosaic: xr.Dataset,
    names: Any,
    exposures: xr.Dataset | Iterable[xr.Dataset],
    threads: int | None,
) -> xr.Dataset:
    """Return a mosaic without some exposures."""
    require_mosaic(mosaic)
    mosaic = in_own_pixels(mosaic)
    gone, stay = dropping(rows_of(mosaic), names)
    return _revised(mosaic, stay, gone, exposures, threads)


def replace(
    mosaic: xr.Dataset,
    new: xr.Dataset | Iterable[xr.Dataset],
    exposures: xr.Dataset | Iterable[xr.Dataset],
    threads: int | None,
) -> xr.Dataset:
    """Return a mosaic in which new exposures take the place of those with the same names."""
    require_mosaic(mosaic)
    mosaic = in_own_pixels(mosaic)
    old, gone, final = replacing(rows_of(mosaic), new, exposures)
    return _revised(mosaic, old, gone, final, threads)


def _revised(
    mosaic: xr.Dataset,
    old: tuple[int | None, ...],
    gone: tuple[int, ...],
    exposures: xr.Dataset | Iterable[xr.Dataset],
    threads: int | None,
) -> xr.Dataset:
    """Return the mosaic of other exposures, lazy if the given mosaic is lazy."""
    rows = rows_of(mosaic)
    chunks = mosaic["data"].transpose(*PIXELS).chunks
    if chunks is not None:
        revised = revision(mosaic, old, gone, exposures, chunks, threads, rows)
        made = lazily_revised(mosaic, revised)
    else:
        sides = tuple(_sizes(mosaic.sizes[name]) for name in PIXELS)
        revised = revision(mosaic, old, gone, exposures, sides, threads, rows)
        made = revised.plan.dataset(_eagerly_revised(mosaic, revised, threads))
    # The values of the flags are those of the exposures that stay.
    others = {name: value for name, value in mosaic.attrs.items() if name != FLAG_VALUES}
    made = with_further_attrs(made, xr.Dataset(attrs=others))
    return with_further_coords(made, mosaic)


def _sizes(length: int) -> tuple[int, ...]:
    """Return the sizes of the pieces of a side."""
    return tuple(min(PIECE, length - start) for start in range(0, length, PIECE))


def _eagerly_revised(
    mosaic: xr.Dataset, revised: Revision, threads: int | None
) -> dict[str, np.ndarray]:
    """Return the planes of the new mosaic, in memory of their own."""
    job = revised.plan.job
    shape, count = job.grid.shape, len(revised.old)
    if revised.margin is None:
        return _computed(revised, (0, shape[0], 0, shape[1]), threads)
    planes: dict[str, np.ndarray] = {}
    labels = _Labels.of(mosaic, revised) if is_labelled(mosaic) else None
    for name, row in job.layout.planes.items():
        if row.rule in (Rule.LABELS, Rule.SETS):
            # The place of the plane among the others; its numbers follow below.
            planes[name] = np.zeros((0, 0))
        elif row.rule is Rule.CONTEXT:
            planes[name] = context.renumbered(mosaic[name].transpose(*row.dims).values, revised.old)
        elif name in mosaic:
            planes[name] = np.array(mosaic[name].transpose(*row.dims).values)
        else:
            fill = job.layout.identity(name, job.options)
            full = job.layout.shape(name, shape, count)
            planes[name] = np.full(full, fill, job.layout.dtype(name, job.options))
    for y0, y1, x0, x1 in _boxes(mosaic, revised):
        parts = _computed(revised, (y0, y1, x0, x1), threads)
        if labels is not None:
            labels.put(parts.pop(LABELS), parts.pop(SETS), (y0, x0))
        for name, part in parts.items():
            planes[name][..., y0:y1, x0:x1] = part
    if labels is not None:
        planes |= labels.planes()
    return planes


class _Labels:
    """The labels of a mosaic, while parts are replaced that have tables of their own."""

    def __init__(self, labels: np.ndarray, sets: ExposureSets) -> None:
        self._union = Union()
        self._labels = self._union.labels(sets)[labels]

    @classmethod
    def of(cls, mosaic: xr.Dataset, revised: Revision) -> _Labels:
        """Return the labels of the mosaic before, with the new numbers of the exposures."""
        labels, sets = read_labels(mosaic)
        return cls(labels, sets.renumbered(revised.old))

    def put(self, labels: np.ndarray, table: np.ndarray, first: tuple[int, int]) -> None:
        """Replace the labels of a part that begins at a row and column."""
        rows, columns = (slice(k, k + n) for k, n in zip(first, labels.shape, strict=True))
        number = self._union.labels(ExposureSets.from_text(table[0, 0]))
        self._labels[rows, columns] = number[labels]

    def planes(self) -> dict[str, np.ndarray]:
        """Return the labels and their table."""
        sets = canonical(self._labels, self._union.sets())
        return {LABELS: self._labels, SETS: text_array(sets)}


def _computed(revised: Revision, box: Box, threads: int | None) -> dict[str, np.ndarray]:
    """Return the planes of a part of the new mosaic from its exposures."""
    plan, job = revised.plan, revised.plan.job
    y0, y1, x0, x1 = box
    grid = job.grid.part(range(y0, y1), range(x0, x1))
    buffers = Buffers.empty(job.layout, job.options, grid.shape, *grid.origin, job.count, threads)
    parts = parts_of(plan.admitted, job, Tiling.whole(grid.pixels)).get((0, 0), ())
    for part in parts:
        _deposit(buffers, revised, part, threads)
    return Accumulator(changed(job, grid=grid), buffers).planes()


def _deposit(buffers: Buffers, revised: Revision, part: Part, threads: int | None) -> None:
    """Add a part of an exposure."""
    job, admitted = revised.plan.job, revised.plan.admitted[part.number]
    options = admitted.options(job.options)
    mapping = pixel_map(admitted.exposure, job.grid, options)
    window = window_of_part(admitted.exposure, mapping, options, part.y, part.x, threads)
    add_exposure(buffers, options, window, admitted.scales, admitted.number, threads)


def _boxes(mosaic: xr.Dataset, revised: Revision) -> Iterator[Box]:
    """Yield boxes without overlap that hold every pixel that may change."""
    ny, nx = mosaic.sizes["y"], mosaic.sizes["x"]
    d = revised.margin or 0
    found = []
    there_of = _contributing(mosaic)
    for number in revised.gone:
        there = there_of(number)
        rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            found.append((rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    tiling, pixels = revised.plan.tiling, revised.plan.job.grid.pixels
    for index in revised.new_tiles:
        y, x = pixels.slices(*tiling.tile(*index))
        found.append((y.start, y.stop, x.start, x.stop))
    if d:
        found += [(0, d, 0, nx), (ny - d, ny, 0, nx), (0, ny, 0, d), (0, ny, nx - d, nx)]
    grown = [
        (max(0, int(y0) - d), min(ny, int(y1) + d), max(0, int(x0) - d), min(nx, int(x1) + d))
        for y0, y1, x0, x1 in found
    ]
    yield from _without_overlap(grown)


def _contributing(mosaic: xr.Dataset) -> Callable[[int], np.ndarray]:
    """Return the function that tells where an exposure contributes, ``(y, x)``."""
    if is_labelled(mosaic):
        labels, sets = read_labels(mosaic)
        return lambda number: sets.has_any([number])[labels]
    con = mosaic["con"].transpose("plane", *PIXELS).values
    return lambda number: context.has_any(con, [number])


def _without_overlap(boxes: list[Box]) -> list[Box]:
    """Return boxes that cover the same pixels, and overlap nowhere."""
    made: list[Box] = []
    for box in boxes:
        pieces = [box]
        for other in made:
            pieces = [rest for piece in pieces for rest in _difference(piece, other)]
        made += pieces
    return made


def _difference(a: Box, b: Box) -> Iterator[Box]:
    """Yield the parts of a box outside of another box."""
    y0, y1, x0, x1 = a
    top, bottom, left, right = max(y0, b[0]), min(y1, b[1]), max(x0, b[2]), min(x1, b[3])
    if top >= bottom or left >= right:
        yield a
        return
    pieces = (
        (y0, top, x0, x1),
        (bottom, y1, x0, x1),
        (top, bottom, x0, left),
        (top, bottom, right, x1),
    )
    yield from (piece for piece in pieces if piece[0] < piece[1] and piece[2] < piece[3])
