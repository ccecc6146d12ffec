"""Predictions of the groups for every pixel of the grid: the model, its noise and its scatter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xresample import threads as pool
from xresample.tiled.combine_graph import GroupImages
from xresample.tiled.groups import GroupPlan, GroupReader
from xresample.tiled.tiling import Tiling
from xresample.wcs.pixels import Pixels

from .combine import Combination
from .minmed import STRONG, WEAK, settled
from .rules import OutlierRules
from .thresholds import mean_weight

TILE_BYTES = 1 << 26
"""Approximate size of the images of all groups on a tile."""

SMALLEST, LARGEST = 256, 2048
"""Rows and columns of a tile."""

Planes = dict[str, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """How the images of the groups give the planes of the reference, tile by tile."""

    rules: OutlierRules

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes; `settled` joins the planes of two limits."""
        rules = self.rules
        asked = {
            "noise": rules.noise != "err", "spread": rules.blur == "spread", "keep": rules.epochs
        }  # fmt: skip
        limits = (STRONG, WEAK) if rules.combination.two_limits else ()
        return ("model", *(name for name, wanted in asked.items() if wanted), *limits)

    def run(self, images: GroupImages) -> Planes:
        """Return the planes of a tile, ``(y, x)``, from the images of the groups."""
        rules, how = self.rules, self.rules.combination
        without_sigmas = replace(images, sigmas=None)
        found = how.run(images if how.needs_sigmas else without_sigmas)
        # One value predicts nothing: it would be compared with itself.
        single = found["count"] + found["rejected"] < 2
        planes = {"model": found["data"]}
        if rules.noise != "err" and images.sigmas is not None:
            median = Combination("median", maskpt=rules.maskpt)
            planes["noise"] = median.run(replace(without_sigmas, values=images.sigmas))["data"]
        if rules.blur == "spread":
            planes["spread"] = Combination("mad", maskpt=rules.maskpt).run(without_sigmas)["data"]
        if rules.epochs:
            clipped = Combination("clipped", nsigma=rules.numbers[1], iterations=1).run(images)
            total = clipped["count"] + clipped["rejected"]
            planes["keep"] = (clipped["rejected"] > most_deviating(total)).astype(
                found["data"].dtype
            )
        found["data"][single] = np.nan
        if how.two_limits:
            found[WEAK][single] = np.nan
            planes |= {STRONG: found[STRONG].astype(found["data"].dtype), WEAK: found[WEAK]}
        return planes


def most_deviating(count: np.ndarray) -> np.ndarray:
    """Return how many of a number of values may deviate: if more do, the sky has changed.

    Examples
    --------
    >>> most_deviating(np.array([3, 5, 100]))
    array([1.2, 2. , 5. ])
    """
    return np.minimum(0.4 * count, 2 + 0.03 * count)


def streaming_tiles(pixels: Pixels, bytes_per_pixel: int) -> Tiling:
    """Return tiles of a grid whose images take about `TILE_BYTES`."""
    side = int(math.sqrt(TILE_BYTES / bytes_per_pixel))
    return Tiling.squares(pixels, min(max(side, SMALLEST), LARGEST))


def make_reference(
    groups: GroupPlan, recipe: Recipe, threads: int | None, done: Callable[[], None]
) -> Planes:
    """Return the planes of the reference on the whole grid, computed tile by tile.

    Parameters
    ----------
    groups : GroupPlan
        The groups.
    recipe : Recipe
        The planes.
    threads : int, optional
        Number of tiles to compute at a time.
    done : callable
        Called after each tile.
    """
    reader = GroupReader(groups)
    count, tiling, pixels = len(groups.members), groups.plan.tiling, groups.plan.job.grid.pixels
    means = np.full(count, np.nan)
    if recipe.rules.maskpt is not None:

        def weigh(g: int) -> None:
            tiles = groups.tiles_of(g)
            means[g] = mean_weight([reader.compute(g, j, i)["wht"] for j, i in tiles])

        pool.run(weigh, range(count), threads)
    dtype = groups.dtype("data")
    planes = {name: np.full(groups.plan.shape, np.nan, dtype) for name in recipe.planes}

    def work(tile: tuple[int, int]) -> None:
        touching = groups.touching(*tile)
        images = [reader.compute(g, *tile) for g in touching]
        sigmas = [image["err"] for image in images] if "err" in groups.planes else None
        values, weights = ([image[name] for image in images] for name in ("data", "wht"))
        found = recipe.run(GroupImages(values, weights, sigmas, means[touching]))
        where = pixels.slices(*tiling.tile(*tile))
        for name, plane in found.items():
            planes[name][where] = plane
        done()

    pool.run(work, list(groups.plan.parts), threads)
    return settled(planes, "model")
