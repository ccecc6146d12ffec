"""The functions that pipelines import from `stcal.resample.utils`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from xresample import arguments
from xresample.accumulate import scales
from xresample.accumulate.weights import weight_map
from xresample.datamodel.arrays import ExposureArrays, PlainArray
from xresample.datamodel.dq_flags import good_pixels
from xresample.datamodel.grid import checked_shape
from xresample.datamodel.options import WEIGHT_TYPES, WEIGHT_VARIANCE
from xresample.datamodel.validation import validate
from xresample.drizzle.utils import calc_pixmap
from xresample.errors import InvalidInputError, MissingKeyError, listing
from xresample.wcs import footprint as sky
from xresample.wcs import transform as systems
from xresample.wcs.handle import WCSObject
from xresample.wcs.pixels import Pixels

from . import input_model as models

__all__ = [
    "build_driz_weight",
    "build_mask",
    "calc_pixmap",
    "compute_mean_pixel_area",
    "is_flux_density",
    "is_imaging_wcs",
]


def build_mask(dqarr: Any, good_bits: Any, flag_name_map: Any = None) -> np.ndarray:
    """Return a mask of the pixels that the flags allow: uint8, 1 for a good pixel.

    Parameters
    ----------
    dqarr : array_like of int
        Data quality flags.
    good_bits : int, str, list of int or None
        Flags that a good pixel may have, in the language of `astropy.nddata.bitmask`.
    flag_name_map : mapping, BitFlagNameMap, Enum class or None
        Value of each flag by its name.

    Examples
    --------
    >>> build_mask([[0, 1, 4]], good_bits=4).tolist()
    [[1, 0, 1]]
    """
    flags = PlainArray.of(dqarr, "dqarr")
    good = good_pixels(np.asarray(flags.array), good_bits, flag_name_map)
    mask = np.ones(np.shape(flags.array), np.uint8) if good is None else good.astype(np.uint8)
    return mask if flags.mask is None else np.where(flags.mask, np.uint8(0), mask)


def build_driz_weight(
    model: Mapping[str, Any] | xr.Dataset,
    weight_type: str | None = None,
    good_bits: Any = None,
    flag_name_map: Any = None,
) -> np.ndarray:
    """Return the weights of the pixels of an exposure, float32 ``(y, x)``.

    Parameters
    ----------
    model : dict or Dataset
        The exposure.
    weight_type : {"ivm", "ivm-sky", "exptime", None}
        1 / ``var_rnoise``, 1 / ``var_sky``, the measurement time (or else the exposure time), or
        1. If the variance is missing, all weights are 1, with a warning.
    good_bits, flag_name_map
        See `build_mask`.

    Examples
    --------
    >>> import numpy as np
    >>> model = {"data": np.ones((1, 3)), "dq": np.array([[0, 1, 4]]), "exposure_time": 10.0}
    >>> build_driz_weight(model, "exptime", good_bits=4).tolist()
    [[10.0, 0.0, 10.0]]
    """
    if isinstance(model, xr.Dataset):
        validate(model, pixmap=True)
        model = models.as_model(model)
    arguments.mapping("model", model)
    arguments.choice("weight_type", weight_type, WEIGHT_TYPES)
    if missing := [key for key in ("data", "dq") if key not in model]:
        raise MissingKeyError(f"model must have the keys 'data' and 'dq', got none of {missing}")
    planes = ("data", "dq", *WEIGHT_VARIANCE.values())
    taken = ExposureArrays.of({name: model.get(name) for name in planes}, model.get("bunit_data"))
    if taken.faults:
        raise InvalidInputError(listing("The model cannot be used", taken.faults))
    shape = arguments.array("data", taken.planes.get("data")).shape
    dq, time, variance = taken.planes.get("dq"), None, None
    good = None
    if dq is not None:
        good = good_pixels(arguments.array("dq", dq), good_bits, flag_name_map)
    if weight_type == "exptime":
        measured = model.get("measurement_time")
        measured = model.get("exposure_time") if measured is None else measured
        time = None if measured is None else arguments.number("exposure_time", measured)
    elif weight_type in WEIGHT_VARIANCE:
        variance = taken.planes.get(WEIGHT_VARIANCE[weight_type])
        variance = None if variance is None else arguments.array("variance", variance)
        variance = variance if variance is not None and variance.shape == shape else None
    return weight_map(weight_type, shape, variance, time, good)


def compute_mean_pixel_area(wcs: WCSObject, shape: tuple[int, int] | None = None) -> float | None:
    """Return the mean area of the pixels inside the bounding box, in steradians.

    Parameters
    ----------
    wcs : WCS
        The WCS.
    shape : (int, int), optional
        Shape of the image, ``(y, x)``. Default: the shape of the WCS.

    Returns
    -------
    float or None
        None if no part of the outline is on the sky.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4, "CDELT2": 1e-4})
    >>> f"{compute_mean_pixel_area(wcs, (4, 5)):.2e}"
    '3.05e-12'
    """
    systems.check_axes(wcs)
    return models.positive_or_none(sky.mean_pixel_area(wcs, Pixels.of(_shape_of(wcs, shape))))


def is_imaging_wcs(wcs: WCSObject) -> bool:
    """Return whether all world axes are on the sky.

    Parameters
    ----------
    wcs : WCS
        A gwcs, an `astropy.wcs.WCS`, or another WCS of APE 14.

    Examples
    --------
    >>> from astropy.wcs import WCS
    >>> is_imaging_wcs(WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}))
    True
    """
    return systems.is_imaging(wcs)


def is_flux_density(bunit: Any) -> bool:
    """Return whether units can be converted to Jy.

    Parameters
    ----------
    bunit : str or None
        Units of the data.

    Examples
    --------
    >>> is_flux_density("mJy"), is_flux_density("MJy/sr")
    (True, False)
    """
    return scales.is_flux_density(bunit)


def _shape_of(wcs: WCSObject, shape: Any) -> tuple[int, int]:
    """Return the shape of an image: the given one, or else the shape of the WCS."""
    return checked_shape(systems.array_shape(wcs) if shape is None else shape)
