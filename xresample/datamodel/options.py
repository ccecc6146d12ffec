"""The options of a mosaic, frozen, and their conversion to and from netCDF attributes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from xresample.arguments import choice, flag, mapping, names, number, shown, whole
from xresample.errors import GridMismatchError, InvalidInputError, listing
from xresample.kernels.structures import KERNELS, Kernel

from . import schema
from .coordinates import BLOCK_COORDINATES, COORDINATES, TILE_COORDINATES
from .dq_flags import flag_values

WeightType = Literal["ivm", "ivm-sky", "exptime", "map"] | None
VarianceMethod = Literal["resampled", "propagated"]
ErrorMethod = Literal["from_var", "driz_err"] | None
DType = Literal["float32", "float64"]
SplineOrder = Literal[1, 3]
Context = bool | Literal["sets"]
FlagRule = bool | Literal["or", "and"]
Conserve = Literal["surface_brightness", "flux"]

WEIGHT_TYPES: tuple[WeightType, ...] = ("ivm", "ivm-sky", "exptime", "map", None)
WEIGHT_VARIANCE = {"ivm": "var_rnoise", "ivm-sky": "var_sky"}
"""The variance whose inverse is the weight."""

WEIGHT_PLANE = {**WEIGHT_VARIANCE, "map": "weight_map"}
"""The variable of an exposure that determines the weight of each pixel."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a mosaic.

    Parameters
    ----------
    kernel : {"square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"}
        How the flux of an input pixel is spread. ``gaussian`` and ``lanczos`` kernels do not
        conserve flux.
    pixfrac : float
        Linear fraction of an input pixel that its flux is confined to, 0 < pixfrac <= 1; 0 is
        allowed for ``point``. The lanczos kernels have a fixed size and ignore it.
    fillval : float, str or None
        Value of ``data`` where no exposure contributes: a number, a numeric string, or, for NaN,
        ``None``, ``"INDEF"`` or ``"NAN"`` in upper or lower case.
    weight_type : {"ivm", "ivm-sky", "exptime", "map", None}
        Weight of an input pixel: 1 / ``var_rnoise``, 1 / ``var_sky``, the measurement time (or
        else the exposure time), the variable ``weight_map`` of the exposure, or 1.
    good_bits : int, str, list of int or None
        Flags of ``dq`` that a good pixel may have, in the language of `astropy.nddata.bitmask`.
        ``None``: ignore ``dq``. 0: every flagged pixel has weight 0.
    flag_map : mapping of str to int, BitFlagNameMap or Enum class, optional
        Value of each flag by its name. Default: the flags that the attributes of ``dq`` describe.
    enable_ctx : bool or "sets"
        Whether to make the context, ``con``, one bit per exposure and pixel. ``"sets"``: one label
        per pixel, ``con_label``, and a table of the distinct sets of exposures, ``con_sets``,
        which takes less memory where there are more than 32 exposures.
    enable_var : bool
        Whether to co-add the variances.
    compute_err : {"from_var", "driz_err", None}
        ``err`` as the root of the summed variances (which enables variances), drizzled, or none.
    propagate_dq : bool, "or" or "and"
        Whether to make ``dq``, the flags of all contributing pixels. True or ``"or"``: flags that
        at least one of them has. ``"and"``: flags that all of them share; pixels to which no
        exposure contributes have all 32 flags.
    variance_method : {"resampled", "propagated"}
        How variances combine: drizzled per exposure, or propagated from independent pixels.
    noise_covariance : bool
        Whether to make ``noise_covariance``, which tells how the noise of neighbouring pixels is
        correlated; requires ``variance_method="propagated"``.
    noise_block : int
        Rows and columns of the blocks of output pixels over which the covariance is summed. Blocks
        begin at multiples of this number of pixels.
    variance_names : sequence of str, optional
        Variances to co-add. Default: all variances of the exposures.
    error_from_variances : sequence of str, optional
        Variances that enter ``err``. Default: all.
    pixel_scale : float, optional
        Pixel scale of the mosaic in arcsec. Default: from its WCS.
    pixel_scale_ratio : float, optional
        Pixel scale of the mosaic over that of the exposures (spectral: the inverse). Default:
        each exposure has its own ratio.
    conserve : {"surface_brightness", "flux"}
        ``"surface_brightness"`` keeps the values of pixels whatever the pixel scale, which suits
        units per area, such as MJy/sr. ``"flux"`` multiplies data by the square of the pixel scale
        ratio (Fruchter & Hook 2002, equation 4), and errors and variances accordingly, so that
        sums over sources are conserved, which suits units per pixel, such as electron/s.
    pixmap_stepsize : int, optional
        Step in pixels at which the WCS is evaluated, with splines between; 1: every pixel.
        Default: the step follows from ``pixmap_tol``.
    pixmap_order : {1, 3}
        Order of the splines if a step is given.
    pixmap_tol : float
        Maximum error of the pixel map, in output pixels, if no step is given.
    dtype : {"float32", "float64"}
        Type of the planes.
    planes : sequence of str
        Further variables ``(y, x)`` of the exposures, which are averaged with the weights of the
        data in the same pass. A plane with the units of ``data`` is scaled like data; no sky
        level is subtracted.
    exposure_map : bool
        Whether to make the exposure time of each pixel, in seconds: the sum, over the exposures,
        of the time times the share of the pixel that good pixels cover.
    rejected : sequence of str
        Flags for which to sum the area of rejected pixels that carry the flag, and the area of
        all pixels (``covered``), in output pixels.

    Raises
    ------
    InvalidInputError
        Options are invalid; lists all of them.

    Examples
    --------
    >>> Options(fillval="nan").fillval
    nan
    >>> Options(compute_err="from_var", enable_var=False).enable_var
    True
    """

    kernel: Kernel = "square"
    pixfrac: float = 1.0
    fillval: float | str | None = 0.0
    weight_type: WeightType = "ivm"
    good_bits: int | str | list[int] | None = 0
    flag_map: Mapping[str, int] | None = None
    enable_ctx: Context = True
    enable_var: bool = True
    compute_err: ErrorMethod = None
    propagate_dq: FlagRule = False
    variance_method: VarianceMethod = "resampled"
    noise_covariance: bool = False
    noise_block: int = 256
    variance_names: tuple[str, ...] | None = None
    error_from_variances: tuple[str, ...] | None = None
    pixel_scale: float | None = None
    pixel_scale_ratio: float | None = None
    conserve: Conserve = "surface_brightness"
    pixmap_stepsize: int | None = None
    pixmap_order: SplineOrder = 1
    pixmap_tol: float = 1e-6
    dtype: DType = "float32"
    planes: tuple[str, ...] = ()
    exposure_map: bool = False
    rejected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults: list[str] = []
        for name, read in _READERS.items():
            given = getattr(self, name)
            if given is None and name in _OPTIONAL:
                continue
            try:
                object.__setattr__(self, name, read(name, given))
            except InvalidInputError as error:
                if not (name == "pixfrac" and self.kernel == "point" and _is_zero(given)):
                    faults.append(str(error))
        if not faults:
            faults += _fill_faults(parse_fillval(self.fillval), self.dtype) + self._noise_faults()
        if faults:
            raise InvalidInputError(listing("Invalid options", faults))
        if self.compute_err == "from_var":
            object.__setattr__(self, "enable_var", True)

    def _noise_faults(self) -> list[str]:
        """Return the faults of the options for the covariance of the noise."""
        faults = []
        if self.noise_covariance and self.variance_method == "resampled":
            faults.append(
                "noise_covariance must be False with variance_method='resampled', because that "
                "method does not compute the variance of a pixel, got True: use "
                "variance_method='propagated'"
            )
        if self.noise_covariance and not self.enable_var and self.compute_err != "from_var":
            faults.append(
                "noise_covariance must be False with enable_var=False, because there are no "
                "variances, got True: use enable_var=True"
            )
        return faults

    def to_attrs(self) -> dict[str, Any]:
        """Return the options as attributes that netCDF can store: no None, bool or dict."""
        attrs: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in _OF_PLANES and value == field.default:
                continue
            if field.name in _NONE_TEXT and value is None:
                value = _NONE_TEXT[field.name]
            elif field.name == "flag_map" and value is not None:
                value = json.dumps({name: int(bit) for name, bit in value.items()})
            elif isinstance(value, bool):
                value = int(value)
            elif isinstance(value, tuple):
                value = " ".join(value)
            if value is not None:
                attrs[field.name] = value
        return attrs

    @classmethod
    def from_attrs(cls, attrs: Mapping[str, Any]) -> Options:
        """Read the options from attributes; text is parsed, never evaluated.

        Parameters
        ----------
        attrs : mapping
            Attributes of a mosaic; attributes that are not options are ignored.

        Returns
        -------
        Options
            The options; absent ones have their defaults.

        Raises
        ------
        InvalidInputError
            An attribute is not a valid value of its option.
        """
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name not in mapping("attrs", attrs):
                continue
            value = attrs[field.name]
            if isinstance(value, np.ndarray | np.generic) and value.size == 1:
                value = value.item()
            if isinstance(value, str) and value == _NONE_TEXT.get(field.name):
                value = None
            elif field.name == "flag_map":
                value = _read_map(value)
            values[field.name] = value
        return cls(**values)

    def require_equal(self, other: Options) -> None:
        """Raise a `GridMismatchError` that names every option in which two mosaics differ.

        Parameters
        ----------
        other : Options
            The options of the other mosaic.
        """
        if not isinstance(other, Options):
            raise InvalidInputError(f"other must be Options, got {shown(other)}")
        differences = [
            f"{field.name}: {mine!r} and {theirs!r}"
            for field in dataclasses.fields(self)
            if not _same(mine := getattr(self, field.name), theirs := getattr(other, field.name))
        ]
        if differences:
            raise GridMismatchError(
                listing(
                    "Mosaics must have the same options to be combined. Differences", differences
                )
            )


CHOICES: dict[str, tuple[Any, ...]] = {
    "kernel": KERNELS,
    "weight_type": WEIGHT_TYPES,
    "compute_err": ("from_var", "driz_err", None),
    "variance_method": get_args(VarianceMethod),
    "dtype": get_args(DType),
    "pixmap_order": get_args(SplineOrder),
    "conserve": get_args(Conserve),
}
"""Values of the options that have a fixed set of values."""

WORDS = {"enable_ctx": ("sets",), "propagate_dq": ("or", "and")}
"""Words that may stand in place of True, for options that are True or False."""

FARTHEST_BLOCK = 2**16
"""Maximum number of rows and columns of a block of the noise covariance."""

_OF_PLANES = {"planes", "exposure_map", "rejected"}
"""Options of planes that few mosaics have; a mosaic without these planes has no attribute."""

_NONE_TEXT = {"weight_type": "none", "good_bits": "~0"}
"""Text that stands for None in the attributes, for options whose default is not None."""


def parse_fillval(fillval: float | str | None) -> float:
    """Return the fill value as a number.

    Examples
    --------
    >>> parse_fillval("INDEF"), parse_fillval("-1.5")
    (nan, -1.5)
    """
    if fillval is None:
        return math.nan
    if isinstance(fillval, str) and fillval.strip().upper() in ("", "INDEF", "NAN"):
        return math.nan
    try:
        return float(fillval) if isinstance(fillval, str) else _any_float(fillval)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError(
            "fillval must be a number, a numeric string, or one of None, 'INDEF' and 'NAN', which "
            f"all mean NaN, got {fillval!r}"
        ) from None


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def _fill_faults(fill: float, dtype: str) -> list[str]:
    """Return the fault of a fill value that a type cannot hold."""
    with np.errstate(over="ignore"):
        fits = math.isinf(fill) or not np.isinf(np.dtype(dtype).type(fill))
    return [] if fits else [f"fillval must fit the dtype {dtype!r}, got {fill}"]


def _any_float(value: Any) -> float:
    """Return a number, which may be NaN or infinite."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return float(value)
    return number("fillval", value)


