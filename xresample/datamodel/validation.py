"""Faults of exposures: those that always matter, and those that depend on options of a mosaic."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidExposureError, listing

from . import schema
from .dq_flags import flag_map_from_cf
from .facts import facts_of, identity_fault, name_of
from .options import Options
from .pixels import fault_of_pixels
from .units import factor_between, power_of

SAME_UNITS = 1e-6
"""Maximum difference from 1 of a factor between units that count as equal."""

NEGATIVE = "weight_map must not be negative, got weights below 0"


def validate(exposure: Any, options: Options | None = None, pixmap: bool = False) -> None:
    """Raise an `InvalidExposureError` that lists all faults of an exposure.

    Parameters
    ----------
    exposure : xarray.Dataset
        The exposure to check.
    options : Options, optional
        Options of the mosaic, which may require further variables or attributes.
    pixmap : bool, optional
        Whether a pixel map replaces the WCS.
    """
    if not isinstance(exposure, xr.Dataset):
        raise InvalidExposureError(
            "An exposure must be an xarray.Dataset (from make_exposure or open_dataset), got "
            f"{type(exposure).__name__}"
        )
    faults = _faults(exposure)
    if options is not None:
        faults += _unmet(exposure, options, pixmap)
    if faults:
        name = name_of(exposure) or "The exposure"
        raise InvalidExposureError(listing(f"{name} cannot be used", faults))


def _faults(exposure: xr.Dataset) -> list[str]:
    """Return the faults of an exposure that do not depend on options."""
    faults = []
    for row in schema.EXPOSURE:
        if row.needed and row.name not in exposure:
            held = ", ".join(map(str, exposure.data_vars)) or "no variables"
            faults.append(f"{row.name} is missing, the Dataset has: {held}")
    for name in map(str, exposure.data_vars):
        known = schema.row_of(schema.EXPOSURE, name)
        if known is None:
            continue
        variable = exposure[name]
        if set(variable.dims) != set(known.dims):
            hint = ""
            if schema.IDENTITY in variable.dims:
                hint = ": take one exposure of the stack with .isel(exposure=...), or co-add all"
            faults.append(
                f"{name} must have the dimensions {known.dims}, got {variable.dims}{hint}"
            )
        elif 0 in variable.shape:
            faults.append(
                f"{name} must have at least one pixel, got the empty shape {variable.shape}"
            )
        kinds = "iu" if known.dtype == "iu" else "fiu"
        if variable.dtype.kind not in kinds:
            faults.append(
                f"{name} must hold {'integers' if kinds == 'iu' else 'real numbers'}, got type "
                f"{variable.dtype}"
            )
    faults += _faults_of_units(exposure)
    for name in schema.PIXELS:
        if name in exposure.coords and (fault := fault_of_pixels(exposure, name)):
            faults.append(fault)
    if fault := identity_fault(exposure):
        return [*faults, fault]
    try:
        schema.exposure_scalars(facts_of(exposure))
    except (TypeError, ValueError) as error:
        return [*faults, f"an attribute has an invalid value: {error}"]
    return faults


def _unmet(exposure: xr.Dataset, options: Options, pixmap: bool) -> list[str]:
    """Return what an exposure lacks for the options of a mosaic."""
    faults = []
    if schema.WCS not in exposure.coords and not pixmap:
        faults.append(
            "wcs is missing: assign one with .resample.assign_wcs(wcs), or add it with pixmap="
        )
    if options.compute_err == "driz_err" and "err" not in exposure:
        faults.append("err is missing, which compute_err='driz_err' requires")
    if options.weight_type == "map":
        faults += _faults_of_map(exposure)
    for name in options.planes:
        faults += _faults_of_plane(exposure, name)
    if options.rejected:
        faults += _faults_of_flags(exposure, options)
    try:
        scalars = schema.exposure_scalars(facts_of(exposure))
    except (TypeError, ValueError):
        # `_faults` reports an attribute that is not a number, so nothing is added here.
        return faults
    if not (scalars["subtracted"] or np.isfinite(scalars["level"])):
        faults.append(
            f"the attribute level must be finite, got {scalars['level']}: set it to the sky level, "
            "or to 0 if no sky level should be subtracted"
        )
    for name in schema.LEVEL_SLOPES:
        if not (scalars["subtracted"] or np.isfinite(scalars[name])):
            faults.append(f"the attribute {name} must be finite, got {scalars[name]}")
    if options.exposure_map and not scalars["exposure_time"] >= 0:
        faults.append(
            "the attribute exposure_time must be a number of seconds, which exposure_map=True "
            f"requires, got {scalars['exposure_time']}"
        )
    if options.weight_type == "exptime":
        measured = scalars["measurement_time"]
        time = scalars["exposure_time"] if np.isnan(measured) else measured
        if np.isnan(time):
            faults.append(
                "the attributes exposure_time and measurement_time are missing, one of which "
                "weight_type='exptime' requires"
            )
        elif not 0 < time <= float(np.finfo(np.float32).max):
            faults.append(
                f"the measurement or exposure time must be positive and fit float32, got {time}: "
                "weight_type='exptime' uses it as the weight"
            )
    return faults


def _faults_of_flags(exposure: xr.Dataset, options: Options) -> list[str]:
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


def _faults_of_units(exposure: xr.Dataset) -> list[str]:
    """Return the errors and variances that are in another scale than the data.

    Units of another kind are accepted, because operations of xarray such as ``err**2`` keep the
    units of their argument.
    """
    names = map(str, exposure.data_vars)
    known = {n: str(exposure[n].attrs["units"]) for n in names if exposure[n].attrs.get("units")}
    units = known.get("data")
    faults = []
    for name, own in known.items():
        row = schema.row_of(schema.EXPOSURE, name)
        wanted = power_of(units, row.power) if row else None
        if row is None or wanted in (None, own):
            continue
        factor = factor_between(own, units, row.power)
        if factor is not None and abs(factor - 1.0) > SAME_UNITS:
            faults.append(
                f"{name} must have the units {wanted!r}, which follow from those of data, got "
                f"{own!r}: multiply it by {factor:.6g} and assign the units"
            )
    return faults


def _faults_of_plane(exposure: xr.Dataset, name: str) -> list[str]:
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


def _faults_of_map(exposure: xr.Dataset) -> list[str]:
    """Return the faults of the user's weights, as far as they are known without reading a file."""
    if schema.WEIGHT_MAP not in exposure:
        return [
            "weight_map is missing, which weight_type='map' requires: assign one with "
            ".assign(weight_map=...), for example exposure.resample.weight_map('ivm')"
        ]
    data = exposure[schema.WEIGHT_MAP].variable._data
    negative = isinstance(data, np.ndarray) and data.dtype.kind in "fi" and bool((data < 0).any())
    return [NEGATIVE] if negative else []
