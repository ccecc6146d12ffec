"""Where an exposure falls on the grid of a mosaic, and by what factors it is scaled."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xresample.datamodel import dq_flags as weights
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import WEIGHT_VARIANCE, Options
from xresample.errors import InvalidInputError
from xresample.wcs import footprint as sky
from xresample.wcs.coarse import Lattice

from .launch import Scales, Window, require_memory_order

if TYPE_CHECKING:
    from xresample.wcs.pixmap import PixelMap


Room = Callable[[tuple[int, ...]], np.ndarray]
"""Returns an array of float64 and of a given shape, to be filled."""


def place(
    exposure: Exposure,
    grid: Grid,
    options: Options,
    pixmap: Any = None,
    threads: int | None = None,
    room: Room | None = None,
) -> Window:
    """Return the pixels of an exposure that can be deposited, mapped onto a grid.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    grid : Grid
        The grid of the mosaic.
    options : Options
        Its options.
    pixmap : array_like, optional
        The map, ``(y, x, 2)`` in output pixels, in place of that from the two WCSs.
    threads : int, optional
        Threads to use.
    room : callable, optional
        Where the map goes, in place of a new array.
    """
    ny, nx = exposure.shape
    if pixmap is not None:
        mapped = require_memory_order(pixmap, exposure.shape)
        return _window(exposure, options, mapped, (0, ny, 0, nx), (ny, nx), (0, ny, 0, nx))
    mapping = pixel_map(exposure, grid, options, threads)
    y, x = mapping.y, mapping.x
    if not (len(y) and len(x)):
        # The bounding box holds no pixel of the exposure.
        height, width = max(ny, 2), max(nx, 2)
        nowhere = np.full((height, width, 2), np.nan)
        everything = (0, ny, 0, nx)
        return _window(exposure, options, nowhere, everything, (height, width), everything)
    return place_part(exposure, mapping, options, y, x, threads, room)


def place_part(
    exposure: Exposure,
    mapping: PixelMap,
    options: Options,
    y: range,
    x: range,
    threads: int | None = None,
    room: Room | None = None,
) -> Window:
    """Return a part of the pixels of an exposure, mapped onto a grid.

    It has the same bits as in the whole: the pixels next to it, whose centres say where its
    corners are, are mapped too where there are any.

    Parameters
    ----------
    exposure : Exposure
        The exposure, or a part of it that holds those pixels and the next ones around them.
    mapping : PixelMap
        The map of the whole exposure.
    options : Options
        Those of the mosaic.
    y, x : range
        The pixels, inside of what the map covers.
    threads : int, optional
        Threads to use.
    room : callable, optional
        As for `place`.
    """
    ys, xs = (with_next(side, whole) for side, whole in ((y, mapping.y), (x, mapping.x)))
    # A second row or column says where the corners of the only one are.
    height, width = max(len(ys), 2), max(len(xs), 2)
    rows, columns = range(ys.start, ys.start + height), range(xs.start, xs.start + width)
    out = None if room is None else room((height, width, 2))
    mapped = mapping.evaluate(rows, columns, threads, out)
    j, i = ys.start - exposure.y.start, xs.start - exposure.x.start
    covered = (j, j + len(ys), i, i + len(xs))
    active = (y.start - ys.start, y.stop - ys.start, x.start - xs.start, x.stop - xs.start)
    return _window(exposure, options, mapped, covered, (height, width), active)


def with_next(side: range, whole: range) -> range:
    """Return consecutive pixels and the next one at each end, where the whole has it.

    Examples
    --------
    >>> with_next(range(0, 5), range(0, 9))
    range(0, 6)
    """
    return range(max(side.start - 1, whole.start), min(side.stop + 1, whole.stop))


def pixel_map(
    exposure: Exposure, grid: Grid, options: Options, threads: int | None = None
) -> PixelMap:
    """Return the `PixelMap` of an exposure onto a grid."""
    wcs_from = require_wcs(exposure.wcs, "exposure")
    wcs_to = require_wcs(grid.wcs, "mosaic")
    return map_between(wcs_from, wcs_to, exposure.x, exposure.y, options, threads)


def require_wcs(wcs: Any, which: str) -> Any:
    """Return a WCS, or say that the exposure or the mosaic has none."""
    if wcs is None:
        raise InvalidInputError(
            f"The {which} has no WCS: give it one with .resample.assign_wcs(wcs), or pass pixmap="
        )
    return wcs


def map_between(
    wcs_from: Any, wcs_to: Any, x: range, y: range, options: Options, threads: int | None = None
) -> PixelMap:
    """Return the `PixelMap` of pixels of one WCS onto another, evaluated as the options say."""
    from xresample.wcs.pixmap import PixmapOptions, build_pixmap

    how = PixmapOptions(options.pixmap_stepsize, options.pixmap_order, options.pixmap_tol)
    return build_pixmap(wcs_from, wcs_to, x, y, how, threads)


def _window(
    exposure: Exposure,
    options: Options,
    mapped: np.ndarray,
    covered: tuple[int, int, int, int],
    shape: tuple[int, int],
    active: tuple[int, int, int, int],
) -> Window:
    """Return the window ``covered`` of an exposure, padded to ``shape`` at the far ends."""
    j0, j1, i0, i1 = covered
    pad = ((0, shape[0] - (j1 - j0)), (0, shape[1] - (i1 - i0)))

    # Some planes are asked for twice, and may be in a file.
    @functools.cache
    def plane(name: str) -> np.ndarray | None:
        array = exposure.plane(name, slice(j0, j1), slice(i0, i1))
        if array is not None and pad != ((0, 0), (0, 0)):
            array = np.pad(array, pad, mode="edge")
        return array

    # Flags that nothing asks for stay in their file.
    there = "dq" in exposure.dataset
    bad = weights.bad_bits_of(options.good_bits, _flag_map(exposure, options)) if there else 0
    bits = plane("dq") if bad or options.propagate_dq else None
    dq = None if bits is None else weights.as_uint32(bits)
    return Window(mapped, active, plane, dq, bad, (j0, i0))


def whole_pixmap(exposure: Exposure, window: Window) -> np.ndarray:
    """Return the map of all pixels of an exposure, ``(y, x, 2)``; NaN where it is not placed."""
    j0, j1, i0, i1 = window.active
    mapped = window.pixmap[j0:j1, i0:i1]
    if mapped.shape[:2] == exposure.shape:
        return mapped
    centres = np.full((*exposure.shape, 2), np.nan)
    j, i = window.origin
    centres[j + j0 : j + j1, i + i0 : i + i1] = mapped
    return centres


def with_weights(window: Window, weights: np.ndarray) -> Window:
    """Return a window whose pixels weigh what the exposure's pixels weigh in ``weights``."""
    (height, width), (j, i) = window.pixmap.shape[:2], window.origin
    cut = weights[j : j + height, i : i + width].astype(np.float32)
    pad = ((0, height - cut.shape[0]), (0, width - cut.shape[1]))
    return replace(window, weights=np.pad(cut, pad))


