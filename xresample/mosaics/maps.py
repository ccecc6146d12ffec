"""Maps of a mosaic that follow from its context: depth and epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import context, provenance
from xresample.datamodel.mosaic import require_mosaic
from xresample.datamodel.schema import PIXELS
from xresample.sky.index import without_sky


def depth(mosaic: xr.Dataset) -> xr.DataArray:
    """Return the number of exposures that contribute to each pixel."""
    require_mosaic(mosaic, "con")
    made = _per_pixel(mosaic, _counted, [np.int32])
    attrs = {"long_name": "number of contributing exposures", "units": "1"}
    return made.rename("depth").assign_attrs(attrs)


def epoch(mosaic: xr.Dataset) -> xr.Dataset:
    """Return the mean, first and last time of the exposures that contribute to each pixel."""
    require_mosaic(mosaic, "con")
    numbers = provenance.numbers_of(mosaic)
    start, end, time = (
        np.asarray(mosaic[name].values, np.float64)
        if name in mosaic
        else np.full(len(numbers), np.nan)
        for name in ("start_time", "end_time", "exposure_time")
    )
    table = np.full((3, 1 + max(numbers, default=0)), np.nan)
    table[:, numbers] = start, end, np.where(np.isfinite(time) & (time > 0), time, np.nan)

    def times(con: np.ndarray) -> tuple[np.ndarray, ...]:
        return _times(con, table)

    images = _per_pixel(mosaic, times, [np.float64] * 3)
    names = {"mean": "mean time", "first": "first start", "last": "last end"}
    labelled = {
        name: image.assign_attrs(long_name=f"{text} of the contributing exposures, MJD", units="d")
        for (name, text), image in zip(names.items(), images, strict=True)
    }
    return xr.Dataset(labelled)


def _per_pixel(mosaic: xr.Dataset, function: Callable[..., Any], dtypes: list[Any]) -> Any:
    """Return functions of the context of each pixel, lazy for lazy mosaics."""
    return xr.apply_ufunc(
        function,
        without_sky(mosaic)["con"].transpose(*PIXELS, "plane"),
        input_core_dims=[["plane"]],
        output_core_dims=[[]] * len(dtypes),
        dask="parallelized",
        output_dtypes=dtypes,
    )


def _counted(con: np.ndarray) -> np.ndarray:
    """Return the number of bits of each pixel; ``con`` has the planes last."""
    return context.count(np.moveaxis(con, -1, 0))


def _times(con: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the mean, first and last time of each pixel; ``con`` has the planes last.

    The times are computed once for each distinct set of exposures.
    """
    flat = np.ascontiguousarray(con.reshape(-1, con.shape[-1]))
    keys = flat.view(np.dtype((np.void, flat.itemsize * flat.shape[1])))[:, 0]
    _, first, labels = np.unique(keys, return_index=True, return_inverse=True)
    found = np.full((3, len(first)), np.nan)
    for label, index in enumerate(first):
        start, end, time = table[:, context.decode(flat[index], table.shape[1])]
        middle = (start + end) / 2
        known = np.isfinite(middle)
        if known.any():
            # If an exposure time is unknown, all exposures count alike.
            weights = time[known] if np.isfinite(time[known]).all() else None
            mean = np.average(middle[known], weights=weights)
            found[:, label] = mean, start[known].min(), end[known].max()
    shape = con.shape[:-1]
    mean, earliest, latest = (row[labels].reshape(shape) for row in found)
    return mean, earliest, latest
