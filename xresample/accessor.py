"""The accessor ``Dataset.resample``: methods for co-adding, and xarray's own resampling.

Each method validates, delegates and returns a new object; the accessor stores nothing.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from xarray.core.extensions import AccessorRegistrationWarning

from xresample.datamodel.signatures import spells_options

if TYPE_CHECKING:
    from xresample.accumulate.weight_recipe import WeightKind
    from xresample.datamodel.grid import GridLike
    from xresample.datamodel.options import DType, SplineOrder
    from xresample.kernels.blot import Interpolation
    from xresample.kernels.selection import Method
    from xresample.plot.images import Stretch
    from xresample.prepare.combine import Sigma
    from xresample.wcs.handle import WCSLike

_time_resample = xr.Dataset.resample
"""The method of xarray that the accessor replaces."""


class ResampleAccessor:
    """Co-add exposures with ``ds.resample.add(...)``; ``ds.resample(time=...)`` is xarray's own.

    Examples
    --------
    >>> import numpy as np, xarray as xr, xresample
    >>> days = xr.date_range("2026-01-01", periods=4)
    >>> series = xr.Dataset({"flux": ("time", np.arange(4.0))}, {"time": days})
    >>> series.resample(time="2D").mean()["flux"].values
    array([0.5, 2.5])
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the accessor, or what xarray's own method returns for further arguments.

        ``xr.Dataset.resample`` is this class, and ``xr.Dataset.resample(dataset, time="1D")``
        calls it with the arguments of the method.
        """
        # Pickle calls this method without any argument.
        if len(args) > 1 or kwargs:
            return _time_resample(*args, **kwargs)
        return super().__new__(cls)

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @functools.wraps(_time_resample)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _time_resample(self._dataset, *args, **kwargs)

    @property
    def is_mosaic(self) -> bool:
        """Whether the Dataset is a mosaic."""
        from xresample.datamodel.mosaic import is_mosaic

        return is_mosaic(self._dataset)

    @property
    def wcs(self) -> Any:
        """A copy of the WCS as an object: changing the copy does not change the Dataset.

        The pixels of the WCS are those that the coordinates ``y`` and ``x`` count, so a cutout has
        the WCS of the whole image. If ``y`` or ``x`` has a step other than 1 (every second row, a
        flip, or ``coarsen``), the pixels of the Dataset are other pixels; then the WCS is that of
        the pixels of the Dataset, counted from 0.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS.
        InvalidInputError
            ``y`` or ``x`` does not have a constant step.
        """
        from xresample.datamodel.exposure import required_wcs
        from xresample.datamodel.own_pixels import in_own_pixels

        required_wcs(self._dataset)
        return required_wcs(in_own_pixels(self._dataset)).new_object()

    def assign_wcs(self, wcs: WCSLike) -> xr.Dataset:
        """Return the Dataset with a WCS.

        Parameters
        ----------
        wcs : gwcs.WCS, astropy.wcs.WCS or str
            The WCS, or its ASDF text.

        Raises
        ------
        UnsupportedWCSError
            The WCS cannot be written as ASDF text.
        WCSTextError
            The text is not a WCS.
        """
        from xresample.mosaics.inspect import assign_wcs

        return assign_wcs(self._dataset, wcs)

    @spells_options
    def add(
        self,
        *exposures: xr.Dataset | Iterable[xr.Dataset],
        output_wcs: GridLike | None = None,
        pixmap: Any = None,
        threads: int | None = None,
        progress: bool = False,
        **options: Any,
    ) -> xr.Dataset:
        """Add exposures to a mosaic, or start a mosaic; the Datasets tell which one is the mosaic.

        Parameters
        ----------
        *exposures : Dataset or iterable of Dataset
            Exposures to add, or stacks of them (see `xresample.concat`). If the method is called
            on an exposure, one of them may be the mosaic to add it to.
        output_wcs : WCS, Dataset, dict or (int, int), optional
            The grid of a new mosaic, if no Dataset is a mosaic.
        pixmap : array_like, optional
            Positions of the pixel centres on the mosaic, ``(y, x, 2)``, x first, in place of the
            map from the two WCSs; for one exposure only.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.
        progress : bool, optional
            Whether to show a progress bar.
        **options
            Options of a new mosaic; see `xresample.Options`.

        Returns
        -------
        Dataset
            A new mosaic. The arguments are unchanged.

        Raises
        ------
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        InvalidInputError
            Neither or both of a mosaic and ``output_wcs`` are given.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> exposure = xrs.make_exposure(np.ones((4, 5)), exposure_time=10.0)
        >>> where = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1)
        >>> mosaic = xrs.empty_mosaic((4, 5), weight_type="exptime")
        >>> mosaic.resample.add(exposure, pixmap=where).sizes["exposure"]
        1
        """
        from xresample.mosaics.coadd import add_by_role

        return add_by_role(
            self._dataset,
            exposures,
            output_wcs,
            options,
            pixmap=pixmap,
            threads=threads,
            progress=progress,
        )

    def merge(self, *others: xr.Dataset) -> xr.Dataset:
        """Return the mosaic of the exposures of this mosaic, then those of others on its grid.

        Parameters
        ----------
        *others : Dataset
            Mosaics on the same grid, with the same options.

        Raises
        ------
        GridMismatchError
            The mosaics differ in grid or options; names the differences.
        """
        from xresample.mosaics.coadd import merge

        return merge(self._dataset, *others)

    def drop(
        self,
        names: str | int | Iterable[str | int],
        *,
        exposures: xr.Dataset | Iterable[xr.Dataset],
        threads: int | None = None,
    ) -> xr.Dataset:
        """Return the mosaic without some exposures, bit for bit as `coadd` of the others.

        Only the pixels that the dropped exposures touch are computed anew, from the other
        exposures. If the mosaic is lazy, the result is lazy, too. For a zarr store see
        `xresample.drop_from_zarr`.

        Parameters
        ----------
        names : str, int or iterable of these
            The exposures to drop, by ``filename`` (all exposures of the file) or number.
        exposures : Dataset or iterable of Dataset
            The other exposures of the mosaic, in the same order.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.

        Raises
        ------
        InvalidInputError
            The mosaic has no such exposure, or ``exposures`` are not its other exposures.
        InvalidExposureError
            An exposure cannot be used; lists every fault.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4,
        ...            "CDELT2": 1e-4, "NAXIS": 2, "NAXIS1": 5, "NAXIS2": 4})
        >>> good, bad = (xrs.make_exposure(np.full((4, 5), value), wcs, filename=name)
        ...              for value, name in ((1.0, "good.fits"), (9.0, "bad.fits")))
        >>> mosaic = xrs.coadd([good, bad], wcs, weight_type=None)
        >>> float(mosaic.resample.drop("bad.fits", exposures=[good])["data"][2, 2])
        1.0
        """
        from xresample.mosaics.drop import drop

        return drop(self._dataset, names, exposures, threads)

    def replace(
        self,
        new: xr.Dataset | Iterable[xr.Dataset],
        *,
        exposures: xr.Dataset | Iterable[xr.Dataset],
        threads: int | None = None,
    ) -> xr.Dataset:
        """Return the mosaic with new exposures in place of those with the same ``filename``.

        The result has the bits of `coadd`, and only the touched pixels are computed, as for
        `drop`.

        Parameters
        ----------
        new : Dataset or iterable of Dataset
            The new exposures, for example recalibrated ones.
        exposures : Dataset or iterable of Dataset
            The other exposures of the mosaic, in the same order.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.

        Raises
        ------
        InvalidInputError
            A new exposure has not the name of exactly one exposure of the mosaic, or
            ``exposures`` are not the others.
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        """
        from xresample.mosaics.drop import replace

        return replace(self._dataset, new, exposures, threads)

    @spells_options
    def onto(
        self,
        output_wcs: GridLike,
        *,
        pixmap: Any = None,
        threads: int | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Return a mosaic of this exposure on another grid.

        Parameters
        ----------
        output_wcs : WCS, Dataset, dict or (int, int)
            The grid, as for `xresample.empty_mosaic`.
        pixmap : array_like, optional
            Positions of the pixel centres on that grid, ``(y, x, 2)``, x first, in place of the
            map from the two WCSs.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.
        **options
            See `xresample.Options`.
        """
        from xresample.mosaics.coadd import onto

        return onto(self._dataset, output_wcs, pixmap=pixmap, threads=threads, **options)

    def pixmap(
        self,
        output_wcs: GridLike,
        *,
        pixmap_stepsize: int | None = None,
        pixmap_order: SplineOrder = 1,
        pixmap_tol: float = 1e-6,
    ) -> xr.DataArray:
        """Return the positions of the pixels of an exposure on a grid: ``(y, x, axis)``, x first.

        Positions are in output pixels. They are NaN outside the bounding box of the WCS.

        Parameters
        ----------
        output_wcs : WCS, Dataset or dict
            The grid, as for `xresample.empty_mosaic`.
        pixmap_stepsize : int, optional
            Step in pixels at which the WCS is evaluated, with splines between; 1: every pixel.
            Default: the step follows from ``pixmap_tol``.
        pixmap_order : {1, 3}, optional
            Order of the splines if a step is given.
        pixmap_tol : float, optional
            Maximum error of the positions, in output pixels, if no step is given.
        """
        from xresample.datamodel.options import Options
        from xresample.mosaics.inspect import pixmap

        options = Options(
            pixmap_stepsize=pixmap_stepsize, pixmap_order=pixmap_order, pixmap_tol=pixmap_tol
        )
        return pixmap(self._dataset, output_wcs, options)

    def weight_map(
        self,
        weight_type: WeightKind = "ivm",
        *,
        smooth: int | None = None,
        clip: tuple[float, float] | None = None,
        good_bits: Any = 0,
        flag_map: Any = None,
        dtype: DType = "float32",
    ) -> xr.DataArray:
        """Return the weights with which the pixels of an exposure are co-added, ``(y, x)``.

        A pixel has the weight 0 if its flags are bad, its data are not finite, or its variance or
        the inverse of its variance is not positive and finite. The result is lazy if the exposure
        is chunked. It can be assigned to the exposure as ``weight_map``, for
        ``weight_type="map"``. Weights that follow every pixel's own noise scatter the photometry
        of undersampled stars; smooth weights do not.

        Parameters
        ----------
        weight_type : {"ivm", "ivm-sky", "ivm-poisson-median", "exptime", "map", None}
            1 / ``var_rnoise``; 1 / ``var_sky``; 1 / (``var_rnoise`` + the median of
            ``var_poisson`` over good pixels); the measurement time (or else the exposure time);
            the variable ``weight_map``; or 1.
        smooth : int, optional
            Size in pixels of square blocks. The variance is replaced by its median over the good
            pixels of each block, interpolated between the centres of the blocks. The blocks
            follow the pixel grid of the detector, so pixels of a cutout have the same weights if
            the blocks around them are complete.
        clip : (float, float), optional
            Percentiles of the weights that are not 0; these weights are limited to the range
            between the two percentiles.
        good_bits : int, str, list of int or None, optional
            Flags of ``dq`` that a good pixel may have, such as ``"~DO_NOT_USE"``, in the language
            of `astropy.nddata.bitmask`. None: ignore ``dq``. 0: every flagged pixel has weight 0.
        flag_map : mapping of str to int, BitFlagNameMap or Enum class, optional
            Value of each flag by its name. Default: the flags that the attributes of ``dq``
            describe.
        dtype : {"float32", "float64"}, optional
            Type of the planes of the mosaic. float64 holds the inverse variances of small and large
            units, such as 1e-20 erg/s/cm2/A.

        Raises
        ------
        InvalidInputError
            The inverse variances are beyond float32.

        Warns
        -----
        MissingVarianceWarning
            The variance for the weights is missing, so all weights are 1.

        Raises
        ------
        InvalidInputError
            ``smooth`` is not a positive integer, ``clip`` is not a range of percentiles, or these
            weights cannot be smoothed.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> variance = np.array([[1.0, 2.0], [4.0, np.nan]])
        >>> exposure = xrs.make_exposure(np.zeros((2, 2)), variances={"var_rnoise": variance})
        >>> exposure.resample.weight_map("ivm").values
        array([[1.  , 0.5 ],
               [0.25, 0.  ]], dtype=float32)
        >>> exposure.resample.weight_map("ivm", smooth=2).values
        array([[0.5, 0.5],
               [0.5, 0. ]], dtype=float32)
        """
        from xresample.accumulate.weight_recipe import WeightRecipe
        from xresample.mosaics.weight_maps import weights

        recipe = WeightRecipe(weight_type, smooth, clip, good_bits, flag_map, dtype)
        return weights(self._dataset, recipe)

    def blot(
        self,
        mosaic: xr.Dataset,
        *,
        variable: str = "data",
        interpolation: Interpolation = "linear",
        pixmap: Any = None,
        threads: int | None = None,
        **options: Any,
    ) -> xr.DataArray:
        """Return a mosaic as seen through the pixels of this exposure, ``(y, x)``.

        The mosaic is interpolated at the mapped centre of each pixel of the exposure. Values are
        not scaled with the pixel area. Pixels of the mosaic that are NaN or have the weight 0 are
        missing and do not spread: where an interpolation lacks a pixel, it is replaced by the
        linear interpolation over the valid pixels.

        Parameters
        ----------
        mosaic : Dataset
            A mosaic, the result of `combine`, or any Dataset with an image on a grid. Of a lazy
            image only the part under the exposure is read.
        variable : str, optional
            Image to interpolate. Default: ``"data"``.
        interpolation : str, optional
            ``"nearest"``, ``"linear"`` (default), ``"poly3"``, ``"poly5"``, ``"lanczos3"`` or
            ``"lanczos5"``, as in ``drizzle.resample.blot_image``.
        pixmap : array_like, optional
            Positions of the pixel centres on the mosaic, ``(y, x, 2)``, x first, in place of the
            map from the two WCSs.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.
        **options
            ``pixmap_tol``, ``pixmap_stepsize``, ``pixmap_order``: see `xresample.Options`.

        Returns
        -------
        DataArray
            The image, with the coordinates of the exposure. Pixels whose centre lies in no valid
            pixel of the mosaic are NaN.

        Raises
        ------
        InvalidExposureError
            The exposure cannot be used; lists every fault.
        InvalidInputError
            The interpolation is unknown, or ``mosaic`` has no such image.

        Warns
        -----
        NoOverlapWarning
            The exposure lies outside the mosaic.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> exposure = xrs.make_exposure(np.ones((1, 3)))
        >>> image = xrs.make_exposure(np.arange(6.0).reshape(2, 3))
        >>> where = [[[0.5, 0.0], [1.0, 0.5], [9.0, 0.0]]]
        >>> exposure.resample.blot(image, pixmap=where).values
        array([[0.5, 2.5, nan]])
        """
        from xresample.prepare.blot import blot

        return blot(
            self._dataset,
            mosaic,
            variable=variable,
            interpolation=interpolation,
            pixmap=pixmap,
            threads=threads,
            **options,
        )

    @property
    def pixel_area(self) -> float:
        """Mean area of a pixel in steradians, from the outline of the image on the sky."""
        from xresample.mosaics.inspect import pixel_area

        return pixel_area(self._dataset)

    def footprint(self) -> np.ndarray:
        """Return the outline of the image on the sky, ``(point, 2)``, in degrees, in its frame."""
        from xresample.mosaics.inspect import footprint

        return footprint(self._dataset)

    def combine(
        self,
        method: Method = "median",
        *,
        maskpt: float | None = None,
        nlow: int = 0,
        nhigh: int = 0,
        lthresh: float | None = None,
        hthresh: float | None = None,
        nsigma: float | tuple[float, float] = 3.0,
        sigma: Sigma = "predicted",
        iterations: int = 5,
        variable: str = "data",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Combine the groups of a stack (from `xresample.stack`) pixel by pixel.

        A value exists if it is finite and its weight is positive. Missing values never spread, and
        the result does not depend on the order of the groups, except for rounding of means.

        Parameters
        ----------
        method : str, optional
            ``"median"`` (default), ``"mean"``, ``"weighted_mean"`` (weighted by ``wht``),
            ``"min"``, ``"max"``; ``"minmed"``: the minimum where the median exceeds it by more
            than ``nsigma`` standard deviations of the minimum, and the median elsewhere (Fruchter
            & Hook 2002, section 5); ``"clipped"``: the weighted mean of the values within
            ``nsigma`` standard deviations of their median; ``"mad"``: the median absolute
            deviation times 1.4826, an estimate of the scatter.
        maskpt : float, optional
            Values whose weight is below this fraction of the sigma-clipped mean weight of their
            group do not count. Default: all count. Pipelines use 0.7, AstroDrizzle 0.3.
        nlow, nhigh : int, optional
            Number of lowest and highest values of each pixel to reject. The highest go first, and
            at least one value remains. Default: 0.
        lthresh, hthresh : float, optional
            Minimum and maximum of a value that counts. Default: no limit.
        nsigma : float or (float, float), optional
            Limit of ``"clipped"`` and ``"minmed"`` in standard deviations, or limits below and
            above the median. Default: 3.
        sigma : {"predicted", "empirical"}, optional
            For ``"clipped"``: use the ``err`` of each value, or else the root of its inverse
            weight, or use the scatter of the values. With fewer than about 12 groups the scatter
            cannot exceed 3 standard deviations, so it rejects nothing. Default: ``"predicted"``.
        iterations : int, optional
            Maximum number of rounds of ``"clipped"``. Default: 5.
        variable : str, optional
            Variable of the stack to combine. Default: ``"data"``.
        threads : int, optional
            Threads to use. Default: one per CPU. The result is bit-for-bit the same for any
            value.

        Returns
        -------
        Dataset
            ``data``, ``count`` (number of values that were combined) and ``rejected`` (number of
            values that exist and were not combined), ``(y, x)``, lazy if the stack is. ``data``
            is NaN where ``count`` is 0.

        Raises
        ------
        InvalidInputError
            The Dataset is not a stack, or a parameter is invalid; lists every fault.
        MissingKeyError
            The method needs standard deviations, which the stack does not have.

        Examples
        --------
        >>> import numpy as np, xarray as xr, xresample
        >>> data = np.array([1.0, 2.0, 9.0, np.nan]).reshape(4, 1, 1)
        >>> dims = ("group", "y", "x")
        >>> stack = xr.Dataset({"data": (dims, data), "wht": (dims, np.ones((4, 1, 1)))})
        >>> median = stack.resample.combine("median")
        >>> median["data"].item(), median["count"].item()
        (2.0, 3)
        >>> stack.resample.combine("mean", nhigh=1)["data"].item()
        1.5
        """
        from xresample.prepare.combine import Combination, combine

        how = Combination(method, maskpt, nlow, nhigh, lthresh, hthresh, nsigma, sigma, iterations)
        return combine(self._dataset, how, variable, threads)

    def decode_context(self) -> xr.DataArray:
        """Return which exposures contribute to each pixel: bool, ``(exposure, y, x)``.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic, or was made without ``con``.
        """
        from xresample.mosaics.inspect import decode_context

        return decode_context(self._dataset)

    def contributors(
        self, *, x: int | None = None, y: int | None = None, ra: Any = None, dec: Any = None
    ) -> xr.Dataset:
        """Return the provenance of the exposures that contribute to a pixel.

        Parameters
        ----------
        x, y : int, optional
            Coordinates of the pixel.
        ra, dec : float or Quantity, optional
            A position on the sky in place of ``x`` and ``y``, in degrees unless it has units, in
            the frame of the WCS; ``ra`` may also be a SkyCoord, without ``dec``.

        Raises
        ------
        KeyError
            The mosaic has no such pixel.
        InvalidInputError
            Neither or both of a pixel and a position are given.
        """
        from xresample.mosaics.inspect import contributors

        return contributors(self._dataset, x, y, ra, dec)

    def depth(self) -> xr.DataArray:
        """Return the number of exposures that contribute to each pixel, int32 ``(y, x)``.

        The bits of the context are counted, without decoding it. Lazy for lazy mosaics.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic, or was made without ``con``.

        Examples
        --------
        >>> import xresample as xrs
        >>> int(xrs.empty_mosaic((4, 5)).resample.depth().max())
        0
        """
        from xresample.mosaics.maps import depth

        return depth(self._dataset)

    def epoch(self) -> xr.Dataset:
        """Return the mean, first and last time of the exposures of each pixel, ``(y, x)``, MJD.

        Lazy for lazy mosaics.

        Returns
        -------
        Dataset
            ``mean``: the mean of the middle of the exposures, weighted by ``exposure_time`` if all
            are known; ``first``: the first ``start_time``; ``last``: the last ``end_time``.
            Exposures without times do not count; a pixel without any is NaN.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic, or was made without ``con``.

        Examples
        --------
        >>> import xresample as xrs
        >>> list(xrs.empty_mosaic((4, 5)).resample.epoch())
        ['mean', 'first', 'last']
        """
        from xresample.mosaics.maps import epoch

        return epoch(self._dataset)

    def flag_rejected(
        self, thresholds: Mapping[str, float], *, empty: str | None = "DO_NOT_USE"
    ) -> xr.Dataset:
        """Return the mosaic with flags in ``dq`` where much of a pixel's area was rejected.

        The mosaic must have been made with ``rejected=``, which sums the area of the rejected
        pixels that carry a flag. Flags that ``dq`` has already are kept.

        Parameters
        ----------
        thresholds : mapping of str to float
            For each flag the share of the covered area, 0 to 1, beyond which a pixel is flagged.
        empty : str or None, optional
            Flag of pixels without weight. None: do not flag these pixels.

        Raises
        ------
        InvalidInputError
            The mosaic was made without the flag in ``rejected``, a threshold is not within 0 to
            1, or a flag is not known.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> exposure = xrs.make_exposure(np.ones((2, 3)), dq=[[0, 2, 0], [0, 0, 0]],
        ...                              flag_map={"DO_NOT_USE": 1, "SATURATED": 2})
        >>> where = np.stack(np.meshgrid(np.arange(3.0), np.arange(2.0)), axis=-1)
        >>> mosaic = xrs.empty_mosaic((2, 3), weight_type=None, rejected="SATURATED")
        >>> mosaic = mosaic.resample.add(exposure, pixmap=where)
        >>> mosaic.resample.flag_rejected({"SATURATED": 0.1})["dq"].values
        array([[0, 3, 0],
               [0, 0, 0]], dtype=uint32)
        """
        from xresample.mosaics.flag_rejected import flag_rejected

        return flag_rejected(self._dataset, thresholds, empty)

    def filled(self, value: float = 0.0) -> xr.Dataset:
        """Return the mosaic with another value where no exposure contributes.

        Parameters
        ----------
        value : float, optional
            The value, which becomes the ``fillval`` of the mosaic. Default: 0.
        """
        from xresample.mosaics.inspect import filled

        return filled(self._dataset, value)

    def err(
        self,
        variances: Iterable[str] | None = None,
        *,
        radius: Any = None,
        area: Any = None,
    ) -> xr.DataArray:
        """Return the root of the sum of the variances, ``(y, x)``; NaN where all are unknown.

        With ``radius`` or ``area`` the result is for apertures of this size: its squares, summed
        over an aperture, give the squared error of the sum of ``data``. Programs that add the
        errors of pixels in quadrature then report errors that include the correlation.

        Parameters
        ----------
        variances : iterable of str, optional
            Names of the variances to sum. Default: all.
        radius : float or Quantity, optional
            Radius of the circular apertures, in pixels or as an angle. Default: single pixels.
            The mosaic must have ``noise_covariance``.
        area : float or Quantity, optional
            Area of the apertures, in pixels or as a solid angle, in place of the radius.

        Raises
        ------
        InvalidInputError
            The Dataset has no variance, or none of this name; or the mosaic does not know how its
            noise is correlated.
        """
        from xresample.mosaics.inspect import err

        single = err(self._dataset, variances)
        if radius is None and area is None:
            return single
        from xresample.mosaics.noise import err_of_aperture

        return err_of_aperture(self._dataset, single, radius, area)

    def aperture_error(
        self,
        apertures: Any,
        variable: str = "data",
        *,
        mask: Any = None,
        method: Literal["exact", "center", "subpixel"] = "exact",
        subpixels: int = 5,
        refine: bool = False,
        exposures: xr.Dataset | Iterable[xr.Dataset] | None = None,
    ) -> Any:
        """Return the standard deviation of the sum of the data over apertures.

        Drizzle spreads the noise of an input pixel over several output pixels, so the errors of
        pixels do not add in quadrature. The mosaic must have been made with
        ``variance_method="propagated", noise_covariance=True``.

        Parameters
        ----------
        apertures : aperture, region, array_like or list of these
            Apertures of photutils and regions of the package regions, in pixels of the image or on
            the sky, or arrays of weights ``(y, x)`` or ``(..., y, x)``. Positions in pixels count
            from the first pixel of the image, as in photutils.
        variable : str, optional
            ``"data"`` for all variances that enter ``err``, or the name of one variance, for its
            share of the error.
        mask : array_like of bool, optional
            Pixels that do not count, ``(y, x)``, as in `photutils.aperture.aperture_photometry`.
        method : {"exact", "center", "subpixel"}, optional
            How the overlap of an aperture with a pixel is computed, as in photutils. Polygons have
            no exact overlap and use ``"subpixel"``.
        subpixels : int, optional
            Number of parts of a pixel per axis for ``"subpixel"``.
        refine : bool, optional
            Whether to compute the correlation as a mean over pixels from the exposures, which is
            more exact where the number of exposures changes within a block. The exposures are read
            once more.
        exposures : Dataset or iterable of Dataset, optional
            All exposures of the mosaic, for ``refine=True``.

        Returns
        -------
        float, ndarray or Quantity
            One error per position, with the units of ``data`` if astropy knows them: a column for a
            table. A list of apertures adds an axis. As in photutils, pixels beyond the image do not
            count, an aperture that lies off the image has the error NaN, and so has one that
            contains a pixel without a variance, unless ``mask`` excludes the pixel.

        Raises
        ------
        InvalidInputError
            The mosaic does not know how its noise is correlated, or an argument is invalid.

        Notes
        -----
        With the variance ``V`` of each pixel, the weights ``t`` of the aperture, and the
        correlation coefficients ``rho`` of the block at the lag ``l``, the squared error is the sum
        over ``l`` and pixels ``p`` of ``rho_l t_p t_(p + l) sqrt(V_p V_(p + l))``. Noise that
        exposures share, such as that of a flat field, is not part of it.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4,
        ...            "CRPIX1": 1.5, "CRPIX2": 1.5, "NAXIS": 2, "NAXIS1": 40, "NAXIS2": 40})
        >>> ones = np.ones((40, 40))
        >>> exposure = xrs.make_exposure(ones, wcs, variances={"var_rnoise": ones})
        >>> grid = wcs.deepcopy()
        >>> grid.wcs.crpix = 2.0, 2.0  # half a pixel away: each output pixel averages four
        >>> mosaic = exposure.resample.onto(grid, variance_method="propagated",
        ...                                 noise_covariance=True)
        >>> box = np.zeros((40, 40))
        >>> box[10:20, 10:20] = 1.0
        >>> float(mosaic.resample.err()[15, 15]), round(mosaic.resample.aperture_error(box), 2)
        (0.5, 9.5)
        """
        from xresample.mosaics.noise import aperture_error

        return aperture_error(
            self._dataset,
            apertures,
            variable,
            mask=mask,
            method=method,
            subpixels=subpixels,
            refine=refine,
            exposures=exposures,
        )

    def noise_factor(self, method: Literal["covariance", "formula"] | None = None) -> float:
        """Return the noise of a large aperture over that of independent pixels.

        Multiply the error of a large aperture by this factor if the variances of its pixels were
        added as if they were independent. Small apertures have a smaller factor; use
        `aperture_error`.

        Parameters
        ----------
        method : {"covariance", "formula"}, optional
            ``"covariance"`` uses the sums of the mosaic. ``"formula"`` needs no sums, but holds for
            many exposures at random positions, equal weights, and the kernels ``square``, ``turbo``
            and ``point`` only; with few exposures it is wrong by up to 19 %. Default: the sums if
            the mosaic has them, or else the formula.

        Raises
        ------
        InvalidInputError
            The mosaic has resampled variances, or neither sums nor a kernel with a formula.

        References
        ----------
        Fruchter & Hook 2002, PASP 114, 144, equations 9 and 10; Casertano et al. 2000, AJ 120,
        2747, equation A6.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> where = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1)
        >>> exposure = xrs.make_exposure(np.ones((4, 5)))
        >>> mosaic = exposure.resample.onto((4, 5), pixmap=where, weight_type=None,
        ...                                 variance_method="propagated")
        >>> mosaic.resample.noise_factor()
        1.5
        """
        from xresample.mosaics.noise import noise_factor

        return noise_factor(self._dataset, method)

    def with_sky(self) -> xr.Dataset:
        """Add coordinates ``ra`` and ``dec``, ``(y, x)`` in degrees, which are computed when read.

        An index of the WCS holds the coordinates, so they stay lazy and right in slices, and
        ``sel(ra=..., dec=..., method="nearest")`` selects the pixel that contains a position. The
        position is two numbers, or two DataArrays along the same dimensions for many positions.
        The frame is that of the WCS, or ICRS if the WCS has no right ascension;
        ``attrs["radesys"]`` names the frame.

        Functions that add exposures ignore the coordinates and return mosaics without them. For
        xarray they are ordinary coordinates: ``load``, ``compute``, ``to_netcdf`` and ``to_zarr``
        compute them, and files hold them as arrays. `without_sky` keeps them out of files.

        Returns
        -------
        Dataset
            A new Dataset. Angles of pixels outside the bounding box of the WCS are NaN.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS; or, on selection, a position is off the image.
        InvalidInputError
            The pixels are not in order, or variables ``ra`` or ``dec`` exist already.
        UnsupportedWCSError
            The WCS has the wrong axes; or, on selection, it is spectral.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
        ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
        >>> image = xrs.make_exposure(np.arange(20.0).reshape(4, 5), wcs).resample.with_sky()
        >>> image["dec"][:, 2].values.round(6)
        array([-5.0001, -5.    , -4.9999, -4.9998])
        >>> float(image["data"].sel(ra=10.0, dec=-4.9999, method="nearest"))
        12.0
        """
        from xresample.sky.index import with_sky

        return with_sky(self._dataset)

    def without_sky(self) -> xr.Dataset:
        """Drop the coordinates ``ra`` and ``dec``, if present, for example before writing a file.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> list(xrs.make_exposure(np.zeros((4, 5))).resample.without_sky().coords)
        ['y', 'x', 'exposure']
        """
        from xresample.sky.index import without_sky

        return without_sky(self._dataset)

    def cutout(self, ra: Any, dec: Any = None, size: Any = None) -> xr.Dataset:
        """Cut out the pixels around a position on the sky, clipped at the edges of the image.

        The cutout is an exposure or a mosaic with a correct WCS. The Dataset does not need
        coordinates ``ra`` and ``dec``; the cutout keeps them if they exist.

        Parameters
        ----------
        ra : float, Quantity or SkyCoord
            Right ascension, in degrees unless it has units, in the frame of the WCS (see
            `with_sky`); or the position in any frame, without ``dec``.
        dec : float or Quantity, optional
            Declination.
        size : int, Quantity or a pair of these
            Height and width, ``(y, x)``: integer numbers of pixels, or angles, which are rounded
            up to whole pixels with the local pixel scale.

        Returns
        -------
        Dataset
            The pixels around the position, which lies in the middle pixel, or in one of the two
            middle pixels.

        Raises
        ------
        MissingKeyError
            The position is off the image, or the Dataset has no WCS.
        InvalidInputError
            The size or the position is invalid.
        UnsupportedWCSError
            The WCS is spectral.

        Examples
        --------
        >>> import astropy.units as u, numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
        ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
        >>> image = xrs.make_exposure(np.zeros((4, 5)), wcs)
        >>> dict(image.resample.cutout(10.0, -5.0, 3).sizes)
        {'y': 3, 'x': 3}
        >>> image.resample.cutout(10.0, -5.0, (1, 0.5 * u.arcsec))["x"].values
        array([1, 2])
        """
        from xresample.sky.cutout import cutout

        return cutout(self._dataset, ra, dec, size)

    def plot(
        self,
        variable: str = "data",
        *,
        ax: Any = None,
        stretch: Stretch = "asinh",
        vmin: float | None = None,
        vmax: float | None = None,
        limits: tuple[float, float] | None = None,
        percentiles: tuple[float, float] = (1.0, 99.5),
        cmap: Any = "gray",
        colorbar: bool = True,
        title: str | None = None,
    ) -> Any:
        """Draw a variable with sky coordinates on the axes.

        Parameters
        ----------
        variable : str, optional
            Variable to draw, ``(y, x)``.
        ax : matplotlib Axes, optional
            Axes to draw in. Default: a new figure, with sky coordinates if the Dataset has a WCS.
        stretch : {"asinh", "linear", "log"}, optional
            Function from values to brightness.
        vmin, vmax : float, optional
            Values of the darkest and the brightest colour. Default: ``limits``.
        limits : (float, float), optional
            Both values at once. Default: the percentiles.
        percentiles : (float, float), optional
            Percentiles of the finite values that set the limits, in percent; pixels of a mosaic
            without data do not count.
        cmap : str or matplotlib Colormap, optional
            Colour map.
        colorbar : bool, optional
            Whether to draw a colour bar with the units.
        title : str, optional
            Title. Default: the ``long_name`` of the variable.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidInputError
            The variable or the stretch does not exist, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.make_exposure(np.eye(4), units="DN/s").resample.plot(stretch="linear")
        >>> ax.figure.axes[1].get_ylabel()
        'data (DN/s)'
        """
        from xresample.plot import plot_image

        return plot_image(
            self._dataset,
            variable,
            ax=ax,
            stretch=stretch,
            vmin=vmin,
            vmax=vmax,
            limits=limits,
            percentiles=percentiles,
            cmap=cmap,
            colorbar=colorbar,
            title=title,
        )

    def plot_planes(self, variables: Iterable[str] = ("data", "err", "wht")) -> Any:
        """Draw several variables side by side.

        Parameters
        ----------
        variables : iterable of str, optional
            Variables to draw, ``(y, x)``; those that the Dataset lacks are left out.

        Returns
        -------
        list of matplotlib.axes.Axes
            The axes of the pictures, from left to right.

        Raises
        ------
        InvalidInputError
            The Dataset has none of the variables, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> image = xrs.make_exposure(np.eye(4), err=np.ones((4, 4)))
        >>> len(image.resample.plot_planes())
        2
        """
        from xresample.plot import plot_planes

        return plot_planes(self._dataset, variables)

    def plot_context(
        self,
        *,
        ax: Any = None,
        cmap: Any = "viridis",
        colorbar: bool = True,
        title: str = "contributing exposures",
    ) -> Any:
        """Draw the number of exposures that contribute to each pixel of a mosaic.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. Default: a new figure.
        cmap : str or matplotlib Colormap, optional
            Colour map.
        colorbar : bool, optional
            Whether to draw a colour bar.
        title : str, optional
            Title.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic with a context, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.empty_mosaic((4, 5)).resample.plot_context()
        >>> ax.figure.axes[1].get_ylabel()
        'number of exposures'
        """
        from xresample.plot import plot_context

        return plot_context(self._dataset, ax=ax, cmap=cmap, colorbar=colorbar, title=title)

    def plot_footprints(
        self, exposures: xr.Dataset | Iterable[xr.Dataset] = (), **kwargs: Any
    ) -> Any:
        """Draw the outlines of exposures on a mosaic, or of this exposure and others.

        Parameters
        ----------
        exposures : Dataset or iterable of Dataset, optional
            The exposures. Required on a mosaic, which knows only the names of its exposures.
        **kwargs
            ``variable="data"`` (variable of the mosaic to draw), ``ax=None``, ``title=...``, and
            options for the lines; see `xresample.plot_footprints`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        InvalidInputError
            There are no exposures, an exposure has no WCS, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> matplotlib.use("Agg")
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
        ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
        >>> exposure = xrs.make_exposure(np.zeros((4, 5)), wcs, filename="a.fits")
        >>> exposure.resample.plot_footprints().lines[0].get_label()
        'a.fits'
        """
        from xresample.arguments import datasets
        from xresample.datamodel.mosaic import is_mosaic
        from xresample.plot import plot_footprints

        if is_mosaic(self._dataset):
            return plot_footprints(exposures, self._dataset, **kwargs)
        others = datasets("exposures", exposures)
        return plot_footprints([self._dataset, *others], **kwargs)

    def to_fits(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write a mosaic as a FITS file, completely or not at all.

        The extensions are SCI, ERR, WHT, CON, DQ and VAR_*, with the WCS as FITS keywords if
        these reproduce it; HDRTAB, the table of exposures; and ASDF, the WCS as text. Options and
        totals are keywords of the primary header.

        Parameters
        ----------
        path : str or os.PathLike
            The file, compressed if its name ends with ``.gz``.
        overwrite : bool, optional
            Whether to replace an existing file.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic.
        FileError
            The file exists already.
        """
        from xresample.io.fits_writer import to_fits

        to_fits(self._dataset, path, overwrite)

    def to_nddata(self, variable: str = "data") -> Any:
        """Return a mosaic as an `astropy.nddata.NDData`, which photutils and jdaviz accept.

        Parameters
        ----------
        variable : str, optional
            The plane to take, ``(y, x)``.

        Returns
        -------
        astropy.nddata.NDData
            The plane with its unit and WCS; a mask that is True where no exposure contributes or
            the plane is not finite; for ``data`` also ``err`` of single pixels as a
            `~astropy.nddata.StdDevUncertainty`, if the mosaic has errors or variances; and the
            attributes of the mosaic as ``meta``.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic, or has no such plane.

        Examples
        --------
        >>> import xresample as xrs
        >>> image = xrs.empty_mosaic((4, 5)).resample.to_nddata()
        >>> image.data.shape, bool(image.mask.all()), image.wcs is None
        ((4, 5), True, True)
        """
        from xresample.io.nddata import to_nddata

        return to_nddata(self._dataset, variable)


def register() -> None:
    """Register the accessor ``Dataset.resample``; xarray's warning about the name is expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccessorRegistrationWarning)
        xr.register_dataset_accessor("resample")(ResampleAccessor)
