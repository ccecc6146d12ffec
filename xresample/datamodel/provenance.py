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

EXPOSURE = "exposure"


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
    return {**row, "pixel_scale_ratio": ratio, FINGERPRINT: fingerprint}


def coordinates(rows: Sequence[Row]) -> dict[str, xr.Variable]:
    """Return the coordinates along ``exposure``: its number, and one per quantity.

    The number is the bit of the exposure: bit k of plane p of ``con`` is exposure 32 p + k. Bits
    and names stay together when exposures are selected or sorted, because both are coordinates.
    """
    numbers = np.arange(len(rows))
    made = {EXPOSURE: xr.Variable((EXPOSURE,), numbers, {"long_name": "number of the exposure"})}
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
    return attrs


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

TOTALS = (COUNT, "pointings", "group_ids", *TIMES)
"""Attributes of a mosaic that follow from its provenance."""


def _values(first: dict[str, Row], name: str) -> list[float]:
    return [float(row.get(name, math.nan)) for row in first.values()]
