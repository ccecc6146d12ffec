"""Outliers: scenes, the functions of stcal, laws and bad input."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

import xresample as xrs
from tests.support.cosmic_rays import SHAPE, SIGMA, Scene, grid_of, make_scene
from tests.support.exposures import assert_same_bits, checksum, make_model
from tests.support.stcal_outliers import flags_of
from tests.support.wcs import make_grid

OUTLIER, UNUSABLE = 16, 1
GRID = grid_of()
STARS = {"interpolation": "poly5", "epochs": True}
"""Parameters that spare undersampled stars."""


def masks_of(exposures: list[xr.Dataset]) -> np.ndarray:
    """Return the outliers, ``(exposure, y, x)``."""
    return np.array([(e["dq"].values & OUTLIER) != 0 for e in exposures])


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Return well-sampled stars with cosmic rays of 5 to 50 sigma."""
    return make_scene()


@pytest.fixture(scope="module")
def flagged(scene) -> list[xr.Dataset]:
    """Return the exposures of the scene with the default parameters."""
    return xrs.flag_outliers(scene.exposures, GRID)


def test_cosmic_rays_are_found(scene, flagged):
    masks = masks_of(flagged)
    strong = scene.rays > 10
    assert masks[strong].mean() >= 0.95
    assert masks[scene.rays == 0].mean() < 1e-3
    assert_array_equal(flagged.report["count"], masks.sum(axis=(1, 2)))
    assert (flagged.report["compared"] > 0.9 * np.prod(SHAPE)).all()


def test_agrees_with_the_functions_of_stcal(scene, flagged):
    expected = np.array(flags_of([make_model(e) for e in scene.exposures], GRID))
    compared = np.ones(SHAPE, bool)
    # At the edge of the mosaic stcal compares exposures with themselves.
    compared[:20] = compared[-20:] = compared[:, :20] = compared[:, -20:] = False
    ours = masks_of(flagged) & compared
    assert expected[:, compared].sum() > 100
    assert_array_equal(ours, expected & compared)


def test_the_preset_of_jwst_is_the_default(scene, flagged):
    preset = xrs.flag_outliers(scene.exposures, GRID, preset="jwst")
    assert_array_equal(masks_of(preset), masks_of(flagged))


def test_the_preset_of_astrodrizzle(scene):
    found = xrs.flag_outliers(scene.exposures, GRID, preset="astrodrizzle")
    assert masks_of(found)[scene.rays > 10].mean() >= 0.95
    same = xrs.flag_outliers(
        scene.exposures, GRID, kernel="turbo", weight_type="exptime", combine="minmed", maskpt=0.3,
        interpolation="poly5", snr=(3.5, 3.0), nsigma=(4, 3),
    )  # fmt: skip
    assert_array_equal(masks_of(found), masks_of(same))
    other = xrs.flag_outliers(scene.exposures, GRID, preset="astrodrizzle", driz_cr_snr="9 8")
    assert masks_of(other).sum() < masks_of(found).sum()


@pytest.mark.parametrize("flux", [30.0, 300.0, 3000.0])
def test_an_undersampled_star_is_spared(flux):
    scene = make_scene(rays=0.0, fwhm=1.4, flux=flux)
    star = scene.stars > 0.5 * SIGMA
    assert not (masks_of(xrs.flag_outliers(scene.exposures, GRID, **STARS)) & star).any()


def test_the_flux_of_undersampled_stars():
    clean, hit = (make_scene(rays=rays, fwhm=1.4, flux=300.0, seed=1) for rays in (0.0, 1e-3))
    # Without cosmic rays on the stars, flags must not change their fluxes.
    exposures = [
        e.assign(data=e["data"] + np.float32(SIGMA) * np.where(light > 1e-3, 0, ray))
        for e, light, ray in zip(clean.exposures, hit.stars, hit.rays, strict=True)
    ]  # fmt: skip
    flagged = xrs.flag_outliers(exposures, GRID,
                                **STARS)  # fmt: skip
    before, after = (xrs.coadd(e, GRID)["data"] for e in (clean.exposures, flagged))
    x, y = grid_of().backward_transform(*hit.sky)
    for i, j in zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
        box = {"y": slice(j - 3, j + 4), "x": slice(i - 3, i + 4)}
        a, b = (float((image.isel(box) - 1.0).sum()) for image in (before, after))
        assert abs(b / a - 1) < 5e-3