def _good_bits(name: str, given: Any) -> Any:
    """Return a list of flags as one mask, so that equal options compare equal."""
    if given is None or isinstance(given, str | int | np.integer):
        return given
    try:
        if not isinstance(given, list | tuple):
            raise TypeError
        return sum({int(bit) for bit in given})
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError(
            f"{name} must be a mask, a list of flags or a string, got {shown(given)}"
        ) from None


def _plane_names(name: str, given: Any) -> tuple[str, ...]:
    """Return the names of further planes, which must not be those of other variables."""
    found = tuple(dict.fromkeys(names(name, given)))
    coordinates = (*COORDINATES, *BLOCK_COORDINATES, *TILE_COORDINATES)
    known = {schema.IDENTITY, schema.FLAG, *(row.name for row in schema.PROVENANCE)}
    known |= {row.name for row in (*schema.MOSAIC, *schema.EXPOSURE, *coordinates)}
    taken = [n for n in found if n in known or n.startswith(schema.VARIANCE_PREFIX)]
    if taken:
        raise InvalidInputError(
            f"{name} must be names of further variables of the exposures, got "
            f"{', '.join(map(repr, taken))}, which other options select"
        )
    return found


def _variance_names(name: str, given: Any) -> tuple[str, ...]:
    """Return names of variances, which no other variable can have."""
    found = tuple(dict.fromkeys(names(name, given)))
    if others := [n for n in found if not schema.is_variance(n)]:
        raise InvalidInputError(
            f"{name} must be names of variances, which start with 'var_', got "
            f"{', '.join(map(repr, others))}"
        )
    return found


