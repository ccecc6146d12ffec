"""The map between the pixels of two WCSs as a program, if the WCSs are of common kinds.

A gwcs of polynomials, linear models, rotations and tangent planes, and a FITS WCS with the
projection TAN, with or without SIP, become expressions. The program is compared with the WCSs
themselves before it is used, so a mistake here costs time, but changes no result.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .adapters import (
    axes_between,
    between_units,
    bounding_box,
    bounds_checks,
    celestial_axes,
    degrees_per_unit,
    is_fits,
    is_gwcs,
    low_level,
    usual_order,
)
from .expressions import (
    EXTENDED,
    Expression,
    Linear,
    UntranslatableError,
    angles_of,
    combined,
    direction_of,
    from_tangent_plane,
    number,
    onto_tangent_plane,
    pixel,
    polynomial,
    scaled,
    to_celestial,
)
from .frames import celestial_frame, rotate, same_frame
from .models import Expressions, apply_model
from .program import Program
from .transform import backward_of, world_between

COMPARED = 9
"""Number of rows and columns of pixels at which a program is compared with the WCSs."""

TOLERANCE = 1e-9
"""Maximum difference in pixels, beside the rounding of the angles between the two WCSs."""

ROUNDING = 4 * 360 * float(np.finfo(np.float64).eps)
"""Rounding, in degrees, of angles that astropy computes: a few units in the last place."""

FINEST = 1e-14
"""Rounding of positions, relative to the position."""

_STEP = 1e-5
"""Step in degrees over which a derivative is taken."""


def translated(wcs_from: Any, wcs_to: Any, x: range, y: range) -> Program | None:
    """Return the program from pixels of one WCS to pixels of another, or None.

    Parameters
    ----------
    wcs_from, wcs_to : WCS
        The WCS of the exposure, used forward, and the WCS of the mosaic, used backward.
    x, y : range
        Pixels to compare, if the first WCS has neither a shape nor a bounding box.

    Returns
    -------
    Program or None
        None if a WCS is of another kind, or if the program differs from the WCSs.
    """
    try:
        world = _forward(low_level(wcs_from), pixel())
        world = _between(wcs_from, wcs_to, world)
        there = _backward(low_level(wcs_to), world)
        program = Program.of(number(there[0]), number(there[1]))
        # The check uses pixels of the whole image, so that a cutout gets the same program.
        sides = _image(low_level(wcs_from)) or (x, y)
        return program if _is_right(program, wcs_from, wcs_to, *sides) else None
    except (UntranslatableError, NotImplementedError, UnsupportedWCSError):
        # The WCSs themselves raise an error that users understand, or work.
        return None


def _forward(wcs: Any, position: Expressions) -> list[Expression]:
    """Return the world values of a position, angles in degrees."""
    if is_gwcs(wcs):
        values = apply_model(_without_units(usual_order(wcs).forward_transform), position)
    else:
        values = _fits_forward(wcs, position)
    return [scaled(v, EXTENDED(f)) for v, f in zip(values, degrees_per_unit(wcs), strict=True)]


def _backward(wcs: Any, world: Expressions) -> Expressions:
    """Return the position of world values, angles in degrees."""
    world = [scaled(v, 1 / EXTENDED(f)) for v, f in zip(world, degrees_per_unit(wcs), strict=True)]
    if is_gwcs(wcs):
        return apply_model(_without_units(usual_order(wcs).forward_transform).inverse, world)
    return _fits_backward(wcs, world)


def _without_units(model: Any) -> Any:
    if model is None or model.uses_quantity:
        raise UntranslatableError("a gwcs with units, or without a model")
    return model


def _between(wcs_from: Any, wcs_to: Any, world: Expressions) -> list[Expression]:
    """Return world values of one WCS in the axes, the frame and the units of another."""
    axes = axes_between(wcs_from, wcs_to)
    moved = [world[axis] for axis in axes]
    here, there = celestial_frame(wcs_from), celestial_frame(wcs_to)
    if not same_frame(here, there):
        lon, lat = celestial_axes(wcs_to)
        direction = direction_of(moved[lon], moved[lat]).rotated(_rotation(here, there))
        moved[lon], moved[lat] = angles_of(direction)
    factors = between_units(wcs_from, wcs_to, axes)
    return [scaled(value, factor) for value, factor in zip(moved, factors, strict=True)]


def _rotation(here: Any, there: Any) -> np.ndarray:
    """Return the matrix that rotates directions from one celestial frame to another."""
    axes = np.array([0.0, 90.0, 0.0]), np.array([0.0, 0.0, 90.0])
    lon, lat = np.deg2rad(rotate(*axes, here, there))
    matrix = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-14:
        raise UntranslatableError("frames that differ by more than a rotation, such as FK4")
    return matrix


def _require_tan(wcs: Any) -> Any:
    """Return the parameters of a FITS WCS of two axes with the projection TAN.

    Raises
    ------
    UntranslatableError
        The WCS is of another kind, or has a distortion other than SIP.
    """
    if not is_fits(wcs) or wcs.naxis != 2:
        raise UntranslatableError("a WCS that is neither a gwcs nor one of FITS with two axes")
    tables = wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2
    wcs.wcs.set()
    prm, kinds = wcs.wcs, {name[5:] for name in wcs.wcs.ctype}
    is_tan = kinds in ({"TAN"}, {"TAN-SIP"}) and prm.lng >= 0 and not prm.cel.offset
    if any(table is not None for table in tables) or not is_tan or not bounds_checks(wcs)[1]:
        raise UntranslatableError("a WCS of FITS other than TAN with SIP")
    return prm


def _linear_terms(wcs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix from pixels to the tangent plane, longitude first, and the zero point.

    The zero point is the reference pixel, counted from 0.
    """
    prm = wcs.wcs
    matrix = prm.get_pc().astype(EXTENDED) * prm.get_cdelt()[:, np.newaxis]
    return matrix[[prm.lng, prm.lat]], np.asarray(prm.crpix, EXTENDED) - 1


