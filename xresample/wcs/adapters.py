"""World coordinate systems of all kinds under one set of functions."""

from __future__ import annotations

import copy
import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

Values = tuple[np.ndarray, ...]
Box = tuple[tuple[float, float], tuple[float, float]]

# A tenth of the default tolerance of pixel maps; what degrees in float64 resolve is not far below.
_TOLERANCE = 1e-7
_MOST_ITERATIONS = 50


def low_level(wcs: Any) -> Any:
    """Return the WCS itself, which may have come in a high-level wrapper."""
    for name in ("pixel_n_dim", "world_n_dim", "pixel_to_world_values"):
        if not hasattr(wcs, name):
            wcs = getattr(wcs, "low_level_wcs", None)
            break
    if wcs is None:
        raise UnsupportedWCSError("A WCS of APE 14 is needed, such as one of gwcs or astropy.wcs")
    return wcs


def is_gwcs(wcs: Any) -> bool:
    """Return whether an object is a gwcs, without importing gwcs for the question."""
    module = sys.modules.get("gwcs.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def is_fits(wcs: Any) -> bool:
    """Return whether an object is an `astropy.wcs.WCS`."""
    module = sys.modules.get("astropy.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def axes_types(wcs: Any) -> tuple[str, ...]:
    """Return SPATIAL, SPECTRAL or another word for each world axis; empty where unknown."""
    if is_gwcs(wcs):
        types = getattr(wcs.output_frame, "axes_type", None)
        if types is not None:
            return (types,) if isinstance(types, str) else tuple(types)
    return tuple(_kind(name) for name in _physical_types(wcs))


def _kind(physical: str) -> str:
    """Return the axis type of a physical type of the Virtual Observatory."""
    if physical.startswith("pos."):
        return "SPATIAL"
    if physical.startswith(("em.", "spect.")):
        return "SPECTRAL"
    return physical.upper() or "UNKNOWN"


def _physical_types(wcs: Any) -> tuple[str, ...]:
    """Return the physical types of the world axes, empty words where unknown."""
    try:
        types: Sequence[str | None] = wcs.world_axis_physical_types
    except (AttributeError, NotImplementedError):
        types = [None] * wcs.world_n_dim
    return tuple(name or "" for name in types)


def celestial_axes(wcs: Any) -> tuple[int, int]:
    """Return which world axes are longitude and latitude.

    Raises
    ------
    UnsupportedWCSError
        There are not two axes on the sky.
    """
    types = axes_types(low_level(wcs))
    found = [axis for axis, kind in enumerate(types) if kind == "SPATIAL"]
    if len(found) != 2:
        raise UnsupportedWCSError(
            f"The WCS needs 2 axes on the sky: its axes are {', '.join(types) or 'of no type'}"
        )
    physical = _physical_types(low_level(wcs))
    if physical[found[0]].endswith((".dec", ".lat")):
        found.reverse()
    return found[0], found[1]


def bounding_box(wcs: Any) -> Box | None:
    """Return ``((x0, x1), (y0, y1))`` where the WCS is defined, ends included, or None."""
    wcs = low_level(wcs)
    limits: Any
    if is_gwcs(wcs):
        # Asking the gwcs itself would convert a box of the other order in place.
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
    """Return the function from pixels to world values."""
    wcs = low_level(wcs)
    to_degrees = _degrees(wcs)
    if is_gwcs(wcs):
        call = _gwcs_call(usual_order(wcs), "__call__")
    elif is_fits(wcs):
        call = functools.partial(_fits_forward, wcs)
    else:
        call = wcs.pixel_to_world_values
    return lambda x, y: scaled(_floats(call(*_floats((x, y)))), to_degrees)


def backward(wcs: Any) -> Callable[..., Values]:
    """Return the function from world values to pixels."""
    wcs = low_level(wcs)
    from_degrees = tuple(1 / factor for factor in _degrees(wcs))
    if is_gwcs(wcs):
        call = _gwcs_call(usual_order(wcs), "invert")
    elif is_fits(wcs):
        call = functools.partial(_fits_backward, wcs)
    else:
        call = wcs.world_to_pixel_values
    return lambda *world: _floats(call(*scaled(_floats(world), from_degrees)))


def _fits_forward(wcs: Any, x: np.ndarray, y: np.ndarray) -> Any:
    """Return the world values of an `astropy.wcs.WCS` with its full distortion."""
    return wcs.all_pix2world(x, y, 0)


def _fits_backward(wcs: Any, *world: np.ndarray) -> Any:
    """Return the pixel positions of an `astropy.wcs.WCS`; NaN where no iteration finds them."""
    from astropy.wcs import NoConvergence

    try:
        return wcs.all_world2pix(*world, 0, tolerance=_TOLERANCE, maxiter=_MOST_ITERATIONS)
    except NoConvergence as error:
        found = np.array(error.best_solution, dtype=np.float64)
        for lost in (error.divergent, error.slow_conv):
            if lost is not None:
                found[lost] = np.nan
        shape = np.broadcast_shapes(*(np.shape(values) for values in world))
        return tuple(column.reshape(shape) for column in found.T)


def _gwcs_call(wcs: Any, method: str) -> Callable[..., Any]:
    """Return the model of one direction of a gwcs, put together once, or else its method."""
    model = wcs.forward_transform
    if model is not None and method == "invert":
        # Not `wcs.backward_transform`, which writes into the model.
        try:
            model = model.inverse
        except NotImplementedError:
            model = None
    # A model with units, or no model where the gwcs inverts by iteration, is its own affair.
    call = getattr(wcs, method) if model is None or model.uses_quantity else model

    def apply(*values: Any) -> Any:
        try:
            return call(*values, with_bounding_box=False)
        except (AttributeError, NotImplementedError) as error:
            if model is not None:
                raise
            raise UnsupportedWCSError(
                f"The output WCS has no inverse, and none is found by iteration ({error}): "
                "take a grid without distortion, such as that of fit_wcs"
            ) from error

    return apply


def usual_order(wcs: Any) -> Any:
    """Return a gwcs, or a copy where using it would turn the order of its bounding box around."""
    box = getattr(wcs.pipeline[0].transform, "_user_bounding_box", None)
    if getattr(box, "order", "F") != "C":
        return wcs
    wcs = copy.deepcopy(wcs)
    wcs.bounding_box = bounding_box(wcs)
    return wcs


def _units(wcs: Any) -> tuple[Any, ...]:
    """Return the units of the world axes, None where unknown."""
    from astropy.units import Unit

    try:
        names: Sequence[Any] = wcs.world_axis_units
    except (AttributeError, NotImplementedError, TypeError):
        names = [None] * wcs.world_n_dim
    return tuple(Unit(name) if name else None for name in names)


def _degrees(wcs: Any) -> tuple[float, ...]:
    """Return by what each world axis is multiplied to be in degrees; 1 if it is no angle."""
    from astropy import units

    return tuple(
        unit.to(units.deg) if unit is not None and unit.is_equivalent(units.deg) else 1.0
        for unit in _units(wcs)
    )


def between_units(wcs_from: Any, wcs_to: Any) -> tuple[float, ...]:
    """Return by what each world axis of one WCS is multiplied to be in units of the other."""
    from astropy.units import UnitConversionError, deg

    factors = []
    pairs = zip(_units(low_level(wcs_from)), _units(low_level(wcs_to)), strict=True)
    for axis, (here, there) in enumerate(pairs):
        if here is None or there is None or here.is_equivalent(deg):
            factors.append(1.0)
            continue
        try:
            factors.append(float(here.to(there)))
        except UnitConversionError as error:
            raise UnsupportedWCSError(
                f"World axis {axis} is in {here} on input and in {there} on output: "
                "both must be of one kind"
            ) from error
    return tuple(factors)


def scaled(values: Values, factors: Sequence[float]) -> Values:
    """Return each array times its factor."""
    return tuple(v if f == 1 else v * f for v, f in zip(values, factors, strict=True))


def _floats(values: Any) -> Values:
    """Return plain float64 arrays, or scalars, without units."""
    return tuple(np.asarray(_plain(v), dtype=np.float64) for v in values)


def _plain(value: Any) -> Any:
    """Return the number of a quantity, and anything else as it is."""
    return getattr(value, "value", value)
