"""A mosaic seen through the pixels of an exposure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.window import pixel_map
from xresample.datamodel import schema
from xresample.datamodel.arrays import bare_array
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.mosaic import described
from xresample.datamodel.options import Options
from xresample.datamodel.signatures import differing_options
from xresample.errors import InvalidInputError
from xresample.tiled.window_graph import PlacedImage

from .blot import (
    ROWS,
    UnreadImage,
    blot_part,
    interpolation_code,
    mapped_rows,
    row_slabs,
    warn_outside,
)
from .lazy_blot import is_chunked, lazy_blot

if TYPE_CHECKING:
    from xresample.kernels.blot import Interpolation

Positions = Callable[[range], np.ndarray]
"""Returns the pixel map of rows of an exposure, counted from its first row."""


def blot(
    dataset: xr.Dataset,
    mosaic: xr.Dataset,
    *,
    variable: str = "data",
    interpolation: Interpolation = "linear",
    pixmap: Any = None,
    threads: int | None = None,
    **options: Any,
) -> xr.DataArray:
    """Return an image on the pixels of an exposure; see `ResampleAccessor.blot`."""
    code = interpolation_code(interpolation)
    exposure, image = Exposure.of(dataset), _image_of(mosaic, variable)
    how = Options(**{"weight_type": None, **differing_options(options)})
    out: Any
    if pixmap is None and is_chunked(exposure, image):
        out = lazy_blot(exposure, image, interpolation, how)
    else:
        positions = _positions(exposure, image.grid, how, pixmap)
        out = _blotted(exposure, image, positions, code, threads)
    kept = [
        name for name in (*schema.PIXELS, schema.WCS, schema.IDENTITY) if name in dataset.coords
    ]
    coords = {name: dataset.coords[name] for name in kept}
    attrs = {key: v for key, v in image.values.attrs.items() if key != schema.ANCILLARY}
    return xr.DataArray(out, coords, schema.PIXELS, variable, attrs)


def _blotted(
    exposure: Exposure, image: UnreadImage, positions: Positions, code: int, threads: int | None
) -> np.ndarray:
    """Return the blot of an image, ``(y, x)``."""
    model = _read(image, exposure.shape, positions, code, threads)
    out = np.full(exposure.shape, np.nan, image.dtype)
    if model is None:
        warn_outside(exposure)
        return out
    seen = model

    def work(rows: range) -> None:
        blot_part(seen, positions(rows), code, out[_cut(rows)])

    pool.run(work, row_slabs(exposure.shape[0]), threads)
    return out


def _positions(exposure: Exposure, grid: Grid, options: Options, pixmap: Any) -> Positions:
    """Return the function that maps rows of an exposure onto the grid of a mosaic."""
    if pixmap is not None:
        given = bare_array(pixmap, "pixmap", "pix")
        if given.shape != (*exposure.shape, 2) or given.dtype.kind not in "fiu":
            raise InvalidInputError(
                f"pixmap must hold real numbers of shape {(*exposure.shape, 2)}, (y, x, 2) with "
                f"the x of the mosaic first, got shape {given.shape} and type {given.dtype}"
            )
        given = given.astype(np.float64)
        return lambda rows: given[_cut(rows)]
    mapping = pixel_map(exposure, grid, options)
    return lambda rows: mapped_rows(exposure, mapping, rows)


def _image_of(mosaic: Any, variable: str) -> UnreadImage:
    """Return an image of a mosaic, or of a Dataset on a grid."""
    if not isinstance(mosaic, xr.Dataset) or variable not in mosaic.data_vars:
        raise InvalidInputError(
            f"blot expects a mosaic, or a Dataset on a grid, with the variable {variable!r}, got "
            f"{described(mosaic)}"
        )
    image = mosaic[variable]
    if set(image.dims) != set(schema.PIXELS) or image.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"{variable} must be an image (y, x) of real numbers, got dimensions {image.dims} of "
            f"type {image.dtype}"
        )
    weight = mosaic.get(schema.COADD_WEIGHT)
    if weight is not None:
        weight = weight.transpose(*schema.PIXELS)
    return UnreadImage(image.transpose(*schema.PIXELS), weight, Grid.of(mosaic))


def _read(
    image: UnreadImage,
    shape: tuple[int, int],
    positions: Positions,
    code: int,
    threads: int | None,
) -> PlacedImage | None:
    """Return the part of an image that an exposure sees; None if it sees nothing."""
    from xresample.kernels.blot import margin

    sides = np.array([(np.inf, -np.inf, np.inf, -np.inf)] * len(row_slabs(shape[0])))

    def bound(rows: range) -> None:
        mapped = positions(rows)
        sides[rows.start // ROWS] = [
            pick(mapped[..., axis], where=np.isfinite(mapped[..., axis]), initial=initial)
            for axis in (1, 0)
            for pick, initial in ((np.min, np.inf), (np.max, -np.inf))
        ]

    pool.run(bound, row_slabs(shape[0]), threads)
    far, grid = margin(code), image.grid
    cuts = []
    for first, size, low, high in (
        (grid.y0, grid.shape[0], sides[:, 0].min(), sides[:, 1].max()),
        (grid.x0, grid.shape[1], sides[:, 2].min(), sides[:, 3].max()),
    ):
        start = np.clip(np.floor(low) - first - far, 0, size)
        stop = np.clip(np.ceil(high) - first + far + 1, 0, size)
        if not start < stop:
            return None
        cuts.append(slice(int(start), int(stop)))
    return image.read(*cuts)


def _cut(rows: range) -> slice:
    """Return a range as a slice."""
    return slice(rows.start, rows.stop)
