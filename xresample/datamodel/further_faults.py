"""Faults of the variables of an exposure that only some options need: weights, planes, flags."""

from __future__ import annotations

import numpy as np
import xarray as xr

from . import schema
from .dq_flags import flag_map_from_cf
from .options import Options

WEIGHT_MAP = "weight_map"
"""Variable of an exposure with the user's weights, which must not be negative."""

NEGATIVE = "weight_map must not be negative, got weights below 0"


def faults_of_flags(exposure: xr.Dataset, options: Options) -> list[str]:
    """Return the faults of the flags that the option ``rejected`` names."""
    if "dq" not in exposure:
        return []
    known = options.flag_map
    if known is None:
        known = flag_map_from_cf(exposure["dq"].attrs) or {}
    unknown = [name for name in options.rejected if name not in known]
    if not unknown:
        return []
    return [
        f"rejected must name flags of dq, got {', '.join(unknown)}; known flags: "
        f"{', '.join(known) or 'none, because the flags have no names: pass flag_map='}"
    ]


def faults_of_plane(exposure: xr.Dataset, name: str) -> list[str]:
    """Return the faults of a variable that the option ``planes`` names."""
    if name not in exposure.data_vars:
        held = ", ".join(map(str, exposure.data_vars))
        return [f"{name} is missing, which planes={name!r} requires; the Dataset has: {held}"]
    variable = exposure[name].variable
    if set(variable.dims) != set(schema.PIXELS):
        return [f"{name} must have the dimensions {schema.PIXELS}, got {variable.dims}"]
    if variable.dtype.kind not in "fiub":
        return [f"{name} must hold real numbers, got type {variable.dtype}"]
    return []


def faults_of_map(exposure: xr.Dataset) -> list[str]:
    """Return the faults of the user's weights, as far as they are known without reading a file."""
    if WEIGHT_MAP not in exposure:
        return [
            "weight_map is missing, which weight_type='map' requires: assign one with "
            ".assign(weight_map=...), for example exposure.resample.weight_map('ivm')"
        ]
    data = exposure[WEIGHT_MAP].variable._data
    negative = isinstance(data, np.ndarray) and data.dtype.kind in "fi" and bool((data < 0).any())
    return [NEGATIVE] if negative else []
