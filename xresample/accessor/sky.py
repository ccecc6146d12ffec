"""Methods of the accessor that use positions on the sky."""

from __future__ import annotations

from typing import Any

import xarray as xr

from .base import Methods


class SkyMethods(Methods):
    """Methods of the accessor that use positions on the sky."""

    def with_sky(self) -> xr.Dataset:
        """Add coordinates ``ra`` and ``dec``, ``(y, x)`` in degrees, which are computed when read.

        An index of the WCS holds the coordinates, so they stay lazy and right in slices, and
        ``sel(ra=..., dec=..., method="nearest")`` selects the pixel that contains a position. The
        position is two numbers, or two DataArrays along the same dimensions for many positions.
        The frame is the frame of the WCS, or ICRS if the WCS has no right ascension;
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

    def s_region(self) -> str:
        """Return the outline of the image as a polygon in ICRS, as archives store it.

        The edges are great circles. The four corners are enough if they reproduce the outline to
        half a pixel; otherwise the polygon has eight corners per edge. Pixels without data belong
        to the image.

        Returns
        -------
        str
            ``"POLYGON ICRS ra dec ..."``, in degrees, counter-clockwise as seen from the Earth
            (IVOA ObsCore 1.1 and DALI 1.1).

        Raises
        ------
        MissingKeyError
            The Dataset has no WCS.
        UnsupportedWCSError
            The outline is not within a hemisphere.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 5.5, "CRPIX2": 5.5,
        ...            "CRVAL1": 10.0, "CDELT1": -0.1, "CDELT2": 0.1})
        >>> xrs.make_exposure(np.zeros((10, 10)), wcs).resample.s_region()[:40]
        'POLYGON ICRS 10.499987308 -0.499968272 9'
        """
        from xresample.sky.region import s_region

        return s_region(self._dataset)

    def moc(self, max_depth: int | None = None) -> Any:
        """Return the outline of the image as a multi-order coverage map (needs mocpy).

        Parameters
        ----------
        max_depth : int, optional
            Depth of the smallest cells, 0 to 29. Default: the diameter of the image is about 64
            cells.

        Returns
        -------
        mocpy.MOC
            The map, in ICRS. Pixels without data belong to the image.

        Raises
        ------
        InvalidInputError
            ``mocpy`` is not installed, or the depth is invalid.
        UnsupportedWCSError
            The outline is not within a hemisphere.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 5.5, "CRPIX2": 5.5,
        ...            "CRVAL1": 10.0, "CDELT1": -0.1, "CDELT2": 0.1})
        >>> int(xrs.make_exposure(np.zeros((10, 10)), wcs).resample.moc(max_depth=9).max_order)
        9
        """
        from xresample.sky.region import moc

        return moc(self._dataset, max_depth)

    def obscore(self, **columns: Any) -> Any:
        """Return the row of ObsCore that describes the image, for archives and TAP services.

        The row has the mandatory columns of IVOA ObsCore 1.1 and ``s_pixel_scale``, with their
        units, UCDs and utypes. ``astropy.table.vstack`` joins rows, and ``write`` makes a VOTable.

        Parameters
        ----------
        **columns
            Values that the Dataset does not hold, such as ``obs_collection``, ``obs_id``,
            ``access_url``, ``facility_name``, ``em_min`` and ``em_max`` (metres); they also
            replace values of the Dataset.

        Returns
        -------
        astropy.table.Table
            One row. Unknown values are masked. ``calib_level`` is 3 for a mosaic and 2 for an
            exposure.

        Raises
        ------
        InvalidInputError
            A column is unknown, or a value has the wrong type.
        UnsupportedWCSError
            The outline is not within a hemisphere.

        Examples
        --------
        >>> import numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 5.5, "CRPIX2": 5.5,
        ...            "CRVAL1": 10.0, "CDELT1": -0.1, "CDELT2": 0.1})
        >>> image = xrs.make_exposure(np.zeros((10, 10)), wcs, units="MJy/sr", exposure_time=20.0)
        >>> row = image.resample.obscore(obs_collection="survey")[0]
        >>> print(row["obs_collection"], row["t_exptime"], row["o_ucd"])
        survey 20.0 phot.flux.density.sb
        """
        from xresample.io.obscore import obscore

        return obscore(self._dataset, columns)
