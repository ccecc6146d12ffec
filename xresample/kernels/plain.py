"""Arithmetic in plain Python, and the plain equivalents of the instructions in ``intrinsics``.

An equivalent is used where numba is switched off, or where its counterpart does not work.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .jit import inlined
from .structures import GROUP, LANES, MIN_OVERLAP, SPAN

ONE_BIT = 1.5 * 2.0**52
"""Adding this number to a float64 leaves no bit for a fraction."""


@inlined
def floor(x):
    """Return the greatest integer not above ``x``, as a float; exact below 2^51, NaN for NaN.

    The sum is plain arithmetic, so a loop over pixels stays a vector loop; ``math.floor`` may be a
    call.
    """
    nearest = (x + ONE_BIT) - ONE_BIT
    return nearest - 1.0 if nearest > x else nearest


@inlined
def snapped(x, tolerance):
    """Return the nearest integer if it is closer than a tolerance, or else ``x`` unchanged."""
    nearest = (x + ONE_BIT) - ONE_BIT
    return nearest if abs(x - nearest) < tolerance else x


@inlined
def add(sums, at, factor, samples, sample):
    """Add a factor times a group of samples; a factor of 0 adds nothing, not even NaN."""
    if factor != 0.0:
        for lane in range(GROUP):
            sums[at * GROUP + lane] += factor * samples[sample * GROUP + lane]


@inlined
def set_bits(sums, at, groups, aw, mark):
    """Set bits of a number among ``groups`` groups from ``at`` on where ``aw`` is positive.

    ``mark`` is the bits, and the lane of the number. No number has a lane that is negative or
    beyond the groups.
    """
    bits, lane = mark
    if aw > 0.0 and 0 <= lane < groups * GROUP:
        sums.view(np.int64)[at * GROUP + lane] |= bits


def patch(side: int) -> tuple[Any, Any]:
    """Return the functions that deposit an input pixel on ``side`` x ``side`` output pixels."""

    def add_group(sums, at, steps, cells, k, w, powers, samples, sample, mark):
        """Add a group of lanes to each pixel of a patch; ``at`` is the group of the first pixel.

        ``steps`` are the groups from one pixel to the next along x and y. The factor is the
        overlap ``cells[m * SPAN + k]`` times ``w``, to a power of 1 or 2; both powers are equal. A
        factor of 0 adds nothing, whatever the samples are. A positive factor also sets the bits of
        ``mark``, see `set_bits`.
        """
        for m in range(side * side):
            here, aw = at + m % side * steps[0] + m // side * steps[1], cells[m * SPAN + k] * w
            add(sums, here, aw if powers[0] == 1 else aw * aw, samples, sample)
            set_bits(sums, here, 1, aw, mark)

    def add_pair(sums, at, steps, cells, k, w, powers, samples, sample, mark):
        """Add two groups that stand side by side, each with its own power."""
        for m in range(side * side):
            here, aw = at + m % side * steps[0] + m // side * steps[1], cells[m * SPAN + k] * w
            add(sums, here, aw if powers[0] == 1 else aw * aw, samples, sample)
            add(sums, here + 1, aw if powers[1] == 1 else aw * aw, samples, sample + 1)
            set_bits(sums, here, 2, aw, mark)

    return inlined(add_group), inlined(add_pair)


@inlined
def product(factor, by):
    """Return a product of two factors times the weight of a pixel; ``by`` is a factor, the weight.

    The product of the factors counts as 0 if it is no more than a rounding error.
    """
    overlap = factor * by[0]
    return (overlap if abs(overlap) > MIN_OVERLAP else 0.0) * by[1]


def row() -> tuple[Any, Any]:
    """Return the functions that deposit an input pixel on a row of at most ``LANES`` cells.

    The overlap with a cell times the weight is `product`, for the factors ``cells[start]`` and
    behind. There are always ``LANES`` factors, and zeros stand behind the last cell. The cells
    behind the last cell exist, too.
    """

    def add_group(sums, at, steps, cells, start, by, powers, samples, sample, mark):
        """Add a group of lanes to ``steps[1]`` cells; ``steps[0]`` groups lie between them."""
        for c in range(min(steps[1], LANES)):
            here, aw = at + c * steps[0], product(cells[start + c], by)
            add(sums, here, aw if powers[0] == 1 else aw * aw, samples, sample)
            set_bits(sums, here, 1, aw, mark)

    def add_pair(sums, at, steps, cells, start, by, powers, samples, sample, mark):
        """Add two groups that stand side by side, each with its own power."""
        for c in range(min(steps[1], LANES)):
            here, aw = at + c * steps[0], product(cells[start + c], by)
            add(sums, here, aw if powers[0] == 1 else aw * aw, samples, sample)
            add(sums, here + 1, aw if powers[1] == 1 else aw * aw, samples, sample + 1)
            set_bits(sums, here, 2, aw, mark)

    return inlined(add_group), inlined(add_pair)


def turn(source, at, pitch, target, to, target_pitch):
    """Write a block of ``GROUP`` x ``GROUP`` numbers with its rows as columns.

    A block begins at an index of a flat array; the pitch leads from one of its rows to the next.
    """
    for row in range(GROUP):
        for column in range(GROUP):
            target[to + column * target_pitch + row] = source[at + row * pitch + column]


def multiply_add(a, b, c):
    """Return ``a * b + c``."""
    return a * b + c


def _reader(kind: Any) -> Any:
    whole, size = ctypes.c_size_t, np.dtype(kind).itemsize
    address_of_memmove = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
    # The arguments are integers, because compiled code cannot make pointers of addresses.
    copy = ctypes.CFUNCTYPE(whole, whole, whole, whole)(address_of_memmove)

    def number_at(address, k, scratch):
        copy(scratch.ctypes.data + 8 * k, address + size * k, size)
        return scratch.view(kind)[8 // size * k]

    return inlined(number_at)


def readers() -> tuple[Any, Any, Any]:
    """Return the functions that read number ``k`` of an array that begins at an address.

    ``scratch``, an array of 8 bytes per number, loses its own number ``k``.
    """
    return (
        _reader(np.float32),
        _reader(np.float64),
        _reader(np.uint32),
    )


def use_wide_vectors():
    """Do nothing: there is no public way to choose the length of vectors."""


def prefetch(address):
    """Do nothing: to ask for a line of the cache changes no result."""
