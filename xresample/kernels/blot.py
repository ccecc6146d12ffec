"""Interpolation of an image at mapped positions: a mosaic through the pixels of an exposure.

================  ==========================================================
interpolation     weights of the pixels along an axis
================  ==========================================================
nearest           the pixel that contains the position
linear            2 pixels, by distance
poly3, poly5      4 or 6 pixels: the polynomial through them
lanczos3, 5       6 or 10 pixels: ``sinc(t) sinc(t / N)``, from a table
================  ==========================================================

These are the interpolations of ``drizzle.resample.blot_image``. The polynomial through 4 pixels
equals Everett's formula with second differences, which ``drizzle`` evaluates; the polynomial
through 6 pixels equals the formula with fourth differences. As in ``drizzle``, the weights of
lanczos are not normalised, and the table is read at the entry below the distance.

A pixel that is not finite is missing. A position has a value if it lies in a pixel that is not
missing. If a required pixel is missing or beyond the edge, the value is the linear interpolation
over the valid pixels, so missing pixels do not spread.
"""

from __future__ import annotations

import math
from math import floor
from typing import Literal, TypeAlias, get_args

import numpy as np

from .jit import inner, jit
from .separable import TABLE_STEP, lanczos_table

Interpolation: TypeAlias = Literal["nearest", "linear", "poly3", "poly5", "lanczos3", "lanczos5"]
"""Names of the interpolations."""

INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)
NEAREST, LINEAR, POLY3, POLY5, LANCZOS3, LANCZOS5 = range(len(INTERPOLATIONS))

PIXELS = (1, 2, 4, 6, 6, 10)
"""Number of pixels along an axis that each interpolation takes."""

MOST_PIXELS = max(PIXELS)


def margin(code: int) -> int:
    """Return how many pixels beyond a position an interpolation can read."""
    return max(PIXELS[code] // 2, 1)


def table_of(code: int) -> np.ndarray:
    """Return the constants of an interpolation.

    These are the lanczos function at multiples of ``TABLE_STEP``, or the inverse denominators of
    the Lagrange polynomials.
    """
    if code in (LANCZOS3, LANCZOS5):
        return lanczos_table(PIXELS[code] // 2)
    nodes = range(PIXELS[code])
    return np.array([1.0 / math.prod(k - m for m in nodes if m != k) for k in nodes])


def blot(
    image: np.ndarray, pixmap: np.ndarray, y0: int, x0: int, code: int, out: np.ndarray
) -> None:
    """Write the values of an image at mapped positions.

    Parameters
    ----------
    image : ndarray
        float32 or float64 ``(y, x)``, C-contiguous.
    pixmap : ndarray
        float64 ``(y, x, 2)``: positions, x first.
    y0, x0 : int
        Position of the centre of the first pixel of the image.
    code : int
        Index in ``INTERPOLATIONS``.
    out : ndarray
        Type of the image, ``(y, x)``; written. NaN where the image has no value.
    """
    scratch = np.empty((2, MOST_PIXELS))
    _blot(image, pixmap, float(y0), float(x0), code, PIXELS[code], table_of(code), scratch, out)


@jit
def _blot(image, pixmap, y0, x0, code, count, table, scratch, out):
    """Write the values as `blot` does; ``scratch``, ``(2, MOST_PIXELS)``, holds the weights."""
    ny, nx = image.shape
    for j in range(pixmap.shape[0]):
        for i in range(pixmap.shape[1]):
            x, y = pixmap[j, i, 0] - x0, pixmap[j, i, 1] - y0
            out[j, i] = math.nan
            # A NaN position fails the comparison.
            if x >= -0.5 and x < nx - 0.5 and y >= -0.5 and y < ny - 0.5:
                nearest = image[floor(y + 0.5), floor(x + 0.5)]
                if math.isfinite(nearest):
                    value = nearest
                    if code == LINEAR:
                        value = _linear(image, y, x)
                    elif code != NEAREST:
                        value = _separable(image, y, x, code, count, table, scratch)
                    out[j, i] = value


@inner
def _linear(image, y, x):
    """Return the linear interpolation over the pixels that are not missing."""
    ny, nx = image.shape
    j, i = floor(y), floor(x)
    sy, sx = y - j, x - i
    if j >= 0 and i >= 0 and j + 1 < ny and i + 1 < nx:
        low = (1.0 - sx) * image[j, i] + sx * image[j, i + 1]
        high = (1.0 - sx) * image[j + 1, i] + sx * image[j + 1, i + 1]
        value = (1.0 - sy) * low + sy * high
        if math.isfinite(value):
            return value
    total, weights = 0.0, 0.0
    for b in range(2):
        for a in range(2):
            row, column = j + b, i + a
            if row >= 0 and row < ny and column >= 0 and column < nx:
                pixel = image[row, column]
                if math.isfinite(pixel):
                    weight = (sy if b else 1.0 - sy) * (sx if a else 1.0 - sx)
                    total += weight * pixel
                    weights += weight
    return total / weights


@inner
def _separable(image, y, x, code, count, table, scratch):
    """Return the sum over ``count x count`` pixels of factors along y and along x."""
    ny, nx = image.shape
    j, i = floor(y) - (count // 2 - 1), floor(x) - (count // 2 - 1)
    if j >= 0 and i >= 0 and j + count <= ny and i + count <= nx:
        if code == POLY3 or code == POLY5:
            _lagrange(y - j, count, table, scratch[0])
            _lagrange(x - i, count, table, scratch[1])
        else:
            _lanczos(y - j, count, table, scratch[0])
            _lanczos(x - i, count, table, scratch[1])
        value = 0.0
        for b in range(count):
            row = 0.0
            for a in range(count):
                row += scratch[1, a] * image[j + b, i + a]
            value += scratch[0, b] * row
        if math.isfinite(value):
            return value
    return _linear(image, y, x)


@inner
def _lagrange(s, count, table, weights):
    """Write the weights of the polynomial through pixels at 0, 1, ... ``count - 1``."""
    for k in range(count):
        weight = table[k]
        for m in range(count):
            if m != k:
                weight *= s - m
        weights[k] = weight


@inner
def _lanczos(s, count, table, weights):
    """Write the weights of lanczos for pixels at 0, 1, ... ``count - 1``."""
    for k in range(count):
        weights[k] = table[int(abs(s - k) / TABLE_STEP)]
