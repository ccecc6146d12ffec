"""The provenance of a mosaic: quantities of each exposure, and totals that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from . import schema

Row = dict[str, Any]
"""The quantities of one exposure by name, as in the table of provenance."""

EXPOSURE = "exposure"


def row_of(scalars: Mapping[str, Any], ratio: float) -> Row:
    """Return the provenance of an exposure that was added with a pixel scale ratio."""
    row = {entry.name: scalars.get(entry.name) for entry in schema.PROVENANCE}
    row["pixel_scale_ratio"] = ratio
    return row


def variables(rows: Sequence[Row]) -> dict[str, xr.Variable]:
    """Return the variables along ``exposure``: bit k of plane p of ``con`` is row 32 p + k."""
    made = {}
    for entry in schema.PROVENANCE:
        values: Any = [row.get(entry.name, entry.default) for row in rows]
        if entry.name in schema.TEXT:
            width = max((len(value) for value in values), default=1)
            array = np.array(values, dtype=f"<U{max(width, 1)}")
        else:
            array = np.array(values, dtype=np.float64)
        attrs = {"long_name": entry.long_name}
        if entry.units is not None:
            attrs["units"] = entry.units
        # netCDF returns objects for strings of length 0, so an empty mosaic has no text encoding.
        encoding = schema.TEXT_ENCODING if entry.name in schema.TEXT and values else None
        made[entry.name] = xr.Variable((EXPOSURE,), array, attrs, encoding)
    return made


def rows_of(mosaic: xr.Dataset) -> list[Row]:
    """Return the rows of a mosaic, with plain strings in place of those that netCDF returns."""
    columns: dict[str, list[Any]] = {}
    for entry in schema.PROVENANCE:
        if entry.name in mosaic:
            kind = str if entry.name in schema.TEXT else float
            columns[entry.name] = [kind(value) for value in mosaic[entry.name].values]
    count = mosaic.sizes.get(EXPOSURE, 0)
    return [{name: column[k] for name, column in columns.items()} for k in range(count)]


def groups(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row of each group; an exposure without a group id is a group by itself."""
    first: dict[str, Row] = {}
    for k, row in enumerate(rows):
        name = row["group_id"] or row["filename"] or f"exposure {k}"
        first.setdefault(name, row)
    return first


def totals(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the totals over groups: times count once per group.

    ``measurement_time`` is present only if every group has one, ``start_time`` and ``end_time``
    if any group has one.
    """
    first = groups(rows)
    attrs: dict[str, Any] = {"pointings": len(first)}
    if first:
        attrs["group_ids"] = list(first)
    for name in ("exposure_time", "duration"):
        attrs[name] = float(sum(v for v in _values(first, name) if not math.isnan(v)))
    attrs["elapsed_exposure_time"] = attrs["duration"]
    measured = _values(first, "measurement_time")
    if measured and not any(map(math.isnan, measured)):
        attrs["measurement_time"] = float(sum(measured))
    for name, pick in (("start_time", min), ("end_time", max)):
        known = [value for value in _values(first, name) if not math.isnan(value)]
        if known:
            attrs[name] = pick(known)
    return attrs


TOTALS = (
    "pointings",
    "group_ids",
    "exposure_time",
    "duration",
    "elapsed_exposure_time",
    "measurement_time",
    "start_time",
    "end_time",
)
"""Attributes of a mosaic that follow from its provenance."""


def _values(first: dict[str, Row], name: str) -> list[float]:
    return [float(row.get(name, math.nan)) for row in first.values()]
