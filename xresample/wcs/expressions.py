"""Expressions for the numbers of a pixel, and the program that computes them.

A model of a WCS is followed once with expressions in place of numbers. Linear models only change
coefficients, and rotations only change matrices, so a chain of them becomes one sum of products. A
direction on the sky is a vector of any length. Therefore two tangent planes need no trigonometric
functions between them: a pixel of one gives a vector that is linear in x and y, rotations keep it
linear, and the other plane divides two components by the third.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from xresample.kernels import programs

EXTENDED = np.longdouble
"""Type of coefficients until the program is written. It has 64 bits of precision on x86, so a
product of matrices loses nothing; elsewhere it may be float64."""

DEGREE = np.arctan(EXTENDED(1)) / 45
"""One degree in radians."""


class UntranslatableError(Exception):
    """A WCS contains something that expressions cannot describe."""


@dataclass(frozen=True, eq=False)
class Operation:
    """A step of a program that is not linear.

    Parameters
    ----------
    code : int
        Code of the step, as in `xresample.kernels.programs`.
    inputs : tuple of Linear
        Arguments.
    coefficients : tuple of tuple of float
        The coefficients of a polynomial: a row for each power of the first argument, starting with
        the highest powers. Empty for other codes.
    """

    code: int
    inputs: tuple[Linear, ...]
    coefficients: tuple[tuple[float, ...], ...] = ()


Number: TypeAlias = float | np.floating[Any]

Result: TypeAlias = tuple[Operation, int]
"""An operation and the number of one of its results."""

_PIXEL = Operation(-1, ())


@dataclass(frozen=True, eq=False)
class Linear:
    """A constant plus a sum of results of operations, each with a factor."""

    constant: np.longdouble
    terms: dict[Result, np.longdouble] = field(default_factory=dict)

    @property
    def key(self) -> Hashable:
        """A key that is equal for equal expressions."""
        return self.constant, frozenset(self.terms.items())


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction on a sphere: a vector whose length matters only if ``is_unit``."""

    vector: tuple[Linear, ...]
    is_unit: bool

    def rotated(self, matrix: np.ndarray) -> Direction:
        """Return the direction after a rotation."""
        return Direction(tuple(combined(row, self.vector) for row in matrix), self.is_unit)


@dataclass(frozen=True, eq=False)
class Angle:
    """The longitude (axis 0) or latitude (axis 1) of a direction in degrees, times a factor."""

    direction: Direction
    axis: int
    factor: np.longdouble


Expression: TypeAlias = Linear | Angle


def pixel() -> tuple[Linear, Linear]:
    """Return the position of a pixel, x first."""
    x, y = (result(_PIXEL, part) for part in (0, 1))
    return x, y


def result(operation: Operation, part: int = 0) -> Linear:
    """Return one result of an operation."""
    return Linear(EXTENDED(0), {(operation, part): EXTENDED(1)})


def constant(value: Number) -> Linear:
    """Return a constant."""
    return Linear(EXTENDED(value))


def number(expression: Expression) -> Linear:
    """Return an expression that is not an angle.

    Raises
    ------
    UntranslatableError
        The expression is an angle of a direction, which no step computes.
    """
    if isinstance(expression, Angle):
        raise UntranslatableError("arithmetic with angles on the sky")
    return expression


def combined(
    factors: Iterable[Number], values: Iterable[Expression], offset: Number = 0.0
) -> Linear:
    """Return a constant plus a sum of expressions, each with a factor."""
    total, terms = EXTENDED(offset), dict[Result, np.longdouble]()
    for factor, value in zip(factors, map(number, values), strict=True):
        total += factor * value.constant
        for term, own in value.terms.items():
            terms[term] = terms.get(term, EXTENDED(0)) + factor * own
    return Linear(total, {term: own for term, own in terms.items() if own != 0})


def scaled(value: Expression, factor: Number) -> Expression:
    """Return an expression times a factor."""
    if isinstance(value, Angle):
        return Angle(value.direction, value.axis, value.factor * factor)
    return combined((factor,), (value,))


