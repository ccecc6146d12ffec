"""The second limit of ``minmed``, for pixels beside those that the first limit replaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample.tiled.combine_graph import with_neighbours

from .neighbours import grown

STRONG, WEAK = "strong", "weak"
"""Images of where the first limit takes the minimum, and of the result of the second limit."""


def settled(images: dict[str, Any], name: str) -> dict[str, Any]:
    """Return images in which the second limit holds near pixels that the first one replaces.

    A cosmic ray also raises the median of the pixels beside its core, but less significantly
    (this is ``combine_grow=1`` of AstroDrizzle).

    Parameters
    ----------
    images : dict
        Images ``(y, x)``, of numpy or dask: the result ``name`` of the first limit, and ``STRONG``
        and ``WEAK``, which the result lacks. Without these two the images are returned.
    name : str
        The image to change.
    """
    if STRONG not in images:
        return images
    near = near_strong if isinstance(images[STRONG], np.ndarray) else lazily_near
    chosen = np.where(near(images[STRONG]), images[WEAK], images[name])
    kept = {key: image for key, image in images.items() if key not in (STRONG, WEAK)}
    return {**kept, name: chosen}


def near_strong(strong: np.ndarray) -> np.ndarray:
    """Return the pixels of the first limit, and their neighbours, bool ``(y, x)``."""
    return grown(strong > 0, 3)


def lazily_near(strong: Any) -> Any:
    """Return the same as `near_strong`, for a dask array."""
    return with_neighbours(near_strong, strong, bool)
