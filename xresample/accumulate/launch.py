"""Add the arrays of one exposure to the planes of a mosaic: from names to lanes, then run.

The launcher turns an exposure, whose planes have names, into the plain structures of the kernels::

    Window: pixmap, read(name), dq      Options: kernel, pixfrac      Layout: names of planes
            |         |                          |                            |
            |         v                          v                            v
            |   SampledPlane                 Footprint                    LaneLayout
            |   per lane                         |                            |
            v              v                     v                            |
        block bounds   ExposurePlanes      (what a pixel                      |
            |          (addresses)          overlaps)                         |
            v              |                     |                            |
        Placement: tiles   |                     |                            |
            +--------------+----------+----------+----------------------------+
                                      v
                     run: threads take a few tiles at a time

====================  ===========================================================
function              decides
====================  ===========================================================
`lane_names`          the order of the planes that are read
`lane_layout`         which lane is summed for which plane of the mosaic
`sampled_planes`      which plane each lane is read from, and with which factor
====================  ===========================================================

The lower half of the picture is in ``deposit``, which says why reading by address is safe.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from xresample.datamodel.arrays import bare_array
from xresample.datamodel.dq_flags import ALL_BITS
from xresample.datamodel.grid import FARTHEST, Grid
from xresample.datamodel.mosaic import variances_of_error
from xresample.datamodel.options import WEIGHT_PLANE, Options, parse_fillval
from xresample.datamodel.planes import Layout
from xresample.errors import InvalidInputError
from xresample.kernels.structures import (
    CONTRIBUTED,
    MARK_BIT,
    OVERFLOWED,
    LaneLayout,
    MosaicPlanes,
)

from .buffers import Buffers
from .deposit import (
    Active,
    Flags,
    Placement,
    SampledPlane,
    in_order,
    make_footprint,
    make_rules,
    place,
    run,
)
from .maps import add_maps
from .noise import NoisyPixels, add_covariance, max_lag
from .ranges import any_usable, require_range
from .weights import uniform_weight

Read = Callable[[str], np.ndarray | None]
"""Function that returns a named plane of the window, or None if the exposure has no such plane."""


class Outcome(Enum):
    """Effect of an added exposure on the planes of a mosaic."""

    OUTSIDE = "no pixel overlaps the planes"
    NOTHING = "no pixel has usable data and a weight"
    CONTRIBUTED = "a pixel contributes"
    LIMITED = "a pixel contributes, and a sum of weights is too large for the planes"


@dataclass(frozen=True)
class Scales:
    """The factors of one exposure."""

    ratio: float
    """Pixel scale of the output over the pixel scale of the exposure, as the kernels need it."""
    intensity: float = 1.0
    err: float = 1.0
    variance: float = 1.0
    level: float = 0.0
    time: float = math.nan
    exposure_time: float = math.nan
    """Seconds that a pixel was exposed, for the map of exposure times."""
    alike: tuple[str, ...] = ()
    """Further planes with the units of data, which are scaled like data."""


@dataclass(frozen=True)
class Window:
    """The pixels of an exposure that are to be deposited, with a margin for the corners."""

    pixmap: np.ndarray
    """float64 ``(y, x, 2)``: mapped centres of all pixels of the window, with the margin."""
    active: Active
    """First and past-the-last row and column to deposit, counted in the window."""
    read: Read
    dq: np.ndarray | None
    """uint32 ``(y, x)``, or None if flags do not matter."""
    bad: int = 0
    """Bits of dq that give a pixel the weight 0."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the exposure's arrays where the window begins."""
    first: tuple[int, int] = (0, 0)
    """Row and column where the window begins, in the pixels of the exposure's WCS."""
    marked: tuple[int, ...] = ()
    """Value of each flag for which the area of rejected pixels is summed."""
    weights: np.ndarray | None = None
    """Weights of the window's pixels, ``(y, x)``, instead of the weights that the options name."""


