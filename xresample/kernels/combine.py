"""Combine the sums of one exposure over a tile with the planes of the mosaic.

Everything is done in float64 and rounded to the planes' type once: the exposure is the atom
of a mosaic, so the same exposures in the same order give the same bits however they are
grouped, saved in between, or divided into tiles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .jit import inlined, inner
from .structures import GROUP, PAD

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


BEFORE, TOTAL, PER_TOTAL, PER_WEIGHT, Q = range(5)
"""What is known of a pixel: the weight before and after, the inverse of the latter and of the
exposure's own, and the weight of the variances."""

COLUMNS = 5
"""How many that are."""

CHUNK = 256
"""Pixels of a row that are combined together: all that is known of them stays in the cache.

A constant, so that the compiler sees that the columns of the lanes lie apart.
"""


@inner
def take_lanes(lanes, pitch, n, columns):
    """Move the sums of ``n`` pixels to columns, one for each lane, and leave zeros behind."""
    if pitch == GROUP:
        for i in range(n):
            for lane in range(GROUP):
                columns[lane * CHUNK + i] = lanes[GROUP * i + lane]
    elif pitch == 2 * GROUP:
        for i in range(n):
            for lane in range(2 * GROUP):
                columns[lane * CHUNK + i] = lanes[2 * GROUP * i + lane]
    else:
        for lane in range(pitch):
            for i in range(n):
                columns[lane * CHUNK + i] = lanes[pitch * i + lane]
    lanes[: pitch * n] = 0.0


@inner
def any_weight(weights):
    """Tell whether any weight is not 0; without a branch a pixel."""
    found = 0
    for i in range(weights.size):
        found |= 1 if weights[i] != 0.0 else 0
    return found != 0


@inner
def total_weights(row, weights, known):
    """Write the weights before and after the exposure, and update the weight plane."""
    before, total = known[BEFORE], known[TOTAL]
    per_total, per_weight = known[PER_TOTAL], known[PER_WEIGHT]
    for i in range(row.size):
        old = float(row[i])
        new = old + weights[i]
        before[i] = old
        total[i] = new
        per_total[i] = 1.0 / new
        per_weight[i] = 1.0 / weights[i]
        row[i] = new


@inner
def combine_mean(row, sums, weights, known, fillval):
    """Update a row of a mean weighted by the weight plane."""
    before, total, per_total = known[BEFORE], known[TOTAL], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        # What stands where nothing contributed is no number to average with.
        mean = (sums[i] + (old * before[i] if before[i] != 0.0 else 0.0)) * per_total[i]
        mean = mean if total[i] != 0.0 else fillval
        row[i] = mean if weights[i] != 0.0 else old


@inner
def combine_propagated(row, sums, weights, known):
    """Update a row of a variance that is propagated deposit by deposit."""
    before, per_total = known[BEFORE], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        share = before[i] * per_total[i]
        v = sums[i] * per_total[i] * per_total[i]
        v += old * (share * share) if before[i] != 0.0 else 0.0
        row[i] = v if weights[i] != 0.0 else old


@inner
def variance_weights(sigmas, weights, known, constant, has_reference):
    """Write the weights of the variances: the inverse of a variance, or a constant; else 0."""
    per_weight, q = known[PER_WEIGHT], known[Q]
    for i in range(weights.size):
        sigma = sigmas[i] * per_weight[i]
        here = 1.0 / (sigma * sigma) if has_reference else constant
        usable = here > 0.0 and here < math.inf and weights[i] != 0.0
        q[i] = here if usable else 0.0


@inner
def combine_resampled(row, weight_row, sums, known, scale):
    """Update a row of a variance that is a weighted mean of those of the exposures.

    Only ratios of weights are squared: variances near 1e-28 neither overflow nor vanish.
    """
    per_weight, q = known[PER_WEIGHT], known[Q]
    for i in range(row.size):
        old, q_before = float(row[i]), float(weight_row[i])
        sigma = sums[i] * per_weight[i]
        v = sigma * sigma * scale
        total = q_before + q[i]
        per_total = 1.0 / total
        share, share_before = q[i] * per_total, q_before * per_total
        new = v * (share * share)
        new += old * (share_before * share_before) if q_before > 0.0 else 0.0
        usable = q[i] > 0.0 and v < math.inf
        row[i] = new if usable else old
        weight_row[i] = total if usable else q_before


@inner
def combine_flags(flags, context, dq, y, x0, bit):
    """Set the bit of the exposure, and the flags of its pixels, where it contributes.

    The flags are 0 again afterwards.
    """
    if context.size > 0:
        row = context[y, x0 : x0 + flags.size]
        for i in range(row.size):
            row[i] |= bit if flags[i] != 0 else 0
    if dq.size > 0:
        row_dq = dq[y, x0 : x0 + flags.size]
        for i in range(row_dq.size):
            row_dq[i] |= flags[i] & 0xFFFFFFFF
    flags[:] = 0


@inlined
def combine_row(values, y, x0, n, rules, first_squared, columns, known):
    """Update a part of a row of all planes from the sums of its ``n`` pixels."""
    x1 = x0 + n
    weights = columns[0, :n]
    total_weights(values[0, y, x0:x1], weights, known)
    for k in range(1, 1 + rules.means):
        combine_mean(values[k, y, x0:x1], columns[k], weights, known, rules.fillval)
    plane = 1 + rules.means
    if rules.resampled > 0:
        has_reference = rules.reference != NO_REFERENCE
        sigmas = columns[rules.reference if has_reference else 0]
        variance_weights(sigmas, weights, known, rules.constant, has_reference)
    for k in range(rules.resampled):
        row = values[plane + k, y, x0:x1]
        weight_row = values[plane + rules.resampled + k, y, x0:x1]
        combine_resampled(row, weight_row, columns[plane + k], known, rules.variance_scale)
    for k in range(rules.propagated):
        sums = columns[first_squared + k]
        combine_propagated(values[plane + k, y, x0:x1], sums, weights, known)


@inlined
def combine_tile(rules, tile, sums, planes, room):
    """Add the sums of one exposure over ``tile`` to the planes, a part of a row at a time.

    The sums are 0 again afterwards. ``room`` has a column for each lane, and ``COLUMNS`` more.
    """
    pitch = sums.groups * GROUP
    columns = room.reshape(-1, CHUNK)
    known = columns[pitch:]
    first = 0
    for y in range(tile.y0 - planes.y0, tile.y1 - planes.y0):
        for x0 in range(tile.x0 - planes.x0, tile.x1 - planes.x0, CHUNK):
            n = min(CHUNK, tile.x1 - planes.x0 - x0)
            take_lanes(sums.lanes[first * pitch :], pitch, n, room)
            if any_weight(columns[0, :n]):
                squared = GROUP * sums.linear
                combine_row(planes.values, y, x0, n, rules, squared, columns, known)
            if sums.flags.size > 0:
                flags = sums.flags[first : first + n]
                combine_flags(flags, planes.context, planes.dq, y, x0, rules.bit)
            first += n
        first += PAD
