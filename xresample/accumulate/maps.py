"""Maps of time and of rejected pixels: the areas of whole input pixels on the output pixels.

Whatever the kernel and ``pixfrac``, these maps count the full area of each pixel of the exposure,
as the square kernel does with ``pixfrac=1``. The areas of an exposure are summed in float64 over
the tiles that it can reach, and added to the planes of the mosaic once::

    lane        0       1                2, ...
    sample      1       pixel is good    pixel is rejected and carries a flag
    times       a A                                   overlap times area of the pixel
    becomes     covered exposure_map     rejected
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xresample.kernels.structures import LaneLayout, MosaicPlanes, QuadrilateralFootprint

from .buffers import Buffers
from .deposit import Flags, SampledPlane, make_rules, place, run


def add_maps(
    buffers: Buffers,
    pixmap: np.ndarray,
    active: tuple[int, int, int, int],
    good: np.ndarray,
    flagged: Sequence[np.ndarray],
    time: float,
    threads: int | None = None,
) -> None:
    """Add one exposure to the maps of a mosaic.

    Parameters
    ----------
    buffers : Buffers
        The planes of the mosaic; those that are maps are updated.
    pixmap : ndarray
        float64 ``(y, x, 2)``: mapped centres of the pixels, with a margin.
    active : tuple of int
        First and past-the-last row and column to count.
    good : ndarray of bool
        Pixels that contribute to the mosaic, ``(y, x)`` like the pixel map.
    flagged : sequence of ndarray of bool
        For each flag of the layout, the rejected pixels that carry the flag.
    time : float
        Exposure time in seconds.
    threads : int, optional
        Number of threads. Default: one per CPU. The result is bit-for-bit the same for any value.
    """
    footprint = QuadrilateralFootprint(1.0)
    shape, origin = buffers.values.shape[1:], (buffers.y0, buffers.x0)
    placement = place(pixmap, active, footprint, shape, origin, threads=threads)
    if not len(placement.tiles):
        return
    y0, x0 = placement.tiles[:, 0].min(), placement.tiles[:, 2].min()
    y1, x1 = placement.tiles[:, 1].max(), placement.tiles[:, 3].max()
    lanes = LaneLayout.of(means=1 + len(flagged))
    areas = np.zeros((1 + lanes.means, y1 - y0, x1 - x0))
    samples = [pixel_areas(pixmap), *(mask.astype(np.float32) for mask in (good, *flagged))]
    sampled = [SampledPlane(np.ascontiguousarray(image), 0) for image in samples]
    none = np.zeros((0, 0), np.int32)
    planes = MosaicPlanes(areas, none, none.astype(np.uint32), int(y0), int(x0))
    run(sampled, Flags(), pixmap, placement, lanes, make_rules(0), planes, threads)
    # The lanes hold means weighted by the area.
    areas[1:] *= areas[0]
    window = slice(y0 - buffers.y0, y1 - buffers.y0), slice(x0 - buffers.x0, x1 - buffers.x0)
    layout = buffers.layout
    sums = {
        "exposure_map": time * np.minimum(areas[1], 1.0),
        "covered": areas[0],
        **dict(zip(layout.flag_planes, areas[2:], strict=True)),
    }
    for name, added in sums.items():
        if name in layout.names:
            plane = buffers.plane(name)[window]
            np.add(plane, added, out=plane, casting="same_kind")


def pixel_areas(pixmap: np.ndarray) -> np.ndarray:
    """Return the area of each pixel in output pixels, float64 ``(y, x)``; 0 where unknown.

    The corners of a pixel are the means of the four centres around them; beyond the border, the
    centres are extrapolated linearly. A pixel beside an unknown centre has the area of the
    parallelogram between its known neighbours.

    Examples
    --------
    >>> pixel_areas(2.0 * np.stack(np.meshgrid(np.arange(3.0), np.arange(2.0)), axis=-1))
    array([[4., 4., 4.],
           [4., 4., 4.]])
    """
    wide = pixmap
    for axis in (0, 1):
        first, second = np.take(wide, [0], axis), np.take(wide, [1], axis)
        last, before = np.take(wide, [-1], axis), np.take(wide, [-2], axis)
        wide = np.concatenate([2 * first - second, wide, 2 * last - before], axis)
    corners = (wide[:-1, :-1] + wide[1:, :-1] + wide[:-1, 1:] + wide[1:, 1:]) / 4
    down, across = corners[1:, 1:] - corners[:-1, :-1], corners[1:, :-1] - corners[:-1, 1:]
    areas: np.ndarray = np.abs(_cross(down, across)) / 2
    unknown = ~np.isfinite(areas)
    if unknown.any():
        y, x = (_step(wide, axis)[unknown] for axis in (0, 1))
        beside = np.abs(_cross(y, x))
        areas[unknown] = np.where(np.isfinite(beside), beside, 0.0)
    return areas


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product


def _step(wide: np.ndarray, axis: int) -> np.ndarray:
    """Return the step to the next centre, or from the previous one if the next is unknown."""
    inner = wide[:, 1:-1] if axis == 0 else wide[1:-1]
    steps = np.diff(inner, axis=axis)
    count = steps.shape[axis]
    after = np.take(steps, range(1, count), axis)
    before = np.take(steps, range(count - 1), axis)
    return np.where(np.isfinite(after), after, before)
