"""Round down without a call, so that a loop over pixels stays a vector loop."""

from __future__ import annotations

from .jit import inlined

ONE_BIT = 1.5 * 2.0**52
"""Adding this to a float64 leaves no bit for a fraction."""


@inlined
def floor(x):
    """Return the greatest integer not above ``x``, as a float; exact below 2^51, NaN for NaN."""
    nearest = (x + ONE_BIT) - ONE_BIT
    return nearest - 1.0 if nearest > x else nearest
