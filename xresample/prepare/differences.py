"""Robust differences of images in superpixels, from which sky levels are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

MINIMUM_PIXELS = 16
"""Minimum number of common pixels of two images in a superpixel."""

ALL_PAIRS = 8
"""Maximum number of images in a superpixel for which all pairs are compared.

If a superpixel has more images, each is compared with the images 1, 2, 4, 8, ... places further
on, in a circle. So the number of pairs grows as n log n, and the errors of the levels hardly grow.
"""

CLIP = 3.0
"""Number of standard deviations from the centre at which differences are clipped."""

ROUNDS = 3
"""Number of times that outliers are clipped."""

QUARTILES = 1.3489795
"""Distance of the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Differences:
    """Differences of two images, one entry per pair of images and superpixel."""

    first: np.ndarray
    """Number of the first image."""
    second: np.ndarray
    """Number of the second image, which is subtracted from the first."""
    y: np.ndarray
    """Mean row of the common pixels of the superpixel."""
    x: np.ndarray
    """Mean column."""
    value: np.ndarray
    """Clipped mean of the differences of the pixels."""
    variance: np.ndarray
    """Variance of this mean."""
    share: np.ndarray
    """Factor of the weight, because pairs of the same images repeat the same noise."""

    @classmethod
    def joined(cls, parts: Sequence[Differences]) -> Differences:
        """Return the differences of several parts of a grid, in the order of the parts."""
        names = [field.name for field in fields(cls)]
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})

    @classmethod
    def none(cls) -> Differences:
        """Return no differences."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return cls(whole, whole, real, real, real, real, real)

    def __len__(self) -> int:
        return len(self.value)


def superpixel_differences(
    images: np.ndarray, numbers: Sequence[int], side: int, origin: tuple[int, int]
) -> Differences:
    """Return the differences of all pairs of images in superpixels.

    Parameters
    ----------
    images : ndarray
        float32 ``(image, y, x)``; NaN where an image has no pixel.
    numbers : sequence of int
        Number of each image.
    side : int
        Pixels along the side of a superpixel. The images begin at the corner of a superpixel.
    origin : (int, int)
        Row and column of the grid where the images begin.

    Examples
    --------
    >>> images = np.zeros((2, 8, 8), np.float32)
    >>> images[0] += 3
    >>> superpixel_differences(images, [0, 1], 8, (0, 0)).value
    array([3.])
    """
    blocks, rows, columns = _blocks(images, side)
    present = np.isfinite(blocks).sum(axis=2) >= MINIMUM_PIXELS
    depth = present.sum(axis=0)
    rank = np.cumsum(present, axis=0) - 1
    pairs = _number_of_pairs(depth)
    inside = np.divmod(np.arange(side * side), side)
    parts = []
    for i in range(len(images)):
        for j in range(i + 1, len(images)):
            steps = rank[j] - rank[i]
            compared = _is_compared(steps, depth) & present[i] & present[j]
            chosen = np.flatnonzero(compared)
            if not len(chosen):
                continue
            pixels = blocks[i, chosen] - blocks[j, chosen]
            common = np.isfinite(pixels)
            enough = common.sum(axis=1) >= MINIMUM_PIXELS
            chosen, pixels, common = chosen[enough], pixels[enough], common[enough]
            if not len(chosen):
                continue
            mean, variance, _ = clipped_means(pixels)
            y, x = (
                start + corner[chosen] * side + common @ position / common.sum(axis=1)
                for start, corner, position in zip(origin, (rows, columns), inside, strict=True)
            )
            n = depth[chosen]
            # With this factor all pairs have together the weight of n independent images.
            share = (n - 1) / pairs[chosen]
            first, second = (np.full(len(chosen), numbers[k], np.int64) for k in (i, j))
            parts.append(Differences(first, second, y, x, mean, variance, share))
    return Differences.joined(parts) if parts else Differences.none()


def clipped_means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the clipped mean of each row, the variance of the mean, and the number of values.

    Parameters
    ----------
    values : ndarray
        float32 ``(row, value)``; NaN does not count.

    Examples
    --------
    >>> mean, variance, count = clipped_means(np.array([[1.0, 2.0, 1.0, 2.0, 99.0]], np.float32))
    >>> float(mean[0]), int(count[0])
    (1.5, 4)
    """
    # NaN are sorted to the end.
    values = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    row = np.arange(len(values))

    def quantile(fraction: float) -> np.ndarray:
        place = np.floor(fraction * np.maximum(count - 1, 0)).astype(np.int64)
        return values[row, place].astype(np.float64)

    centre = 0.5 * (quantile(0.5) + values[row, count // 2 * (count > 0)])
    sigma = (quantile(0.75) - quantile(0.25)) / QUARTILES
    exact = values.astype(np.float64)
    for _ in range(ROUNDS):
        # Rounding of float32 keeps equal values together when the spread is 0.
        far = CLIP * sigma + np.finfo(np.float32).eps * np.abs(centre)
        kept = np.abs(exact - centre[:, None]) <= far[:, None]
        count = kept.sum(axis=1)
        some = np.maximum(count, 1)
        centre = np.where(kept, exact, 0.0).sum(axis=1) / some
        spread = np.where(kept, (exact - centre[:, None]) ** 2, 0.0).sum(axis=1) / some
        sigma = np.sqrt(spread)
    return centre, spread / some, count


def _blocks(images: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels of each superpixel, ``(image, superpixel, pixel)``, with its row, column.

    Images are filled up with NaN to whole superpixels.
    """
    n, ny, nx = images.shape
    my, mx = -(-ny // side), -(-nx // side)
    pad = ((0, 0), (0, my * side - ny), (0, mx * side - nx))
    padded = np.pad(images, pad, constant_values=np.nan)
    blocks = padded.reshape(n, my, side, mx, side).swapaxes(2, 3).reshape(n, my * mx, side * side)
    rows, columns = np.divmod(np.arange(my * mx), mx)
    return blocks, rows, columns


def _is_compared(steps: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Tell which pairs of images are compared, given their distances and the number of images."""
    back = depth - steps
    powers = ((steps & (steps - 1)) == 0) | ((back & (back - 1)) == 0)
    compared: np.ndarray = (steps > 0) & ((depth <= ALL_PAIRS) | powers)
    return compared


def _number_of_pairs(depth: np.ndarray) -> np.ndarray:
    """Return the number of compared pairs, given the number of images."""
    numbers = np.arange(depth.max(initial=0) + 1)
    pairs = np.zeros(len(numbers))
    for n in numbers:
        steps = np.arange(1, n)
        pairs[n] = np.sum((n - steps) * _is_compared(steps, np.full(len(steps), n)))
    found: np.ndarray = np.maximum(pairs, 1)[depth]
    return found
