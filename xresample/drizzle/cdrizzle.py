"""The functions `tdriz` and `tblot` of `drizzle.cdrizzle`, which older pipelines call directly."""

from __future__ import annotations

from typing import Any

import numpy as np

from xresample import arguments
from xresample.datamodel.context import PLANE_BITS
from xresample.errors import InvalidInputError

from . import inputs, outputs
from .add import add_image
from .blot import blot_image
from .inputs import NOT_GIVEN

__all__ = ["tblot", "tdriz"]

VERSION = "xresample"
"""First value that `tdriz` returns, in place of the version of the C code."""


def tdriz(
    input: Any,
    weights: Any,
    pixmap: Any,
    output: Any,
    counts: Any,
    context: Any,
    input2: Any = None,
    output2: Any = None,
    dq: Any = None,
    outdq: Any = None,
    uniqid: int = 1,
    xmin: int = 0,
    xmax: int = 0,
    ymin: int = 0,
    ymax: int = 0,
    iscale: float = 1.0,
    pscale_ratio: float | None = None,
    scale: float | None = None,
    pixfrac: float = 1.0,
    kernel: str = "square",
    in_units: str = "cps",
    expscale: float = 1.0,
    wtscale: float = 1.0,
    fillstr: str = "INDEF",
    fillstr2: str = "INDEF",
) -> tuple[str, int, int]:
    """Add an image to output arrays in place.

    Parameters
    ----------
    input, weights : array_like
        The image and its weights, ``(y, x)``.
    pixmap : array_like
        Positions of the pixel centres on the output, ``(y, x, 2)``, x first.
    output, counts : ndarray
        float32 ``(y, x)``: weighted mean and sum of the weights.
    context : ndarray or None
        int32 ``(y, x)``: plane of the context.
    input2, output2 : array_like or list, and ndarray or list, optional
        Images averaged with squared weights, such as variances, and their outputs.
    dq, outdq : array_like and ndarray, optional
        Flags of the image, and uint32 output.
    uniqid : int
        Number of the image, from 1; bit ``(uniqid - 1) % 32`` is set in the context.
    xmin, xmax, ymin, ymax : int
        Limits of the pixels that are added, included. A maximum of 0 sets no limit.
    iscale : float
        Factor of the data.
    pscale_ratio : float, optional
        Pixel scale of the output over that of the image. Default: computed from the pixel map.
    scale : float, optional
        Deprecated; sets ``iscale`` to ``scale**2`` and ``pscale_ratio`` to ``scale``.
    pixfrac : float
        Fraction by which the sides of a pixel are multiplied.
    kernel : {"square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"}
        The kernel.
    in_units : {"cps", "counts"}
        Units of the data; counts are divided by ``expscale``.
    expscale : float
        Exposure time.
    wtscale : float
        Factor of the weights.
    fillstr, fillstr2 : str
        Values of ``output`` and ``output2`` where the weight is 0; ``"INDEF"`` leaves them alone.

    Returns
    -------
    version : str
        Name of this package.
    nmiss, nskip : int
        As returned by ``Drizzle.add_image``.

    Raises
    ------
    InvalidInputError
        An argument cannot be used. Nothing has been changed.

    Examples
    --------
    >>> import numpy as np
    >>> from xresample.drizzle.cdrizzle import tdriz
    >>> output, counts = np.zeros((2, 3, 4), np.float32)
    >>> context = np.zeros((3, 4), np.int32)
    >>> y, x = np.indices((3, 4), dtype=float)
    >>> ones = np.ones((3, 4), np.float32)
    >>> tdriz(7 * ones, ones, np.dstack([x + 1, y]), output, counts, context)
    ('xresample', 3, 0)
    >>> output[0]
    array([0., 7., 7., 7.], dtype=float32)
    """
    if scale is not None:
        inputs.deprecated(
            "Argument 'scale' has been deprecated since version 3.0 and it will be removed in a "
            "future release. Use 'iscale' and 'pscale_ratio' instead and set "
            "iscale=pscale_ratio**2 to achieve the same effect as with 'scale'."
        )
        pscale_ratio = inputs.positive("scale", scale)
        iscale = pscale_ratio**2
    intensity = _intensity(iscale, in_units, expscale)
    variances = inputs.data2_of(input2, np.shape(input))
    limits, factor = (xmin, xmax, ymin, ymax), inputs.positive("wtscale", wtscale)
    image = inputs.image(input, pixmap, limits, weights, variances, dq, intensity, factor)
    out = _outputs(output, counts, context, output2, outdq)
    if len(out.img2 or ()) != len(variances or ()):
        raise InvalidInputError(
            "The number of 'output2' arrays must match the number of 'input2' arrays."
        )
    if image.dq is not None and out.dq is None:
        raise InvalidInputError("When 'dq' is provided, 'outdq' must also be provided.")
    spread = inputs.spread(inputs.kernel_of(kernel), pixfrac, pscale_ratio)
    fillval, fillval2 = (
        outputs.fill_number(outputs.fill_text(output, text)) for text in (fillstr, fillstr2)
    )
    number = (arguments.whole("uniqid", uniqid, at_least=1) - 1) % PLANE_BITS
    misses = add_image(image, out, spread, number, fillval)
    out.fill(fillval, fillval2)
    return VERSION, misses.nmiss, misses.nskip


