"""Helpers for the tests of tiles: a small campaign, and arrays that record every read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

import xresample as xrs
from xresample.datamodel.options import VarianceMethod

from .exposures import assert_same_bits, make_exposure, output_grid

SHAPE = (20, 24)
GRID = output_grid(SHAPE, margin=4)
"""52 x 57 pixels."""

CHUNKS = 20
"""Pixels per side of a tile; the grid has 3 x 3 tiles."""

FULL: dict[str, Any] = {"compute_err": "driz_err", "propagate_dq": True, "good_bits": 4}


@cache
def exposure_of(k: int, shape: tuple[int, int] = SHAPE) -> xr.Dataset:
    """Return exposure ``k`` of the campaign; the Dataset is shared, so tests must not change it."""
    return make_exposure(k, shape)


def campaign(n: int = 3) -> list[xr.Dataset]:
    """Return the first ``n`` exposures, each with all planes."""
    return [exposure_of(k) for k in range(n)]


@cache
def eager_mosaic(method: VarianceMethod = "resampled") -> xr.Dataset:
    """Return the eager mosaic of the campaign; tests must not change it."""
    return xrs.coadd(campaign(), GRID, variance_method=method, **FULL)


def assert_identical(got: xr.Dataset, expected: xr.Dataset) -> None:
    """Fail if a bit, a type, an attribute or a coordinate differs."""
    got = got.compute(scheduler="synchronous")
    # zarr stores text in another type than numpy.
    texts = [n for n in expected.variables if expected[n].dtype.kind == "U"]
    others = [n for n in texts if got[n].dtype.kind in "TO"]
    got = got.assign({n: got[n].astype(expected[n].dtype) for n in others})
    assert_same_bits(got, expected)
    assert list(got.data_vars) == list(expected.data_vars)
    xr.testing.assert_identical(got, expected)
    for name in expected.variables:
        assert got[name].attrs == expected[name].attrs, name


def assert_lazy_is_eager(
    exposures: list[xr.Dataset], target: Any, chunks: Any = 23, **options: Any
) -> xr.Dataset:
    """Fail if the lazy mosaic differs from the eager one; return the eager one."""
    expected = xrs.coadd(exposures, target, **options)
    assert_identical(xrs.coadd(exposures, target, chunks=chunks, **options), expected)
    return expected


@contextmanager
def nothing_computed() -> Iterator[None]:
    """Fail if dask computes anything inside the block."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("dask must not compute here")

    with dask.config.set(scheduler=refuse):
        yield


class Watched(BackendArray):
    """An array that behaves like an array in a file, and records each window that is read."""

    def __init__(self, array: np.ndarray, refuse: bool = False) -> None:
        self.array, self.refuse = array, refuse
        self.shape, self.dtype = array.shape, array.dtype
        self.read: list[tuple[int, ...]] = []
        self.pickled = 0

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._window
        )

    def _window(self, key: tuple[Any, ...]) -> np.ndarray:
        if self.refuse:
            raise AssertionError("no pixel must be read here")
        found = self.array[key]
        self.read.append(found.shape)
        return found

    def __reduce__(self) -> tuple[Callable[..., Watched], tuple[Any, ...]]:
        self.pickled += 1
        return Watched, (self.array, self.refuse)


def watched(exposure: xr.Dataset, refuse: bool = False) -> tuple[xr.Dataset, dict[str, Watched]]:
    """Return an exposure whose planes are read lazily, and the arrays that record the reads."""
    arrays = {str(n): Watched(v.values, refuse) for n, v in exposure.data_vars.items()}
    planes = {
        name: (exposure[name].dims, indexing.LazilyIndexedArray(array), exposure[name].attrs)
        for name, array in arrays.items()
    }
    return exposure.assign(planes), arrays


class Slow(Watched):
    """An array on a slow disk, or on a broken one."""

    def __init__(self, array: np.ndarray, seconds: float, broken: bool = False) -> None:
        super().__init__(array)
        self.seconds, self.broken = seconds, broken

    def _window(self, key: tuple[Any, ...]) -> np.ndarray:
        if self.broken:
            raise OSError("a pixel cannot be read")
        time.sleep(self.seconds)
        return super()._window(key)

    def __reduce__(self) -> tuple[Callable[..., Watched], tuple[Any, ...]]:
        return Slow, (self.array, self.seconds, self.broken)


def slow(seconds: float, broken: bool = False) -> list[xr.Dataset]:
    """Return the campaign; each read of a window of its data takes ``seconds``."""
    return [
        exposure.assign(
            data=(
                ("y", "x"),
                indexing.LazilyIndexedArray(Slow(exposure["data"].values, seconds, broken)),
                exposure["data"].attrs,
            )
        )
        for exposure in campaign()
    ]


def store_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of a store, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
