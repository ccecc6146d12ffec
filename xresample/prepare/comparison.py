"""Groups of exposures on a common grid, compared tile by tile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xresample import threads as pool
from xresample.accumulate.window import require_wcs
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid, GridLike
from xresample.datamodel.options import Options
from xresample.errors import UnsupportedWCSError
from xresample.progress import bar
from xresample.tiled.groups import GroupPlan, GroupReader
from xresample.tiled.tiling import Tiling
from xresample.wcs.coarse import Lattice
from xresample.wcs.fit import Border, Tangent, tangent_grid
from xresample.wcs.footprint import arcsec
from xresample.wcs.transform import is_imaging, transform

from .differences import Differences, superpixel_differences
from .stack import plan_groups

TILE = 512
"""Approximate number of pixels along the side of a tile that is compared at a time."""

PIXMAP_TOL = 1e-3
"""Maximum error of the pixel maps, in pixels."""


@dataclass(frozen=True)
class Comparison:
    """Groups of exposures on a grid with pixels of the same size as the exposures.

    Each pixel of an exposure falls into one pixel of the grid. So an outlier spoils one pixel, and
    the noise of pixels is independent. The grid is rotated against the exposures, so the
    offsets between their pixel centres and the centres of the grid average to 0 in a superpixel.
    With the same offset everywhere, the gradient of a source would look like a difference in sky.
    """

    grid: Any
    """A tangent plane."""
    groups: GroupPlan
    """The tiles of each group."""
    superpixel: int
    """Pixels along the side of a superpixel."""

    @classmethod
    def of(
        cls,
        exposures: Sequence[xr.Dataset],
        by: str | None,
        grid: GridLike | None,
        options: Options,
        superpixel: int,
    ) -> Comparison:
        """Return the comparison of groups of exposures.

        Parameters
        ----------
        exposures : sequence of Dataset
            The exposures.
        by : str or None
            Attribute that the exposures of a group share.
        grid : GridLike or None
            The part of the sky in which the groups are compared; None: all.
        options : Options
            Flags of good pixels, and whether flux or surface brightness is compared.
        superpixel : int
            Pixels along the side of a superpixel.
        """
        target = _matching_grid([Exposure(dataset) for dataset in exposures], grid)
        how: dict[str, Any] = {
            "kernel": "point",
            "weight_type": None,
            "good_bits": options.good_bits,
            "flag_map": options.flag_map,
            "conserve": options.conserve,
            "pixmap_tol": PIXMAP_TOL,
        }
        side = superpixel * max(1, TILE // superpixel)
        tiles = Tiling.squares(Grid.of(target).pixels, side)
        return cls(target, plan_groups(exposures, target, by, tiles, 1, how), superpixel)

    def differences(self, threads: int | None = None, progress: bool = False) -> Differences:
        """Return the differences of all pairs of groups in superpixels."""
        reader = GroupReader(self.groups)
        tiling = self.groups.plan.tiling
        shared = [t for t in self.groups.plan.parts if len(self.groups.touching(*t)) > 1]
        found: dict[tuple[int, int], Differences] = {}
        with bar(progress, total=len(shared), desc="matching the sky", unit="tile") as shown:

            def compare(index: tuple[int, int]) -> None:
                numbers = self.groups.touching(*index)
                images = np.stack([reader.compute(n, *index)["data"] for n in numbers])
                y, x = tiling.tile(*index)
                origin = y.start, x.start
                found[index] = superpixel_differences(images, numbers, self.superpixel, origin)
                shown.update()

            pool.run(compare, shared, threads)
        # The order of the tiles does not depend on the threads.
        parts = [found[index] for index in shared]
        return Differences.joined(parts) if parts else Differences.none()

    def intensity(self, number: int) -> float:
        """Return the factor from the data of an exposure to the grid."""
        return self.groups.plan.admitted[number].scales.intensity

    def positions(self, exposure: Exposure) -> tuple[np.ndarray, ...]:
        """Return pixels spread over an exposure and their positions: y, x, grid y, grid x."""
        wcs = require_wcs(exposure.wcs, "exposure")
        lattice = Lattice.of(wcs, exposure.pixels)
        x, y = (side.ravel() for side in np.meshgrid(lattice.x, lattice.y))
        to_x, to_y = transform(wcs.object, self.grid)(x, y)
        there = np.isfinite(to_x + to_y)
        return y[there], x[there], to_y[there], to_x[there]


def _matching_grid(readers: Sequence[Exposure], grid: GridLike | None) -> Any:
    """Return a tangent plane with pixels as large as the largest of the exposures."""
    placed = []
    areas = [0.0]
    for reader in readers:
        wcs = require_wcs(reader.wcs, "exposure")
        if not is_imaging(wcs.object):
            raise UnsupportedWCSError(
                "match_sky needs images of the sky, but the exposure "
                f"{reader.scalars['filename'] or '(no file name)'} has a WCS with other axes"
            )
        areas.append(Lattice.of(wcs, reader.pixels).area)
        placed.append((wcs, reader.pixels))
    if grid is not None:
        given = Grid.of(grid)
        placed = [(require_wcs(given.wcs, "grid"), given.pixels)]
    largest = max((area for area in areas if math.isfinite(area)), default=0.0)
    scale = arcsec(largest) if largest > 0 else None
    upright = tangent_grid(placed, Tangent(scale), Border(0, 0.0))
    rotation = _oblique([_angle(reader, upright) for reader in readers])
    return tangent_grid(placed, Tangent(scale, rotation=rotation), Border(0, 0.0))


def _angle(reader: Exposure, grid: Any) -> float:
    """Return the angle in degrees from the x axis of a grid to that of an exposure, in its middle.

    The angle is NaN if the middle of the exposure is not on the grid.
    """
    wcs = require_wcs(reader.wcs, "exposure")
    y, x = (side.start + len(side) / 2 for side in (reader.y, reader.x))
    to_x, to_y = transform(wcs.object, grid)(np.array([x - 0.5, x + 0.5]), np.array([y, y]))
    return math.degrees(math.atan2(to_y[1] - to_y[0], to_x[1] - to_x[0]))


def _oblique(angles: Sequence[float]) -> float:
    """Return the angle, in degrees, that is farthest from other angles and their perpendiculars.

    Examples
    --------
    >>> _oblique([0.0, 90.0]), _oblique([0.0, 40.0])
    (45.0, 65.0)
    """
    candidates = np.arange(0.0, 90.0, 5.0)
    known = np.array([angle for angle in angles if math.isfinite(angle)] or [0.0])
    apart = np.abs((candidates[:, np.newaxis] - known + 45.0) % 90.0 - 45.0).min(axis=1)
    return float(candidates[np.argmax(apart)])
