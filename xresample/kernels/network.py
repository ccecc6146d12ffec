"""Sorting networks: the values of many pixels are sorted at once.

A network is a fixed list of comparisons, so every pixel of a row takes the same steps and the
processor handles several pixels per instruction.
"""

from __future__ import annotations

import functools

import numpy as np

from .jit import inner


@functools.lru_cache
def network(count: int) -> np.ndarray:
    """Return the comparisons that sort ``count`` values, int64 ``(comparison, 2)``.

    The network is the odd-even merge sort of Batcher (1968), without the comparisons beyond
    ``count``: missing values at the end count as infinite.

    Examples
    --------
    >>> network(3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    pairs = []
    p = 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        pairs.append((i + j, i + j + k))
            k //= 2
        p *= 2
    return np.array(pairs, np.int64).reshape(-1, 2)


@inner
def sort_columns(rows, pairs, width):
    """Sort each of the first ``width`` columns of ``rows`` in place; no value is NaN."""
    for pair in range(pairs.shape[0]):
        low, high = rows[pairs[pair, 0]], rows[pairs[pair, 1]]
        for i in range(width):
            a, b = low[i], high[i]
            low[i] = b if b < a else a
            high[i] = a if b < a else b