def _intensity(iscale: Any, in_units: str, expscale: Any) -> float:
    """Return the factor of the data, which converts counts to counts per second."""
    intensity = inputs.positive("iscale", iscale)
    if arguments.choice("in_units", in_units, inputs.UNITS) == "counts":
        intensity /= inputs.positive("expscale", expscale)
    return intensity


def _outputs(output: Any, counts: Any, context: Any, output2: Any, outdq: Any) -> outputs.Outputs:
    """Return the output arrays of `tdriz`, checked."""
    img2 = None if output2 is None else outputs.as_list(output2)
    named = {"output": output, "counts": counts, "context": context, "outdq": outdq}
    named |= {f"output2[{k}]": image for k, image in enumerate(img2 or ())}
    types = {"context": np.int32, "outdq": np.uint32}
    for name, array in named.items():
        dtype = np.dtype(types.get(name, np.float32))
        if array is None and name in types:
            continue
        shape = np.shape(output)
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
            raise InvalidInputError(
                f"{name} must be an array of type {dtype} and shape {shape}, because it is "
                f"changed in place, got {arguments.shown(array)}"
            )
        outputs.image(name, array, dtype)
    outputs.common_shape([np.shape(output)])
    ctx = None if context is None else context[None]
    return outputs.Outputs(output, counts, ctx, img2, outdq)


def tblot(
    source: Any,
    pixmap: Any,
    output: Any,
    *,
    iscale: float = 1.0,
    interp: str = "poly5",
    exptime: float = NOT_GIVEN,
    fillval: float = 0.0,
    sinscl: float = 1.0,
) -> int:
    """Write the values of an image at the positions of a pixel map to an array.

    Parameters
    ----------
    source : array_like
        The image, ``(y, x)``.
    pixmap : array_like
        Positions on the image, ``(y, x, 2)``, x first.
    output : ndarray
        float32 ``(y, x)``; written.
    iscale : float
        Factor of the values.
    interp : str
        Interpolation, as for ``blot_image``.
    exptime : float
        Deprecated factor, as for ``blot_image``.
    fillval : float
        Value of pixels without a position on the image.
    sinscl : float
        Scale of the interpolation ``"sinc"``.

    Returns
    -------
    int
        Always 0, as in drizzle.

    Examples
    --------
    >>> import numpy as np
    >>> from xresample.drizzle.cdrizzle import tblot
    >>> output = np.empty((1, 2), np.float32)
    >>> tblot(np.eye(3), np.array([[[1.0, 1.0], [0.0, 1.0]]]), output)
    0
    >>> output
    array([[1., 0.]], dtype=float32)
    """
    if not isinstance(output, np.ndarray) or output.dtype != np.float32:
        raise InvalidInputError(
            f"output must be an array of type float32, got {arguments.shown(output)}"
        )
    blot_image(
        source,
        pixmap,
        exptime=exptime,
        out_img=output,
        fillval=fillval,
        iscale=iscale,
        interp=interp,
        sinscl=sinscl,
    )
    return 0
