"""Checks of arguments: each returns the value in one form, or raises an error that names it."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InvalidInputError

if TYPE_CHECKING:
    import xarray as xr


def number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    at_most: float | None = None,
    unit: str | None = None,
) -> float:
    """Return a number of one argument.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        A number, a numpy scalar, an array without dimensions, or a Quantity.
    above, below : float, optional
        Limits, which the number must not equal.
    at_most : float, optional
        Upper limit that the number may equal, in place of ``below``.
    unit : str, optional
        Unit of the number. A Quantity is converted.

    Raises
    ------
    InvalidInputError
        The value is not such a number.

    Examples
    --------
    >>> number("pixfrac", 0.5, above=0, at_most=1)
    0.5
    """
    top = below if at_most is None else at_most
    found = _as_float(name, value, unit)
    inside = found is not None and above < found and (found < top or found == at_most)
    if found is None or not inside:
        anything = math.isinf(above) and math.isinf(top)
        limits = f"({above:g}, {top:g}{')' if at_most is None else ']'}"
        kind = "a finite number" if anything else f"a number in {limits}"
        raise InvalidInputError(f"{name} must be {kind}{_of(unit)}, got {shown(value)}")
    return found


def whole(name: str, value: Any, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return an integer of one argument; a float without a fraction counts as an integer.

    Examples
    --------
    >>> whole("margin", 2.0)
    2
    """
    found = _as_float(name, value, None)
    if (
        found is None
        or found != math.floor(found)
        or (at_least is not None and found < at_least)
        or (at_most is not None and found > at_most)
    ):
        low = f" of at least {at_least}" if at_least is not None else ""
        high = f" of at most {at_most}" if at_most is not None else ""
        joined = " and".join(filter(None, (low, high)))
        raise InvalidInputError(f"{name} must be an integer{joined}, got {shown(value)}")
    return int(found)


def flag(name: str, value: Any) -> bool:
    """Return True or False; 1 and 0 are accepted, too.

    Examples
    --------
    >>> flag("overwrite", 1)
    True
    """
    is_bool = isinstance(value, bool) or _kind(value) == "b"
    if not is_bool and not (_is_scalar(value) and value in (0, 1)):
        raise InvalidInputError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def choice(name: str, value: Any, allowed: Collection[Any]) -> Any:
    """Return one of a fixed set of values.

    Examples
    --------
    >>> choice("kernel", "sqare", ("square", "turbo"))
    Traceback (most recent call last):
        ...
    xresample.errors.InvalidInputError: kernel must be one of 'square', 'turbo', got 'sqare': did
    you mean 'square'?
    """
    for entry in allowed:
        same_type = isinstance(value, type(entry)) and not isinstance(value, bool)
        if (same_type or (isinstance(entry, int) and _is_scalar(value))) and value == entry:
            return entry
    known = ", ".join(map(repr, allowed))
    raise InvalidInputError(
        f"{name} must be one of {known}, got {shown(value)}{did_you_mean(value, allowed)}"
    )


def names(name: str, value: Any) -> tuple[str, ...]:
    """Return names, given as one text with spaces or as several texts.

    Examples
    --------
    >>> names("variance_names", "var_flat var_rnoise")
    ('var_flat', 'var_rnoise')
    """
    if isinstance(value, str):
        return tuple(value.split())
    entries = None if isinstance(value, Mapping | bytes) else _listed(value)
    if entries is None or not all(isinstance(entry, str) for entry in entries):
        raise InvalidInputError(f"{name} must be names, got {shown(value)}")
    return tuple(map(str, entries))


def known_names(
    kind: str, given: Iterable[Any], known: Collection[str], also: Collection[str] = ()
) -> None:
    """Raise an error for names that are not known.

    The error proposes names that are known, or that are known ``also`` but are not listed.

    Examples
    --------
    >>> known_names("options", ["kernal"], ["kernel", "pixfrac"])
    Traceback (most recent call last):
        ...
    xresample.errors.InvalidInputError: Unknown options: kernal (did you mean 'kernel'?). The
    options are kernel, pixfrac
    """
    if unknown := sorted(map(str, set(given) - {*known, *also})):
        every = (*known, *also)
        hints = [name + _in_parentheses(did_you_mean(name, every)) for name in unknown]
        raise InvalidInputError(
            f"Unknown {kind}: {', '.join(hints)}. The {kind} are {', '.join(known)}"
        )


