"""Pixels around others: typical values of a plane, and masks that grow."""

from __future__ import annotations

import numpy as np

RADII = (1, 3)
"""Half sides of the boxes whose good pixels are averaged: the smallest box that has any."""


def typical(plane: np.ndarray, good: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the mean of the good pixels around pixels, float64; NaN if no pixel is good.

    Parameters
    ----------
    plane : ndarray
        The plane, ``(y, x)``.
    good : ndarray
        The pixels to average, bool ``(y, x)``; pixels that are not finite never count.
    pixels : ndarray
        Flat indices of the pixels.

    Examples
    --------
    >>> plane = np.array([[1.0, 2.0, 3.0], [4.0, 99.0, 6.0]])
    >>> float(typical(plane, plane < 50, np.array([4]))[0])
    3.2
    """
    good = good & np.isfinite(plane)
    found = np.full(len(pixels), np.nan)
    rows, columns = np.divmod(pixels, plane.shape[1])
    for radius in RADII:
        left = np.flatnonzero(np.isnan(found))
        if len(left):
            found[left] = _box_means(plane, good, rows[left], columns[left], radius)
    left = np.isnan(found)
    if left.any() and good.any():
        found[left] = plane[good].mean(dtype=np.float64)
    return found


def _box_means(
    plane: np.ndarray, good: np.ndarray, rows: np.ndarray, columns: np.ndarray, radius: int
) -> np.ndarray:
    """Return the means of the good pixels in boxes; NaN where a box has none."""
    total, count = np.zeros(len(rows)), np.zeros(len(rows))
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            y, x = rows + dy, columns + dx
            inside = (y >= 0) & (y < plane.shape[0]) & (x >= 0) & (x < plane.shape[1])
            y, x = np.where(inside, y, 0), np.where(inside, x, 0)
            counts = inside & good[y, x]
            total += np.where(counts, plane[y, x], 0.0)
            count += counts
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def grown(mask: np.ndarray, side: int) -> np.ndarray:
    """Return a mask, ``(y, x)``, with a box of pixels marked around each marked pixel.

    Parameters
    ----------
    mask : ndarray
        bool ``(y, x)``.
    side : int
        Side of the box. The longer part of an even box lies at higher rows and columns.

    Examples
    --------
    >>> grown(np.array([[False, True, False, False, False]]), 3)
    array([[ True,  True,  True, False, False]])
    >>> grown(np.array([[False, True, False, False, False]]), 4)
    array([[ True,  True,  True,  True, False]])
    """
    before, after = (side - 1) // 2, side // 2
    for axis in (0, 1):
        whole = np.moveaxis(mask.copy(), axis, 0)
        line = np.moveaxis(mask, axis, 0)
        for step in range(1, before + 1):
            whole[:-step] |= line[step:]
        for step in range(1, after + 1):
            whole[step:] |= line[:-step]
        mask = np.moveaxis(whole, 0, axis)
    return mask
