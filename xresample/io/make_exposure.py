"""Exposures made from what is in memory: arrays, or the HDUs of a FITS file."""

from __future__ import annotations

import functools
from typing import Any

import xarray as xr

from xresample.datamodel import exposure as datamodel
from xresample.errors import InvalidInputError

from .backend import XResampleBackend
from .other_sources import is_hdus

_ARRAYS = ("err", "dq", "variances", "weight_map", "units", "flag_map")
"""Arguments that belong to arrays; the HDUs hold these."""


@functools.wraps(datamodel.make_exposure)
def make_exposure(data: Any, wcs: Any = None, **given: Any) -> xr.Dataset:
    """Make an exposure; users see the documentation of the function for arrays."""
    if not is_hdus(data):
        return datamodel.make_exposure(data, wcs, **given)
    if named := [name for name in _ARRAYS if given.get(name) is not None]:
        raise InvalidInputError(
            "With an HDUList, data, errors, flags and units come from the HDUs, got also "
            f"{', '.join(named)}: change the HDUs, or assign variables to the exposure"
        )
    group = given.pop("group", None)
    facts = {name: value for name, value in given.items() if name not in _ARRAYS}
    # The pixels are in memory already, so they are read at once.
    exposure = XResampleBackend().open_dataset(data, group=group).load()
    if wcs is not None:
        exposure = datamodel.assign_wcs(exposure, wcs)
    if facts:
        made = datamodel.make_exposure([[0.0]], **facts)
        known = {name: value for name, value in made.attrs.items() if name in facts}
        exposure = exposure.assign_attrs(known)
    return exposure
