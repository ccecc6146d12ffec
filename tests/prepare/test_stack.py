"""Stacks of groups, and their combination."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import binary_dilation

import xresample as xrs
from tests.support.exposures import assert_same_bits, checksum, make_exposures, output_grid
from tests.support.stcal_outliers import single
from xresample.kernels.selection import METHODS
from xresample.prepare.thresholds import mean_weight
from xresample.tiled.groups import blank_tile
from xresample.tiled.worker import Tile

SHAPE = (24, 30)
GRID = output_grid(SHAPE)
FULL = {"compute_err": "driz_err", "propagate_dq": True}


@pytest.fixture(scope="module")
def exposures() -> list[xr.Dataset]:
    """Return five exposures in three groups."""
    return make_exposures(5, SHAPE)


@pytest.fixture(scope="module")
def stack(exposures) -> xr.Dataset:
    """Return a stack of single exposures."""
    return xrs.stack(exposures, GRID, by=None, **FULL)


def test_a_group_is_the_coadd_of_its_exposures(exposures):
    stack = xrs.stack(exposures, GRID, **FULL)
    assert stack["group"].values.tolist() == ["group_0", "group_1", "group_2"]
    assert stack["n_exposures"].values.tolist() == [2, 2, 1]
    mosaic = xrs.coadd(exposures[2:4], GRID, fillval="nan", **FULL)
    for name in ("data", "wht", "err", "dq"):
        assert_array_equal(stack[name][1], mosaic[name], err_msg=name)
        assert stack[name].attrs.get("units") == mosaic[name].attrs.get("units")


def test_groups_by_another_attribute(exposures):
    by_day = xrs.stack([e.assign_attrs(visit=k % 2) for k, e in enumerate(exposures)], GRID,
                       by="visit")  # fmt: skip
    assert by_day["n_exposures"].values.tolist() == [3, 2]
    with pytest.raises(xrs.InvalidInputError, match="no exposure has"):
        xrs.stack(exposures, GRID, by="visti")


def test_a_stack_of_exposures_gives_the_same_groups() -> None:
    """A stack from `concat` has attributes as coordinates."""
    exposures = [e.assign_attrs(visit=f"v{k % 2}") for k, e in enumerate(make_exposures(3, SHAPE))]
    expected = xrs.stack(exposures, GRID, by="visit")
    assert_same_bits(xrs.stack(xrs.concat(exposures), GRID, by="visit"), expected)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("chunks", [(17, 40), 64])
def test_chunks_do_not_matter(exposures, stack, scheduler, chunks):
    lazy = xrs.stack(exposures, GRID, by=None, chunks=chunks, **FULL)
    assert all(lazy[name].chunks for name in ("data", "wht", "err", "dq", "mean_weight"))
    with dask.config.set(scheduler=scheduler):
        assert_same_bits(lazy.compute(), stack)


def test_a_chunk_without_exposures_takes_no_memory(exposures):
    lazy = xrs.stack(exposures, GRID, by=None, chunks=20)
    corner = lazy["data"].data.blocks[0, 0, 0]
    assert np.isnan(corner.compute(scheduler="synchronous")).all()
    blank = blank_tile({"data": np.float32(np.nan)}, Tile(range(5000), range(5000)))
    assert blank["data"].shape == (5000, 5000)
    assert blank["data"].strides == (0, 0)


def test_threads_do_not_matter(exposures, stack):
    assert_same_bits(xrs.stack(exposures, GRID, by=None, threads=1, **FULL), stack)


def test_lazy_exposures_give_the_same_stack(exposures, stack):
    lazy = xrs.stack([e.chunk(y=11, x=13) for e in exposures], GRID, by=None, chunks=30, **FULL)
    assert_same_bits(lazy.compute(), stack)


def test_arguments_stay_unchanged(exposures):
    before = [checksum(e) for e in exposures]
    xrs.stack(exposures, GRID)
    assert before == [checksum(e) for e in exposures]


def test_a_stack_can_be_saved(stack, tmp_path):
    stack.to_netcdf(tmp_path / "stack.nc")
    with xr.open_dataset(tmp_path / "stack.nc") as opened:
        assert_same_bits(opened.resample.combine(maskpt=0.7), stack.resample.combine(maskpt=0.7))


@pytest.mark.parametrize("method", METHODS)
def test_a_lazy_combination_has_the_same_bits(exposures, stack, method):
    lazy = xrs.stack(exposures, GRID, by=None, chunks=35, **FULL)
    combined = lazy.resample.combine(method, maskpt=0.7, nhigh=1)
    assert all(combined[name].chunks for name in ("data", "count", "rejected"))
    assert_same_bits(combined.compute(), stack.resample.combine(method, maskpt=0.7, nhigh=1))


@pytest.mark.parametrize("chunks", [None, 5])
def test_the_second_limit_of_minmed_is_for_neighbours(chunks):
    """As in AstroDrizzle with ``combine_grow=1``."""
    rng, shape, dims = np.random.default_rng(0), (5, 23, 31), ("group", "y", "x")
    data = rng.normal(size=shape).astype(np.float32)
    data += 3 * (rng.random(shape) < 0.3) * rng.random(shape).astype(np.float32)
    data[:, 4:6, 7] = np.nan
    data[1:, 12, 3:9] = np.nan
    err = rng.uniform(0.3, 0.8, shape).astype(np.float32)
    planes = {"data": (dims, data), "err": (dims, err), "wht": (dims, np.ones_like(data))}
    stack = xr.Dataset(planes)
    there = np.isfinite(data).any(axis=0)
    lowest, middle = np.full(shape[1:], np.nan), np.full(shape[1:], np.nan)
    lowest[there] = np.nanmin(data[:, there], axis=0)
    middle[there] = np.nanmedian(data[:, there], axis=0)
    first = np.argmin(np.where(np.isfinite(data), data, np.inf), axis=0)
    excess = (middle - lowest) / np.take_along_axis(err, first[None], axis=0)[0]
    near = binary_dilation(excess > 4, np.ones((3, 3)))
    expected = np.where(near & (excess > 2), lowest, middle)
    assert ((excess > 2) & ~near).sum() > 20
    assert ((excess > 2) & (excess <= 4) & near).sum() > 20
    given = stack if chunks is None else stack.chunk(y=chunks, x=2 * chunks)
    found = given.resample.combine("minmed", nsigma=(4, 2))
    assert (found["data"].chunks is None) == (chunks is None)
    assert list(found) == ["data", "count", "rejected"]
    assert found["data"].dtype == np.float32
    assert_allclose(found["data"], expected, rtol=1e-6)
    one = given.resample.combine("minmed", nsigma=4)
    assert_allclose(one["data"], np.where(excess > 4, lowest, middle), rtol=1e-6)


def test_weights_below_the_threshold_of_stcal_do_not_count(stack):
    from stcal.outlier_detection.utils import compute_weight_threshold

    values = stack["data"].values.copy()
    for g, weight in enumerate(stack["wht"].values):
        values[g][weight < compute_weight_threshold(weight, 0.7)] = np.nan
    known = np.isfinite(values)
    combined = stack.resample.combine("median", maskpt=0.7)
    assert_array_equal(combined["count"], known.sum(axis=0))
    seen = known.any(axis=0)
    assert_allclose(combined["data"].values[seen], np.nanmedian(values[:, seen], axis=0), rtol=1e-6)
    assert (combined["rejected"] > 0).any()


def test_single_exposures_agree_with_stcal(exposures, stack):
    from tests.support.exposures import make_model

    data, weight = single(make_model(exposures[1]), GRID)
    assert_allclose(stack["wht"][1], weight, rtol=1e-5, atol=1e-5 * weight.max())
    assert_allclose(stack["data"][1], data, rtol=1e-5)


@pytest.mark.parametrize("kind", ["uniform", "wide", "equal", "outliers", "tiny"])
def test_mean_weight_agrees_with_stcal(kind):
    from stcal.outlier_detection.utils import compute_weight_threshold

    rng = np.random.default_rng(0)
    shape = (300, 400)
    weights = {
        "uniform": lambda: rng.uniform(50, 200, shape),
        "wide": lambda: rng.lognormal(0, 1, shape),
        "equal": lambda: np.full(shape, 3.3),
        "outliers": lambda: np.where(rng.random(shape) < 1e-3, 1e6, rng.normal(1, 0.1, shape)),
        "tiny": lambda: rng.uniform(1e-15, 2e-15, shape),
    }[kind]().astype(np.float32)
    weights[3], weights[5] = 0.0, np.nan
    parts = [weights[:100], weights[100:]]
    assert_allclose(mean_weight(parts), compute_weight_threshold(weights, 1.0), rtol=1e-5)
    assert mean_weight(parts) == mean_weight([weights])


def test_predicted_sigma_without_err_comes_from_the_weights(exposures):
    stack = xrs.stack(exposures, GRID, by=None)
    assert "err" not in stack
    assert stack.resample.combine("clipped", nsigma=3)["count"].max() > 0
    plain = xrs.stack(exposures, GRID, by=None, weight_type=None)
    with pytest.raises(xrs.MissingKeyError, match="has no 'err'"):
        plain.resample.combine("clipped")
    assert plain.resample.combine("clipped", sigma="empirical")["count"].max() > 0


def test_a_group_without_values(exposures, stack):
    empty = make_exposures(6, SHAPE)[5]
    empty["data"] = empty["data"] * np.nan
    with pytest.warns(xrs.NoContributionWarning, match=r"exposure_5\.fits contributes to no pixel"):
        with_empty = xrs.stack([*exposures, empty], GRID, by=None, **FULL)
    a, b = (s.resample.combine("median", maskpt=0.7) for s in (with_empty, stack))
    assert_array_equal(a["data"], b["data"])


def test_bad_arguments(exposures, stack):
    with pytest.raises(xrs.InvalidInputError, match="at least one exposure"):
        xrs.stack([], GRID)
    with pytest.raises(xrs.InvalidInputError, match="no context"):
        xrs.stack(exposures, GRID, enable_ctx=True)
    with pytest.raises(xrs.InvalidInputError, match="method must be one of 'mean'"):
        stack.resample.combine("meridian")
    with pytest.raises(xrs.InvalidInputError, match="nlow must be an integer") as error:
        stack.resample.combine("mean", nlow=-1, maskpt=3.0, nsigma=(1, -2))
    assert all(name in str(error.value) for name in ("maskpt", "nsigma"))
    with pytest.raises(xrs.InvalidInputError, match="combine expects a stack"):
        exposures[0].resample.combine()
