"""The files and stores that exposures are read from, so that no run overwrites its own input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from xresample.datamodel.facts import name_of
from xresample.errors import InvalidInputError


def require_other_store(folder: Path | None, store: Any, exposures: list[xr.Dataset]) -> None:
    """Raise an `InvalidInputError` if overwriting a store would delete the input of a run.

    Parameters
    ----------
    folder : Path or None
        The folder of the store; None for a store that is not on a local file system.
    store : str, path or zarr store
        The store.
    exposures : list of Dataset
        The exposures of the run.
    """
    for number, exposure in enumerate(exposures):
        for source in _sources(exposure):
            inside = folder is not None and source.path is not None and _holds(folder, source.path)
            same = source.store is not None and source.store == store
            if inside or same or source.is_at_url(store):
                name = name_of(exposure) or number
                raise InvalidInputError(
                    f"overwrite=True would delete {folder or store}, which contains "
                    f"{source.path or source.url or source.store}, the source of the exposure "
                    f"{name}: write to another store"
                )


class _Source:
    """A file or a zarr store that a variable is read from."""

    def __init__(self, path: Any = None, store: Any = None) -> None:
        self.store = store
        root = getattr(store, "root", None) if path is None else path
        text = str(root) if isinstance(root, str | Path) else None
        local = text is not None and "://" not in text.removeprefix("file://")
        self.path = Path(text.removeprefix("file://")) if text is not None and local else None
        self.url = None if text is None or local else text.rstrip("/")

    def is_at_url(self, store: Any) -> bool:
        """Tell whether the source lies at the URL of a store, or below the URL."""
        if self.url is None or not isinstance(store, str):
            return False
        return f"{self.url}/".startswith(f"{store.rstrip('/')}/")


def _holds(folder: Path, path: Path) -> bool:
    """Tell whether a path lies in a folder, or is the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _sources(dataset: xr.Dataset) -> Iterator[_Source]:
    """Yield the files and stores that a Dataset is read from, as far as they can be found."""
    # Operations keep the encoding of some variables only, so all places are searched.
    encodings = [dataset.encoding, *(v.encoding for v in dataset.variables.values())]
    for encoding in encodings:
        if (path := encoding.get("source")) is not None:
            yield _Source(path)
    for variable in dataset.variables.values():
        for array in _backends(variable):
            if (store := getattr(array, "store", None)) is not None:
                yield _Source(store=store)


def _backends(variable: xr.Variable) -> Iterator[Any]:
    """Yield the arrays of files behind a variable that has not been read."""
    array: Any = variable._data
    if variable.chunks is None:
        yield from _unwrapped(array)
        return
    for layer in array.dask.layers.values():
        for key, value in getattr(layer, "mapping", {}).items():
            # dask stores the array that it divides into chunks under a key "original-...".
            if str(key).startswith("original-"):
                yield from _unwrapped(getattr(value, "value", value))


def _unwrapped(array: Any) -> Iterator[Any]:
    """Yield an array and the arrays inside of the wrappers of xarray."""
    while array is not None:
        yield array
        inner = getattr(array, "array", None)
        array = getattr(array, "_array", None) if inner is None else inner
