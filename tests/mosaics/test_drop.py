"""Dropped and replaced exposures: the result has the bits of a new mosaic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import (
    assert_same_attrs,
    assert_same_bits,
    checksum,
    make_arrays,
    make_exposure,
    output_grid,
    wcs_text,
)
from xresample.datamodel import context

SHAPE = (15, 18)
GRID = output_grid(SHAPE, margin=30)


def spread(n: int, **attrs: Any) -> list[xr.Dataset]:
    """Return exposures that lie side by side in rows, with overlaps."""
    return [
        make_exposure(
            k, SHAPE, wcs_text(k, SHAPE, offset=(9.0 * (k % 3) - 9, 12.0 * (k // 3) - 6)), **attrs
        )
        for k in range(n)
    ]


EXPOSURES = spread(6)


@st.composite
def all_options(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the options of a mosaic."""
    return {
        "kernel": draw(st.sampled_from(["square", "turbo", "gaussian", "lanczos2", "lanczos3"])),
        "pixfrac": draw(st.sampled_from([0.4, 1.0])),
        "variance_method": draw(st.sampled_from(["resampled", "propagated"])),
        "compute_err": draw(st.sampled_from(["driz_err", "from_var", None])),
        "propagate_dq": draw(st.sampled_from([False, True, "and"])),
        "enable_ctx": draw(st.sampled_from([True, True, "sets", "sets", False])),
        "fillval": draw(st.sampled_from([0.0, "nan"])),
    }


def in_one_table(mosaic: xr.Dataset) -> xr.Dataset:
    """Return a mosaic whose sets of exposures, if it has any, are in one table for all tiles."""
    return mosaic.resample.with_context("sets") if "con_sets" in mosaic else mosaic


def assert_is(mosaic: xr.Dataset, expected: xr.Dataset) -> None:
    """Fail if two mosaics differ in a bit or an attribute."""
    assert_same_bits(mosaic, expected)
    assert_same_attrs(mosaic.attrs, expected.attrs)
    for name in expected.data_vars:
        assert_same_attrs(mosaic[name].attrs, expected[name].attrs)


@given(
    all_options(),
    st.sets(st.integers(0, 5), min_size=1, max_size=3),
    st.sampled_from([None, 20, 50]),
)
@settings(max_examples=25)
def test_a_mosaic_without_exposures_is_the_mosaic_of_the_others(
    options: dict[str, Any], gone: set[int], chunks: int | None
) -> None:
    rest = [e for k, e in enumerate(EXPOSURES) if k not in gone]
    expected = xrs.coadd(rest, GRID, **options)
    mosaic = xrs.coadd(EXPOSURES, GRID, chunks=chunks, **options)
    before = None if chunks else checksum(mosaic)
    names = [EXPOSURES[k].attrs["filename"] for k in gone]
    dropped = mosaic.resample.drop(names, exposures=rest)
    assert (dropped["data"].chunks is not None) == (chunks is not None)
    assert_is(in_one_table(dropped).load(), expected)
    assert before is None or checksum(mosaic) == before


@given(all_options(), st.integers(0, 5), st.sampled_from([None, 20]))
@settings(max_examples=10)
def test_a_replaced_exposure_gives_the_mosaic_of_the_new_one(
    options: dict[str, Any], number: int, chunks: int | None
) -> None:
    wcs = wcs_text(number, SHAPE, offset=(3.0, 2.0))
    arrays = make_arrays(number + 10, SHAPE)
    new = make_exposure(number, SHAPE, wcs, arrays, exposure_time=77.0)
    rest = [e for k, e in enumerate(EXPOSURES) if k != number]
    final = [new if k == number else e for k, e in enumerate(EXPOSURES)]
    mosaic = xrs.coadd(EXPOSURES, GRID, chunks=chunks, **options)
    replaced = mosaic.resample.replace(new, exposures=rest)
    assert_is(in_one_table(replaced).load(), xrs.coadd(final, GRID, **options))


def test_a_variance_that_no_other_exposure_has_goes_too() -> None:
    odd = EXPOSURES[0].assign(var_odd=EXPOSURES[0]["var_flat"])
    mosaic = xrs.coadd([odd, *EXPOSURES[1:]], GRID)
    rest = EXPOSURES[1:]
    assert_is(mosaic.resample.drop(0, exposures=rest), xrs.coadd(rest, GRID))
    back = xrs.coadd(EXPOSURES, GRID).resample.replace(odd, exposures=rest)
    assert_is(back, xrs.coadd([odd, *rest], GRID))


@pytest.mark.parametrize("chunks", [None, 16])
@pytest.mark.parametrize("gone", [[0], [1], [0, 1, 2]])
def test_the_values_of_flags_are_those_of_the_other_exposures(
    chunks: int | None, gone: list[int]
) -> None:
    """The first exposure that stays gives the value of each flag."""
    maps = ({"BAD": 1, "HOT": 4}, {"BAD": 1, "HOT": 2, "WARM": 4}, {"BAD": 8, "HOT": 2})
    exposures = [make_exposure(k, SHAPE, flag_map=flags) for k, flags in enumerate(maps)]
    options: dict[str, Any] = {"rejected": "HOT", "chunks": chunks}
    rest = [one for k, one in enumerate(exposures) if k not in gone]
    without = xrs.coadd(exposures, GRID, **options).resample.drop(gone, exposures=rest)
    expected = xrs.coadd(rest, GRID, **options) if rest else xrs.empty_mosaic(GRID, rejected="HOT")
    assert_same_bits(without.compute(), expected.compute())
    assert_same_attrs(without, expected)


