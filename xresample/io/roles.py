"""Roles of images that are not exposures: errors, variances, weights, flags, and auxiliary maps."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from xresample.datamodel.schema import WEIGHT_MAP

from .contents import Role
from .extensions import DQ
from .fits_file import FitsFile
from .fits_hdus import Hdu, value_in
from .lazy_arrays import ComputedPlane, LazyPlane, inverse, measured

NAMES: dict[Role, tuple[str, ...]] = {
    "err": ("ERR", "ERROR", "SIGMA", "SIG", "RMS", "STD", "UNC", "UNCERT"),
    "variance": ("VAR", "VARIANCE"),
    "weight": ("IVM", "IVAR", "INVVAR", "WEIGHT", "WGT"),
    "dq": ("DQ", "MASK", "MSK", "FLAGS", "FLAG", "FLG", "BPM"),
}
"""Extensions that have a role. ``WHT`` has none, because its weights can be of any kind."""

ROLES: dict[str, Role] = {name: role for role, names in NAMES.items() for name in names}

COADD_WEIGHT = "WHT"
"""Extension with the weights of a co-added image, where 0 means that a pixel has no data."""

AUXILIARY = frozenset(
    (*ROLES, COADD_WEIGHT, "CON", "CTX", "AREA", "SAMP", "TIME", "EXP", "COV", "CVZ", "BKG")
)
"""Extensions that are not exposures, even with a celestial WCS."""

UTYPES: dict[str, Role] = {
    "StdDevUncertainty": "err",
    "VarianceUncertainty": "variance",
    "InverseVariance": "weight",
}
"""Roles by the keyword UTYPE, which `astropy.nddata.CCDData` writes."""

_FILE_NAME = re.compile(
    r"[._-](unc|msk|mask|wht|wgt|weights?|rms|ivm|ivar|invvar|var|variance|err|error|sigma|bpm|"
    r"flags?|flg|dq|cov|cvz)\.(fits|fit|fts)(\.(fz|gz|bz2|xz|zip))?$",
    re.IGNORECASE,
)
"""End of the name of a file with an auxiliary image, such as ``a_unc.fits``, ``a.weight.fits``.

Suffixes that are also common in names of images, such as ``_exp`` and ``_std``, are left out.
"""

_FLAG_KEYWORD = "MP_"
"""First letters of the keywords that hold the bit number of each flag, as in files of LSST."""

_FLAG_BITS = 32


def role_of(hdu: Hdu) -> Role | None:
    """Return the role of an HDU by its name or UTYPE; None if it has none."""
    role = ROLES.get(_last_part(hdu.name))
    return None if role is None else _declared(hdu, role)


def is_auxiliary(hdu: Hdu) -> bool:
    """Tell whether an HDU is not an exposure, according to its name."""
    name = _last_part(hdu.name)
    return name in AUXILIARY or name.startswith("VAR_")


def auxiliary_suffix(path: str) -> str | None:
    """Return the end of a file name that says that the image is auxiliary, or else None.

    Examples
    --------
    >>> auxiliary_suffix("SPITZER_I1_unc.fits"), auxiliary_suffix("SPITZER_I1_bcd.fits")
    ('unc', None)
    """
    found = _FILE_NAME.search(os.path.basename(path))
    return None if found is None else found[1].lower()


def name_in(base: str, image: Hdu) -> str:
    """Return the name of the extension that belongs to an image.

    Names such as ``A.SCI``, ``A.RMS`` and ``A.FLG`` belong together, as in files of Euclid.
    """
    prefix, dot, _ = image.name.rpartition(".")
    return f"{prefix}{dot}{base}"


def planes_in_role(role: Role, file: FitsFile, hdu: Hdu) -> dict[str, LazyPlane]:
    """Return an image as the plane that a role determines.

    Errors, variances and weights are converted if the keyword UTYPE says that the image holds
    another of these three.
    """
    if role == "dq":
        return {DQ: file.flag_plane(hdu)}
    if role == "weight_map":
        return {WEIGHT_MAP: file.image_plane(hdu)}
    plane: LazyPlane = file.image_plane(hdu)
    convert = _CONVERSIONS[_declared(hdu, role), role]
    converted = plane if convert is None else ComputedPlane(convert, (plane,))
    return {"err" if role == "err" else "var_rnoise": converted}


def where_weighted(data: LazyPlane, file: FitsFile, weight: Hdu) -> LazyPlane:
    """Return data that are NaN where the weight is 0, because such a pixel was not measured."""
    return ComputedPlane(measured, (data, file.image_plane(weight)))


def named_flags(header: Any) -> dict[str, int] | None:
    """Return the flags that keywords MP_* name, as in masks of LSST; None if there are none."""
    names = [name for name in map(str, header) if name.startswith(_FLAG_KEYWORD)]
    bits = {name: value_in(header, name) for name in names}
    flags = {
        name.removeprefix(_FLAG_KEYWORD): 1 << bit
        for name, bit in bits.items()
        if isinstance(bit, int) and 0 <= bit < _FLAG_BITS
    }
    return flags or None


def _declared(hdu: Hdu, role: Role) -> Role:
    """Return the role in the keyword UTYPE of an uncertainty, or else the given role."""
    declared = str(value_in(hdu.header, "UTYPE", "")).strip()
    return role if role == "dq" else UTYPES.get(declared, role)


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _root_of_inverse(weight: np.ndarray) -> np.ndarray:
    """Return the standard deviation for an inverse variance; NaN if it is not positive."""
    return np.sqrt(inverse(weight))


_CONVERSIONS: dict[tuple[Role, Role], Callable[[np.ndarray], np.ndarray] | None] = {
    ("err", "err"): None,
    ("variance", "err"): np.sqrt,
    ("weight", "err"): _root_of_inverse,
    ("err", "variance"): np.square,
    ("variance", "variance"): None,
    ("weight", "variance"): inverse,
    ("err", "weight"): np.square,
    ("variance", "weight"): None,
    ("weight", "weight"): inverse,
}
"""Function from the values of an image to the plane of the role: an error, or a variance."""
