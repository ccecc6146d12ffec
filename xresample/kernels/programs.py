"""The map of a pair of WCSs as a program of a few steps, run on blocks of pixels.

A compiled function per WCS would cost seconds of compilation. So one kernel reads the steps from
arrays and runs each step on a whole block of pixels, for which the choice of the step costs
nothing. The numbers of a block, one row of the scratch array per number of a pixel, stay in the
cache. All arithmetic is element by element, so a pixel has the same bits in any block.

**Layout.** Row ``k`` of ``steps`` is ``(code, target, link, number)``: the step writes rows
``target`` and following of the scratch array, and its arguments begin at ``links[link]`` and
``numbers[number]``. Rows 0 and 1 of the scratch array hold the pixel's x and y.
"""

from __future__ import annotations

import math

import numpy as np

from .intrinsics import multiply_add
from .jit import inlined, inner, jit
from .plain import ONE_BIT

BLOCK = 256
"""Number of pixels per block: 20 rows of scratch take 40 kB, which fit into the fastest cache."""

SUM = 0
"""``c + a u + b v + ...``; links: number of terms, u, v, ...; numbers: c, a, b, ..."""

POLYNOMIAL = 1
"""Sum of ``c_ij u^i v^j``; links: u, v, number of powers of u, number of powers of v for each power
of u, starting with the highest; numbers: the coefficients, starting with the highest powers."""

SPHERE = 2
"""Unit vector, 3 rows, of a longitude and a latitude in degrees; links: longitude, latitude."""

QUOTIENT = 3
"""``u / v``; links: u, v."""

FRONT = 4
"""``u / v`` where v is positive, else NaN; links: u, v."""

UNIT = 5
"""Vector divided by its length, 3 rows; links: x, y, z."""

_DEGREE = math.pi / 180.0

# Coefficients of Taylor series, adjusted to the interval of +- pi / 4, as in fdlibm.
_S1, _S2, _S3 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
_S4, _S5, _S6 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
_C1, _C2, _C3 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
_C4, _C5, _C6 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11


def run_program(
    steps: np.ndarray,
    links: np.ndarray,
    numbers: np.ndarray,
    results: tuple[int, int],
    lattice: tuple[int, int, int, int],
    scratch: np.ndarray,
    out: np.ndarray,
) -> None:
    """Run a program on a lattice of pixels.

    Parameters
    ----------
    steps, links : ndarray
        int64 ``(step, 4)`` and ``(link,)``: the program.
    numbers : ndarray
        float64 ``(number,)``: coefficients of the program.
    results : (int, int)
        Rows of the scratch array that hold the results, x first.
    lattice : (int, int, int, int)
        First row, step between rows, first column, and step between columns.
    scratch : ndarray
        float64 ``(row, BLOCK)``; overwritten.
    out : ndarray
        float64 ``(y, x, 2)``; written, x first.
    """
    _run(steps, links, numbers, results, lattice, scratch, out)


@jit
def _run(steps, links, numbers, results, lattice, scratch, out):
    for j in range(out.shape[0]):
        for first in range(0, out.shape[1], BLOCK):
            count = min(BLOCK, out.shape[1] - first)
            for k in range(count):
                scratch[0, k] = lattice[2] + lattice[3] * (first + k)
                scratch[1, k] = lattice[0] + lattice[1] * j
            for s in range(steps.shape[0]):
                _step(steps[s], links[steps[s, 2] :], numbers[steps[s, 3] :], scratch, count)
            x, y = scratch[results[0]], scratch[results[1]]
            for k in range(count):
                out[j, first + k, 0] = x[k]
                out[j, first + k, 1] = y[k]


@inner
def _step(step, links, numbers, scratch, count):
    """Run one step on a block."""
    code, to = step[0], step[1]
    if code == SUM:
        _sum(links, numbers, scratch, scratch[to], count)
    elif code == POLYNOMIAL:
        u, v = scratch[links[0]], scratch[links[1]]
        _polynomial(links[2:], numbers, u, v, scratch[to], scratch[to + 1], count)
    elif code == SPHERE:
        lon, lat = scratch[links[0]], scratch[links[1]]
        _sphere(lon, lat, scratch[to], scratch[to + 1], scratch[to + 2], count)
    elif code == UNIT:
        x, y, z = scratch[links[0]], scratch[links[1]], scratch[links[2]]
        _unit(x, y, z, scratch[to], scratch[to + 1], scratch[to + 2], count)
    else:
        _divide(scratch[links[0]], scratch[links[1]], code == FRONT, scratch[to], count)


@inner
def _sum(links, numbers, scratch, total, count):
    """Write a constant plus a sum of products."""
    for k in range(count):
        total[k] = numbers[0]
    for term in range(links[0]):
        values, factor = scratch[links[term + 1]], numbers[term + 1]
        for k in range(count):
            total[k] = multiply_add(factor, values[k], total[k])


@inner
def _polynomial(lengths, numbers, u, v, total, row, count):
    """Write a polynomial of two variables by Horner's rule; ``row`` is scratch."""
    for k in range(count):
        total[k] = 0.0
    at = 0
    for power in range(lengths[0]):
        for k in range(count):
            row[k] = 0.0
        for _ in range(lengths[power + 1]):
            number = numbers[at]
            for k in range(count):
                row[k] = multiply_add(row[k], v[k], number)
            at += 1
        for k in range(count):
            total[k] = multiply_add(total[k], u[k], row[k])


@inner
def _divide(u, v, only_front, quotient, count):
    """Write ``u / v``, or NaN where v is not positive if ``only_front``."""
    for k in range(count):
        divisor = math.nan if only_front and not v[k] > 0.0 else v[k]
        quotient[k] = u[k] / divisor


@inner
def _unit(x, y, z, to_x, to_y, to_z, count):
    """Write a vector divided by its length."""
    for k in range(count):
        length = math.sqrt(x[k] * x[k] + y[k] * y[k] + z[k] * z[k])
        to_x[k], to_y[k], to_z[k] = x[k] / length, y[k] / length, z[k] / length


@inner
def _sphere(lon, lat, to_x, to_y, to_z, count):
    """Write the unit vector of a longitude and a latitude in degrees."""
    for k in range(count):
        sin_lon, cos_lon = _sin_cos(lon[k])
        sin_lat, cos_lat = _sin_cos(lat[k])
        to_x[k], to_y[k], to_z[k] = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat


@inlined
def _sin_cos(degrees):
    """Return sine and cosine to the last bit but one, without a branch or a call.

    A loop over such arithmetic becomes vector instructions, unlike one that calls the C library.
    The remainder after multiples of 90 degrees is exact up to 1e15 degrees.
    """
    turns = (degrees / 90.0 + ONE_BIT) - ONE_BIT
    t = (degrees - 90.0 * turns) * _DEGREE
    z = t * t
    odd = _S2 + z * (_S3 + z * (_S4 + z * (_S5 + z * _S6)))
    even = z * (_C1 + z * (_C2 + z * (_C3 + z * (_C4 + z * (_C5 + z * _C6)))))
    sine = t + t * z * (_S1 + z * odd)
    cosine = 1.0 - (0.5 * z - z * even)
    quarter = turns - 4.0 * ((turns / 4.0 - 0.375 + ONE_BIT) - ONE_BIT)
    swapped = quarter == 1.0 or quarter == 3.0
    s, c = (cosine, sine) if swapped else (sine, cosine)
    return -s if quarter >= 2.0 else s, -c if quarter == 1.0 or quarter == 2.0 else c
