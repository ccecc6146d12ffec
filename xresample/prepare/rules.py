"""The parameters of outlier detection, and the presets of the pipelines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from xresample.arguments import choice, whole
from xresample.errors import InvalidInputError

from .blot import interpolation_code
from .combine import Combination

if TYPE_CHECKING:
    from xresample.kernels.blot import Interpolation
    from xresample.kernels.selection import Method

Preset: TypeAlias = Literal["astrodrizzle", "jwst", "romancal"]
Noise: TypeAlias = Literal["err", "median", "max"]
Blur: TypeAlias = Literal["gradient", "spread"]

Pair: TypeAlias = tuple[float, float] | str
"""Two numbers; pipelines write them as text, such as ``"5.0 4.0"``."""


SCALES = {"gradient": (1.2, 0.7), "spread": (3.0, 2.0)}
"""Default of ``scale`` for each blur."""


@dataclass(frozen=True)
class OutlierRules:
    """The parameters of `flag_outliers`, which explains them."""

    snr: Pair = (5.0, 4.0)
    scale: Pair | None = None
    backg: float | None = None
    maskpt: float | None = 0.7
    combine: Method = "median"
    nlow: int = 0
    nhigh: int = 0
    nsigma: float | Pair = 4.0
    lthresh: float | None = None
    hthresh: float | None = None
    interpolation: Interpolation = "linear"
    noise: Noise = "err"
    blur: Blur = "gradient"
    epochs: bool = False
    grow: int = 1
    resample_data: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the resampling."""

    def __post_init__(self) -> None:
        choice("noise", self.noise, get_args(Noise))
        choice("blur", self.blur, get_args(Blur))
        if self.scale is None:
            object.__setattr__(self, "scale", SCALES.get(self.blur))
        for name in ("snr", "scale"):
            object.__setattr__(self, name, _pair(name, getattr(self, name)))
        if self.backg is not None and not math.isfinite(self.backg):
            raise InvalidInputError(f"backg must be None or a finite number, got {self.backg!r}")
        if self.combination.two_limits and not self.resample_data:
            raise InvalidInputError(
                "nsigma must be one number for combine='minmed' with resample_data=False, got "
                f"{self.nsigma!r}"
            )
        object.__setattr__(self, "grow", whole("grow", self.grow, at_least=1))
        interpolation_code(self.interpolation)
        _ = self.combination

    @property
    def limits(self) -> float | tuple[float, float]:
        """The limits of the combination."""
        return _pair("nsigma", self.nsigma) if isinstance(self.nsigma, str) else self.nsigma

    @property
    def combination(self) -> Combination:
        """How the groups are combined to the image that predicts every exposure."""
        return Combination(
            self.combine,
            maskpt=self.maskpt,
            nlow=self.nlow,
            nhigh=self.nhigh,
            lthresh=self.lthresh,
            hthresh=self.hthresh,
            nsigma=self.limits,
        )

    @property
    def needs_err(self) -> bool:
        """Whether the stack needs ``err``."""
        return self.combination.needs_sigmas or self.noise != "err" or self.epochs

    @property
    def numbers(self) -> tuple[float, float, float, float]:
        """The numbers of the rule: two of ``snr``, two of ``scale``."""
        (a, b), (c, d) = _pair("snr", self.snr), _pair("scale", self.scale)
        return a, b, c, d


_PIPELINE = {
    "snr": "5.0 4.0",
    "scale": "1.2 0.7",
    "maskpt": 0.7,
    "combine": "median",
    "interpolation": "linear",
    "kernel": "square",
    "pixfrac": 1.0,
    "weight_type": "ivm",
    "fillval": "NAN",
}
"""Defaults that the pipelines of JWST and Roman share."""

