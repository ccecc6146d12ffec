"""Partial mosaics, lazy or eager, are merged as a tree."""

from __future__ import annotations

import functools
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.tiles import GRID, campaign

OPTIONS: dict[str, Any] = {"propagate_dq": True, "good_bits": 4, "compute_err": "driz_err"}
GROUPS = [slice(0, 2), slice(2, 3), slice(3, 5), slice(5, 6)]


def merge(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Return the merged mosaic."""
    return first.resample.merge(second)


def tree(parts: list[Any], join: Any = merge) -> Any:
    """Merge neighbours in pairs until one mosaic is left."""
    while len(parts) > 1:
        pairs = [parts[k : k + 2] for k in range(0, len(parts), 2)]
        parts = [join(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def assert_equal_up_to_rounding(got: xr.Dataset, expected: xr.Dataset, bound: float) -> None:
    """Fail if float planes differ by more than rounding, or if context or flags differ at all."""
    for name, plane in expected.data_vars.items():
        if "y" not in plane.dims or plane.dtype.kind != "f":
            xr.testing.assert_identical(got[name], plane)
            continue
        np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(plane), err_msg=str(name))
        np.testing.assert_allclose(
            got[name].fillna(0), plane.fillna(0), rtol=bound, atol=bound, err_msg=str(name)
        )


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_a_tree_of_merges_equals_one_coadd(dtype: str, bound: float, method: str) -> None:
    options = {**OPTIONS, "dtype": dtype, "variance_method": method}
    exposures = campaign(6)
    expected = xrs.coadd(exposures, GRID, **options)
    parts = [xrs.coadd(exposures[group], GRID, chunks=30, **options) for group in GROUPS]
    made = [part.compute(scheduler="synchronous") for part in parts]
    in_a_tree, in_a_row = tree(made), functools.reduce(merge, made)
    assert_equal_up_to_rounding(in_a_tree, expected, bound)
    assert_equal_up_to_rounding(in_a_row, expected, bound)
    # The order of merging does not matter: (a b) (c d), ((a b) c) d, a (b (c d)).
    from_the_right = functools.reduce(lambda later, first: merge(first, later), made[::-1])
    assert_equal_up_to_rounding(in_a_tree, in_a_row, bound)
    assert_equal_up_to_rounding(from_the_right, in_a_row, bound)
    with dask.config.set(scheduler="synchronous"):
        xr.testing.assert_identical(tree(parts), in_a_tree)


def test_a_tree_of_dask_tasks_equals_one_coadd() -> None:
    exposures = campaign(6)
    start = dask.delayed(functools.partial(xrs.coadd, output_wcs=GRID, threads=1, **OPTIONS))
    parts = [start(exposures[group]) for group in GROUPS]
    found = tree(parts, dask.delayed(merge)).compute(scheduler="threads", num_workers=2)
    assert_equal_up_to_rounding(found, xrs.coadd(exposures, GRID, **OPTIONS), 1e-5)
