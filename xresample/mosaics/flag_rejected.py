"""Flags of a mosaic from the share of rejected pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.job import FLAG_VALUES
from xresample.arguments import known_names, mapping, number
from xresample.datamodel import schema
from xresample.datamodel.dq_flags import flag_map_to_cf
from xresample.datamodel.mosaic import require_mosaic
from xresample.datamodel.options import Options
from xresample.datamodel.pixels import with_ancillary
from xresample.errors import InvalidInputError


def flag_rejected(
    mosaic: xr.Dataset, thresholds: Mapping[str, float], empty: str | None
) -> xr.Dataset:
    """Return a mosaic with flags where much of the area of its pixels was rejected."""
    require_mosaic(mosaic, "rejected")
    options = Options.from_attrs(mosaic.attrs)
    held = list(options.rejected)
    if schema.FLAG in mosaic.coords:
        held = [str(name) for name in np.atleast_1d(mosaic[schema.FLAG].values)]
    known_names("flags", mapping("thresholds", thresholds), held)
    shares = {name: _share(name, value) for name, value in thresholds.items()}
    values = _values(mosaic, options)
    if empty is not None and empty not in values:
        raise InvalidInputError(
            f"empty must be a known flag or None, got {empty!r}; known flags: {', '.join(values)}"
        )
    dims = schema.PIXELS
    covered = mosaic["covered"].transpose(*dims)
    rejected = mosaic["rejected"].transpose("flag", *dims)
    flags = xr.zeros_like(covered, dtype=np.uint32)
    if "dq" in mosaic:
        flags = mosaic["dq"].transpose(*dims).astype(np.uint32)
    for name, share in shares.items():
        # The product avoids a division by the area, which is 0 where no exposure lies.
        beyond = rejected.isel(flag=held.index(name)) > share * covered
        flags = flags | xr.where(beyond, np.uint32(values[name]), np.uint32(0))
    if empty is not None:
        none = mosaic["wht"].transpose(*dims) == 0
        flags = flags | xr.where(none, np.uint32(values[empty]), np.uint32(0))
    row = schema.require_row(schema.MOSAIC, "dq")
    attrs = schema.variable_attrs("dq", row, None)
    attrs |= flag_map_to_cf(values)
    flags = flags.astype(np.uint32).drop_vars("flag", errors="ignore")
    return with_ancillary(mosaic.assign(dq=xr.Variable(dims, flags.variable.data, attrs)))


def _share(name: str, value: Any) -> float:
    """Return a threshold between 0 and 1."""
    share = number(f"The threshold of {name}", value)
    if not 0 <= share <= 1:
        raise InvalidInputError(f"The threshold of {name} must be within 0 to 1, got {value!r}")
    return share


def _values(mosaic: xr.Dataset, options: Options) -> dict[str, int]:
    """Return the value of each flag by its name."""
    if options.flag_map is not None:
        return dict(options.flag_map)
    try:
        found = json.loads(str(mosaic.attrs.get(FLAG_VALUES, "{}")))
        return {str(name): int(value) for name, value in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"The attribute {FLAG_VALUES} must hold the flags as JSON, got "
            f"{mosaic.attrs[FLAG_VALUES]!r}"
        ) from error
