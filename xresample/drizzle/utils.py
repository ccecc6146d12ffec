"""The functions of `drizzle.utils`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xresample import arguments
from xresample.datamodel.grid import checked_shape
from xresample.errors import InvalidInputError
from xresample.wcs import footprint
from xresample.wcs import transform as systems
from xresample.wcs.handle import WCSObject
from xresample.wcs.pixels import Pixels
from xresample.wcs.pixmap import PixmapOptions, build_pixmap

__all__ = ["calc_pixmap", "decode_context", "estimate_pixel_scale_ratio"]

MAX_PIXELS = 2**32
"""Maximum number of pixels of a pixel map in memory, which takes 64 GiB."""

BOXES = {"to": (True, False), "from": (False, True), "both": (False, False), "none": (True, True)}
"""Whether the bounding boxes of input and output apply, by the value of ``disable_bbox``."""


def calc_pixmap(
    wcs_from: WCSObject,
    wcs_to: WCSObject,
    shape: tuple[int, int] | None = None,
    disable_bbox: str = "to",
    stepsize: int | None = 1,
    order: int = 1,
) -> np.ndarray:
    """Return the positions of the pixels of one WCS in another: ``(y, x, 2)``, x first.

    Parameters
    ----------
    wcs_from, wcs_to : WCS
        The WCS of the image, used forward, and the WCS of the target, used backward. Neither is
        changed.
    shape : (int, int), optional
        Shape of the image, ``(y, x)``. Default: the shape of its WCS.
    disable_bbox : {"to", "from", "both", "none"}
        The bounding box to ignore. Pixels outside the other one are NaN.
    stepsize : int or None
        1: evaluate the WCSs at every pixel. Above 1: a spline between nodes this many pixels
        apart. None: a spline with a maximum error of 1e-6 pixel. Where a bounding box of the
        target cuts the image, every pixel is evaluated.
    order : {1, 3}
        Order of the spline if the step is above 1.

    Raises
    ------
    InvalidInputError
        The WCS of the image has neither a shape nor a bounding box, or an argument is invalid.

    Examples
    --------
    >>> from xresample.drizzle import calc_pixmap
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
    ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
    >>> calc_pixmap(wcs, wcs, shape=(4, 5))[2, 3].round(6).tolist()
    [3.0, 2.0]
    """
    arguments.choice("disable_bbox", disable_bbox, tuple(BOXES))
    for wcs in (wcs_from, wcs_to):
        systems.check_axes(wcs)
    ny, nx = checked_shape(_shape(wcs_from) if shape is None else shape)
    inside, within = BOXES[disable_bbox]
    if not ny * nx <= MAX_PIXELS:
        raise InvalidInputError(
            f"shape must have at most {MAX_PIXELS} pixels, got {ny} x {nx}: map a part of the image"
        )
    # The models of the WCSs themselves give the digits that other packages get from them.
    mapping = build_pixmap(
        *(wcs_from, wcs_to, range(nx), range(ny), PixmapOptions(stepsize, order, compiled=False)),
        # The nodes of a spline must lie where the WCS is defined.
        inside=inside or stepsize != 1,
    )
    centres = mapping.around(Pixels.of((ny, nx)))
    if within and (box := systems.bounding_box(wcs_to)) is not None:
        low, high = np.array(box).T
        outside = ((centres < low) | (centres > high)).any(axis=-1)
        if stepsize != 1 and outside.any():
            return calc_pixmap(wcs_from, wcs_to, (ny, nx), disable_bbox)
        centres[outside] = np.nan
    return centres


def _shape(wcs: WCSObject) -> tuple[int, int]:
    """Return the shape of a WCS, or the extent of its bounding box."""
    if getattr(wcs, "array_shape", None) is None and (box := _box(wcs)) is not None:
        rows, columns = (math.ceil(upper + 0.5) for _, upper in reversed(box))
        return rows, columns
    return systems.array_shape(wcs)


def _box(wcs: WCSObject) -> tuple[tuple[float, float], ...] | None:
    """Return the bounding box of a WCS, x first; None if the WCS has no box.

    An `astropy.wcs.WCS` has no such attribute, but may have been given one, which drizzle reads.
    """
    given = vars(wcs).get("bounding_box") if hasattr(wcs, "__dict__") else None
    box = systems.bounding_box(wcs) if given is None else tuple(map(tuple, given))
    return box if box is not None and np.isfinite(box).all() else None


def estimate_pixel_scale_ratio(
    wcs_from: WCSObject, wcs_to: WCSObject, refpix_from: Any = None, refpix_to: Any = None
) -> float:
    """Return the pixel scale of one WCS over that of another.

    A pixel scale is the square root of the area of a pixel on the sky.

    Parameters
    ----------
    wcs_from, wcs_to : WCS
        The WCSs; the scale of ``wcs_to`` is divided by that of ``wcs_from``.
    refpix_from, refpix_to : array_like, optional
        Position of the pixel in each WCS, x first. Default: the centre of the bounding box, or
        of the image, or else (0, 0).

    Returns
    -------
    float
        The ratio.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> from xresample.drizzle.utils import estimate_pixel_scale_ratio
    >>> fine, coarse = WCS(naxis=2), WCS(naxis=2)
    >>> for wcs, scale in ((fine, 0.1), (coarse, 0.2)):
    ...     wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    ...     wcs.wcs.cdelt = -scale / 3600, scale / 3600
    >>> round(estimate_pixel_scale_ratio(fine, coarse), 6)
    2.0
    """
    return _estimate_pixel_scale(wcs_to, refpix_to) / _estimate_pixel_scale(wcs_from, refpix_from)


def _estimate_pixel_scale(wcs: WCSObject, refpix: Any) -> float:
    """Return the square root of the area of the pixel at a position, in radians."""
    if refpix is None:
        box, shape = _box(wcs), getattr(wcs, "array_shape", None)
        if box is not None:
            refpix = np.mean(box, axis=-1)
        else:
            refpix = (0, 0) if shape is None else [(n - 1) // 2 for n in reversed(shape)]
    x, y = arguments.array("refpix", refpix).astype(float)
    return math.sqrt(footprint.area_of_pixel(wcs, x, y))


def decode_context(context: Any, x: Any, y: Any) -> list[np.ndarray]:
    """Return the numbers of the images that contribute to output pixels.

    Parameters
    ----------
    context : ndarray of int
        The context, ``(plane, y, x)``.
    x, y : int or sequence of int
        Columns and rows of the pixels.

    Returns
    -------
    list of ndarray
        One array of numbers, which begin at 0, for each pixel.

    Raises
    ------
    InvalidInputError
        The context does not have three dimensions, or the positions are not integers in arrays of
        one dimension and one length.

    Examples
    --------
    >>> import numpy as np
    >>> from xresample.drizzle.utils import decode_context
    >>> context = np.zeros((2, 3, 4), np.int32)
    >>> context[0, 1, 2], context[1, 1, 2] = 0b101, 0b10
    >>> decode_context(context, 2, 1)
    [array([ 0,  2, 33])]
    """
    planes = arguments.array("context", context)
    if planes.ndim != 3 or planes.dtype.kind not in "iu":
        raise InvalidInputError(
            f"'context' must be a 3D array of integers, got {planes.ndim} dimensions of type "
            f"{planes.dtype}"
        )
    columns, rows = np.atleast_1d(x), np.atleast_1d(y)
    if columns.shape != rows.shape:
        raise InvalidInputError("Coordinate arrays must have equal length.")
    if columns.ndim != 1:
        raise InvalidInputError("Coordinates must be scalars or 1D arrays.")
    if not (columns.dtype.kind in "iu" and rows.dtype.kind in "iu"):
        raise InvalidInputError("Pixel coordinates must be integer values")
    octets = planes.dtype.newbyteorder("<")
    return [
        np.flatnonzero(
            np.unpackbits(planes[:, j, i].astype(octets).view(np.uint8), bitorder="little")
        )
        for j, i in zip(rows, columns, strict=True)
    ]