def polynomial(table: np.ndarray, u: Expression, v: Expression) -> Linear:
    """Return the sum of ``table[i, j] u^i v^j``."""
    used = np.argwhere(table)
    if not len(used) or used.sum(axis=1).max() <= 1:
        padded = np.pad(table, ((0, 1), (0, 1)))
        return combined((padded[1, 0], padded[0, 1]), (u, v), padded[0, 0])
    rows = []
    for row in table[: used[:, 0].max() + 1][::-1]:
        length = int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0
        rows.append(tuple(float(value) for value in row[:length][::-1]))
    return result(Operation(programs.POLYNOMIAL, (number(u), number(v)), tuple(rows)))


def quotient(u: Expression, v: Expression, code: int = programs.QUOTIENT) -> Linear:
    """Return ``u / v``."""
    return result(Operation(code, (number(u), number(v))))


def direction_of(lon: Expression, lat: Expression) -> Direction:
    """Return the direction with a longitude and a latitude in degrees."""
    if isinstance(lon, Angle) and isinstance(lat, Angle):
        rounding = 8 * np.finfo(np.float64).eps
        is_pair = lon.direction is lat.direction and (lon.axis, lat.axis) == (0, 1)
        if not is_pair or max(abs(lon.factor - 1), abs(lat.factor - 1)) > rounding:
            raise UntranslatableError("angles that do not belong together")
        return lon.direction
    operation = Operation(programs.SPHERE, (number(lon), number(lat)))
    return Direction(tuple(result(operation, part) for part in range(3)), is_unit=True)


def angles_of(direction: Direction) -> tuple[Angle, Angle]:
    """Return longitude and latitude of a direction, in degrees."""
    return Angle(direction, 0, EXTENDED(1)), Angle(direction, 1, EXTENDED(1))


def unit_vector(direction: Direction) -> tuple[Linear, ...]:
    """Return a direction as a vector of length 1."""
    if direction.is_unit:
        return direction.vector
    operation = Operation(programs.UNIT, direction.vector)
    return tuple(result(operation, part) for part in range(3))


def from_tangent_plane(x: Expression, y: Expression) -> Direction:
    """Return the native direction of a position in the plane of TAN, in degrees."""
    # Calabretta & Greisen 2002, A&A 395, 1077, equations 14, 15 and 54.
    vector = combined((-DEGREE,), (y,)), combined((DEGREE,), (x,)), constant(1.0)
    return Direction(vector, is_unit=False)


def onto_tangent_plane(direction: Direction) -> tuple[Linear, Linear]:
    """Return the position of a native direction in the plane of TAN, in degrees.

    The position of a direction in the other hemisphere is NaN.
    """
    x, y, z = direction.vector
    across, along = (quotient(value, z, programs.FRONT) for value in (y, x))
    return combined((1 / DEGREE,), (across,)), combined((-1 / DEGREE,), (along,))


def rotation(axes: str, degrees: Sequence[Number]) -> np.ndarray:
    """Return the matrix of a sequence of rotations of the coordinate system, as in astropy."""
    matrix = np.eye(3, dtype=EXTENDED)
    for axis, angle in zip(axes, degrees, strict=True):
        sine, cosine = np.sin(angle * DEGREE), np.cos(angle * DEGREE)
        one = np.eye(3, dtype=EXTENDED)
        i, j = ("xyz".index(axis) + 1) % 3, ("xyz".index(axis) + 2) % 3
        one[i, i] = one[j, j] = cosine
        one[i, j], one[j, i] = sine, -sine
        matrix = one @ matrix
    return matrix


def to_celestial(lon: float, lat: float, lon_pole: float) -> np.ndarray:
    """Return the matrix from the native sphere of a projection to the celestial sphere.

    Parameters
    ----------
    lon, lat : float
        Celestial position of the native pole, in degrees.
    lon_pole : float
        Native longitude of the celestial pole, in degrees.
    """
    angles = (EXTENDED(lon_pole) - 90, EXTENDED(lat) - 90, -90 - EXTENDED(lon))
    return rotation("zxz", angles)
