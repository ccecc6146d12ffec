"""Sky levels: injected levels are recovered, sets are found, and no pixel changes."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.sky_scenes import (
    NOISE,
    SHAPE,
    offsets_on_sky,
    scene_wcs,
    sky_exposure,
    sky_exposures,
)
from tests.support.wcs import make_gwcs, make_spectral

LEVELS = np.array([3.0, -0.7, 2.2, 4.1, 0.3, 1.9])


def levels_of(exposures: list[xr.Dataset]) -> np.ndarray:
    """Return the levels that the co-add subtracts."""
    return np.array([exposure.attrs["level"] for exposure in exposures])


def test_levels_are_recovered_to_the_error_of_the_mean() -> None:
    """Bright extended sources and 10 % outliers hardly matter, and the errors are right."""
    pulls, errors = [], []
    for seed in range(8):
        report = xrs.match_sky(
            sky_exposures(LEVELS, seed, outliers=0.1), anchor="mean", superpixel=32
        ).report
        found = report["level"].values - (LEVELS - LEVELS.mean())
        pulls.append(found / report["error"].values)
        errors.append(found)
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.3
    # The error of the mean of all good pixels; a part of the pixels has no partner.
    ideal = NOISE / np.sqrt(0.9 * SHAPE[0] * SHAPE[1]) * np.sqrt(5 / 6)
    assert np.sqrt(np.mean(np.square(errors))) < 2 * ideal


def test_exposures_with_one_orientation_have_no_bias() -> None:
    """The same distance between all pixels of two exposures does not look like a sky level."""
    exposures = [
        sky_exposure(make_gwcs(SHAPE, offset=(20.37 * k, 13.41 * k), distortion=0.0), 0.0, k)
        for k in range(4)
    ]
    report = xrs.match_sky(exposures, anchor="mean").report
    assert np.abs(report["level"] / report["error"]).max() < 3.5


def test_a_mosaic_of_matched_exposures_is_that_without_levels() -> None:
    grid = xrs.fit_wcs(sky_exposures(LEVELS))
    matched = xrs.match_sky(sky_exposures(LEVELS), grid, anchor="sky_1.fits")
    flat = xrs.coadd(sky_exposures(np.full(6, LEVELS[1])), grid, weight_type=None)
    mosaic = xrs.coadd(matched, grid, weight_type=None)
    there = (mosaic["wht"] > 0) & (flat["wht"] > 0)
    difference = (mosaic["data"] - flat["data"]).where(there)
    assert float(np.abs(difference).max()) < 0.01
    np.testing.assert_array_equal(mosaic["sky_level"], levels_of(matched))


def test_planes_are_recovered() -> None:
    rng = np.random.default_rng(3)
    planes = np.stack([LEVELS, *rng.uniform(-1e-3, 1e-3, (2, 6))])
    exposures, skies = [], []
    for k in range(6):
        wcs = scene_wcs(k)
        u, v = offsets_on_sky(wcs)
        skies.append(planes[0, k] + planes[1, k] * u + planes[2, k] * v)
        exposures.append(sky_exposure(wcs, skies[-1], k, filename=f"{k}", outliers=0.05))
    matched = xrs.match_sky(exposures, order=1, anchor="0", superpixel=32)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    error = matched.report["error"].values
    for k in range(1, 6):
        attrs, (u, v) = matched[k].attrs, offsets_on_sky(scene_wcs(k))
        found = attrs["level"] + attrs["level_slope_y"] * y + attrs["level_slope_x"] * x
        expected = skies[k] - (planes[0, 0] + planes[1, 0] * u + planes[2, 0] * v)
        assert abs((found - expected).mean()) < 3.5 * error[k]
        assert np.abs(found - expected).max() < 10 * error[k]
    assert matched[0].attrs["level"] == matched[0].attrs["level_slope_x"] == 0
    assert error[0] == 0


@pytest.mark.parametrize("chunks", [64, (70, 90)])
def test_a_plane_is_subtracted_in_tiles_and_cutouts_too(chunks: Any) -> None:
    exposure = sky_exposure(scene_wcs(1), 0.0, 1)
    sloped = exposure.assign_attrs(level=1.5, level_slope_y=2e-3, level_slope_x=-1e-3)
    grid = xrs.fit_wcs([exposure])
    whole = xrs.coadd([sloped], grid, weight_type=None)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    flat = exposure.assign(
        data=exposure["data"] - (1.5 + 2e-3 * y - 1e-3 * x).astype(np.float32)
    ).assign_attrs(exposure.attrs)
    expected = xrs.coadd([flat], grid, weight_type=None)
    np.testing.assert_allclose(whole["data"], expected["data"], atol=2e-5)
    lazy = xrs.coadd([sloped], grid, weight_type=None, chunks=chunks).compute()
    np.testing.assert_array_equal(lazy["data"], whole["data"])
    part = xrs.coadd([sloped.isel(y=slice(50, 150), x=slice(20, 200))], grid, weight_type=None)
    inside = (part["wht"] == whole["wht"]) & (part["wht"] > 0)
    assert int(inside.sum()) > 10000
    # The pixel map of a cutout may differ by rounding errors.
    np.testing.assert_allclose(
        part["data"].where(inside), whole["data"].where(inside), rtol=1e-5, atol=1e-5
    )


def test_subtracted_planes_are_left_alone() -> None:
    exposure = sky_exposure(scene_wcs(1), 0.0, 1)
    grid = xrs.fit_wcs([exposure])
    attrs = {"level": 9.0, "level_slope_y": 1.0, "subtracted": 1}
    expected = xrs.coadd([exposure], grid, weight_type=None)
    found = xrs.coadd([exposure.assign_attrs(attrs)], grid, weight_type=None)
    np.testing.assert_array_equal(found["data"], expected["data"])


def test_sets_that_do_not_overlap_are_reported() -> None:
    exposures = sky_exposures([1.0, 2.0])
    far = [
        sky_exposure(scene_wcs(k, crval=(151.0, 2.0)), level, k, filename=f"far_{k}.fits")
        for k, level in ((0, 5.0), (1, 7.0))
    ]
    with pytest.warns(xrs.NoOverlapWarning, match="2 sets.*sky_0.fits, sky_1.fits; far_0.fits"):
        report = xrs.match_sky([*exposures, *far]).report
    assert list(report["set"].values) == [0, 0, 1, 1]
    assert report.attrs["sets"] == 2
    np.testing.assert_allclose(report["level"], [0, 1, 0, 2], atol=0.01)


def test_a_group_shares_a_level() -> None:
    exposures = sky_exposures([1.0, 1.0, 3.0, 3.0])
    groups = ["a", "a", "b", "b"]
    named = [e.assign_attrs(group_id=g) for e, g in zip(exposures, groups, strict=True)]
    matched = xrs.match_sky(named)
    assert list(matched.report["group"].values) == groups
    np.testing.assert_allclose(levels_of(matched), [0, 0, 2, 2], atol=0.01)
    alone = xrs.match_sky(named, by=None).report
    assert len(set(alone["group"].values)) == 4


@pytest.mark.parametrize("method", ["local", "global", "match", "global+match"])
def test_methods_agree_with_stcal(method: Any) -> None:
    """The levels equal those of stcal, within the errors of stcal, on a faint scene."""
    rng = np.random.default_rng(7)
    exposures = []
    for k, level in enumerate(LEVELS):
        wcs = scene_wcs(k, distortion=0.0)
        data = level + rng.normal(0, NOISE, SHAPE)
        exposures.append(xrs.make_exposure(data.astype(np.float32), wcs, filename=f"{k}"))
    skymatch = import_module("stcal.skymatch.skymatch").skymatch
    images = import_module("stcal.skymatch.skyimage")
    statistics = import_module("stcal.skymatch.skystatistics").SkyStats("median")
    logging.getLogger("stcal").setLevel(logging.CRITICAL)
    given = []
    for exposure in exposures:
        wcs = exposure.resample.wcs
        data = exposure["data"].values.astype(float)
        mask = np.ones(SHAPE, bool)
        given.append(images.SkyImage(data, mask, wcs, wcs.invert, statistics))
    skymatch(given, skymethod=method)
    expected = np.array([image.sky for image in given])
    found = levels_of(xrs.match_sky(exposures, method=method))
    # The medians of stcal have an error of 1.25 sigma / sqrt(n); each pair has its own overlap.
    np.testing.assert_allclose(found, expected, atol=5 * 1.25 * NOISE / np.sqrt(20000))


def test_flagged_pixels_do_not_count() -> None:
    exposures = sky_exposures([0.0, 2.0])
    dq = np.zeros(SHAPE, np.uint32)
    dq[:, 60:200] = 4
    spoiled = exposures[1].assign(data=exposures[1]["data"] + 5.0 * (dq > 0), dq=(("y", "x"), dq))
    spoiled.attrs = exposures[1].attrs
    assert levels_of(xrs.match_sky([exposures[0], spoiled]))[1] == pytest.approx(2, abs=0.02)
    unflagged = xrs.match_sky([exposures[0], spoiled], good_bits=4)
    assert levels_of(unflagged)[1] > 4


def test_earlier_levels_are_replaced() -> None:
    exposures = sky_exposures([1.0, 2.0])
    odd = [e.assign_attrs(level=50.0 * k, subtracted=k) for k, e in enumerate(exposures)]
    again = xrs.match_sky(odd)
    np.testing.assert_array_equal(levels_of(again), levels_of(xrs.match_sky(exposures)))
    assert [e.attrs["subtracted"] for e in again] == [0, 0]


def test_flux_is_matched_on_request() -> None:
    """With pixels of two sizes, each exposure gets the level per pixel of its own size."""
    fine = make_gwcs((300, 300), scale=0.05, distortion=0.0)
    coarse = make_gwcs((150, 150), scale=0.1, distortion=0.0, rotation=9.0)
    exposures = [
        xrs.make_exposure(np.full((300, 300), 1.0, "f4"), fine, filename="fine"),
        xrs.make_exposure(np.full((150, 150), 8.0, "f4"), coarse, filename="coarse"),
    ]
    matched = xrs.match_sky(exposures, conserve="flux", anchor="fine", superpixel=16)
    assert levels_of(matched)[1] == pytest.approx(4.0, rel=1e-3)
    mosaic = xrs.coadd(matched, coarse, conserve="flux", weight_type=None)
    both = mosaic.resample.decode_context().all("exposure")
    np.testing.assert_allclose(mosaic["data"].values[both.values], 4.0, rtol=2e-3)


def test_inputs_stay_unchanged_and_lazy() -> None:
    exposures = sky_exposures([1.0, 2.0])
    lazy = [exposure.chunk(y=64, x=100) for exposure in exposures]
    before = [exposure.copy(deep=True) for exposure in exposures]
    matched = xrs.match_sky(lazy)
    for exposure, old, new in zip(exposures, before, matched, strict=True):
        xr.testing.assert_identical(exposure, old)
        assert new["data"].chunks == ((64, 64, 64, 8), (100, 100, 40))
        np.testing.assert_array_equal(new["data"], old["data"])
    assert "level" not in lazy[0].attrs
    np.testing.assert_array_equal(levels_of(matched), levels_of(xrs.match_sky(exposures)))


def test_the_result_does_not_depend_on_threads_and_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    exposures = sky_exposures(LEVELS)
    expected = xrs.match_sky(exposures, superpixel=16, threads=1).report
    xr.testing.assert_identical(xrs.match_sky(exposures, superpixel=16, threads=3).report, expected)
    monkeypatch.setattr("xresample.prepare.comparison.TILE", 96)
    found = xrs.match_sky(exposures, superpixel=16).report
    np.testing.assert_allclose(found["level"], expected["level"], atol=1e-9)


def test_one_exposure_is_warned_about() -> None:
    with pytest.warns(xrs.NoOverlapWarning, match="only one group, sky_0.fits"):
        matched = xrs.match_sky(sky_exposures([1.0]))
    assert levels_of(matched) == [0]
    assert np.isnan(matched.report["error"].item())
    local = xrs.match_sky(sky_exposures([1.0]), method="local")
    assert levels_of(local)[0] == pytest.approx(1.0, abs=3)


@pytest.mark.filterwarnings("ignore::xresample.NoContributionWarning")
def test_a_group_without_a_good_pixel_is_a_set_by_itself() -> None:
    exposures = sky_exposures([1.0, 2.0, 3.0])
    exposures[1]["data"][:] = np.nan
    with pytest.warns(xrs.NoOverlapWarning, match="2 sets.*: sky_0.fits, sky_2.fits; sky_1.fits"):
        matched = xrs.match_sky(exposures)
    np.testing.assert_allclose(levels_of(matched), [0, 0, 2], atol=0.01)
    assert levels_of(xrs.match_sky(exposures, method="local"))[1] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "mtch"}, "method must be one of 'match', 'local'.*got 'mtch'"),
        ({"order": 2}, r"order must be 0 \(a constant\) or 1 \(a plane\), got 2"),
        ({"order": 1, "method": "local"}, "order must be 0 with method='local'"),
        ({"anchor": "nobody"}, r"anchor must be .*\(sky_0.fits, sky_1.fits\), got 'nobody'"),
        ({"superpixel": 2}, "superpixel must be an integer of at least 4, got 2"),
        ({"superpixel": 9.5}, "superpixel must be an integer of at least 4, got 9.5"),
        ({"by": 3}, "by must name an attribute of the exposures or be None, got 3"),
        ({"conserve": "mass"}, "conserve must be one of"),
        ({"output_wcs": (40, 50)}, "The grid has no WCS"),
    ],
)
def test_invalid_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(xrs.InvalidInputError, match=message):
        xrs.match_sky(sky_exposures([1.0, 2.0]), **options)


@pytest.mark.filterwarnings("ignore::xresample.NoContributionWarning")
def test_exposures_that_cannot_be_compared_are_named() -> None:
    exposures = sky_exposures([1.0, 2.0])
    with pytest.raises(xrs.InvalidInputError, match="at least one exposure, got none"):
        xrs.match_sky([])
    exposures[0]["data"].attrs["units"] = "Jy"
    with pytest.raises(xrs.InvalidInputError, match="same units, got 'Jy', 'DN/s'"):
        xrs.match_sky(exposures)
    with pytest.raises(xrs.InvalidExposureError, match="wcs is missing"):
        xrs.match_sky([exposures[0].drop_vars("wcs")])
    slit = xrs.make_exposure(np.ones((40, 60), "f4"), make_spectral(), filename="slit.fits")
    with pytest.raises(xrs.UnsupportedWCSError, match=r"images of the sky.*slit\.fits"):
        xrs.match_sky([slit, slit])
    steep = exposures[1].assign_attrs(level_slope_x=np.nan)
    with pytest.raises(xrs.InvalidExposureError, match="level_slope_x must be finite, got nan"):
        xrs.coadd([steep], xrs.fit_wcs([steep]), weight_type=None)
