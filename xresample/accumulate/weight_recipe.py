"""Weights of an exposure as the user chooses them: their kind, smoothed, clipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from xresample.arguments import choice, whole
from xresample.datamodel.dq_flags import good_pixels
from xresample.datamodel.options import WEIGHT_PLANE, DType, WeightType
from xresample.errors import InvalidInputError

from .weights import weight_map

WeightKind = Literal["ivm", "ivm-sky", "ivm-poisson-median", "exptime", "map"] | None
POISSON_MEDIAN = "ivm-poisson-median"
KINDS: tuple[WeightKind, ...] = (*get_args(get_args(WeightKind)[0]), None)
_PLANES = {**WEIGHT_PLANE, POISSON_MEDIAN: "var_rnoise"}


@dataclass(frozen=True)
class WeightRecipe:
    """How the weights of an exposure follow from its planes; called with the planes as arrays."""

    kind: WeightKind
    smooth: int | None = None
    clip: tuple[float, float] | None = None
    good_bits: Any = 0
    flag_map: Any = None
    dtype: DType = "float32"
    time: float = np.nan
    first: tuple[int, int] = (0, 0)
    """First row and column, in the pixels of the detector."""
    flagged: bool = False
    """Whether the last plane holds flags."""
    accepted: int = 0
    """Flags that never exclude a pixel, as a mask."""

    @property
    def weight_type(self) -> WeightType:
        """Weight type of a mosaic that is nearest to the kind."""
        return "ivm" if self.kind == "ivm-poisson-median" else self.kind

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes that the weights need, without the flags."""
        own = _PLANES.get(self.kind or "")
        if own is None:
            return ()
        return (own, "var_poisson") if self.kind == POISSON_MEDIAN else (own,)

    @property
    def output_type(self) -> np.dtype:
        """Type of the weights."""
        of_plane = self.kind is not None and self.kind != "exptime"
        return np.dtype(self.dtype if of_plane else "float32")

    @property
    def is_local(self) -> bool:
        """Whether the weight of a pixel follows from this pixel alone."""
        return self.smooth is None and self.clip is None and self.kind != POISSON_MEDIAN

    def require_valid(self) -> None:
        """Raise an `InvalidInputError` if the recipe cannot be followed."""
        choice("weight_type", self.kind, KINDS)
        if self.smooth is not None:
            size = whole("smooth", self.smooth, at_least=1)
            if not (self.planes and self.planes[0].startswith("var_")):
                raise InvalidInputError(
                    "smooth must be None for weights that follow from no variance, got "
                    f"smooth={size} with weight_type={self.kind!r}"
                )
        if self.clip is not None:
            _require_percentiles(self.clip)

    def __call__(self, data: np.ndarray, *planes: np.ndarray) -> np.ndarray:
        """Return the weights, ``(y, x)``, from the data, `planes`, and flags if there are any."""
        flags = planes[-1] if self.flagged else None
        good = good_pixels(flags, self.good_bits, self.flag_map, self.accepted)
        weights = self._unclipped(planes, good, data.shape)
        np.copyto(weights, 0.0, where=~(np.abs(data) <= np.finfo(self.dtype).max))
        if self.clip is None or not (there := weights > 0).any():
            return weights
        low, high = np.percentile(weights[there], self.clip)
        return np.where(there, np.clip(weights, low, high), 0).astype(weights.dtype)

    def _unclipped(
        self, planes: tuple[np.ndarray, ...], good: np.ndarray | None, shape: tuple[int, int]
    ) -> np.ndarray:
        kind = self.weight_type
        plane = _wide(planes[0]) if self.planes else None
        if plane is not None and self.planes[0].startswith("var_"):
            usable = np.isfinite(plane) & (plane > 0)
            if self.kind == POISSON_MEDIAN:
                plane = plane.astype(np.float64) + _median(_wide(planes[1]), good)
            if self.smooth is not None:
                sampled = usable if good is None else usable & good
                smoothed = smooth_variance(
                    np.where(sampled, plane, np.nan), self.smooth, self.first
                )
                plane = np.where(usable, smoothed, np.nan)
        return weight_map(kind, shape, plane, self.time, good, self.dtype)


