"""Maps of a mosaic that follow from its context: depth and epoch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import context, provenance
from xresample.datamodel.exposure_sets import ExposureSets
from xresample.datamodel.labels import is_labelled, per_label
from xresample.datamodel.mosaic import require_context
from xresample.datamodel.schema import PIXELS
from xresample.sky.index import without_sky


def depth(mosaic: xr.Dataset) -> xr.DataArray:
    """Return the number of exposures that contribute to each pixel."""
    require_context(mosaic)
    if is_labelled(mosaic):
        (made,) = per_label(mosaic, lambda sets: [sets.lengths], [np.int32])
    else:
        made = _per_pixel(mosaic, _counted, [np.int32])
    attrs = {"long_name": "number of contributing exposures", "units": "1"}
    return made.rename("depth").assign_attrs(attrs)


def epoch(mosaic: xr.Dataset) -> xr.Dataset:
    """Return the mean, first and last time of the exposures that contribute to each pixel."""
    require_context(mosaic)
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

    if is_labelled(mosaic):
        images = per_label(mosaic, partial(_times_of_sets, table=table), [np.float64] * 3)
    else:
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
        found[:, label] = _times_of(table[:, context.decode(flat[index], table.shape[1])])
    shape = con.shape[:-1]
    mean, earliest, latest = (row[labels].reshape(shape) for row in found)
    return mean, earliest, latest


def _times_of_sets(sets: ExposureSets, table: np.ndarray) -> list[np.ndarray]:
    """Return the mean, first and last time of each set of exposures."""
    # Exposures whose rows have been left out of the mosaic have no times.
    known = [sets[k][sets[k] < table.shape[1]] for k in range(len(sets))]
    return list(np.array([_times_of(table[:, members]) for members in known]).T)


def _times_of(times: np.ndarray) -> tuple[float, float, float]:
    """Return the mean, first and last time of some exposures, given start, end and duration."""
    start, end, time = times
    middle = (start + end) / 2
    known = np.isfinite(middle)
    if not known.any():
        return np.nan, np.nan, np.nan
    # If an exposure time is unknown, all exposures count alike.
    weights = time[known] if np.isfinite(time[known]).all() else None
    mean = np.average(middle[known], weights=weights)
    return float(mean), float(start[known].min()), float(end[known].max())
