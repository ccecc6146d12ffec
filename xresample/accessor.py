"""The accessor ``Dataset.resample``: the verbs of co-adding, and xarray's own resampling.

Each method checks, delegates and returns a new object; nothing is stored here.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.core.extensions import AccessorRegistrationWarning

if TYPE_CHECKING:
    from xresample.datamodel.options import WeightType

_time_resample = xr.Dataset.resample
"""xarray's own method, as it was before the accessor took its name."""


class ResampleAccessor:
    """Co-add exposures: ``ds.resample.add(...)``; called, it resamples time as xarray does.

    Examples
    --------
    >>> import numpy as np, xarray as xr, xresample
    >>> days = xr.date_range("2026-01-01", periods=4)
    >>> series = xr.Dataset({"flux": ("time", np.arange(4.0))}, {"time": days})
    >>> series.resample(time="2D").mean()["flux"].values
    array([0.5, 2.5])
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @functools.wraps(_time_resample)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _time_resample(self._dataset, *args, **kwargs)

    @property
    def is_mosaic(self) -> bool:
        """Whether the Dataset is a mosaic, not an exposure."""
        from xresample.datamodel.mosaic import is_mosaic

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
        self, weight_type: WeightType = "ivm", *, good_bits: Any = 0, flag_map: Any = None
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

    def with_sky(self) -> xr.Dataset:
        """Add the coordinates ``ra`` and ``dec``, ``(y, x)`` in degrees, computed when read.

        They belong to an index of the WCS, so that slices keep them lazy and right, and
        ``sel(ra=..., dec=..., method="nearest")`` takes the pixel that a position falls on: two
        numbers, or two DataArrays along the same dimensions for many positions at once. The frame
        is that of the WCS, or ICRS where it has no right ascension; ``attrs["radesys"]`` names it.

        What adds exposures takes no notice of them, and gives mosaics without. To xarray they are
        coordinates like any: ``load``, ``compute``, ``to_netcdf`` and ``to_zarr`` compute them,
        and the files hold them as arrays. Keep them out with `without_sky`.

        Returns
        -------
        Dataset
            A new Dataset; NaN are the angles of pixels outside the bounding box of the WCS.

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS; or, when selecting, a position is off the image.
        InvalidInputError
            The pixels are not in order, or variables are called ``ra`` or ``dec`` already.
        UnsupportedWCSError
            The WCS has the wrong axes; or, when selecting, it is spectral.

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
        """Drop the coordinates ``ra`` and ``dec``, if there are any: before writing a file.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> list(xrs.make_exposure(np.zeros((4, 5))).resample.without_sky().coords)
        ['y', 'x']
        """
        from xresample.sky.index import without_sky

        return without_sky(self._dataset)

    def cutout(self, ra: Any, dec: Any = None, size: Any = None) -> xr.Dataset:
        """Cut out the pixels around a position on the sky, clipped at the edges of the image.

        The part is an exposure or a mosaic as before, and its WCS is right. It needs no
        coordinates ``ra`` and ``dec``, and keeps those that are there.

        Parameters
        ----------
        ra : float, Quantity or SkyCoord
            Right ascension, in degrees unless it has units, in the frame of the WCS (see
            `with_sky`); or the position in any frame, and then ``dec`` is left out.
        dec : float or Quantity, optional
            Declination.
        size : int, Quantity or a pair of these
            Height and width, ``(y, x)``: whole numbers of pixels, or angles, rounded up to whole
            pixels of the scale that the image has there.

        Returns
        -------
        Dataset
            The pixels around the position: the middle one holds it, or the middle two.

        Raises
        ------
        MissingKeyError
            The position is off the image, or the Dataset has no WCS.
        InvalidInputError
            The size or the position is none.
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

    def plot(self, variable: str = "data", **kwargs: Any) -> Any:
        """Draw a variable with sky coordinates on the axes.

        Parameters
        ----------
        variable : str, optional
            What to draw, ``(y, x)``.
        **kwargs
            ``ax=None``, ``stretch="asinh"`` (or ``"linear"``, ``"log"``), ``limits=None``,
            ``percentiles=(1.0, 99.5)``, ``cmap="gray"``, ``colorbar=True``, ``title=None``.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        InvalidInputError
            There is no such image or no such stretch, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.make_exposure(np.eye(4), units="DN/s").resample.plot(stretch="linear")
        >>> ax.figure.axes[1].get_ylabel()
        'data (DN/s)'
        """
        from xresample.plot import show

        return show(self._dataset, variable, **kwargs)

    def plot_context(self, **kwargs: Any) -> Any:
        """Draw how many exposures contributed to each pixel of a mosaic.

        Parameters
        ----------
        **kwargs
            ``ax=None``, ``cmap="viridis"``, ``colorbar=True``, ``title=...``.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        InvalidInputError
            The Dataset is no mosaic with a context, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.empty_mosaic((4, 5)).resample.plot_context()
        >>> ax.figure.axes[1].get_ylabel()
        'number of exposures'
        """
        from xresample.plot import plot_context

        return plot_context(self._dataset, **kwargs)

    def plot_footprints(
        self, exposures: xr.Dataset | Iterable[xr.Dataset] = (), **kwargs: Any
    ) -> Any:
        """Draw the outlines of exposures on a mosaic; or of this exposure and others.

        Parameters
        ----------
        exposures : Dataset or iterable of Dataset, optional
            The exposures; needed on a mosaic, which knows their names only.
        **kwargs
            ``variable="data"`` (what to draw of the mosaic), ``ax=None``, ``title=...``, and how
            to draw lines; see `xresample.plot_footprints`.

        Returns
        -------
        matplotlib.axes.Axes
            Where it was drawn.

        Raises
        ------
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        InvalidInputError
            There is no exposure, one has no WCS, or matplotlib is not installed.

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
        from xresample.datamodel.mosaic import is_mosaic
        from xresample.plot import plot_footprints

        if is_mosaic(self._dataset):
            return plot_footprints(exposures, self._dataset, **kwargs)
        others = [exposures] if isinstance(exposures, xr.Dataset) else exposures
        return plot_footprints([self._dataset, *others], **kwargs)

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
