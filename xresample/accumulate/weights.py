"""Weights of the pixels of an exposure."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.arguments import choice
from xresample.datamodel import dq_flags
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import (
    WEIGHT_PLANE,
    WEIGHT_TYPES,
    WEIGHT_VARIANCE,
    DType,
    Options,
    WeightType,
)
from xresample.errors import InvalidInputError, MissingVarianceWarning, warn
from xresample.kernels.structures import LARGEST, SMALLEST

from .ranges import require_inverse

_REMEDY = (
    "Weigh by weight_type='exptime' or None, or assign the variance, or weights of your own as "
    "weight_map for weight_type='map'"
)


def effective_weight_type(options: Options, exposure: Exposure) -> WeightType:
    """Return the weight type of an exposure; None, with a warning, if its variance is missing."""
    variance = WEIGHT_VARIANCE.get(options.weight_type or "")
    if variance is None or variance in exposure.dataset:
        return options.weight_type
    warn(
        f"weight_type={options.weight_type!r} uses {variance}, which the exposure "
        f"{exposure.scalars['filename'] or '(no file name)'} does not have: all its pixels get "
        f"weight 1. {_REMEDY}",
        MissingVarianceWarning,
    )
    return None


def flag_map_of(exposure: Exposure, options: Options) -> Any:
    """Return the names of the flags: those of the options, else those that ``dq`` describes."""
    if options.flag_map is not None:
        return options.flag_map
    return dq_flags.flag_map_from_cf(exposure.dq_attrs)


def accepted_by(exposure: Exposure) -> int:
    """Return the flags of an exposure that never exclude a pixel, as a mask."""
    return dq_flags.accepted_flags(exposure.dq_attrs)


def bad_bits_for(exposure: Exposure, options: Options) -> int:
    """Return the flags that exclude a pixel of an exposure, as a mask."""
    if "dq" not in exposure.dataset:
        return 0
    bad = dq_flags.bad_bits_of(options.good_bits, flag_map_of(exposure, options))
    return bad & ~accepted_by(exposure)


def weights_of(exposure: Exposure, options: Options) -> np.ndarray:
    """Return the weights of all pixels of an exposure, ``(y, x)``.

    They are float32, or float64 for inverse variances on planes of float64, and ignore the data.
    """
    name = WEIGHT_PLANE.get(options.weight_type or "")
    plane = None if name is None else exposure.plane(name)
    dq, good = exposure.plane("dq"), None
    if dq is not None:
        good = dq_flags.good_pixels(
            dq, options.good_bits, flag_map_of(exposure, options), accepted_by(exposure)
        )
    if name in WEIGHT_VARIANCE.values() and plane is not None:
        require_inverse(str(name), plane, good, options.dtype)
    return weight_map(
        options.weight_type, exposure.shape, plane, exposure.time, good, options.dtype
    )


def deposited_weights(exposure: Exposure, options: Options) -> np.ndarray:
    """Return the weights of all pixels, ``(y, x)``; they are 0 where the data do not contribute."""
    weights = weights_of(exposure, options)
    data = exposure.plane("data")
    if data is not None:
        np.copyto(weights, 0.0, where=~(np.abs(data) <= np.finfo(options.dtype).max))
    return weights


def uniform_weight(weight_type: str | None, exposure_time: float | None) -> float:
    """Return the weight, as float32 holds it, of pixels that no variance weighs.

    Raises
    ------
    InvalidInputError
        The weight is the exposure time, which is not a positive number that float32 holds.
    """
    if weight_type != "exptime":
        return 1.0
    if exposure_time is None or not 0 < exposure_time <= LARGEST:
        raise InvalidInputError(
            f'weight_type="exptime" needs a positive and finite exposure time, got {exposure_time}'
        )
    return float(np.float32(exposure_time))


def weight_map(
    weight_type: str | None,
    shape: tuple[int, int],
    variance: np.ndarray | None = None,
    exposure_time: float | None = None,
    good: np.ndarray | None = None,
    dtype: DType = "float32",
) -> np.ndarray:
    """Return the weights of an exposure's pixels, ``(y, x)``.

    Parameters
    ----------
    weight_type : {"ivm", "ivm-sky", "exptime", "map", None}
        Inverse of a variance, the exposure time, given weights, or 1.
    shape : tuple of int
        Shape of the data.
    variance : ndarray or None
        Variance that ``"ivm"`` or ``"ivm-sky"`` inverts. If it is None, all weights are 1, with
        a `MissingVarianceWarning`. For ``"map"`` the weights themselves. The weight is 0 where
        the variance, its inverse or the given weight is not positive and finite.
    exposure_time : float or None
        Weight of ``"exptime"``, in seconds.
    good : ndarray of bool, or None
        Pixels that may be used; all others get weight 0.
    dtype : {"float32", "float64"}
        Type of inverse variances. float64 holds those of small and large units; the others are
        rounded to float32.

    Raises
    ------
    InvalidInputError
        The weight type is unknown, or its input is missing or has the wrong shape.
    """
    choice("weight_type", weight_type, WEIGHT_TYPES)
    if weight_type == "map" and variance is not None:
        weights = _given(variance, shape, dtype)
    elif weight_type in WEIGHT_VARIANCE and variance is not None:
        weights = _inverse(variance, shape, dtype)
    else:
        weights = np.full(shape, uniform_weight(weight_type, exposure_time), np.float32)
        if weight_type in WEIGHT_VARIANCE:
            name = WEIGHT_VARIANCE[weight_type]
            message = (
                f"weight_type={weight_type!r}, but {name} is missing: all weights are 1. {_REMEDY}"
            )
            warn(message, MissingVarianceWarning)
    if good is not None:
        if np.shape(good) != tuple(shape):
            raise InvalidInputError(f"dq must have the shape of data, {shape}, got {good.shape}")
        np.copyto(weights, 0.0, where=~good)
    return weights


def _given(given: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """Return given weights; 0 where they are not positive and finite."""
    if np.shape(given) != tuple(shape):
        raise InvalidInputError(
            f"weight_map must have the shape of data, {shape}, got {np.shape(given)}"
        )
    return usable_weights(np.asarray(given), dtype)


def _inverse(variance: np.ndarray, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """Return the inverse of a variance; 0 where it is not positive and finite."""
    variance = np.asarray(variance)
    if variance.shape != tuple(shape):
        raise InvalidInputError(
            f"variance must have the shape of data, {shape}, got {variance.shape}"
        )
    if variance.dtype.itemsize < 4:
        # In half precision the inverse of a variance below 1.5e-5 overflows.
        variance = variance.astype(np.float32)
    if dtype == "float64":
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return usable_weights(1.0 / variance.astype(np.float64), dtype)
    weights = np.empty(shape, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(1.0, variance, out=weights, casting="same_kind")
    return _without_bad(weights)


def usable_weights(weights: np.ndarray, dtype: DType) -> np.ndarray:
    """Return new weights in a type, 0 where they are not positive and finite.

    float64 weights are rounded to float32 wherever float32 holds them, as the kernels do.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        rounded = weights.astype(np.float32)
    if dtype == "float32":
        return _without_bad(rounded)
    sizes = np.abs(rounded)
    fits = (sizes >= SMALLEST) & (sizes <= LARGEST)
    return _without_bad(np.where(fits, rounded, weights).astype(np.float64, copy=False))


def _without_bad(weights: np.ndarray) -> np.ndarray:
    """Set weights to 0 where they are not positive and finite, and return them."""
    # A NaN makes both extremes NaN, so the slow test per weight is rarely needed.
    with np.errstate(invalid="ignore"):
        if not (weights.min(initial=0.0) >= 0.0 and weights.max(initial=0.0) < np.inf):
            weights[~((weights > 0.0) & (weights < np.inf))] = 0.0
    return weights
