"""Mosaics as `astropy.nddata.NDData`, for photutils, jdaviz and other tools of astropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import schema
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.mosaic import require_mosaic, root_of_sum, variances_of_error
from xresample.datamodel.options import Options
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.pixels import pixel_origin
from xresample.datamodel.planes import Layout
from xresample.errors import InvalidInputError


def to_nddata(mosaic: xr.Dataset, variable: str = "data") -> Any:
    """Return a plane of a mosaic as an NDData.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic, or a cutout of one.
    variable : str, optional
        The plane, ``(y, x)``.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic, or has no such plane.
    """
    from astropy.nddata import NDData, StdDevUncertainty

    require_mosaic(mosaic)
    planes = [str(n) for n in mosaic.data_vars if set(mosaic[n].dims) == set(schema.PIXELS)]
    if variable not in planes:
        raise InvalidInputError(
            f"variable must be one of the planes {', '.join(planes)}, got {variable!r}"
        )
    values = _image(mosaic, variable)
    err = _err(mosaic) if variable == "data" else None
    return NDData(
        values,
        uncertainty=None if err is None else StdDevUncertainty(err),
        mask=(_image(mosaic, "wht") == 0) | ~np.isfinite(values),
        wcs=_wcs(mosaic),
        unit=_unit(mosaic[variable].attrs.get("units")),
        meta=dict(mosaic.attrs),
    )


def _image(mosaic: xr.Dataset, name: str) -> np.ndarray:
    """Return a copy of a plane, ``(y, x)``."""
    return np.array(mosaic[name].transpose(*schema.PIXELS).values)


def _err(mosaic: xr.Dataset) -> np.ndarray | None:
    """Return the standard deviation of each pixel, or None if the mosaic does not know any."""
    if "err" in mosaic:
        return _image(mosaic, "err")
    options = Options.from_attrs(mosaic.attrs)
    held = [name for name in map(str, mosaic.data_vars) if schema.is_variance(name)]
    if not held:
        return None
    names = variances_of_error(Layout.of(options, held), options)
    shape = mosaic.sizes["y"], mosaic.sizes["x"]
    return root_of_sum([_image(mosaic, name) for name in names], shape, options.dtype)


def _wcs(mosaic: xr.Dataset) -> Any:
    """Return the WCS of the image, whose first pixel is (0, 0); None if there is no WCS."""
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS

    mosaic = in_own_pixels(mosaic)
    handle = wcs_of(mosaic)
    if handle is None:
        return None
    wcs: Any = handle.new_object()
    origin = pixel_origin(mosaic)
    if origin == (0, 0):
        return wcs
    part = tuple(slice(first, None) for first in origin)
    if isinstance(wcs, WCS):
        return wcs.slice(part)
    return HighLevelWCSWrapper(SlicedLowLevelWCS(wcs, part))


def _unit(text: Any) -> Any:
    """Return the unit that a text names; None if astropy does not know the unit."""
    from astropy.units import Unit

    if not text:
        return None
    try:
        return Unit(text)
    except (TypeError, ValueError):
        return None
