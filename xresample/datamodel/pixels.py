"""The pixels of an image: its shape, and the rows and columns in the pixels of its WCS."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from .schema import PIXELS


def image_shape(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the shape ``(y, x)`` of a Dataset."""
    return dataset.sizes["y"], dataset.sizes["x"]


def pixel_index(dataset: xr.Dataset, name: Hashable) -> np.ndarray:
    """Return the rows (``"y"``) or columns (``"x"``) in the pixels of the WCS.

    A Dataset without the coordinate counts from 0.
    """
    index = dataset.variables.get(name)
    return np.arange(dataset.sizes[name]) if index is None else index.values


def pixel_origin(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the first row and the first column, ``(y, x)``, in the pixels of the WCS.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> exposure = xrs.make_exposure(np.zeros((4, 5)))
    >>> pixel_origin(exposure.isel(y=slice(1, 3), x=slice(2, None)))
    (1, 2)
    """
    y, x = (_first(dataset, name) for name in PIXELS)
    return y, x


def _first(dataset: xr.Dataset, name: str) -> int:
    index = dataset.variables.get(name)
    return 0 if index is None or not index.size else int(index.values[0])


def pixel_steps(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the steps from a row to the next and from a column to the next, ``(y, x)``."""
    y, x = (_step(pixel_index(dataset, name)) for name in PIXELS)
    return y, x


def _step(index: np.ndarray) -> int:
    return int(index[1] - index[0]) if len(index) > 1 else 1