def test_a_square_on_a_source_is_found():
    scene = make_scene(rays=0.0, fwhm=6.0, flux=100.0, stars=5)
    at = np.unravel_index(np.argmax(scene.stars[2]), SHAPE)
    square = (2, slice(at[0] - 1, at[0] + 2), slice(at[1] - 1, at[1] + 2))
    offset = np.zeros(scene.stars.shape, np.float32)
    offset[square] = 30 * SIGMA
    exposures = [e.assign(data=e["data"] + off) for e, off in
                 zip(scene.exposures, offset, strict=True)]  # fmt: skip
    for better in ({}, {"blur": "spread", **STARS}, {"noise": "max"}):
        assert masks_of(xrs.flag_outliers(exposures, GRID, **better))[square].all()


def test_hot_pixels_are_found(scene):
    hot = [e.copy(deep=True) for e in scene.exposures]
    for exposure in hot:
        exposure["data"][60, 64] += 100 * SIGMA
    assert masks_of(xrs.flag_outliers(hot, GRID))[:, 60, 64].all()


def test_a_ray_that_inflates_its_own_error(scene):
    inflated = []
    for exposure, rays in zip(scene.exposures, scene.rays, strict=True):
        err = np.where(rays > 0, 0.5 * SIGMA * rays, SIGMA).astype(np.float32)
        inflated.append(exposure.assign(err=(("y", "x"), err)))
    strong = scene.rays > 15
    by_err = masks_of(xrs.flag_outliers(inflated, GRID))[strong].mean()
    by_median = masks_of(xrs.flag_outliers(inflated, GRID, noise="median"))[strong].mean()
    assert by_err < 0.1
    assert by_median > 0.95


def test_a_variable_source_is_kept():
    scene = make_scene(rays=0.0, fwhm=2.5, flux=0.0, stars=1)
    bright = make_scene(rays=0.0, fwhm=2.5, flux=30.0, stars=1)
    # The source is bright in three of eight epochs, so the median does not show it.
    mixed = [(bright if k in (1, 4, 6) else scene).exposures[k] for k in range(8)]
    star = bright.stars > 20 * SIGMA
    assert masks_of(xrs.flag_outliers(mixed, GRID))[1][star[1]].mean() > 0.5
    assert masks_of(xrs.flag_outliers(mixed, GRID, epochs=True))[1][star[1]].mean() < 0.1


def test_exposures_without_resampling():
    scene = make_scene(3, rays=0.0)
    exposures = [scene.exposures[0].copy(deep=True) for _ in range(3)]
    exposures[1]["data"][50, 50] += 20 * SIGMA
    found = xrs.flag_outliers(exposures, resample_data=False, by=None)
    assert found.report["count"].values.tolist() == [0, 1, 0]
    assert masks_of(found)[1, 50, 50]
    small = exposures[0].isel(y=slice(10))
    with pytest.raises(xrs.InvalidInputError, match="one shape"):
        xrs.flag_outliers([*exposures, small], resample_data=False)
    for exposure, units in zip(exposures, ("MJy/sr", "MJy/sr", "DN/s"), strict=True):
        exposure["data"].attrs["units"] = units
    with pytest.raises(xrs.InvalidInputError, match="the same units, got 'MJy/sr', 'DN/s'"):
        xrs.flag_outliers(exposures, resample_data=False)
    with pytest.raises(xrs.InvalidInputError, match="flag_outliers needs at least one exposure"):
        xrs.flag_outliers([], resample_data=False)


@pytest.mark.parametrize("grow", [1, 3])
def test_lazy_exposures_without_resampling(grow):
    scene = make_scene(3)
    given = list(scene.exposures)
    given[1] = given[1].transpose("x", "y")
    eager = xrs.flag_outliers(given, resample_data=False, by=None, grow=grow)
    assert (eager.report["count"] > 0).all()
    chunked = [given[0].chunk(y=50, x=60), given[1].chunk(y=70), given[2]]
    chunked[2] = given[2].assign(err=given[2]["err"].chunk(x=33))
    before = [checksum(e) for e in chunked]
    lazy = xrs.flag_outliers(chunked, resample_data=False, by=None, grow=grow)
    assert all(e["dq"].chunks for e in lazy)
    assert all(variable.chunks for variable in lazy.report.data_vars.values())
    for a, b in zip(eager, lazy, strict=True):
        assert_same_bits(a, b.compute())
    assert_same_bits(eager.report, lazy.report.compute())
    assert before == [checksum(e) for e in chunked]


