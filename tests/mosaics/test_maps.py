"""Depth, epoch, and the exposures at a position."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import make_exposure, make_exposures, output_grid
from tests.support.wcs import CRVAL

SHAPE = (15, 18)
GRID = output_grid(SHAPE)


@pytest.mark.filterwarnings("ignore::xresample.errors.RepeatedExposureWarning")
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.sampled_from([None, 13]))
@settings(max_examples=5)
def test_depth_counts_the_decoded_exposures(numbers: list[int], chunks: int | None) -> None:
    exposures = [make_exposure(k, SHAPE) for k in numbers]
    mosaic = xrs.coadd(exposures, GRID, enable_var=False, chunks=chunks)
    depth = mosaic.resample.depth()
    assert (depth.chunks is not None) == (chunks is not None)
    assert depth.dtype == np.int32
    assert depth.dims == ("y", "x")
    decoded = mosaic.resample.decode_context().sum("exposure")
    np.testing.assert_array_equal(depth, decoded)


@pytest.mark.parametrize("chunks", [None, 13])
def test_epochs_equal_those_of_the_decoded_exposures(chunks: int | None) -> None:
    mosaic = xrs.coadd(make_exposures(4, SHAPE), GRID, chunks=chunks)
    epoch = mosaic.resample.epoch()
    there = mosaic.resample.decode_context()
    start, end, time = (mosaic[n] for n in ("start_time", "end_time", "exposure_time"))
    weight = time.where(there)
    mean = ((start + end) / 2 * weight).sum("exposure") / weight.sum("exposure")
    np.testing.assert_allclose(epoch["mean"], mean.transpose("y", "x"), rtol=1e-14)
    np.testing.assert_array_equal(epoch["first"], start.where(there).min("exposure"))
    np.testing.assert_array_equal(epoch["last"], end.where(there).max("exposure"))


def test_exposures_without_times_do_not_count() -> None:
    exposures = make_exposures(2, SHAPE)
    lacking = exposures[1].copy()
    del lacking.attrs["start_time"]
    alone = xrs.coadd(exposures[:1], GRID).resample.epoch()
    both = xrs.coadd([exposures[0], lacking], GRID).resample.epoch()
    there = np.isfinite(alone["mean"])
    np.testing.assert_array_equal(both["last"].where(there), alone["last"])


def test_covering_finds_the_exposures_at_a_position() -> None:
    exposures = make_exposures(3, SHAPE)
    assert xrs.covering(exposures, *CRVAL) == exposures
    far = make_exposure(1, SHAPE).resample.assign_wcs(output_grid(SHAPE)).isel(y=slice(0, 2))
    assert len(xrs.covering([exposures[0], far], SkyCoord(*CRVAL, unit="deg"))) == 1
    assert xrs.covering(exposures, CRVAL[0], CRVAL[1] + 1) == []
    with pytest.raises(xrs.InvalidInputError, match="dec must be a declination"):
        xrs.covering(exposures, 10.0)
    with pytest.raises(xrs.InvalidInputError, match="exposures must be"):
        xrs.covering(3, 10.0, 20.0)  # type: ignore[arg-type]


def test_contributors_at_a_position_are_those_of_its_pixel() -> None:
    mosaic = xrs.coadd(make_exposures(3, SHAPE), GRID)
    place = mosaic.resample.with_sky().sel(ra=CRVAL[0], dec=CRVAL[1], method="nearest")
    by_pixel = mosaic.resample.contributors(x=int(place["x"]), y=int(place["y"]))
    by_sky = mosaic.resample.contributors(ra=CRVAL[0], dec=CRVAL[1])
    assert by_sky.identical(by_pixel)
    assert by_sky.sizes["exposure"] == 3
    with pytest.raises(KeyError, match="must lie on the mosaic"):
        mosaic.resample.contributors(ra=CRVAL[0], dec=CRVAL[1] + 1)
    for given_ in ({}, {"x": 1}, {"x": 1, "y": 1, "ra": 3.0, "dec": 4.0}):
        with pytest.raises(xrs.InvalidInputError, match="either x and y or ra and dec"):
            mosaic.resample.contributors(**given_)


def test_maps_need_a_context() -> None:
    mosaic = xrs.empty_mosaic((4, 5), enable_ctx=False)
    for name in ("depth", "epoch"):
        with pytest.raises(xrs.InvalidInputError, match="enable_ctx"):
            getattr(mosaic.resample, name)()
