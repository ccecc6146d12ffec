"""Add one image to output arrays with the engine of the package.

::

    Image: data, weights, data2, dq, pixmap    Outputs: wht, img, img2, context, dq
              |                                   |
              v                                   v  block_of: one block of memory
        SampledPlane per lane                 MosaicPlanes
              +----------------+------------------+
                               v
                       deposit.run, in threads
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xresample.accumulate.buffers import copy_rows
from xresample.accumulate.deposit import (
    Active,
    Flags,
    Footprint,
    Placement,
    SampledPlane,
    make_footprint,
    make_rules,
    place,
    run,
)
from xresample.accumulate.misses import misses_per_row
from xresample.accumulate.scales import ratio_of_map
from xresample.datamodel.grid import FARTHEST
from xresample.kernels.structures import Kernel, LaneLayout, MosaicPlanes

from .outputs import Outputs


class Misses(NamedTuple):
    """Pixels and lines that overlap no pixel of the output."""

    nmiss: int
    """Number of pixels."""
    nskip: int
    """Number of lines all whose pixels are among the ``nmiss`` pixels."""


@dataclass(frozen=True)
class Image:
    """An image to add, with arrays ``(y, x)``."""

    data: np.ndarray
    pixmap: np.ndarray
    """float64 ``(y, x, 2)``, C-contiguous."""
    active: Active
    """First and past-the-last row and column to add."""
    weights: np.ndarray | None = None
    data2: tuple[np.ndarray | None, ...] = ()
    """Variances; None counts as 0."""
    dq: np.ndarray | None = None
    intensity: float = 1.0
    """Factor of the data."""
    weight_scale: float = 1.0


@dataclass(frozen=True)
class Spread:
    """How the flux of a pixel is spread."""

    kernel: Kernel
    pixfrac: float = 1.0
    ratio: float | None = 1.0
    """Pixel scale of the output over that of the image; None: from the pixel map."""

    def footprint(self, pixmap: np.ndarray) -> Footprint:
        """Return the kernel with its parameters."""
        ratio = self.ratio
        if ratio is None:
            ratio = 1.0 if self.kernel in ("square", "point") else ratio_of_map(pixmap)
        return make_footprint(self.kernel, self.pixfrac, ratio)


def add_image(
    image: Image, outputs: Outputs, spread: Spread, number: int, fillval: float | None = None
) -> Misses:
    """Add an image to outputs.

    Parameters
    ----------
    image : Image
        The image.
    outputs : Outputs
        The outputs; updated.
    spread : Spread
        The kernel.
    number : int
        Number of the image, which is its bit in the context.
    fillval : float, optional
        Value of pixels whose weights cancel. Default: NaN.
    """
    footprint = spread.footprint(image.pixmap)
    pixmap, placement = _place(image, outputs, footprint)
    if len(placement.tiles):
        context = outputs.context_plane(number)
        variances = len(image.data2)
        lanes = LaneLayout.of(means=1, propagated=variances)
        rules = make_rules(number, fillval=math.nan if fillval is None else fillval)
        images = [outputs.wht, outputs.img, *(outputs.img2 or ())[:variances]]
        planes = block_of(images, placement, outputs.origin)
        flags = Flags(image.dq)
        bits = _in_order(context), _in_order(None if image.dq is None else outputs.dq)
        target = MosaicPlanes(
            planes.values,
            np.zeros((0, 0), np.int32) if bits[0] is None else bits[0],
            np.zeros((0, 0), np.uint32) if bits[1] is None else bits[1],
            *outputs.origin,
        )
        run(_sampled(image), flags, pixmap, placement, lanes, rules, target)
        if image.dq is not None and spread.kernel in ("lanczos2", "lanczos3"):
            _add_flags_of_negative_weights(image, pixmap, placement, target)
        planes.store()
        for array, work in zip((context, outputs.dq), bits, strict=True):
            if array is not None and work is not None and work is not array:
                array[...] = work
    misses = misses_per_row(pixmap, placement, outputs.shape, outputs.origin)
    width = image.active[3] - image.active[2]
    return Misses(int(misses.sum()), int((misses == width).sum()))


def _place(image: Image, outputs: Outputs, footprint: Footprint) -> tuple[np.ndarray, Placement]:
    """Return the pixel map, without positions too far away to count with, and the tiles."""
    pixmap = image.pixmap
    placement = place(pixmap, image.active, footprint, outputs.shape, outputs.origin)
    bounds = placement.block_bounds
    if (np.abs(bounds[np.isfinite(bounds)]) > FARTHEST).any():
        pixmap = np.where(np.abs(pixmap) > FARTHEST, math.nan, pixmap)
        placement = place(pixmap, image.active, footprint, outputs.shape, outputs.origin)
    return pixmap, placement


def _sampled(image: Image, sign: float = 1.0) -> list[SampledPlane]:
    """Return the plane of each lane: weights, data, variances."""
    from xresample.kernels.samples import PLAIN

    squared = image.intensity**2
    return [
        SampledPlane(image.weights, PLAIN, sign * image.weight_scale, name="weight_map"),
        SampledPlane(image.data, PLAIN, image.intensity, name="data"),
        *(
            SampledPlane(plane, PLAIN, 0.0 if plane is None else squared, name="data2")
            for plane in image.data2
        ),
    ]


def _add_flags_of_negative_weights(
    image: Image, pixmap: np.ndarray, placement: Placement, planes: MosaicPlanes
) -> None:
    """Add the flags of pixels whose weights are negative, which the engine does not count.

    With the signs of all weights changed, these weights are positive. The images are not used.
    """
    unused = np.zeros((2, *planes.values.shape[1:]), np.float32)
    flagged = planes._replace(values=unused, context=np.zeros((0, 0), np.int32))
    only = _sampled(image, -1.0)[:2]
    lanes = LaneLayout.of(means=1)
    run(only, Flags(image.dq), pixmap, placement, lanes, make_rules(0), flagged)


@dataclass(frozen=True)
class ImageBlock:
    """Images as one block of memory, which the engine needs."""

    values: np.ndarray
    """float32 ``(plane, y, x)``."""
    copied: tuple[np.ndarray, ...] = ()
    """The images, if they had to be copied into the block."""
    part: tuple[slice, slice] = (slice(0), slice(0))
    """The rows and columns that are copied."""

    def store(self) -> None:
        """Copy the block back to the images."""
        for image, plane in zip(self.copied, self.values, strict=False):
            copy_rows(image[self.part], plane[self.part], None)


def block_of(images: list[np.ndarray], placement: Placement, origin: tuple[int, int]) -> ImageBlock:
    """Return images as one block: a view if they follow each other in memory, or else a copy."""
    first = images[0]
    fits = all(
        array.dtype == np.float32 and array.flags.c_contiguous and array.flags.aligned
        and array.ctypes.data == first.ctypes.data + k * first.nbytes
        for k, array in enumerate(images)
    )  # fmt: skip
    if fits:
        strides = (first.nbytes, *first.strides)
        shape = (len(images), *first.shape)
        return ImageBlock(np.lib.stride_tricks.as_strided(first, shape, strides))
    return _copied(images, placement, origin)


def _copied(images: list[np.ndarray], placement: Placement, origin: tuple[int, int]) -> ImageBlock:
    """Return a block of memory with a copy of the images where the tiles lie."""
    tiles = placement.tiles - np.repeat(origin, 2)
    rows = slice(int(tiles[:, 0].min()), int(tiles[:, 1].max()))
    columns = slice(int(tiles[:, 2].min()), int(tiles[:, 3].max()))
    values = np.empty((len(images), *images[0].shape), np.float32)
    for plane, image in zip(values, images, strict=True):
        copy_rows(plane[rows, columns], image[rows, columns], None)
    return ImageBlock(values, tuple(images), (rows, columns))


def _in_order(plane: np.ndarray | None) -> np.ndarray | None:
    """Return a plane of bits that the engine can write to: the same plane wherever possible."""
    return None if plane is None else np.require(plane, requirements=["C", "A"])
