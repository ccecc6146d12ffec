"""Run the launcher on plain arrays, for tests of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xresample.accumulate import deposit
from xresample.accumulate.deposit import Active, Flags, SampledPlane
from xresample.kernels.samples import PLAIN
from xresample.kernels.structures import LaneLayout, MosaicPlanes


class Exposure(NamedTuple):
    """Images of one shape ``(y, x)`` that are deposited, and the pixel map ``(y, x, 2)``."""

    pixmap: np.ndarray
    data: np.ndarray
    weights: np.ndarray
    means: Sequence[np.ndarray] = ()
    """Further planes that are averaged like the data."""
    sigmas: Sequence[np.ndarray] = ()
    """Standard deviations for variances of the resampled method; the first is the reference."""
    variances: Sequence[np.ndarray] = ()
    """Variances of the propagated method."""
    dq: np.ndarray | None = None
    number: int = 0
    """Index of the exposure in the mosaic."""
    by_reference: bool = True
    """Whether the inverse of the first variance weights the variances; otherwise 1 does."""

    @property
    def lanes(self) -> LaneLayout:
        """The order of the lanes."""
        return LaneLayout.of(
            means=1 + len(self.means),
            resampled=len(self.sigmas),
            propagated=len(self.variances),
            reference=0 if self.sigmas and self.by_reference else None,
        )

    @property
    def active(self) -> Active:
        """All pixels."""
        return (0, self.pixmap.shape[0], 0, self.pixmap.shape[1])

    def sampled(self, dtype: str = "f4") -> list[SampledPlane]:
        """Return the weights and the other planes in a type, as the launcher takes them."""
        planes = (self.weights, self.data, *self.means, *self.sigmas, *self.variances)
        return [SampledPlane(np.array(plane, dtype), PLAIN) for plane in planes]


class Onto(NamedTuple):
    """The output, and the kernel."""

    shape: tuple[int, int]
    kernel: str = "square"
    pixfrac: float = 1.0
    ratio: float = 1.0
    fillval: float = 0.0
    origin: tuple[int, int] = (0, 0)
    """Row and column of the grid where the planes begin."""

    @property
    def footprint(self) -> deposit.Footprint:
        """The kernel with its parameters."""
        return deposit.make_footprint(self.kernel, self.pixfrac, self.ratio)


def empty_planes(exposure: Exposure, onto: Onto, dtype: str = "f8") -> MosaicPlanes:
    """Allocate planes without a weight."""
    lanes = exposure.lanes
    variances = lanes.resampled + lanes.propagated
    values = np.zeros((1 + lanes.means + variances + lanes.resampled, *onto.shape), dtype)
    values[1 : 1 + lanes.means] = onto.fillval
    values[1 + lanes.means : 1 + lanes.means + variances] = np.nan
    dq = np.zeros((0, 0) if exposure.dq is None else onto.shape, np.uint32)
    return MosaicPlanes(values, np.zeros(onto.shape, np.int32), dq, *onto.origin)


def add(
    exposure: Exposure,
    onto: Onto,
    *,
    planes: MosaicPlanes | None = None,
    side: int | None = None,
    active: Active | None = None,
    dtype: str = "f8",
    variance_scale: float = 1.0,
    threads: int = 1,
) -> MosaicPlanes:
    """Add an exposure to planes and return them.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    onto : Onto
        The output.
    planes : MosaicPlanes, optional
        Planes to add to. Default: empty planes of ``dtype``.
    side : int, optional
        Rows and columns of a tile. Default: one tile.
    active : tuple of int, optional
        First and past-the-last row and column to deposit. Default: all pixels.
    dtype : str
        Type of empty planes.
    variance_scale : float
        Factor of the resampled variances.
    threads : int
        Number of threads.
    """
    if planes is None:
        planes = empty_planes(exposure, onto, dtype)
    pixmap = np.ascontiguousarray(exposure.pixmap, dtype=np.float64)
    side = side or max(onto.shape)
    placement = deposit.place(
        pixmap,
        active or exposure.active,
        onto.footprint,
        onto.shape,
        onto.origin,
        tile=(side, side),
        threads=threads,
    )
    dq = None if exposure.dq is None else exposure.dq.astype(np.uint32)
    rules = deposit.make_rules(exposure.number, variance_scale=variance_scale, fillval=onto.fillval)
    deposit.run(
        exposure.sampled(), Flags(dq), pixmap, placement, exposure.lanes, rules, planes, threads
    )
    return planes
