"""Combine two mosaics of one grid: plane by plane, by the rule that its row of the table names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xresample.accumulate.accumulator import Accumulator
from xresample.accumulate.buffers import Buffers
from xresample.datamodel import schema
from xresample.datamodel.context import n_planes, shift_context
from xresample.datamodel.schema import WEIGHT_SUFFIX, Rule
from xresample.errors import GridMismatchError

ROWS = 256
"""Rows combined at a time, in float64."""


def merged(first: Accumulator, second: Accumulator) -> Accumulator:
    """Return the mosaic of the exposures of ``first``, then those of ``second``."""
    first.grid.require_equal(second.grid)
    first.options.require_equal(second.options)
    if first.units and second.units and first.units != second.units:
        raise GridMismatchError(
            f"The mosaics have different units, {first.units!r} and {second.units!r}"
        )
    mine, yours = first.buffers.layout, second.buffers.layout
    more = tuple(name for name in yours.variances if name not in mine.variances)
    layout = replace(mine, variances=mine.variances + more)
    a = first.buffers.with_layout(layout, first.options)
    b = second.buffers.with_layout(layout, first.options)
    values = np.empty_like(a.values)
    for start in range(0, values.shape[1], ROWS):
        _combine_rows(a, b, slice(start, start + ROWS), values)
    before = len(first.rows)
    context = dq = None
    if a.context is not None and b.context is not None:
        planes = max(n_planes(before + len(second.rows)), len(a.context), len(b.context))
        context = shift_context(b.context, before, planes)
        context[: len(a.context)] |= a.context
    if a.dq is not None and b.dq is not None:
        dq = a.dq | b.dq
    buffers = Buffers(layout, values, context, dq, a.y0, a.x0)
    rows = first.rows + second.rows
    attrs = {**second.attrs, **first.attrs}
    return Accumulator(first.grid, first.options, buffers, rows, first.units or second.units, attrs)


def _combine_rows(a: Buffers, b: Buffers, rows: slice, values: np.ndarray) -> None:
    """Combine rows of all planes; the weights of either are needed in float64."""
    layout = a.layout

    def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
        return a.plane(name)[rows].astype(np.float64), b.plane(name)[rows].astype(np.float64)

    for out, name in zip(values, layout.names, strict=True):
        row = schema.require_row(schema.MOSAIC, name)
        mine, yours = pair(name)
        if row.rule is Rule.SUM:
            out[rows] = mine + yours
            continue
        squares = row.rule is Rule.VARIANCE
        weights = pair(f"{name}{WEIGHT_SUFFIX}" if squares and layout.resampled else "wht")
        out[rows] = _weighted(mine, yours, *weights, squares)


def _weighted(
    a: np.ndarray, b: np.ndarray, wa: np.ndarray, wb: np.ndarray, squares: bool
) -> np.ndarray:
    """Return ``(a wa + b wb) / (wa + wb)``, or with the squares of the weights over the total's.

    Where one has no weight the other stands as it is, to the bit.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        total = wa + wb
        fa, fb = wa / total, wb / total
        if squares:
            fa, fb = fa * fa, fb * fb
        return np.where(wb == 0, a, np.where(wa == 0, b, a * fa + b * fb))