def test_outliers_grow_as_in_astrodrizzle(scene, flagged):
    from scipy.ndimage import binary_dilation
    from scipy.signal import convolve2d

    for side in (2, 3):
        found = xrs.flag_outliers(scene.exposures, GRID, grow=side)
        box = np.ones((side, side), int)
        for old, new in zip(masks_of(flagged), masks_of(found), strict=True):
            # driz_cr convolves the good pixels.
            good = convolve2d(~old, box, boundary="symm", mode="same") == side**2
            assert_array_equal(new, ~good)
    one, three = (
        masks_of(xrs.flag_outliers(scene.exposures, GRID, preset="astrodrizzle", driz_cr_grow=side))
        for side in (1, 3)
    )
    assert_array_equal(three, [binary_dilation(mask, np.ones((3, 3))) for mask in one])


@pytest.mark.parametrize("interpolation", ["poly5", "lanczos5"])
def test_tiles_beyond_an_exposure_are_read(interpolation):
    """An interpolation reads pixels of the model that the exposure itself does not reach."""
    rng, exposures = np.random.default_rng(0), []
    for k, width in enumerate((40, 90, 90)):
        wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-5, "CDELT2": 1e-5,
                   "CRPIX1": 0.4 * (k == 0), "NAXIS": 2, "NAXIS1": width,
                   "NAXIS2": 60})  # fmt: skip
        image = rng.normal(size=(60, width)).astype(np.float32)
        err = np.ones_like(image)
        exposures.append(xrs.make_exposure(image, wcs, err=err, filename=f"{k}.fits"))
    grid = exposures[1]
    rules = {"interpolation": interpolation, "snr": (0.2, 0.2), "scale": (0, 0), "maskpt": 0.0,
             "weight_type": None, "warn_above": 1.0}  # fmt: skip
    eager = xrs.flag_outliers(exposures, grid, **rules)
    lazy = xrs.flag_outliers(exposures, grid, chunks={"x": (43, 47)}, **rules)
    for a, b in zip(eager, lazy, strict=True):
        assert_same_bits(a, b.compute())


@pytest.mark.parametrize("rules", [{}, {"noise": "max", "blur": "spread", **STARS},
                                   {"combine": "minmed", "nsigma": "4 1"}])  # fmt: skip
def test_lazy_exposures_have_the_same_flags(scene, rules):
    eager = xrs.flag_outliers(scene.exposures, GRID, **rules)
    lazy = xrs.flag_outliers(
        [e.chunk(y=50, x=60) for e in scene.exposures], GRID, chunks=70, **rules
    )
    assert all(e["dq"].chunks for e in lazy)
    assert all(variable.chunks for variable in lazy.report.data_vars.values())
    for scheduler in ("synchronous", "threads"):
        # One call for all exposures computes their common tiles once.
        found = dask.compute(*lazy, lazy.report, scheduler=scheduler)
        for a, b in zip((*eager, eager.report), found, strict=True):
            assert_same_bits(a, b)
    assert_same_bits(eager[3], lazy[3].compute())


def test_tiles_and_threads_do_not_matter(scene, flagged, monkeypatch):
    from xresample.prepare import reference

    monkeypatch.setattr(reference, "SMALLEST", 40)
    monkeypatch.setattr(reference, "TILE_BYTES", 1)
    for threads in (1, 3):
        again = xrs.flag_outliers(scene.exposures, GRID, threads=threads)
        for a, b in zip(flagged, again, strict=True):
            assert_same_bits(a, b)


def test_arguments_stay_unchanged(scene):
    before = [checksum(e) for e in scene.exposures]
    xrs.flag_outliers(scene.exposures, GRID)
    assert before == [checksum(e) for e in scene.exposures]


def test_only_flags_change(scene, flagged):
    for before, after in zip(scene.exposures, flagged, strict=True):
        xr.testing.assert_identical(before.drop_vars("dq"), after.drop_vars("dq"))
        assert after["dq"].attrs == before["dq"].attrs
        assert set(np.unique(after["dq"])) == {0, OUTLIER | UNUSABLE}


