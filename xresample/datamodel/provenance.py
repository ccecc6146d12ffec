"""What a mosaic keeps of its exposures, and the totals that follow from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from . import schema

Row = dict[str, Any]
"""The quantities of one exposure, by the names of the table."""

EXPOSURE = "exposure"


def row_of(scalars: Mapping[str, Any], ratio: float) -> Row:
    """Return what a mosaic keeps of an exposure that was added with a pixel scale ratio."""
    row = {entry.name: scalars.get(entry.name) for entry in schema.PROVENANCE}
    row["pixel_scale_ratio"] = ratio
    return row


def variables(rows: Sequence[Row]) -> dict[str, xr.Variable]:
    """Return the variables along ``exposure``; bit k of plane p of ``con`` is row 32 p + k."""
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
        # Of no exposure, netCDF would give back objects.
        encoding = schema.TEXT_ENCODING if entry.name in schema.TEXT and values else None
        made[entry.name] = xr.Variable((EXPOSURE,), array, attrs, encoding)
    return made


def rows_of(mosaic: xr.Dataset) -> list[Row]:
    """Return the rows of a mosaic; netCDF's strings are strings again."""
    columns: dict[str, list[Any]] = {}
    for entry in schema.PROVENANCE:
        if entry.name in mosaic:
            kind = str if entry.name in schema.TEXT else float
            columns[entry.name] = [kind(value) for value in mosaic[entry.name].values]
    count = mosaic.sizes.get(EXPOSURE, 0)
    return [{name: column[k] for name, column in columns.items()} for k in range(count)]


def groups(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row of each group; an exposure without a group id is its own group."""
    first: dict[str, Row] = {}
    for k, row in enumerate(rows):
        name = row["group_id"] or row["filename"] or f"exposure {k}"
        first.setdefault(name, row)
    return first


def totals(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the totals over groups: times count once for each group id.

    ``measurement_time`` is there only when every group has one; ``start_time`` and
    ``end_time`` when any has.
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
"""Attributes of a mosaic that follow from its rows."""


def _values(first: dict[str, Row], name: str) -> list[float]:
    return [float(row.get(name, math.nan)) for row in first.values()]
