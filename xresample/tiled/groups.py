"""Groups of exposures on the tiles of a grid: each group by itself, without dask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .graph import exposure_input, needed_planes
from .plan import Plan
from .tiling import Part
from .worker import ExposureInput, SharedInput, Tile, compute_tile

PLANES = ("data", "wht", "err", "dq")
"""Planes of a mosaic that a stack of groups can have."""

Planes = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class GroupPlan:
    """A plan whose exposures are not co-added all together, but group by group."""

    plan: Plan
    members: tuple[tuple[int, ...], ...]
    """Numbers of the exposures of each group."""

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the planes of each group."""
        return tuple(name for name in PLANES if name in self.plan.planes)

    @cached_property
    def _group_of(self) -> dict[int, int]:
        return {number: g for g, numbers in enumerate(self.members) for number in numbers}

    @cached_property
    def _parts(self) -> dict[tuple[int, int, int], tuple[Part, ...]]:
        """For each group and tile that it can touch, the parts of its exposures."""
        found: dict[tuple[int, int, int], tuple[Part, ...]] = {}
        for (j, i), parts in self.plan.parts.items():
            for part in parts:
                key = self._group_of[part.number], j, i
                found[key] = (*found.get(key, ()), part)
        return found

    def tile(self, group: int, j: int, i: int) -> Tile:
        """Return a tile with the parts of the exposures of a group that can touch it."""
        return replace(self.plan.tile(j, i), parts=self._parts.get((group, j, i), ()))

    def touching(self, j: int, i: int) -> list[int]:
        """Return the groups that can touch a tile."""
        return sorted({self._group_of[part.number] for part in self.plan.tile(j, i).parts})

    def tiles_of(self, group: int) -> list[tuple[int, int]]:
        """Return the tiles that a group can touch."""
        return [(j, i) for g, j, i in self._parts if g == group]

    def dtype(self, name: str) -> np.dtype:
        """Return the type of a plane."""
        return self.plan.job.layout.dtype(name, self.plan.job.options)

    def identities(self) -> dict[str, np.generic]:
        """Return the value of each plane where a group has no pixel."""
        layout, options = self.plan.job.layout, self.plan.job.options
        return {n: self.dtype(n).type(layout.identity(n, options)) for n in self.planes}


def blank_tile(identities: dict[str, np.generic], tile: Tile) -> Planes:
    """Return the planes of a group that does not touch a tile; they take no memory."""
    shape = len(tile.y), len(tile.x)
    return {name: np.broadcast_to(value, shape) for name, value in identities.items()}


class GroupReader:
    """Computes tiles of single groups, reading the exposures as their planes are needed."""

    def __init__(self, groups: GroupPlan) -> None:
        self.groups = groups
        plan = groups.plan
        self.shared = SharedInput(plan.job, plan.threads)
        self.exposures: list[ExposureInput] = [
            exposure_input(admitted, needed_planes(admitted.exposure, plan.job))
            for admitted in plan.admitted
        ]

    def compute(self, group: int, j: int, i: int) -> Planes:
        """Return the planes of a group on a tile, ``(y, x)``."""
        tile = self.groups.tile(group, j, i)
        exposures = [self.exposures[part.number] for part in tile.parts]
        found = compute_tile(self.shared, tile, exposures, [()] * len(exposures))
        return {name: found[name] for name in self.groups.planes}
