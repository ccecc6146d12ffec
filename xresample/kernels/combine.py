"""Combine the sums of one exposure over a tile with the planes of the mosaic.

The sums lie lane by lane for each pixel; the planes lie plane by plane. A chunk of a row of sums is
turned into columns, and then every plane is updated in one loop::

    sums.lanes    p0: 1 d err sigma | p1: 1 d err sigma | ...     and 0 afterwards
                      |
                      v   take_lanes
    columns[0]    a w     of p0, p1, ...  ->  total_weights      plane wht
    columns[1]    a w d   of p0, p1, ...  ->  combine_mean       plane data
    columns[2]    a w err of p0, p1, ...  ->  combine_mean       plane err
    columns[3]    a w sigma ...           ->  combine_resampled  planes var_a, var_a_wht
    known[...]    numbers of each pixel that several planes need

======  =============================================================================
symbol  meaning, for one output pixel
======  =============================================================================
W, w    weight of the mosaic before this exposure; weight of the exposure, ``sum(a w)``
M, s    mean of the mosaic before; sum of the exposure, ``sum(a w d)``
V, v    variance of the mosaic before; variance of the exposure
Q, q    weight of the variance in the mosaic before; weight in the exposure
======  =============================================================================

- weight: ``W + w``
- mean: ``(M W + s) / (W + w)``
- propagated variance: ``V (W / (W + w))^2 + sum((a w)^2 V) / (W + w)^2``
- resampled variance: ``V (Q / (Q + q))^2 + v (q / (Q + q))^2`` with ``v = (sum(a w sigma) / w)^2``
- weight of a resampled variance: ``Q + q``

Edge cases are safe for these reasons:

- Everything is computed in float64 and rounded to the type of the planes once. The exposure is the
  atom of a mosaic: the same exposures in the same order give the same bits, however they are
  grouped, saved in between, or divided into tiles.
- ``W == 0``: the plane holds a fill value, possibly NaN. A select drops the product ``M W``.
- ``w == 0``: the exposure does not touch the pixel. A select keeps every plane as it was.
- ``W + w == 0``: weights of lanczos may cancel. The mean is the fill value.
- Divisions by 0 give infinities, and the loops have no branch. A select drops the infinities.
- Squares are formed of ratios of weights only, so variances near 1e-28 neither overflow nor vanish.
- A variance or weight that is not finite and positive leaves the variance and its weight alone.
- A sum of weights beyond the type of the planes is the largest number of this type, and reported.
"""

from __future__ import annotations

import math

import numpy as np

from .by_address import fetch
from .intrinsics import turn
from .jit import inner
from .structures import CONTRIBUTED, GROUP, NO_LANE, OVERFLOWED, PAD

BEFORE, TOTAL, PER_TOTAL, PER_WEIGHT, Q = range(5)
"""Rows of ``known``, in the symbols above: W, W + w, 1 / (W + w), 1 / w and q."""

COLUMNS = 5
"""Number of rows of ``known``."""

CHUNK = 256
"""Number of pixels of a row that are combined together. Their columns fit into the cache.

``CHUNK`` is a constant, so the compiler knows that the columns do not overlap.
"""


@inner
def take_lanes(lanes, pitch, n, columns):
    """Move the sums of ``n`` pixels to one column per lane, and leave zeros behind.

    The loop runs on to a whole block of pixels. Behind the last pixel of a row come ``PAD`` pixels
    that nobody deposits on.
    """
    for i in range(0, n, GROUP):
        for lane in range(0, pitch, GROUP):
            turn(lanes, i * pitch + lane, pitch, columns, lane * CHUNK + i, CHUNK)
    lanes[: pitch * n] = 0.0


@inner
def any_weight(weights):
    """Tell whether any weight is not 0, without a branch per pixel."""
    found = 0
    for i in range(weights.size):
        found |= 1 if weights[i] != 0.0 else 0
    return found != 0


@inner
def total_weights(row, weights, known, limit):
    """Update a row of the weight plane, and write what the other planes need of the weights.

    Return whether a weight is beyond the limit.
    """
    before, total = known[BEFORE], known[TOTAL]
    per_total, per_weight = known[PER_TOTAL], known[PER_WEIGHT]
    beyond = 0
    for i in range(row.size):
        old = float(row[i])
        new = old + weights[i]
        before[i] = old
        total[i] = new
        per_total[i] = 1.0 / new
        per_weight[i] = 1.0 / weights[i]
        row[i] = new if abs(new) <= limit else math.copysign(limit, new)
        beyond |= 1 if abs(new) > limit else 0
    return beyond != 0


@inner
def combine_mean(row, sums, weights, known, fillval):
    """Update a row of a mean weighted by the weight plane."""
    before, total, per_total = known[BEFORE], known[TOTAL], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        # A pixel without a weight holds a fill value, which must not enter the mean.
        mean = (sums[i] + (old * before[i] if before[i] != 0.0 else 0.0)) * per_total[i]
        mean = mean if total[i] != 0.0 else fillval
        row[i] = mean if weights[i] != 0.0 else old


@inner
def combine_propagated(row, sums, weights, known):
    """Update a row of a variance of the propagated method."""
    before, per_total = known[BEFORE], known[PER_TOTAL]
    for i in range(row.size):
        old = float(row[i])
        share = before[i] * per_total[i]
        v = sums[i] * per_total[i] * per_total[i]
        v += old * (share * share) if before[i] != 0.0 else 0.0
        row[i] = v if weights[i] != 0.0 else old