def datasets(name: str, value: Any) -> Iterable[xr.Dataset]:
    """Return exposures as something to iterate over; the entries are not checked.

    The exposures of a tree are its nodes with the variable ``data``.

    Raises
    ------
    InvalidInputError
        The value cannot hold exposures. For the path of a file the error points to
        ``open_exposures``.
    """
    import xarray as xr

    if isinstance(value, xr.Dataset):
        return [value]
    if isinstance(value, xr.DataTree):
        return [node.to_dataset(inherit=False) for node in value.subtree if "data" in node]
    if isinstance(value, str | os.PathLike):
        raise InvalidInputError(
            f"{name} must be Datasets, got the path {os.fspath(value)!r}: open files with "
            "xresample.open_exposures(paths)"
        )
    if isinstance(value, Mapping | xr.DataArray | bytes) or not is_iterable(value):
        raise InvalidInputError(
            f"{name} must be a Dataset or an iterable of Datasets, got {shown(value)}"
        )
    return value if _has_length(value) else iter(value)


def path(name: str, value: Any) -> str:
    """Return the path of a file as text.

    Examples
    --------
    >>> path("path", "mosaic.fits")
    'mosaic.fits'
    """
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if isinstance(text, str) and text.strip() and "\0" not in text:
            return text
    raise InvalidInputError(f"{name} must be the path of a file, got {shown(value)}")


def array(name: str, value: Any) -> np.ndarray:
    """Return numbers as an array of numpy.

    Examples
    --------
    >>> array("dq", [[1, 2]]).shape
    (1, 2)
    """
    try:
        found = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{name} must be an array of numbers, got {shown(value)}: {error}"
        ) from error
    if found.dtype.kind not in "biuf":
        raise InvalidInputError(
            f"{name} must be an array of numbers, got {shown(value)} of type {found.dtype}"
        )
    return found


def mapping(name: str, value: Any) -> Mapping[Any, Any]:
    """Return a mapping.

    Examples
    --------
    >>> mapping("variances", {})
    {}
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} must be a mapping, got {shown(value)}")
    return value


def did_you_mean(value: Any, known: Iterable[Any]) -> str:
    """Return a question that proposes the known name that is most similar; empty if none is.

    Examples
    --------
    >>> did_you_mean("turbu", ["square", "turbo"])
    ": did you mean 'turbo'?"
    """
    if not isinstance(value, str):
        return ""
    by_lower = {entry.lower(): entry for entry in known if isinstance(entry, str)}
    close = get_close_matches(value.lower(), by_lower, 1)
    return f": did you mean {by_lower[close[0]]!r}?" if close else ""


def shown(value: Any) -> str:
    """Return a value as short text for an error message.

    Examples
    --------
    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
    """
    if getattr(value, "ndim", 0) or hasattr(value, "data_vars"):
        return f"an object of type {type(value).__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def is_iterable(value: Any) -> bool:
    """Tell whether a value has entries; an array without dimensions and a class have none."""
    if getattr(value, "ndim", 1) == 0 or isinstance(value, type):
        return False
    try:
        iter(value)
    except (TypeError, ValueError):
        return False
    return True


def _as_float(name: str, value: Any, unit: str | None) -> float | None:
    """Return a finite number as float, in a unit; None for anything else."""
    if hasattr(value, "to_value"):
        from astropy.units import UnitsError

        try:
            value = value.to_value(unit or "")
        except (UnitsError, TypeError, ValueError):
            wanted = f"in {unit}" if unit else "without units"
            raise InvalidInputError(f"{name} must be a number {wanted}, got {value!r}") from None
    if not _is_scalar(value):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _is_scalar(value: Any) -> bool:
    """Tell whether a value is one real number of Python or numpy, and neither bool nor text."""
    if kind := _kind(value):
        return kind in "iuf"
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """Return the kind of numpy type of a scalar or an array without dimensions; else no text."""
    if getattr(value, "shape", None) != () or type(value).__name__ == "MaskedConstant":
        return ""
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


def _listed(value: Any) -> list[Any] | None:
    """Return the entries of a collection without further dimensions; None for anything else."""
    if getattr(value, "ndim", 1) != 1 or not is_iterable(value):
        return None
    return list(value)


def _has_length(value: Any) -> bool:
    return hasattr(value, "__len__")


def _of(unit: str | None) -> str:
    return f" of {unit}" if unit else ""


def _in_parentheses(hint: str) -> str:
    return f" ({hint.removeprefix(': ')})" if hint else ""
