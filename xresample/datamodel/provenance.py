"""The provenance of a mosaic: quantities of each exposure, and totals that follow from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, overload

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError

from . import schema

Row = dict[str, Any]
"""The quantities of one exposure by name, as in the table of provenance."""

EXPOSURE = schema.IDENTITY


FINGERPRINT = "fingerprint"
"""Coordinate by which an exposure is recognised that is already in the mosaic."""


_ENTRIES = {entry.name: entry for entry in schema.PROVENANCE}
_FINGERPRINT, _GROUP, _FILENAME = (_ENTRIES[name] for name in (FINGERPRINT, "group_id", "filename"))
_TIMES = {
    name: _ENTRIES[name]
    for name in ("exposure_time", "duration", "measurement_time", "start_time", "end_time")
}


class Rows(Sequence[Row]):
    """The provenance of many exposures, as one array per quantity.

    The rows of a mosaic with thousands of exposures are read, added to and written without a
    Python object per exposure.
    """

    def __init__(self, columns: Mapping[str, np.ndarray] | None = None, count: int = 0) -> None:
        self._columns = dict(columns or {})
        self._count = count
        self._later: list[Row] = []

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Rows:
        """Return rows as arrays; the same object if they are arrays already."""
        if isinstance(rows, Rows):
            return rows
        made = cls()
        made._later = list(rows)
        return made

    def __len__(self) -> int:
        return self._count + len(self._later)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        k = range(len(self))[index]
        if k >= self._count:
            return self._later[k - self._count]
        return {name: values[k].item() for name, values in self._columns.items()}

    def append(self, row: Row) -> None:
        """Add the row of an exposure."""
        self._later.append(row)

    def joined(self, other: Rows) -> Rows:
        """Return these rows, then those of another mosaic."""
        pairs = {name: (self.column(e), other.column(e)) for name, e in _ENTRIES.items()}
        columns = {name: np.concatenate(pair) for name, pair in pairs.items()}
        return Rows(columns, len(self) + len(other))

    def column(self, entry: schema.Scalar) -> np.ndarray:
        """Return one quantity of all exposures; its default where it is not known."""
        before = self._columns.get(entry.name)
        if before is None:
            before = np.full(self._count, entry.default)
        if not self._later:
            return before
        values = [row.get(entry.name, entry.default) for row in self._later]
        return np.concatenate([before, as_array(entry, values)])


def as_array(entry: schema.Scalar, values: Any) -> np.ndarray:
    """Return a quantity of several exposures as an array; texts have the width of the longest."""
    if not isinstance(entry.default, str):
        return np.array(values, dtype=type(entry.default))
    is_fixed = isinstance(values, np.ndarray) and values.dtype.kind == "U"
    # Objects and zarr's strings have no fixed width.
    array = values if is_fixed else np.array(list(values), dtype=str)
    width = array.itemsize // 4
    if width > 1 and array.size:
        codes = np.ascontiguousarray(array).view(np.uint32).reshape(array.size, width)
        if not codes[:, -1].any():
            width = max(int(np.char.str_len(array).max()), 1)
    return array.astype(f"<U{max(width, 1) if array.size else 1}", copy=False)


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
    rows = Rows.of(rows)
    numbers = np.arange(len(rows))
    made = {EXPOSURE: xr.Variable((EXPOSURE,), numbers, {"long_name": "number of the exposure"})}
    for entry in schema.PROVENANCE:
        made[entry.name] = column(entry, rows.column(entry))
    return made


def column(entry: schema.Scalar, values: Any) -> xr.Variable:
    """Return the coordinate along ``exposure`` that holds one quantity of several exposures."""
    array = as_array(entry, values)
    attrs = {"long_name": entry.long_name}
    if entry.units is not None:
        attrs["units"] = entry.units
    # netCDF returns objects for strings of length 0, so an empty mosaic has no text encoding.
    encoding = schema.TEXT_ENCODING if isinstance(entry.default, str) and len(array) else None
    return xr.Variable((EXPOSURE,), array, attrs, encoding)


def numbers_of(mosaic: xr.Dataset) -> np.ndarray:
    """Return the number of each exposure of a mosaic, which is the position of its bit.

    Mosaics of earlier versions have no coordinate ``exposure``; their exposures are in order.
    """
    if EXPOSURE in mosaic.coords:
        return mosaic[EXPOSURE].values
    return np.arange(mosaic.sizes.get(EXPOSURE, 0))


def rows_of(mosaic: xr.Dataset) -> Rows:
    """Return the rows of a mosaic in the order of the bits, which must be complete.

    Raises
    ------
    InvalidInputError
        Rows have been left out, so that bits of ``con`` have no exposure.
    """
    numbers = numbers_of(mosaic)
    count = int(schema.plain(mosaic.attrs.get(COUNT, len(numbers))))
    if not np.array_equal(np.sort(numbers), np.arange(count)):
        raise InvalidInputError(
            f"The mosaic must have the rows of all its {count} exposures, got the exposures "
            f"{', '.join(map(str, numbers)) or 'none'}: add to the mosaic before selecting rows"
        )
    order = np.argsort(numbers)
    held = [entry for entry in schema.PROVENANCE if entry.name in mosaic.variables]
    return Rows({e.name: as_array(e, mosaic.variables[e.name].values[order]) for e in held}, count)


def fingerprints(rows: Sequence[Row]) -> set[str]:
    """Return the known fingerprints of exposures."""
    return set(Rows.of(rows).column(_FINGERPRINT).tolist()) - {""}


def repeated(first: Sequence[Row], second: Sequence[Row]) -> list[str]:
    """Return the names of the exposures of a second mosaic that a first one has, too."""
    known = fingerprints(first)
    return [
        str(row["filename"] or len(first) + k)
        for k, row in enumerate(second)
        if row.get(FINGERPRINT) in known
    ]


def groups(rows: Sequence[Row]) -> dict[str, int]:
    """Return the number of the first exposure of each group by the name of the group.

    An exposure without a group id is a group by itself, whatever its file name.
    """
    rows = Rows.of(rows)
    first: dict[str, int] = {}
    names = rows.column(_FILENAME)
    for k, group in enumerate(rows.column(_GROUP).tolist()):
        if group:
            first.setdefault(group, k)
        else:
            first[unused_name(str(names[k]) or f"exposure {k}", first)] = k
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
    rows = Rows.of(rows)
    first = groups(rows)
    chosen = np.fromiter(first.values(), np.int64)
    times = {name: rows.column(entry)[chosen].tolist() for name, entry in _TIMES.items()}
    attrs: dict[str, Any] = {COUNT: len(rows), "pointings": len(first)}
    if first:
        attrs["group_ids"] = list(first)
    for name in ("exposure_time", "duration"):
        known = [value for value in times[name] if not math.isnan(value)]
        if known or not first:
            attrs[name] = float(sum(known))
    if "duration" in attrs:
        attrs["elapsed_exposure_time"] = attrs["duration"]
    measured = times["measurement_time"]
    if measured and not any(map(math.isnan, measured)):
        attrs["measurement_time"] = float(sum(measured))
    for name, pick in (("start_time", min), ("end_time", max)):
        known = [value for value in times[name] if not math.isnan(value)]
        if known:
            attrs[name] = pick(known)
    return attrs | common(rows)


def common(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the attributes of a mosaic that its exposures have in common, such as the filter.

    A quantity that is unknown for an exposure is not common to all.
    """
    rows = Rows.of(rows)
    attrs: dict[str, Any] = {}
    for entry in schema.PROVENANCE:
        if entry.common is None or not len(rows):
            continue
        values = rows.column(entry)
        if entry.common is schema.Common.FIRST:
            known = values[values != ""]
            attrs[entry.name] = min(known.tolist(), default="")
        elif (values == values[0]).all():
            attrs[entry.name] = values[0].item()
    return {name: value for name, value in attrs.items() if is_known(value)}


def is_known(value: Any) -> bool:
    """Tell whether a quantity has a value: text that is not empty, or a finite number."""
    return value not in ("", None) and (isinstance(value, str) or math.isfinite(value))


Watched = dict[str, Any]
"""The first known value of each quantity that should not differ; None after it has differed."""


def watched(before: Watched, rows: Sequence[Row]) -> Watched:
    """Return the watched values after further exposures."""
    found, rows = dict(before), Rows.of(rows)
    for entry in (entry for entry in schema.PROVENANCE if entry.warns):
        values = rows.column(entry)
        known = values[values != ""]
        if len(known):
            first = found.setdefault(entry.name, known[0].item())
            if (known != first).any():
                found[entry.name] = None
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