@inner
def variance_weights(sigmas, weights, known, constant, has_reference):
    """Write the weight q of each pixel: an inverse variance or a constant, or 0 if unusable."""
    per_weight, q = known[PER_WEIGHT], known[Q]
    for i in range(weights.size):
        sigma = sigmas[i] * per_weight[i]
        here = 1.0 / (sigma * sigma) if has_reference else constant
        usable = here > 0.0 and here < math.inf and weights[i] != 0.0
        q[i] = here if usable else 0.0


@inner
def combine_resampled(row, weight_row, sums, known, scale, limit):
    """Update a row of a variance of the resampled method, and of the weights of the variance.

    Return whether a weight is beyond the limit.
    """
    per_weight, q = known[PER_WEIGHT], known[Q]
    beyond = 0
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
        weight_row[i] = min(total, limit) if usable else q_before
        beyond |= 1 if usable and total > limit else 0
    return beyond != 0


@inner
def combine_flags(flags, context, dq, y, x0, bit):
    """Set the bit of the exposure, and the flags of its pixels, where the exposure contributes."""
    if context.size > 0:
        row = context[y, x0 : x0 + flags.size]
        for i in range(row.size):
            row[i] |= bit if flags[i] != 0 else 0
    if dq.size > 0:
        row_dq = dq[y, x0 : x0 + flags.size]
        for i in range(row_dq.size):
            row_dq[i] |= flags[i] & 0xFFFFFFFF


@inner
def combine_row(values, y, x0, n, lanes, rules, columns, known):
    """Update ``n`` pixels of a row of all planes from their columns of sums.

    Return whether a sum of weights is beyond the type of the planes.
    """
    x1 = x0 + n
    weights = columns[0, :n]
    beyond = total_weights(values[0, y, x0:x1], weights, known, rules.limit)
    for k in range(1, 1 + lanes.means):
        combine_mean(values[k, y, x0:x1], columns[k], weights, known, rules.fillval)
    plane = 1 + lanes.means
    if lanes.resampled > 0:
        has_reference = lanes.reference != NO_LANE
        sigmas = columns[lanes.reference if has_reference else 0]
        variance_weights(sigmas, weights, known, rules.constant, has_reference)
    for k in range(lanes.resampled):
        row = values[plane + k, y, x0:x1]
        weight_row = values[plane + lanes.resampled + k, y, x0:x1]
        sums, scale = columns[plane + k], rules.variance_scale
        beyond |= combine_resampled(row, weight_row, sums, known, scale, rules.limit)
    for k in range(lanes.propagated):
        sums = columns[lanes.linear_groups * GROUP + k]
        combine_propagated(values[plane + k, y, x0:x1], sums, weights, known)
    return beyond


@inner
def fetch_row(planes, y, x0, n):
    """Ask for ``n`` pixels of a row of all planes; the row need not exist."""
    values, context, dq = planes.values, planes.context, planes.dq
    at = y * values.shape[2] + x0
    size, plane = values.itemsize, values.shape[1] * values.shape[2]
    for k in range(values.shape[0]):
        fetch(values.ctypes.data + size * (k * plane + at), size * n)
    if context.size > 0:
        fetch(context.ctypes.data + context.itemsize * at, context.itemsize * n)
    if dq.size > 0:
        fetch(dq.ctypes.data + dq.itemsize * at, dq.itemsize * n)


@inner
def combine_tile(lanes, rules, tile, sums, planes, scratch):
    """Add the sums of one exposure over a tile to the planes, and set the sums to 0.

    Parameters
    ----------
    lanes : LaneLayout
        The order of the lanes.
    rules : Rules
        How the sums enter the planes.
    tile : OutputTile
        The tile, inside the planes.
    sums : ndarray
        float64: the sums, the lanes of a pixel side by side; 0 afterwards.
    planes : MosaicPlanes
        The planes; updated.
    scratch : ndarray
        float64 ``((groups * GROUP + COLUMNS) * CHUNK,)``: space for the columns of one chunk.

    Returns
    -------
    int
        ``CONTRIBUTED`` and ``OVERFLOWED``, as far as they apply.
    """
    pitch = lanes.groups * GROUP
    columns = scratch.reshape(-1, CHUNK)
    known = columns[pitch:]
    first, outcome = 0, 0
    for y in range(tile.y0 - planes.y0, tile.y1 - planes.y0):
        for x0 in range(tile.x0 - planes.x0, tile.x1 - planes.x0, CHUNK):
            n = min(CHUNK, tile.x1 - planes.x0 - x0)
            take_lanes(sums[first * pitch :], pitch, n, scratch)
            if any_weight(columns[0, :n]):
                outcome |= CONTRIBUTED
                fetch_row(planes, y + 1, x0, n)
                if combine_row(planes.values, y, x0, n, lanes, rules, columns, known):
                    outcome |= OVERFLOWED
            if lanes.flags != NO_LANE:
                flags = columns[lanes.flags, :n].view(np.int64)
                combine_flags(flags, planes.context, planes.dq, y, x0, rules.bit)
            first += n
        first += PAD
    return outcome
