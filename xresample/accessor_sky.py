"""The part of the accessor that is about places on the sky, and pictures of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import xarray as xr


class SkyAccessor:
    """Sky coordinates, cutouts and pictures of exposures and mosaics."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

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
        from .plot import show

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
        from .plot import plot_context

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
        from xresample.accumulate.accumulator import is_mosaic

        from .plot import plot_footprints

        if is_mosaic(self._dataset):
            return plot_footprints(exposures, self._dataset, **kwargs)
        others = [exposures] if isinstance(exposures, xr.Dataset) else exposures
        return plot_footprints([self._dataset, *others], **kwargs)
