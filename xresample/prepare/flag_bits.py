"""The bits of ``dq`` that mark outliers, and flags that are changed when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from xresample.datamodel import dq_flags, schema
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.pixels import with_ancillary
from xresample.errors import InvalidInputError
from xresample.io.lazy_arrays import PlaneArray

OUTLIER = "OUTLIER"

NAMES = (OUTLIER, "CRDRIZ")
"""Flags of the missions that mark outliers."""

UNUSABLE = "DO_NOT_USE"
"""Flag of the missions for pixels that no later step may use."""

FREE_BITS = (*range(12, 32), *range(11, -1, -1))
"""Bits for a new flag in the order of preference; AstroDrizzle uses bit 12 (4096)."""


@dataclass(frozen=True)
class FlagBits:
    """The bits that mark the outliers of an exposure."""

    value: int
    attrs: dict[str, Any]
    """Attributes of ``dq``, which describe the bits."""

    @classmethod
    def of(cls, exposure: Exposure, flag: str | int | None) -> FlagBits:
        """Return the bits for an exposure.

        Parameters
        ----------
        exposure : Exposure
            The exposure.
        flag : str, int or None
            Name or value of the flag. None: the flag of the mission, or a new flag ``OUTLIER``.

        Raises
        ------
        InvalidInputError
            The exposure has no flag of this name, or the value is not one bit.
        """
        attrs = dict(exposure.dq_attrs)
        names = dq_flags.flag_map_from_cf(attrs) or {}
        if isinstance(flag, str):
            if flag not in names:
                known = ", ".join(names) or "none, because the flags have no names"
                raise InvalidInputError(
                    f"flag must name a flag of the exposure, got {flag!r}; known flags: {known}"
                )
            bit = names[flag]
        elif flag is not None:
            bit = int(flag)
            if bit not in {1 << k for k in range(32)}:
                raise InvalidInputError(f"flag must be a power of 2 below 2**32, got {flag!r}")
        else:
            own = [names[name] for name in NAMES if name in names]
            bit = own[0] if own else free_bit(names)
            if not own:
                names = {**names, OUTLIER: bit}
                attrs |= dq_flags.flag_map_to_cf(names)
        if "dq" not in exposure.dataset:
            attrs |= schema.variable_attrs("dq", schema.require_row(schema.EXPOSURE, "dq"), None)
        return cls(bit | names.get(UNUSABLE, 0), attrs)


def free_bit(names: dict[str, int]) -> int:
    """Return the first bit without a name."""
    used = 0
    for value in names.values():
        used |= value
    for k in FREE_BITS:
        if not used & (1 << k):
            return 1 << k
    raise InvalidInputError("All 32 bits of dq have names: pass flag= to choose one of them")


def with_flags(exposure: Exposure, bits: FlagBits, mask: np.ndarray) -> xr.Dataset:
    """Return an exposure whose outliers are flagged; lazy if its flags or data are lazy.

    Parameters
    ----------
    exposure : Exposure
        The exposure, which does not change.
    bits : FlagBits
        The bits to set.
    mask : ndarray
        The outliers, bool ``(y, x)``.
    """
    dataset = exposure.given
    source = dataset["dq"].variable.transpose(*schema.PIXELS) if "dq" in dataset else None
    if source is None or isinstance(source._data, np.ndarray):
        flags: Any = np.where(mask, np.uint32(bits.value), np.uint32(0))
        if source is not None:
            flags |= dq_flags.as_uint32(source.values)
    else:
        flags = LazilyIndexedArray(
            PlaneArray(FlaggedPlane(source, bits.value, np.packbits(mask, axis=1)))
        )
    encoding = {} if source is None else _kept(source.encoding)
    flagged = dataset.assign(dq=xr.Variable(schema.PIXELS, flags, bits.attrs, encoding))
    return with_ancillary(flagged)


def _kept(encoding: dict[Any, Any]) -> dict[Any, Any]:
    """Return the encoding that still fits: the place of the source, but not the type."""
    return {name: encoding[name] for name in ("source",) if name in encoding}


@dataclass(frozen=True)
class FlaggedPlane:
    """Flags that are read on demand, with the bits of outliers, which take one bit per pixel."""

    source: xr.Variable
    value: int
    packed: np.ndarray
    """The outliers, packed along x."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, ``(y, x)``."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the flags."""
        return np.dtype(np.uint32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part."""
        outliers = np.unpackbits(self.packed[rows], axis=1, count=self.shape[1])[:, columns]
        flags = dq_flags.as_uint32(self.source[rows, columns].values)
        return flags | outliers * np.uint32(self.value)
