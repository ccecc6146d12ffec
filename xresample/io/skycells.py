"""The grids of Roman's sky cells, from the table of the mission."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from xresample import arguments
from xresample.datamodel.exposure import Exposure, required_wcs
from xresample.datamodel.grid import Grid
from xresample.datamodel.stack import separate
from xresample.errors import FileError, InvalidInputError
from xresample.wcs.fit import footprints
from xresample.wcs.frames import icrs
from xresample.wcs.handle import WCSHandle

from .asdf_file import opened_tree
from .source_file import SourceFile

_CELL = ("name", "ra_center", "dec_center", "x_tangent", "y_tangent")
_REGION = ("ra_tangent", "dec_tangent", "orientat", "skycell_start", "skycell_end")


def skycell_grids(
    path: str | os.PathLike[str],
    *,
    names: Iterable[str] | str | None = None,
    exposures: xr.Dataset | Iterable[xr.Dataset] | None = None,
) -> dict[str, xr.Dataset]:
    """Read grids of Roman's sky cells from the table of the mission.

    A cell is a part of the tangent projection of its projection region, shifted by whole or
    fractional pixels.

    Parameters
    ----------
    path : str or os.PathLike
        The ASDF file with the tables ``projection_regions`` and ``skycells``.
    names : iterable of str, optional
        Names of the cells to read.
    exposures : Dataset or iterable of Dataset, optional
        Read the cells that these exposures may touch, in place of ``names``. Pass the result to
        `grid_touching` to find out which exposures touch which cell.

    Returns
    -------
    dict of str to Dataset
        The grids by the name of the cell, for `coadd` and `grid_touching`.

    Raises
    ------
    FileError
        The file holds no such table.
    InvalidInputError
        A name is not that of a cell, or neither or both of names and exposures are given.

    Examples
    --------
    >>> import asdf, numpy as np, tempfile, xresample as xrs
    >>> cells = np.array([("a", 10.0, 0.0, 49.5, 49.5)], [("name", "U8"), ("ra_center", "f8"),
    ...                  ("dec_center", "f8"), ("x_tangent", "f8"), ("y_tangent", "f8")])
    >>> regions = np.array([(10.0, 0.0, 0.0, 0, 1)], [("ra_tangent", "f8"), ("dec_tangent", "f8"),
    ...                    ("orientat", "f8"), ("skycell_start", "i4"), ("skycell_end", "i4")])
    >>> meta = {"nxy_skycell": 100, "pixel_scale": 0.05}
    >>> table = {"skycells": cells, "projection_regions": regions, "meta": meta}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asdf.AsdfFile({"roman": table}).write_to(folder + "/skycells.asdf")
    ...     grids = xrs.skycell_grids(folder + "/skycells.asdf", names=["a"])
    >>> grids["a"].sizes["x"]
    100
    """
    if (names is None) == (exposures is None):
        given = "neither" if names is None else "both"
        raise InvalidInputError(f"skycell_grids needs either names or exposures, got {given}")
    source = SourceFile.at(arguments.path("path", path))
    with opened_tree(source, source.path) as tree:
        cells, regions, meta = _tables(tree, source.path)
    if names is not None:
        chosen = _by_name(cells, arguments.names("names", names))
    else:
        chosen = _near(cells, meta, separate(() if exposures is None else exposures))
    return {
        str(cells["name"][k]): _grid_of(cells[k], regions, meta, k, source.path) for k in chosen
    }


def _tables(tree: Any, path: str) -> tuple[np.ndarray, np.ndarray, tuple[int, float]]:
    """Return the cells, the projection regions, and the size and pixel scale of a cell."""
    try:
        roman = tree["roman"]
        # The arrays of a file are gone once the file is closed.
        cells, regions = np.array(roman["skycells"]), np.array(roman["projection_regions"])
        meta = roman["meta"]
        scale = meta["pixel_scale"] if "pixel_scale" in meta else meta["plate_scale"]
        size = int(meta["nxy_skycell"]), float(scale)
        missing = set(_CELL) - set(cells.dtype.names or ())
        missing |= set(_REGION) - set(regions.dtype.names or ())
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} must hold the table of sky cells, but lacks {error}") from error
    if missing:
        raise FileError(
            f"{path} must hold the table of sky cells, but lacks the columns "
            f"{', '.join(sorted(missing))}"
        )
    return cells, regions, size


def _by_name(cells: np.ndarray, names: Iterable[str]) -> list[int]:
    """Return the numbers of the cells with some names."""
    known = cells["name"]
    found = []
    for name in names:
        there = np.flatnonzero(known == name)
        if not len(there):
            raise InvalidInputError(f"names must be names of sky cells, got {name!r}")
        found.append(int(there[0]))
    return found


def _near(cells: np.ndarray, meta: tuple[int, float], exposures: Iterable[xr.Dataset]) -> list[int]:
    """Return the numbers of the cells that exposures may touch."""
    centres = _directions(cells["ra_center"], cells["dec_center"])
    # Half a diagonal of a cell, and a little more because tangent planes are stretched.
    radius = np.deg2rad(meta[0] * meta[1] / 3600) * np.sqrt(0.5) * 1.1
    near = np.zeros(len(cells), bool)
    for exposure in exposures:
        reader = Exposure.of(exposure)
        placed = required_wcs(reader.dataset), reader.pixels
        outline = _directions(*footprints([placed], icrs()).T)
        middle = outline.mean(axis=0)
        middle /= np.linalg.norm(middle)
        extent = float(np.linalg.norm(outline - middle, axis=1).max())
        near |= np.linalg.norm(centres - middle, axis=1) <= radius + extent
    return [int(k) for k in np.flatnonzero(near)]


def _directions(ra: Any, dec: Any) -> np.ndarray:
    """Return unit vectors, ``(n, 3)``."""
    a, d = np.deg2rad(np.asarray(ra, np.float64)), np.deg2rad(np.asarray(dec, np.float64))
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def _grid_of(
    cell: Any, regions: np.ndarray, meta: tuple[int, float], number: int, path: str
) -> xr.Dataset:
    """Return the grid of a cell as a Dataset without planes."""
    size, scale = meta
    inside = (regions["skycell_start"] <= number) & (number < regions["skycell_end"])
    if inside.sum() != 1:
        raise FileError(f"{path}: cell {cell['name']} must belong to one projection region")
    region = regions[np.flatnonzero(inside)[0]]
    # Tables of both handednesses have been delivered; the centre of the cell tells which one.
    for mirrored in (False, True):
        wcs = _tangent(cell, region, size, scale, mirrored)
        middle = (size - 1) / 2
        ra, dec = wcs.all_pix2world(middle, middle, 0)
        there = _directions(cell["ra_center"], cell["dec_center"])
        distance = np.linalg.norm(_directions(ra, dec) - there)
        if distance < np.deg2rad(2 * scale / 3600):
            return Grid(WCSHandle.saved(wcs), (size, size), pixel_scale=scale).dataset()
    raise FileError(
        f"{path}: the centre of cell {cell['name']} must agree with x_tangent and y_tangent"
    )


def _tangent(cell: Any, region: Any, size: int, scale: float, mirrored: bool) -> Any:
    """Return the WCS of a cell."""
    from astropy.wcs import WCS

    angle = np.deg2rad(float(region["orientat"]))
    cos, sin, sign = np.cos(angle), np.sin(angle), -1.0 if mirrored else 1.0
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit, wcs.wcs.radesys = ("RA---TAN", "DEC--TAN"), ("deg", "deg"), "ICRS"
    wcs.wcs.crval = float(region["ra_tangent"]), float(region["dec_tangent"])
    wcs.wcs.crpix = float(cell["x_tangent"]) + 1, float(cell["y_tangent"]) + 1
    wcs.wcs.cd = np.array([[sign * cos, sin], [-sign * sin, cos]]) * (scale / 3600)
    wcs.array_shape = size, size
    return wcs
