"""The variables of exposures and mosaics, declared once, as data.

Allocation, validation, combination, the layout of zarr stores and the documentation loop over
these tables. A new plane of a mosaic is a new row of `MOSAIC`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import numpy as np

from xresample.arguments import flag
from xresample.errors import MissingKeyError

from .quantities import number_of
from .units import power_of, weight_units

WCS = "wcs"
"""Name of the 0-d string coordinate that holds a WCS as ASDF text."""

TEXT_KIND = "text"
"""Type of a variable that holds texts of any length."""

TEXT_DTYPE = np.dtype("O", metadata={"element_type": str})
"""Type of an array of such texts; netCDF needs the metadata to know that the objects are texts."""

TEXT_ENCODING = {"dtype": object}
"""Encoding of strings: zarr specifies only strings of variable length."""

VARIANCE_PREFIX = "var_"
WEIGHT_SUFFIX = "_wht"


class Rule(Enum):
    """How a plane of two mosaics on one grid combines."""

    SUM = "sum"
    MEAN = "mean weighted by wht"
    VARIANCE = "by the variance method"
    CONTEXT = "bitwise or, bits shifted by the number of exposures before"
    DQ = "bitwise or"
    SHARED_DQ = "bitwise and"
    BLOCK_SUM = "sum, block by block"
    DERIVED = "computed from the other planes"
    FLAGS = "sum, one plane per flag"
    LABELS = "label of the union of both sets"
    SETS = "table of the unions"


@dataclass(frozen=True)
class Variable:
    """A row of a table: the name, type and meaning of a variable."""

    name: str
    """Name of the variable; ``*`` stands for the name of each variance."""
    dims: tuple[str, ...]
    dtype: str
    """Kinds of numbers that an exposure may hold; type of a plane of a mosaic, where ``"f"`` is
    the type that the option ``dtype`` names."""
    long_name: str
    power: int = 0
    """Power of the units of ``data`` that the variable has."""
    needed: bool = False
    """Whether the variable is required."""
    standard_name: str | None = None
    """Name in the CF table of standard names, which has few quantities of the sky."""
    weighs: bool = False
    """Whether the variable holds weights, whose units follow from the weight type."""
    units: str | None = None
    """Units of the variable if they do not follow from those of ``data``."""


@dataclass(frozen=True)
class PlaneRow(Variable):
    """A row of the table of mosaics: also how a plane is filled and combined."""

    rule: Rule = Rule.SUM
    identity: float | None = 0.0
    """Value where no exposure contributes; None: the option ``fillval``."""
    asked_by: tuple[str, Any] | None = None
    """The option that asks for the plane, and its value; None: every mosaic has the plane."""
    source: str | None = None
    """Variable of an exposure that fills the plane; None: the variable of the same name."""
    produce: Callable[[np.ndarray], np.ndarray] | None = None
    """Function of the source that gives the samples; None: the source itself."""

    @property
    def per_variance(self) -> bool:
        """Whether the row stands for one plane per variance."""
        return "*" in self.name


PIXELS = ("y", "x")

TILES = ("con_tile_y", "con_tile_x")
"""Dimensions of the tables of the context as sets, one per tile."""

FLAG = "flag"
"""Dimension and coordinate of planes that have one image per flag."""

WEIGHT_MAP = "weight_map"
"""Variable of an exposure with the user's weights, which must not be negative."""

COADD_WEIGHT = "wht"
"""Variable of a mosaic that is 0 where no exposure contributes; such pixels are no measurement."""

BLOCKS = ("block_y", "block_x")
"""Dimensions of a plane that has one value per block of pixels."""

SKY = ("ra", "dec")
"""Names of the sky coordinates."""


EXPOSURE = (
    Variable("data", PIXELS, "f", "image", power=1, needed=True),
    Variable("err", PIXELS, "f", "standard deviation", power=1),
    Variable("var_*", PIXELS, "f", "variance", power=2),
    Variable("dq", PIXELS, "iu", "data quality flags", standard_name="quality_flag"),
    Variable(WEIGHT_MAP, PIXELS, "f", "weights of the pixels, for weight_type='map'", weighs=True),
)
"""Variables of an exposure."""

