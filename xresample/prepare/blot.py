"""Interpolation of an image on a grid at the pixels of an exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xresample.arguments import choice
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.errors import NoOverlapWarning, warn
from xresample.tiled.window_graph import PlacedImage
from xresample.wcs.pixels import Pixels

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap

ROWS = 64
"""Number of rows of an exposure that a thread blots at a time."""


def interpolation_code(interpolation: Any) -> int:
    """Return the number of an interpolation for the kernel.

    Raises
    ------
    InvalidInputError
        The name is unknown.
    """
    from xresample.kernels.blot import INTERPOLATIONS

    return INTERPOLATIONS.index(choice("interpolation", interpolation, INTERPOLATIONS))


def interpolation_margin(interpolation: Any) -> int:
    """Return how many pixels beyond a position an interpolation can read."""
    from xresample.kernels.blot import margin

    return margin(interpolation_code(interpolation))


def blot_part(model: PlacedImage, positions: np.ndarray, code: int, out: np.ndarray) -> None:
    """Write the values of an image at positions, ``(y, x, 2)``, in the pixels of the grid."""
    from xresample.kernels.blot import blot

    blot(model.image, positions, model.y0, model.x0, code, out)


def mapped_rows(exposure: Exposure, mapping: PixelMap, rows: range) -> np.ndarray:
    """Return positions of rows of an exposure, ``(y, x, 2)``; NaN where the map ends.

    Rows count from the first row of the exposure, and the calling thread maps them.
    """
    y = exposure.y[rows.start : rows.stop]
    return mapping.around(Pixels(y, exposure.x), threads=1)


@dataclass(frozen=True)
class UnreadImage:
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

    def read(self, rows: slice, columns: slice) -> PlacedImage:
        """Return a part, with rows and columns counted from the first of the image."""
        part = np.ascontiguousarray(self.values[rows, columns].values, self.dtype)
        weight = None if self.weight is None else self.weight[rows, columns].values
        part = without_weightless(part, weight)
        return PlacedImage(part, self.grid.y0 + rows.start, self.grid.x0 + columns.start)


def without_weightless(image: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return an image in which pixels of weight 0 are NaN; None if nothing is weighted."""
    if weight is None:
        return image
    return np.where(weight == 0, image.dtype.type(np.nan), image)


def row_slabs(height: int) -> list[range]:
    """Return the rows of an exposure in slabs."""
    return [range(first, min(first + ROWS, height)) for first in range(0, height, ROWS)]


def warn_outside(exposure: Exposure) -> None:
    """Warn that the blot for an exposure has no value."""
    warn(
        f"Exposure {exposure.scalars['filename'] or '(no file name)'} lies outside the mosaic: "
        "all pixels of the blot are NaN",
        NoOverlapWarning,
    )
