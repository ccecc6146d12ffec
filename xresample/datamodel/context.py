"""The context: bit ``k`` of plane ``p`` tells that exposure ``32 p + k`` contributes to a pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from xresample.errors import InvalidInputError

PLANE_BITS = 32


def n_planes(n_exposures: int) -> int:
    """Return the number of planes for the bits of so many exposures; at least one."""
    return max(1, -(-n_exposures // PLANE_BITS))


def _bits(con: np.ndarray) -> np.ndarray:
    """Return a context as unsigned integers, because bit 31 makes an int32 negative."""
    return np.asarray(con).astype(np.uint32)


def decode(con: np.ndarray, n_exposures: int | None = None) -> np.ndarray:
    """Return the numbers of the exposures that contribute to one pixel.

    Parameters
    ----------
    con : ndarray of int32
        Context of the pixel, ``(plane,)``.
    n_exposures : int, optional
        Number of exposures of the mosaic. Default: all bits count.
    """
    octets = _bits(con).astype("<u4").view(np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little")[:n_exposures])


def count(con: np.ndarray) -> np.ndarray:
    """Return the number of exposures that contribute to each pixel, ``(y, x)``."""
    return np.bitwise_count(_bits(con)).sum(axis=0, dtype=np.int32)


def shift_context(con: np.ndarray, by: int, n_planes: int) -> np.ndarray:
    """Return a context whose bits are shifted by a number of exposures.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    by : int
        Number of exposures that come before.
    n_planes : int
        Number of planes of the result.

    Returns
    -------
    ndarray of int32
        Context, ``(n_planes, y, x)``.

    Raises
    ------
    InvalidInputError
        A bit that is set does not fit in the planes.
    """
    if by < 0:
        raise InvalidInputError(f"by must be at least 0 exposures, got {by}")
    planes = _bits(con)
    whole, part = divmod(by, PLANE_BITS)
    shifted = np.zeros((n_planes, *planes.shape[1:]), np.uint32)
    for p, plane in enumerate(planes, start=whole):
        moved = [plane << np.uint32(part)]
        if part:
            moved.append(plane >> np.uint32(PLANE_BITS - part))
        for target, bits in enumerate(moved, start=p):
            if target < n_planes:
                shifted[target] |= bits
            elif bits.any():
                raise InvalidInputError(
                    f"n_planes must be at least {target + 1} to hold all bits, got {n_planes}"
                )
    return shifted.view(np.int32)


def decode_planes(con: np.ndarray, numbers: Iterable[int]) -> np.ndarray:
    """Return which exposures contribute to each pixel: bool, ``(exposure, y, x)``.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    numbers : iterable of int
        Numbers of the exposures, in the order of the result.
    """
    bits = _bits(con)
    numbers = list(numbers)
    found = np.empty((len(numbers), *con.shape[1:]), dtype=bool)
    for k, exposure in enumerate(numbers):
        plane, bit = divmod(int(exposure), PLANE_BITS)
        found[k] = bits[plane] & np.uint32(1 << bit)
    return found


def has_any(con: np.ndarray, numbers: Iterable[int]) -> np.ndarray:
    """Return where any of some exposures contributes: bool, ``(y, x)``.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    numbers : iterable of int
        Numbers of the exposures.
    """
    found = np.zeros(con.shape[1:], dtype=bool)
    masks: dict[int, int] = {}
    for exposure in numbers:
        plane, bit = divmod(int(exposure), PLANE_BITS)
        masks[plane] = masks.get(plane, 0) | 1 << bit
    for plane, mask in masks.items():
        found |= (_bits(con[plane]) & np.uint32(mask)) != 0
    return found


def renumbered(con: np.ndarray, old: Sequence[int | None]) -> np.ndarray:
    """Return the context of exposures in a new order.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    old : sequence of int or None
        For each exposure of the result its number in ``con``; None: it contributes nowhere.

    Returns
    -------
    ndarray of int32
        Context, with planes for ``old`` and no more.
    """
    made = np.zeros((n_planes(len(old)), *con.shape[1:]), np.uint32)
    moves: dict[tuple[int, int, int], int] = {}
    for new, before in enumerate(old):
        if before is not None:
            (p, bit), (q, target) = divmod(before, PLANE_BITS), divmod(new, PLANE_BITS)
            move = p, q, target - bit
            moves[move] = moves.get(move, 0) | 1 << bit
    for (p, q, by), mask in moves.items():
        bits = _bits(con[p]) & np.uint32(mask)
        made[q] |= bits << np.uint32(by) if by >= 0 else bits >> np.uint32(-by)
    return made.view(np.int32)