def _flag_map(exposure: Exposure, options: Options) -> Any:
    """Return the mnemonics of the flags: those given, else those that ``dq`` describes."""
    if options.flag_map is not None or "dq" not in exposure.dataset:
        return options.flag_map
    return weights.flag_map_from_cf(exposure.dataset["dq"].attrs)


def weights_of(exposure: Exposure, options: Options) -> np.ndarray:
    """Return the weights of all pixels of an exposure, ``(y, x)``."""
    everything = slice(None)
    variance = WEIGHT_VARIANCE.get(options.weight_type or "")
    dq = exposure.plane("dq", everything, everything)
    return weights.weight_map(
        options.weight_type,
        exposure.shape,
        None if variance is None else exposure.plane(variance, everything, everything),
        exposure.time,
        None
        if dq is None
        else weights.good_pixels(dq, options.good_bits, _flag_map(exposure, options)),
    )


def scales(
    exposure: Exposure, grid: Grid, options: Options, window: Window | None = None
) -> Scales:
    """Return the factors of an exposure on a grid: kernel size, intensity, error, variance.

    Where no pixel scale is known the map of all its pixels says how large they are; it is that of
    ``window``, if given.
    """
    scalars = exposure.scalars
    spectral = grid.spectral
    ratio = options.pixel_scale_ratio
    if ratio is None and not spectral:
        ratio = own_ratio(exposure, grid)
    level = 0.0 if scalars["subtracted"] else scalars["level"]
    intensity = intensity_scale(spectral, ratio, exposure.units)
    if ratio is None:
        err = variance = 1.0
        # Of which the flags are not needed, nor read.
        window = window or place(
            exposure, grid, replace(options, propagate_dq=False, good_bits=None)
        )
        kernel_ratio = ratio_of_map(window)
    elif spectral:
        # The ratio of a spectral mosaic is that of the input to the output.
        err, variance, kernel_ratio = math.sqrt(ratio), ratio, 1.0 / ratio
    else:
        err, variance, kernel_ratio = 1.0 / ratio, 1.0 / ratio**2, ratio
    return Scales(kernel_ratio, intensity, err, variance, level, exposure.time)


