"""Models of astropy and gwcs, followed with expressions in place of numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .expressions import (
    EXTENDED,
    Direction,
    Expression,
    UntranslatableError,
    angles_of,
    combined,
    constant,
    direction_of,
    from_tangent_plane,
    number,
    onto_tangent_plane,
    polynomial,
    quotient,
    rotation,
    scaled,
    to_celestial,
    unit_vector,
)

Expressions: TypeAlias = Sequence[Expression]
Rule: TypeAlias = Callable[[Any, Expressions], Expressions]

MAX_POWERS = 16
"""Maximum number of powers per variable; higher sums of Chebyshev polynomials lose digits."""


def apply_model(model: Any, values: Expressions) -> Expressions:
    """Return the outputs of a model for given inputs.

    Raises
    ------
    UntranslatableError
        The model contains a model without a rule.
    """
    from astropy.modeling import CompoundModel

    if isinstance(model, CompoundModel):
        return _apply_compound(model, values)
    # A subclass may compute something else, so only the classes themselves have rules.
    rule = _rules().get(type(model))
    if rule is None or len(model) != 1:
        raise UntranslatableError(f"the model {type(model).__name__}")
    return rule(model, values)


def _apply_compound(model: Any, values: Expressions) -> Expressions:
    left, right = model.left, model.right
    if model.op == "|":
        return apply_model(right, apply_model(left, values))
    if model.op == "&":
        inputs = left.n_inputs
        return [*apply_model(left, values[:inputs]), *apply_model(right, values[inputs:])]
    if model.op not in ("+", "-", "/"):
        raise UntranslatableError(f"the operator {model.op}")
    pairs = zip(apply_model(left, values), apply_model(right, values), strict=True)
    if model.op == "/":
        return [quotient(a, b) for a, b in pairs]
    sign = 1.0 if model.op == "+" else -1.0
    return [combined((1.0, sign), pair) for pair in pairs]


@functools.cache
def _rules() -> dict[type, Rule]:
    """Return the rule for each class of models."""
    from astropy.modeling import models as m

    rules: dict[type, Rule] = {
        m.Identity: lambda model, values: values,
        m.Mapping: lambda model, values: [values[k] for k in model.mapping],
        m.Shift: lambda model, values: [combined((1.0,), values, model.offset.value)],
        m.Scale: lambda model, values: [scaled(values[0], EXTENDED(model.factor.value))],
        m.Multiply: lambda model, values: [scaled(values[0], EXTENDED(model.factor.value))],
        m.Const1D: lambda model, values: [constant(model.amplitude.value)],
        m.Linear1D: lambda model, values: [
            combined((EXTENDED(model.slope.value),), values, model.intercept.value)
        ],
        m.Planar2D: _plane,
        m.AffineTransformation2D: _affine,
        m.Rotation2D: _rotation_2d,
        m.Polynomial1D: _polynomial_1d,
        m.Polynomial2D: _polynomial_2d,
        m.Chebyshev1D: _orthogonal_1d,
        m.Legendre1D: _orthogonal_1d,
        m.Chebyshev2D: _orthogonal_2d,
        m.Legendre2D: _orthogonal_2d,
        m.Pix2Sky_TAN: lambda model, values: angles_of(from_tangent_plane(*values)),
        m.Sky2Pix_TAN: lambda model, values: onto_tangent_plane(direction_of(*values)),
        m.RotateNative2Celestial: lambda model, values: _turned(_to_celestial(model), values),
        m.RotateCelestial2Native: lambda model, values: _turned(_to_celestial(model).T, values),
        m.EulerAngleRotation: _euler,
        m.SphericalRotationSequence: lambda model, values: _turned(_sequence(model), values),
        m.RotationSequence3D: lambda model, values: [
            combined(row, values) for row in _sequence(model)
        ],
    }
    return rules | _rules_of_gwcs()


def _rules_of_gwcs() -> dict[type, Rule]:
    try:
        from gwcs import geometry
    except ImportError:
        return {}
    return {
        geometry.SphericalToCartesian: lambda model, values: unit_vector(direction_of(*values)),
        geometry.CartesianToSpherical: lambda model, values: angles_of(
            Direction(tuple(map(number, values)), is_unit=False)
        ),
    }


def _plane(model: Any, values: Expressions) -> Expressions:
    slopes = EXTENDED(model.slope_x.value), EXTENDED(model.slope_y.value)
    return [combined(slopes, values, model.intercept.value)]


def _affine(model: Any, values: Expressions) -> Expressions:
    offset = model.translation.value
    matrix = np.asarray(model.matrix.value, EXTENDED)
    return [combined(row, values, float(offset[k])) for k, row in enumerate(matrix)]


def _rotation_2d(model: Any, values: Expressions) -> Expressions:
    # The matrix rotates positions, not the coordinate system.
    matrix = rotation("z", [-EXTENDED(model.angle.value)])
    return [combined(row[:2], values) for row in matrix[:2]]


def _polynomial_1d(model: Any, values: Expressions) -> Expressions:
    (along,) = _in_window(values, [(model.domain, model.window)])
    return [polynomial(_table(model), along, constant(0.0))]


def _polynomial_2d(model: Any, values: Expressions) -> Expressions:
    return [polynomial(_table(model), *_in_windows(model, values))]


def _orthogonal_1d(model: Any, values: Expressions) -> Expressions:
    (along,) = _in_window(values, [(model.domain, model.window)])
    return [polynomial(_in_powers(model, _table(model), 0), along, constant(0.0))]


def _orthogonal_2d(model: Any, values: Expressions) -> Expressions:
    table = _in_powers(model, _in_powers(model, _table(model), 0), 1)
    return [polynomial(table, *_in_windows(model, values))]


def _in_windows(model: Any, values: Expressions) -> Expressions:
    """Return the two inputs of a polynomial, from its domains to its windows."""
    return _in_window(values, [(model.x_domain, model.x_window), (model.y_domain, model.y_window)])


def _in_window(values: Expressions, sides: Sequence[Any]) -> Expressions:
    """Return each input of a polynomial, moved linearly from a domain to a window."""
    moved: list[Expression] = []
    for value, (domain, window) in zip(values, sides, strict=True):
        if domain is None:
            moved.append(value)
            continue
        (a, b), (c, d) = (tuple(map(EXTENDED, pair)) for pair in (domain, window))
        slope = (d - c) / (b - a)
        moved.append(combined((1.0,), [combined((slope,), (value,))], c - a * slope))
    return moved


def _table(model: Any) -> np.ndarray:
    """Return the coefficients ``c{i}`` or ``c{i}_{j}`` of a polynomial as a table ``[i, j]``."""
    powers = [tuple(map(int, name[1:].split("_"))) for name in model.param_names]
    pairs = [(*power, 0)[:2] for power in powers]
    table = np.zeros(np.max(pairs, axis=0) + 1, EXTENDED)
    if max(table.shape) > MAX_POWERS:
        raise UntranslatableError("a polynomial of a high degree")
    for pair, name in zip(pairs, model.param_names, strict=True):
        table[pair] = getattr(model, name).value
    return table


def _in_powers(model: Any, table: np.ndarray, axis: int) -> np.ndarray:
    """Return a table of Chebyshev or Legendre coefficients as coefficients of powers."""
    from numpy.polynomial import chebyshev, legendre

    name = type(model).__name__
    convert = chebyshev.cheb2poly if name.startswith("Chebyshev") else legendre.leg2poly
    degree = table.shape[axis]
    units = np.eye(degree, dtype=EXTENDED)
    # Each column of the matrix holds the powers of one orthogonal polynomial.
    matrix = np.array([np.pad(p := convert(unit), (0, degree - len(p))) for unit in units]).T
    return np.moveaxis(np.tensordot(matrix, table, (1, axis)), 0, axis)


def _turned(matrix: np.ndarray, values: Expressions) -> Expressions:
    return angles_of(direction_of(*values).rotated(matrix))


def _to_celestial(model: Any) -> np.ndarray:
    return to_celestial(model.lon.value, model.lat.value, model.lon_pole.value)


def _euler(model: Any, values: Expressions) -> Expressions:
    angles = [EXTENDED(p.value) for p in (model.phi, model.theta, model.psi)]
    return _turned(rotation(model.axes_order, angles), values)


def _sequence(model: Any) -> np.ndarray:
    return rotation(model.axes_order, [EXTENDED(angle) for angle in model.angles.value])
