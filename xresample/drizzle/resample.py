"""The class `Drizzle` and the function `blot_image`, with the interface of `drizzle.resample`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xresample import arguments
from xresample.datamodel.context import n_planes
from xresample.errors import InvalidInputError

from . import inputs, outputs
from .add import add_image
from .blot import blot_image
from .inputs import NOT_GIVEN
from .outputs import Outputs

__all__ = ["Drizzle", "blot_image"]

MISMATCH = "Mismatch between the number of 'out_img2' images and the number of inputs."


class Drizzle:
    """Combine images on one grid, with the interface of ``drizzle.resample.Drizzle``.

    Parameters
    ----------
    kernel : {"square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"}
        How the flux of a pixel is spread. The last three kernels do not conserve flux, and adding
        an image warns about this.
    fillval, fillval2 : float, str or None
        Value of pixels of ``out_img``, and of the images ``out_img2``, that no image contributes
        to. None and ``"INDEF"``: pixels of given arrays are left alone; in new arrays they are NaN.
    out_shape : (int, int), optional
        Shape ``(y, x)`` of the output. Default: the shape of the given arrays, or else the shape
        that holds all positions of the first pixel map.
    out_img, out_wht : ndarray, optional
        float32 ``(y, x)``: weighted mean and sum of the weights, to which images are added.
        Arrays of another type are copied. Default: empty images.
    out_ctx : ndarray, optional
        int32 ``(plane, y, x)`` or ``(y, x)``: the context. Image ``32 p + k`` sets bit ``k`` of
        plane ``p`` where it contributes.
    out_img2 : ndarray or list of ndarray, optional
        float32 ``(y, x)``: images that are averaged with squared weights, such as variances. None
        in the list stands for an empty image. Default: made when the first image is added.
    out_dq : ndarray, optional
        uint32 ``(y, x)``: flags. Default: made when the first image with flags is added.
    exptime : float
        Exposure time of the images that the given arrays already hold.
    begin_ctx_id : int
        Number of the first image in the context.
    max_ctx_id : int, optional
        Number of the last image that new context planes are made for. Further planes are added
        when they are needed. Default: ``begin_ctx_id``.
    disable_ctx : bool
        Whether no context is kept.

    Raises
    ------
    InvalidInputError
        An argument is not of this kind, or arguments contradict each other.

    Notes
    -----
    The documentation of ``drizzle`` describes the algorithm. "Coming from drizzle" lists the
    differences. The number of threads follows the environment variable ``XRESAMPLE_NUM_THREADS``;
    the result is bit-for-bit the same for any number.

    Examples
    --------
    >>> import numpy as np
    >>> from xresample.drizzle import Drizzle
    >>> y, x = np.indices((4, 5), dtype=float)
    >>> drizzle = Drizzle(out_shape=(4, 6), fillval=0)
    >>> drizzle.add_image(np.ones((4, 5)), exptime=10, pixmap=np.dstack([x + 0.5, y]))
    Misses(nmiss=0, nskip=0)
    >>> drizzle.out_wht[0]
    array([0.5, 1. , 1. , 1. , 1. , 0.5], dtype=float32)
    """

    def __init__(
        self,
        kernel: str = "square",
        fillval: float | str | None = None,
        fillval2: float | str | None = None,
        out_shape: tuple[int, int] | None = None,
        out_img: Any = None,
        out_wht: Any = None,
        out_ctx: Any = None,
        out_img2: Any = None,
        out_dq: Any = None,
        exptime: float = 0.0,
        begin_ctx_id: int = 0,
        max_ctx_id: int | None = None,
        disable_ctx: bool = False,
    ) -> None:
        self._spread_kernel, self._kernel = inputs.kernel_of(kernel), kernel
        self._disable_ctx = arguments.flag("disable_ctx", disable_ctx)
        out_ctx = None if self._disable_ctx else out_ctx
        self._number, self._planes = self._numbers(begin_ctx_id, max_ctx_id)
        self._exptime = arguments.number("exptime", exptime)
        self._fillval = outputs.fill_text(out_img, fillval)
        self._fillval2 = outputs.fill_text(out_img2, fillval2)
        img = None if out_img is None else outputs.image("out_img", out_img)
        wht = None if out_wht is None else outputs.image("out_wht", out_wht)
        ctx = None if out_ctx is None else outputs.context(out_ctx)
        self._dq = None if out_dq is None else outputs.flags("out_dq", out_dq)
        self._img2 = None if out_img2 is None else _images2(out_img2)
        self._check_time(img, wht, ctx)
        shapes = [a.shape for a in (img, wht, self._dq, *(self._img2 or ())) if a is not None]
        shapes += [] if ctx is None else [ctx.shape[1:]]
        shapes += [] if out_shape is None else [_shape(out_shape)]
        shape = outputs.common_shape(shapes)
        self._count = 0
        self._outputs: Outputs | None = None
        if shape is not None:
            self._outputs = self._allocate(shape, img, wht, ctx)

    @property
    def fillval(self) -> str:
        """Value of pixels of ``out_img`` without contributions, as text."""
        return self._fillval

    @property
    def fillval2(self) -> str:
        """Value of pixels of ``out_img2`` without contributions, as text."""
        return self._fillval2

    @property
    def kernel(self) -> str:
        """Name of the kernel."""
        return self._kernel

    @property
    def ctx_id(self) -> int | None:
        """Number of the next image in the context; None without a context."""
        return None if self._disable_ctx else self._number

    @property
    def out_img(self) -> np.ndarray | None:
        """Weighted mean of the images, float32 ``(y, x)``; None if the shape is not yet known."""
        return None if self._outputs is None else self._outputs.img

    @property
    def out_wht(self) -> np.ndarray | None:
        """Sum of the weights, float32 ``(y, x)``."""
        return None if self._outputs is None else self._outputs.wht

    @property
    def out_ctx(self) -> np.ndarray | None:
        """Context, int32 ``(plane, y, x)``; None if it is disabled."""
        return None if self._outputs is None else self._outputs.ctx

    @property
    def out_img2(self) -> list[Any] | None:
        """List of images averaged with squared weights; None without such images."""
        return self._img2 if self._outputs is None else self._outputs.img2

    @property
    def out_dq(self) -> np.ndarray | None:
        """Flags of all pixels that contribute, combined by bitwise or, uint32 ``(y, x)``."""
        return self._dq if self._outputs is None else self._outputs.dq

    @property
    def total_exptime(self) -> float:
        """Exposure time of all images, in the units of the ``exptime`` arguments."""
        return self._exptime

    @property
    def exptime(self) -> float:
        """Exposure time of all images, as `total_exptime`."""
        return self._exptime

    def add_image(
        self,
        data: Any,
        exptime: float,
        pixmap: Any,
        data2: Any = None,
        dq: Any = None,
        scale: float = NOT_GIVEN,
        iscale: float = 1.0,
        pixel_scale_ratio: float | None = 1.0,
        weight_map: Any = None,
        wht_scale: float = 1.0,
        pixfrac: float = 1.0,
        in_units: str = "cps",
        xmin: float | None = None,
        xmax: float | None = None,
        ymin: float | None = None,
        ymax: float | None = None,
    ) -> tuple[int, int]:
        """Add an image to the outputs.

        Parameters
        ----------
        data : array_like
            The image, ``(y, x)``. Pixels that are not finite are ignored.
        exptime : float
            Exposure time, above 0. If ``in_units`` is ``"counts"``, data are divided by it.
        pixmap : array_like
            Positions of the pixel centres on the output, ``(y, x, 2)``, x first. Pixels with a NaN
            are ignored.
        data2 : array_like, list of array_like, optional
            Images, such as variances, that are averaged with squared weights. In a list, None
            counts as an image of zeros.
        dq : array_like of int, optional
            Flags of the pixels, at most 32 bits, that are combined by bitwise or.
        scale : float, optional
            Deprecated; sets ``iscale`` to ``scale**2`` and ``pixel_scale_ratio`` to ``scale``.
        iscale : float
            Factor of the data; images of ``data2`` are multiplied by its square.
        pixel_scale_ratio : float or None
            Pixel scale of the output over that of the image. Determines the size of all kernels
            except "square" and "point". None: computed from the pixel map.
        weight_map : array_like, optional
            Weights of the pixels, ``(y, x)``. Default: 1.
        wht_scale : float
            Factor of the weights.
        pixfrac : float
            Fraction by which the sides of a pixel are multiplied before its flux is spread. If it
            is at most 0.001, the kernel "point" is used, with a warning.
        in_units : {"cps", "counts"}
            Units of the data.
        xmin, xmax, ymin, ymax : float, optional
            Limits of the pixels that are added; pixels at the limits are included. A maximum of 0
            sets no limit.

        Returns
        -------
        nmiss : int
            Number of pixels inside the limits that overlap no pixel of the output, or whose
            position is NaN.
        nskip : int
            Number of rows inside the limits that consist of such pixels only.

        Raises
        ------
        InvalidInputError
            An argument cannot be used. Nothing has been changed.
        """
        if scale is not NOT_GIVEN:
            inputs.deprecated(
                "Argument 'scale' has been deprecated since version 3.0 and it will be removed in "
                "a future release. Use 'iscale' and 'pixel_scale_ratio' instead and set "
                "iscale=pixel_scale_ratio**2 to achieve the same effect as with 'scale'."
            )
            pixel_scale_ratio = inputs.positive("scale", scale)
            iscale = pixel_scale_ratio**2
        variances = inputs.data2_of(data2, np.shape(data))
        self._check_count(variances)
        time = _exposure_time(exptime)
        intensity = inputs.positive("iscale", iscale)
        if arguments.choice("in_units", in_units, inputs.UNITS) == "counts":
            intensity /= time
        image = inputs.image(
            data,
            pixmap,
            (xmin, xmax, ymin, ymax),
            weight_map,
            variances,
            dq,
            intensity,
            inputs.positive("wht_scale", wht_scale),
        )
        spread = inputs.spread(self._spread_kernel, pixfrac, pixel_scale_ratio)
        if self._outputs is None:
            self._outputs = self._allocate_around(image.pixmap)
        out = self._outputs
        out.img2 = self._made(out.img2, out.shape, 0 if variances is None else len(variances))
        if image.dq is not None and out.dq is None:
            out.dq = np.zeros(out.shape, np.uint32)
        fillval, fillval2 = map(outputs.fill_number, (self._fillval, self._fillval2))
        misses = add_image(image, out, spread, self._number, fillval)
        out.fill(fillval, fillval2)
        self._exptime += time
        self._number += 1
        self._count += 1
        return misses

    def _numbers(self, begin: Any, most: Any) -> tuple[int, int]:
        """Return the number of the first image, and the number of planes of a new context."""
        if self._disable_ctx:
            return 0, 0
        begin = arguments.whole("begin_ctx_id", begin)
        if begin < 0:
            raise InvalidInputError(
                f"Invalid context image ID: 'begin_ctx_id' must be at least 0, got {begin}"
            )
        most = begin if most is None else arguments.whole("max_ctx_id", most)
        if most < begin:
            raise InvalidInputError(
                "'max_ctx_id' cannot be smaller than 'begin_ctx_id'. "
                f"Got max_ctx_id={most}, begin_ctx_id={begin}."
            )
        return begin, n_planes(most + 1)

    def _check_time(
        self, img: np.ndarray | None, wht: np.ndarray | None, ctx: np.ndarray | None
    ) -> None:
        """Check that the exposure time fits to the given arrays."""
        if self._exptime < 0:
            raise InvalidInputError("Exposure time must be non-negative.")
        if self._exptime > 0 and img is None and wht is None and ctx is None:
            raise InvalidInputError(
                "Exposure time must be 0.0 for the first resampling (when no output resampled "
                "images have been provided)."
            )
        held = any(array is not None and np.any(array) for array in (wht, ctx))
        if self._exptime == 0 and held:
            raise InvalidInputError(
                "Inconsistent exposure time and context and/or weight images: Exposure time cannot "
                "be 0 when context and/or weight arrays are non-zero."
            )

    def _check_count(self, variances: tuple[np.ndarray | None, ...] | None) -> None:
        """Check that an image brings as many variances as there are images ``out_img2``."""
        held = self.out_img2
        given = 0 if variances is None else len(variances)
        expected = len(held) if held is not None else 0 if self._count else given
        if given != expected:
            raise InvalidInputError(f"{MISMATCH} Expected {expected}, got {given}.")

    def _allocate(
        self,
        shape: outputs.Shape,
        img: np.ndarray | None = None,
        wht: np.ndarray | None = None,
        ctx: np.ndarray | None = None,
    ) -> Outputs:
        """Return the outputs: the given arrays, and new ones for the others."""
        made = outputs.new_outputs(shape, outputs.fill_number(self._fillval), self._planes)
        made.img = made.img if img is None else img
        made.ctx = made.ctx if ctx is None else ctx
        made.dq = self._dq
        made.img2 = self._made(self._img2, shape, 0)
        if wht is not None or ctx is not None:
            made.wht = made.wht if wht is None else wht
            outputs.check_consistent(made.wht, made.ctx)
        return made

    def _allocate_around(self, pixmap: np.ndarray) -> Outputs:
        """Return outputs that hold all positions of a pixel map.

        The first pixel of the outputs is the position ``origin`` in the coordinates of this map
        and of all maps that follow.
        """
        finite = np.isfinite(pixmap).all(axis=-1)
        if not finite.any():
            raise InvalidInputError(
                "out_shape cannot be found from a pixel map without any finite position: pass "
                "out_shape=(ny, nx)"
            )
        x, y = np.moveaxis(pixmap[finite], -1, 0)
        (y0, x0), (y1, x1) = (
            [int(side) for side in sides]
            for sides in (np.floor((y.min(), x.min())), np.ceil((y.max(), x.max())))
        )
        made = self._allocate((y1 - y0 + 1, x1 - x0 + 1))
        made.origin = y0, x0
        return made

    def _made(
        self, images: list[Any] | None, shape: outputs.Shape, count: int
    ) -> list[np.ndarray] | None:
        """Return the images ``out_img2``, with new ones in place of None."""
        if images is None and count == 0:
            return None
        value = outputs.fill_number(self._fillval2)
        fillval = math.nan if value is None else value
        return [
            np.full(shape, fillval, np.float32) if image is None else image
            for image in (images if images is not None else [None] * count)
        ]


def _exposure_time(value: Any) -> float:
    """Return the exposure time of an image."""
    time = arguments.number("exptime", value)
    if time <= 0:
        raise InvalidInputError("'exptime' *must* be a strictly positive number.")
    return time


def _images2(out_img2: Any) -> list[np.ndarray | None]:
    """Return the images ``out_img2`` as a list."""
    return [
        None if image is None else outputs.image("out_img2", image)
        for image in outputs.as_list(out_img2)
    ]


def _shape(out_shape: Any) -> tuple[int, ...]:
    """Return the argument ``out_shape`` as integers."""
    if not arguments.is_iterable(out_shape) or isinstance(out_shape, str):
        raise InvalidInputError(f"'out_shape' must be (ny, nx), got {arguments.shown(out_shape)}")
    return tuple(arguments.whole("out_shape", size, at_least=1) for size in out_shape)
