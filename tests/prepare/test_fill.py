"""Filled pixels: even sampling keeps fluxes, and the errors of the mosaic stay right."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import convolve

import xresample as xrs
from tests.support.sky_scenes import scene_wcs
from tests.support.star_scenes import SHAPE, fluxes, positions, star_exposures, star_grid

STARS = positions()
NONE = np.zeros((0, 2))
EQUAL: dict[str, Any] = {"weight_type": None}


@pytest.fixture(scope="module")
def exposures() -> list[xr.Dataset]:
    """Return exposures of stars with 3 % bad pixels."""
    return star_exposures()


@pytest.fixture(scope="module")
def filled(exposures: list[xr.Dataset]) -> list[xr.Dataset]:
    return xrs.fill_flagged(exposures, star_grid(), **EQUAL)


def with_planes(exposures: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return exposures with an error and two variances, which are wild in bad pixels."""
    made = []
    for k, exposure in enumerate(exposures):
        bad = exposure["dq"].values != 0
        read = np.where(bad, np.nan if k % 2 else 1e9, 0.3 + 0.1 * k).astype(np.float32)
        poisson = np.where(bad, 7e4, 0.2).astype(np.float32)
        planes = {"var_rnoise": read, "var_poisson": poisson, "err": np.sqrt(read + poisson)}
        made.append(exposure.assign({name: (("y", "x"), p) for name, p in planes.items()}))
    return made