def test_many_exposures_move_across_planes_of_the_context() -> None:
    exposures = [make_exposure(k % 6, SHAPE, filename=f"{k}.fits") for k in range(40)]
    mosaic = xrs.coadd(exposures, GRID, enable_var=False)
    gone = {0, 31, 33}
    rest = [e for k, e in enumerate(exposures) if k not in gone]
    expected = xrs.coadd(rest, GRID, enable_var=False)
    assert_is(mosaic.resample.drop(sorted(gone), exposures=rest), expected)


@given(st.data())
def test_renumbered_bits_equal_the_decoded_ones(data: st.DataObject) -> None:
    con = np.random.default_rng(data.draw(st.integers(0, 99))).integers(
        -(2**31), 2**31, (3, 2, 2), dtype=np.int32
    )
    old = data.draw(st.lists(st.one_of(st.none(), st.integers(0, 95)), min_size=1, max_size=70))
    got = context.decode_planes(context.renumbered(con, old), range(len(old)))
    there = context.decode_planes(con, range(96))
    for k, before in enumerate(old):
        np.testing.assert_array_equal(got[k], there[before] if before is not None else False)


def test_a_cutout_keeps_its_origin_and_attributes() -> None:
    mosaic = xrs.coadd(EXPOSURES, GRID).assign_attrs(note="mine")
    cut = mosaic.isel(y=slice(10, 50), x=slice(20, 60))
    rest = EXPOSURES[:2] + EXPOSURES[3:]
    dropped = cut.resample.drop(2, exposures=rest)
    assert_same_bits(dropped, xrs.coadd(rest, cut))
    assert dropped.attrs["note"] == "mine"


def test_only_touched_pixels_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from xresample.mosaics import drop as module

    boxes = []
    computed = module._computed

    def spy(revised: Any, box: Any, threads: Any) -> Any:
        boxes.append(box)
        return computed(revised, box, threads)

    monkeypatch.setattr(module, "_computed", spy)
    mosaic = xrs.coadd(EXPOSURES, GRID)
    mosaic.resample.drop(0, exposures=EXPOSURES[1:])
    ((y0, y1, x0, x1),) = boxes
    there = mosaic.resample.decode_context().values[0]
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    assert (y0, y1, x0, x1) == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)


def test_bad_arguments_are_found_before_anything_is_computed() -> None:
    mosaic, rest = xrs.coadd(EXPOSURES, GRID), EXPOSURES[1:]
    for names in ("other.fits", 6, -1, 2.5, ["exposure_0.fits", "other.fits"], ""):
        with pytest.raises(xrs.InvalidInputError, match=r"names must be.*exposure_0\.fits"):
            mosaic.resample.drop(names, exposures=rest)
    with pytest.raises(xrs.InvalidInputError, match="at least one exposure, got none"):
        mosaic.resample.drop([], exposures=rest)
    with pytest.raises(xrs.InvalidInputError, match=r"the 5 other exposures.*got 4"):
        mosaic.resample.drop(0, exposures=rest[:4])
    with pytest.raises(xrs.InvalidInputError, match=r"exposure 1 differs.*filename"):
        mosaic.resample.drop(0, exposures=[rest[1], rest[0], *rest[2:]])
    with pytest.raises(xrs.InvalidInputError, match=r"exposure 1 differs.*exposure_time"):
        mosaic.resample.drop(0, exposures=[rest[0].assign_attrs(exposure_time=1.0), *rest[1:]])
    with pytest.raises(xrs.InvalidInputError, match="must be a Dataset or an iterable"):
        mosaic.resample.drop(0, exposures=3)
    with pytest.raises(xrs.InvalidInputError, match=r"'x\.fits', which 0 exposures have"):
        mosaic.resample.replace(rest[0].assign_attrs(filename="x.fits"), exposures=rest)
    with pytest.raises(xrs.InvalidInputError, match="got 6"):
        mosaic.resample.replace(EXPOSURES[0], exposures=EXPOSURES)
    with pytest.raises(xrs.InvalidInputError, match="Expected a mosaic"):
        EXPOSURES[0].resample.drop(0, exposures=rest)


@pytest.mark.parametrize("chunks", [None, 64])
def test_a_noise_covariance_is_that_of_the_other_exposures(chunks: int | None) -> None:
    options: dict[str, Any] = {
        "noise_covariance": True,
        "noise_block": 64,
        "variance_method": "propagated",
    }
    rest = EXPOSURES[1:]
    mosaic = xrs.coadd(EXPOSURES, GRID, chunks=chunks, **options)
    assert_is(mosaic.resample.drop(0, exposures=rest).load(), xrs.coadd(rest, GRID, **options))