ALL_FLAGS = float(2**32 - 1)
"""All flags of a pixel: those that no pixel at all share, and the identity of a bitwise and."""

MOSAIC = (
    PlaneRow("data", PIXELS, "f", "co-added image", 1, True, rule=Rule.MEAN, identity=None),
    PlaneRow(
        *("err", PIXELS, "f", "standard deviation", 1),
        rule=Rule.MEAN, identity=None, asked_by=("compute_err", "driz_err"),
    ),
    PlaneRow(
        *("err", PIXELS, "f", "standard deviation", 1),
        rule=Rule.DERIVED, identity=math.nan, asked_by=("compute_err", "from_var"),
    ),
    PlaneRow(COADD_WEIGHT, PIXELS, "f", "sum of weights", needed=True, weighs=True),
    PlaneRow(
        *("con", ("plane", *PIXELS), "int32", "contributing exposures, one bit each"),
        rule=Rule.CONTEXT, asked_by=("enable_ctx", True),
    ),
    PlaneRow(
        *("con_label", PIXELS, "int32", "label of the set of contributing exposures in con_sets"),
        rule=Rule.LABELS, asked_by=("enable_ctx", "sets"),
    ),
    PlaneRow(
        *("con_sets", TILES, TEXT_KIND, "exposures of each label of a tile, as JSON"),
        rule=Rule.SETS, asked_by=("enable_ctx", "sets"),
    ),
    PlaneRow(
        *("dq", PIXELS, "uint32", "data quality flags of all contributing pixels"),
        standard_name="quality_flag", rule=Rule.DQ, asked_by=("propagate_dq", True),
    ),
    PlaneRow(
        *("dq", PIXELS, "uint32", "data quality flags that all contributing pixels share"),
        standard_name="quality_flag", rule=Rule.SHARED_DQ, identity=ALL_FLAGS,
        asked_by=("propagate_dq", "and"),
    ),
    PlaneRow(
        *("var_*", PIXELS, "f", "variance", 2),
        rule=Rule.VARIANCE, identity=math.nan,
    ),
    PlaneRow(
        *("var_*_wht", PIXELS, "f", "sum of the weights of a variance"),
        weighs=True, asked_by=("variance_method", "resampled"),
    ),
    PlaneRow(
        *("noise_covariance", ("lag_y", "lag_x", *BLOCKS), "float64"),
        "sum of the covariance of weighted pixels that are a lag apart",
        rule=Rule.BLOCK_SUM, asked_by=("noise_covariance", True),
    ),
    PlaneRow(
        *("exposure_map", PIXELS, "f", "exposure time"),
        units="s", asked_by=("exposure_map", True),
    ),
    PlaneRow(
        *("covered", PIXELS, "f", "area of all pixels of the exposures, in output pixels"),
        asked_by=("rejected", True),
    ),
    PlaneRow(
        *("rejected", (FLAG, *PIXELS), "f", "area of rejected pixels that carry a flag"),
        rule=Rule.FLAGS, asked_by=("rejected", True),
    ),
)  # fmt: skip
"""Planes of a mosaic, in the order of its variables."""


class Common(Enum):
    """How a value of a mosaic follows from the values of its exposures."""

    EQUAL = "the value of all exposures, if they agree"
    FIRST = "the smallest value, which is the earliest date"


@dataclass(frozen=True)
class Scalar:
    """A quantity of one exposure: an attribute there, a value along ``exposure`` in a mosaic."""

    name: str
    default: Any
    long_name: str
    units: str | None = None
    keywords: tuple[str, ...] = ()
    """FITS keywords: a reader takes the first that a file has, and `to_fits` writes all of them."""
    common: Common | None = None
    """How the attribute of a mosaic follows from the values of its exposures; None: the mosaic has
    no such attribute, or another rule, as for times."""
    warns: bool = False
    """Whether a mosaic of exposures with different values is probably a mistake."""


