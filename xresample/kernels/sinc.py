"""Interpolation of an image with a tapered sinc function, as ``blot_image`` of drizzle offers it.

The value at a position is the mean of ``SIDE`` x ``SIDE`` pixels around the nearest pixel, weighted
along each axis by ``cos(pi k / (SIDE - 1))^2 sinc(s d)``. Here ``k`` counts the pixels from the
nearest one, ``d`` is the distance to the position, and ``s`` a scale. Pixels beyond the edge and
missing pixels are left out. A scale of 1 reproduces the pixels.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inner, jit
from .plain import floor

SIDE = 15
"""Number of pixels along an axis."""


def blot_sinc(image: np.ndarray, pixmap: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Write the values of an image at mapped positions; NaN where the image has no value.

    Parameters
    ----------
    image : ndarray
        float32 or float64 ``(y, x)``, C-contiguous; NaN for a missing pixel.
    pixmap : ndarray
        float64 ``(y, x, 2)``: positions, x first.
    scale : float
        Factor of the distances.
    out : ndarray
        float32 or float64 ``(y, x)``; written.
    """
    k = np.arange(SIDE) - SIDE // 2
    taper = np.cos(np.pi * k / (SIDE - 1)) ** 2
    _blot_sinc(image, pixmap, float(scale), taper, np.empty((2, SIDE)), out)


@inner
def _weights(offset, scale, taper, weights):
    """Write the weights of the pixels around the nearest one, which lies ``offset`` away."""
    for k in range(SIDE):
        t = math.pi * scale * (offset - (k - SIDE // 2))
        weights[k] = taper[k] * (math.sin(t) / t if t != 0.0 else 1.0)


@jit
def _blot_sinc(image, pixmap, scale, taper, scratch, out):
    """Write the values as `blot_sinc` does; ``scratch``, ``(2, SIDE)``, holds the weights."""
    ny, nx = image.shape
    along_y, along_x = scratch[0], scratch[1]
    for j in range(pixmap.shape[0]):
        for i in range(pixmap.shape[1]):
            x, y = pixmap[j, i, 0], pixmap[j, i, 1]
            out[j, i] = math.nan
            # A NaN position fails the comparison.
            if x >= -0.5 and x < nx - 0.5 and y >= -0.5 and y < ny - 0.5:
                near_y, near_x = int(floor(y + 0.5)), int(floor(x + 0.5))
                if math.isfinite(image[near_y, near_x]):
                    _weights(y - near_y, scale, taper, along_y)
                    _weights(x - near_x, scale, taper, along_x)
                    total, weight = 0.0, 0.0
                    for b in range(SIDE):
                        row = near_y + b - SIDE // 2
                        for a in range(SIDE):
                            column = near_x + a - SIDE // 2
                            if row >= 0 and row < ny and column >= 0 and column < nx:
                                pixel = image[row, column]
                                if math.isfinite(pixel):
                                    w = along_y[b] * along_x[a]
                                    total += w * pixel
                                    weight += w
                    out[j, i] = total / weight
