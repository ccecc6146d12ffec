"""Conversion between the dict models of pipelines and exposures."""

from __future__ import annotations

import logging
import math
from collections.abc import Container, Hashable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import xarray as xr

from xresample import arguments
from xresample.datamodel import schema
from xresample.datamodel.arrays import ExposureArrays
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.facts import facts_of
from xresample.datamodel.provenance import unused_name
from xresample.datamodel.validation import validate
from xresample.errors import ImageShapeError, InvalidExposureError, MissingKeyError, listing
from xresample.wcs.handle import WCSHandle

log = logging.getLogger(__name__)

Model = dict[str, Any]
"""An exposure in the form that pipelines pass: arrays, WCS object and scalars by name."""

KEYS = (
    *("data", "dq", "filename", "group_id", "wcs", "exposure_time", "start_time", "end_time"),
    *("duration", "measurement_time", "pixelarea_steradians", "level", "subtracted"),
)
"""Keys that every model must have; unknown values are None."""

ORIGIN = "origin"
"""Key of the first row and column, in the pixels of the WCS, of a model from a cutout."""

_PLANES = {row.name for row in schema.EXPOSURE if not row.name.endswith("*")}


def as_model(dataset: xr.Dataset) -> Model:
    """Return an exposure Dataset as a model, with None for everything that the Dataset lacks."""
    exposure = Exposure(dataset)
    facts = facts_of(exposure.dataset)
    scalars = {row.name: facts.get(row.name) for row in schema.EXPOSURE_ATTRS}
    scalars["subtracted"] = exposure.scalars["subtracted"]
    names = [str(name) for name in dataset.data_vars if _is_plane(str(name))]
    planes = {name: exposure.plane(name) for name in names}
    known = {"wcs": exposure.wcs and exposure.wcs.object, "bunit_data": exposure.units}
    return {"dq": None, **scalars, **planes, **known, ORIGIN: (exposure.y.start, exposure.x.start)}


def require_keys(model: Mapping[str, Any], further: Iterable[str] = ()) -> None:
    """Raise a `MissingKeyError` that names every missing key of a model.

    Parameters
    ----------
    model : mapping
        The model.
    further : iterable of str
        Keys that are required in addition to those of every model.
    """
    missing = [key for key in dict.fromkeys((*KEYS, *further)) if key not in model]
    if missing:
        raise MissingKeyError(
            f"The model {name_of(model)} lacks the keys {', '.join(map(repr, missing))}: add them, "
            "with the value None where a value is unknown"
        )


def as_exposure(model: Mapping[str, Any]) -> Exposure:
    """Return a model as an exposure that shares the arrays and the WCS object of the model.

    Arrays that are None or empty count as absent. Arrays that do not have the shape of ``data``
    are left out, with a message in the log.

    Raises
    ------
    ImageShapeError
        ``data`` is not an image.
    InvalidExposureError
        The model cannot be used; lists every fault.
    """
    planes = {name: model[name] for name in filter(_is_plane, model)}
    taken = ExposureArrays.of(planes, _units(model))
    data = np.asarray(taken.planes.get("data", ()))
    if data.ndim != 2:
        raise ImageShapeError(
            f"data of the model {name_of(model)} must be an image (y, x), got shape {data.shape}"
        )
    if taken.faults:
        raise InvalidExposureError(
            listing(f"The model {name_of(model)} cannot be used", taken.faults)
        )
    variables = {}
    for name, plane in taken.planes.items():
        array = arguments.array(name, plane)
        if array.size == 0:
            continue
        if np.shape(array) != data.shape:
            log.warning(
                "%s of the model %s has shape %s but data has %s: the array is left out",
                name, name_of(model), np.shape(array), data.shape,
            )  # fmt: skip
            continue
        variables[name] = xr.Variable(schema.PIXELS, array)
    if taken.units:
        variables["data"].attrs["units"] = taken.units
    dataset = xr.Dataset(variables, attrs=_attrs(model))
    validate(dataset, pixmap=True)
    return Exposure(dataset, WCSHandle(_wcs(model)))


def name_of(model: Mapping[str, Any]) -> str:
    """Return the name of a model in a message."""
    return str(model.get("filename") or "").strip() or "without a filename"


def group_of(model: Mapping[str, Any], number: int, groups: Container[Any]) -> Any:
    """Return the group of a model; a model without a group is a group by itself.

    Parameters
    ----------
    model : mapping
        The model.
    number : int
        Number of the model among those of the product.
    groups : container
        Groups of the models so far.
    """
    group = model["group_id"]
    if group is not None and str(group):
        return group if isinstance(group, Hashable) else str(group)
    return unused_name(str(model.get("filename") or f"exposure {number}"), groups)


def positive_or_none(value: float | None) -> float | None:
    """Return a number if it is positive and finite, else None."""
    return float(value) if isinstance(value, Real) and 0 < value < math.inf else None


def scalars(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scalars of a model, times as MJD; unknown ones have their defaults."""
    return schema.exposure_scalars(_attrs(model))


def as_number(time: Any) -> Any:
    """Return a time as MJD; a number is returned unchanged."""
    return getattr(time, "mjd", time)


def _is_plane(name: str) -> bool:
    return name in _PLANES or schema.is_variance(name)


def _units(model: Mapping[str, Any]) -> str | None:
    """Return the units of a model as text; None if they are unknown."""
    units = model.get("bunit_data")
    return None if units is None else str(units) or None


def _wcs(model: Mapping[str, Any]) -> Any:
    if (wcs := model["wcs"]) is None:
        raise InvalidExposureError(f"wcs of the model {name_of(model)} must be a WCS, got None")
    return wcs


def _attrs(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known scalars of a model as attributes of an exposure."""
    known = {row.name: as_number(model.get(row.name)) for row in schema.EXPOSURE_ATTRS}
    return {name: value for name, value in known.items() if value is not None}
