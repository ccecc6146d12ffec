"""One set of functions for all kinds of WCS: gwcs, astropy.wcs, and other objects of APE 14."""

from __future__ import annotations

import copy
import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xresample.arguments import shown
from xresample.errors import UnsupportedWCSError

from . import cylinder

Values = tuple[np.ndarray, ...]
Box = tuple[tuple[float, float], tuple[float, float]]

# The value is a tenth of the default tolerance of pixel maps. It is not smaller, because degrees
# in float64 resolve only slightly smaller steps.
_TOLERANCE = 1e-7
_MAX_ITERATIONS = 50

LATITUDES = (".dec", ".lat")
"""Ends of the physical types of latitudes."""


def low_level(wcs: Any) -> Any:
    """Return the low-level WCS of an object, which may be a high-level wrapper."""
    needed = ("pixel_n_dim", "world_n_dim", "pixel_to_world_values")
    if all(hasattr(wcs, name) for name in needed):
        return wcs
    found = getattr(wcs, "low_level_wcs", None)
    if found is None:
        raise UnsupportedWCSError(
            "A WCS must be a gwcs.WCS, an astropy.wcs.WCS or another WCS of APE 14, got "
            f"{shown(wcs)}"
        )
    return found


def is_gwcs(wcs: Any) -> bool:
    """Tell whether an object is a `gwcs.WCS`, without importing gwcs."""
    module = sys.modules.get("gwcs.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def is_fits(wcs: Any) -> bool:
    """Tell whether an object is an `astropy.wcs.WCS`."""
    module = sys.modules.get("astropy.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def without_degenerate_axes(wcs: Any) -> Any:
    """Return the celestial axes of a FITS WCS whose other axes have one pixel; else the WCS.

    Radio images have axes of frequency and polarization with one pixel each.

    Raises
    ------
    UnsupportedWCSError
        The other axes depend on the position on the sky.
    """
    if not (is_fits(wcs) and wcs.naxis > 2 and wcs.has_celestial):
        return wcs
    others = set(range(wcs.naxis)) - {wcs.wcs.lng, wcs.wcs.lat}
    if wcs.pixel_shape is not None and any(wcs.pixel_shape[axis] != 1 for axis in others):
        return wcs
    try:
        return wcs.celestial
    except Exception as error:  # wcslib raises errors of its own types.
        raise UnsupportedWCSError(
            f"The celestial axes of a WCS must not depend on its other axes, got {error}"
        ) from error


def axes_types(wcs: Any) -> tuple[str, ...]:
    """Return the type of each world axis, such as SPATIAL or SPECTRAL; empty if unknown."""
    if is_gwcs(wcs):
        types = getattr(wcs.output_frame, "axes_type", None)
        if types is not None:
            return (types,) if isinstance(types, str) else tuple(types)
    types = [_kind(name) for name in _physical_types(wcs)]
    for axis in _celestial_of_fits(wcs) or ():
        types[axis] = "SPATIAL"
    return tuple(types)


def _celestial_of_fits(wcs: Any) -> tuple[int, int] | None:
    """Return longitude and latitude of a FITS WCS on any sphere, such as the Sun; else None."""
    if not is_fits(wcs):
        return None
    try:
        longitude, latitude = int(wcs.wcs.lng), int(wcs.wcs.lat)
    except Exception as error:  # wcslib raises errors of its own types.
        raise UnsupportedWCSError(f"The FITS WCS is invalid: {str(error).strip()}") from error
    return None if min(longitude, latitude) < 0 else (longitude, latitude)


def _kind(physical: str) -> str:
    """Return the axis type for a physical type of the Virtual Observatory."""
    if physical.startswith("pos."):
        return "SPATIAL"
    if physical.startswith(("em.", "spect.")):
        return "SPECTRAL"
    return physical.upper() or "UNKNOWN"


def _physical_types(wcs: Any) -> tuple[str, ...]:
    """Return the physical types of the world axes; an unknown type is an empty string."""
    try:
        types: Sequence[str | None] = wcs.world_axis_physical_types
    except (AttributeError, NotImplementedError):
        types = [None] * wcs.world_n_dim
    return tuple(name or "" for name in types)


def celestial_axes(wcs: Any) -> tuple[int, int]:
    """Return the numbers of the world axes that are longitude and latitude.

    Raises
    ------
    UnsupportedWCSError
        The WCS does not have two celestial axes.
    """
    types = axes_types(low_level(wcs))
    found = [axis for axis, kind in enumerate(types) if kind == "SPATIAL"]
    if len(found) != 2:
        raise UnsupportedWCSError(
            f"The WCS must have 2 celestial axes, got {', '.join(types) or 'axes of unknown type'}"
        )
    low = low_level(wcs)
    if is_gwcs(low):
        return _celestial_of_gwcs(low.output_frame) or (found[0], found[1])
    if (axes := _celestial_of_fits(low)) is not None:
        return axes
    if _physical_types(low)[found[0]].endswith(LATITUDES):
        found.reverse()
    return found[0], found[1]


def _celestial_of_gwcs(frame: Any) -> tuple[int, int] | None:
    """Return longitude and latitude by the celestial frame of a gwcs; None without such a frame.

    The frame lists its axes as longitude and latitude; ``axes_order`` tells which axes of the
    transform they are.
    """
    from gwcs.coordinate_frames import CelestialFrame

    for part in getattr(frame, "frames", (frame,)):
        if isinstance(part, CelestialFrame):
            lon, lat = part.axes_order[:2]
            # Some frames list their axes as latitude and longitude, against the documentation.
            is_reversed = str(part.axis_physical_types[0]).endswith(LATITUDES)
            return (lat, lon) if is_reversed else (lon, lat)
    return None


def bounding_box(wcs: Any) -> Box | None:
    """Return the bounding box ``((x0, x1), (y0, y1))`` with its ends, or None."""
    wcs = low_level(wcs)
    limits: Any
    if is_gwcs(wcs):
        # The property of the gwcs itself would change the order of the box in place.
        try:
            limits = wcs.pipeline[0].transform.bounding_box
        except (AttributeError, NotImplementedError):
            return None
        if hasattr(limits, "bounding_box"):
            limits = limits.bounding_box(order="F")
    else:
        limits = getattr(wcs, "pixel_bounds", None)
    if limits is None or len(limits) != 2:
        return None
    x, y = (
        (-math.inf, math.inf) if side is None else tuple(sorted(float(_plain(v)) for v in side))
        for side in limits
    )
    return (x[0], x[1]), (y[0], y[1])


def forward(wcs: Any) -> Callable[..., Values]:
    """Return the function from pixels to world values.

    Raises
    ------
    UnsupportedWCSError
        The WCS does not have 2 pixel axes.
    """
    wcs = low_level(wcs)
    if wcs.pixel_n_dim != 2:
        raise UnsupportedWCSError(
            f"The WCS of an image must have 2 pixel axes, got {wcs.pixel_n_dim} "
            f"({', '.join(axes_types(wcs)) or 'of unknown type'}): slice or drop the others"
        )
    to_degrees = degrees_per_unit(wcs)
    if is_gwcs(wcs):
        call = _gwcs_call(usual_order(wcs), "__call__")
    elif is_fits(wcs):
        call = functools.partial(cylinder.pixel_to_world, wcs)
    else:
        call = wcs.pixel_to_world_values
    return lambda x, y: scaled(_floats(call(*_floats((x, y)))), to_degrees)


def backward(wcs: Any) -> Callable[..., Values]:
    """Return the function from world values to pixels."""
    wcs = low_level(wcs)
    from_degrees = tuple(1 / factor for factor in degrees_per_unit(wcs))
    if is_gwcs(wcs):
        call = _gwcs_call(usual_order(wcs), "invert")
    elif is_fits(wcs):
        call = functools.partial(_fits_backward, wcs)
    else:
        call = wcs.world_to_pixel_values
    return lambda *world: _floats(call(*scaled(_floats(world), from_degrees)))


def _fits_backward(wcs: Any, *world: np.ndarray) -> Any:
    """Return the pixel positions of an `astropy.wcs.WCS`; NaN where the iteration diverges."""
    from astropy.wcs import NoConvergence

    try:
        found = wcs.all_world2pix(*world, 0, tolerance=_TOLERANCE, maxiter=_MAX_ITERATIONS)
        return cylinder.into_image(wcs, found)
    except NoConvergence as error:
        found = np.array(error.best_solution, dtype=np.float64)
        for lost in (error.divergent, error.slow_conv):
            if lost is not None:
                found[lost] = np.nan
        shape = np.broadcast_shapes(*(np.shape(values) for values in world))
        return tuple(column.reshape(shape) for column in found.T)


def _gwcs_call(wcs: Any, method: str) -> Callable[..., Any]:
    """Return the model of one direction of a gwcs, which is built once, or else its method."""
    model = wcs.forward_transform
    if model is not None and method == "invert":
        # `wcs.backward_transform` would change the model, so the inverse is built here.
        try:
            model = model.inverse
        except NotImplementedError:
            model = None
    # The gwcs itself handles models with units, and inverts by iteration if there is no model.
    call = getattr(wcs, method) if model is None or model.uses_quantity else model

    def apply(*values: Any) -> Any:
        try:
            return call(*values, with_bounding_box=False)
        except (AttributeError, NotImplementedError) as error:
            if model is not None:
                raise
            raise UnsupportedWCSError(
                f"The output WCS has no inverse, and iteration does not find one ({error}): use a "
                "grid without distortion, for example from fit_wcs"
            ) from error

    return apply


def bounds_checks(wcs: Any) -> tuple[bool, bool]:
    """Return whether a FITS WCS checks pixels and directions, as `Wcsprm.bounds_check` sets it."""
    wcs.wcs.set()
    flags = wcs.wcs.cel.prj.bounds
    return bool(flags & 6), bool(flags & 1)


def copied(wcs: Any) -> Any:
    """Return a deep copy of a WCS; a copy by astropy loses the flags of `bounds_checks`."""
    copy_of = copy.deepcopy(wcs)
    if is_fits(wcs) and not all(checks := bounds_checks(wcs)):
        copy_of.wcs.bounds_check(*checks)
        copy_of.wcs.set()
    return copy_of


def usual_order(wcs: Any) -> Any:
    """Return a gwcs, or a copy if use would change the order of its bounding box."""
    box = getattr(wcs.pipeline[0].transform, "_user_bounding_box", None)
    if getattr(box, "order", "F") != "C":
        return wcs
    wcs = copy.deepcopy(wcs)
    wcs.bounding_box = bounding_box(wcs)
    return wcs


def _units(wcs: Any) -> tuple[Any, ...]:
    """Return the units of the world axes; an unknown unit is None."""
    from astropy.units import Unit

    try:
        names: Sequence[Any] = wcs.world_axis_units
    except (AttributeError, NotImplementedError, TypeError):
        names = [None] * wcs.world_n_dim
    return tuple(Unit(name) if name else None for name in names)


def degrees_per_unit(wcs: Any) -> tuple[float, ...]:
    """Return the factor of each world axis that gives degrees; 1 for axes that are not angles."""
    from astropy import units

    return tuple(
        unit.to(units.deg) if unit is not None and unit.is_equivalent(units.deg) else 1.0
        for unit in _units(wcs)
    )


def axes_between(wcs_from: Any, wcs_to: Any) -> tuple[int, ...]:
    """Return for each world axis of one WCS the axis of another that it is.

    Longitude belongs to longitude and latitude to latitude, whatever their order; the other axes
    keep their order.
    """
    count = low_level(wcs_from).world_n_dim
    try:
        here, there = celestial_axes(wcs_from), celestial_axes(wcs_to)
    except UnsupportedWCSError:
        return tuple(range(count))
    others = iter(axis for axis in range(count) if axis not in here)
    partners = dict(zip(there, here, strict=True))
    return tuple(partners[a] if a in partners else next(others) for a in range(count))


def between_units(
    wcs_from: Any, wcs_to: Any, axes: Sequence[int] | None = None
) -> tuple[float, ...]:
    """Return the factor of each world axis from the units of one WCS to those of another.

    Parameters
    ----------
    wcs_from, wcs_to : WCS
        The WCSs.
    axes : sequence of int, optional
        The axis of ``wcs_from`` for each axis of ``wcs_to``. Default: the axis with its number.
    """
    from astropy.units import UnitConversionError, deg

    factors = []
    before = _units(low_level(wcs_from))
    before = before if axes is None else tuple(before[axis] for axis in axes)
    pairs = zip(before, _units(low_level(wcs_to)), strict=True)
    for axis, (here, there) in enumerate(pairs):
        if here is None or there is None or here.is_equivalent(deg):
            factors.append(1.0)
            continue
        try:
            factors.append(float(here.to(there)))
        except UnitConversionError as error:
            raise UnsupportedWCSError(
                f"World axis {axis} must have compatible units in both WCSs, got {here} on input "
                f"and {there} on output"
            ) from error
    return tuple(factors)


def scaled(values: Values, factors: Sequence[float]) -> Values:
    """Return each array multiplied by its factor."""
    return tuple(v if f == 1 else v * f for v, f in zip(values, factors, strict=True))


def _floats(values: Any) -> Values:
    """Return plain float64 arrays, or scalars, without units."""
    return tuple(np.asarray(_plain(v), dtype=np.float64) for v in values)


def _plain(value: Any) -> Any:
    """Return the value of a Quantity; anything else is returned unchanged."""
    return getattr(value, "value", value)
