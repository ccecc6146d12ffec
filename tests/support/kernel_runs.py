"""Drive the compiled kernels on plain arrays, as the package does, for their own tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xresample.kernels.codes import GAUSSIAN, LANCZOS2, LANCZOS3, POINT, SQUARE, TURBO
from xresample.kernels.combine import NO_REFERENCE, Planes, Rules
from xresample.kernels.reach import BLOCK, bound_blocks
from xresample.kernels.samples import PLAIN
from xresample.kernels.separable import lanczos_table, reach
from xresample.kernels.structures import Product, Quadrilateral, Source
from xresample.kernels.tiles import add_tiles

CODES = {
    "square": SQUARE,
    "turbo": TURBO,
    "point": POINT,
    "gaussian": GAUSSIAN,
    "lanczos2": LANCZOS2,
    "lanczos3": LANCZOS3,
}


class Exposure(NamedTuple):
    """What is deposited: images of one shape ``(y, x)``, and the pixel map ``(y, x, 2)``."""

    pixmap: np.ndarray
    data: np.ndarray
    weights: np.ndarray
    means: Sequence[np.ndarray] = ()
    """More planes that are averaged like the data."""
    sigmas: Sequence[np.ndarray] = ()
    """Standard deviations for variances of the resampled method; the first is the reference."""
    variances: Sequence[np.ndarray] = ()
    """Variances of the propagated method."""
    dq: np.ndarray | None = None
    bit: int = 1
    by_reference: bool = True
    """Whether the variances are weighted by the inverse of the first one, else by 1."""


class Onto(NamedTuple):
    """Where it goes, and how."""

    shape: tuple[int, int]
    kernel: str = "square"
    pixfrac: float = 1.0
    ratio: float = 1.0
    fillval: float = 0.0
    origin: tuple[int, int] = (0, 0)
    """Index on the grid of the first row and column of the planes."""


def footprint(kernel: str, pixfrac: float = 1.0, ratio: float = 1.0) -> Quadrilateral | Product:
    """Return a kernel with its parameters."""
    if kernel == "square":
        return Quadrilateral(float(pixfrac))
    order = {"lanczos2": 2, "lanczos3": 3}.get(kernel)
    table = np.zeros(1) if order is None else lanczos_table(order)
    return Product(CODES[kernel], float(pixfrac), float(ratio), table)


class Held(NamedTuple):
    """A source, and the planes that it has the addresses of."""

    source: Source
    planes: Sequence[np.ndarray]


def make_source(exposure: Exposure, dtype: str = "f4") -> Held:
    """Make samples of the planes of an exposure."""
    linear = [exposure.data, *exposure.means, *exposure.sigmas]
    planes = [np.array(p, dtype) for p in (exposure.weights, *linear, *exposure.variances)]
    dq = np.zeros((0, 0), np.uint32) if exposure.dq is None else exposure.dq.astype(np.uint32)
    source = Source(
        pixmap=np.ascontiguousarray(exposure.pixmap, dtype=np.float64),
        table=np.array([(p.ctypes.data, p.strides[0], p.itemsize, PLAIN) for p in planes]),
        factors=np.array([(0.0, 1.0)] * len(planes)),
        dq=dq,
        bad=0,
        kept=0xFFFFFFFF,
        linear=1 + len(linear),
        squared=len(exposure.variances),
    )
    return Held(source, planes)


def make_rules(exposure: Exposure, fillval: float, variance_scale: float = 1.0) -> Rules:
    """Return how the lanes of an exposure enter the planes."""
    means = 1 + len(exposure.means)
    reference = 1 + means if exposure.sigmas and exposure.by_reference else NO_REFERENCE
    return Rules(
        means=means,
        resampled=len(exposure.sigmas),
        propagated=len(exposure.variances),
        reference=reference,
        constant=1.0,
        variance_scale=variance_scale,
        bit=exposure.bit,
        fillval=fillval,
    )


def empty_planes(exposure: Exposure, onto: Onto, dtype: str = "f8") -> Planes:
    """Allocate planes without a weight."""
    count = 2 + len(exposure.means) + 2 * len(exposure.sigmas) + len(exposure.variances)
    values = np.zeros((count, *onto.shape), dtype)
    values[1 : 2 + len(exposure.means)] = onto.fillval
    values[2 + len(exposure.means) :] = np.nan
    first_weight = 2 + len(exposure.means) + len(exposure.sigmas)
    values[first_weight : first_weight + len(exposure.sigmas)] = 0.0
    dq = np.zeros((0, 0) if exposure.dq is None else onto.shape, np.uint32)
    return Planes(values, np.zeros(onto.shape, np.int32), dq, *onto.origin)


def block_bounds(
    pixmap: np.ndarray, foot: Quadrilateral | Product, active: tuple[int, int, int, int]
) -> np.ndarray:
    """Return the bounds of all blocks of the active pixels; those of a row come last in it."""
    j0, j1, i0, i1 = active
    bounds = np.empty((-(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK) + 1, 5))
    steps, far = foot.pixfrac, 0.0
    if isinstance(foot, Product):
        steps, far = 0.0, reach(foot.code, foot.pixfrac, foot.ratio)
    bound_blocks(pixmap, active, steps, far, (0, bounds.shape[0]), bounds)
    return bounds


def tiles(onto: Onto, side: int | None = None) -> np.ndarray:
    """Divide the planes into tiles of a side; one tile when there is none."""
    y0, x0 = onto.origin
    y1, x1 = y0 + onto.shape[0], x0 + onto.shape[1]
    side = side or max(onto.shape)
    return np.array(
        [
            (y, min(y + side, y1), x, min(x + side, x1))
            for y in range(y0, y1, side)
            for x in range(x0, x1, side)
        ]
    )


def add(
    exposure: Exposure,
    onto: Onto,
    *,
    planes: Planes | None = None,
    side: int | None = None,
    active: tuple[int, int, int, int] | None = None,
    dtype: str = "f8",
    variance_scale: float = 1.0,
) -> Planes:
    """Add an exposure to planes, by default to empty ones; return them."""
    if planes is None:
        planes = empty_planes(exposure, onto, dtype)
    source, held = make_source(exposure)
    active = active or (0, held[0].shape[0], 0, held[0].shape[1])
    foot = footprint(onto.kernel, onto.pixfrac, onto.ratio)
    rules = make_rules(exposure, onto.fillval, variance_scale)
    bounds = block_bounds(source.pixmap, foot, active)
    add_tiles(source, foot, active, bounds, tiles(onto, side), rules, planes)
    return planes
