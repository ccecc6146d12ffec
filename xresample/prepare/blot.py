"""A mosaic seen through the pixels of an exposure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.window import pixel_map
from xresample.datamodel import schema
from xresample.datamodel.exposure import COADD_WEIGHT, Exposure, validate
from xresample.datamodel.grid import Grid
from xresample.datamodel.mosaic import described
from xresample.datamodel.options import Options
from xresample.datamodel.signatures import differing_options
from xresample.errors import InvalidInputError, NoOverlapWarning, warn

if TYPE_CHECKING:
    from xresample.kernels.blot import Interpolation
    from xresample.wcs.pixmap import PixelMap

ROWS = 64
"""Number of rows of an exposure that a thread blots at a time."""

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
    validate(dataset)
    image = _image_of(mosaic, variable)
    exposure = Exposure(dataset)
    positions = _positions(exposure, image.grid, Options(**differing_options(options)), pixmap)
    model = _read(image, exposure.shape, positions, code, threads)
    out = np.full(exposure.shape, np.nan, image.dtype)
    if model is None:
        warn(
            f"Exposure {exposure.scalars['filename'] or '(no file name)'} lies outside the "
            "mosaic: all pixels of the blot are NaN",
            NoOverlapWarning,
        )
    else:
        window = model
        slabs = row_slabs(exposure.shape[0])
        pool.run(lambda rows: window.blot(positions(rows), code, out[_cut(rows)]), slabs, threads)
    kept = [
        name for name in (*schema.PIXELS, schema.WCS, schema.IDENTITY) if name in dataset.coords
    ]
    coords = {name: dataset.coords[name] for name in kept}
    attrs = {key: v for key, v in image.values.attrs.items() if key != schema.ANCILLARY}
    return xr.DataArray(out, coords, schema.PIXELS, variable, attrs)


def interpolation_code(interpolation: Any) -> int:
    """Return the number of an interpolation for the kernel.

    Raises
    ------
    InvalidInputError
        The name is unknown.
    """
    from xresample.kernels.blot import INTERPOLATIONS

    if interpolation not in INTERPOLATIONS:
        known = ", ".join(map(repr, INTERPOLATIONS))
        raise InvalidInputError(f"interpolation must be one of {known}, got {interpolation!r}")
    return INTERPOLATIONS.index(interpolation)


@dataclass(frozen=True)
class Model:
    """An image, or the part of it that an exposure sees."""

    image: np.ndarray
    """float32 or float64 ``(y, x)``; NaN where it has no value."""
    y0: int
    """First row, in the pixels of the grid."""
    x0: int

    def blot(self, positions: np.ndarray, code: int, out: np.ndarray) -> None:
        """Write the values at positions, ``(y, x, 2)``, in the pixels of the grid."""
        from xresample.kernels.blot import blot as kernel

        kernel(self.image, positions, self.y0, self.x0, code, out)


def mapped_rows(exposure: Exposure, mapping: PixelMap, rows: range) -> np.ndarray:
    """Return positions of rows of an exposure, ``(y, x, 2)``; NaN where the map ends.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    mapping : PixelMap
        Its map, which covers the pixels inside the bounding box of its WCS.
    rows : range
        Rows, counted from the first row of the exposure.
    """
    j, i = mapping.y.start - exposure.y.start, mapping.x.start - exposure.x.start
    first, last = max(rows.start, j), min(rows.stop, j + len(mapping.y))
    whole = (first, last) == (rows.start, rows.stop) and len(mapping.x) == exposure.shape[1]
    if whole:
        at = range(mapping.y.start + first - j, mapping.y.start + last - j)
        return mapping.evaluate(at, mapping.x, 1)
    out = np.full((len(rows), exposure.shape[1], 2), np.nan)
    if first < last and len(mapping.x):
        at = range(mapping.y.start + first - j, mapping.y.start + last - j)
        inside = out[first - rows.start : last - rows.start, i : i + len(mapping.x)]
        inside[...] = mapping.evaluate(at, mapping.x, 1)
    return out


def _positions(exposure: Exposure, grid: Grid, options: Options, pixmap: Any) -> Positions:
    """Return the function that maps rows of an exposure onto the grid of a mosaic."""
    if pixmap is not None:
        given = np.asarray(pixmap)
        if given.shape != (*exposure.shape, 2) or given.dtype.kind not in "fiu":
            raise InvalidInputError(
                f"pixmap must hold real numbers of shape {(*exposure.shape, 2)}, (y, x, 2) with "
                f"the x of the mosaic first, got shape {given.shape} and type {given.dtype}"
            )
        given = given.astype(np.float64)
        return lambda rows: given[_cut(rows)]
    mapping = pixel_map(exposure, grid, options)
    return lambda rows: mapped_rows(exposure, mapping, rows)


def _image_of(mosaic: Any, variable: str) -> Image:
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
    weight = mosaic.get(COADD_WEIGHT)
    if weight is not None:
        weight = weight.transpose(*schema.PIXELS)
    return Image(image.transpose(*schema.PIXELS), weight, Grid.of(mosaic))


@dataclass(frozen=True)
class Image:
    """An image on a grid that has not been read yet."""

    values: xr.DataArray
    """``(y, x)``."""
    weight: xr.DataArray | None
    """Weights, which are 0 where the image has no value."""
    grid: Grid

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels for the kernel: float32 or float64."""
        return np.result_type(self.values.dtype, np.float32).newbyteorder("=")

    def read(self, rows: slice, columns: slice) -> Model:
        """Return a part, with rows and columns counted from the first of the image."""
        part = np.ascontiguousarray(self.values[rows, columns].values, self.dtype)
        if self.weight is not None:
            part = np.where(self.weight[rows, columns].values == 0, self.dtype.type(np.nan), part)
        return Model(part, self.grid.y0 + rows.start, self.grid.x0 + columns.start)


def _read(
    image: Image,
    shape: tuple[int, int],
    positions: Positions,
    code: int,
    threads: int | None,
) -> Model | None:
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


def row_slabs(height: int) -> list[range]:
    """Return the rows of an exposure in slabs."""
    return [range(first, min(first + ROWS, height)) for first in range(0, height, ROWS)]


def _cut(rows: range) -> slice:
    """Return a range as a slice."""
    return slice(rows.start, rows.stop)
