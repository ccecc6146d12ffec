"""Combine the sums of one exposure over a tile with the planes of the mosaic.

Everything is done in float64 and rounded to the planes' type once: the exposure is the atom
of a mosaic, so the same exposures in the same order give the same bits however they are
grouped, saved in between, or divided into tiles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .jit import inlined
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


@inlined
def combine_resampled(values, y, x, lanes, p, rules):
    """Update the variances that are weighted means of the exposures' variances.

    Only ratios of weights are squared, so weights as large as 1e150 do not overflow.
    """
    weight = lanes[p, 0]
    if weight == 0.0:
        return
    per_weight = 1.0 / weight
    q = rules.constant
    if rules.reference != NO_REFERENCE:
        sigma = lanes[p, rules.reference] * per_weight
        q = 1.0 / (sigma * sigma)
    if not (q > 0.0 and q < math.inf):
        return
    for k in range(rules.resampled):
        sigma = lanes[p, 1 + rules.means + k] * per_weight
        v = sigma * sigma * rules.variance_scale
        if v < math.inf:
            plane = 1 + rules.means + k
            q_before = float(values[plane + rules.resampled, y, x])
            total = q_before + q
            per_total = 1.0 / total
            v *= (q * per_total) * (q * per_total)
            if q_before > 0.0:
                share = q_before * per_total
                v += values[plane, y, x] * (share * share)
            values[plane, y, x] = v
            values[plane + rules.resampled, y, x] = total


@inlined
def combine_propagated(values, y, x, lanes, p, first, rules, before, total):
    """Update the variances that are propagated deposit by deposit."""
    per_total = 1.0 / total
    share = before * per_total
    for k in range(rules.propagated):
        plane = 1 + rules.means + k
        v = lanes[p, first + k] * per_total * per_total
        if before != 0.0:
            v += values[plane, y, x] * (share * share)
        values[plane, y, x] = v


@inlined
def combine_means(values, y, x, lanes, p, rules, before, total):
    """Update the means weighted by the weight plane."""
    per_total = 1.0 / total
    for k in range(1, 1 + rules.means):
        mean = rules.fillval
        if total != 0.0:
            mean = lanes[p, k]
            if before != 0.0:
                mean += values[k, y, x] * before
            mean *= per_total
        values[k, y, x] = mean


@inlined
def combine_tile(source, rules, tile, sums, planes):
    """Add the sums of one exposure over ``tile`` to the planes."""
    values = planes.values
    lanes = sums.lanes
    p = -1
    for y in range(tile.y0 - planes.y0, tile.y1 - planes.y0):
        for x in range(tile.x0 - planes.x0, tile.x1 - planes.x0):
            p += 1
            flags = sums.flags[p]
            weight = lanes[p, 0]
            if weight != 0.0:
                before = float(values[0, y, x])
                total = before + weight
                combine_means(values, y, x, lanes, p, rules, before, total)
                combine_resampled(values, y, x, lanes, p, rules)
                first = GROUP * source.linear
                combine_propagated(values, y, x, lanes, p, first, rules, before, total)
                values[0, y, x] = total
            if flags != 0:
                if planes.context.size > 0:
                    planes.context[y, x] |= rules.bit
                if planes.dq.size > 0:
                    planes.dq[y, x] |= flags & 0xFFFFFFFF
