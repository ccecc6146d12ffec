"""The blocks of the noise covariance: rectangles of pixels that begin at multiples of a size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidInputError

from . import schema
from .coordinates import BLOCK_COORDINATES, coordinate_attrs

NOISE = "noise_covariance"
"""Name of the variable of a mosaic that holds the sums over the blocks."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of an image, as the edges of the rows and columns of blocks."""

    y: tuple[int, ...]
    """First row of each row of blocks, and the row after the last block, in pixels of the grid."""
    x: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, int], origin: tuple[int, int], size: int) -> Blocks:
        """Divide an image at the multiples of a size.

        Parameters
        ----------
        shape : (int, int)
            Rows and columns of the image.
        origin : (int, int)
            First row and column of the image, in pixels of the grid.
        size : int
            Rows and columns of a block.

        Examples
        --------
        >>> Blocks.of((5, 4), (3, 0), 4)
        Blocks(y=(3, 4, 8), x=(0, 4))
        """
        y, x = (
            (first, *range((first // size + 1) * size, first + count, size), first + count)
            for first, count in zip(origin, shape, strict=True)
        )
        return cls(y, x)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of blocks, ``(y, x)``."""
        return len(self.y) - 1, len(self.x) - 1

    def index(self, y: int, x: int) -> tuple[int, int]:
        """Return the row and the column of the block that contains a pixel."""
        return bisect_right(self.y, y) - 1, bisect_right(self.x, x) - 1

    def rectangles(self) -> Iterator[tuple[tuple[int, int], tuple[int, int, int, int]]]:
        """Yield the index of each block, and its rows and columns ``y0, y1, x0, x1``."""
        for j in range(self.shape[0]):
            for i in range(self.shape[1]):
                yield (j, i), (self.y[j], self.y[j + 1], self.x[i], self.x[i + 1])

    def coords(self, lags: int) -> dict[str, Any]:
        """Return the coordinates of the noise covariance.

        Parameters
        ----------
        lags : int
            Maximum lag along an axis.
        """
        values = {
            "lag_y": np.arange(lags + 1),
            "lag_x": np.arange(-lags, lags + 1),
            "block_y": self.y[:-1],
            "block_x": self.x[:-1],
            "block_y_stop": self.y[1:],
            "block_x_stop": self.x[1:],
        }
        return {
            row.name: (row.dims, np.array(values[row.name]), coordinate_attrs(row.name))
            for row in BLOCK_COORDINATES
        }


def edges_of(mosaic: xr.Dataset, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pixel of each block of a mosaic along an axis, and the pixel after it."""
    names = (f"block_{axis}", f"block_{axis}_stop")
    if lacking := [name for name in names if name not in mosaic.coords]:
        raise InvalidInputError(
            f"A mosaic with {NOISE} must have the coordinates {', '.join(names)}, which tell which "
            f"pixels a block covers; missing: {', '.join(lacking)}"
        )
    first, stop = (np.atleast_1d(mosaic[name].values) for name in names)
    return first, stop


def read_sums(mosaic: xr.Dataset, blocks: Blocks) -> np.ndarray:
    """Return the sums of the blocks of a mosaic, ``(block y, block x, lag y, lag x)``.

    A mosaic that was cut at edges of blocks may hold further blocks, which are left out.

    Raises
    ------
    InvalidInputError
        A block was cut, or is missing.
    """
    chosen = {}
    for axis, edges in (("y", blocks.y), ("x", blocks.x)):
        first, stop = edges_of(mosaic, axis)
        held = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(first, stop, strict=True))}
        wanted = list(pairwise(edges))
        if lacking := [pair for pair in wanted if pair not in held]:
            raise InvalidInputError(
                f"The blocks of {NOISE} must be whole to add or merge exposures, but the mosaic "
                f"holds no block with pixels {lacking[0][0]} to {lacking[0][1] - 1} along {axis}: "
                "the mosaic was cut inside a block. Cut it at multiples of noise_block="
                f"{schema.plain(mosaic.attrs.get('noise_block'))} pixels, or drop the sums with "
                f"mosaic.drop_vars({NOISE!r}).assign_attrs(noise_covariance=0)"
            )
        chosen[f"block_{axis}"] = [held[pair] for pair in wanted]
    dims = (*schema.BLOCKS, "lag_y", "lag_x")
    found = mosaic[NOISE].transpose(*dims).isel(chosen)
    return np.array(found.values, np.float64)


def widened(sums: np.ndarray, lags: int) -> np.ndarray:
    """Return sums with zeros at further lags, ``(block y, block x, lag y, lag x)``."""
    more = lags + 1 - sums.shape[2]
    if more <= 0:
        return sums
    return np.pad(sums, ((0, 0), (0, 0), (0, more), (more, more)))
