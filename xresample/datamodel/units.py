"""Units as text: which spellings mean the same unit, and factors from one unit to another."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from xresample.arguments import shown
from xresample.errors import InvalidInputError, ignored_warnings

if TYPE_CHECKING:
    from astropy.units import UnitBase

_PLURALS = re.compile(r"\b(electron|photon|count|pixel)s\b", re.IGNORECASE)


def units_text(units: Any) -> str | None:
    """Return units as text; None if they are unknown.

    Raises
    ------
    InvalidInputError
        The units are neither text nor a Unit.

    Examples
    --------
    >>> import astropy.units as u
    >>> units_text(u.MJy / u.sr), units_text("DN/s"), units_text(None)
    ('MJy / sr', 'DN/s', None)
    """
    if units is None or isinstance(units, str):
        return units
    if not hasattr(units, "to_string") or hasattr(units, "unit"):
        raise InvalidInputError(f"units must be text or a Unit of astropy, got {shown(units)}")
    return str(units.to_string())


@functools.lru_cache(256)
def parsed(text: str) -> UnitBase | None:
    """Return the unit that a text means; None if astropy does not know it.

    Spellings of FITS files are known as well, such as ``ELECTRONS/S``.

    Examples
    --------
    >>> parsed("ELECTRONS/S") == parsed("electron s-1"), parsed("furlong")
    (True, None)
    """
    from astropy.units import Unit

    singular = _PLURALS.sub(r"\1", text)
    spellings = dict.fromkeys((text, singular, singular.lower() if text.isupper() else text))
    for spelling in spellings:
        for style in ("generic", "fits", "vounit"):
            try:
                # astropy warns about unusual spellings, which the user may not be able to change.
                with ignored_warnings():
                    return Unit(spelling, format=style)
            except (TypeError, ValueError):
                continue
    return None


def same_units(a: str, b: str) -> bool:
    """Tell whether two texts mean the same unit.

    Examples
    --------
    >>> same_units("MJy/sr", "MJy sr-1"), same_units("Jy", "mJy"), same_units("x", "x")
    (True, False, True)
    """
    if a == b:
        return True
    first, second = parsed(a), parsed(b)
    return first is not None and second is not None and bool(first == second)


def factor_between(units: Any, target: Any, power: int = 1) -> float | None:
    """Return the factor that converts numbers in units to a power of other units.

    Parameters
    ----------
    units : str or Unit
        Units of the numbers.
    target : str or Unit
        Units to convert to.
    power : int, optional
        Power of the target.

    Returns
    -------
    float or None
        None if the units cannot be converted.

    Examples
    --------
    >>> round(factor_between("kJy2", "Jy", 2))
    1000000
    """
    known = [parsed(text) for text in (units_text(units) or "", units_text(target) or "")]
    if known[0] is None or known[1] is None:
        return 1.0 if power == 1 and str(units) == str(target) else None
    try:
        return float(known[0].to(known[1] ** power))
    except (TypeError, ValueError):
        return None


@functools.lru_cache
def power_of(units: str | None, power: int) -> str | None:
    """Return the power of units as text that astropy can read; None when units are unknown.

    Units that astropy does not know are put in parentheses.

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
        # astropy warns about unusual spellings of units, which the user cannot change here.
        with ignored_warnings():
            return str((Unit(units) ** power).to_string())
    except (TypeError, ValueError):
        return f"({units})**{power}"


def weight_units(weight_type: str | None, units: str | None) -> str | None:
    """Return the units of weights; None when they are not known.

    Weights by inverse variance have the inverse squared units of the data.

    Examples
    --------
    >>> weight_units("ivm", "DN/s"), weight_units("exptime", "DN/s"), weight_units(None, None)
    ('s2 / DN2', 's', '1')
    """
    if weight_type in ("ivm", "ivm-sky"):
        return power_of(units, -2)
    return {"exptime": "s", None: "1"}.get(weight_type)