PRESETS: dict[str, dict[str, Any]] = {
    "astrodrizzle": {
        "driz_sep_kernel": "turbo",
        "driz_sep_wt_scl": "exptime",
        "driz_sep_pixfrac": 1.0,
        "driz_sep_fillval": "NAN",
        "driz_sep_bits": 0,
        "combine_type": "minmed",
        "combine_maskpt": 0.3,
        "combine_nlow": 0,
        "combine_nhigh": 0,
        "combine_nsigma": "4 3",
        "combine_lthresh": None,
        "combine_hthresh": None,
        "blot_interp": "poly5",
        "driz_cr_snr": "3.5 3.0",
        "driz_cr_scale": "1.2 0.7",
        "driz_cr_grow": 1,
    },
    "jwst": {**_PIPELINE, "good_bits": "~DO_NOT_USE"},
    "romancal": {**_PIPELINE, "good_bits": "~DO_NOT_USE+NON_SCIENCE"},
}
"""The defaults of each pipeline, under the names of its parameters."""

ASTRODRIZZLE = {
    "driz_sep_kernel": "kernel",
    "driz_sep_wt_scl": "weight_type",
    "driz_sep_pixfrac": "pixfrac",
    "driz_sep_fillval": "fillval",
    "driz_sep_bits": "good_bits",
    "combine_type": "combine",
    "combine_maskpt": "maskpt",
    "combine_nlow": "nlow",
    "combine_nhigh": "nhigh",
    "combine_nsigma": "nsigma",
    "combine_lthresh": "lthresh",
    "combine_hthresh": "hthresh",
    "blot_interp": "interpolation",
    "driz_cr_snr": "snr",
    "driz_cr_scale": "scale",
    "driz_cr_grow": "grow",
}
"""Parameters of AstroDrizzle, and the names that they have here."""

PARAMETERS = (
    *(name for name in OutlierRules.__dataclass_fields__ if name != "options"),
    *ASTRODRIZZLE,
)
"""Names of all parameters, here and in AstroDrizzle."""

_VALUES = {
    "combine": {"imedian": "median", "imean": "mean", "minimum": "min"},
    "interpolation": {"lan3": "lanczos3", "lan5": "lanczos5"},
}
"""Values of AstroDrizzle that have another name here."""


def outlier_rules(preset: Preset | None, given: Mapping[str, Any]) -> OutlierRules:
    """Return the parameters: those that are given, those of the preset, the defaults.

    Parameters
    ----------
    preset : str or None
        The preset.
    given : mapping
        Parameters by name, also by the names of AstroDrizzle; other names are options of the
        resampling.

    Raises
    ------
    InvalidInputError
        The preset or a parameter is invalid.
    """
    choice("preset", preset, (*PRESETS, None))
    merged = _translated({} if preset is None else PRESETS[preset])
    own = _translated(given if preset == "astrodrizzle" else dict(given))
    if preset != "astrodrizzle" and (foreign := sorted(set(given) & set(ASTRODRIZZLE))):
        raise InvalidInputError(
            f"{', '.join(foreign)} are parameters of AstroDrizzle: pass preset='astrodrizzle'"
        )
    merged |= own
    fields = set(OutlierRules.__dataclass_fields__) - {"options"}
    options = {name: value for name, value in merged.items() if name not in fields}
    return OutlierRules(**{n: v for n, v in merged.items() if n in fields}, options=options)


def _translated(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters under the names and with the values of this package."""
    found = {}
    for name, value in parameters.items():
        ours = ASTRODRIZZLE.get(name, name)
        names = _VALUES.get(ours, {}) if name in ASTRODRIZZLE else {}
        found[ours] = names.get(value, value) if isinstance(value, str) else value
    return found


def _pair(name: str, value: Any) -> tuple[float, float]:
    """Return two numbers, which may be given as text."""
    try:
        numbers = [float(n) for n in (value.split() if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 2 or not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise InvalidInputError(
            f"{name} must be two numbers of at least 0, such as (5.0, 4.0) or '5.0 4.0', got "
            f"{value!r}"
        )
    return numbers[0], numbers[1]
