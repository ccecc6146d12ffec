"""Data quality flags: the language of ``good_bits``, names of flags, flags as 32-bit integers."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from xresample.errors import InvalidInputError

ALL_BITS = 0xFFFFFFFF
"""Mask of all 32 bits of a data quality flag."""

ACCEPTED = "accepted_flags"
"""Attribute of ``dq``: flags that never exclude a pixel, such as the flag of filled pixels."""


class _FlagNames:
    """Names of flags from any kind of map, with the lookup that astropy calls."""

    def __init__(self, flag_map: Any) -> None:
        self._map = flag_map

    def names(self) -> list[str]:
        """Return all names."""
        if isinstance(self._map, type):
            members = self._map.__members__ if issubclass(self._map, Enum) else dir(self._map)
            return [name for name in members if not name.startswith("_")]
        return [str(name) for name in self._map or ()]

    def __getitem__(self, name: str) -> int:
        """Return the value of a flag."""
        try:
            flag = self._map[name]
        except (KeyError, AttributeError, TypeError):
            known = ", ".join(self.names()) or "none, because the flags have no names"
            raise InvalidInputError(
                f"good_bits must name known flags only, got {name!r}; known flags: {known}"
            ) from None
        return operator.index(flag.value if isinstance(flag, Enum) else flag)


def flag_values(flag_map: Any) -> dict[str, int] | None:
    """Return the value of each flag by its name, from a map of any kind; None for None.

    Raises
    ------
    InvalidInputError
        ``flag_map`` is not a mapping, BitFlagNameMap or Enum class, or a value is not an integer.
    """
    if flag_map is None:
        return None
    flags = _FlagNames(flag_map)
    try:
        if not isinstance(flag_map, Mapping | type):
            raise TypeError(f"a {type(flag_map).__name__} is not a mapping or a class")
        return {name: flags[name] for name in flags.names()}
    except TypeError as error:
        raise InvalidInputError(
            f"flag_map must map names of flags to integers, got {flag_map!r}: {error}"
        ) from error


def interpret_good_bits(good_bits: Any, flag_map: Any = None) -> int | None:
    """Return the flags that a good pixel may have as a mask; None when flags are ignored.

    Parameters
    ----------
    good_bits : int, str, sequence of int or None
        In the language of `astropy.nddata.bitmask`: a mask, a list of flags, or a string such as
        ``"4,8"``, ``"4+8"`` or ``"JUMP_DET, DROPOUT"``; a leading ``"~"`` stands for all other
        flags. None and ``"~0"`` ignore the flags.
    flag_map : mapping, BitFlagNameMap, Enum class or None
        The value of each flag by its name.

    Raises
    ------
    InvalidInputError
        ``good_bits`` is not in this language, or names an unknown flag.
    """
    from astropy.nddata.bitmask import interpret_bit_flags

    try:
        bits = interpret_bit_flags(good_bits, flag_name_map=_FlagNames(flag_map))
    except InvalidInputError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"good_bits must be a number, a list of flags or a string such as '4,8' or "
            f"'~DO_NOT_USE+NON_SCIENCE', got {good_bits!r}: {error}"
        ) from error
    # "~0" and a number with all bits set mean the same as None.
    return None if bits is None or bits & ALL_BITS == ALL_BITS else int(bits)


def _unsigned(dq: np.ndarray) -> np.ndarray:
    """Return flags as unsigned integers of at most 32 bits; a negative number keeps its bits."""
    if dq.dtype.kind not in "iu":
        raise InvalidInputError(f"dq must hold integers, got type {dq.dtype}")
    if dq.dtype.itemsize > 4:
        if dq.size and not (dq.min() >= 0 and dq.max() <= ALL_BITS):
            raise InvalidInputError(
                f"dq must hold flags of 32 bits (uint32), got values from {dq.min()} to "
                f"{dq.max()} of type {dq.dtype}"
            )
        return dq.astype(np.uint32)
    return dq.view(dq.dtype.str.replace("i", "u")) if dq.dtype.kind == "i" else dq


def integer_flags(dq: np.ndarray) -> np.ndarray:
    """Return flags that xarray made real numbers as uint32; NaN, which marks no pixel, as 0.

    Raises
    ------
    InvalidInputError
        A value is not a flag: it has a fraction, is negative, or has more than 32 bits.

    Examples
    --------
    >>> integer_flags(np.array([0.0, 5.0, np.nan]))
    array([0, 5, 0], dtype=uint32)
    """
    known = np.where(np.isnan(dq), 0.0, dq)
    if np.any((known != np.floor(known)) | (known < 0) | (known > ALL_BITS)):
        raise InvalidInputError("dq must hold flags of 32 bits, got other numbers")
    return known.astype(np.uint32)


def bad_bits_of(good_bits: Any, flag_map: Any = None) -> int:
    """Return the flags that a good pixel must not have, as a mask."""
    bits = interpret_good_bits(good_bits, flag_map)
    return 0 if bits is None else ~bits & ALL_BITS


def accepted_flags(attrs: Mapping[Any, Any]) -> int:
    """Return the flags, as a mask, that never exclude a pixel, from the attributes of ``dq``."""
    return int(attrs.get(ACCEPTED, 0)) & ALL_BITS


def good_pixels(
    dq: np.ndarray | None, good_bits: Any, flag_map: Any = None, accepted: int = 0
) -> np.ndarray | None:
    """Return the pixels that the flags allow, as bool; None when flags are ignored.

    Parameters
    ----------
    dq : ndarray of int, or None
        Data quality flags.
    good_bits, flag_map
        See `interpret_good_bits`.
    accepted : int, optional
        Flags that a good pixel may have in any case.

    Raises
    ------
    InvalidInputError
        ``good_bits`` is not understood, or ``dq`` does not hold 32-bit flags.
    """
    if dq is None:
        return None
    bits = interpret_good_bits(good_bits, flag_map)
    if bits is None:
        return None
    flags = _unsigned(np.asarray(dq))
    bad_bits = ~(bits | accepted) & (2 ** (8 * flags.dtype.itemsize) - 1)
    if bad_bits != 2 ** (8 * flags.dtype.itemsize) - 1:
        flags = flags & flags.dtype.type(bad_bits)
    return np.equal(flags, 0)


def flag_map_from_cf(attrs: Mapping[Any, Any]) -> dict[str, int] | None:
    """Return the value of each flag by its name from CF ``flag_masks`` and ``flag_meanings``.

    Parameters
    ----------
    attrs : mapping
        Attributes of the variable that holds the flags.

    Returns
    -------
    dict or None
        None if either attribute is missing.

    Raises
    ------
    InvalidInputError
        The two attributes do not match.
    """
    masks, meanings = attrs.get("flag_masks"), attrs.get("flag_meanings")
    if masks is None or meanings is None:
        return None
    values = np.atleast_1d(masks)
    names = str(meanings).split()
    if values.dtype.kind not in "iu" or values.ndim > 1 or len(values) != len(names):
        raise InvalidInputError(
            f"flag_masks must hold one integer per name in flag_meanings ({meanings!r}), "
            f"got {masks!r}"
        )
    # The highest bit of a signed type reads as a negative number.
    bits = (1 << min(8 * values.dtype.itemsize, 32)) - 1
    return {name: int(v) & bits if v < 0 else int(v) for name, v in zip(names, values, strict=True)}


def flag_map_to_cf(flags: Mapping[str, int]) -> dict[str, Any]:
    """Return the attributes that describe flags, from which `flag_map_from_cf` reads them."""
    masks = np.array(list(flags.values()), np.uint32)
    return {"flag_masks": masks, "flag_meanings": " ".join(flags)}


def as_uint32(dq: np.ndarray) -> np.ndarray:
    """Return flags as the kernels read them: uint32 in C order, bits unchanged.

    Raises
    ------
    InvalidInputError
        The flags are not integers, or have more than 32 bits.
    """
    return np.require(
        _unsigned(np.asarray(dq)).astype(np.uint32, copy=False), None, ["C", "A", "W"]
    )