def add_exposure(
    buffers: Buffers,
    options: Options,
    window: Window,
    scales: Scales,
    exposure: int,
    threads: int | None = None,
    *,
    placement: Placement | None = None,
) -> Outcome:
    """Add one exposure to the buffers.

    Parameters
    ----------
    buffers : Buffers
        The planes of the mosaic; updated.
    options : Options
        The options of the mosaic. The exposure has the variance that ``weight_type`` needs.
    window : Window
        The pixels to deposit.
    scales : Scales
        The factors of the exposure.
    exposure : int
        Index of the exposure in the mosaic, which is its bit in the context.
    threads : int, optional
        Number of threads. Default: one per CPU. The result is bit-for-bit the same for any value.
    placement : Placement, optional
        The tiles that the window reaches, if they are known for the same footprint.

    Returns
    -------
    Outcome
        Whether the exposure reached the buffers and contributed to them.

    Raises
    ------
    InvalidInputError
        The planes cannot hold the values of the exposure; the buffers are unchanged.
    """
    if buffers.layout.maps_area:
        _add_maps(buffers, options, window, scales, threads)
    footprint = make_footprint(options.kernel, options.pixfrac, scales.ratio)
    shape, origin = buffers.values.shape[1:], (buffers.y0, buffers.x0)
    if placement is None or placement.footprint[:4] != footprint[:4]:
        placement = place(window.pixmap, window.active, footprint, shape, origin, threads=threads)
    if not len(placement.tiles):
        return Outcome.OUTSIDE
    layout = buffers.layout
    reference = reference_of(layout, window)
    lanes = lane_layout(layout, reference)
    flags = Flags(
        dq=window.dq,
        bad=0 if window.weights is not None else window.bad,
        kept=0 if buffers.dq is None else ALL_BITS,
        flip=ALL_BITS if layout.shares_flags else 0,
    )
    sampled = sampled_planes(layout, reference, options, window, scales)
    require_range(sampled, flags, buffers.values.dtype)
    is_timed = reference is None and options.weight_type == "exptime"
    rules = make_rules(
        exposure if buffers.tree is None else MARK_BIT,
        constant=scales.time if is_timed else 1.0,
        variance_scale=scales.variance,
        fillval=parse_fillval(options.fillval),
    )
    sampled, flags = in_order(sampled, flags)
    planes = mosaic_planes(buffers, exposure)
    outcome = run(sampled, flags, window.pixmap, placement, lanes, rules, planes, threads)
    if buffers.tree is not None:
        boxes = placement.tiles - np.repeat(origin, 2)
        buffers.tree.take_marked(planes.context, boxes, exposure)
    if buffers.noise is not None:
        chosen = _noisy(sampled, layout, options)
        pixels = NoisyPixels(
            chosen, flags, window.pixmap, placement, window.first, largest(options)
        )
        blocks = layout.blocks((shape[0], shape[1]), origin)
        add_covariance(buffers.noise, blocks, pixels, max_lag(footprint, scales.ratio), threads)
    if outcome & OVERFLOWED:
        return Outcome.LIMITED
    if outcome & CONTRIBUTED:
        return Outcome.CONTRIBUTED
    return Outcome.OUTSIDE if any_usable(sampled, flags, options.dtype) else Outcome.NOTHING


def noisy_pixels(
    layout: Layout,
    options: Options,
    window: Window,
    scales: Scales,
    grid: Grid,
    threads: int | None = None,
) -> NoisyPixels:
    """Return the pixels of an exposure whose noise is to be correlated on a grid.

    Parameters
    ----------
    layout : Layout
        The planes of the mosaic, with the exposure; its variances are propagated.
    options : Options
        The options of the mosaic.
    window : Window
        The pixels of the exposure.
    scales : Scales
        The factors of the exposure.
    grid : Grid
        The grid of the mosaic.
    threads : int, optional
        Number of threads. Default: one per CPU.
    """
    footprint = make_footprint(options.kernel, options.pixfrac, scales.ratio)
    placement = place(
        window.pixmap, window.active, footprint, grid.shape, grid.origin, threads=threads
    )
    sampled = sampled_planes(layout, None, options, window, scales)
    bad = 0 if window.weights is not None else window.bad
    sampled, flags = in_order(sampled, Flags(window.dq, bad, 0))
    chosen = _noisy(sampled, layout, options)
    return NoisyPixels(chosen, flags, window.pixmap, placement, window.first, largest(options))


def _noisy(sampled: list[SampledPlane], layout: Layout, options: Options) -> list[SampledPlane]:
    """Return the plane of the weights, the data, and the variances that enter ``err``."""
    names = lane_names(layout, None)
    entering = variances_of_error(layout, options)
    return [sampled[0], *(sampled[1 + names.index(name)] for name in ("data", *entering))]


def _add_maps(
    buffers: Buffers, options: Options, window: Window, scales: Scales, threads: int | None
) -> None:
    """Add an exposure to the maps of time and of rejected pixels."""
    shape = window.pixmap.shape[:2]
    weights = weights_as_array(_weights(options, window, scales), shape)
    data = window.read("data")
    limit = np.finfo(options.dtype).max
    good = (weights > 0) & (weights <= limit)
    if data is not None:
        good &= np.abs(data) <= limit
    dq = np.zeros(shape, np.uint32) if window.dq is None else window.dq
    if window.weights is None:
        good &= (dq & np.uint32(window.bad)) == 0
    flagged = [~good & ((dq & np.uint32(value)) != 0) for value in window.marked]
    time = scales.exposure_time
    add_maps(buffers, window.pixmap, window.active, good, flagged, time, threads)


def largest(options: Options) -> float:
    """Return the largest number that the planes of a mosaic can hold."""
    return float(np.finfo(options.dtype).max)


