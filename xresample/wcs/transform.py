"""Queries on a WCS: its axes and shape, and the transform from pixels of one WCS to another.

A WCS is a `gwcs.WCS`, an `astropy.wcs.WCS`, or any object of APE 14. No function changes a WCS:
whatever has to be normalised first is normalised in a copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from xresample.errors import InvalidInputError, UnsupportedWCSError

from .adapters import (
    Values,
    axes_between,
    axes_types,
    backward,
    between_units,
    bounding_box,
    celestial_axes,
    forward,
    is_gwcs,
    low_level,
    scaled,
    usual_order,
    without_degenerate_axes,
)
from .frames import between_frames
from .handle import remembered
from .text import parse, to_text

__all__ = [
    "array_shape",
    "bounding_box",
    "celestial_axes",
    "check_axes",
    "is_imaging",
    "is_spectral",
    "is_tabulated",
    "largest_offset",
    "parse",
    "pixel_to_world",
    "range_inside",
    "to_text",
    "transform",
    "without_degenerate_axes",
    "world_to_pixel",
]

_COMPARED = 9
"""Number of rows and columns of pixels at which two WCSs are compared."""

Transform = Callable[[Any, Any], tuple[np.ndarray, np.ndarray]]


def is_spectral(wcs: Any) -> bool:
    """Tell whether a world axis has the type SPECTRAL."""
    return "SPECTRAL" in axes_types(low_level(wcs))


def is_imaging(wcs: Any) -> bool:
    """Tell whether all world axes are celestial."""
    return set(axes_types(low_level(wcs))) == {"SPATIAL"}


def check_axes(wcs: Any) -> None:
    """Raise an error unless the numbers of pixel axes and world axes fit an image or a spectrum.

    Raises
    ------
    UnsupportedWCSError
        The WCS does not have 2 pixel axes, and 2 celestial or 3 spectral world axes.
    """
    wcs = low_level(wcs)
    spectral = is_spectral(wcs)
    kind, needed = ("A spectral", 3) if spectral else ("An imaging", 2)
    if wcs.world_n_dim != needed:
        raise UnsupportedWCSError(
            f"{kind} WCS must have {needed} world axes, got {wcs.world_n_dim} "
            f"({', '.join(axes_types(wcs)) or 'of unknown type'})"
        )
    if wcs.pixel_n_dim != 2:
        raise UnsupportedWCSError(
            f"{kind} WCS must have 2 pixel axes, got {wcs.pixel_n_dim}: slice or drop the others"
        )


def array_shape(wcs: Any) -> tuple[int, int]:
    """Return the shape ``(ny, nx)`` of a WCS, or else the extent of its bounding box.

    Raises
    ------
    InvalidInputError
        The WCS has neither a shape nor a bounding box, or a side has no pixel.
    """
    wcs = low_level(wcs)
    shape = getattr(wcs, "array_shape", None)
    if shape is None:
        box = bounding_box(wcs)
        if box is None:
            raise InvalidInputError(
                "The WCS must have an array_shape or a bounding box, got neither: set "
                "wcs.array_shape = (ny, nx)"
            )
        if not np.isfinite([box[0][1], box[1][1]]).all():
            raise InvalidInputError(
                f"The bounding box must be finite, got {box}: set wcs.array_shape = (ny, nx)"
            )
        shape = tuple(math.floor(upper) + 1 for _, upper in reversed(box))
    if len(shape) != 2 or min(shape) < 1:
        raise InvalidInputError(
            f"The shape of the WCS must be 2 sizes of at least 1 pixel, got {tuple(shape)}"
        )
    return int(shape[0]), int(shape[1])


def range_inside(wcs: Any, x: range, y: range) -> tuple[range, range]:
    """Return the parts of two ranges of pixels whose centres lie inside the bounding box."""
    box = bounding_box(wcs)
    if box is None:
        return x, y
    return _clip(x, *box[0]), _clip(y, *box[1])


def pixel_to_world(wcs: Any, x: Any, y: Any) -> Values:
    """Return the world values of pixel positions, angles in degrees, without a bounding box."""
    return forward(wcs)(x, y)


def world_to_pixel(wcs: Any, *world: Any) -> Values:
    """Return the pixel positions, x first, of world values; angles are in degrees."""
    return backward(wcs)(*world)


def transform(wcs_from: Any, wcs_to: Any) -> Transform:
    """Return the function from pixels of one WCS to those of another.

    The first WCS is used forward, the second one backward. Directions are converted between
    different celestial frames, such as FK5 and ICRS, if both are known.

    Raises
    ------
    UnsupportedWCSError
        One WCS is spectral and the other is not, or an axis cannot be converted.
    """
    require_same_kind(wcs_from, wcs_to)
    ahead, back = world_between(wcs_from, wcs_to), backward_of(wcs_to)

    def apply(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        there = back(*ahead(x, y))
        return there[0], there[1]

    return apply


def world_between(wcs_from: Any, wcs_to: Any) -> Callable[[Any, Any], Values]:
    """Return the function from pixels of one WCS to the world values of another.

    Raises
    ------
    UnsupportedWCSError
        An axis cannot be converted.
    """
    ahead, rotate = forward(wcs_from), between_frames(wcs_from, wcs_to)
    factors = between_units(wcs_from, wcs_to, axes_between(wcs_from, wcs_to))
    return lambda x, y: scaled(rotate(ahead(x, y)), factors)


def largest_offset(wcs_from: Any, wcs_to: Any, x: range, y: range) -> float:
    """Return the maximum distance between pixels of one WCS and the same pixels of another.

    Parameters
    ----------
    wcs_from, wcs_to : WCS
        The WCSs; the second one needs an inverse.
    x, y : range
        Columns and rows; the borders and a few pixels between them are compared.

    Returns
    -------
    float
        Distance in pixels along an axis; infinite if pixels cannot be compared.
    """
    sides = (np.linspace(side.start - 0.5, side.stop - 0.5, _COMPARED) for side in (x, y))
    at_x, at_y = np.meshgrid(*sides)
    try:
        there = np.stack(transform(wcs_from, wcs_to)(at_x, at_y))
        here = np.stack(transform(wcs_to, wcs_to)(at_x, at_y))
    except (UnsupportedWCSError, NotImplementedError, ValueError):
        return math.inf
    # Off the sky, both are NaN; the WCS itself may be inexact, so both go there and back.
    known = np.isfinite(there) & np.isfinite(here)
    if not known.any() or (np.isfinite(there) != np.isfinite(here)).any():
        return math.inf
    return float(np.abs(there - here)[known].max())


def require_same_kind(wcs_from: Any, wcs_to: Any) -> None:
    """Raise an error unless two WCSs are both spectral or both imaging.

    Raises
    ------
    UnsupportedWCSError
        One WCS is spectral and the other is not.
    """
    kinds = ["spectral" if is_spectral(wcs) else "imaging" for wcs in (wcs_from, wcs_to)]
    if kinds[0] != kinds[1]:
        raise UnsupportedWCSError(
            f"Input and output WCS must both be imaging or both be spectral, got an input WCS that "
            f"is {kinds[0]} and an output WCS that is {kinds[1]}"
        )


def backward_of(wcs: Any) -> Callable[..., Values]:
    """Return the function from world values to pixels, made once for the grid of a mosaic."""
    # Inverting a model takes a fifth of the time that a pixel map takes.
    return remembered(wcs, backward)


def is_tabulated(wcs: Any) -> bool:
    """Tell whether a WCS contains a look-up table, whose kinks a coarse grid may miss."""
    wcs = low_level(wcs)
    if is_gwcs(wcs):
        model = usual_order(wcs).forward_transform
        leaves = model.traverse_postorder() if hasattr(model, "traverse_postorder") else (model,)
        return any(hasattr(leaf, "lookup_table") for leaf in leaves)
    tables = ("cpdis1", "cpdis2", "det2im1", "det2im2")
    return any(getattr(wcs, name, None) is not None for name in tables)


def _clip(indices: range, low: float, high: float) -> range:
    """Return the indices of a range from ``low`` to ``high``, both included."""
    start = indices.start if low == -math.inf else max(indices.start, math.ceil(low))
    stop = indices.stop if high == math.inf else min(indices.stop, math.floor(high) + 1)
    return range(start, max(start, stop))
