"""The product of the stcal-compatible class: a dict with the arrays of the mosaic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import provenance, schema

from .input_model import as_number


class OutputModel(MutableMapping[str, Any]):
    """The product as a dict: computed entries are always current, assigned entries stay.

    Arrays are numpy arrays, or None before the first exposure. An entry is computed only when it
    is read. `dataset` is the same product as a mosaic.

    Parameters
    ----------
    entries : mapping
        The entries that are not computed.
    live : mapping of str to callable
        Functions that compute the other entries; keys that are not among the entries are ignored.
    mosaic : callable
        Function that returns the product as a mosaic.
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
        """Return the product as a plain dict, with all entries computed."""
        return dict(self)

    def release(self, *keys: str) -> None:
        """Stop computing entries: they have their initial values until others are assigned."""
        for key in keys:
            self._live.pop(key, None)

    def settle(self) -> None:
        """Keep the computed entries from now on, because the product is final."""
        self._settled = True

    @property
    def dataset(self) -> xr.Dataset:
        """The product as a mosaic, with the arrays and totals that were assigned to it."""
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
