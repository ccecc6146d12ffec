"""Complete the samples of an exposure: what the numpy passes over its planes leave to do."""

from __future__ import annotations

import math

from .jit import jit


@jit
def finish_samples(weights, samples, first_free, first_squared, last_used):
    """Set lane 0 to 1 and unused lanes to 0, and weigh what does not exist with 0.

    ``weights`` is ``(y, x)`` and ``samples`` ``(y, x, lane)``; lanes from ``first_free`` to
    ``first_squared``, and from ``last_used`` on, are unused. A pixel exists when its weight
    and its data, lane 1, are finite.
    """
    ny, nx, n_lanes = samples.shape
    for j in range(ny):
        for i in range(nx):
            samples[j, i, 0] = 1.0
            for lane in range(first_free, first_squared):
                samples[j, i, lane] = 0.0
            for lane in range(last_used, n_lanes):
                samples[j, i, lane] = 0.0
            if not (math.isfinite(weights[j, i]) and math.isfinite(samples[j, i, 1])):
                weights[j, i] = 0.0
