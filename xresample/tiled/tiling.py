"""The tiles of a mosaic, and the pixels of an exposure that can touch each tile."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.datamodel.blocks import Blocks
from xresample.datamodel.schema import PIXELS
from xresample.errors import InvalidInputError
from xresample.wcs.coarse import Lattice
from xresample.wcs.pixels import Pixels

ROUNDING = 1.0
"""Output pixels added to all bounds, to allow for rounding and for kinks of look-up tables."""


@dataclass(frozen=True)
class Tiling:
    """A mosaic divided into tiles, as the edges of the rows and columns of tiles."""

    y: tuple[int, ...]
    """First row of each row of tiles, and the row after the last tile, in pixels of the grid."""
    x: tuple[int, ...]

    @classmethod
    def of(cls, chunks: Any, pixels: Pixels, pixel_bytes: int, block: int = 0) -> Tiling:
        """Divide a mosaic into tiles.

        Parameters
        ----------
        chunks : int, tuple, mapping or "auto"
            Sizes as for dask, in a mapping under ``"y"`` and ``"x"``; with ``"auto"`` all planes
            of a tile together have the size of dask's ``array.chunk-size``.
        pixels : Pixels
            The pixels of the mosaic.
        pixel_bytes : int
            Size of one pixel in all planes, in bytes.
        block : int, optional
            Rows and columns of the blocks of the noise covariance, which tiles must not cut;
            ``"auto"`` chooses such tiles. 0: there are no blocks.

        Raises
        ------
        InvalidInputError
            The chunks are invalid, or cut blocks.
        """
        try:
            import dask
            from dask.array.core import normalize_chunks
            from dask.utils import parse_bytes
        except ImportError:
            raise InvalidInputError(
                "Mosaics in tiles need dask, which is not installed: pip install 'xresample[dask]'"
            ) from None

        given, shape = chunks, pixels.shape
        if isinstance(chunks, Mapping):
            if unknown := sorted(map(str, set(chunks) - set(PIXELS))):
                raise InvalidInputError(
                    f"chunks must have the keys 'y' and 'x', got {', '.join(unknown)}"
                )
            chunks = tuple(chunks.get(name, -1) for name in PIXELS)
        most = parse_bytes(dask.config.get("array.chunk-size"))
        try:
            # Elements of one byte make dask count the limit in pixels.
            limit = max(1, most // pixel_bytes)
            sides = normalize_chunks(chunks, shape, limit=limit, dtype=np.dtype(np.uint8))
            if any(size < 1 for side in sides for size in side):
                raise ValueError("a tile must have at least one pixel per side")
        except (TypeError, ValueError, NotImplementedError, ZeroDivisionError) as error:
            raise InvalidInputError(
                "chunks must be a size, sizes (y, x), a mapping of 'y' and 'x', or 'auto', got "
                f"{given!r} for a mosaic of {shape[0]} x {shape[1]} pixels: {error}"
            ) from error
        tiling = cls.of_sizes(sides, pixels.origin)
        if block and "auto" in (chunks if isinstance(chunks, tuple) else (chunks,)):
            tiling = cls(*(_aligned(side, block) for side in (tiling.y, tiling.x)))
        if block:
            tiling._require_whole_blocks(block)
        return tiling

    @classmethod
    def of_sizes(cls, sides: Any, origin: tuple[int, int]) -> Tiling:
        """Return tiles of given sizes, ``(sizes along y, sizes along x)``, and a first pixel."""
        edges = [
            tuple(int(edge) for edge in np.cumsum([start, *side]))
            for start, side in zip(origin, sides, strict=True)
        ]
        return cls(*edges)

    @classmethod
    def squares(cls, pixels: Pixels, side: int) -> Tiling:
        """Return tiles that are squares, except at the far edges."""
        return cls(*((*range(part.start, part.stop, side), part.stop) for part in pixels))

    @classmethod
    def whole(cls, pixels: Pixels) -> Tiling:
        """Return one tile."""
        return cls(*((part.start, part.stop) for part in pixels))

    def _require_whole_blocks(self, block: int) -> None:
        """Raise an `InvalidInputError` if a tile cuts a block of the noise covariance."""
        for axis, edges in zip(PIXELS, (self.y, self.x), strict=True):
            cut = [edge for edge in edges[1:-1] if edge % block]
            if cut:
                nearest = max(1, round((edges[1] - edges[0]) / block)) * block
                hint = f"use chunks of {nearest} pixels"
                if edges[0] % block:
                    first = block - edges[0] % block
                    hint += (
                        f", the first of {first} pixels because the mosaic begins at {axis} = "
                        f"{edges[0]}"
                    )
                raise InvalidInputError(
                    "With noise_covariance, tiles must begin at multiples of noise_block="
                    f"{block} pixels, got a tile that begins at {axis} = {cut[0]}: {hint}, or "
                    "another noise_block"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of tiles, ``(y, x)``."""
        return len(self.y) - 1, len(self.x) - 1

    @property
    def blocks(self) -> Blocks:
        """The tiles as blocks of pixels."""
        return Blocks(self.y, self.x)

    @property
    def chunks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The sizes of the tiles along ``y`` and ``x``, in the form of dask's chunks."""
        y, x = (tuple(map(int, np.diff(edges))) for edges in (self.y, self.x))
        return y, x

    def tile(self, j: int, i: int) -> Pixels:
        """Return the rows and columns of a tile."""
        return Pixels(range(self.y[j], self.y[j + 1]), range(self.x[i], self.x[i + 1]))