def test_the_flag(scene):
    three = scene.exposures[:3]
    named = xrs.flag_outliers(three, GRID, flag="JUMP_DET")
    assert set(np.unique(named[0]["dq"])) == {0, 4 | UNUSABLE}
    bare = [e.drop_vars("dq") for e in three]
    new = xrs.flag_outliers(bare, GRID)[0]["dq"]
    assert set(np.unique(new)) == {0, 4096}
    assert new.attrs["flag_meanings"] == "OUTLIER"
    with pytest.raises(xrs.InvalidInputError, match="known flags"):
        xrs.flag_outliers(three, GRID, flag="GHOST")
    with pytest.raises(xrs.InvalidInputError, match="power of 2"):
        xrs.flag_outliers(three, GRID, flag=6)


def test_flags_of_files_stay_lazy(scene, flagged, tmp_path):
    opened = []
    for k, exposure in enumerate(scene.exposures):
        exposure.to_netcdf(tmp_path / f"{k}.nc")
        opened.append(xr.open_dataset(tmp_path / f"{k}.nc", cache=False))
    found = xrs.flag_outliers(opened, GRID)
    assert not found[0].variables["dq"]._in_memory
    for a, b in zip(flagged, found, strict=True):
        assert_array_equal(a["dq"], b["dq"])
        assert_array_equal(a["dq"][5:60, 7:9], b["dq"][5:60, 7:9])
    for dataset in opened:
        dataset.close()


def test_too_few_groups(scene):
    one, two = scene.exposures[:1], scene.exposures[:2]
    with pytest.raises(xrs.InvalidInputError, match="got 1 group"):
        xrs.flag_outliers(one, GRID)
    with pytest.raises(xrs.InvalidInputError, match="got 1 group"):
        xrs.flag_outliers([e.assign_attrs(group_id="a") for e in two], GRID)
    with pytest.warns(xrs.OutlierWarning, match="median of two groups"):
        xrs.flag_outliers(two, GRID)
    found = xrs.flag_outliers(two, GRID, combine="min")
    assert masks_of(found)[scene.rays[:2] > 15].mean() > 0.8


def test_exposures_that_do_not_overlap():
    scene = make_scene(3, rays=0.0)
    left, right = (scene.exposures[k].isel(x=part) for k, part in
                   ((0, slice(0, 40)), (1, slice(80, 130))))  # fmt: skip
    found = xrs.flag_outliers([left, right], GRID, combine="min")
    assert found.report["compared"].sum() == 0
    assert found.report["count"].sum() == 0


def test_bad_input(scene):
    three = scene.exposures[:3]
    with pytest.raises(xrs.InvalidExposureError, match="err is missing"):
        xrs.flag_outliers([*three, three[0].drop_vars("err")], GRID)
    with pytest.raises(xrs.InvalidInputError, match="needs a grid"):
        xrs.flag_outliers(three)
    with (
        pytest.warns(xrs.NoOverlapWarning),
        pytest.raises(xrs.InvalidInputError, match="No exposure overlaps"),
    ):
        xrs.flag_outliers(three, make_grid((50, 50), (151.0, 2.0)))
    for wrong, message in (
        (
            {"preset": "hst"},
            "preset must be one of 'astrodrizzle', 'jwst', .*got 'hst'",
        ),
        ({"snr": 5.0}, "snr must be two numbers"),
        ({"scale": "1.2"}, "scale must be two numbers"),
        ({"noise": "mean"}, "noise must be one of"),
        ({"combine": "mode"}, "method must be one of"),
        ({"driz_cr_snr": "5 4"}, "preset='astrodrizzle'"),
        ({"interpolation": "sinc"}, "interpolation must be one of"),
        ({"nsigma": "4"}, "nsigma must be two numbers"),
        ({"combine": "minmed", "nsigma": (4, 3), "resample_data": False}, "nsigma must be one"),
        ({"grow": 0}, "grow must be an integer of at least 1, got 0"),
        ({"kernal": "square"}, "kernal"),
    ):
        with pytest.raises(xrs.InvalidInputError, match=message):
            xrs.flag_outliers(three, GRID, **wrong)


def test_many_outliers_give_a_warning(scene):
    wrong = [e.assign(err=e["err"] * 0.01) for e in scene.exposures[:3]]
    with pytest.warns(
        xrs.OutlierWarning, match=r"3 of 3 exposures \(scene_0.* have more than 10 %"
    ):
        xrs.flag_outliers(wrong, GRID)