def reach(options: Options, ratio: float, step: float) -> float:
    """Return how far along an axis the flux of a pixel goes from its centre, in output pixels.

    Parameters
    ----------
    options : Options
        Which name the kernel.
    ratio : float
        Pixel scale of the output over that of the exposure.
    step : float
        How far apart neighbouring pixels are at most.
    """
    from xresample.kernels import codes, separable

    code = codes.of(options.kernel)
    if code == codes.SQUARE:
        return float(options.pixfrac * step)
    return float(separable.reach(code, float(options.pixfrac), float(ratio))) + 0.5


def intensity_scale(spectral: bool, ratio: float | None, units: Any) -> float:
    """Return the factor of the data: a flux density along a slit goes with the pixel scale."""
    if spectral and ratio is not None and is_flux_density(units):
        return 1.0 / ratio
    return 1.0


def own_ratio(exposure: Exposure, grid: Grid) -> float | None:
    """Return the pixel scale of the grid over that of the exposure; None when unknown."""
    if grid.pixel_scale is None:
        return None
    area = exposure.scalars["pixelarea_steradians"]
    if not area > 0:
        if exposure.live_wcs is None and exposure.wcs_text is None:
            return None
        area = mean_pixel_area(exposure)
    return scale_ratio(grid.pixel_scale, area)


def scale_ratio(pixel_scale: float | None, area: float | None) -> float | None:
    """Return a pixel scale in arcsec over that of pixels of an area in steradians, if known."""
    if pixel_scale is None or area is None or not area > 0:
        return None
    return pixel_scale / sky.arcsec(area)


def mean_pixel_area(exposure: Exposure) -> float:
    """Return the mean area of the pixels of an exposure, in steradians."""
    if exposure.live_wcs is None and exposure.wcs_text is not None:
        return Lattice.of(
            exposure.wcs_text, exposure.shape, exposure.y.start, exposure.x.start
        ).area
    return sky.mean_pixel_area(
        exposure.wcs, exposure.shape, x0=exposure.x.start, y0=exposure.y.start
    )


def ratio_of_map(window: Window) -> float:
    """Return the pixel scale ratio from the Jacobian of a map, at the middle of what is finite."""
    pixmap = window.pixmap
    # Most maps are finite all over: the middle of a row mostly says that it has a step.
    middle = _steps(pixmap[:, pixmap.shape[1] // 2 - 1 :][:, :2])[:, 0]
    rows = [j for j, there in enumerate(middle) if there or _steps(pixmap[j : j + 2]).any()]
    if not rows:
        return 1.0
    j = rows[len(rows) // 2]
    columns = np.flatnonzero(_steps(pixmap[j : j + 2]))
    i = columns[len(columns) // 2]
    along_y = window.pixmap[j + 1, i] - window.pixmap[j, i]
    along_x = window.pixmap[j, i + 1] - window.pixmap[j, i]
    area = abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    return 1.0 / math.sqrt(area) if area > 0 else 1.0


def _steps(pixmap: np.ndarray) -> np.ndarray:
    """Tell which pixels of a map have a step along y and along x."""
    finite = np.isfinite(pixmap[..., 0] + pixmap[..., 1])
    steps: np.ndarray = finite[:-1, :-1] & finite[1:, :-1] & finite[:-1, 1:]
    return steps


def is_flux_density(units: Any) -> bool:
    """Tell whether units can be converted to Jy."""
    from astropy import units as u

    try:
        return bool(u.Unit("" if units is None else units).is_equivalent(u.Jy))
    except (TypeError, ValueError):
        return False
