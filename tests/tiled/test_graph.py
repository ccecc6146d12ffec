"""A lazy mosaic has the same bits as an eager one, for any chunks and options."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support import files
from tests.support.exposures import FLAGS, make_arrays, make_exposure
from tests.support.tiles import (
    FULL,
    GRID,
    SHAPE,
    assert_identical,
    assert_lazy_is_eager,
    campaign,
    eager_mosaic,
    exposure_of,
)
from xresample.datamodel.options import KERNELS

NY, NX = GRID.array_shape


@st.composite
def sizes(draw: st.DrawFn, length: int) -> tuple[int, ...]:
    """Draw the sizes of consecutive chunks, some of them one pixel."""
    edges = draw(st.sets(st.integers(1, length - 1), max_size=4))
    if draw(st.booleans()):
        edges |= {edge + 1 for edge in edges if edge + 1 < length}
    return tuple(int(n) for n in np.diff([0, *sorted(edges), length]))


one_side = st.integers(7, NX + 5) | st.just(-1)
any_chunks = (
    one_side
    | st.tuples(one_side, one_side)
    | st.tuples(sizes(NY), sizes(NX))
    | st.builds(lambda n: {"y": n}, one_side)
    | st.builds(lambda y, x: {"y": y, "x": x}, sizes(NY), one_side)
)


@given(any_chunks, st.sampled_from(["resampled", "propagated"]))
@settings(max_examples=12)
def test_any_chunks(chunks: Any, method: str) -> None:
    lazy = xrs.coadd(campaign(), GRID, chunks=chunks, variance_method=method, **FULL)
    assert_identical(lazy, eager_mosaic(method))


def test_tiles_of_one_pixel() -> None:
    small = xrs.empty_mosaic(GRID).isel(y=slice(20, 25), x=slice(18, 22))
    assert_lazy_is_eager(campaign(2), small, 1, **FULL)


def test_auto_chunks_follow_the_chunk_size_of_dask() -> None:
    """All planes of a tile together are as large as one dask chunk."""
    with dask.config.set({"array.chunk-size": "64 kiB"}):
        lazy = xrs.coadd(campaign(), GRID, chunks="auto", **FULL)
    pixel = sum(v.dtype.itemsize * v[..., 0, 0].size for v in lazy.values() if "y" in v.dims)
    tile = np.prod([max(sides) for sides in lazy["data"].chunks])
    assert 64 * 1024 / 3 < tile * pixel <= 64 * 1024
    assert_identical(lazy, eager_mosaic())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_kernels_and_variances(kernel: str, method: str) -> None:
    assert_lazy_is_eager(campaign(), GRID, (23, 30), kernel=kernel, variance_method=method,
                         pixfrac=0.8, **FULL)  # fmt: skip


OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "float64": {"dtype": "float64", "compute_err": "from_var"},
    "error from one variance": {"compute_err": "from_var", "error_from_variances": ["var_flat"]},
    "no error": {"compute_err": None, "fillval": "nan"},
    "fillval -1": {"compute_err": "driz_err", "fillval": -1},
    "fillval INDEF": {"fillval": "INDEF", "weight_type": None, "good_bits": None},
    "data alone": {"enable_var": False, "enable_ctx": False},
    "exptime": {"weight_type": "exptime", "good_bits": "JUMP_DET,DROPOUT", "flag_map": FLAGS},
    "ivm-sky": {"weight_type": "ivm-sky", "variance_names": ["var_flat"]},
    "scale ratio": {"pixel_scale_ratio": 0.7, "pixfrac": 0.01},
    "point kernel": {"pixfrac": 0.0, "kernel": "point"},
    "exact pixmap": {"pixmap_stepsize": 1},
    "coarse pixmap": {"pixmap_stepsize": 6, "pixmap_order": 3},
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(case: str) -> None:
    assert_lazy_is_eager(campaign(), GRID, 19, **OPTIONS[case])


def test_all_schedulers_give_the_same_bits(pool: ProcessPoolExecutor) -> None:
    lazy = xrs.coadd(campaign(), GRID, chunks=30, **FULL)
    assert_identical(lazy.compute(scheduler="synchronous"), eager_mosaic())
    assert_identical(lazy.compute(scheduler="threads", num_workers=4), eager_mosaic())
    assert_identical(lazy.compute(scheduler="processes", pool=pool), eager_mosaic())


def test_threads_inside_a_tile_give_the_same_bits() -> None:
    lazy = xrs.coadd(campaign(), GRID, chunks=30, threads=3, **FULL)
    computed = lazy.compute(scheduler="threads", num_workers=3)
    assert_identical(computed, eager_mosaic())


def test_rechunked_sliced_and_pickled_mosaics() -> None:
    expected = eager_mosaic()
    lazy = xrs.coadd(campaign(), GRID, chunks=23, **FULL)
    assert_identical(lazy.chunk(y=31, x=9), expected)
    cut = {"y": slice(7, 40), "x": slice(11, 12)}
    assert_identical(lazy.isel(cut), expected.isel(cut))
    assert_identical(pickle.loads(pickle.dumps(lazy)), expected)  # noqa: S301 - bytes of this test
    np.testing.assert_array_equal(lazy["con"].sum().compute(), expected["con"].sum())


@pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")
def test_more_than_one_plane_of_context() -> None:
    many = [exposure_of(k % 4, (6, 7)) for k in range(34)]
    expected = assert_lazy_is_eager(many, GRID, 30, **FULL)
    assert expected.sizes["plane"] == 2
    assert bool(expected["con"][1].any())


def test_a_lazy_mosaic_of_no_exposures() -> None:
    with pytest.warns(xrs.NoExposureWarning):
        assert_lazy_is_eager([], GRID, 23, **FULL)


def test_a_mosaic_whose_pixels_do_not_start_at_zero() -> None:
    cut = xrs.empty_mosaic(GRID).isel(y=slice(9, 41), x=slice(13, 50))
    mosaic = assert_lazy_is_eager(campaign(), cut, (11, 17), **FULL)
    assert int(mosaic["y"][0]) == 9
    lazy = xrs.coadd(campaign(), cut, chunks=11, **FULL)
    assert_identical(lazy.resample.add(exposure_of(3)), mosaic.resample.add(exposure_of(3)))


def transposed(exposure: xr.Dataset) -> xr.Dataset:
    """Return an exposure whose planes have dims ``(x, y)``."""
    return exposure.transpose("x", "y")


FORMS: dict[str, Any] = {
    "whole chunks": lambda e: e.chunk(),
    "chunks": lambda e: e.chunk(y=7, x=9),
    "irregular chunks": lambda e: e.chunk(y=(1, 12, 7), x=(5, 5, 13, 1)),
    "some planes in chunks": lambda e: e.assign(data=e["data"].chunk(6), dq=e["dq"].chunk(x=5)),
    "transposed": transposed,
    "transposed chunks": lambda e: transposed(e).chunk(y=7, x=9),
    "cutout": lambda e: e.isel(y=slice(3, 17), x=slice(5, 22)),
    "cutout of chunks": lambda e: e.chunk(8).isel(y=slice(3, 17), x=slice(5, 22)),
    "one row": lambda e: e.isel(y=slice(9, 10)),
    "one column in chunks": lambda e: e.isel(x=slice(9, 10)).chunk(4),
    "one pixel": lambda e: e.isel(y=slice(9, 10), x=slice(4, 5)),
    "few pixels": lambda e: e.isel(y=slice(9, 11), x=slice(4, 7)),
    "half precision": lambda e: e.assign(data=e["data"].astype("f2")).chunk(9),
    "other byte order": lambda e: e.map(
        lambda v: v.astype(v.dtype.newbyteorder()), keep_attrs=True
    ).chunk(9),
    "integers": lambda e: e.assign(data=(e["data"] * 100).astype("i2").chunk(5)),
    "without coordinates": lambda e: e.drop_vars(["y", "x"]),
    "with other variables": lambda e: e.assign({"1": ("k", np.zeros(3)), "more": e["data"] * 2}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_exposures(form: str) -> None:
    exposures = [FORMS[form](exposure) for exposure in campaign()]
    assert_lazy_is_eager(exposures, GRID, 23, **FULL)


@pytest.mark.parametrize(
    ("engine", "chunks"), [("netcdf4", None), ("netcdf4", {"y": 7}), ("zarr", None), ("zarr", {})]
)
def test_exposures_in_files(
    engine: str, chunks: Any, tmp_path: Path, pool: ProcessPoolExecutor
) -> None:
    paths = [tmp_path / f"{k}.{engine}" for k in range(2)]
    for path, exposure in zip(paths, campaign(2), strict=True):
        if engine == "zarr":
            exposure.to_zarr(path, zarr_format=2)
        else:
            exposure.to_netcdf(path)
    loaded = [xr.load_dataset(path, engine=engine) for path in paths]
    expected = xrs.coadd(loaded, GRID, **FULL)
    exposures = [xr.open_dataset(path, engine=engine, chunks=chunks) for path in paths]
    lazy = xrs.coadd(exposures, GRID, chunks=30, **FULL)
    assert_identical(lazy.compute(scheduler="threads", num_workers=2), expected)
    assert_identical(lazy.compute(scheduler="processes", pool=pool), expected)
    for exposure in exposures:
        exposure.close()


@pytest.mark.parametrize("chunks", [None, {"y": 5}])
def test_exposures_in_fits_files(chunks: Any, tmp_path: Path, pool: ProcessPoolExecutor) -> None:
    paths = [tmp_path / f"{k}.fits" for k in range(2)]
    for k, path in enumerate(paths):
        files.jwst(path, seed=k)
    opened = [xr.open_dataset(path, chunks=chunks) for path in paths]
    grid = xrs.fit_wcs(opened, margin=5)
    expected = xrs.coadd([e.load() for e in map(xr.open_dataset, paths)], grid, **FULL)
    lazy = xrs.coadd(opened, grid, chunks=11, **FULL)
    assert_identical(lazy, expected)
    assert_identical(lazy.compute(scheduler="processes", pool=pool), expected)


def test_variances_that_some_exposures_lack() -> None:
    """Planning warns once per exposure; computing does not warn again."""
    first, second, third = campaign()
    exposures = [first.drop_vars("var_flat"), second.drop_vars(["var_rnoise", "var_sky"]), third]
    for method in ("resampled", "propagated"):
        with pytest.warns(xrs.MissingVarianceWarning) as record:
            lazy = xrs.coadd(exposures, GRID, chunks=23, variance_method=method, **FULL)
        assert len(record) == 1
        with pytest.warns(xrs.MissingVarianceWarning):
            expected = xrs.coadd(exposures, GRID, variance_method=method, **FULL)
        assert_identical(lazy, expected)


@pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")
def test_pixels_without_value_or_weight() -> None:
    arrays = make_arrays(1, SHAPE)
    arrays["data"][3:6, 4:9] = np.nan
    arrays["err"][10] = np.inf
    arrays["variances"]["var_rnoise"][12:14, :7] = 0
    arrays["variances"]["var_flat"][7, ::2] = np.nan
    arrays["dq"][15:, 15:] = 1
    holed = make_exposure(1, SHAPE, arrays=arrays)
    for method in ("resampled", "propagated"):
        assert_lazy_is_eager([exposure_of(0), holed, holed.chunk(6)], GRID, 23,
                             variance_method=method, fillval="nan", **FULL)  # fmt: skip


def test_a_dask_key_that_equals_a_name_in_the_graph() -> None:
    """A dask key is any text, so it may equal the name of a plane."""
    values = exposure_of(0)["data"].values
    named = dask.delayed(values.copy, pure=True)(dask_key_name="data")
    given = exposure_of(0).assign(data=(("y", "x"), da.from_delayed(named, SHAPE, np.float32)))
    found = xrs.coadd(given, GRID, chunks=30).compute(scheduler="synchronous")
    np.testing.assert_array_equal(found["data"], xrs.coadd(exposure_of(0), GRID)["data"])


def test_arguments_never_change() -> None:
    exposures = [exposure.copy(deep=True) for exposure in campaign()]
    target = xrs.empty_mosaic(GRID)
    before = target.copy(deep=True)
    xrs.coadd(exposures, target, chunks=30, **FULL).compute(scheduler="threads")
    for exposure, original in zip(exposures, campaign(), strict=True):
        xr.testing.assert_identical(exposure, original)
        assert exposure["dq"].attrs.keys() == original["dq"].attrs.keys()
    xr.testing.assert_identical(target, before)