def _wide(plane: np.ndarray) -> np.ndarray:
    """Return a plane in at least single precision: in half precision, sums overflow."""
    return plane.astype(np.float32) if plane.dtype == np.float16 else plane


def _median(plane: np.ndarray, good: np.ndarray | None) -> float:
    """Return the median over the good, finite pixels; 0 if there are none."""
    there = np.isfinite(plane) if good is None else np.isfinite(plane) & good
    return float(np.median(plane[there].astype(np.float64))) if there.any() else 0.0


def _require_percentiles(clip: Any) -> None:
    """Raise an `InvalidInputError` unless two numbers are a range of percentiles."""
    try:
        low, high = (float(limit) for limit in clip)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not 0 <= low < high <= 100:
        raise InvalidInputError(
            f"clip must be two increasing percentiles within 0 to 100, such as (1, 99), got "
            f"{clip!r}"
        )


def smooth_variance(variance: np.ndarray, size: int, first: tuple[int, int]) -> np.ndarray:
    """Return the medians over blocks of pixels, interpolated between the centres of the blocks.

    Parameters
    ----------
    variance : ndarray
        The variance, ``(y, x)``; pixels with NaN do not count.
    size : int
        Size of a block in pixels.
    first : (int, int)
        First row and column in the pixels of the detector, whose first block begins at pixel 0.

    Returns
    -------
    ndarray
        float64 ``(y, x)``. A block without a value takes the mean of the blocks around it.

    Examples
    --------
    >>> smooth_variance(np.array([[1.0, 1.0, 5.0, 5.0]]), 2, (0, 0))
    array([[1., 2., 4., 5.]])
    """
    starts = [start // size for start in first]
    blocks = _filled(_block_medians(variance, size, first))
    for axis, (start, block) in enumerate(zip(first, starts, strict=True)):
        position = (np.arange(start, start + variance.shape[axis]) + 0.5) / size - 0.5
        low = np.floor(position)
        share = position - low
        last = blocks.shape[axis] - 1
        before = np.clip(low.astype(int) - block, 0, last)
        after = np.clip(low.astype(int) - block + 1, 0, last)
        share = share.reshape((-1, 1) if axis == 0 else (1, -1))
        blocks = np.take(blocks, before, axis) * (1 - share) + np.take(blocks, after, axis) * share
    return blocks


def _block_medians(variance: np.ndarray, size: int, first: tuple[int, int]) -> np.ndarray:
    """Return the median of each block; NaN where a block has no value."""
    pads = []
    for start, length in zip(first, variance.shape, strict=True):
        before = start % size
        pads.append((before, -(before + length) % size))
    padded = np.pad(variance.astype(np.float64), pads, constant_values=np.nan)
    rows, columns = (length // size for length in padded.shape)
    split = padded.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(rows, columns, -1)
    medians = np.full((rows, columns), np.nan)
    there = np.isfinite(split).any(axis=-1)
    medians[there] = np.nanmedian(split[there], axis=-1)
    return medians


def _filled(blocks: np.ndarray) -> np.ndarray:
    """Return blocks where each one without a value has the mean of its nearest neighbours."""
    while (empty := np.isnan(blocks)).any() and not empty.all():
        padded = np.pad(blocks, 1, constant_values=np.nan)
        shifted = np.stack(
            [
                padded[1 + j : 1 + j + blocks.shape[0], 1 + i : 1 + i + blocks.shape[1]]
                for j in (-1, 0, 1)
                for i in (-1, 0, 1)
            ]
        )
        known = np.isfinite(shifted)
        count = known.sum(axis=0)
        means = np.where(known, shifted, 0).sum(axis=0) / np.maximum(count, 1)
        blocks = np.where(empty & (count > 0), means, blocks)
    return blocks