def _aligned(edges: tuple[int, ...], block: int) -> tuple[int, ...]:
    """Return edges of tiles of nearly the same size that lie at multiples of a block."""
    size = max(1, (edges[1] - edges[0]) // block) * block
    start, stop = edges[0], edges[-1]
    return (start, *range((start // block + 1) * block + size - block, stop, size), stop)


@dataclass(frozen=True)
class Part:
    """The pixels of an exposure that can touch a tile."""

    number: int
    """Number of the exposure."""
    y: range
    """Rows, in the pixels of the WCS of the exposure."""
    x: range

    @property
    def size(self) -> int:
        """Number of pixels."""
        return len(self.y) * len(self.x)


def touching(
    number: int, lattice: Lattice, positions: np.ndarray, far: float, tiling: Tiling
) -> Iterator[tuple[tuple[int, int], Part]]:
    """Yield the tiles that an exposure can touch, each with the pixels that can touch it.

    A cell of the lattice is bounded by its corners plus the curvature of the map between them. The
    curvature of a smooth map is an eighth of the second difference; the bound is all of it.

    Parameters
    ----------
    number : int
        Number of the exposure.
    lattice : Lattice
        Nodes of the exposure.
    positions : ndarray
        Positions of the nodes on the grid, ``(2, y, x)``, x first.
    far : float
        Distance that the flux of a pixel reaches from its centre, in output pixels.
    tiling : Tiling
        The tiles.
    """
    if not positions.size:
        return
    # A single row or column of nodes becomes a cell without height or width.
    positions = np.pad(
        positions, [(0, 0), *((0, int(n == 1)) for n in positions.shape[1:])], "edge"
    )
    (x_low, x_high), (y_low, y_high) = (_bounds(plane, far) for plane in positions)
    rows = _hit(tiling.y, y_low.min(), y_high.max())
    columns = _hit(tiling.x, x_low.min(), x_high.max())
    for j in rows:
        in_row = (y_low < tiling.y[j + 1]) & (y_high >= tiling.y[j])
        for i in columns:
            cells = in_row & (x_low < tiling.x[i + 1]) & (x_high >= tiling.x[i])
            if cells.any():
                y = _pixels(lattice.y, lattice.rows, np.any(cells, axis=1))
                x = _pixels(lattice.x, lattice.columns, np.any(cells, axis=0))
                yield (j, i), Part(number, y, x)


def longest_step(lattice: Lattice, positions: np.ndarray) -> float:
    """Return the maximum distance of adjacent pixels along an axis of the grid."""
    longest = 0.0
    for axis, nodes in ((1, lattice.y), (2, lattice.x)):
        if len(nodes) > 1:
            steps = np.abs(np.diff(positions, axis=axis)) / (nodes[1] - nodes[0])
            longest = max(longest, np.max(steps, where=np.isfinite(steps), initial=0.0))
    return longest


def _bounds(plane: np.ndarray, far: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimum and maximum position of each cell; infinite where it is unknown."""
    bend = 0.0
    for axis in (0, 1):
        second = np.abs(np.diff(plane, 2, axis=axis))
        bend = max(bend, np.max(second, where=np.isfinite(second), initial=0.0))
    corners = np.stack([plane[:-1, :-1], plane[1:, :-1], plane[:-1, 1:], plane[1:, 1:]])
    margin = far + bend + ROUNDING
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + margin
    unknown = ~np.isfinite(low + high)
    return np.where(unknown, -math.inf, low), np.where(unknown, math.inf, high)


def _hit(edges: tuple[int, ...], low: float, high: float) -> range:
    """Return which consecutive intervals overlap the interval from low to high."""
    first = bisect_right(edges, low) - 1
    return range(max(first, 0), min(bisect_left(edges, high + 1), len(edges) - 1))


def _pixels(nodes: np.ndarray, whole: range, cells: Any) -> range:
    """Return the pixels from the first to the last of the chosen cells."""
    hit = np.flatnonzero(cells)
    first, last = nodes[hit[0]], nodes[min(hit[-1] + 1, len(nodes) - 1)]
    return range(max(math.floor(first), whole.start), min(math.ceil(last) + 1, whole.stop))
