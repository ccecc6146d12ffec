"""Methods of the accessor about errors and noise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import xarray as xr

from .base import Methods


class NoiseMethods(Methods):
    """Methods of the accessor about errors and noise."""

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
            noise is correlated, or rows or columns were left out, so that the sums do not tell.

        Examples
        --------
        >>> import xresample as xrs
        >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=40)
        >>> mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
        >>> err = mosaic.resample.err(["var_rnoise"])
        >>> err.dims, err.attrs["units"]
        (('y', 'x'), 'MJy/sr')
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
            Pixels that do not count, ``(y, x)``, as in ``photutils.aperture.aperture_photometry``.
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
        (0.5, 9.48)
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
            The mosaic has resampled variances, or neither sums nor a kernel with a formula; or
            rows or columns were left out, so that its pixels are not those of the sums.

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
        >>> round(mosaic.resample.noise_factor(), 3)
        1.5
        """
        from xresample.mosaics.noise import noise_factor

        return noise_factor(self._dataset, method)

    def to_nddata(self, variable: str = "data") -> Any:
        """Return a mosaic as an ``astropy.nddata.NDData``, which photutils and jdaviz accept.

        Parameters
        ----------
        variable : str, optional
            The plane to take, ``(y, x)``.

        Returns
        -------
        astropy.nddata.NDData
            The plane with its unit and WCS; a mask that is True where no exposure contributes or
            the plane is not finite; for ``data`` also ``err`` of single pixels as a
            ``StdDevUncertainty``, if the mosaic has errors or variances; and the
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
