"""The dask graph of a combination of the images of a stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class GroupImages:
    """The images of groups of exposures, ``(y, x)``, which are combined pixel by pixel."""

    values: Sequence[np.ndarray]
    weights: Sequence[np.ndarray]
    sigmas: Sequence[np.ndarray] | None
    """Standard deviations; None if no method needs them."""
    means: np.ndarray
    """Mean weight of each group; pixels with less than a fraction of it do not count."""


class Runs(Protocol):
    """A combination that works on the blocks of one tile."""

    def run(self, images: GroupImages) -> dict[str, np.ndarray]:
        """Return images of a tile by name."""


def lazy_images(
    combination: Runs, arrays: list[Any], means: Any, names: Mapping[str, Any]
) -> dict[str, Any]:
    """Return images that are computed from dask arrays ``(group, y, x)``, tile by tile.

    Parameters
    ----------
    combination : Combination
        The combination.
    arrays : list of array
        Values, weights and, if the method needs them, standard deviations. Arrays that are not
        lazy get the chunks of the others.
    means : array or None
        Mean weight of each group; None if no weight is too small.
    names : mapping of str to dtype
        The images to return, and their types.
    """
    import dask.array as da

    chunks = next(a.chunks for a in arrays if isinstance(a, da.Array))
    lazy = [da.asarray(a).rechunk(chunks) for a in arrays]
    count = lazy[0].shape[0]
    given = da.zeros(count) if means is None else da.asarray(means)
    operands = [item for a in lazy for item in (a, "gyx")]
    tiles = da.blockwise(
        combine_blocks, "yx", given.rechunk((count,)), "h", *operands,
        combination=combination, concatenate=False, dtype=object,
        meta=np.empty((0, 0), object), align_arrays=False,
    )  # fmt: skip
    return {
        name: da.map_blocks(
            itemgetter(name),
            tiles,
            dtype=dtype,
            meta=np.empty((0, 0), dtype),
            name=f"{name}-{token}",
        )
        for token in [tiles.name]
        for name, dtype in names.items()
    }


def with_neighbours(function: Callable[..., np.ndarray], image: Any, dtype: Any) -> Any:
    """Return a dask array of a function of each pixel and its eight neighbours.

    Parameters
    ----------
    function : callable
        Returns an array of the shape of its argument.
    image : dask.array.Array
        The image, ``(y, x)``.
    dtype : dtype
        Type of the result.
    """
    import dask.array as da

    return da.map_overlap(
        function, image, depth=1, boundary="none", dtype=dtype, meta=np.empty((0, 0), dtype)
    )


def combine_blocks(
    means: list[np.ndarray], *blocks: list[np.ndarray], combination: Runs
) -> dict[str, np.ndarray]:
    """Return the images of one tile from lists of blocks ``(group, y, x)``."""
    images = [[image for block in found for image in block] for found in blocks]
    sigmas = images[2] if len(images) > 2 else None
    return combination.run(GroupImages(images[0], images[1], sigmas, means[0]))
