"""Tiles of the sky: grids that each make a mosaic on its own, and the exposures that touch them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import xarray as xr

from xresample.accumulate.job import Job
from xresample.arguments import mapping, shown, whole
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.options import Options
from xresample.datamodel.stack import separate
from xresample.errors import InvalidInputError
from xresample.kernels.structures import Kernel

from .plan import parts_of
from .tiling import Tiling


def tile_grid(
    grid: GridLike, shape: int | tuple[int, int], *, overlap: int = 0
) -> dict[str, xr.Dataset]:
    """Divide a grid into tiles; each tile is the grid of a mosaic.

    The tiles have the WCS and the pixel scale of the grid, and keep its rows and columns as ``y``
    and ``x``. A mosaic on a tile therefore has the bits of the mosaic on the whole grid of the
    same exposures, and goes back to its place by its coordinates.

    Parameters
    ----------
    grid : WCS, Dataset, dict or (int, int)
        The grid, as for `empty_mosaic`.
    shape : int or (int, int)
        Rows and columns of a tile; those at the far ends are smaller.
    overlap : int, optional
        Rows and columns that adjacent tiles share.

    Returns
    -------
    dict of str to Dataset
        The tiles by name: ``"y0x0"``, ``"y0x1"``, ...

    Raises
    ------
    InvalidInputError
        The shape is not positive, or not larger than the overlap.

    Examples
    --------
    >>> import xresample as xrs
    >>> tiles = xrs.tile_grid((10, 10), 6, overlap=2)
    >>> list(tiles), tiles["y0x1"]["x"].values
    (['y0x0', 'y0x1', 'y1x0', 'y1x1'], array([4, 5, 6, 7, 8, 9]))
    """
    whole_grid = Grid.of(grid)
    overlap = whole("overlap", overlap, at_least=0)
    sides = shape if isinstance(shape, tuple | list) else (shape, shape)
    if len(sides) != 2:
        raise InvalidInputError(f"shape must be a size or sizes (y, x), got {shown(shape)}")
    rows, columns = (
        _ranges(whole("shape", side, at_least=1), overlap, length)
        for side, length in zip(sides, whole_grid.shape, strict=True)
    )
    digits = tuple(len(str(len(found) - 1)) for found in (rows, columns))
    return {
        f"y{j:0{digits[0]}}x{i:0{digits[1]}}": whole_grid.part(y, x).dataset()
        for j, y in enumerate(rows)
        for i, x in enumerate(columns)
    }


def _ranges(side: int, overlap: int, length: int) -> list[range]:
    """Return the pixels of each tile along a side of a grid."""
    if side <= overlap:
        raise InvalidInputError(
            f"shape must be larger than the overlap, {overlap} pixels, got {side}"
        )
    starts = range(0, max(length - overlap, 1), side - overlap)
    return [range(start, min(start + side, length)) for start in starts]


def grid_touching(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    tiles: Mapping[str, GridLike],
    *,
    kernel: Kernel = "square",
    pixfrac: float = 1.0,
) -> dict[str, list[xr.Dataset]]:
    """Return the exposures that can touch each of several grids; no pixel is read.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures.
    tiles : mapping of str to grid
        The grids by name, from `tile_grid` or elsewhere.
    kernel, pixfrac
        The options of the mosaics, see `Options`: kernels have different reaches.

    Returns
    -------
    dict of str to list of Dataset
        The exposures of each grid, in the given order; grids without exposures are left out.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS(naxis=2)
    >>> wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-1e-5, 1e-5]
    >>> wcs.array_shape = (100, 100)
    >>> exposure = xrs.make_exposure(np.zeros((20, 20)), wcs)
    >>> list(xrs.grid_touching([exposure], xrs.tile_grid(wcs, 50)))
    ['y0x0']
    """
    given = list(separate(exposures))
    options = Options(kernel=kernel, pixfrac=pixfrac, weight_type=None, good_bits=None)
    found: dict[str, list[xr.Dataset]] = {}
    for name, target in mapping("tiles", tiles).items():
        admitted, job = Job.new(Grid.of(target), options).admit_all(given)
        parts = parts_of(admitted, job, Tiling.whole(job.grid.pixels)).get((0, 0), ())
        if parts:
            found[name] = [given[part.number] for part in parts]
    return found
