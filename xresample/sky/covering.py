"""Which images contain a position on the sky."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel.schema import PIXELS, SKY
from xresample.datamodel.stack import separate
from xresample.datamodel.validation import validate
from xresample.errors import InvalidInputError
from xresample.wcs.frames import equatorial_frame

from .index import SkyTransform, degrees


def covering(
    exposures: xr.Dataset | Iterable[xr.Dataset], ra: Any, dec: Any = None
) -> list[xr.Dataset]:
    """Return the exposures that have a pixel at a position on the sky.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures; only their WCSs and sizes are used. Flagged pixels count, too.
    ra : float, Quantity or SkyCoord
        Right ascension, in degrees unless it has units, in the frame of each WCS; or the position
        in any frame, without ``dec``.
    dec : float or Quantity, optional
        Declination.

    Returns
    -------
    list of Dataset
        The exposures that contain the position, in the given order.

    Raises
    ------
    InvalidInputError
        The position is invalid.
    MissingKeyError
        An exposure has no WCS.

    Examples
    --------
    >>> import numpy as np, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
    ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
    >>> exposure = xrs.make_exposure(np.zeros((4, 5)), wcs, filename="a.fits")
    >>> [e.attrs["filename"] for e in xrs.covering([exposure], 10.0, -5.0)]
    ['a.fits']
    >>> xrs.covering([exposure], 10.0, -5.1)
    []
    """
    found = []
    for exposure in separate(exposures):
        validate(exposure)
        if pixel_at(exposure, ra, dec) is not None:
            found.append(exposure)
    return found


def pixel_at(dataset: xr.Dataset, ra: Any, dec: Any = None) -> dict[str, int] | None:
    """Return the position of the pixel that contains a direction, by dimension; None if off.

    Parameters
    ----------
    dataset : Dataset
        An exposure or a mosaic.
    ra, dec
        As for `covering`.
    """
    transform = SkyTransform.of(dataset)
    if hasattr(ra, "transform_to"):
        if dec is not None:
            raise InvalidInputError(f"dec must be None with a SkyCoord, got {dec!r}")
        if not ra.isscalar:
            raise InvalidInputError(f"ra must be one position, got a SkyCoord of {ra.size}")
        found = ra.transform_to(equatorial_frame(transform.wcs.object))
        ra, dec = found.spherical.lon.deg, found.spherical.lat.deg
    elif dec is None:
        raise InvalidInputError("dec must be a declination in degrees, got None")
    angles = (np.asarray(degrees(angle)) for angle in (ra, dec))
    places = transform.reverse(dict(zip(SKY, angles, strict=True)))
    pixel = {}
    for name in PIXELS:
        place = float(places[name])
        if not -0.5 <= place < dataset.sizes[name] - 0.5:
            return None
        pixel[name] = int(np.floor(place + 0.5))
    return pixel
