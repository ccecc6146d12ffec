"""The WCS of a part of an image: every n-th row, means of blocks, a mirror image, or a cutout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.errors import UnsupportedWCSError

from .adapters import bounding_box, is_fits, is_gwcs, usual_order
from .caches import SharedCache
from .handle import WCSHandle

REMEMBERED = 256
"""Maximum number of WCSs that a process keeps."""

_handles: SharedCache[WCSHandle] = SharedCache(REMEMBERED)


@dataclass(frozen=True)
class Steps:
    """The pixels of a part of an image, in the pixels of the WCS of the image.

    Pixel ``(i, j)`` of the part, x first and counted from 0, is centred at
    ``(x0 + dx * i, y0 + dy * j)``.
    """

    x0: float
    dx: float
    y0: float
    dy: float

    @property
    def area(self) -> float:
        """Area of a pixel of the part in pixels of the image."""
        return abs(self.dx * self.dy)

    @property
    def first(self) -> np.ndarray:
        """Centre of the first pixel, x first."""
        return np.array([self.x0, self.y0])

    @property
    def step(self) -> np.ndarray:
        """Steps along x and y."""
        return np.array([self.dx, self.dy])


def stepped(wcs: WCSHandle, steps: Steps, shape: tuple[int, int]) -> WCSHandle:
    """Return the WCS of a part of an image, whose pixels count from 0.

    Parameters
    ----------
    wcs : WCSHandle
        The WCS of the image.
    steps : Steps
        The pixels of the part.
    shape : (int, int)
        Shape of the part, ``(y, x)``.

    Raises
    ------
    UnsupportedWCSError
        The WCS is neither a gwcs nor a WCS of FITS with two axes.
    """
    key = (wcs.digest, steps, shape)
    return _handles.get(
        key, lambda: WCSHandle.saved(stepped_object(wcs.new_object(), steps, shape))
    )


def stepped_object(wcs: Any, steps: Steps, shape: tuple[int, int]) -> Any:
    """Return the WCS of a part of an image as an object; the given object is changed."""
    if is_gwcs(wcs):
        return _stepped_gwcs(usual_order(wcs), steps, shape)
    if is_fits(wcs) and wcs.naxis == 2:
        _step_fits(wcs, steps, shape)
        return wcs
    raise UnsupportedWCSError(
        "The rows and columns of an image must have steps of 1, because its WCS is neither a gwcs "
        f"nor a WCS of FITS with two axes, got a {type(wcs).__name__}: use slices without a step"
    )


def _stepped_gwcs(wcs: Any, steps: Steps, shape: tuple[int, int]) -> Any:
    """Return a gwcs that begins with the map from the pixels of the part to those of the image."""
    import gwcs
    from astropy import units as u
    from astropy.modeling.models import Multiply, Shift

    box = bounding_box(wcs)
    pipeline = [(step.frame, step.transform) for step in wcs.pipeline]
    frame, model = pipeline[0]
    # A model with units wants pixels with units.
    unit = u.pix if model.uses_quantity else 1
    along_x, along_y = (
        Multiply(float(step)) | Shift(float(first) * unit)
        for first, step in zip(steps.first, steps.step, strict=True)
    )
    pipeline[0] = (frame, (along_x & along_y) | model)
    part = gwcs.WCS(pipeline, name=wcs.name)
    if box is not None:
        part.bounding_box = _moved_box(box, steps)
    part.array_shape = shape
    return part


def _moved_box(box: Any, steps: Steps) -> Any:
    """Return a bounding box, x first, in the pixels of a part of the image."""
    sides = zip(box, steps.first, steps.step, strict=True)
    return tuple(
        tuple(sorted(float((limit - first) / step) for limit in side))
        for side, first, step in sides
    )


def _step_fits(wcs: Any, steps: Steps, shape: tuple[int, int]) -> None:
    """Change a WCS of FITS in place: its linear terms, its distortion and its limits."""
    from astropy.wcs import Sip

    prm, step = wcs.wcs, steps.step
    prm.crpix = _moved(prm.crpix, steps)
    if prm.has_cd():
        prm.cd = prm.cd * step
    else:
        prm.pc = prm.get_pc() * step
    if wcs.sip is not None:
        powers = wcs.sip.a_order + 1 if wcs.sip.a is not None else 0
        powers = max(powers, *(len(t) for t in _tables(wcs.sip) if t is not None))
        scale = np.multiply.outer(steps.dx ** np.arange(powers), steps.dy ** np.arange(powers))
        scaled = [
            None if table is None else table * scale[: len(table), : len(table)] / along
            for table, along in zip(_tables(wcs.sip), (*step, *step), strict=True)
        ]
        wcs.sip = Sip(*scaled, _moved(wcs.sip.crpix, steps))
    for k, name in enumerate(("cpdis1", "cpdis2", "det2im1", "det2im2")):
        if (table := getattr(wcs, name)) is not None:
            setattr(wcs, name, _moved_table(table, steps, float(step[k % 2])))
    if wcs.pixel_bounds is not None:
        limits = (b or (-np.inf, np.inf) for b in wcs.pixel_bounds)
        wcs.pixel_bounds = list(_moved_box(limits, steps))
    wcs.array_shape = shape
    prm.set()


def _tables(sip: Any) -> tuple[Any, ...]:
    """Return the coefficients of a SIP polynomial along x and y, and those of its inverse."""
    return sip.a, sip.b, sip.ap, sip.bp


def _moved(crpix: Any, steps: Steps) -> np.ndarray:
    """Return a reference pixel, counted from 1 as in FITS, in the pixels of the part."""
    moved = np.asarray(crpix) - steps.first
    # Without a step, the subtraction alone is exact.
    return np.where(steps.step == 1, moved, (moved - 1) / steps.step + 1)


def _moved_table(table: Any, steps: Steps, along: float) -> Any:
    """Return a table of offsets in pixels of the part; ``along`` is the step along its axis."""
    from astropy.wcs import DistortionLookupTable

    crval = tuple(float(value) for value in _moved(table.crval, steps))
    cdelt = tuple(float(value) for value in np.asarray(table.cdelt) / steps.step)
    data = np.asarray(table.data, np.float32) / np.float32(along)
    return DistortionLookupTable(data, tuple(table.crpix), crval, cdelt)
