"""What a reader finds in a file, and the Dataset that it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from xresample.datamodel import schema
from xresample.errors import FileError

from .lazy_arrays import Plane, PlaneArray, TextArray

Group = str | int


@dataclass(frozen=True)
class Request:
    """What the user asks of a file."""

    group: Group | None = None
    err: str | None = None
    variance: str | None = None
    weight: str | None = None
    dq: str | None = None
    var_sky: bool = False

    @property
    def companions(self) -> dict[str, str]:
        """The planes that the user says where to find."""
        names = ("err", "variance", "weight", "dq")
        return {name: str(found) for name in names if (found := getattr(self, name)) is not None}


@dataclass
class Contents:
    """An exposure in a file, unread."""

    name: str
    """The file, and which exposure of it where it has several: for messages and provenance."""
    planes: dict[str, Plane]
    wcs: Callable[[], str] | None
    """Makes the text of the WCS."""
    attrs: dict[str, Any] = field(default_factory=dict)
    units: str | None = None
    flags: Mapping[str, int] | None = None
    packed: bool = False
    """Whether a part of a plane costs as much as all of it."""

    def dataset(self, drop: Iterable[str] = ()) -> xr.Dataset:
        """Return the exposure as a Dataset, without the variables named in ``drop``.

        Raises
        ------
        FileError
            The planes make no exposure; lists what is wrong.
        """
        self._check()
        dropped = set(drop)
        whole = dict(zip(schema.PIXELS, self.planes["data"].shape, strict=True))
        variables = {
            name: xr.Variable(
                schema.PIXELS,
                LazilyIndexedArray(PlaneArray(plane)),
                self._attrs_of(name),
                {"preferred_chunks": whole} if self.packed else None,
            )
            for name, plane in self.planes.items()
            if name not in dropped
        }
        coords: dict[str, Any] = {
            name: (name, np.arange(size), schema.coordinate_attrs(name))
            for name, size in whole.items()
        }
        if self.wcs is not None and schema.WCS not in dropped:
            text = LazilyIndexedArray(TextArray(self.wcs))
            coords[schema.WCS] = xr.Variable(*schema.wcs_variable(text))
        given = {"filename": self.name, **self.attrs}
        return xr.Dataset(variables, coords, {k: v for k, v in given.items() if v is not None})

    def _check(self) -> None:
        shape = self.planes["data"].shape
        faults = []
        if len(shape) != 2 or 0 in shape:
            faults.append(f"the image has shape {shape}: needed are two sides (y, x)")
        faults += [
            f"{name} has shape {plane.shape}: needed is that of the image, {shape}"
            for name, plane in self.planes.items()
            if plane.shape != shape
        ]
        if faults:
            raise FileError(f"{self.name} holds no exposure:\n- " + "\n- ".join(faults))

    def _attrs_of(self, name: str) -> dict[str, Any]:
        row = schema.row_of(schema.EXPOSURE, name)
        if row is None:
            return {"long_name": name}
        attrs = schema.variable_attrs(name, row, self.units)
        if name == "dq" and self.flags:
            attrs["flag_masks"] = np.array(list(self.flags.values()), np.uint32)
            attrs["flag_meanings"] = " ".join(self.flags)
        return attrs
