"""The context as sets of exposures: the same answers as bits, on every path."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import assert_same_attrs, assert_same_bits, make_exposure, output_grid
from xresample.datamodel.labels import label_tiles

SHAPE = (14, 17)
GRID = output_grid(SHAPE, margin=6)
SETS: dict[str, Any] = {"enable_ctx": "sets"}
SMALL: dict[str, Any] = {"enable_var": False, **SETS}

pytestmark = pytest.mark.filterwarnings("ignore::xresample.errors.RepeatedExposureWarning")


def exposures_of(numbers: list[int]) -> list[xr.Dataset]:
    """Return exposures; some lie at the same place."""
    return [make_exposure(k % 6, SHAPE, filename=f"{k}.fits") for k in numbers]


def assert_is(got: xr.Dataset, expected: xr.Dataset) -> None:
    """Fail if two mosaics differ in a bit, an attribute or the order of the variables."""
    got = got.compute()
    assert_same_bits(got, expected)
    assert list(got.data_vars) == list(expected.data_vars)
    assert_same_attrs(got.attrs, expected.attrs)
    for name in expected.data_vars:
        assert_same_attrs(got[name].attrs, expected[name].attrs)


@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=40, unique=True),
    st.sampled_from(["square", "lanczos3", "point"]),
    st.sampled_from([None, 13, (9, 20)]),
)
@settings(max_examples=5)
def test_sets_and_bits_convert_into_each_other(
    numbers: list[int], kernel: Any, chunks: Any
) -> None:
    exposures = exposures_of(numbers)
    options: dict[str, Any] = {"kernel": kernel, "enable_var": False}
    bits = xrs.coadd(exposures, GRID, **options)
    sets = xrs.coadd(exposures, GRID, **SETS, **options)
    assert "con" not in sets
    assert_is(sets.resample.with_context("bits"), bits)
    assert_is(bits.resample.with_context("sets"), sets)
    tiled = xrs.coadd(exposures, GRID, chunks=chunks, **SETS, **options)
    assert_is(tiled.resample.with_context("sets"), sets)
    assert_is(tiled.resample.with_context("bits"), bits)
    assert bits.resample.with_context("bits").identical(bits)


@pytest.mark.parametrize("chunks", [None, 13])
def test_sets_give_the_answers_of_bits(chunks: int | None) -> None:
    exposures = exposures_of(list(range(35)))
    bits = xrs.coadd(exposures, GRID)
    mosaic = xrs.coadd(exposures, GRID, chunks=chunks, **SETS)
    depth, epoch = mosaic.resample.depth(), mosaic.resample.epoch()
    assert (depth.chunks is not None) == (chunks is not None)
    xr.testing.assert_identical(depth.compute(), bits.resample.depth())
    xr.testing.assert_identical(epoch.compute(), bits.resample.epoch())
    decoded = mosaic.resample.decode_context()
    xr.testing.assert_identical(decoded, bits.resample.decode_context())
    for y, x in ((0, 0), (12, 12), (13, 14), (20, 22)):
        found = mosaic.resample.contributors(y=y, x=x)
        xr.testing.assert_identical(found.compute(), bits.resample.contributors(y=y, x=x))


@pytest.mark.parametrize("chunks", [None, 13])
def test_a_cutout_keeps_its_sets(chunks: int | None) -> None:
    exposures = exposures_of(list(range(6)))
    mosaic = xrs.coadd(exposures, GRID, chunks=chunks, **SMALL)
    bits = xrs.coadd(exposures, GRID, enable_var=False)
    for part in (
        {"y": slice(5, 22), "x": slice(3, 15)},
        {"y": slice(None, None, -1)},
        {"y": slice(1, None, 2), "x": slice(None, None, 3)},
    ):
        cut = mosaic.isel(part)
        np.testing.assert_array_equal(cut.resample.depth(), bits.isel(part).resample.depth())
        found = cut.resample.add(make_exposure(1, SHAPE, filename="new.fits"))
        expected = bits.isel(part).resample.add(make_exposure(1, SHAPE, filename="new.fits"))
        np.testing.assert_array_equal(
            found.resample.decode_context(), expected.resample.decode_context()
        )


@given(st.sets(st.integers(1, 4)), st.sampled_from([None, 13]))
@settings(max_examples=4)
def test_added_exposures_give_the_bits_of_one_call(cuts: set[int], chunks: int | None) -> None:
    exposures, ends = exposures_of(list(range(5))), [*sorted(cuts), 5]
    mosaic = xrs.coadd(exposures[: ends[0]], GRID, chunks=chunks, **SMALL)
    for start, end in pairwise(ends):
        mosaic = mosaic.resample.add(exposures[start:end])
    assert_is(mosaic.resample.with_context("sets"), xrs.coadd(exposures, GRID, **SMALL))


def test_sets_survive_netcdf_and_zarr(tmp_path: Path) -> None:
    exposures = exposures_of(list(range(5)))
    whole = xrs.coadd(exposures, GRID, **SMALL)
    for chunks in (None, 13):
        start = xrs.coadd(exposures[:3], GRID, chunks=chunks, **SMALL)
        start.to_netcdf(tmp_path / f"{chunks}.nc")
        start.to_zarr(tmp_path / f"{chunks}.zarr", zarr_format=3, consolidated=False)
        with xr.open_dataset(tmp_path / f"{chunks}.nc") as saved:
            assert_is(saved.resample.add(exposures[3:]), whole)
        stored = xr.open_zarr(tmp_path / f"{chunks}.zarr", consolidated=False)
        assert_is(stored.resample.add(exposures[3:]), whole)


@given(st.lists(st.integers(1, 3), min_size=2, max_size=3), st.sampled_from([None, 20]))
@settings(max_examples=4)
def test_merged_sets_are_those_of_all_exposures(counts: list[int], chunks: int | None) -> None:
    exposures = exposures_of(list(range(sum(counts))))
    ends = np.cumsum(counts)
    parts = [exposures[end - n : end] for end, n in zip(ends, counts, strict=True)]
    merged = xrs.merge(*(xrs.coadd(part, GRID, chunks=chunks, **SMALL) for part in parts))
    whole = xrs.coadd(exposures, GRID, **SMALL)
    for name in ("con_label", "con_sets"):
        np.testing.assert_array_equal(merged[name], whole[name])


def test_labels_do_not_depend_on_threads_or_tiles() -> None:
    exposures = exposures_of(list(range(12)))
    one = xrs.coadd(exposures, GRID, threads=1, **SETS)
    assert_is(xrs.coadd(exposures, GRID, threads=4, **SETS), one)
    tiled = xrs.coadd(exposures, GRID, chunks=13, **SETS).compute(scheduler="threads")
    assert_is(tiled, xrs.coadd(exposures, GRID, chunks=13, **SETS).compute(scheduler="sync"))
    for tile in label_tiles(tiled):
        part = one.isel(y=tile.rows, x=tile.columns).resample.with_context("sets")
        assert part["con_sets"].item() == tiled["con_sets"].values[tile.j, tile.i]
        np.testing.assert_array_equal(
            part["con_label"], tiled["con_label"][tile.rows, tile.columns]
        )


def test_labels_count_from_one_in_the_order_of_appearance() -> None:
    mosaic = xrs.coadd(exposures_of(list(range(4))), GRID, **SETS)
    labels = mosaic["con_label"].values.ravel()
    _, first = np.unique(labels, return_index=True)
    assert list(labels[np.sort(first)]) == list(range(len(first)))
    assert labels.dtype == np.int32


def test_a_new_kind_of_context_costs_no_plane_per_exposure() -> None:
    exposures = exposures_of(list(range(70)))
    mosaic = xrs.coadd(exposures, GRID, **SETS)
    assert xrs.coadd(exposures, GRID)["con"].nbytes == 3 * mosaic["con_label"].nbytes


def test_fits_files_hold_the_sets(tmp_path: Path) -> None:
    exposures = exposures_of(list(range(4)))
    mosaic = xrs.coadd(exposures, GRID, **SETS)
    xrs.coadd(exposures, GRID, chunks=13, **SETS).resample.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        np.testing.assert_array_equal(hdus["CON_LABEL"].data, mosaic["con_label"])
        rows = [list(map(int, row)) for row in hdus["CON_SETS"].data["exposures"]]
        assert hdus[0].header["DOCTX"] == "sets"
    assert str(rows).replace(" ", "") == mosaic["con_sets"].item()


def test_a_plot_of_sets_shows_the_depth() -> None:
    import matplotlib

    matplotlib.use("Agg")
    mosaic = xrs.coadd(exposures_of([0, 1]), GRID, **SETS)
    axes = mosaic.resample.plot_context()
    np.testing.assert_array_equal(axes.images[0].get_array(), mosaic.resample.depth())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"con_sets": "[[],[0]]"}, "con_label must be 0 to 1"),
        ({"con_sets": "[[],[2,1]]"}, "increasing numbers"),
        ({"con_sets": "[[0]]"}, "an empty first list"),
        ({"con_sets": "[[],[0.5]]"}, "increasing numbers"),
        ({"con_sets": "[[],[-1]]"}, "increasing numbers"),
        ({"con_sets": "[[],0]"}, "as JSON"),
        ({"con_sets": "__import__('os')"}, "as JSON"),
    ],
)
def test_bad_tables_are_errors(changes: dict[str, str], words: str) -> None:
    mosaic = xrs.coadd(exposures_of([0, 1, 2]), GRID, **SETS)
    bad = mosaic.assign({n: mosaic[n].copy(data=np.array([[v]], "O")) for n, v in changes.items()})
    with pytest.raises(xrs.InvalidInputError, match=words):
        bad.resample.add(make_exposure(3, SHAPE))


def test_bad_arguments() -> None:
    with pytest.raises(xrs.InvalidInputError, match=r"enable_ctx must be one of .*'sets'"):
        xrs.empty_mosaic(GRID, enable_ctx="set")
    mosaic = xrs.empty_mosaic(GRID, **SETS)
    with pytest.raises(xrs.InvalidInputError, match="form must be one of 'bits', 'sets'"):
        mosaic.resample.with_context("planes")
    with pytest.raises(xrs.InvalidInputError, match="no 'con'"):
        xrs.empty_mosaic(GRID, enable_ctx=False).resample.with_context("sets")
    with pytest.raises(xrs.GridMismatchError, match="enable_ctx"):
        mosaic.resample.merge(xrs.empty_mosaic(GRID))
    with pytest.raises(xrs.InvalidInputError, match="con_sets is missing"):
        mosaic.drop_vars("con_sets").resample.add(make_exposure(0, SHAPE))
    tiled = xrs.coadd([make_exposure(0, SHAPE)], GRID, chunks=13, **SETS).load()
    with pytest.raises(xrs.InvalidInputError, match="belong to no tile"):
        tiled.isel(con_tile_y=[0, 1]).resample.depth()
