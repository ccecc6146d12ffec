"""The accessor ``Dataset.resample``: its methods, their roles, and resampling in time."""

from __future__ import annotations

import gc
import inspect
import weakref

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    assert_same_attrs,
    assert_same_bits,
    make_exposures,
    output_grid,
)
from xresample.accessor import _time_resample

SHAPE = (16, 20)
GRID = output_grid(SHAPE)


def test_resampling_in_time_still_works() -> None:
    days = xr.date_range("2026-01-01", periods=6)
    series = xr.Dataset({"flux": ("time", np.arange(6.0))}, {"time": days})
    np.testing.assert_array_equal(series.resample(time="2D").mean()["flux"], [0.5, 2.5, 4.5])
    np.testing.assert_array_equal(series["flux"].resample(time="3D").sum(), [3, 12])
    bound = inspect.signature(_time_resample.__get__(series))
    assert inspect.signature(series.resample) == bound
    assert type(series.resample).__call__.__doc__ == _time_resample.__doc__


def test_add_tells_exposures_from_mosaics() -> None:
    a, b, c = make_exposures(3, SHAPE)
    expected = xrs.coadd([a, b, c], GRID)
    empty = xrs.empty_mosaic(GRID)
    for mosaic in (
        empty.resample.add(a, b, c),
        empty.resample.add(a).resample.add(b, c),
        a.resample.add(b, c, output_wcs=GRID),
        a.resample.add([b, c], output_wcs=GRID),
        a.resample.add(empty).resample.add(b).resample.add(c),
        a.resample.add(b, c, empty),
    ):
        assert_same_bits(mosaic, expected)
        assert_same_attrs(mosaic.attrs, expected.attrs)


def test_add_refuses_ambiguous_arguments() -> None:
    a, b = make_exposures(2, SHAPE)
    mosaic = a.resample.onto(GRID)
    with pytest.raises(xrs.InvalidInputError, match="output_wcs="):
        a.resample.add(b)
    with pytest.raises(xrs.InvalidInputError, match="output_wcs"):
        mosaic.resample.add(b, output_wcs=GRID)
    with pytest.raises(xrs.InvalidInputError, match="kernel"):
        mosaic.resample.add(b, kernel="turbo")
    with pytest.raises(xrs.InvalidInputError, match="Unknown options"):
        a.resample.add(b, output_wcs=GRID, kernels="turbo")


def test_an_exposure_can_start_a_mosaic_with_options() -> None:
    a, b = make_exposures(2, SHAPE)
    mosaic = a.resample.add(b, output_wcs=GRID, kernel="turbo", pixfrac=0.5)
    assert_same_bits(mosaic, xrs.coadd([a, b], GRID, kernel="turbo", pixfrac=0.5))


def test_public_names_are_documented() -> None:
    for name in xrs.__all__:
        assert getattr(xrs, name).__doc__
        assert name in dir(xrs)
    with pytest.raises(AttributeError, match="nothing"):
        _ = xrs.nothing


def test_the_method_of_xarray_is_called_through_the_class() -> None:
    """``xr.Dataset.resample(dataset, time=...)`` and ``pipe`` still resample in time."""
    days = xr.date_range("2026-01-01", periods=4)
    series = xr.Dataset({"flux": ("time", np.arange(4.0))}, {"time": days})
    expected = series.resample(time="2D").mean()
    xr.testing.assert_identical(xr.Dataset.resample(series, time="2D").mean(), expected)
    xr.testing.assert_identical(series.pipe(xr.Dataset.resample, time="2D").mean(), expected)
    xr.testing.assert_identical(xr.Dataset.resample(series, {"time": "2D"}).mean(), expected)


def test_a_dataset_is_freed_as_soon_as_nobody_uses_it() -> None:
    """A cycle through the accessor would keep mosaics in memory until garbage is collected."""
    exposures = make_exposures(2)
    gc.collect()
    gc.disable()
    try:
        mosaic = xrs.coadd(exposures[:1], output_grid((16, 20)))
        used = mosaic.resample.add(exposures[1])
        used.resample.footprint()
        assert repr(used.resample)
        assert used.resample.is_mosaic
        freed = [weakref.ref(mosaic), weakref.ref(used), weakref.ref(used["data"].values.base)]
        del mosaic, used
        assert [reference() for reference in freed] == [None] * 3
    finally:
        gc.enable()
