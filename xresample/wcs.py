"""What is asked of a world coordinate system: `gwcs`, `astropy.wcs.WCS`, or any of APE 14.

A WCS is only ever read. Where one has to be normalized first, that happens on a copy.
"""

from __future__ import annotations

import copy
import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import InvalidInputError, UnsupportedWCSError
from .wcs_text import from_text, parse, to_text

__all__ = [
    "array_shape",
    "bounding_box",
    "celestial_axes",
    "check_axes",
    "from_text",
    "is_spectral",
    "is_tabulated",
    "parse",
    "pixel_to_world",
    "range_inside",
    "to_text",
    "transform",
    "world_to_pixel",
]

Values = tuple[np.ndarray, ...]
Transform = Callable[[Any, Any], tuple[np.ndarray, np.ndarray]]
Box = tuple[tuple[float, float], tuple[float, float]]

# A tenth of the default tolerance of pixel maps; what degrees in float64 resolve is not far below.
_TOLERANCE = 1e-7
_MOST_ITERATIONS = 50


def is_spectral(wcs: Any) -> bool:
    """Return whether one of the world axes is of the type SPECTRAL."""
    return "SPECTRAL" in _axes_types(_low_level(wcs))


def check_axes(wcs: Any) -> None:
    """Raise unless there are 2 pixel axes, and as many world axes as the kind of WCS has.

    Raises
    ------
    UnsupportedWCSError
        The axes are not 2 of pixels and 2 of the sky, or 2 of pixels and 3 of a spectrum.
    """
    wcs = _low_level(wcs)
    spectral = is_spectral(wcs)
    kind, needed = ("A spectral", 3) if spectral else ("An imaging", 2)
    if wcs.world_n_dim != needed:
        raise UnsupportedWCSError(
            f"{kind} WCS needs {needed} world axes: {wcs.world_n_dim} were given "
            f"({', '.join(_axes_types(wcs)) or 'of no type'})"
        )
    if wcs.pixel_n_dim != 2:
        raise UnsupportedWCSError(
            f"{kind} WCS needs 2 pixel axes: {wcs.pixel_n_dim} were given; slice or drop the others"
        )


def array_shape(wcs: Any) -> tuple[int, int]:
    """Return ``(ny, nx)``: the shape that the WCS has, else that its bounding box reaches to.

    Raises
    ------
    InvalidInputError
        There is neither a shape nor a bounding box, or a side has no pixel.
    """
    wcs = _low_level(wcs)
    shape = getattr(wcs, "array_shape", None)
    if shape is None:
        box = bounding_box(wcs)
        if box is None:
            raise InvalidInputError(
                "The WCS has neither an array_shape nor a bounding box: set "
                "wcs.array_shape = (ny, nx)"
            )
        if not np.isfinite([box[0][1], box[1][1]]).all():
            raise InvalidInputError(f"The bounding box {box} has no end: set wcs.array_shape")
        shape = tuple(math.floor(upper) + 1 for _, upper in reversed(box))
    if len(shape) != 2 or min(shape) < 1:
        raise InvalidInputError(
            f"The shape of the WCS is {tuple(shape)}: needed are 2 sides of at least 1 pixel"
        )
    return int(shape[0]), int(shape[1])


def bounding_box(wcs: Any) -> Box | None:
    """Return ``((x0, x1), (y0, y1))`` where the WCS is defined, ends included, or None."""
    wcs = _low_level(wcs)
    limits: Any
    if _is_gwcs(wcs):
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


def range_inside(wcs: Any, x: range, y: range) -> tuple[range, range]:
    """Return the parts of two ranges of pixels whose centres lie inside the bounding box."""
    box = bounding_box(wcs)
    if box is None:
        return x, y
    return _clip(x, *box[0]), _clip(y, *box[1])


