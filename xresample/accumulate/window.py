"""The window of an exposure: its pixels that can be deposited, mapped onto the output grid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xresample.datamodel import dq_flags
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import DType, Options
from xresample.errors import InvalidInputError

from .launch import Window, require_memory_order
from .weights import bad_bits_for, flag_map_of, usable_weights

if TYPE_CHECKING:
    from xresample.wcs.handle import WCSHandle
    from xresample.wcs.pixels import Pixels
    from xresample.wcs.pixmap import PixelMap

Allocate = Callable[[tuple[int, ...]], np.ndarray]
"""Returns a float64 array of a given shape with any content, for example memory used before."""

Sides = tuple[int, int, int, int]
"""First and past-the-last row, first and past-the-last column."""


def mapped_window(
    exposure: Exposure,
    grid: Grid,
    options: Options,
    pixmap: Any = None,
    threads: int | None = None,
    allocate: Allocate | None = None,
    mapping: PixelMap | None = None,
) -> Window:
    """Return the pixels of an exposure that can be deposited, mapped onto a grid.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    grid : Grid
        The grid of the mosaic.
    options : Options
        The options of the mosaic.
    pixmap : array_like, optional
        The pixel map, ``(y, x, 2)`` in output pixels, in place of the map from the two WCSs.
    threads : int, optional
        Threads to use.
    allocate : callable, optional
        Provides the memory of the map; default: a new array.
    mapping : PixelMap, optional
        The map from the two WCSs, if it is known.
    """
    ny, nx = exposure.shape
    if pixmap is not None:
        mapped = require_memory_order(pixmap, exposure.shape)
        return _window(exposure, options, mapped, (0, ny, 0, nx), (0, ny, 0, nx))
    mapping = pixel_map(exposure, grid, options) if mapping is None else mapping
    y, x = mapping.y, mapping.x
    if not (len(y) and len(x)):
        # The bounding box of the WCS contains no pixel of the exposure.
        nowhere = np.full((max(ny, 2), max(nx, 2), 2), np.nan)
        return _window(exposure, options, nowhere, (0, ny, 0, nx), (0, ny, 0, nx))
    return window_of_part(exposure, mapping, options, y, x, threads, allocate)


def window_of_part(
    exposure: Exposure,
    mapping: PixelMap,
    options: Options,
    y: range,
    x: range,
    threads: int | None = None,
    allocate: Allocate | None = None,
) -> Window:
    """Return a part of the pixels of an exposure, mapped onto a grid.

    The part has the same bits as in the whole exposure: the map also covers the adjacent pixels,
    because their centres define the corners of the pixels at the border of the part.

    Parameters
    ----------
    exposure : Exposure
        The exposure, or a part of it that contains the pixels and those adjacent to them.
    mapping : PixelMap
        The map of the whole exposure.
    options : Options
        The options of the mosaic.
    y, x : range
        Rows and columns of the part, which the map covers.
    threads : int, optional
        Threads to use.
    allocate : callable, optional
        As for `mapped_window`.
    """
    ys, xs = (with_next(side, whole) for side, whole in ((y, mapping.y), (x, mapping.x)))
    # One row or column does not define corners, so a second row or column is mapped beside it.
    height, width = max(len(ys), 2), max(len(xs), 2)
    rows, columns = range(ys.start, ys.start + height), range(xs.start, xs.start + width)
    out = None if allocate is None else allocate((height, width, 2))
    mapped = mapping.evaluate(rows, columns, threads, out)
    j, i = ys.start - exposure.y.start, xs.start - exposure.x.start
    covered = (j, j + len(ys), i, i + len(xs))
    active = (y.start - ys.start, y.stop - ys.start, x.start - xs.start, x.stop - xs.start)
    return _window(exposure, options, mapped, covered, active)


def with_next(side: range, whole: range) -> range:
    """Return consecutive pixels plus the adjacent one at each end, as far as the whole has it.

    Examples
    --------
    >>> with_next(range(0, 5), range(0, 9))
    range(0, 6)
    """
    return range(max(side.start - 1, whole.start), min(side.stop + 1, whole.stop))


def pixel_map(exposure: Exposure, grid: Grid, options: Options) -> PixelMap:
    """Return the `PixelMap` of an exposure onto a grid."""
    wcs_from = require_wcs(exposure.wcs, "exposure")
    wcs_to = require_wcs(grid.wcs, "mosaic")
    return map_between(wcs_from, wcs_to, exposure.pixels, options)


def require_wcs(wcs: WCSHandle | None, role: str) -> WCSHandle:
    """Return a WCS, or raise an error that names the exposure or the mosaic as its role."""
    if wcs is None:
        raise InvalidInputError(
            f"The {role} has no WCS: assign one with .resample.assign_wcs(wcs), or pass pixmap="
        )
    return wcs


def map_between(
    wcs_from: WCSHandle, wcs_to: WCSHandle, pixels: Pixels, options: Options
) -> PixelMap:
    """Return the `PixelMap` from pixels of one WCS to pixels of another."""
    from xresample.wcs.pixmap import PixmapOptions, build_pixmap

    how = PixmapOptions(options.pixmap_stepsize, options.pixmap_order, options.pixmap_tol)
    return build_pixmap(wcs_from.object, wcs_to.object, pixels.x, pixels.y, how)


def _window(
    exposure: Exposure, options: Options, mapped: np.ndarray, covered: Sides, active: Sides
) -> Window:
    """Return the covered part of an exposure, padded at the far ends to the shape of its map."""
    j0, j1, i0, i1 = covered
    height, width = mapped.shape[:2]
    pad = ((0, max(0, height - (j1 - j0))), (0, max(0, width - (i1 - i0))))

    # The cache avoids reading a plane from a file twice.
    @functools.cache
    def plane(name: str) -> np.ndarray | None:
        array = exposure.plane(name, slice(j0, j1), slice(i0, i1))
        if array is not None and name == "data":
            array = without_slopes(exposure, array, (j0, i0))
        if array is not None and pad != ((0, 0), (0, 0)):
            array = np.pad(array, pad, mode="edge")
        return array

    # Flags are read only if an option uses them.
    there = "dq" in exposure.dataset
    bad = bad_bits_for(exposure, options)
    known = flag_map_of(exposure, options) if there and options.rejected else None
    marked = tuple(0 if known is None else int(known[name]) for name in options.rejected)
    bits = plane("dq") if bad or options.propagate_dq or any(marked) else None
    dq = None if bits is None else dq_flags.as_uint32(bits)
    first = exposure.y.start + j0, exposure.x.start + i0
    return Window(mapped, active, plane, dq, bad, (j0, i0), first, marked)


def without_slopes(exposure: Exposure, data: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
    """Return a part of the data without the slopes of a sky level that is a plane.

    The kernels subtract the constant part of the level, ``level``.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    data : ndarray
        The part, ``(y, x)``.
    origin : (int, int)
        First row and column of the part, counted from those of the exposure.
    """
    slopes = exposure.level_slopes
    if not any(slopes):
        return data
    y, x = (
        slope * np.arange(whole.start + first, whole.start + first + size)
        for slope, whole, first, size in zip(
            slopes, (exposure.y, exposure.x), origin, data.shape, strict=True
        )
    )
    flat = data - (y[:, np.newaxis] + x)
    return flat.astype(np.result_type(data.dtype, np.float32), copy=False)


def whole_pixmap(exposure: Exposure, window: Window) -> np.ndarray:
    """Return the map of all pixels of an exposure, ``(y, x, 2)``; NaN outside the window."""
    j0, j1, i0, i1 = window.active
    mapped = window.pixmap[j0:j1, i0:i1]
    if mapped.shape[:2] == exposure.shape:
        return mapped
    centres = np.full((*exposure.shape, 2), np.nan)
    j, i = window.origin
    centres[j + j0 : j + j1, i + i0 : i + i1] = mapped
    return centres


def with_weights(window: Window, weights: np.ndarray, dtype: DType = "float32") -> Window:
    """Return a window with given weights, ``(y, x)`` of the whole exposure.

    Pixels whose weight is not positive and finite get the weight 0.
    """
    (height, width), (j, i) = window.pixmap.shape[:2], window.origin
    cut = usable_weights(weights[j : j + height, i : i + width], dtype)
    pad = ((0, height - cut.shape[0]), (0, width - cut.shape[1]))
    return replace(window, weights=np.pad(cut, pad))
