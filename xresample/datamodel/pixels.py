"""The pixels of an image: its shape, and the rows and columns in the pixels of its WCS."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import xarray as xr

from xresample.wcs.pixels import Pixels

from .schema import ANCILLARY, PIXELS, ancillary

ROUNDING = 1e-6
"""Maximum deviation of a row or column from a constant step, in units of the step."""


def image_shape(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the shape ``(y, x)`` of a Dataset."""
    return dataset.sizes["y"], dataset.sizes["x"]


def pixels_of(dataset: xr.Dataset) -> Pixels:
    """Return the pixels of an image with steps of 1."""
    return Pixels.of(image_shape(dataset), pixel_origin(dataset))


def pixel_index(dataset: xr.Dataset, name: Hashable) -> np.ndarray:
    """Return the rows (``"y"``) or columns (``"x"``) in the pixels of the WCS.

    A Dataset without the coordinate counts from 0.
    """
    index = dataset.variables.get(name)
    return np.arange(dataset.sizes[name]) if index is None else index.values


def pixel_origin(dataset: xr.Dataset) -> tuple[int, int]:
    """Return the first row and the first column, ``(y, x)``, of an image with steps of 1.

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


def pixel_axis(dataset: xr.Dataset, name: str) -> tuple[float, float]:
    """Return the first row or column, and the step to the next, in the pixels of the WCS.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> exposure = xrs.make_exposure(np.zeros((4, 5)))
    >>> pixel_axis(exposure.isel(x=slice(None, None, -2)), "x")
    (4.0, -2.0)
    """
    index = pixel_index(dataset, name)
    first, last = (float(index[0]), float(index[-1])) if index.size else (0.0, 0.0)
    return first, (last - first) / (index.size - 1) if index.size > 1 else 1.0


def counts_pixels(dataset: xr.Dataset, name: str) -> bool:
    """Tell whether rows or columns are whole pixels of the WCS, in steps of 1."""
    index = pixel_index(dataset, name)
    if index.dtype.kind in "iu":
        return bool((np.diff(index) == 1).all())
    whole = index.size != 1 and index.dtype.kind == "f" and bool((index == np.floor(index)).all())
    return whole and bool((np.diff(index) == 1).all())


def fault_of_pixels(dataset: xr.Dataset, name: str) -> str | None:
    """Return why rows or columns are not the pixels of an image; None if they are."""
    index = pixel_index(dataset, name)
    if index.ndim != 1 or index.dtype.kind not in "iuf":
        return (
            f"{name} must hold pixel numbers along {name}, got {index.dtype} of shape {index.shape}"
        )
    if counts_pixels(dataset, name):
        return None
    if index.size == 1:
        return (
            f"{name} must be an integer if there is a single pixel along {name}, because the size "
            f"of the pixel is unknown otherwise, got {index[0]}"
        )
    first, step = pixel_axis(dataset, name)
    even = first + step * np.arange(index.size)
    if step != 0 and (np.abs(index - even) <= ROUNDING * abs(step)).all():
        return None
    return (
        f"{name} must count pixels in constant steps, such as 0, 1, 2 or 9.5, 7.5, 5.5, got "
        f"{np.array2string(index, threshold=6, separator=', ')}: select pixels with slices"
    )


def with_ancillary(dataset: xr.Dataset) -> xr.Dataset:
    """Return a Dataset whose image names all its variables, if it named some of them before."""
    if ANCILLARY not in dataset.variables["data"].attrs:
        return dataset
    names = ancillary(map(str, dataset.data_vars))
    image = dataset.variables["data"].copy(deep=False)
    image.attrs = {**image.attrs, **names}
    return dataset.assign(data=image)
