"""The output arrays of `Drizzle`: made or taken over, checked, and written in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample import arguments
from xresample.accumulate.buffers import in_slabs
from xresample.datamodel.context import PLANE_BITS
from xresample.errors import ArrayTypeError, InvalidInputError

Shape = tuple[int, int]


@dataclass
class Outputs:
    """Arrays on one grid; the caller may hold references to any of them."""

    img: np.ndarray
    """float32 ``(y, x)``: weighted mean."""
    wht: np.ndarray
    """float32 ``(y, x)``: sum of the weights."""
    ctx: np.ndarray | None
    """int32 ``(plane, y, x)``, or None if no context is kept."""
    img2: list[np.ndarray] | None = None
    """float32 ``(y, x)`` each: averages with squared weights."""
    dq: np.ndarray | None = None
    """uint32 ``(y, x)``, or None until an image with flags is added."""
    origin: tuple[int, int] = (0, 0)
    """Position, row first, of the first pixel in the coordinates of the pixel maps."""

    @property
    def shape(self) -> Shape:
        """Shape of the images."""
        return self.wht.shape[0], self.wht.shape[1]

    def context_plane(self, number: int) -> np.ndarray | None:
        """Return the plane with the bit of an image; missing planes are added."""
        if self.ctx is None:
            return None
        plane = number // PLANE_BITS
        if (missing := plane + 1 - len(self.ctx)) > 0:
            more = np.zeros((missing, *self.shape), np.int32)
            self.ctx = np.concatenate([self.ctx, more])
        context: np.ndarray = self.ctx[plane]
        return context

    def fill(self, fillval: float | None, fillval2: float | None) -> None:
        """Write fill values where the weight is 0; None leaves an image alone."""
        images = [] if fillval is None else [(self.img, fillval)]
        if fillval2 is not None:
            images += [(image, fillval2) for image in self.img2 or ()]

        def work(rows: slice) -> None:
            empty = self.wht[rows] == 0
            for image, value in images:
                np.copyto(image[rows], np.float32(value), where=empty)

        if images:
            in_slabs(work, self.shape[0], None)


def new_outputs(shape: Shape, fillval: float | None, planes: int) -> Outputs:
    """Return empty outputs.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    fillval : float or None
        Value of the image; None means NaN.
    planes : int
        Number of planes of the context; 0 for no context.
    """
    # Both images lie in one block of memory, so images are added without a copy.
    block = np.zeros((2, *shape), np.float32)
    if fillval != 0.0:
        block[1] = math.nan if fillval is None else fillval
    return Outputs(block[1], block[0], np.zeros((planes, *shape), np.int32) if planes else None)


def fill_text(out_img: Any, fillval: Any) -> str:
    """Return a fill value as text: a number, or ``"INDEF"`` to leave pixels as they are.

    Parameters
    ----------
    out_img : object
        The array that the caller provides, or None.
    fillval : float, str or None
        The argument. Without an array, ``"INDEF"`` becomes ``"NaN"``.

    Examples
    --------
    >>> fill_text(None, "indef"), fill_text(None, -1), fill_text([[0.0]], None)
    ('NaN', '-1', 'INDEF')
    """
    text = "INDEF" if fillval is None else str(fillval).strip()
    if text.upper() in ("", "INDEF"):
        return "NaN" if out_img is None else "INDEF"
    try:
        float(text)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    return text


def fill_number(text: str) -> float | None:
    """Return a fill value as a number; None to leave pixels as they are."""
    return None if text == "INDEF" else float(text)


def image(name: str, value: Any, dtype: Any = np.float32) -> np.ndarray:
    """Return an output array in its type: the same array wherever possible.

    Raises
    ------
    InvalidInputError
        The value is not an array of numbers that can be written to.
    """
    found = arguments.array(name, value).astype(dtype, copy=False)
    if not found.flags.writeable:
        raise InvalidInputError(f"'{name}' must be an array that can be written to")
    return found


def context(value: Any) -> np.ndarray:
    """Return a context as int32 ``(plane, y, x)``.

    Raises
    ------
    InvalidInputError
        The value does not have two or three dimensions.
    """
    found = image("out_ctx", value, np.int32)
    if found.ndim == 2:
        found = found[None]
    if found.ndim != 3:
        raise InvalidInputError(
            f"'out_ctx' must be either a 2D or 3D array. Got {found.ndim} dimensions."
        )
    return found


def flags(name: str, value: Any) -> np.ndarray:
    """Return flags as uint32.

    Raises
    ------
    ArrayTypeError
        The flags are not integers of at most 32 bits.
    """
    found = np.asarray(value)
    if found.dtype.kind not in "iu" or found.dtype.itemsize > 4:
        raise ArrayTypeError(
            f"'{name}' must be of an unsigned integer type with itemsize of 4 bytes or less. "
            f"Got {found.dtype}."
        )
    return found.astype(np.uint32, copy=False)


def as_list(arrays: Any) -> list[Any]:
    """Return one array or a sequence of arrays as a list."""
    if isinstance(arrays, np.ndarray):
        return [arrays]
    if not isinstance(arrays, Sequence) or isinstance(arrays, str):
        raise InvalidInputError(
            f"Expected an array or a list of arrays or None, got {arguments.shown(arrays)}"
        )
    return list(arrays)


def common_shape(shapes: list[tuple[int, ...]]) -> Shape | None:
    """Return the shape that all outputs have; None if no shape is known.

    Raises
    ------
    InvalidInputError
        There are several shapes, or a shape does not have two sizes of at least 1.
    """
    if not shapes:
        return None
    if len(set(shapes)) > 1:
        raise InvalidInputError(
            "Inconsistent data shapes specified: 'out_shape' and/or out_img, out_img2, out_wht, "
            f"out_ctx, out_dq have different shapes: {', '.join(map(str, sorted(set(shapes))))}."
        )
    shape = shapes[0]
    if len(shape) != 2 or min(shape) < 1:
        raise InvalidInputError(f"'out_shape' must be two sizes of at least 1, got {shape}")
    return shape[0], shape[1]


def check_consistent(wht: np.ndarray, ctx: np.ndarray | None) -> None:
    """Check that the pixels with a context are the pixels with a weight.

    Weights of the kernels "lanczos2" and "lanczos3" may be negative, where no bit need be set.

    Raises
    ------
    InvalidInputError
        They are not.
    """
    if ctx is None:
        return
    touched = (ctx != 0).any(axis=0)
    if (touched & (wht == 0)).any() or (~touched & (wht > 0)).any():
        raise InvalidInputError(
            "Inconsistent values of supplied 'out_wht' and 'out_ctx' arrays. Pixels with non-zero "
            "context values must have positive weights and vice-versa."
        )
