"""The accessor ``Dataset.resample``: methods for co-adding, and xarray's own resampling.

Each method validates, delegates and returns a new object; the accessor stores nothing.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from xresample.datamodel.signatures import checks_options, spells_options

from . import formatting, overview
from .noise import NoiseMethods
from .plots import Pictures
from .sky import SkyMethods

if TYPE_CHECKING:
    from xresample.accumulate.weight_recipe import WeightKind
    from xresample.datamodel.grid import GridLike
    from xresample.datamodel.options import DType, SplineOrder
    from xresample.kernels.blot import Interpolation
    from xresample.kernels.selection import Method
    from xresample.prepare.combine import Sigma
    from xresample.wcs.handle import WCSLike

_time_resample = xr.Dataset.resample
"""The method of xarray that the accessor replaces."""


class ResampleAccessor(Pictures, SkyMethods, NoiseMethods):
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

    def __repr__(self) -> str:
        return overview.text(self._dataset)

    def _repr_html_(self) -> str:
        return overview.html(self._dataset)

    @property
    def is_mosaic(self) -> bool:
        """Whether the Dataset is a mosaic.

        Examples
        --------
        >>> import xresample as xrs
        >>> xrs.empty_mosaic((4, 5)).resample.is_mosaic
        True
        """
        from xresample.datamodel.mosaic import is_mosaic

        return is_mosaic(self._dataset)

    @property
    def wcs(self) -> Any:
        """A copy of the WCS as an object: changing the copy does not change the Dataset.

        The coordinates ``y`` and ``x`` count the pixels of the WCS, so a cutout has the WCS of the
        whole image. If ``y`` or ``x`` has a step other than 1 (every second row, a flip, or
        ``coarsen``), the WCS belongs to the pixels of the Dataset, counted from 0.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS.
        InvalidInputError
            ``y`` or ``x`` does not have a constant step.

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> list(exposure.resample.wcs.wcs.ctype)
        ['RA---TAN-SIP', 'DEC--TAN-SIP']
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

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> wcs = exposure.resample.wcs
        >>> wcs.wcs.crval += 0.001  # degrees
        >>> moved = exposure.resample.assign_wcs(wcs)
        >>> float((moved.resample.wcs.wcs.crval - exposure.resample.wcs.wcs.crval).round(6)[0])
        0.001
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

        Examples
        --------
        >>> import xresample as xrs
        >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
        >>> mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
        >>> parts = [exposure.resample.onto(mosaic) for exposure in exposures]
        >>> merged = parts[0].resample.merge(parts[1])
        >>> merged.sizes["exposure"], merged["con"].equals(mosaic["con"])
        (2, True)
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
        """Return the mosaic without some exposures, bit for bit as `xresample.coadd` of the others.

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

        The result has the bits of `xresample.coadd`, and only the touched pixels are computed, as
        for `drop`.

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
            The mosaic does not have exactly one exposure with the name of each new exposure, or
            ``exposures`` are not its other exposures.
        InvalidExposureError
            An exposure cannot be used; lists every fault.

        Examples
        --------
        >>> import xresample as xrs
        >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
        >>> mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
        >>> old, rest = exposures
        >>> new = old.assign(data=2 * old["data"])
        >>> replaced = mosaic.resample.replace(new, exposures=[rest])
        >>> replaced["data"].equals(xrs.coadd([new, rest], mosaic)["data"])
        True
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

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> grid = xrs.fit_wcs([exposure], pixel_scale=0.05)  # arcsec
        >>> mosaic = exposure.resample.onto(grid, weight_type="exptime")
        >>> mosaic.sizes["exposure"], mosaic.attrs["exposure_time"]
        (1, 60.0)
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

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> pixmap = exposure.resample.pixmap(xrs.fit_wcs([exposure]))
        >>> pixmap.dims, pixmap.shape
        (('y', 'x', 'axis'), (384, 384, 2))
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
            The inverse variances are beyond float32, ``smooth`` is not a positive integer,
            ``clip`` is not a range of percentiles, or these weights cannot be smoothed.

        Warns
        -----
        MissingVarianceWarning
            The variance for the weights is missing, so all weights are 1.

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

    @checks_options()
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
            A mosaic, the result of `combine`, or any Dataset with an image on a grid. Only the
            part under the exposure is read.
        variable : str, optional
            Image to interpolate. Default: ``"data"``.
        interpolation : str, optional
            ``"nearest"``, ``"linear"`` (default), ``"poly3"``, ``"poly5"``, ``"lanczos3"`` or
            ``"lanczos5"``, as in ``drizzle.resample.blot_image``.
        pixmap : array_like, optional
            Positions of the pixel centres on the mosaic, ``(y, x, 2)``, x first, in place of the
            map from the two WCSs. The result is then computed at once.
        threads : int, optional
            Threads to use, unless the result is lazy. Default: one per CPU. The result is
            bit-for-bit the same for any value.
        **options
            ``pixmap_tol``, ``pixmap_stepsize``, ``pixmap_order``: see `xresample.Options`.

        Returns
        -------
        DataArray
            The image, with the coordinates of the exposure. Pixels whose centre lies in no valid
            pixel of the mosaic are NaN. If the mosaic or the data of the exposure are a dask
            array, so is the image, with the same bits.

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
        from xresample.prepare.blot_exposure import blot

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
        """Mean area of a pixel in steradians, from the outline of the image on the sky.

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> f"{exposure.resample.pixel_area:.2e}"
        '1.65e-14'
        """
        from xresample.mosaics.inspect import pixel_area

        return pixel_area(self._dataset)

    def footprint(self) -> np.ndarray:
        """Return the outline of the image on the sky, ``(point, 2)``, in degrees, in its frame.

        Examples
        --------
        >>> import xresample as xrs
        >>> (exposure,) = xrs.tutorial.open_exposures("hst")
        >>> ra, dec = exposure.resample.footprint().mean(axis=0)
        >>> f"{ra:.3f} {dec:.3f}"
        '6.027 -72.084'
        """
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
            Limit of ``"clipped"`` and ``"minmed"`` in standard deviations. A pair is, for
            ``"clipped"``, the limits below and above the median; for ``"minmed"``, the limit, and
            the limit for the eight neighbours of pixels beyond the first one. Default: 3.
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

        Examples
        --------
        >>> import xresample as xrs
        >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
        >>> mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
        >>> covered = mosaic.resample.decode_context()
        >>> covered.dims, covered.sizes["exposure"]
        (('exposure', 'y', 'x'), 2)
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

        Examples
        --------
        >>> import xresample as xrs
        >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
        >>> mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
        >>> there = mosaic.resample.contributors(ra=150.1, dec=2.2)
        >>> [str(name) for name in there["filename"].values]
        ['simulated_00001_nrcalong_cal', 'simulated_00002_nrcalong_cal']
        """
        from xresample.mosaics.inspect import contributors

        return contributors(self._dataset, x, y, ra, dec)

    def with_context(self, form: Literal["bits", "sets"]) -> xr.Dataset:
        """Return the mosaic with its context as bits or as sets of exposures.

        Labels of sets are numbered in the order in which they appear, row by row, with one table
        for the whole mosaic. So mosaics made in one piece and in tiles become equal bit for bit.
        The context of a lazy mosaic is computed; its other planes stay lazy.

        Parameters
        ----------
        form : {"bits", "sets"}
            ``"bits"``: ``con``, one bit per exposure and pixel. ``"sets"``: ``con_label``, one
            label per pixel, and ``con_sets``, the exposures of each label.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic with a context.

        Examples
        --------
        >>> import xresample as xrs
        >>> mosaic = xrs.empty_mosaic((4, 5)).resample.with_context("sets")
        >>> mosaic["con_sets"].item(), mosaic.attrs["enable_ctx"]
        ('[[]]', 'sets')
        """
        from xresample.mosaics.context_form import with_context

        return with_context(self._dataset, form)

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

        Examples
        --------
        >>> import xresample as xrs
        >>> mosaic = xrs.empty_mosaic((4, 5), fillval="nan")
        >>> float(mosaic.resample.filled(0.0)["data"].max())
        0.0
        """
        from xresample.mosaics.inspect import filled

        return filled(self._dataset, value)

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

        Examples
        --------
        >>> import tempfile, xresample as xrs
        >>> from astropy.io import fits
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     xrs.empty_mosaic((4, 5)).resample.to_fits(folder + "/mosaic.fits")
        ...     fits.getdata(folder + "/mosaic.fits", "SCI").shape
        (4, 5)
        """
        from xresample.io.fits_writer import to_fits

        to_fits(self._dataset, path, overwrite)

    def to_hdulist(self) -> Any:
        """Return the HDUs that ``to_fits`` writes, in memory.

        `xresample.make_exposure` reads them back as an exposure.

        Returns
        -------
        astropy.io.fits.HDUList
            New HDUs. Their arrays are copies, so changing them does not change the mosaic.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic.

        Examples
        --------
        >>> import xresample as xrs
        >>> [hdu.name for hdu in xrs.empty_mosaic((4, 5)).resample.to_hdulist()]
        ['PRIMARY', 'SCI', 'WHT', 'CON', 'HDRTAB']
        """
        from xresample.io.fits_writer import to_hdulist

        return to_hdulist(self._dataset)


class _Descriptor:
    """Makes the accessor of a Dataset on each access.

    xarray's own descriptor stores the accessor in the Dataset, and the accessor holds the Dataset.
    Such a cycle keeps a mosaic that nobody uses any more in memory until Python collects garbage.
    """

    def __get__(self, dataset: xr.Dataset | None, cls: type) -> Any:
        return ResampleAccessor if dataset is None else ResampleAccessor(dataset)


def register() -> None:
    """Make the accessor available as ``Dataset.resample``, in place of the method of this name."""
    formatting.register()
    # The accessor calls the method of this name if it is itself called.
    setattr(xr.Dataset, "resample", _Descriptor())  # noqa: B010 - types allow no other method
