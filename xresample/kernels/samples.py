"""The samples of a piece of a row of input pixels, read from the planes of an exposure in place.

::

    plane 0: weights ----------------------------> weights[k]  (0: pixel k does not contribute)
    plane 1: data  --(less level, times factor)--> columns[lane 1]  \\
    plane 2: err   --(if >= 0, times factor)-----> columns[lane 2]   } lanes[k * pitch + lane]
    plane 3: var   --(root, times factor)--------> columns[lane 3]  /
    dq ------------------------------------------> flags[k], weights[k]

Each plane has a row in ``ExposurePlanes.table`` with these columns, and a row in
``ExposurePlanes.factors``:

=======  ==================================================================================
column   meaning
=======  ==================================================================================
ADDRESS  address of the first number; 0: there is no plane, all samples are the factor
PITCH    bytes from one row to the next
SIZE     bytes per number: 4 for float32, 8 for float64
USE      PLAIN: ``(number - level) * factor``; ROOT: ``sqrt(number) * factor``;
         INVERSE: ``1 / number``, see `inverse`; SPREAD: ``number * factor``, NaN if negative
LANE     lane of the samples, see `LaneLayout`; unused for the weights
=======  ==================================================================================

Planes are read where they lie and scaled here, so nothing the size of an exposure is written
before it is deposited. The launcher guarantees what makes reading by address safe: every plane has
the shape of the pixel map, each of its rows lies in one piece, and its array stays alive.

A pixel is skipped, with the weight 0, if its data or weight is not finite or beyond the type of the
planes of the mosaic, or if it has a bad flag. Its other samples may be NaN: the deposit drops
products with a factor of 0. A negative variance gives no weight, and as a variance it is unknown,
that is NaN, like a negative error.
"""

from __future__ import annotations

import math

import numpy as np

from .by_address import double_at, fetch, float_at, word_at
from .intrinsics import turn
from .jit import inlined, inner
from .structures import GROUP, LARGEST, SMALLEST, SPAN, TOUCHED

ADDRESS, PITCH, SIZE, USE, LANE = range(5)
PLAIN, ROOT, INVERSE, SPREAD = range(4)

LEVEL, FACTOR = range(2)
"""Columns of ``ExposurePlanes.factors``."""


@inlined
def inverse(number):
    """Return the inverse of a variance, rounded to float32 wherever float32 has full precision.

    A negative variance has the weight 0.

    Inverse variances of small or large units, such as 1e-20 erg/s/cm2/A, are beyond float32, but
    planes of float64 hold them.
    """
    exact = 1.0 / number
    rounded = float(np.float32(exact))
    weight = rounded if SMALLEST <= rounded <= LARGEST else exact
    return weight if number > 0.0 else 0.0


def converter(number_at):
    """Return the function that makes samples of ``n`` numbers from an address on."""

    @inlined
    def convert(address, n, use, level, factor, column):
        if use == ROOT:
            for k in range(n):
                column[k] = math.sqrt(number_at(address, k, column)) * factor
        elif use == INVERSE:
            for k in range(n):
                column[k] = inverse(number_at(address, k, column))
        elif use == SPREAD:
            for k in range(n):
                number = number_at(address, k, column)
                column[k] = number * factor if number >= 0.0 else math.nan
        else:
            for k in range(n):
                column[k] = (number_at(address, k, column) - level) * factor

    return convert


convert_floats, convert_doubles = converter(float_at), converter(double_at)


@inner
def take(source, s, j, i0, n, column):
    """Write the samples of ``n`` pixels of row ``j`` of plane ``s``, from column ``i0`` on."""
    table, level, factor = source.table[s], source.factors[s, LEVEL], source.factors[s, FACTOR]
    address = table[ADDRESS] + j * table[PITCH] + i0 * table[SIZE]
    if table[ADDRESS] == 0:
        column[:n] = factor
        return
    # The pixels of the next row are needed after those of a few more pieces.
    fetch(address + table[PITCH], n * table[SIZE])
    if table[SIZE] == 4:
        convert_floats(address, n, table[USE], level, factor, column)
    else:
        convert_doubles(address, n, table[USE], level, factor, column)


@inner
def weigh(source, j, i0, n, samples):
    """Give the weight 0 to pixels that must not contribute, and collect the flags of the others."""
    data, weights, flags = samples.columns[SPAN : 2 * SPAN], samples.weights, samples.flags
    limit = source.limit
    for k in range(n):
        there = abs(weights[k]) <= limit and abs(data[k]) <= limit
        weights[k] = weights[k] if there else 0.0
    if source.dq == 0:
        flags[:n] = TOUCHED | (source.flip & source.kept)
        return
    address = source.dq + j * source.dq_pitch + 4 * i0
    fetch(address + source.dq_pitch, 4 * n)
    for k in range(n):
        dq = int(word_at(address, k, flags))
        weights[k] = 0.0 if dq & source.bad else weights[k]
        flags[k] = TOUCHED | ((dq ^ source.flip) & source.kept)


@inner
def put_together(columns, pitch, n, lanes):
    """Put the lanes of ``n`` pixels side by side, as the deposit reads them.

    The loop runs on to a whole block of pixels; nobody reads the lanes behind the last pixel.
    """
    for k in range(0, n, GROUP):
        for lane in range(0, pitch, GROUP):
            turn(columns, lane * SPAN + k, SPAN, lanes, k * pitch + lane, pitch)


@inner
def take_samples(source, groups, j, i0, n, samples):
    """Take the weights, flags and samples of ``n`` pixels of row ``j``, from column ``i0`` on."""
    take(source, 0, j, i0, n, samples.weights)
    for s in range(1, source.table.shape[0]):
        start = source.table[s, LANE] * SPAN
        take(source, s, j, i0, n, samples.columns[start : start + SPAN])
    weigh(source, j, i0, n, samples)
    put_together(samples.columns, groups * GROUP, n, samples.lanes)