def _flag_or(name: str, given: Any) -> Any:
    """Return True, False or one of the words of an option."""
    if isinstance(given, str):
        return choice(name, given, (True, False, *WORDS[name]))
    return flag(name, given)


def _flag_rule(name: str, given: Any) -> Any:
    """Return how flags combine; ``"or"`` is True, so that equal options compare equal."""
    found = _flag_or(name, given)
    return True if found == "or" else found


_READERS: dict[str, Callable[[str, Any], Any]] = {
    **{name: partial(choice, allowed=allowed) for name, allowed in CHOICES.items()},
    "pixfrac": partial(number, above=0.0, at_most=1.0),
    "fillval": lambda _, given: parse_fillval(given),
    "good_bits": _good_bits,
    "flag_map": lambda _, given: flag_values(given),
    "enable_ctx": _flag_or,
    "enable_var": flag,
    "propagate_dq": _flag_rule,
    **dict.fromkeys(("noise_covariance", "exposure_map"), flag),
    **dict.fromkeys(("variance_names", "error_from_variances"), _variance_names),
    "rejected": lambda name, given: tuple(dict.fromkeys(names(name, given))),
    "pixel_scale": partial(number, above=0.0, unit="arcsec"),
    "pixel_scale_ratio": partial(number, above=0.0),
    "pixmap_stepsize": partial(whole, at_least=1),
    "noise_block": partial(whole, at_least=1, at_most=FARTHEST_BLOCK),
    "pixmap_tol": partial(number, above=0.0),
    "planes": _plane_names,
}
"""The function that checks and normalises each option."""

_OPTIONAL = {
    *("variance_names", "error_from_variances", "pixel_scale", "pixel_scale_ratio"),
    *("pixmap_stepsize", "flag_map"),
}
"""Options that are None by default, which needs no check."""


def _read_map(text: Any) -> Any:
    """Return the flag map of an attribute."""
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"The attribute flag_map must be JSON, got {text!r}: {error}"
        ) from error


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return bool(a == b)
