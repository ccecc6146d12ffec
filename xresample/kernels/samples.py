"""The samples of a row of input pixels, taken from the planes of an exposure as they lie.

The planes are not passed as arrays but by their addresses, in a table with a row for each: so
one compiled function serves any number of planes, of either type. Weights are made here, too:
nothing the size of an exposure is written before it is deposited.
"""

from __future__ import annotations

import ctypes
import math
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .jit import inner
from .structures import GROUP, SPAN, TOUCHED

ADDRESS, PITCH, SIZE, USE = range(4)
"""Columns of the table: where a plane starts (0: there is none, all its pixels have the factor),
bytes from row to row and of a number, and what is made of it."""

PLAIN, ROOT, INVERSE = range(3)
"""Uses of a plane: less the level and times the factor; the root, times the factor; the inverse,
rounded to float32."""

LEVEL, FACTOR = range(2)
"""Columns of the table of factors."""


class Samples(NamedTuple):
    """Room for the samples of one row of input pixels."""

    columns: np.ndarray
    """float64, ``SPAN`` for each lane: a row of 1, then those of the planes; 0 between groups."""
    lanes: np.ndarray
    """The same, the lanes of a pixel side by side."""
    weights: np.ndarray
    """float64; 0 for a pixel that does not exist, never NaN."""
    flags: np.ndarray
    """int64: the bits that a pixel sets where it contributes."""


def float_at(address, k):
    """Return the ``k``-th number of float32 from an address on."""
    return np.float32(ctypes.c_float.from_address(int(address + 4 * k)).value)


def double_at(address, k):
    """Return the ``k``-th number of float64 from an address on."""
    return ctypes.c_double.from_address(int(address + 8 * k)).value


def _reader(kind, number):
    @intrinsic
    def read(typingctx, address, k):
        def codegen(context, builder, signature, args):
            start = builder.inttoptr(args[0], number.as_pointer())
            return builder.load(builder.gep(start, [args[1]]))

        return kind(types.intp, types.intp), codegen

    return read


_float_at = _reader(types.float32, ir.FloatType())
_double_at = _reader(types.float64, ir.DoubleType())


@overload(float_at, inline="always")
def _read_float(address, k):
    return lambda address, k: _float_at(address, k)


@overload(double_at, inline="always")
def _read_double(address, k):
    return lambda address, k: _double_at(address, k)


def converter(number_at):
    """Return the function that makes samples of ``n`` numbers from an address on."""

    @inner
    def convert(address, n, use, level, factor, column):
        if use == ROOT:
            for k in range(n):
                column[k] = math.sqrt(number_at(address, k)) * factor
        elif use == INVERSE:
            for k in range(n):
                column[k] = np.float32(1.0 / number_at(address, k))
        else:
            for k in range(n):
                column[k] = (number_at(address, k) - level) * factor

    return convert


convert_floats, convert_doubles = converter(float_at), converter(double_at)


@inner
def take(source, s, j, i0, n, column):
    """Write the samples of ``n`` pixels of row ``j`` of plane ``s``."""
    table, level, factor = source.table[s], source.factors[s, LEVEL], source.factors[s, FACTOR]
    if table[ADDRESS] == 0:
        column[:n] = factor
        return
    address = table[ADDRESS] + j * table[PITCH] + i0 * table[SIZE]
    if table[SIZE] == 4:
        convert_floats(address, n, table[USE], level, factor, column)
    else:
        convert_doubles(address, n, table[USE], level, factor, column)


@inner
def weigh(source, j, i0, n, data, weights, flags):
    """Weigh with 0 what does not exist: a pixel that is flagged, or whose data is not finite."""
    for k in range(n):
        there = abs(weights[k]) < math.inf and abs(data[k]) < math.inf
        weights[k] = weights[k] if there else 0.0
        flags[k] = TOUCHED
    if source.dq.size > 0:
        row = source.dq[j, i0 : i0 + n]
        for k in range(n):
            dq = int(row[k])
            weights[k] = 0.0 if dq & source.bad else weights[k]
            flags[k] |= dq & source.kept


@inner
def put_together(columns, pitch, n, lanes):
    """Put the lanes of ``n`` pixels side by side, as the deposit takes them."""
    if pitch == GROUP:
        for k in range(n):
            for lane in range(GROUP):
                lanes[GROUP * k + lane] = columns[lane * SPAN + k]
    elif pitch == 2 * GROUP:
        for k in range(n):
            for lane in range(2 * GROUP):
                lanes[2 * GROUP * k + lane] = columns[lane * SPAN + k]
    else:
        for lane in range(pitch):
            for k in range(n):
                lanes[pitch * k + lane] = columns[lane * SPAN + k]


@inner
def take_samples(source, sums, j, i0, n, samples):
    """Take the weights, flags and samples of ``n`` pixels of row ``j``."""
    take(source, 0, j, i0, n, samples.weights)
    for s in range(1, source.table.shape[0]):
        lane = s if s < source.linear else sums.linear * GROUP + s - source.linear
        take(source, s, j, i0, n, samples.columns[lane * SPAN : (lane + 1) * SPAN])
    data = samples.columns[SPAN : 2 * SPAN]
    weigh(source, j, i0, n, data, samples.weights, samples.flags)
    put_together(samples.columns, sums.groups * GROUP, n, samples.lanes)
