"""The provenance of a mosaic: quantities of each exposure, and totals that follow from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError

from . import schema

Row = dict[str, Any]
"""The quantities of one exposure by name, as in the table of provenance."""

EXPOSURE = schema.IDENTITY


FINGERPRINT = "fingerprint"
"""Coordinate by which an exposure is recognised that is already in the mosaic."""


def row_of(scalars: Mapping[str, Any], ratio: float, fingerprint: str = "") -> Row:
    """Return the provenance of an exposure.

    Parameters
    ----------
    scalars : mapping
        The quantities of the exposure.
    ratio : float
        The pixel scale ratio with which the exposure is added.
    fingerprint : str, optional
        See `xresample.datamodel.fingerprint`. Default: unknown.
    """
    row = {entry.name: scalars.get(entry.name) for entry in schema.PROVENANCE}
    row |= {"pixel_scale_ratio": ratio, "sky_level": scalars["level"]}
    return {**row, FINGERPRINT: fingerprint}


def coordinates(rows: Sequence[Row]) -> dict[str, xr.Variable]:
    """Return the coordinates along ``exposure``: its number, and one per quantity.

    The number is the bit of the exposure: bit k of plane p of ``con`` is exposure 32 p + k. Bits
    and names stay together when exposures are selected or sorted, because both are coordinates.
    """
    numbers = np.arange(len(rows))
    made = {EXPOSURE: xr.Variable((EXPOSURE,), numbers, {"long_name": "number of the exposure"})}
    for entry in schema.PROVENANCE:
        made[entry.name] = column(entry, [row.get(entry.name, entry.default) for row in rows])
    return made


def column(entry: schema.Scalar, values: Sequence[Any]) -> xr.Variable:
    """Return the coordinate along ``exposure`` that holds one quantity of several exposures."""
    if isinstance(entry.default, str):
        width = max((len(value) for value in values), default=1)
        array = np.array(values, dtype=f"<U{max(width, 1)}")
    else:
        array = np.array(values, dtype=type(entry.default))
    attrs = {"long_name": entry.long_name}
    if entry.units is not None:
        attrs["units"] = entry.units
    # netCDF returns objects for strings of length 0, so an empty mosaic has no text encoding.
    encoding = schema.TEXT_ENCODING if isinstance(entry.default, str) and values else None
    return xr.Variable((EXPOSURE,), array, attrs, encoding)


def numbers_of(mosaic: xr.Dataset) -> np.ndarray:
    """Return the number of each exposure of a mosaic, which is the position of its bit.

    Mosaics of earlier versions have no coordinate ``exposure``; their exposures are in order.
    """
    if EXPOSURE in mosaic.coords:
        return mosaic[EXPOSURE].values
    return np.arange(mosaic.sizes.get(EXPOSURE, 0))


def rows_of(mosaic: xr.Dataset) -> list[Row]:
    """Return the rows of a mosaic in the order of the bits, which must be complete.

    Raises
    ------
    InvalidInputError
        Rows have been left out, so that bits of ``con`` have no exposure.
    """
    numbers = numbers_of(mosaic)
    count = int(schema.plain(mosaic.attrs.get(COUNT, len(numbers))))
    if sorted(numbers) != list(range(count)):
        raise InvalidInputError(
            f"The mosaic must have the rows of all its {count} exposures, got the exposures "
            f"{', '.join(map(str, numbers)) or 'none'}: add to the mosaic before selecting rows"
        )
    order = np.argsort(numbers)
    columns: dict[str, list[Any]] = {}
    for entry in schema.PROVENANCE:
        if entry.name in mosaic:
            # netCDF may return strings as objects.
            kind = str if entry.name in schema.TEXT else float
            columns[entry.name] = [kind(value) for value in mosaic[entry.name].values[order]]
    return [{name: column[k] for name, column in columns.items()} for k in range(count)]


def fingerprints(rows: Iterable[Row]) -> set[str]:
    """Return the known fingerprints of exposures."""
    return {str(row.get(FINGERPRINT, "")) for row in rows} - {""}


def repeated(first: Sequence[Row], second: Sequence[Row]) -> list[str]:
    """Return the names of the exposures of a second mosaic that a first one has, too."""
    known = fingerprints(first)
    return [
        str(row["filename"] or len(first) + k)
        for k, row in enumerate(second)
        if row.get(FINGERPRINT) in known
    ]


def groups(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first row of each group by the name of the group.

    An exposure without a group id is a group by itself, whatever its file name.
    """
    first: dict[str, Row] = {}
    for k, row in enumerate(rows):
        if row["group_id"]:
            first.setdefault(row["group_id"], row)
        else:
            first[unused_name(row["filename"] or f"exposure {k}", first)] = row
    return first


