"""Checks of the arguments of `Drizzle.add_image`; nothing has been changed when they fail."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from xresample import arguments
from xresample.accumulate.deposit import Active
from xresample.errors import InvalidInputError
from xresample.kernels.structures import KERNELS, Kernel

from . import outputs
from .add import Image, Spread

NOT_GIVEN: Any = object()
"""Default of arguments that drizzle has deprecated."""

UNITS = ("counts", "cps")

SMALLEST_PIXFRAC = 0.001
"""Smaller pixels count as points."""

NOT_CONSERVING = ("gaussian", "lanczos2", "lanczos3")


def deprecated(message: str) -> None:
    """Warn about a deprecated argument at the line that calls the public function."""
    warnings.warn(message, DeprecationWarning, stacklevel=3)


def positive(name: str, value: Any) -> float:
    """Return a positive, finite number."""
    return arguments.number(name, value, above=0.0)


def kernel_of(kernel: Any) -> Kernel:
    """Return the name of a kernel in lower case.

    Raises
    ------
    InvalidInputError
        The kernel is unknown.
    """
    name = kernel.lower() if isinstance(kernel, str) else kernel
    for known in KERNELS:
        if name == known:
            return known
    raise InvalidInputError(f"Kernel '{kernel}' is not supported.")


def spread(kernel: Kernel, pixfrac: Any, ratio: Any) -> Spread:
    """Return how the flux of a pixel is spread, with the warnings of drizzle.

    Parameters
    ----------
    kernel : str
        Name of the kernel.
    pixfrac : float
        Pixel fraction. If it is at most 0.001, the kernel is "point".
    ratio : float or None
        Pixel scale ratio.
    """
    pixfrac = arguments.number("pixfrac", pixfrac)
    if ratio is not None:
        ratio = positive("pixel_scale_ratio", ratio)
    if kernel in NOT_CONSERVING:
        warnings.warn(f"Kernel '{kernel}' is not a flux-conserving kernel.", Warning, stacklevel=4)
    if pixfrac <= SMALLEST_PIXFRAC:
        warnings.warn(
            "Kernel reset to 'point' due to input 'pixfrac' being too small.",
            Warning,
            stacklevel=4,
        )
        return Spread("point")
    return Spread(kernel, pixfrac, ratio)


def box(shape: tuple[int, int], xmin: Any, xmax: Any, ymin: Any, ymax: Any) -> Active:
    """Return first and past-the-last row and column of the pixels inside a box.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image.
    xmin, xmax, ymin, ymax : float or None
        Limits, which are included. None, and 0 for a maximum, set no limit.

    Raises
    ------
    InvalidInputError
        The box contains no pixel.

    Examples
    --------
    >>> box((20, 30), 2.5, 7, None, 0)
    (0, 20, 3, 8)
    """
    sides = []
    for axis, size, low, high in (("y", shape[0], ymin, ymax), ("x", shape[1], xmin, xmax)):
        first, stop = 0, size
        if low is not None:
            first = max(0, math.ceil(arguments.number(f"{axis}min", low)))
        if high is not None and (limit := arguments.number(f"{axis}max", high)) != 0:
            stop = min(size, math.floor(limit) + 1)
        if first >= stop:
            raise InvalidInputError(
                f"{axis}max must be > {axis}min, and some pixel must lie between them: got "
                f"{axis}min={low} and {axis}max={high} for {size} pixels"
            )
        sides += [first, stop]
    return sides[0], sides[1], sides[2], sides[3]


def pixel_map(pixmap: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return a pixel map in the memory order that the engine reads.

    Raises
    ------
    InvalidInputError
        The map does not have the shape of the image, or holds no real numbers.
    """
    found = arguments.array("pixmap", pixmap)
    if found.shape[:2] != shape:
        raise InvalidInputError("'pixmap' shape is not consistent with 'data' shape.")
    if found.shape != (*shape, 2):
        raise InvalidInputError(f"'pixmap' must have the shape {(*shape, 2)}, got {found.shape}")
    return np.require(found, np.float64, ["C", "A", "W"])


def data2_of(data2: Any, shape: tuple[int, ...]) -> tuple[np.ndarray | None, ...] | None:
    """Return the variances of an image; None for a missing one.

    Raises
    ------
    InvalidInputError
        A variance does not have the shape of the data.
    """
    if data2 is None:
        return None
    if isinstance(data2, np.ndarray):
        if data2.shape != shape:
            raise InvalidInputError("'data2' shape is not consistent with 'data' shape.")
        return (arguments.array("data2", data2),)
    found: list[np.ndarray | None] = []
    for entry in outputs.as_list(data2):
        plane = None if entry is None else arguments.array("data2", entry)
        if plane is not None and plane.size and plane.shape != shape:
            raise InvalidInputError("'data2' shape(s) is not consistent with 'data' shape.")
        found.append(plane if plane is not None and plane.size else None)
    return tuple(found)


def image(
    data: Any,
    pixmap: Any,
    active: tuple[Any, Any, Any, Any],
    weight_map: Any,
    data2: tuple[np.ndarray | None, ...] | None,
    dq: Any,
    intensity: float,
    weight_scale: float,
) -> Image:
    """Return the arrays of an image, checked.

    Parameters
    ----------
    data, pixmap, weight_map, dq : array_like
        As in `Drizzle.add_image`.
    active : tuple
        The limits xmin, xmax, ymin, ymax.
    data2 : tuple of ndarray, optional
        Result of `data2_of`.
    intensity, weight_scale : float
        Factors of the data and the weights.
    """
    array = arguments.array("data", data)
    if array.ndim != 2 or min(array.shape) < 1:
        raise InvalidInputError(f"'data' must be an image, got the shape {array.shape}")
    mapped = pixel_map(pixmap, array.shape)
    inside = box((array.shape[0], array.shape[1]), *active)
    weights = None
    if weight_map is not None:
        weights = arguments.array("weight_map", weight_map)
        if weights.shape != array.shape:
            raise InvalidInputError("'weight_map' shape is not consistent with 'data' shape.")
    bits = None
    if dq is not None:
        bits = outputs.flags("dq", dq)
        if bits.shape != array.shape:
            raise InvalidInputError("'dq' shape is not consistent with 'data' shape.")
    # Without any variance the images of the variances stay as they are.
    variances = data2 if data2 is not None and any(v is not None for v in data2) else ()
    return Image(array, mapped, inside, weights, variances, bits, intensity, weight_scale)
