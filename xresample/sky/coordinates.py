"""Positions on the sky as coordinates of any image, with or without exposures and mosaics."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import xarray as xr

from xresample.arguments import is_iterable, shown
from xresample.datamodel import schema
from xresample.errors import InvalidInputError
from xresample.wcs.handle import WCSLike

from . import index

Image = TypeVar("Image", xr.Dataset, xr.DataArray)


def with_sky(
    image: Image,
    wcs: WCSLike | None = None,
    *,
    dims: Sequence[Hashable] = schema.PIXELS,
    names: Sequence[Hashable] = schema.SKY,
) -> Image:
    """Add right ascension and declination to any image, as coordinates that are computed when read.

    An index of the WCS holds the coordinates. They stay lazy and right in slices, copies,
    transposed images and concatenated neighbours, and
    ``sel(ra=..., dec=..., method="nearest")`` selects the pixel that contains a position. Images
    with equal WCSs and pixels align; other images refuse to.

    Parameters
    ----------
    image : Dataset or DataArray
        The image, of any number of dimensions.
    wcs : gwcs.WCS, astropy.wcs.WCS or str, optional
        The WCS of the two pixel axes, or its ASDF text. Default: the coordinate ``wcs`` of the
        image.
    dims : (hashable, hashable), optional
        Dimensions along the second and the first axis of the WCS. If such a dimension has a
        coordinate, the coordinate holds the pixels of the WCS; otherwise pixels count from 0.
    names : (hashable, hashable), optional
        Names of the coordinates of right ascension and declination.

    Returns
    -------
    Dataset or DataArray
        A new object; the variables are shared. Angles are in degrees, in the frame of the WCS, or
        in ICRS if the WCS has no right ascension; ``attrs["radesys"]`` names the frame.

    Raises
    ------
    InvalidInputError
        The image has no such dimensions, or their coordinates are not pixels in order.
    MissingKeyError
        There is no WCS.
    UnsupportedWCSError
        The WCS has the wrong axes.

    Examples
    --------
    >>> import numpy as np, xarray as xr, xresample as xrs
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
    ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
    >>> cube = xr.DataArray(np.arange(40.0).reshape(2, 4, 5), dims=("time", "row", "column"))
    >>> cube = xrs.with_sky(cube, wcs, dims=("row", "column"))
    >>> cube.sel(ra=10.0, dec=-4.9999, method="nearest").values
    array([12., 32.])
    >>> cube.isel(row=slice(1, 3))["dec"][:, 2].values.round(6)
    array([-5.    , -4.9999])
    """
    if not isinstance(image, xr.Dataset | xr.DataArray):
        raise InvalidInputError(f"image must be a Dataset or a DataArray, got {shown(image)}")
    (row, column), (ra, dec) = (_pair(k, v) for k, v in (("dims", dims), ("names", names)))
    return index.with_sky(image, wcs, (row, column), (ra, dec))


def _pair(name: str, value: Sequence[Hashable]) -> list[Hashable]:
    """Return two different names."""
    entries = list(value) if is_iterable(value) and not isinstance(value, str) else []
    if len(entries) != 2 or not all(isinstance(entry, Hashable) for entry in entries):
        raise InvalidInputError(f"{name} must be two names, got {shown(value)}")
    if entries[0] == entries[1]:
        raise InvalidInputError(f"{name} must be two different names, got {entries[0]!r} twice")
    return entries
