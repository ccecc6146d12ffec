"""Weights of the pixels of an exposure: which are good, and how much each one counts."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from xresample.errors import InvalidInputError, MissingVarianceWarning, warn

WEIGHT_TYPES = ("ivm", "ivm-sky", "exptime", None)

ALL_BITS = 0xFFFFFFFF
"""Data quality flags have 32 bits."""


class _FlagNames:
    """Flag names of any origin, as astropy looks them up."""

    def __init__(self, flag_map: Any) -> None:
        self._map = flag_map

    def _names(self) -> list[str]:
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
            names = ", ".join(self._names()) or "none: the flags of this exposure have no names"
            raise InvalidInputError(
                f"good_bits: unknown flag {name!r}; known flags: {names}"
            ) from None
        return operator.index(flag.value if isinstance(flag, Enum) else flag)


def flag_values(flag_map: Any) -> dict[str, int] | None:
    """Return the value of each flag by its name, from a map of any kind; None for none.

    Raises
    ------
    InvalidInputError
        If ``flag_map`` is no mapping, BitFlagNameMap or Enum class, or a value is no integer.
    """
    if flag_map is None:
        return None
    flags = _FlagNames(flag_map)
    try:
        if not isinstance(flag_map, Mapping | type):
            raise TypeError("it is no map")
        return {name: flags[name] for name in flags._names()}
    except TypeError as error:
        raise InvalidInputError(
            f"flag_map={flag_map!r}: must give an integer for each name ({error})"
        ) from error


def interpret_good_bits(good_bits: Any, flag_map: Any = None) -> int | None:
    """Return the bits of the flags that a good pixel may have; None when flags are ignored.

    Parameters
    ----------
    good_bits : int, str, sequence of int or None
        In the language of `astropy.nddata.bitmask`: a mask, a list of flags, a text such as
        ``"4,8"``, ``"4+8"``, ``"JUMP_DET, DROPOUT"``, or one of these after ``"~"``, which
        stands for all other flags. None and ``"~0"`` ignore the flags.
    flag_map : mapping, BitFlagNameMap, Enum class or None
        The value of each flag by its name.

    Raises
    ------
    InvalidInputError
        If ``good_bits`` is not in this language, or names a flag that is not known.
    """
    from astropy.nddata.bitmask import interpret_bit_flags

    try:
        bits = interpret_bit_flags(good_bits, flag_name_map=_FlagNames(flag_map))
    except InvalidInputError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"good_bits={good_bits!r} is not understood: {error}; give a number, a list of flags "
            'or a text such as "4,8" or "~DO_NOT_USE+NON_SCIENCE"'
        ) from error
    # All bits, whether written "~0" or as a number, is what None says.
    return None if bits is None or bits & ALL_BITS == ALL_BITS else int(bits)


def _unsigned(dq: np.ndarray) -> np.ndarray:
    """Return flags as unsigned integers of at most 32 bits; a negative number keeps its bits."""
    if dq.dtype.kind not in "iu":
        raise InvalidInputError(f"dq has type {dq.dtype}, but flags are integers")
    if dq.dtype.itemsize > 4:
        if dq.size and not (dq.min() >= 0 and dq.max() <= ALL_BITS):
            raise InvalidInputError(f"dq of type {dq.dtype} has flags beyond the 32 bits of uint32")
        return dq.astype(np.uint32)
    return dq.view(dq.dtype.str.replace("i", "u")) if dq.dtype.kind == "i" else dq


def bad_bits_of(good_bits: Any, flag_map: Any = None) -> int:
    """Return the bits that a good pixel may not have, as `interpret_good_bits` reads them."""
    bits = interpret_good_bits(good_bits, flag_map)
    return 0 if bits is None else ~bits & ALL_BITS


def good_pixels(dq: np.ndarray | None, good_bits: Any, flag_map: Any = None) -> np.ndarray | None:
    """Return where the flags allow a pixel to be used; None where they are not looked at.

    Parameters
    ----------
    dq : ndarray of int, or None
        Data quality flags.
    good_bits, flag_map
        See `interpret_good_bits`.

    Raises
    ------
    InvalidInputError
        If ``good_bits`` is not understood, or ``dq`` is not made of 32-bit flags.
    """
    if dq is None:
        return None
    bits = interpret_good_bits(good_bits, flag_map)
    if bits is None:
        return None
    flags = _unsigned(np.asarray(dq))
    bad_bits = ~bits & (2 ** (8 * flags.dtype.itemsize) - 1)
    if bad_bits != 2 ** (8 * flags.dtype.itemsize) - 1:
        flags = flags & flags.dtype.type(bad_bits)
    return np.equal(flags, 0)


def _inverse(variance: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the inverse of a variance as float32; 0 where it is not finite."""
    variance = np.asarray(variance)
    if variance.shape != tuple(shape):
        raise InvalidInputError(f"variance has shape {variance.shape}, the data has {shape}")
    if variance.dtype.itemsize < 4:
        # Half precision holds no inverse of a variance below 1.5e-5.
        variance = variance.astype(np.float32)
    weights = np.empty(shape, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(1.0, variance, out=weights, casting="same_kind")
    # One pass finds whether any is not finite: mostly there is none.
    with np.errstate(invalid="ignore", over="ignore"):
        if not np.isfinite(weights.sum(dtype=np.float64)):
            weights[~np.isfinite(weights)] = 0.0
    return weights


def uniform_weight(weight_type: str | None, exposure_time: float | None) -> float:
    """Return the weight that all pixels have where no variance weighs them, as float32 holds it.

    Raises
    ------
    InvalidInputError
        It is the exposure time, and that is not finite.
    """
    if weight_type != "exptime":
        return 1.0
    if exposure_time is None or not np.isfinite(exposure_time):
        raise InvalidInputError(
            f'weight_type="exptime" needs a finite exposure time, not {exposure_time}'
        )
    return float(np.float32(exposure_time))


def weight_map(
    weight_type: str | None,
    shape: tuple[int, int],
    variance: np.ndarray | None = None,
    exposure_time: float | None = None,
    good: np.ndarray | None = None,
) -> np.ndarray:
    """Return the weights of an exposure's pixels, float32 ``(y, x)``.

    Parameters
    ----------
    weight_type : {"ivm", "ivm-sky", "exptime", None}
        Inverse of a variance, the exposure time, or 1.
    shape : tuple of int
        Shape of the data.
    variance : ndarray or None
        Variance that ``"ivm"`` or ``"ivm-sky"`` inverts. Without it all weights are 1, with
        a `MissingVarianceWarning`. Where the inverse is not finite the weight is 0.
    exposure_time : float or None
        Weight of ``"exptime"``, in seconds.
    good : ndarray of bool, or None
        Where a pixel may be used; all others get weight 0.

    Raises
    ------
    InvalidInputError
        If the weight type is not one of these, or what it needs is not as it must be.
    """
    if weight_type not in WEIGHT_TYPES:
        raise InvalidInputError(f"weight_type={weight_type!r}: must be one of {WEIGHT_TYPES}")
    if weight_type in ("ivm", "ivm-sky") and variance is not None:
        weights = _inverse(variance, shape)
    else:
        weights = np.full(shape, uniform_weight(weight_type, exposure_time), np.float32)
        if weight_type in ("ivm", "ivm-sky"):
            name = "var_rnoise" if weight_type == "ivm" else "var_sky"
            message = f"weight_type={weight_type!r}, but there is no {name}: all weights are 1"
            warn(message, MissingVarianceWarning)
    if good is not None:
        if np.shape(good) != tuple(shape):
            raise InvalidInputError(f"dq has shape {np.shape(good)}, the data has {shape}")
        np.copyto(weights, 0.0, where=~good)
    return weights


def flag_map_from_cf(attrs: Mapping[Any, Any]) -> dict[str, int] | None:
    """Return the value of each flag by its name from CF ``flag_masks`` and ``flag_meanings``.

    Parameters
    ----------
    attrs : mapping
        Attributes of the variable with the flags.

    Returns
    -------
    dict or None
        None where either attribute is missing.

    Raises
    ------
    InvalidInputError
        If the two do not belong together.
    """
    masks, meanings = attrs.get("flag_masks"), attrs.get("flag_meanings")
    if masks is None or meanings is None:
        return None
    values = np.atleast_1d(masks)
    names = str(meanings).split()
    if values.dtype.kind not in "iu" or values.ndim > 1 or len(values) != len(names):
        raise InvalidInputError(
            f"flag_masks ({masks!r}) must be one integer for each name in flag_meanings "
            f"({meanings!r})"
        )
    # The highest bit of a signed type reads as a negative number.
    bits = (1 << min(8 * values.dtype.itemsize, 32)) - 1
    return {name: int(v) & bits if v < 0 else int(v) for name, v in zip(names, values, strict=True)}


def as_uint32(dq: np.ndarray) -> np.ndarray:
    """Return flags as the kernels read them: uint32, C order, their own bits.

    Raises
    ------
    InvalidInputError
        The flags are no integers, or have more than 32 bits.
    """
    return np.require(
        _unsigned(np.asarray(dq)).astype(np.uint32, copy=False), None, ["C", "A", "W"]
    )
