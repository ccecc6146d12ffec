"""The values of a pixel in several images, combined to one: mean, median, clipping and others.

The values of a row of pixels are first sorted (see ``network``), with infinity in place of values
that are missing or do not count. Then every pixel picks what its method needs. Methods that need
weights or errors read them in the order of the images.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from .jit import inner, jit
from .network import network, sort_columns

Method: TypeAlias = Literal[
    "mean", "weighted_mean", "median", "minmed", "clipped", "min", "max", "mad"
]
"""Names of the methods."""

METHODS: tuple[str, ...] = get_args(Method)
MEAN, WEIGHTED_MEAN, MEDIAN, MINMED, CLIPPED, MIN, MAX, MAD = range(len(METHODS))

COLUMNS = 512
"""Number of pixels that are sorted together, so that their values stay in the cache."""

NORMAL = 1.482602218505602
"""Standard deviation of a normal distribution over its median absolute deviation."""


class Selection(NamedTuple):
    """How the values of a pixel are combined."""

    method: int
    """Index in ``METHODS``."""
    nlow: int
    """Number of lowest values to reject."""
    nhigh: int
    """Number of highest values to reject, before the lowest ones; at least one value remains."""
    low: float
    """Minimum of a value that counts."""
    high: float
    """Maximum of a value that counts."""
    below: float
    """Distance below the median, in standard deviations, at which a value is rejected."""
    above: float
    """Distance above the median."""
    iterations: int
    """Maximum number of times that values are rejected."""
    predicted: bool
    """Whether each value has a standard deviation, or the scatter of the values gives it."""


def combine_images(
    values: np.ndarray,
    weights: np.ndarray,
    sigmas: np.ndarray,
    floors: np.ndarray,
    how: Selection,
    data: np.ndarray,
    count: np.ndarray,
    rejected: np.ndarray,
) -> None:
    """Combine images pixel by pixel.

    Parameters
    ----------
    values : ndarray
        float32 or float64 ``(image, y, x)``.
    weights : ndarray
        Type and shape of ``values``. A value exists if it is finite and its weight is positive.
    sigmas : ndarray
        Standard deviations, of the type and shape of ``values``, or ``(0, 0, 0)``.
    floors : ndarray
        float64 ``(image,)``: minimum weight of a value that counts.
    how : Selection
        The method.
    data : ndarray
        Type of ``values``, ``(y, x)``; written. NaN where no value counts.
    count : ndarray
        int32 ``(y, x)``; written. Number of values that were combined.
    rejected : ndarray
        int32 ``(y, x)``; written. Number of values that exist and were not combined.
    """
    depth = len(values)
    row = np.empty((depth, COLUMNS), values.dtype)
    marks = np.empty((3, max(depth, COLUMNS)), np.int64)
    kept = np.empty(depth)
    _combine(values, weights, sigmas, floors, how, network(depth), row, marks, kept,
             data, count, rejected)  # fmt: skip


@jit
def _combine(
    values, weights, sigmas, floors, how, pairs, row, marks, kept, data, count, rejected
):  # fmt: skip
    """Combine images as `combine_images` does; ``row``, ``marks`` and ``kept`` are scratch."""
    ny, nx = data.shape
    held, used, mark = marks[0], marks[1], marks[2]
    for j in range(ny):
        for i0 in range(0, nx, row.shape[1]):
            width = min(row.shape[1], nx - i0)
            _gather(values, weights, floors, how, j, i0, width, row, held, used)
            sort_columns(row, pairs, width)
            for c in range(width):
                n = used[c]
                number, value = n, math.nan
                if n > 0:
                    nhigh = min(how.nhigh, n - 1)
                    first, last = min(how.nlow, n - 1 - nhigh), n - nhigh
                    number = last - first
                    if how.method == CLIPPED or how.method == WEIGHTED_MEAN:
                        number, value = _weighted(values, weights, sigmas, floors, how, j, i0 + c,
                                                  row, c, first, last, mark, kept)  # fmt: skip
                    elif how.method == MINMED:
                        value = _minmed(values, weights, sigmas, floors, how, j, i0 + c,
                                        row, c, first, last)  # fmt: skip
                    else:
                        value = _picked(row, c, first, last, how.method)
                data[j, i0 + c] = value
                count[j, i0 + c] = number
                rejected[j, i0 + c] = held[c] - number


@inner
def _gather(values, weights, floors, how, j, i0, width, row, held, used):
    """Write the values that count, or infinity, and count values that exist and that count."""
    held[:width] = 0
    used[:width] = 0
    for k in range(values.shape[0]):
        floor, target = floors[k], row[k]
        line, weight = values[k, j, i0 : i0 + width], weights[k, j, i0 : i0 + width]
        for c in range(width):
            value = line[c]
            exists = math.isfinite(value) and weight[c] > 0.0
            counts = exists and weight[c] >= floor and value >= how.low and value <= how.high
            held[c] += exists
            used[c] += counts
            target[c] = value if counts else math.inf


@inner
def _counts(values, weights, floors, how, k, j, i):
    """Tell whether a value counts."""
    value, weight = values[k, j, i], weights[k, j, i]
    good = math.isfinite(value) and weight > 0.0 and weight >= floors[k]
    return good and value >= how.low and value <= how.high


@inner
def _median(row, c, first, last):
    """Return the median of sorted values."""
    middle = (first + last) // 2
    if (last - first) % 2:
        return float(row[middle, c])
    return 0.5 * (float(row[middle - 1, c]) + float(row[middle, c]))


@inner
def _picked(row, c, first, last, method):
    """Return the result of a method that needs the sorted values alone."""
    if method == MIN:
        return float(row[first, c])
    if method == MAX:
        return float(row[last - 1, c])
    if method == MEAN:
        total = 0.0
        for k in range(first, last):
            total += row[k, c]
        return total / (last - first)
    centre = _median(row, c, first, last)
    if method == MAD:
        return NORMAL * _median_distance(row, c, first, last, centre)
    return centre


@inner
def _median_distance(row, c, first, last, centre):
    """Return the median of the distances from the median; the values nearest to it come first."""
    n = last - first
    below, above = first + n // 2 - 1, first + n // 2
    before, distance = 0.0, 0.0
    for _ in range(n // 2 + 1):
        before = distance
        down = centre - row[below, c] if below >= first else math.inf
        up = row[above, c] - centre if above < last else math.inf
        if down < up:
            distance = down
            below -= 1
        else:
            distance = up
            above += 1
    return distance if n % 2 else 0.5 * (before + distance)


@inner
def _minmed(values, weights, sigmas, floors, how, j, i, row, c, first, last):
    """Return the minimum where the median exceeds it significantly, or else the median.

    The error of the minimum decides, because a cosmic ray inflates the errors of higher values.
    """
    centre, lowest = _median(row, c, first, last), float(row[first, c])
    for k in range(values.shape[0]):
        if values[k, j, i] == row[first, c] and _counts(values, weights, floors, how, k, j, i):
            return lowest if centre - lowest > how.below * sigmas[k, j, i] else centre
    return centre


@inner
def _weighted(values, weights, sigmas, floors, how, j, i, row, c, first, last, mark, kept):
    """Return the number and the weighted mean of the values that no rule rejects."""
    low, high = row[first, c], row[last - 1, c]
    for k in range(values.shape[0]):
        value = values[k, j, i]
        mark[k] = _counts(values, weights, floors, how, k, j, i) and low <= value <= high
    if how.method == CLIPPED:
        centre = _median(row, c, first, last)
        for _ in range(how.iterations):
            if not _reject(values, sigmas, how, j, i, centre, mark):
                break
            centre = _median_of_marked(values, j, i, mark, kept)
    number, total, norm = 0, 0.0, 0.0
    for k in range(values.shape[0]):
        if mark[k]:
            weight = float(weights[k, j, i])
            number += 1
            total += weight * values[k, j, i]
            norm += weight
    return number, total / norm


@inner
def _reject(values, sigmas, how, j, i, centre, mark):
    """Unmark values far from the centre; the nearest one stays. Return whether any was."""
    scatter, nearest = math.nan, -1
    if not how.predicted:
        scatter = _scatter(values, j, i, mark)
    for k in range(values.shape[0]):
        if mark[k]:
            far = abs(values[k, j, i] - centre)
            if nearest < 0 or far < abs(values[nearest, j, i] - centre):
                nearest = k
    changed = False
    for k in range(values.shape[0]):
        if mark[k] and k != nearest:
            sigma = float(sigmas[k, j, i]) if how.predicted else scatter
            off = values[k, j, i] - centre
            if off > how.above * sigma or -off > how.below * sigma:
                mark[k] = 0
                changed = True
    return changed


@inner
def _scatter(values, j, i, mark):
    """Return the standard deviation of the marked values."""
    number, mean, squares = 0, 0.0, 0.0
    for k in range(values.shape[0]):
        if mark[k]:
            number += 1
            step = values[k, j, i] - mean
            mean += step / number
            squares += step * (values[k, j, i] - mean)
    return math.sqrt(squares / number)


@inner
def _median_of_marked(values, j, i, mark, kept):
    """Return the median of the marked values, of which there is at least one."""
    n = 0
    for k in range(values.shape[0]):
        if mark[k]:
            m = n
            while m > 0 and kept[m - 1] > values[k, j, i]:
                kept[m] = kept[m - 1]
                m -= 1
            kept[m] = values[k, j, i]
            n += 1
    return kept[n // 2] if n % 2 else 0.5 * (kept[n // 2 - 1] + kept[n // 2])
