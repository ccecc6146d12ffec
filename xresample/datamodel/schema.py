"""The variables of exposures and mosaics, declared once, as data.

Validation, allocation, combination and documentation loop over these tables: a new
variable is a new row.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from xresample.errors import MissingKeyError

WCS = "wcs"
"""Name of the 0-d string coordinate that holds a WCS as ASDF text."""

TEXT_ENCODING = {"dtype": object}
"""How texts are written: zarr has a specification for those of any length only."""

VARIANCE_PREFIX = "var_"
WEIGHT_SUFFIX = "_wht"


class Rule(Enum):
    """How a plane of two mosaics of one grid combines, and what changes nothing."""

    SUM = "sum"
    MEAN = "mean weighted by wht"
    VARIANCE = "by the variance method"
    CONTEXT = "bitwise or, bits shifted by the exposures before"
    DQ = "bitwise or"
    DERIVED = "computed from the other planes"


@dataclass(frozen=True)
class Variable:
    """A row of a table: what a variable is called, holds and means."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    long_name: str
    power: int = 0
    """Power of the units of ``data`` that the variable has."""
    rule: Rule | None = None
    needed: bool = False
    standard_name: str | None = None
    """Its name in the table of CF, which knows few quantities of the sky."""
    weighs: bool = False
    """Whether it holds weights, whose units follow from the weight type."""


PIXELS = ("y", "x")

SKY = ("ra", "dec")
"""Names of the sky coordinates."""


@dataclass(frozen=True)
class Coordinate:
    """A coordinate of exposures and mosaics."""

    name: str
    dims: tuple[str, ...]
    long_name: str
    units: str | None = None


COORDINATES = (
    Coordinate("y", ("y",), "pixel row", "pixel"),
    Coordinate("x", ("x",), "pixel column", "pixel"),
    Coordinate(WCS, (), "world coordinate system, as ASDF text"),
    Coordinate("ra", PIXELS, "right ascension", "degree"),
    Coordinate("dec", PIXELS, "declination", "degree"),
)
"""Coordinates; ``ra`` and ``dec`` are there on request."""

EXPOSURE = (
    Variable("data", PIXELS, "f", "image", power=1, needed=True),
    Variable("err", PIXELS, "f", "standard deviation", power=1),
    Variable("var_*", PIXELS, "f", "variance", power=2),
    Variable("dq", PIXELS, "iu", "data quality flags", standard_name="quality_flag"),
)
"""Variables of an exposure; ``dtype`` holds the kinds that are accepted."""

MOSAIC = (
    Variable("data", PIXELS, "f", "co-added image", power=1, rule=Rule.MEAN, needed=True),
    Variable("err", PIXELS, "f", "standard deviation", power=1, rule=Rule.MEAN),
    Variable("wht", PIXELS, "f", "sum of weights", rule=Rule.SUM, needed=True, weighs=True),
    Variable(
        "con", ("plane", *PIXELS), "int32", "contributing exposures, a bit each", rule=Rule.CONTEXT
    ),
    Variable(
        "dq",
        PIXELS,
        "uint32",
        "data quality flags of all contributing pixels",
        rule=Rule.DQ,
        standard_name="quality_flag",
    ),
    Variable(
        "var_*_wht", PIXELS, "f", "sum of the weights of a variance", rule=Rule.SUM, weighs=True
    ),
    Variable("var_*", PIXELS, "f", "variance", power=2, rule=Rule.VARIANCE),
)
"""Planes of a mosaic."""


@dataclass(frozen=True)
class Scalar:
    """A quantity of one exposure: an attribute there, a row along ``exposure`` in a mosaic."""

    name: str
    default: Any
    long_name: str
    units: str | None = None


PROVENANCE = (
    Scalar("filename", "", "file name"),
    Scalar("group_id", "", "name that simultaneous exposures share; empty: its own group"),
    Scalar("exposure_time", math.nan, "exposure time", "s"),
    Scalar("measurement_time", math.nan, "time during which charge was measured", "s"),
    Scalar("start_time", math.nan, "start of the exposure, MJD", "d"),
    Scalar("end_time", math.nan, "end of the exposure, MJD", "d"),
    Scalar("duration", math.nan, "duration of the exposure", "s"),
    Scalar(
        "pixel_scale_ratio", math.nan, "pixel scale of the mosaic over that of the exposure", "1"
    ),
)
"""What a mosaic keeps of each exposure."""

EXPOSURE_ATTRS = (
    *(row for row in PROVENANCE if row.name != "pixel_scale_ratio"),
    Scalar("pixelarea_steradians", math.nan, "nominal area of a pixel", "sr"),
    Scalar("level", 0.0, "sky level, in the units of data"),
    Scalar("subtracted", False, "whether the sky level has been subtracted from data"),
)
"""Attributes of an exposure and their defaults."""

TEXT = frozenset(row.name for row in PROVENANCE if isinstance(row.default, str))


def row_of(table: tuple[Variable, ...], name: str) -> Variable | None:
    """Return the row that describes a variable, the most specific one; None if there is none.

    Examples
    --------
    >>> row_of(MOSAIC, "var_rnoise").rule.value
    'by the variance method'
    """
    if name.startswith(VARIANCE_PREFIX):
        pattern = "var_*_wht" if name.endswith(WEIGHT_SUFFIX) else "var_*"
        return next((row for row in table if row.name == pattern), None)
    return next((row for row in table if row.name == name), None)


