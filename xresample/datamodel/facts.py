"""The facts of an exposure, such as its sky level and times, and the exposure they belong to.

Facts are attributes, or coordinates, which win. xarray keeps the attributes of the first Dataset
when it joins several. Therefore an exposure has an identity, as attribute and as coordinate: where
the two differ, the attributes belong to another exposure.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

import numpy as np
import xarray as xr

from xresample.errors import InvalidExposureError

from . import schema

_MADE_HERE = re.compile(r"#~?[0-9a-f]{12}$")
"""End of an identity that this package made, which other coordinates do not have."""

_RANDOM = "#~"
"""Mark before random digits; the digits of an exposure in a file follow from the file."""


def new_identity(name: Any = None) -> str:
    """Return an identity that no other exposure has."""
    return f"{name or 'exposure'}{_RANDOM}{os.urandom(6).hex()}"


def identity_of_file(name: str, path: str, *state: Any) -> str:
    """Return the identity of an exposure in a file, which is the same as long as the file is.

    Parameters
    ----------
    name : str
        Name of the exposure.
    path : str
        The absolute path of the file, or other text that tells the file from all others.
    *state
        Values that change with the file.
    """
    digest = hashlib.sha256(repr((name, path, *state)).encode()).hexdigest()
    return f"{name}#{digest[:12]}"


def identity_variable(identity: Any, dims: tuple[str, ...] = ()) -> xr.Variable:
    """Return the coordinate that holds one identity, or several along a dimension."""
    attrs = {"long_name": "identity of the exposure"}
    return xr.Variable(dims, np.array(identity, dtype=str), attrs, schema.TEXT_ENCODING)


def with_identity(dataset: xr.Dataset, identity: str) -> xr.Dataset:
    """Return an exposure with an identity, as attribute and as coordinate."""
    named = dataset.assign_coords({schema.IDENTITY: identity_variable(identity)})
    return named.assign_attrs({schema.IDENTITY: identity})


def identity_of(dataset: xr.Dataset) -> str | None:
    """Return the identity that belongs to the pixels of an exposure; None if it has no identity."""
    value = _scalar(dataset, schema.IDENTITY)
    return None if value is None else str(value)


def identity_of_source(dataset: xr.Dataset) -> str:
    """Return the identity of an exposure in a file; empty if it was made from arrays."""
    identity = identity_of(dataset) or str(dataset.attrs.get(schema.IDENTITY, ""))
    return identity if _MADE_HERE.search(identity) and _RANDOM not in identity else ""


def value_of(dataset: xr.Dataset, name: str, default: Any) -> Any:
    """Return the value of a 0-d coordinate, or else of an attribute, or else a default."""
    value = _scalar(dataset, name)
    return dataset.attrs.get(name, default) if value is None else value


def name_of(dataset: xr.Dataset) -> str:
    """Return the file name of an exposure for messages; empty if it is unknown."""
    name = _scalar(dataset, "filename")
    if name is not None:
        return str(name)
    identity, stated = identity_of(dataset), dataset.attrs.get(schema.IDENTITY)
    if identity is not None and stated is not None and identity != str(stated):
        return _MADE_HERE.sub("", identity)
    return str(dataset.attrs.get("filename") or "")


def facts_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the known facts of an exposure, as they are written.

    Raises
    ------
    InvalidExposureError
        The attributes belong to another exposure.
    """
    if fault := identity_fault(dataset):
        raise InvalidExposureError(f"{name_of(dataset) or 'The exposure'} cannot be used: {fault}")
    names = [row.name for row in schema.EXPOSURE_ATTRS]
    found = {name: dataset.attrs[name] for name in names if name in dataset.attrs}
    return found | _coordinates(dataset)


def identity_fault(dataset: xr.Dataset) -> str | None:
    """Return why the attributes are not those of the exposure; None if they can be used."""
    if schema.IDENTITY not in dataset.coords or schema.IDENTITY in dataset.dims:
        return None
    advice = (
        "join exposures with xresample.concat, which keeps the facts of each exposure, or set the "
        "attributes of this exposure with .assign_attrs(...). If the attributes are right, drop "
        "the coordinate with .drop_vars('exposure')"
    )
    identity, stated = identity_of(dataset), dataset.attrs.get(schema.IDENTITY)
    if identity is None:
        return f"its rows or columns belong to several exposures: {advice}"
    if stated is None:
        if not _MADE_HERE.search(identity) or _coordinates(dataset):
            return None
        return f"the attributes of the exposure {identity!r} have been dropped: {advice}"
    if str(stated) == identity:
        return None
    return (
        f"its attributes belong to the exposure {str(stated)!r}, but its pixels to {identity!r}. "
        f"xarray keeps only the attributes of the first of several exposures: {advice}"
    )


def _coordinates(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the facts that are 0-d coordinates."""
    found = {row.name: _scalar(dataset, row.name) for row in schema.EXPOSURE_ATTRS}
    return {name: value for name, value in found.items() if value is not None}


def _scalar(dataset: xr.Dataset, name: str) -> Any:
    """Return the value of a 0-d coordinate; None if the coordinate is missing."""
    if name not in dataset.coords or (variable := dataset.variables[name]).ndim:
        return None
    value = variable.values[()]
    if isinstance(value, np.datetime64) and name in schema.TEXT:
        return None if np.isnat(value) else str(np.datetime_as_string(value, unit="ms"))
    return value
