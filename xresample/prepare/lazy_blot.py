"""Blots that are computed when somebody reads them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.job import Job
from xresample.datamodel import schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import Options
from xresample.tiled.plan import Plan, parts_of
from xresample.tiled.tiling import Tiling
from xresample.tiled.window_graph import PlacedImage, per_exposure
from xresample.tiled.worker import ExposureInput, SharedInput, mapping_of

from .blot import (
    UnreadImage,
    blot_part,
    interpolation_margin,
    mapped_rows,
    row_slabs,
    warn_outside,
    without_weightless,
)

PIECE = 1024
"""Rows and columns of the pieces in which an image of a file is read that has no chunks."""


def is_chunked(exposure: Exposure, image: UnreadImage) -> bool:
    """Tell whether a blot is a dask array: if the mosaic, or the exposure, is one."""
    given = exposure.dataset.variables.get("data")
    planes = (image.values.variable, given, None if image.weight is None else image.weight.variable)
    return any(plane is not None and plane.chunks is not None for plane in planes)


def lazy_blot(exposure: Exposure, image: UnreadImage, interpolation: str, options: Options) -> Any:
    """Return a dask array, ``(y, x)``, whose tasks need only the chunks of a mosaic under them.

    Parameters
    ----------
    exposure : Exposure
        The exposure. The blot has the chunks of its data, if they are a dask array.
    image : UnreadImage
        The image of the mosaic, and its weights.
    interpolation : str
        Interpolation of the image.
    options : Options
        How the pixel map is made.
    """
    values = _chunked(image.values.variable)
    planes = {"image": values}
    if image.weight is not None:
        planes["weight"] = _chunked(image.weight.variable).rechunk(values.chunks)
    grid = image.grid
    job = Job.new(grid, options)
    entry = job.admit(exposure)
    tiling = Tiling.of_sizes(values.chunks, grid.origin)
    parts = parts_of((entry,), job, tiling, interpolation_margin(interpolation))
    if not parts:
        warn_outside(exposure)
    plan = Plan(job.after(entry), tiling, (entry,), parts)
    work = partial(blotted, interpolation, image.dtype)
    (array,) = per_exposure(plan, (), planes, work, image.dtype)
    data = exposure.dataset["data"].variable
    chunks = data.transpose(*schema.PIXELS).chunks
    return array if chunks is None else array.rechunk(chunks)


def blotted(
    interpolation: str,
    dtype: np.dtype,
    shared: SharedInput,
    given: ExposureInput,
    exposure: Exposure,
    windows: dict[str, PlacedImage],
) -> np.ndarray:
    """Return the blot for an exposure from the parts of the image and the weights under it."""
    from xresample.kernels.blot import INTERPOLATIONS

    out = np.full(exposure.shape, np.nan, dtype)
    if not windows:
        return out
    part, y0, x0 = windows["image"]
    weight = windows["weight"].image if "weight" in windows else None
    model = PlacedImage(without_weightless(part.astype(dtype, copy=False), weight), y0, x0)
    mapping, code = mapping_of(given, shared), INTERPOLATIONS.index(interpolation)
    for rows in row_slabs(exposure.shape[0]):
        positions = mapped_rows(exposure, mapping, rows)
        blot_part(model, positions, code, out[rows.start : rows.stop])
    return out


def _chunked(variable: xr.Variable) -> Any:
    """Return a plane of a mosaic as a dask array; an array in memory is one chunk."""
    if variable.chunks is not None:
        return variable.data
    piece = -1 if isinstance(variable._data, np.ndarray) else PIECE
    return variable.chunk(dict.fromkeys(schema.PIXELS, piece)).data
