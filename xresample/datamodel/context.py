"""The context: bit ``k`` of plane ``p`` says that exposure ``32 p + k`` reached a pixel."""

from __future__ import annotations

import numpy as np

from xresample.errors import InvalidInputError

PLANE_BITS = 32


def n_planes(n_exposures: int) -> int:
    """Return how many planes hold the bits of so many exposures; at least one."""
    return max(1, -(-n_exposures // PLANE_BITS))


def _bits(con: np.ndarray) -> np.ndarray:
    """Return a context without its sign: bit 31 makes an int32 negative."""
    return np.asarray(con).astype(np.uint32)


def decode(con: np.ndarray, n_exposures: int | None = None) -> np.ndarray:
    """Return the indices of the exposures that reached one pixel.

    Parameters
    ----------
    con : ndarray of int32
        Context of the pixel, ``(plane,)``.
    n_exposures : int, optional
        Exposures of the mosaic; by default all bits count.
    """
    octets = _bits(con).astype("<u4").view(np.uint8)
    return np.flatnonzero(np.unpackbits(octets, bitorder="little")[:n_exposures])


def count(con: np.ndarray) -> np.ndarray:
    """Return how many exposures reached each pixel, ``(y, x)``."""
    return np.bitwise_count(_bits(con)).sum(axis=0, dtype=np.int32)


def shift_context(con: np.ndarray, by: int, n_planes: int) -> np.ndarray:
    """Return a context as it is when ``by`` exposures come before its own.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    by : int
        Exposures that come before.
    n_planes : int
        Planes of the result.

    Returns
    -------
    ndarray of int32
        Context, ``(n_planes, y, x)``.

    Raises
    ------
    InvalidInputError
        If a bit that is set has no place in so many planes.
    """
    if by < 0:
        raise InvalidInputError(f"a context cannot be shifted by {by} exposures")
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
                raise InvalidInputError(f"{n_planes} context planes are too few: plane {target}")
    return shifted.view(np.int32)


def decode_planes(con: np.ndarray, n_exposures: int) -> np.ndarray:
    """Return which exposures contribute to which pixel: bool, ``(exposure, y, x)``.

    Parameters
    ----------
    con : ndarray of int32
        Context, ``(plane, y, x)``.
    n_exposures : int
        Exposures of the mosaic.
    """
    bits = _bits(con)
    found = np.empty((n_exposures, *con.shape[1:]), dtype=bool)
    for exposure in range(n_exposures):
        plane, bit = divmod(exposure, PLANE_BITS)
        found[exposure] = bits[plane] & np.uint32(1 << bit)
    return found
