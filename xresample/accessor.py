"""The accessor ``Dataset.resample``: the verbs of co-adding, and xarray's own resampling.

Each method checks, delegates and returns a new object; nothing is stored here.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.extensions import AccessorRegistrationWarning

from .accessor_sky import SkyAccessor

_time_resample = xr.Dataset.resample
"""xarray's own method, as it was before the accessor took its name."""


class ResampleAccessor(SkyAccessor):
    """Co-add exposures: ``ds.resample.add(...)``; called, it resamples time as xarray does.

    Examples
    --------
    >>> import numpy as np, xarray as xr, xresample
    >>> days = xr.date_range("2026-01-01", periods=4)
    >>> series = xr.Dataset({"flux": ("time", np.arange(4.0))}, {"time": days})
    >>> series.resample(time="2D").mean()["flux"].values
    array([0.5, 2.5])
    """

    @functools.wraps(_time_resample)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _time_resample(self._dataset, *args, **kwargs)

    @property
    def is_mosaic(self) -> bool:
        """Whether the Dataset is a mosaic, not an exposure."""
        from xresample.accumulate.accumulator import is_mosaic

        return is_mosaic(self._dataset)

    @property
    def wcs(self) -> Any:
        """The WCS as an object of its own: changing it changes nothing here.

        Raises
        ------
        MissingKeyError
            The Dataset has none.
        """
        from xresample.datamodel.exposure import wcs_of

        return wcs_of(self._dataset)

    def assign_wcs(self, wcs: Any) -> xr.Dataset:
        """Return the Dataset with a WCS.

        Parameters
        ----------
        wcs : gwcs.WCS, astropy.wcs.WCS or str
            The WCS, or its text.

        Raises
        ------
        UnsupportedWCSError
            The WCS cannot be written as text.
        WCSTextError
            The text is no WCS.
        """
        from xresample.mosaics.inspect import assign_wcs

        return assign_wcs(self._dataset, wcs)

    def add(
        self,
        *exposures: xr.Dataset | Iterable[xr.Dataset],
        output_wcs: Any = None,
        pixmap: Any = None,
        threads: int | None = None,
        progress: bool = False,
        **options: Any,
    ) -> xr.Dataset:
        """Add exposures to a mosaic, or start one; the roles are read from the Datasets.

        Parameters
        ----------
        *exposures : Dataset or iterable of Dataset
            Exposures to add; or, called on an exposure, the mosaic to add it to.
        output_wcs : WCS, Dataset, dict or (int, int), optional
            The grid of the mosaic that an exposure starts.
        pixmap : array_like, optional
            ``(y, x, 2)``: centres of the pixels of the one exposure on the mosaic, x first, in
            place of the map from the two WCSs.
        threads : int, optional
            Threads to use; changes no bit of the result.
        progress : bool, optional
            Show a progress bar.
        **options
            Those of the mosaic that an exposure starts; see `xresample.Options`.

        Returns
        -------
        Dataset
            A new mosaic. What was given is unchanged.

        Raises
        ------
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        InvalidInputError
            There is no mosaic and no ``output_wcs``, or there are both.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> exposure = xrs.make_exposure(np.ones((4, 5)), exposure_time=10.0)
        >>> where = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1)
        >>> mosaic = xrs.empty_mosaic((4, 5), weight_type="exptime")
        >>> mosaic.resample.add(exposure, pixmap=where).sizes["exposure"]
        1
        """
        from xresample.mosaics.inspect import add_in_roles

        return add_in_roles(
            self._dataset,
            exposures,
            output_wcs,
            options,
            pixmap=pixmap,
            threads=threads,
            progress=progress,
        )

    def merge(self, *others: xr.Dataset) -> xr.Dataset:
        """Return the mosaic of the exposures of this one, then those of others on its grid.

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

    def onto(
        self, output_wcs: Any, *, pixmap: Any = None, threads: int | None = None, **options: Any
    ) -> xr.Dataset:
        """Return this exposure on another grid, as a mosaic of one.

        Parameters
        ----------
        output_wcs : WCS, Dataset, dict or (int, int)
            The grid, as for `xresample.empty_mosaic`.
        pixmap : array_like, optional
            ``(y, x, 2)``: centres of the pixels on that grid, x first, in place of the map from
            the two WCSs.
        threads : int, optional
            Threads to use; changes no bit of the result.
        **options
            See `xresample.Options`.
        """
        from xresample.mosaics.coadd import onto

        return onto(self._dataset, output_wcs, pixmap=pixmap, threads=threads, **options)

    def pixmap(self, output_wcs: Any, **options: Any) -> xr.DataArray:
        """Return where the pixels of an exposure fall on a grid: ``(y, x, axis)``, x first.

        Positions are in output pixels, NaN outside the bounding box of the WCS.

        Parameters
        ----------
        output_wcs : WCS, Dataset or dict
            The grid, as for `xresample.empty_mosaic`.
        **options
            ``pixmap_tol``, ``pixmap_stepsize``, ``pixmap_order``: see `xresample.Options`.
        """
        from xresample.mosaics.inspect import pixmap

        return pixmap(self._dataset, output_wcs, options)

    def weight_map(
        self, weight_type: str | None = "ivm", *, good_bits: Any = 0, flag_map: Any = None
    ) -> xr.DataArray:
        """Return the weights of the pixels of an exposure, ``(y, x)``.

        Parameters
        ----------
        weight_type : {"ivm", "ivm-sky", "exptime", None}
            1 / ``var_rnoise``, 1 / ``var_sky``, the measurement (else exposure) time, or 1.
        good_bits : int, str, list of int or None, optional
            Flags of ``dq`` that do not matter, such as ``"~DO_NOT_USE"``, in the language of
            `astropy.nddata.bitmask`; None: ignore ``dq``; 0: every flagged pixel has weight 0.
        flag_map : mapping of str to int, BitFlagNameMap or Enum class, optional
            Mnemonics of the flags; by default those that ``dq`` describes itself.

        Warns
        -----
        MissingVarianceWarning
            The variance that the weights need is missing: they are 1.
        """
        from xresample.mosaics.inspect import weights

        return weights(self._dataset, weight_type, good_bits, flag_map)

    @property
    def pixel_area(self) -> float:
        """Mean area of a pixel in steradians, from the sky polygon of the image's outline."""
        from xresample.mosaics.inspect import pixel_area

        return pixel_area(self._dataset)

    def footprint(self) -> np.ndarray:
        """Return the outline of the image on the sky, ``(point, 2)``: degrees in its own frame."""
        from xresample.mosaics.inspect import footprint

        return footprint(self._dataset)

    def decode_context(self) -> xr.DataArray:
        """Return which exposures contribute to which pixel: bool, ``(exposure, y, x)``.

        Raises
        ------
        InvalidInputError
            The Dataset is no mosaic, or was made without ``con``.
        """
        from xresample.mosaics.inspect import decode_context

        return decode_context(self._dataset)

    def contributors(self, *, x: int, y: int) -> xr.Dataset:
        """Return the rows of the exposures that contribute to a pixel.

        Parameters
        ----------
        x, y : int
            Coordinates of the pixel.

        Raises
        ------
        KeyError
            The mosaic has no such pixel.
        """
        from xresample.mosaics.inspect import contributors

        return contributors(self._dataset, x, y)

    def filled(self, value: float = 0.0) -> xr.Dataset:
        """Return the mosaic with another value where nothing contributed.

        Parameters
        ----------
        value : float, optional
            The value; 0 by default. It becomes the ``fillval`` of the mosaic.
        """
        from xresample.mosaics.inspect import filled

        return filled(self._dataset, value)

    def err(self, variances: Iterable[str] | None = None) -> xr.DataArray:
        """Return the root of the sum of the variances, ``(y, x)``; NaN where none is known.

        Parameters
        ----------
        variances : iterable of str, optional
            Names of those to sum; by default all.

        Raises
        ------
        InvalidInputError
            There is no variance, or not one of this name.
        """
        from xresample.mosaics.inspect import err

        return err(self._dataset, variances)

    def to_fits(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write a mosaic as a FITS file, all of it or nothing.

        Its extensions are SCI, ERR, WHT, CON, DQ and VAR_*, with the WCS as FITS keywords where
        these say the same; HDRTAB, the table of exposures; and ASDF, the WCS as text. Options and
        totals are keywords of the first header.

        Parameters
        ----------
        path : str or os.PathLike
            The file; compressed if it ends with ``.gz``.
        overwrite : bool, optional
            Whether to replace a file that is there.

        Raises
        ------
        InvalidInputError
            The Dataset is no mosaic.
        FileError
            The file is there already.
        """
        from xresample.io.fits_writer import to_fits

        to_fits(self._dataset, path, overwrite)


def register() -> None:
    """Make the accessor ``Dataset.resample``; the one warning that this gives is expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccessorRegistrationWarning)
        xr.register_dataset_accessor("resample")(ResampleAccessor)
