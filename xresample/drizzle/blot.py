"""The function `blot_image`."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample import arguments
from xresample.accumulate.buffers import in_slabs
from xresample.errors import InvalidInputError

from . import inputs, outputs
from .inputs import NOT_GIVEN

INTERPOLATIONS = {
    "nearest": "nearest",
    "linear": "linear",
    "poly3": "poly3",
    "poly5": "poly5",
    "sinc": "sinc",
    "lan3": "lanczos3",
    "lan5": "lanczos5",
}
"""The names of the interpolations in drizzle and here."""


def blot_image(
    data: Any,
    pixmap: Any,
    pix_ratio: float = NOT_GIVEN,
    exptime: float = NOT_GIVEN,
    output_pixel_shape: tuple[int, int] = NOT_GIVEN,
    out_img: Any = None,
    fillval: float = 0.0,
    iscale: float = 1.0,
    interp: str = "poly5",
    sinscl: float = 1.0,
) -> np.ndarray:
    """Return the values of an image at the positions of a pixel map.

    Parameters
    ----------
    data : array_like
        The image, ``(y, x)``. Pixels that are not finite are missing; they do not spread to
        their neighbours.
    pixmap : array_like
        Positions in the image, ``(y, x, 2)``, x first, of the pixels of the result. They are
        rounded to float32, as in drizzle; ``Dataset.resample.blot`` does not round.
    pix_ratio, exptime : float, optional
        Deprecated; multiply ``iscale`` by ``1 / pix_ratio**2`` and by ``exptime``.
    output_pixel_shape : (int, int), optional
        Deprecated; the shape ``(x, y)`` of the pixel map.
    out_img : ndarray, optional
        The array to write the result to, float32 ``(y, x)``. Arrays of another type are copied.
    fillval : float
        Value of pixels whose position lies outside the image, is NaN, or lies in a missing pixel.
    iscale : float
        Factor of the values.
    interp : {"nearest", "linear", "poly3", "poly5", "sinc", "lan3", "lan5"}
        The interpolation. Where it needs a pixel beyond the edge, or a missing pixel, the value is
        interpolated linearly. "sinc" warns, as in drizzle.
    sinscl : float
        Factor of the distances for "sinc".

    Returns
    -------
    ndarray
        The values, float32 ``(y, x)``.

    Raises
    ------
    InvalidInputError
        An argument is not of this kind.

    Examples
    --------
    >>> import numpy as np
    >>> from xresample.drizzle import blot_image
    >>> y, x = np.indices((2, 3), dtype=float)
    >>> blot_image(10 * y + x, np.dstack([x + 0.25, y]), interp="linear", fillval=-1)
    array([[ 0.25,  1.25,  2.  ],
           [10.25, 11.25, 12.  ]], dtype=float32)
    """
    factor = inputs.positive("iscale", iscale)
    if pix_ratio is not NOT_GIVEN:
        inputs.deprecated(
            "Argument 'pix_ratio' has been deprecated since version 3.0 and it will be removed in "
            "a future release. Use 'iscale' instead and set iscale=1.0 / pix_ratio**2 to achieve "
            "the same effect as with 'pix_ratio'."
        )
        factor /= inputs.positive("pix_ratio", pix_ratio) ** 2
    if exptime is not NOT_GIVEN:
        inputs.deprecated(
            "Argument 'exptime' has been deprecated since version 3.0 and it will be removed in a "
            "future release. Use 'iscale' instead and set iscale=exptime to achieve the same "
            "effect as with 'exptime'."
        )
        factor *= inputs.positive("exptime", exptime)
    if output_pixel_shape is not NOT_GIVEN:
        inputs.deprecated(
            "Argument 'output_pixel_shape' has been deprecated since version 3.0 and it will be "
            "removed in a future release. It is not needed since the output image shape can be "
            "inferred from 'pixmap'."
        )
    name = arguments.choice("interp", interp, tuple(INTERPOLATIONS))
    if name == "sinc":
        inputs.deprecated(
            'The "sinc" interpolation is currently investigated for possible issues and its use '
            "is not recommended."
        )
    mapped = arguments.array("pixmap", pixmap)
    shape = mapped.shape[:2]
    if output_pixel_shape is not NOT_GIVEN and tuple(output_pixel_shape)[::-1] != shape:
        raise InvalidInputError(
            f"output_pixel_shape must be {shape[::-1]}, the shape (x, y) of pixmap, got "
            f"{output_pixel_shape}"
        )
    out = np.empty(shape, np.float32) if out_img is None else outputs.image("out_img", out_img)
    if out.shape != shape:
        raise InvalidInputError("'output_image' shape is not consistent with 'pixmap' shape.")
    fill = _fill_value(fillval)
    _blot(_image(data), inputs.pixel_map(mapped, shape), name, sinscl, factor, fill, out)
    return out


def _fill_value(fillval: Any) -> float:
    """Return a number, which may be NaN or infinite."""
    try:
        return float(fillval)
    except (TypeError, ValueError):
        shown = arguments.shown(fillval)
        raise InvalidInputError(f"fillval must be a number, got {shown}") from None


def _image(data: Any) -> np.ndarray:
    """Return the image in a type that the kernels read."""
    found = arguments.array("data", data)
    if found.ndim != 2 or min(found.shape) < 1:
        raise InvalidInputError(f"'data' must be an image, got the shape {found.shape}")
    dtype = np.float32 if np.can_cast(found.dtype, np.float32) else np.float64
    return np.require(found, dtype, ["C", "A", "W"])


def _blot(
    image: np.ndarray,
    pixmap: np.ndarray,
    name: str,
    sinscl: float,
    factor: float,
    fillval: float,
    out: np.ndarray,
) -> None:
    """Write scaled values in threads."""
    from xresample.kernels import blot, sinc

    scale = arguments.number("sinscl", sinscl)

    def work(rows: slice) -> None:
        values = np.empty(out[rows].shape, image.dtype)
        # drizzle holds positions in float32, and its results are reproduced to all digits.
        positions = pixmap[rows].astype(np.float32).astype(np.float64)
        if name == "sinc":
            sinc.blot_sinc(image, positions, scale, values)
        else:
            code = blot.INTERPOLATIONS.index(INTERPOLATIONS[name])
            blot.blot(image, positions, 0, 0, code, values)
        empty = np.isnan(values)
        values *= factor
        out[rows] = values
        out[rows][empty] = fillval

    in_slabs(work, len(out), None)
