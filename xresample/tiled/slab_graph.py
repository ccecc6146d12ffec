"""Tasks that see the same rows of all images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr


def lazy_slabs(
    work: Callable[..., np.ndarray],
    images: Sequence[xr.Dataset],
    arguments: Sequence[Any],
    dtype: Any,
) -> Any:
    """Return a dask array ``(image, y, x)`` that is computed slab by slab.

    Parameters
    ----------
    work : callable
        Returns an array ``(image, y, x)`` from the rows of all images, and the arguments.
    images : sequence of Dataset
        The images, ``(y, x)``, of one shape. The slabs are the chunks of the first variable that
        is a dask array.
    arguments : sequence of object
        Further arguments, also lazy ones.
    dtype : dtype
        Type of the array.
    """
    import dask.array as da
    from dask.delayed import delayed

    chunked = (v.chunksizes for image in images for v in image.data_vars.values() if v.chunks)
    heights = next(chunked)["y"]
    width, edges = images[0].sizes["x"], np.cumsum([0, *heights])
    task, slabs = delayed(work, pure=False), []
    for first, last in pairwise(edges.tolist()):
        parts = [image.isel(y=slice(first, last)) for image in images]
        shape = len(images), last - first, width
        slabs.append(da.from_delayed(task(parts, *arguments), shape, dtype=dtype))
    return da.concatenate(slabs, axis=1)


def lazy_numbers(work: Callable[..., float], images: Sequence[xr.Dataset], *arguments: Any) -> Any:
    """Return a dask array ``(image,)`` of float64: a number for each image.

    Parameters
    ----------
    work : callable
        Returns the number of an image, from the image and the arguments.
    images : sequence of Dataset
        The images.
    *arguments : object
        Further arguments.
    """
    import dask.array as da
    from dask.delayed import delayed

    task = delayed(one_number, pure=False)
    found = [da.from_delayed(task(work, i, *arguments), (1,), dtype=np.float64) for i in images]
    return da.concatenate(found)


def one_number(work: Callable[..., float], *arguments: Any) -> np.ndarray:
    """Return the number that a function returns, float64 ``(1,)``."""
    return np.array([work(*arguments)], np.float64)