def reference_of(layout: Layout, window: Window) -> str | None:
    """Return the variance of an exposure that weights the resampled variances, if any."""
    name = layout.reference
    if name is None or not layout.variances or window.read(name) is None:
        return None
    return name


def lane_names(layout: Layout, reference: str | None) -> tuple[str, ...]:
    """Return the names of the planes that are read, in the order of `LaneLayout.sampled`."""
    own = () if reference is None or reference in layout.variances else (reference,)
    return (*layout.means, *layout.variances, *own)


def lane_layout(layout: Layout, reference: str | None) -> LaneLayout:
    """Return the lanes for the planes of a mosaic.

    Parameters
    ----------
    layout : Layout
        The planes.
    reference : str or None
        The variance of this exposure that weights the resampled variances, if any.
    """
    count = len(layout.variances)
    index = None
    if reference is not None:
        index = (*layout.variances, reference).index(reference)
    return LaneLayout.of(
        means=len(layout.means),
        resampled=count if layout.resampled else 0,
        propagated=0 if layout.resampled else count,
        reference=index,
    )


def sampled_planes(
    layout: Layout, reference: str | None, options: Options, window: Window, scales: Scales
) -> list[SampledPlane]:
    """Return the plane of the weights, then the planes of `lane_names`."""
    from xresample.kernels.samples import PLAIN, ROOT, SPREAD

    found = [_weights(options, window, scales)]
    intensity = scales.intensity
    for name in lane_names(layout, reference):
        plane = layout.samples(name, window.read)
        if plane is None:
            found.append(SampledPlane(None, PLAIN, math.nan))
        elif name == "data":
            found.append(SampledPlane(plane, PLAIN, intensity, scales.level, name))
        elif name == "err":
            found.append(SampledPlane(plane, SPREAD, intensity * scales.err, 0.0, name))
        elif name in layout.means:
            power = 1 if name in scales.alike else layout.power(name)
            found.append(SampledPlane(plane, PLAIN, intensity**power, 0.0, name))
        elif layout.resampled:
            found.append(SampledPlane(plane, ROOT, intensity, 0.0, name))
        else:
            found.append(SampledPlane(plane, SPREAD, intensity**2, 0.0, name))
    return found


def _weights(options: Options, window: Window, scales: Scales) -> SampledPlane:
    """Return the plane that the weights of the pixels are made of."""
    from xresample.kernels.samples import INVERSE, PLAIN

    if window.weights is not None:
        return SampledPlane(window.weights, PLAIN, name="weights")
    name = WEIGHT_PLANE.get(options.weight_type or "")
    if name is not None:
        use = PLAIN if options.weight_type == "map" else INVERSE
        return SampledPlane(window.read(name), use, name=name)
    return SampledPlane(None, PLAIN, uniform_weight(options.weight_type, scales.time))


def weights_as_array(plane: SampledPlane, shape: tuple[int, int]) -> np.ndarray:
    """Return the weights that the kernels make of a plane, float64 ``(y, x)``."""
    from xresample.kernels.samples import INVERSE

    if plane.array is None:
        return np.full(shape, plane.factor)
    if plane.use != INVERSE:
        return (plane.array.astype(np.float64) - plane.level) * plane.factor
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return 1.0 / plane.array.astype(np.float64)


def mosaic_planes(buffers: Buffers, exposure: int) -> MosaicPlanes:
    """Return the planes of a mosaic as the kernels write them."""
    dq = buffers.dq if buffers.dq is not None else np.zeros((0, 0), np.uint32)
    context = buffers.context_plane(exposure)
    return MosaicPlanes(buffers.values, context, dq, buffers.y0, buffers.x0)


def require_memory_order(pixmap: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a pixel map in the memory order that the kernels read.

    Raises
    ------
    InvalidInputError
        If the map has another shape or type, or too few pixels.
    """
    pixmap = bare_array(pixmap, "pixmap", "pix")
    if pixmap.shape != (*shape, 2) or pixmap.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"pixmap must hold real numbers of shape {(*shape, 2)}, (y, x, 2) with the output x "
            f"first, got shape {pixmap.shape} and type {pixmap.dtype}"
        )
    if min(shape) < 2:
        raise InvalidInputError(
            f"pixmap must have at least 2 x 2 pixels, got {shape[0]} x {shape[1]}: the corners of "
            "a pixel follow from the centres of its neighbours"
        )
    with np.errstate(invalid="ignore"):
        far = np.abs(pixmap[np.isfinite(pixmap)]) > FARTHEST
    if far.any():
        raise InvalidInputError(
            f"pixmap must hold positions within +-{FARTHEST} output pixels, got {far.sum()} "
            "numbers beyond"
        )
    return np.require(pixmap, np.float64, ["C", "A", "W"])
