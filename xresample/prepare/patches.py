"""Planes of an exposure in which some pixels have new values; lazy planes stay lazy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from xresample.datamodel import schema
from xresample.io.lazy_arrays import PlaneArray


@dataclass(frozen=True, eq=False)
class Patch:
    """New values for some pixels of an image."""

    pixels: np.ndarray
    """Flat indices of the pixels, ascending."""
    values: np.ndarray
    """A value for each pixel."""
    shape: tuple[int, int]
    """Shape of the image, ``(y, x)``."""

    def inside(self, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, column and value of the pixels in a window, counted from its first pixel."""
        width = self.shape[1]
        first, last = np.searchsorted(self.pixels, [rows.start * width, rows.stop * width])
        y, x = np.divmod(self.pixels[first:last], width)
        there = (x >= columns.start) & (x < columns.stop)
        return y[there] - rows.start, x[there] - columns.start, self.values[first:last][there]

    def applied(self, part: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """Return a copy of a window of an image with the new values."""
        y, x, values = self.inside(rows, columns)
        out = np.array(part)
        out[y, x] = values
        return out


@dataclass(frozen=True)
class PatchedPlane:
    """A plane that is patched when it is read."""

    source: xr.Variable | None
    """The plane, ``(y, x)``; None for a plane of zeros."""
    patch: Patch
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, ``(y, x)``."""
        return self.patch.shape

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part."""
        if self.source is None:
            part = np.zeros((rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        else:
            part = self.source[rows, columns].values.astype(self.dtype, copy=False)
        return self.patch.applied(part, rows, columns)


def patched(source: xr.Variable | None, patch: Patch, dtype: Any, eager: bool) -> xr.Variable:
    """Return a plane with new values for some pixels, ``(y, x)``.

    Parameters
    ----------
    source : Variable or None
        The plane, which does not change; None for a plane of zeros.
    patch : Patch
        The pixels and their values.
    dtype : dtype
        Type of the result.
    eager : bool
        Whether a plane of zeros is made in memory.
    """
    if source is not None:
        source = source.transpose(*schema.PIXELS)
    plane = PatchedPlane(source, patch, np.dtype(dtype))
    if source is None:
        whole = (slice(0, size) for size in patch.shape)
        array = plane(*whole) if eager else LazilyIndexedArray(PlaneArray(plane))
        return xr.Variable(schema.PIXELS, array)
    if source.chunks is not None:
        array = source.data.map_blocks(_patched_block, plane=plane, dtype=plane.dtype)
    elif isinstance(source._data, np.ndarray):
        array = plane(*(slice(0, size) for size in patch.shape))
    else:
        array = LazilyIndexedArray(PlaneArray(plane))
    kept = {name: source.encoding[name] for name in ("source",) if name in source.encoding}
    return xr.Variable(schema.PIXELS, array, source.attrs, kept)


def _patched_block(block: np.ndarray, plane: PatchedPlane, block_info: Any = None) -> np.ndarray:
    """Return a block of a dask array with the new values of its pixels."""
    rows, columns = (slice(*edges) for edges in block_info[0]["array-location"])
    part = np.asarray(block).astype(plane.dtype, copy=False)
    return plane.patch.applied(part, rows, columns)