def require_row(table: tuple[Variable, ...], name: str) -> Variable:
    """Return the row that describes a variable.

    Raises
    ------
    MissingKeyError
        The table has none.
    """
    row = row_of(table, name)
    if row is None:
        known = ", ".join(entry.name for entry in table)
        raise MissingKeyError(f"There is no variable {name!r} in the data model: it has {known}")
    return row


def is_variance(name: str) -> bool:
    """Tell whether a name is that of a variance plane (and not of a plane of its weights)."""
    return name.startswith(VARIANCE_PREFIX) and not name.endswith(WEIGHT_SUFFIX)


UNKNOWN = "unknown"
"""Stands for a weight type that is not known."""


def variable_attrs(
    name: str, row: Variable, units: str | None, weight_type: str | None = UNKNOWN
) -> dict[str, Any]:
    """Return the attributes of a variable: ``long_name``, and units when they are known.

    Parameters
    ----------
    name : str
        The variable.
    row : Variable
        Its row in the table.
    units : str or None
        Units of ``data``.
    weight_type : str or None, optional
        What weights are made of, which gives those of a mosaic their units.

    Returns
    -------
    dict
        With ``standard_name`` where CF has one.

    Examples
    --------
    >>> variable_attrs("var_flat", require_row(MOSAIC, "var_flat"), "DN/s")
    {'long_name': 'variance (flat)', 'units': 'DN2 / s2'}
    """
    suffix = name[len(VARIANCE_PREFIX) :].removesuffix(WEIGHT_SUFFIX)
    long_name = f"{row.long_name} ({suffix})" if name.startswith(VARIANCE_PREFIX) else row.long_name
    own = weight_units(weight_type, units) if row.weighs else power_of(units, row.power)
    attrs = {"long_name": long_name, "units": own, "standard_name": row.standard_name}
    return {key: value for key, value in attrs.items() if value is not None}


def coordinate_attrs(name: str) -> dict[str, str]:
    """Return the attributes of a coordinate.

    Examples
    --------
    >>> coordinate_attrs("x")
    {'long_name': 'pixel column', 'units': 'pixel'}
    """
    row = next(row for row in COORDINATES if row.name == name)
    attrs = {"long_name": row.long_name, "units": row.units}
    return {key: value for key, value in attrs.items() if value is not None}


@functools.lru_cache
def power_of(units: str | None, power: int) -> str | None:
    """Return the power of units; None when they are not known, or there are none.

    The text is one that astropy reads again, unless the units are none of astropy's.

    Examples
    --------
    >>> power_of("MJy/sr", -2), power_of("furlong", 2)
    ('sr2 / MJy2', '(furlong)**2')
    """
    if not (power and units):
        return None
    if power == 1:
        return units
    from astropy.units import Unit

    try:
        with warnings.catch_warnings():
            # Of units that are written in an unusual way, which is the writer's affair.
            warnings.simplefilter("ignore")
            return str((Unit(units) ** power).to_string())
    except (TypeError, ValueError):
        return f"({units})**{power}"


def weight_units(weight_type: str | None, units: str | None) -> str | None:
    """Return the units of weights of a type; None when they are not known.

    Weights by a variance are in inverse squared units of the data. That of an exposure that lacks
    the variance is 1, about which adding it warns.

    Examples
    --------
    >>> weight_units("ivm", "DN/s"), weight_units("exptime", "DN/s"), weight_units(None, None)
    ('s2 / DN2', 's', '1')
    """
    if weight_type in ("ivm", "ivm-sky"):
        return power_of(units, -2)
    return {"exptime": "s", None: "1"}.get(weight_type)


def plane_dtype(name: str, real: str) -> str:
    """Return the type of a plane of a mosaic whose real numbers have a type.

    Examples
    --------
    >>> plane_dtype("wht", "float32"), plane_dtype("con", "float32")
    ('float32', 'int32')
    """
    row = require_row(MOSAIC, name)
    return real if row.dtype == "f" else row.dtype


def wcs_variable(text: Any) -> tuple[tuple[()], Any, dict[str, Any], dict[str, Any]]:
    """Return the coordinate that holds a WCS as ASDF text, as xarray takes variables."""
    return (), text, coordinate_attrs(WCS), TEXT_ENCODING


def plain(value: Any) -> Any:
    """Undo what netCDF does to an attribute: numpy scalars become numbers again."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def as_list(value: Any) -> list[Any]:
    """Undo what netCDF does to a list: one entry comes back without its list, none as nothing."""
    if value is None:
        return []
    if isinstance(value, str) or np.ndim(value) == 0:
        return [plain(value)]
    return [plain(entry) for entry in value]


def exposure_scalars(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scalar quantities of an exposure, with the defaults of what is absent."""
    scalars = {}
    for row in EXPOSURE_ATTRS:
        value = plain(attrs.get(row.name))
        if value is None:
            value = row.default
        elif row.name in TEXT:
            value = str(value)
        elif row.name == "subtracted":
            value = bool(value)
        else:
            value = float(value)
        scalars[row.name] = value
    return scalars
