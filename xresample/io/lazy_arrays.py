"""Arrays of files that nobody has read yet, as xarray asks backends for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

Pair = tuple[int, int]


class Plane(Protocol):
    """A plane that is read when called, for the part that is asked for.

    Planes are plain values: they hold no open file, can be pickled and used by many threads.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """``(y, x)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of what a call returns."""

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, whose slices have a start, a stop and no step."""


@dataclass(frozen=True)
class Mapped:
    """A plane computed pixel by pixel from others."""

    function: Callable[..., np.ndarray]
    """A function at the top of a module, or a partial of one; gives float32."""
    sources: tuple[Plane, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the sources."""
        return self.sources[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """All that is computed is float32."""
        return np.dtype(np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part."""
        parts = [source(rows, columns) for source in self.sources]
        with np.errstate(all="ignore"):
            return np.asarray(self.function(*parts), np.float32)


class PlaneArray(BackendArray):
    """A plane behind the indexing of xarray."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self.shape = plane.shape
        self.dtype = plane.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._read)

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        (rows, inner_y), (columns, inner_x) = map(_window, key, self.shape)
        if rows.start == rows.stop or columns.start == columns.stop:
            empty = np.empty((rows.stop - rows.start, columns.stop - columns.start), self.dtype)
            return empty[inner_y, inner_x]
        return self._plane(rows, columns)[inner_y, inner_x]


def _window(key: int | slice, length: int) -> tuple[slice, int | slice]:
    """Return the gapless part that holds what a key asks for, and the key within that part.

    Examples
    --------
    >>> _window(slice(1, None, 3), 9)
    (slice(1, 8, None), slice(None, None, 3))
    >>> _window(-1, 9)
    (slice(8, 9, None), 0)
    """
    if not isinstance(key, slice):
        first = int(key) % length
        return slice(first, first + 1), 0
    wanted = range(*key.indices(length))
    if not wanted:
        return slice(0, 0), slice(None)
    low, high = min(wanted), max(wanted)
    # A step back starts at the end of the part.
    return slice(low, high + 1), slice(None, None, wanted.step)


class TextArray(BackendArray):
    """A text of dimension 0 that is made when first read."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._text: str | None = None
        self.shape = ()
        # Of unknown length. An object might be a date for xarray, which would look at it.
        self.dtype = np.dtype(np.str_)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if self._text is None:
            self._text = self._make()
        return np.array(self._text)


def inverse(weight: np.ndarray) -> np.ndarray:
    """Return the variance of a weight; NaN, which is no pixel, where the weight is not positive.

    Examples
    --------
    >>> inverse(np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    return 1 / np.where(weight > 0, weight, math.nan)


def quotient(values: np.ndarray, divisor: float) -> np.ndarray:
    """Return values over a number."""
    return values / np.float32(divisor)