@cache
def best_fluxes(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the fluxes and positions of the stars in exposures without bad pixels."""
    mosaic = xrs.coadd(star_exposures(bad=0.0), star_grid(scale), **EQUAL)
    return fluxes(mosaic, STARS, scale)


def scatter(exposures: list[xr.Dataset], scale: float) -> tuple[float, float]:
    """Return the rms scatter that bad pixels cause in fluxes and in positions of stars."""
    flux, offset = fluxes(xrs.coadd(exposures, star_grid(scale), **EQUAL), STARS, scale)
    best, there = best_fluxes(scale)
    return float(np.std(flux / best)), float(np.sqrt(np.mean((offset - there) ** 2)))


def test_fluxes_scatter_by_less_than_half_a_thousandth(
    exposures: list[xr.Dataset], filled: list[xr.Dataset]
) -> None:
    before, after = scatter(exposures, 1.0), scatter(filled, 1.0)
    assert before[0] > 3e-3
    assert after[0] < 5e-4
    assert after[1] < 1e-3
    once = xrs.fill_flagged(exposures, star_grid(), iterations=1, **EQUAL)
    none = xrs.fill_flagged(exposures, star_grid(), iterations=0, **EQUAL)
    assert after[0] < scatter(once, 1.0)[0] < 1e-3 < scatter(none, 1.0)[0]


def test_fluxes_on_a_fine_grid_scatter_less(exposures: list[xr.Dataset]) -> None:
    grid = star_grid(0.6)
    assert scatter(exposures, 0.6)[0] > 2e-3
    assert scatter(xrs.fill_flagged(exposures, grid, **EQUAL), 0.6)[0] < 6e-4


def apertures(image: np.ndarray) -> np.ndarray:
    """Return sums in discs with radii of 1 to 8 pixels, ``(radius, position)``."""
    sums = []
    for radius in (1, 2, 4, 8):
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = (y**2 + x**2 <= radius**2).astype(float)
        sums.append(convolve(image, disc)[40:-40:3, 40:-40:3].ravel())
    return np.array(sums)


@pytest.mark.parametrize("method", ["propagated", "resampled"])
def test_noise_hardly_grows_and_errors_stay_right(method: Any) -> None:
    """Errors of filled and of other mosaics are equally good."""
    grid, variance = star_grid(), np.ones(SHAPE, np.float32)
    noise, pulls = [], []
    for seed in range(6):
        given = star_exposures(noise=1.0, seed=seed, stars=NONE, variances={"var_rnoise": variance})
        mosaics = [
            xrs.coadd(e, grid, variance_method=method)
            for e in (given, xrs.fill_flagged(given, grid))
        ]
        sums = [apertures(m["data"].values.astype(float)) for m in mosaics]
        noise.append([np.mean(s**2, axis=1) for s in sums])
        inner = {"y": slice(40, -40), "x": slice(40, -40)}
        for m, s in zip(mosaics, sums, strict=True):
            single = (m["data"] ** 2 / m.resample.err() ** 2).isel(inner).mean()
            large = np.mean(s[3] ** 2) / np.mean(apertures(m.resample.err().values ** 2)[3])
            pulls.append([float(single), float(large)])
    before, after = np.sqrt(np.mean(noise, axis=0))
    assert (after / before - 1 < 0.003).all()
    kinds = np.sqrt(np.mean(np.reshape(pulls, (-1, 2, 2)), axis=0))
    np.testing.assert_allclose(kinds[1] / kinds[0], 1.0, atol=0.015)
    if method == "propagated":
        assert kinds[1, 0] == pytest.approx(1.0, abs=0.01)


def test_bookkeeping_is_exact_for_aligned_exposures() -> None:
    """A filled exposure does not lower the variance of the mean of the others."""
    wcs = scene_wcs(0, distortion=0.0)
    shape = (12, 14)
    given = []
    for k in range(4):
        dq = np.zeros(shape, np.uint32)
        dq[5, 6] = k == 2
        given.append(
            xrs.make_exposure(
                np.full(shape, 1.0 + k, np.float32), wcs, dq=dq, filename=f"{k}",
                variances={"var_rnoise": np.full(shape, 0.5 * (1 + k), np.float32)},
            )
        )  # fmt: skip
    grid = given[0]
    filled = xrs.fill_flagged(given, grid, iterations=0, interpolation="nearest")
    for method in ("propagated", "resampled"):
        found, others = (xrs.coadd(e, grid, variance_method=method) for e in (filled, given))
        # Where the pixel is missing, the mosaic of the others has the same mean and error.
        for name, image in (("data", "data"), ("err", None)):
            a, b = ((m[image] if image else m.resample.err())[5, 6].item() for m in (found, others))
            assert a == pytest.approx(b, rel=1e-5), (method, name)


def test_filled_pixels_are_marked_and_used(exposures: list[xr.Dataset]) -> None:
    given = with_planes(exposures)
    filled = xrs.fill_flagged(given, star_grid())
    for new, old in zip(filled, given, strict=True):
        names = new["dq"].attrs["flag_meanings"].split()
        mark = int(new["dq"].attrs["flag_masks"][names.index("FLUX_ESTIMATED")])
        marked = (new["dq"].values & mark) != 0
        assert (old["dq"].values[marked] == 4).all()
        assert (new["dq"].values[marked] == mark).all()
        assert ((new["dq"] == 4).values == (old["dq"].values == 4) & ~marked).all()
        for name in ("data", "err", "var_rnoise", "var_poisson"):
            np.testing.assert_array_equal(new[name].values[~marked], old[name].values[~marked])
            assert np.isfinite(new[name].values[marked]).all()
        assert (np.abs(new["data"].values[marked]) < 1).all()
        assert (new["var_filled"].values > 0).tolist() == marked.tolist()
        assert new["var_filled"].attrs["units"] == "MJy2 / sr2"
        weights = new.resample.weight_map("ivm").values
        good = old["dq"].values == 0
        np.testing.assert_allclose(weights[marked], weights[good][0], rtol=1e-5)
        for good_bits in (0, "~FLUX_ESTIMATED"):
            assert (new.resample.weight_map("ivm", good_bits=good_bits).values[marked] > 0).all()
    report = filled.report
    np.testing.assert_array_equal(report["flagged"], [int((e["dq"] != 0).sum()) for e in given])
    assert (report["filled"] > 0.7 * report["flagged"]).all()


def test_the_flag_of_the_mission_is_used(exposures: list[xr.Dataset]) -> None:
    """A pixel that the mission has estimated is bad by default, even if it cannot be filled."""
    flags = {"DO_NOT_USE": 1, "ODD": 4, "FLUX_ESTIMATED": 64, "NON_SCIENCE": 512}
    given = [e.copy(deep=True) for e in exposures]
    for exposure in given:
        exposure["dq"].attrs |= {
            "flag_masks": np.array(list(flags.values()), np.uint32),
            "flag_meanings": " ".join(flags),
        }
    given[0]["dq"].values[:3] = 64
    given[0]["dq"].values[100:103, 100:110] = 64
    given[0]["dq"].values[110:113, 100:110] = 512
    filled = xrs.fill_flagged(given, star_grid(), **EQUAL)
    dq = filled[0]["dq"].values
    assert filled[0]["dq"].attrs["flag_meanings"] == " ".join(flags)
    assert (dq[100:103, 100:110] == 64).all()
    assert (dq[110:113, 100:110] == 512).all()
    corner = dq[0, 0]
    assert corner == 1
    used = filled[0].resample.weight_map(None).values
    assert used[0, 0] == 0
    assert (used[100:103, 100:110] == 1).all()
    good = xrs.fill_flagged(given, star_grid(), good_bits="FLUX_ESTIMATED", **EQUAL)
    assert (good[0]["dq"].values[:3][given[0]["dq"].values[:3] == 64] == 64).all()


def test_missing_pixels_without_flags_are_filled(exposures: list[xr.Dataset]) -> None:
    given = [e.drop_vars("dq") for e in exposures]
    holed = [
        e.assign(data=e["data"].where(old["dq"] == 0, np.nan).assign_attrs(e["data"].attrs))
        for e, old in zip(given, exposures, strict=True)
    ]
    found = xrs.fill_flagged(holed, star_grid(), **EQUAL)
    expected = xrs.fill_flagged(exposures, star_grid(), **EQUAL)
    for new, old in zip(found, expected, strict=True):
        there = np.isfinite(new["data"])
        np.testing.assert_array_equal(new["data"].where(there), old["data"].where(there))
    np.testing.assert_array_equal(found.report["filled"], expected.report["filled"])


def test_levels_stay_in_filled_pixels(
    exposures: list[xr.Dataset], filled: list[xr.Dataset]
) -> None:
    """A filled pixel has the sky level of its exposure, constant or plane."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    given = []
    for k, exposure in enumerate(exposures):
        sky = (0.5 * k + 1e-3 * k * y - 2e-3 * x).astype(np.float32)
        raised = exposure.assign(data=exposure["data"] + sky)
        given.append(
            raised.assign_attrs(
                exposure.attrs, level=0.5 * k, level_slope_y=1e-3 * k, level_slope_x=-2e-3
            )
        )
    found = xrs.fill_flagged(given, star_grid(), **EQUAL)
    for k, (new, old) in enumerate(zip(found, filled, strict=True)):
        sky = 0.5 * k + 1e-3 * k * y - 2e-3 * x
        used = new.resample.weight_map(None).values > 0
        np.testing.assert_allclose((new["data"] - sky).values[used], old["data"].values[used],
                                   atol=1e-5)  # fmt: skip


@pytest.mark.parametrize("kind", ["dask", "file"])
def test_lazy_exposures_stay_lazy(exposures: list[xr.Dataset], tmp_path: Path, kind: str) -> None:
    given = with_planes(exposures)
    if kind == "dask":
        lazy = [e.chunk(y=100, x=130) for e in given]
    else:
        for k, e in enumerate(given):
            e.to_netcdf(tmp_path / f"{k}.nc")
        lazy = [xr.open_dataset(tmp_path / f"{k}.nc") for k in range(len(given))]
    expected = xrs.fill_flagged(given, star_grid())
    found = xrs.fill_flagged(lazy, star_grid())
    for new, old, source in zip(found, expected, lazy, strict=True):
        for name in ("data", "err", "var_rnoise", "var_poisson", "dq", "var_filled"):
            if kind == "dask" and name != "var_filled":
                assert new[name].chunks == source[name].chunks
            assert not isinstance(new[name].variable._data, np.ndarray)
            np.testing.assert_array_equal(new[name].isel(y=slice(7, 300, 3), x=-5),
                                          old[name].isel(y=slice(7, 300, 3), x=-5))  # fmt: skip
            np.testing.assert_array_equal(new[name], old[name])
            assert new[name].dtype == old[name].dtype
    grid = star_grid()
    mosaics = [xrs.coadd(e, grid, chunks=c) for e, c in ((found, 128), (expected, None))]
    xr.testing.assert_equal(mosaics[0].compute(), mosaics[1])


def test_inputs_stay_unchanged_and_threads_do_not_matter(exposures: list[xr.Dataset]) -> None:
    given = with_planes(exposures)
    before = [e.copy(deep=True) for e in given]
    one, three = (xrs.fill_flagged(given, star_grid(), threads=n) for n in (1, 3))
    for a, b, old, exposure in zip(one, three, before, given, strict=True):
        xr.testing.assert_identical(a, b)
        xr.testing.assert_identical(exposure, old)


def test_a_stack_of_filled_exposures_is_the_same(filled: list[xr.Dataset], tmp_path: Path) -> None:
    """The flags that the co-add accepts survive a stack, and a file."""
    expected = xrs.coadd(filled[:2], star_grid(), **EQUAL)
    xrs.concat(filled[:2]).to_netcdf(tmp_path / "stack.nc")
    with xr.open_dataset(tmp_path / "stack.nc") as stack:
        found = xrs.coadd(stack, star_grid(), **EQUAL)
        for name in ("data", "wht"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_filling_again_changes_nothing(filled: list[xr.Dataset]) -> None:
    again = xrs.fill_flagged(filled, star_grid(), **EQUAL)
    for new, old in zip(again, filled, strict=True):
        used = old.resample.weight_map(None).values > 0
        np.testing.assert_array_equal(new["data"].values[used], old["data"].values[used])


def test_flipped_exposures_keep_their_pixels(
    exposures: list[xr.Dataset], filled: list[xr.Dataset]
) -> None:
    flipped = [e.isel(y=slice(None, None, -1)) for e in exposures]
    found = xrs.fill_flagged(flipped, star_grid(), **EQUAL)
    for new, given, old in zip(found, flipped, filled, strict=True):
        xr.testing.assert_equal(new["y"], given["y"])
        np.testing.assert_allclose(new["data"].isel(y=slice(None, None, -1)), old["data"],
                                   atol=2e-5)  # fmt: skip


def test_one_exposure_is_not_filled_with_itself() -> None:
    """Neighbours in the same exposure do not cover a missing pixel."""
    given = star_exposures(1)
    filled = xrs.fill_flagged(given, star_grid(), **EQUAL)
    assert filled.report["filled"].item() < 0.1 * filled.report["flagged"].item()


def test_pixels_of_different_sizes_are_filled_with_flux() -> None:
    """With ``conserve="flux"`` a pixel is filled with the flux of a pixel of its own size."""
    exposures = star_exposures(3, stars=NONE)
    given = []
    for k, exposure in enumerate(exposures):
        light = exposure.assign(data=xr.where(exposure["dq"] == 0, np.float32(2.0), 1e4))
        light = light.assign_attrs(exposure.attrs)
        given.append(light if k else light.coarsen(y=2, x=2).mean())
    coarse = given[0]
    flags = np.zeros(coarse["data"].shape, np.uint32)
    flags[50:52, 50:60] = 1
    given[0] = coarse.assign(
        data=xr.full_like(coarse["data"], 8.0).where(flags == 0, -99.0),
        dq=(("y", "x"), flags),
    ).assign_attrs(coarse.attrs)
    filled = xrs.fill_flagged(given, star_grid(), conserve="flux", **EQUAL)
    np.testing.assert_allclose(filled[0]["data"][50:52, 50:60], 8.0, rtol=0.01)
    used = filled[1].resample.weight_map(None).values > 0
    np.testing.assert_allclose(filled[1]["data"].values[used], 2.0, rtol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": -1}, "iterations must be an integer of at least 0, got -1"),
        ({"iterations": 1.5}, "iterations must be an integer of at least 0, got 1.5"),
        ({"interpolation": "spline"}, "interpolation must be one of .*got 'spline'"),
        ({"kernel": "point"}, "kernel to the co-add only"),
        ({"weight_typ": None}, "weight_typ"),
        ({"compute_err": "driz_err"}, "err is missing"),
        ({"weight_type": "map"}, "weight_map is missing"),
    ],
)
def test_invalid_arguments_are_named(
    exposures: list[xr.Dataset], options: dict[str, Any], message: str
) -> None:
    with pytest.raises((xrs.InvalidInputError, xrs.InvalidExposureError), match=message):
        xrs.fill_flagged(exposures, star_grid(), **{**EQUAL, **options})


def test_missing_inputs_are_named(exposures: list[xr.Dataset]) -> None:
    with pytest.raises(xrs.InvalidInputError, match="fill_flagged needs at least one exposure"):
        xrs.fill_flagged([], star_grid())
    with pytest.raises(xrs.InvalidInputError, match="The mosaic has no WCS"):
        xrs.fill_flagged(exposures, (40, 50))
    with pytest.raises(xrs.InvalidExposureError, match="wcs is missing"):
        xrs.fill_flagged([exposures[0].drop_vars("wcs")], star_grid())
    with pytest.warns(xrs.MissingVarianceWarning):
        xrs.fill_flagged(exposures[:1], star_grid())
