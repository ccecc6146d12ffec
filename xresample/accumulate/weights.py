"""Weights of the pixels of an exposure."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.datamodel import dq_flags
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import WEIGHT_TYPES, WEIGHT_VARIANCE, Options, WeightType
from xresample.errors import InvalidInputError, MissingVarianceWarning, warn


def effective_weight_type(options: Options, exposure: Exposure) -> WeightType:
    """Return the weight type of an exposure; None, with a warning, if its variance is missing."""
    variance = WEIGHT_VARIANCE.get(options.weight_type or "")
    if variance is None or variance in exposure.dataset:
        return options.weight_type
    warn(
        f"weight_type={options.weight_type!r} uses {variance}, which the exposure "
        f"{exposure.scalars['filename'] or '(no file name)'} does not have: all its pixels get "
        "weight 1",
        MissingVarianceWarning,
    )
    return None


def flag_map_of(exposure: Exposure, options: Options) -> Any:
    """Return the names of the flags: those of the options, else those that ``dq`` describes."""
    if options.flag_map is not None or "dq" not in exposure.dataset:
        return options.flag_map
    return dq_flags.flag_map_from_cf(exposure.dataset["dq"].attrs)


def weights_of(exposure: Exposure, options: Options) -> np.ndarray:
    """Return the weights of all pixels of an exposure, float32 ``(y, x)``."""
    everything = slice(None)
    variance = WEIGHT_VARIANCE.get(options.weight_type or "")
    dq = exposure.plane("dq", everything, everything)
    return weight_map(
        options.weight_type,
        exposure.shape,
        None if variance is None else exposure.plane(variance, everything, everything),
        exposure.time,
        None
        if dq is None
        else dq_flags.good_pixels(dq, options.good_bits, flag_map_of(exposure, options)),
    )


def uniform_weight(weight_type: str | None, exposure_time: float | None) -> float:
    """Return the weight, as float32 holds it, of pixels that no variance weighs.

    Raises
    ------
    InvalidInputError
        The weight is the exposure time, which is not finite.
    """
    if weight_type != "exptime":
        return 1.0
    if exposure_time is None or not np.isfinite(exposure_time):
        raise InvalidInputError(
            f'weight_type="exptime" needs a finite exposure time, got {exposure_time}'
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
        Variance that ``"ivm"`` or ``"ivm-sky"`` inverts. If it is None, all weights are 1, with
        a `MissingVarianceWarning`. The weight is 0 where the inverse is not finite.
    exposure_time : float or None
        Weight of ``"exptime"``, in seconds.
    good : ndarray of bool, or None
        Pixels that may be used; all others get weight 0.

    Raises
    ------
    InvalidInputError
        The weight type is unknown, or its input is missing or has the wrong shape.
    """
    if weight_type not in WEIGHT_TYPES:
        known = ", ".join(map(repr, WEIGHT_TYPES))
        raise InvalidInputError(f"weight_type must be one of {known}, got {weight_type!r}")
    if weight_type in WEIGHT_VARIANCE and variance is not None:
        weights = _inverse(variance, shape)
    else:
        weights = np.full(shape, uniform_weight(weight_type, exposure_time), np.float32)
        if weight_type in WEIGHT_VARIANCE:
            name = WEIGHT_VARIANCE[weight_type]
            message = f"weight_type={weight_type!r}, but {name} is missing: all weights are 1"
            warn(message, MissingVarianceWarning)
    if good is not None:
        if np.shape(good) != tuple(shape):
            raise InvalidInputError(f"dq must have the shape of data, {shape}, got {good.shape}")
        np.copyto(weights, 0.0, where=~good)
    return weights


def _inverse(variance: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the inverse of a variance as float32; 0 where it is not finite."""
    variance = np.asarray(variance)
    if variance.shape != tuple(shape):
        raise InvalidInputError(
            f"variance must have the shape of data, {shape}, got {variance.shape}"
        )
    if variance.dtype.itemsize < 4:
        # In half precision the inverse of a variance below 1.5e-5 overflows.
        variance = variance.astype(np.float32)
    weights = np.empty(shape, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(1.0, variance, out=weights, casting="same_kind")
    # The sum is finite if every weight is finite, so the slow test per weight is rarely needed.
    with np.errstate(invalid="ignore", over="ignore"):
        if not np.isfinite(weights.sum(dtype=np.float64)):
            weights[~np.isfinite(weights)] = 0.0
    return weights
