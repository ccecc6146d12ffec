"""An exposure in a file before its pixels are read, and the Dataset made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from xresample.datamodel import schema
from xresample.datamodel.coordinates import coordinate_attrs, wcs_variable
from xresample.datamodel.dq_flags import flag_map_to_cf
from xresample.datamodel.facts import identity_of_file, with_identity
from xresample.errors import FileError, listing

from .extensions import DATA
from .lazy_arrays import LazyPlane, PlaneArray, TextArray
from .source_file import SourceFile

Group = str | int
"""Value of the option ``group=``, which selects one exposure of a file."""

MAX_SIDE = 1 << 24
"""Maximum number of pixels along a side of an image; the coordinates of each side take memory."""

CHUNK = 1 << 24
"""Number of bytes of a plane that dask should read at once, 16 MiB: each chunk opens the file."""

_BYTES = 4
"""Number of bytes of a pixel in memory."""

Role = Literal["err", "variance", "weight", "dq", "weight_map"]
"""Meaning of a plane beside the image; ``"weight"`` is an inverse variance, ``"weight_map"`` holds
weights of any kind."""


@dataclass(frozen=True)
class ReadOptions:
    """The options of `xarray.open_dataset` for this engine."""

    group: Group | None = None
    err: str | None = None
    variance: str | None = None
    weight: str | None = None
    dq: str | None = None
    weight_map: str | None = None
    var_sky: bool = False

    @property
    def companions(self) -> dict[Role, str]:
        """Extension or file of each plane that the user named, by the role of the plane."""
        roles: tuple[Role, ...] = get_args(Role)
        return {role: str(where) for role in roles if (where := getattr(self, role)) is not None}


@dataclass
class Contents:
    """The planes, WCS and attributes of one exposure in a file."""

    name: str
    """Name of the file, with the group if the file holds several exposures."""
    planes: dict[str, LazyPlane]
    wcs: Callable[[], str] | None
    """Returns the WCS as text; None if the file has no WCS."""
    attrs: dict[str, Any] = field(default_factory=dict)
    """Attributes of the exposure; None means that the file does not give the value."""
    units: str | None = None
    flags: Mapping[str, int] | None = None
    """Value of each data quality flag by its name."""
    compressed: bool = False
    """Whether reading a part of a plane costs as much as reading the whole plane."""
    tile_rows: int = 1
    """Number of rows that are stored, and therefore read, together."""

    def dataset(self, source: SourceFile, drop: Iterable[str] = ()) -> xr.Dataset:
        """Return the exposure as a lazy Dataset.

        Parameters
        ----------
        source : SourceFile
            The file, which determines the identity of the exposure.
        drop : iterable of str, optional
            Variables to leave out.

        Raises
        ------
        FileError
            The planes do not form an exposure; lists every fault.
        """
        self._check()
        dropped = set(drop)
        whole = dict(zip(schema.PIXELS, self.planes[DATA].shape, strict=True))
        chunks = whole if self.compressed else self._chunks(*whole.values())
        variables = {
            name: xr.Variable(
                schema.PIXELS,
                LazilyIndexedArray(PlaneArray(plane)),
                self._attrs_of(name, self.planes.keys() - dropped),
                {"preferred_chunks": chunks} if chunks else None,
            )
            for name, plane in self.planes.items()
            if name not in dropped
        }
        coords: dict[str, Any] = {
            name: (name, np.arange(size), coordinate_attrs(name)) for name, size in whole.items()
        }
        if self.wcs is not None and schema.WCS not in dropped:
            text = LazilyIndexedArray(TextArray(self.wcs))
            coords[schema.WCS] = xr.Variable(*wcs_variable(text))
        attrs = {"filename": self.name or None, **self.attrs}
        found = xr.Dataset(variables, coords, {k: v for k, v in attrs.items() if v is not None})
        identity = identity_of_file(self.name, source.key, source.size, source.modified)
        return with_identity(found, identity).drop_vars(dropped, errors="ignore")

    def _chunks(self, height: int, width: int) -> dict[str, int]:
        """Return the chunks that dask should read by default; empty for a single chunk.

        xarray warns about chunks that divide these chunks. Therefore columns, which cost the same
        in any chunk, have no entry, and the number of rows is a power of 2 unless tiles need more.
        """
        rows = max(CHUNK // (width * _BYTES), 1)
        rows = -(-(1 << (rows.bit_length() - 1)) // self.tile_rows) * self.tile_rows
        return {"y": rows} if rows < height else {}

    def _check(self) -> None:
        shape = self.planes[DATA].shape
        faults = []
        if len(shape) != 2 or 0 in shape:
            faults.append(f"the image must have shape (y, x) and at least one pixel, got {shape}")
        if max(shape, default=0) > MAX_SIDE:
            faults.append(f"the image must have sides of at most {MAX_SIDE} pixels, got {shape}")
        faults += [
            f"{name} must have the shape of the image, {shape}, got {plane.shape}"
            for name, plane in self.planes.items()
            if plane.shape != shape
        ]
        if faults:
            raise FileError(listing(f"{self.name} holds no valid exposure", faults))

    def _attrs_of(self, name: str, beside: Iterable[str]) -> dict[str, Any]:
        row = schema.row_of(schema.EXPOSURE, name)
        if row is None:
            return {"long_name": name}
        attrs = schema.variable_attrs(name, row, self.units, beside=beside)
        if row.dtype == "iu" and self.flags:
            attrs |= flag_map_to_cf(self.flags)
        return attrs