PROVENANCE = (
    Scalar("filename", "", "file name"),
    Scalar("group_id", "", "name that simultaneous exposures share; empty: a group by itself"),
    Scalar("exposure_time", math.nan, "exposure time", "s"),
    Scalar("measurement_time", math.nan, "time during which charge was measured", "s"),
    Scalar("start_time", math.nan, "start of the exposure, MJD", "d"),
    Scalar("end_time", math.nan, "end of the exposure, MJD", "d"),
    Scalar("duration", math.nan, "duration of the exposure", "s"),
    Scalar(
        "pixel_scale_ratio", math.nan, "pixel scale of the mosaic over that of the exposure", "1"
    ),
    Scalar("fingerprint", "", "digest of the exposure"),
    Scalar(*("instrument", "", "instrument", None, ("INSTRUME",)), common=Common.EQUAL, warns=True),
    Scalar("detector", "", "detector", None, ("DETECTOR",), Common.EQUAL),
    Scalar("filter", "", "filter", None, ("FILTER",), Common.EQUAL, warns=True),
    Scalar("target", "", "target", None, ("TARGNAME", "OBJECT"), Common.EQUAL),
    Scalar("date", "", "start of the exposure, ISO 8601", None, ("DATE-OBS",), Common.FIRST),
    *(
        Scalar(keyword.lower(), math.nan, long_name, units, (keyword,), Common.EQUAL)
        for keyword, long_name, units in (
            ("PHOTFLAM", "flux density of a count rate of 1", "erg / (Angstrom cm2)"),
            ("PHOTPLAM", "pivot wavelength", "Angstrom"),
            ("PHOTBW", "root mean square bandwidth", "Angstrom"),
            ("PHOTZPT", "zero point of magnitudes from photflam", "mag"),
            ("PHOTMJSR", "surface brightness of a count rate of 1", "MJy / sr"),
            ("PHOTUJA2", "surface brightness of a count rate of 1", "uJy / arcsec2"),
            ("MAGZERO", "magnitude of a value of 1", "mag"),
        )
    ),
    Scalar("sky_level", math.nan, "sky level of the exposure, in the units of data"),
)
"""Quantities of each exposure that a mosaic keeps."""

LEVEL_SLOPES = ("level_slope_y", "level_slope_x")
"""Attributes that make the sky level of an exposure a plane."""

EXPOSURE_ATTRS = (
    *(
        row
        for row in PROVENANCE
        if row.name not in ("pixel_scale_ratio", "fingerprint", "sky_level")
    ),
    Scalar("pixelarea_steradians", math.nan, "nominal area of a pixel", "sr"),
    Scalar("level", 0.0, "sky level, in the units of data; of a plane, its value at y = x = 0"),
    Scalar(LEVEL_SLOPES[0], 0.0, "slope of the sky level along y, per pixel"),
    Scalar(LEVEL_SLOPES[1], 0.0, "slope of the sky level along x, per pixel"),
    Scalar("subtracted", False, "whether the sky level has been subtracted from data"),
)
"""Attributes of an exposure and their defaults."""

TEXT = frozenset(row.name for row in PROVENANCE if isinstance(row.default, str))
"""Names of the quantities that are strings."""

IDENTITY = "exposure"
"""Attribute and 0-d coordinate that name an exposure; dimension and index of several exposures."""


def further_plane(name: str) -> PlaneRow:
    """Return the row of a further variable of the exposures, which the option ``planes`` names."""
    return PlaneRow(name, PIXELS, "f", name, rule=Rule.MEAN, identity=None)


Row = TypeVar("Row", bound=Variable)


def row_of(table: tuple[Row, ...], name: str) -> Row | None:
    """Return the first row that describes a variable; None if the table has no such row.

    Examples
    --------
    >>> row_of(MOSAIC, "var_rnoise").rule.value
    'by the variance method'
    """
    if name.startswith(VARIANCE_PREFIX):
        pattern = "var_*_wht" if name.endswith(WEIGHT_SUFFIX) else "var_*"
        return next((row for row in table if row.name == pattern), None)
    return next((row for row in table if row.name == name), None)


