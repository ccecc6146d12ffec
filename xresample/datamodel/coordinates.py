"""The coordinates of exposures and mosaics, declared once, as data, like their variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .schema import FLAG, PIXELS, TEXT_ENCODING, WCS


@dataclass(frozen=True)
class Coordinate:
    """A coordinate of exposures and mosaics."""

    name: str
    dims: tuple[str, ...]
    long_name: str
    units: str | None = None


COORDINATES = (
    Coordinate("y", ("y",), "pixel row", "pixel"),
    Coordinate("x", ("x",), "pixel column", "pixel"),
    Coordinate(WCS, (), "world coordinate system, as ASDF text"),
    Coordinate("ra", PIXELS, "right ascension", "degree"),
    Coordinate("dec", PIXELS, "declination", "degree"),
)
"""Coordinates; ``ra`` and ``dec`` exist on request."""

BLOCK_COORDINATES = (
    Coordinate("lag_y", ("lag_y",), "distance along y", "pixel"),
    Coordinate("lag_x", ("lag_x",), "distance along x", "pixel"),
    Coordinate("block_y", ("block_y",), "first pixel row of the block", "pixel"),
    Coordinate("block_x", ("block_x",), "first pixel column of the block", "pixel"),
    Coordinate("block_y_stop", ("block_y",), "pixel row after the block", "pixel"),
    Coordinate("block_x_stop", ("block_x",), "pixel column after the block", "pixel"),
)
"""Coordinates of ``noise_covariance``."""

TILE_COORDINATES = (
    Coordinate("con_tile_y", ("con_tile_y",), "first pixel row of the tile", "pixel"),
    Coordinate("con_tile_x", ("con_tile_x",), "first pixel column of the tile", "pixel"),
    Coordinate("con_tile_y_stop", ("con_tile_y",), "pixel row after the tile", "pixel"),
    Coordinate("con_tile_x_stop", ("con_tile_x",), "pixel column after the tile", "pixel"),
)
"""Coordinates of ``con_sets``."""


def coordinate_attrs(name: str) -> dict[str, str]:
    """Return the attributes of a coordinate.

    Examples
    --------
    >>> coordinate_attrs("x")
    {'long_name': 'pixel column', 'units': 'pixel'}
    """
    rows = (*COORDINATES, *BLOCK_COORDINATES, *TILE_COORDINATES)
    row = next(row for row in rows if row.name == name)
    attrs = {"long_name": row.long_name, "units": row.units}
    return {key: value for key, value in attrs.items() if value is not None}


def wcs_variable(text: Any) -> tuple[tuple[()], Any, dict[str, Any], dict[str, Any]]:
    """Return the coordinate that holds a WCS as ASDF text, as the tuple that xarray expects."""
    return (), text, coordinate_attrs(WCS), TEXT_ENCODING


def flag_names(flags: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the coordinate that names flags, as the tuple that xarray expects."""
    attrs = {"long_name": "name of the flag"}
    return (FLAG,), np.array(flags, dtype=str), attrs, TEXT_ENCODING