def pixel_to_world(wcs: Any, x: Any, y: Any) -> Values:
    """Return the world values of pixel positions, angles in degrees; no bounding box applies."""
    return _forward(wcs)(x, y)


def world_to_pixel(wcs: Any, *world: Any) -> Values:
    """Return the pixel positions, x first, of world values; angles are in degrees."""
    return _backward(wcs)(*world)


def transform(wcs_from: Any, wcs_to: Any) -> Transform:
    """Return the function from pixels of one WCS to those of another.

    The first WCS is used forward, the second one backward. Celestial frames that are known and
    differ, such as FK5 and ICRS, are converted.

    Raises
    ------
    UnsupportedWCSError
        One WCS is spectral and the other is not, or an axis cannot be converted.
    """
    if is_spectral(wcs_from) != is_spectral(wcs_to):
        kinds = ["spectral" if is_spectral(wcs) else "imaging" for wcs in (wcs_from, wcs_to)]
        raise UnsupportedWCSError(
            f"The input WCS is {kinds[0]} and the output WCS is {kinds[1]}: both must be of one kind"
        )
    forward, backward = _forward(wcs_from), _backward(wcs_to)
    rotate = _between_frames(wcs_from, wcs_to)
    factors = _between_units(wcs_from, wcs_to)

    def apply(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        world = _scaled(rotate(forward(x, y)), factors)
        there = backward(*world)
        return there[0], there[1]

    return apply


def celestial_axes(wcs: Any) -> tuple[int, int]:
    """Return which world axes are longitude and latitude.

    Raises
    ------
    UnsupportedWCSError
        There are not two axes on the sky.
    """
    types = _axes_types(_low_level(wcs))
    found = [axis for axis, kind in enumerate(types) if kind == "SPATIAL"]
    if len(found) != 2:
        raise UnsupportedWCSError(
            f"The WCS needs 2 axes on the sky: its axes are {', '.join(types) or 'of no type'}"
        )
    physical = _physical_types(_low_level(wcs))
    if physical[found[0]].endswith((".dec", ".lat")):
        found.reverse()
    return found[0], found[1]


def is_tabulated(wcs: Any) -> bool:
    """Return whether a look-up table takes part, which has kinks that samples may miss."""
    wcs = _low_level(wcs)
    if _is_gwcs(wcs):
        model = _usual_order(wcs).forward_transform
        leaves = model.traverse_postorder() if hasattr(model, "traverse_postorder") else (model,)
        return any(hasattr(leaf, "lookup_table") for leaf in leaves)
    tables = ("cpdis1", "cpdis2", "det2im1", "det2im2")
    return any(getattr(wcs, name, None) is not None for name in tables)


def _low_level(wcs: Any) -> Any:
    """Return the WCS itself, which may have come in a high-level wrapper."""
    for name in ("pixel_n_dim", "world_n_dim", "pixel_to_world_values"):
        if not hasattr(wcs, name):
            wcs = getattr(wcs, "low_level_wcs", None)
            break
    if wcs is None:
        raise UnsupportedWCSError("A WCS is needed that follows APE 14, such as gwcs or astropy.wcs")
    return wcs


def _is_gwcs(wcs: Any) -> bool:
    """Return whether an object is a gwcs, without importing gwcs for the question."""
    module = sys.modules.get("gwcs.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def _is_fits(wcs: Any) -> bool:
    """Return whether an object is an `astropy.wcs.WCS`."""
    module = sys.modules.get("astropy.wcs")
    return module is not None and isinstance(wcs, module.WCS)


def _axes_types(wcs: Any) -> tuple[str, ...]:
    """Return SPATIAL, SPECTRAL or another word for each world axis; empty where unknown."""
    if _is_gwcs(wcs):
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


def _forward(wcs: Any) -> Callable[..., Values]:
    """Return the function from pixels to world values."""
    wcs = _low_level(wcs)
    to_degrees = _degrees(wcs)
    if _is_gwcs(wcs):
        call = _gwcs_call(_usual_order(wcs), "forward_transform", "__call__")
    elif _is_fits(wcs):
        call = functools.partial(_fits_forward, wcs)
    else:
        call = wcs.pixel_to_world_values
    return lambda x, y: _scaled(_floats(call(*_floats((x, y)))), to_degrees)


def _backward(wcs: Any) -> Callable[..., Values]:
    """Return the function from world values to pixels."""
    wcs = _low_level(wcs)
    from_degrees = tuple(1 / factor for factor in _degrees(wcs))
    if _is_gwcs(wcs):
        call = _gwcs_call(_usual_order(wcs), "backward_transform", "invert")
    elif _is_fits(wcs):
        call = functools.partial(_fits_backward, wcs)
    else:
        call = wcs.world_to_pixel_values
    return lambda *world: _floats(call(*_scaled(_floats(world), from_degrees)))


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


def _gwcs_call(wcs: Any, model_name: str, method: str) -> Callable[..., Any]:
    """Return the model of one direction of a gwcs, put together once, or else its method."""
    try:
        model = getattr(wcs, model_name)
    except NotImplementedError:
        model = None
    # A model with units, or no model where the gwcs inverts by iteration, is its own affair.
    call = getattr(wcs, method) if model is None or model.uses_quantity else model
    return lambda *values: call(*values, with_bounding_box=False)


def _usual_order(wcs: Any) -> Any:
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


def _between_units(wcs_from: Any, wcs_to: Any) -> tuple[float, ...]:
    """Return by what each world axis of one WCS is multiplied to be in units of the other."""
    from astropy.units import UnitConversionError, deg

    factors = []
    pairs = zip(_units(_low_level(wcs_from)), _units(_low_level(wcs_to)), strict=True)
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


def _between_frames(wcs_from: Any, wcs_to: Any) -> Callable[[Values], Values]:
    """Return the function from world values of one celestial frame to those of another."""
    here, there = _celestial_frame(wcs_from), _celestial_frame(wcs_to)
    if here is None or there is None or here.is_equivalent_frame(there):
        return lambda world: world
    from astropy.coordinates import SkyCoord

    lon_from, lat_from = celestial_axes(wcs_from)
    lon_to, lat_to = celestial_axes(wcs_to)

    def rotate(world: Values) -> Values:
        sky = SkyCoord(world[lon_from], world[lat_from], unit="deg", frame=here).transform_to(there)
        turned = list(world)
        turned[lon_to], turned[lat_to] = sky.spherical.lon.deg, sky.spherical.lat.deg
        return tuple(turned)

    return rotate


def _celestial_frame(wcs: Any) -> Any:
    """Return the celestial frame of a WCS as astropy names it, None where it says none."""
    try:
        classes = _low_level(wcs).world_axis_object_classes
    except (AttributeError, NotImplementedError, ValueError):
        return None
    for _, _, options in (entry[:3] for entry in classes.values()):
        frame = options.get("frame")
        if hasattr(frame, "is_equivalent_frame"):
            return frame
    return None


def _scaled(values: Values, factors: Sequence[float]) -> Values:
    """Return each array times its factor."""
    return tuple(v if f == 1 else v * f for v, f in zip(values, factors, strict=True))


def _floats(values: Any) -> Values:
    """Return plain float64 arrays, or scalars, without units."""
    return tuple(np.asarray(_plain(v), dtype=np.float64) for v in values)


def _plain(value: Any) -> Any:
    """Return the number of a quantity, and anything else as it is."""
    return getattr(value, "value", value)


def _clip(indices: range, low: float, high: float) -> range:
    """Return the part of consecutive indices from ``low`` to ``high``, both included."""
    start = indices.start if low == -math.inf else max(indices.start, math.ceil(low))
    stop = indices.stop if high == math.inf else min(indices.stop, math.floor(high) + 1)
    return range(start, max(start, stop))
