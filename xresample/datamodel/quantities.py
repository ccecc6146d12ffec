"""Scalar facts of an exposure as plain numbers: times, durations, areas, with or without units."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from xresample.errors import InvalidInputError

from .units import factor_between, units_text

EPOCH = np.datetime64("1858-11-17T00:00:00", "us")
"""The time at which MJD is 0."""

_MEANINGS = {
    "s": "a time in seconds: a number, a timedelta, a TimeDelta, or a Quantity",
    "d": "a date: MJD as a number, a datetime, or a Time (not text)",
    "sr": "an area in steradians: a number or a Quantity",
    None: "a number",
}


def number_of(name: str, units: str | None, value: Any) -> float:
    """Return a scalar fact as a number in its units.

    Parameters
    ----------
    name : str
        Name of the fact, for messages.
    units : {"s", "d", "sr", None}
        Units of the fact; ``"d"`` stands for a date, as MJD.
    value : object
        A number, or a date, duration or Quantity of Python, numpy, pandas or astropy. Dates without
        a time zone are UTC.

    Raises
    ------
    InvalidInputError
        The value has another meaning.

    Examples
    --------
    >>> number_of("start_time", "d", np.datetime64("2024-05-01T12:00:00"))
    60431.5
    >>> number_of("exposure_time", "s", np.timedelta64(1500, "ms"))
    1.5
    """
    if hasattr(value, "dims") and hasattr(value, "values"):
        value = value.values
    if isinstance(value, np.ndarray) and value.ndim == 0 and type(value) is np.ndarray:
        value = value[()]
    try:
        if (number := _number(units, value)) is not None:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    meaning = _MEANINGS.get(units, "a number")
    raise InvalidInputError(f"the attribute {name} must be {meaning}, got {value!r}")


def _number(units: str | None, value: Any) -> float | None:
    """Return a value as a number in units; None if it has another meaning."""
    if value is np.ma.masked or (np.ndim(value) == 0 and value != value):
        # Masked numbers, NaN and NaT are unknown; each of the last two differs from itself.
        return math.nan
    if hasattr(value, "mjd"):
        return _mjd_of_time(value) if units == "d" else None
    if isinstance(value, np.datetime64 | datetime.date):
        return _mjd(value) if units == "d" else None
    if isinstance(value, np.timedelta64 | datetime.timedelta):
        seconds = np.timedelta64(value) / np.timedelta64(1, "s")
        return float(seconds) if units == "s" else None
    if hasattr(value, "unit") and hasattr(value, "value"):
        factor = factor_between(value.unit, units or "")
        # A date has an origin, so only days can be MJD.
        if factor is None or (units == "d" and factor != 1.0) or np.ndim(value.value):
            return None
        return float(value.value) * factor
    if hasattr(value, "to_value"):
        return float(value.to_value(units)) if units == "s" else None
    return None if np.ndim(value) or np.iscomplexobj(value) else float(value)


def _mjd_of_time(time: Any) -> float:
    """Return a time of astropy as MJD in UTC, the scale of all other dates."""
    return float(time.mjd if time.scale == "local" else time.utc.mjd)


def _mjd(date: Any) -> float:
    """Return a date of Python, numpy or pandas as MJD."""
    zone = getattr(date, "tzinfo", None)
    if zone is not None:
        date = date.astimezone(datetime.UTC).replace(tzinfo=None)
    return float((np.datetime64(date) - EPOCH) / np.timedelta64(1, "D"))


def plain_attr(name: str, value: Any) -> Any:
    """Return the value of a further attribute as netCDF can store it.

    Dates of astropy become MJD; other dates, durations, units, paths and Quantities become text.

    Raises
    ------
    InvalidInputError
        The value is a mapping, or an array with units.

    Examples
    --------
    >>> plain_attr("observed", datetime.date(2024, 5, 1)), plain_attr("ok", True)
    ('2024-05-01', 1)
    """
    if hasattr(value, "mjd"):
        return _mjd_of_time(value)
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta | np.datetime64 | np.timedelta64):
        return str(value)
    if hasattr(value, "unit") and hasattr(value, "value"):
        if np.ndim(value.value) == 0:
            return str(value)
        raise InvalidInputError(
            f"The attribute {name} must be a number, a string or a list, got an array with units: "
            "pass its numbers"
        )
    if hasattr(value, "physical_type"):
        return units_text(value)
    if isinstance(value, Mapping):
        raise InvalidInputError(
            f"An attribute must be a number, a string or a list, got a mapping: {value!r}"
        )
    return value
