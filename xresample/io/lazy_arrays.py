"""Planes of files that are read on demand, behind the indexing of xarray."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from xresample.errors import FileError


class LazyPlane(Protocol):
    """A plane of an exposure that reads a part of its pixels when it is called.

    A plane is a small value without an open file, so it can be pickled and used by many threads.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, ``(y, x)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array that a call returns."""

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part; both slices have a start, a stop and no step."""


def require_part(
    part: np.ndarray, plane: LazyPlane, rows: slice, columns: slice, label: str
) -> None:
    """Raise a `FileError` unless a file gave the part of a plane that its header promises.

    Parameters
    ----------
    part : ndarray
        The part as it was read.
    plane : LazyPlane
        The plane.
    rows, columns : slice
        The part that was asked for.
    label : str
        File and name of the plane, for the message.
    """
    expected = (rows.stop - rows.start, columns.stop - columns.start)
    kinds = "iu" if plane.dtype.kind == "u" else "fiu"
    if part.shape != expected or part.dtype.kind not in kinds:
        raise FileError(
            f"{label} must return {plane.dtype} of shape {expected} when it is read, got "
            f"{part.dtype} of shape {part.shape}: the file is damaged"
        )


@dataclass(frozen=True)
class ComputedPlane:
    """A float32 plane that is computed pixel by pixel from other planes."""

    function: Callable[..., np.ndarray]
    """A function at the top level of a module, or a partial of one, so that it can be pickled."""
    sources: tuple[LazyPlane, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sources, ``(y, x)``."""
        return self.sources[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Computed planes are float32."""
        return np.dtype(np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, computed from the same part of the sources."""
        parts = [source(rows, columns) for source in self.sources]
        with np.errstate(all="ignore"):
            return np.asarray(self.function(*parts), np.float32)


class PlaneArray(BackendArray):
    """A plane as the array that xarray indexes."""

    def __init__(self, plane: LazyPlane) -> None:
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
    """Return the smallest contiguous window that contains a key, and the key within the window.

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
    # The window ends at the last pixel of the key, so a negative step starts at the right pixel.
    return slice(low, high + 1), slice(None, None, wanted.step)


class TextArray(BackendArray):
    """A 0-d array of text that is made when it is first read."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._text: str | None = None
        self.shape = ()
        # The length is unknown before the text is made. With dtype object, xarray would read the
        # text at once, to find out whether it is a date.
        self.dtype = np.dtype(np.str_)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return np.array(self.text_of_wcs())

    def text_of_wcs(self) -> str:
        """Return the text, which is made once."""
        if self._text is None:
            self._text = self._make()
        return self._text


def inverse(weight: np.ndarray) -> np.ndarray:
    """Return the variance for an inverse variance.

    A weight that is not positive gives NaN, so the pixel is ignored.

    Examples
    --------
    >>> inverse(np.array([4.0, 0.0]))
    array([0.25,  nan])
    """
    return 1 / np.where(weight > 0, weight, math.nan)


def measured(data: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return data that are NaN where the weight is 0 or unknown.

    Examples
    --------
    >>> measured(np.array([5.0, 0.0]), np.array([2.0, 0.0]))
    array([ 5., nan])
    """
    return np.where((weight == 0) | np.isnan(weight), np.nan, data)


def quotient(values: np.ndarray, divisor: float) -> np.ndarray:
    """Return values divided by a number, in float32."""
    return values / np.float32(divisor)
