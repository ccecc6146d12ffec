"""The rule that marks outliers: pixels that differ from what the other exposures predict.

With the difference ``D = abs(data - model - background)``, the noise and a blur ``d``, a pixel is

- *strong* if ``D > scale1 d + snr1 noise``,
- *weak* if ``D > scale2 d + snr2 noise``,

and an outlier if it is weak and has a strong pixel among its 3 x 3 neighbours and itself. This is
the rule of ``driz_cr`` in AstroDrizzle, and of ``stcal.outlier_detection.flag_resampled_crs``.

The blur is the maximum difference of the model from its four neighbours, or the maximum of another
image among the 3 x 3 pixels. A pixel whose difference is NaN is no outlier; noise of NaN counts
as 0, as in ``stcal``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .jit import inner, jit

STRONG, WEAK = 1, 2


class FlagRule(NamedTuple):
    """The numbers of the rule."""

    snr1: float
    snr2: float
    scale1: float
    scale2: float
    background: float


def mark_rows(
    data: np.ndarray,
    noise: np.ndarray,
    model: np.ndarray,
    spread: np.ndarray,
    rule: FlagRule,
    first: int,
    last: int,
    levels: np.ndarray,
) -> None:
    """Write which pixels are strong and weak.

    Parameters
    ----------
    data, noise, model : ndarray
        float32 or float64 ``(y, x)``.
    spread : ndarray
        Image that the blur is taken from, ``(y, x)``; ``(0, 0)`` for the differences of the model.
    rule : FlagRule
        The rule.
    first, last : int
        First and past-the-last row to write.
    levels : ndarray
        uint8 ``(y, x)``; written: the sum of ``STRONG`` and ``WEAK``.
    """
    _mark(data, noise, model, spread, rule, first, last, levels)


@jit
def _mark(data, noise, model, spread, rule, first, last, levels):
    """Write which pixels are strong and weak, as `mark_rows` does."""
    for j in range(first, last):
        for i in range(data.shape[1]):
            difference = abs(data[j, i] - model[j, i] - rule.background)
            levels[j, i] = 0
            if difference > 0.0:
                sigma = 0.0 if math.isnan(noise[j, i]) else noise[j, i]
                blur = _steepest(model, j, i) if spread.size == 0 else _highest(spread, j, i)
                strong = difference > rule.scale1 * blur + rule.snr1 * sigma
                weak = difference > rule.scale2 * blur + rule.snr2 * sigma
                levels[j, i] = (STRONG if strong else 0) + (WEAK if weak else 0)


@inner
def _steepest(model, j, i):
    """Return the maximum difference of a pixel from its four neighbours that are not NaN."""
    ny, nx = model.shape
    centre, blur = model[j, i], 0.0
    if j > 0:
        blur = max(blur, _step(centre, model[j - 1, i]))
    if j + 1 < ny:
        blur = max(blur, _step(centre, model[j + 1, i]))
    if i > 0:
        blur = max(blur, _step(centre, model[j, i - 1]))
    if i + 1 < nx:
        blur = max(blur, _step(centre, model[j, i + 1]))
    return blur


@inner
def _step(a, b):
    """Return the distance of two values; 0 if it is unknown."""
    step = abs(a - b)
    return step if math.isfinite(step) else 0.0


@inner
def _highest(image, j, i):
    """Return the maximum among 3 x 3 pixels that are not NaN, or else 0."""
    ny, nx = image.shape
    highest = 0.0
    for b in range(max(j - 1, 0), min(j + 2, ny)):
        for a in range(max(i - 1, 0), min(i + 2, nx)):
            if image[b, a] > highest:
                highest = image[b, a]
    return highest


def flag_rows(levels: np.ndarray, first: int, last: int, mask: np.ndarray) -> None:
    """Write which pixels are outliers.

    Parameters
    ----------
    levels : ndarray
        uint8 ``(y, x)``, from `mark_rows`.
    first, last : int
        First and past-the-last row to write.
    mask : ndarray
        bool ``(y, x)``; written.
    """
    _flag(levels, first, last, mask)


@jit
def _flag(levels, first, last, mask):
    """Write which weak pixels have a strong one among their 3 x 3 neighbours and themselves."""
    ny, nx = levels.shape
    for j in range(first, last):
        for i in range(nx):
            found = False
            if levels[j, i] & WEAK:
                for b in range(max(j - 1, 0), min(j + 2, ny)):
                    for a in range(max(i - 1, 0), min(i + 2, nx)):
                        found = found or (levels[b, a] & STRONG) != 0
            mask[j, i] = found
