"""Copies of arrays that are nearly equal to their originals."""

from __future__ import annotations

from .jit import inner, jit

BLOCK = 1024
"""Number of words that are compared and copied together: a page of memory."""


@inner
def differ(one, other):
    """Tell whether any word of two arrays differs."""
    found = 0
    for k in range(one.size):
        found |= one[k] ^ other[k]
    return found != 0


@jit
def copy_changes(target, source):
    """Copy the blocks of words that differ, so that equal blocks are read but not written.

    Parameters
    ----------
    target : ndarray
        uint32 ``(word,)``; updated.
    source : ndarray
        uint32 ``(word,)``.
    """
    for start in range(0, target.size, BLOCK):
        old, new = target[start : start + BLOCK], source[start : start + BLOCK]
        if differ(old, new):
            for k in range(old.size):
                old[k] = new[k]
