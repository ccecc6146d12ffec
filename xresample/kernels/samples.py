"""The samples of an exposure: which of its pixels exist, and the lanes of a row of them."""

from __future__ import annotations

import math

from .jit import inner, jit
from .structures import GROUP


@jit
def drop_missing(weights, data, first, last):
    """Weigh with 0 what does not exist: a pixel whose weight or data is not finite.

    In columns ``first`` to ``last`` of some rows.
    """
    for j in range(weights.shape[0]):
        row, weight_row = data[j], weights[j]
        for i in range(first, last):
            weight = weight_row[i]
            weight_row[i] = weight if abs(weight) < math.inf and abs(row[i]) < math.inf else 0.0


@inner
def gather_lanes(source, sums, j, i0, n, lanes):
    """Put the samples of ``n`` pixels of row ``j`` side by side, as the deposit takes them."""
    pitch = sums.groups * GROUP
    for s in range(source.samples.shape[0]):
        lane = s + 1
        if lane >= source.linear:
            lane = sums.linear * GROUP + lane - source.linear
        row = source.samples[s, j, i0 : i0 + n]
        for k in range(n):
            lanes[k * pitch + lane] = row[k]


@inner
def clear_lanes(lanes, pitch):
    """Set lane 0 to 1 and all others to 0, for every pixel that there is room for."""
    lanes[:] = 0.0
    for k in range(0, lanes.size, pitch):
        lanes[k] = 1.0