def require_row(table: tuple[Row, ...], name: str) -> Row:
    """Return the first row that describes a variable.

    Raises
    ------
    MissingKeyError
        The table has no such row.
    """
    row = row_of(table, name)
    if row is None:
        known = ", ".join(dict.fromkeys(entry.name for entry in table))
        raise MissingKeyError(f"variable must be one of {known}, got {name!r}")
    return row


def is_variance(name: str) -> bool:
    """Tell whether a variable is a variance, and not the weights of a variance."""
    return name.startswith(VARIANCE_PREFIX) and not name.endswith(WEIGHT_SUFFIX)


UNKNOWN = "unknown"
"""Weight type that is not known."""


ANCILLARY = "ancillary_variables"
"""CF attribute of the image that names the variables which qualify its pixels."""


def ancillary(names: Iterable[str]) -> dict[str, str]:
    """Return the CF attribute of the image, from the variables beside the image.

    Examples
    --------
    >>> ancillary(["data", "wht", "con", "other"])
    {'ancillary_variables': 'con wht'}
    """
    rows = ((name, row_of(MOSAIC, name) or row_of(EXPOSURE, name)) for name in sorted(names))
    found = [n for n, row in rows if n != "data" and row is not None and row.dims[-2:] == PIXELS]
    return {ANCILLARY: " ".join(found)} if found else {}


def variable_attrs(
    name: str,
    row: Variable,
    units: str | None,
    weight_type: str | None = UNKNOWN,
    beside: Iterable[str] = (),
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
        Weight type of the mosaic, which gives weights their units.
    beside : iterable of str, optional
        The variables of the Dataset, which the image names as its ancillary variables.

    Returns
    -------
    dict
        The attributes, with ``standard_name`` where CF defines one.

    Examples
    --------
    >>> variable_attrs("var_flat", require_row(MOSAIC, "var_flat"), "DN/s")
    {'long_name': 'variance (flat)', 'units': 'DN2 / s2'}
    """
    suffix = name[len(VARIANCE_PREFIX) :].removesuffix(WEIGHT_SUFFIX)
    label = f"{row.long_name} ({suffix})" if name.startswith(VARIANCE_PREFIX) else row.long_name
    own = weight_units(weight_type, units) if row.weighs else power_of(units, row.power)
    attrs = {"long_name": label, "units": row.units or own, "standard_name": row.standard_name}
    known = {key: value for key, value in attrs.items() if value is not None}
    return known | ancillary(beside) if name == "data" else known


def plain(value: Any) -> Any:
    """Return an attribute that netCDF made a numpy scalar as a plain number."""
    is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
    return value.item() if is_scalar else value


def as_list(value: Any) -> list[Any]:
    """Return an attribute as a list: netCDF turns a list of one entry into a scalar."""
    if value is None:
        return []
    if isinstance(value, str) or np.ndim(value) == 0:
        return [plain(value)]
    return [plain(entry) for entry in value]


_TRUTHS = {"true": True, "false": False}
"""Truth values as text, because attributes of netCDF have no truth values."""


def exposure_scalars(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scalar quantities of an exposure; absent ones have their defaults."""
    scalars = {}
    for row in EXPOSURE_ATTRS:
        value = attrs.get(row.name)
        # Tables that are joined mark a missing string or truth value by NaN.
        unknown = isinstance(value, float) and math.isnan(value)
        if value is None or (unknown and not isinstance(row.default, float)):
            value = row.default
        elif row.name in TEXT:
            value = str(plain(value))
        elif row.name == "subtracted":
            value = flag("the attribute subtracted", _TRUTHS.get(str(value).lower(), value))
        else:
            value = number_of(row.name, row.units, value)
        scalars[row.name] = value
    return scalars