def _celestial(prm: Any) -> np.ndarray:
    """Return the matrix from the native to the celestial sphere of a FITS WCS."""
    lon, colatitude, lon_pole = prm.cel.euler[:3]
    return to_celestial(lon, 90 - colatitude, lon_pole)


def _fits_forward(wcs: Any, position: Expressions) -> list[Expression]:
    prm = _require_tan(wcs)
    if wcs.sip is not None:
        zero = np.asarray(wcs.sip.crpix, EXTENDED) - 1
        u, v = (combined((1.0,), (p,), -z) for p, z in zip(position, zero, strict=True))
        tables = [np.zeros((1, 1)) if t is None else t for t in (wcs.sip.a, wcs.sip.b)]
        position = [
            combined((1.0, 1.0), (place, polynomial(table, u, v)))
            for place, table in zip(position, tables, strict=True)
        ]
    matrix, zero = _linear_terms(wcs)
    plane = (combined(row, position, -(row @ zero)) for row in matrix)
    angles = angles_of(from_tangent_plane(*plane).rotated(_celestial(prm)))
    return [angles[0], angles[1]] if prm.lng == 0 else [angles[1], angles[0]]


def _fits_backward(wcs: Any, world: Expressions) -> list[Linear]:
    prm = _require_tan(wcs)
    if wcs.sip is not None:
        raise UntranslatableError("a distortion, which only iteration inverts")
    native = direction_of(world[prm.lng], world[prm.lat]).rotated(_celestial(prm).T)
    (a, b), (c, d) = (matrix := _linear_terms(wcs))[0]
    determinant = a * d - b * c
    inverse = np.array([[d, -b], [-c, a]]) / determinant
    return [
        combined(row, onto_tangent_plane(native), zero)
        for row, zero in zip(inverse, matrix[1], strict=True)
    ]


def _image(wcs: Any) -> tuple[range, range] | None:
    """Return the columns and rows of the image of a WCS; None if the WCS does not tell."""
    box = bounding_box(wcs)
    if box is not None and np.isfinite(box).all():
        x, y = (range(math.ceil(low), math.floor(high) + 1) for low, high in box)
    elif getattr(wcs, "array_shape", None) is not None:
        y, x = map(range, wcs.array_shape)
    else:
        return None
    return (x, y) if len(x) and len(y) else None


def _is_right(program: Program, wcs_from: Any, wcs_to: Any, x: range, y: range) -> bool:
    """Tell whether a program agrees with the WCSs at some pixels, to the rounding of angles."""
    columns, rows = _spread(x), _spread(y)
    found = np.moveaxis(program.at(rows, columns), -1, 0)
    world = world_between(wcs_from, wcs_to)(*np.meshgrid(columns, rows))
    # One call of the slow model also gives the positions of directions beside the others.
    beside = np.repeat(np.array(world)[:, np.newaxis], 3, axis=1)
    for step, axis in enumerate(celestial_axes(wcs_to), start=1):
        beside[axis, step] += _STEP
    there, *moved = np.moveaxis(np.array(backward_of(wcs_to)(*beside))[:2], 1, 0)
    known = np.isfinite(there)
    if not known.any() or (known != np.isfinite(found)).any():
        return False
    # Rounding moves a direction to any side, so the fastest pixel axis counts for both.
    per_degree = np.max([np.abs(place - there) for place in moved], axis=(0, 1)) / _STEP
    allowed = TOLERANCE + ROUNDING * per_degree + FINEST * np.abs(there)
    return bool((np.abs(found - there) <= allowed)[known].all())


def _spread(side: range) -> range:
    """Return at most about `COMPARED` evenly spread pixels of a range."""
    return side[:: max((len(side) - 1) // (COMPARED - 1), 1)]
