"""Combine the sums of one exposure over a tile with the planes of the mosaic.

Everything is done in float64 and rounded to the planes' type once: the exposure is the atom
of a mosaic, so the same exposures in the same order give the same bits however they are
grouped, saved in between, or divided into tiles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .jit import inlined, jit
from .structures import GROUP

NO_REFERENCE = -1
"""In place of a lane: every output pixel has the same variance weight."""


class Planes(NamedTuple):
    """The planes of a mosaic, or of a window of it."""

    values: np.ndarray
    """float32 or float64 ``(plane, y, x)``: weight, means, variances, variance weights."""
    context: np.ndarray
    """int32 ``(y, x)``, the plane that holds this exposure's bit; or of no size."""
    dq: np.ndarray
    """uint32 ``(y, x)``, or of no size."""
    y0: int
    """Index of the first row on the mosaic's grid."""
    x0: int
    """Index of the first column on the mosaic's grid."""


class Rules(NamedTuple):
    """How the lanes of an exposure enter the planes."""

    means: int
    """Planes 1 to ``means`` are means weighted by plane 0."""
    resampled: int
    """Variances of the resampled method; each has a plane of weights of its own."""
    propagated: int
    """Variances of the propagated method."""
    reference: int
    """Lane of the standard deviation whose inverse square weights the variances."""
    constant: float
    """Weight of the variances when there is no such lane."""
    variance_scale: float
    """Factor of the resampled variances of this exposure."""
    bit: int
    """Bit of this exposure in the context plane, as int32."""
    fillval: float
    """Value of the means where there is no weight."""


BEFORE, TOTAL, PER_TOTAL, Q = range(4)
"""Rows of ``known``: the weight before and after, its inverse, and that of the variances."""


@jit
def turn_lanes(lanes, first, n, columns):
    """Copy the sums of ``n`` pixels from ``first`` on, so that each lane is ``columns[lane]``."""
    for lane in range(lanes.shape[1]):
        column = columns[lane]
        for i in range(n):
            column[i] = lanes[first + i, lane]


@jit
def total_weights(row, weights, before, total, per_total):
    """Write the weights before and after the exposure, and update the weight plane."""
    for i in range(row.size):
        old = float(row[i])
        new = old + weights[i]
        before[i] = old
        total[i] = new
        per_total[i] = 1.0 / new
        row[i] = new


@jit
def combine_mean(row, sums, weights, known, fillval):
    """Update a row of a mean weighted by the weight plane."""
    before, total, per_total = known[BEFORE], known[TOTAL], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        # What stands where nothing contributed is no number to average with.
        mean = (sums[i] + (old * before[i] if before[i] != 0.0 else 0.0)) * per_total[i]
        mean = mean if total[i] != 0.0 else fillval
        row[i] = mean if weights[i] != 0.0 else old


@jit
def combine_propagated(row, sums, weights, known):
    """Update a row of a variance that is propagated deposit by deposit."""
    before, per_total = known[BEFORE], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        share = before[i] * per_total[i]
        v = sums[i] * per_total[i] * per_total[i]
        v += old * (share * share) if before[i] != 0.0 else 0.0
        row[i] = v if weights[i] != 0.0 else old


@jit
def variance_weights(sigmas, weights, constant, has_reference, q):
    """Write the weights of the variances: the inverse of a variance, or a constant; else 0."""
    for i in range(weights.size):
        sigma = sigmas[i] / weights[i]
        here = 1.0 / (sigma * sigma) if has_reference else constant
        usable = here > 0.0 and here < math.inf and weights[i] != 0.0
        q[i] = here if usable else 0.0


@jit
def combine_resampled(row, weight_row, sums, weights, q, scale):
    """Update a row of a variance that is a weighted mean of those of the exposures.

    Only ratios of weights are squared: variances near 1e-28 neither overflow nor vanish.
    """
    for i in range(row.size):
        old, q_before = float(row[i]), float(weight_row[i])
        sigma = sums[i] / weights[i]
        v = sigma * sigma * scale
        total = q_before + q[i]
        per_total = 1.0 / total
        share, share_before = q[i] * per_total, q_before * per_total
        new = v * (share * share)
        new += old * (share_before * share_before) if q_before > 0.0 else 0.0
        usable = q[i] > 0.0 and v < math.inf
        row[i] = new if usable else old
        weight_row[i] = total if usable else q_before


@jit
def combine_flags(flags, context, dq, bit):
    """Set the bit of the exposure, and the flags of its pixels, where it contributes."""
    for i in range(context.size):
        context[i] |= bit if flags[i] != 0 else 0
    for i in range(dq.size):
        dq[i] |= flags[i] & 0xFFFFFFFF


@inlined
def combine_row(values, y, x0, n, rules, first_squared, columns, known):
    """Update one row of all planes from the sums of its ``n`` pixels."""
    x1 = x0 + n
    weights = columns[0, :n]
    total_weights(values[0, y, x0:x1], weights, known[BEFORE], known[TOTAL], known[PER_TOTAL])
    for k in range(1, 1 + rules.means):
        combine_mean(values[k, y, x0:x1], columns[k], weights, known, rules.fillval)
    plane = 1 + rules.means
    if rules.resampled > 0:
        has_reference = rules.reference != NO_REFERENCE
        sigmas = columns[rules.reference if has_reference else 0]
        variance_weights(sigmas, weights, rules.constant, has_reference, known[Q])
    for k in range(rules.resampled):
        row = values[plane + k, y, x0:x1]
        weight_row = values[plane + rules.resampled + k, y, x0:x1]
        sums = columns[plane + k]
        combine_resampled(row, weight_row, sums, weights, known[Q], rules.variance_scale)
    for k in range(rules.propagated):
        sums = columns[first_squared + k]
        combine_propagated(values[plane + k, y, x0:x1], sums, weights, known)


@inlined
def combine_tile(source, rules, tile, sums, planes, columns, known):
    """Add the sums of one exposure over ``tile`` to the planes, a row at a time.

    ``columns``, ``(lane, x)``, and ``known``, ``(4, x)``, are room for a row.
    """
    n = tile.x1 - tile.x0
    x0 = tile.x0 - planes.x0
    for y in range(tile.y0 - planes.y0, tile.y1 - planes.y0):
        first = (y + planes.y0 - tile.y0) * n
        turn_lanes(sums.lanes, first, n, columns)
        combine_row(planes.values, y, x0, n, rules, GROUP * source.linear, columns, known)
        context = planes.context[min(y, planes.context.shape[0]) :, x0 : x0 + n]
        dq = planes.dq[min(y, planes.dq.shape[0]) :, x0 : x0 + n]
        flags = sums.flags[first : first + n]
        combine_flags(flags, first_of(context), first_of(dq), rules.bit)


@inlined
def first_of(rows):
    """Return the first of some rows; of none, an empty one."""
    return rows.ravel()[:0] if rows.shape[0] == 0 else rows[0]