def unused_name(name: str, taken: Container[str]) -> str:
    """Return a name, with a number behind it if it is taken.

    Examples
    --------
    >>> unused_name("a.fits", {"a.fits"})
    'a.fits (2)'
    """
    names = itertools.chain([name], (f"{name} ({n})" for n in itertools.count(2)))
    return next(candidate for candidate in names if candidate not in taken)


def totals(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the totals over groups: times count once per group.

    ``measurement_time`` is present only if every group has one; other times are present if any
    group has one.
    """
    first = groups(rows)
    attrs: dict[str, Any] = {COUNT: len(rows), "pointings": len(first)}
    if first:
        attrs["group_ids"] = list(first)
    for name in ("exposure_time", "duration"):
        known = [value for value in _values(first, name) if not math.isnan(value)]
        if known or not first:
            attrs[name] = float(sum(known))
    if "duration" in attrs:
        attrs["elapsed_exposure_time"] = attrs["duration"]
    measured = _values(first, "measurement_time")
    if measured and not any(map(math.isnan, measured)):
        attrs["measurement_time"] = float(sum(measured))
    for name, pick in (("start_time", min), ("end_time", max)):
        known = [value for value in _values(first, name) if not math.isnan(value)]
        if known:
            attrs[name] = pick(known)
    return attrs | common(rows)


def common(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the attributes of a mosaic that its exposures have in common, such as the filter.

    A quantity that is unknown for an exposure is not common to all.
    """
    attrs = {}
    for entry in schema.PROVENANCE:
        values = [row.get(entry.name, entry.default) for row in rows]
        if entry.common is schema.Common.FIRST:
            attrs[entry.name] = min(filter(None, values), default="")
        elif entry.common is schema.Common.EQUAL and len(set(values)) == 1:
            attrs[entry.name] = values[0]
    return {name: value for name, value in attrs.items() if is_known(value)}


def is_known(value: Any) -> bool:
    """Tell whether a quantity has a value: text that is not empty, or a finite number."""
    return value not in ("", None) and (isinstance(value, str) or math.isfinite(value))


Watched = dict[str, Any]
"""The first known value of each quantity that should not differ; None after it has differed."""


def watched(before: Watched, *rows: Row) -> Watched:
    """Return the watched values after further exposures."""
    found = dict(before)
    for name in (entry.name for entry in schema.PROVENANCE if entry.warns):
        for value in (row.get(name) for row in rows):
            if is_known(value) and found.setdefault(name, value) != value:
                found[name] = None
    return found


def differing(before: Watched, row: Row) -> list[str]:
    """Return for each watched quantity that differs its name and both values."""
    return [
        f"{name}: {value!r} and {row[name]!r}"
        for name, value in before.items()
        if is_known(value) and is_known(row.get(name)) and row[name] != value
    ]


COUNT = "n_exposures"
"""Attribute of a mosaic that holds the number of its exposures."""

TIMES = (
    "exposure_time",
    "duration",
    "elapsed_exposure_time",
    "measurement_time",
    "start_time",
    "end_time",
)
"""Attributes of a mosaic that are times of its groups."""

COMMON = tuple(row.name for row in schema.PROVENANCE if row.common is not None)
"""Attributes of a mosaic that its exposures have in common."""

TOTALS = (COUNT, "pointings", "group_ids", *TIMES, *COMMON)
"""Attributes of a mosaic that follow from its provenance."""


def _values(first: dict[str, Row], name: str) -> list[float]:
    return [float(row.get(name, math.nan)) for row in first.values()]
