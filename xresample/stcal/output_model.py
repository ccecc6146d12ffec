"""The product of the documented class: a dict whose arrays are those of the mosaic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import provenance, schema

from .input_model import as_number


class OutputModel(MutableMapping[str, Any]):
    """The product as a dict: what is read is current, what is assigned stays.

    Arrays are plain numpy arrays, None before the first exposure; nothing is computed that
    nobody reads. `dataset` is the same product as a mosaic.

    Parameters
    ----------
    entries : mapping
        The values that are not computed.
    live : mapping of str to callable
        How to compute the others; a key that is not among the entries is left out.
    mosaic : callable
        Returns the product as a mosaic.
    """

    def __init__(
        self,
        entries: Mapping[str, Any],
        live: Mapping[str, Callable[[], Any]],
        mosaic: Callable[[], xr.Dataset],
    ) -> None:
        self._entries = dict(entries)
        self._live = {key: value for key, value in live.items() if key in self._entries}
        self._mosaic = mosaic
        self._settled = False

    def __getitem__(self, key: str) -> Any:
        if key not in self._live:
            return self._entries[key]
        value = self._live[key]()
        if self._settled:
            self[key] = value
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._entries[key] = value
        self._live.pop(key, None)

    def __delitem__(self, key: str) -> None:
        del self._entries[key]
        self._live.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self._entries)}>"

    def copy(self) -> dict[str, Any]:
        """Return the product as a plain dict, with everything computed."""
        return dict(self)

    def release(self, *keys: str) -> None:
        """Compute keys no longer: they are what they began with, until something is assigned."""
        for key in keys:
            self._live.pop(key, None)

    def settle(self) -> None:
        """Keep what is computed from now on: the product changes no more."""
        self._settled = True

    @property
    def dataset(self) -> xr.Dataset:
        """The product as a mosaic, with what has been assigned to its arrays and totals."""
        mosaic = self._mosaic().copy(deep=not self._settled)
        for name in map(str, mosaic.data_vars):
            row = schema.row_of(schema.MOSAIC, name)
            if row is not None and self.get(name) is not None:
                dtype = mosaic[name].dtype
                array = np.asarray(self[name]).astype(dtype, copy=False)
                mosaic[name] = mosaic[name].copy(data=array)
        for name in provenance.TOTALS:
            if name not in self:
                continue
            mosaic.attrs.pop(name, None)
            if (value := self[name]) is not None:
                mosaic.attrs[name] = as_number(value)
        return mosaic
