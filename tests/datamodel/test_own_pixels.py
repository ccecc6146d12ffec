"""Images after a step, a flip or `coarsen`: one WCS in every function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import assert_same_bits
from tests.support.wcs import make_fits, make_gwcs, make_sip
from xresample.datamodel.own_pixels import in_own_pixels

SHAPE = (24, 36)
PARTS: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "coarsened": lambda d: d.coarsen(y=2, x=3).mean(),
    "every third": lambda d: d.isel(y=slice(1, None, 2), x=slice(2, None, 3)),
    "flipped": lambda d: d.isel(y=slice(None, None, -1)),
    "turned": lambda d: d.isel(y=slice(None, None, -1), x=slice(None, None, -4)),
    "coarsened and flipped": lambda d: d.coarsen(x=2).mean().isel(x=slice(None, None, -3)),
}
WHOLE: dict[str, Callable[[tuple[int, int]], Any]] = {
    "fits": make_fits, "sip": make_sip, "gwcs": make_gwcs,
}  # fmt: skip


def image(wcs: Any = None, **attrs: Any) -> xr.Dataset:
    """Return an exposure of ones."""
    ones = np.ones(SHAPE, np.float32)
    return xrs.make_exposure(ones, make_fits(SHAPE) if wcs is None else wcs, exposure_time=1.0,
                             **attrs)  # fmt: skip


def steps_of(part: xr.Dataset) -> tuple[float, float]:
    """Return the steps of the rows and columns."""
    return float(part["y"][1] - part["y"][0]), float(part["x"][1] - part["x"][0])


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_every_question_gets_the_wcs_of_the_part(name: str, kind: str) -> None:
    whole = image(WHOLE[kind](SHAPE))
    part = PARTS[name](whole)
    wcs, given = part.resample.wcs, whole.resample.wcs
    at = [3, part.sizes["x"] - 1], [1, part.sizes["y"] - 1]
    here = wcs.pixel_to_world_values(*at)
    there = given.pixel_to_world_values(part["x"].values[at[0]], part["y"].values[at[1]])
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-12)
    sky = part.resample.with_sky()
    np.testing.assert_allclose(sky["ra"].values[at[1], at[0]], here[0], rtol=0, atol=1e-11)
    # The outline begins half a pixel of the part before its first pixel.
    (dy, dx), first = steps_of(part), part.resample.footprint()[0]
    corner = given.pixel_to_world_values(part["x"][0] - dx / 2, part["y"][0] - dy / 2)
    if kind != "gwcs":
        np.testing.assert_allclose(first, corner, rtol=0, atol=1e-11)
    ratio = part.resample.pixel_area / whole.resample.pixel_area
    assert ratio == pytest.approx(abs(dx * dy), rel=1e-6 if kind == "fits" else 0.05)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_is_co_added_where_it_is(name: str) -> None:
    part, whole = PARTS[name](image(pixelarea_steradians=1e-13)), make_fits(SHAPE)
    grid = xrs.fit_wcs(part, align_with=whole, margin=2)
    mosaic = xrs.coadd(part, grid, weight_type=None)
    (dy, dx), weight = steps_of(part), mosaic["wht"]
    # Each pixel of the part spreads a weight of 1 over the pixels of the whole that it covers.
    inside = weight.where(weight > 0).median()
    assert float(inside) == pytest.approx(1 / abs(dx * dy), rel=1e-5)
    shifts = dict(zip("xy", grid.wcs.crpix - whole.wcs.crpix, strict=True))
    for axis, shift in shifts.items():
        centre = float((mosaic[axis] * weight).sum() / weight.sum()) - shift
        assert centre == pytest.approx(float(part[axis].mean()), abs=1e-4)
    assert_same_bits(xrs.coadd(part, grid, weight_type=None, chunks=10).compute(), mosaic)
    pixmap = part.resample.pixmap(grid)
    np.testing.assert_array_equal(pixmap["x"], part["x"])
    np.testing.assert_allclose(pixmap.sel(axis="x")[0], part["x"] + shifts["x"], atol=1e-6)
    np.testing.assert_array_equal(part.resample.weight_map(None)["y"], part["y"])
    expected = 1e-13 * abs(dx * dy)
    assert in_own_pixels(part).attrs["pixelarea_steradians"] == pytest.approx(expected)


def test_a_flip_of_an_exposure_changes_nothing() -> None:
    exposure, grid = image(), make_fits((60, 70), rotation=20.0)
    rng = np.random.default_rng(3)
    exposure["data"][:] = rng.normal(size=SHAPE)
    both = exposure, exposure.isel(x=slice(None, None, -1))
    straight, flipped = (xrs.coadd(e, grid, weight_type=None) for e in both)
    np.testing.assert_allclose(flipped["data"], straight["data"], atol=2e-5)
    np.testing.assert_allclose(flipped["wht"], straight["wht"], atol=2e-5)


@pytest.mark.parametrize("name", sorted(set(PARTS) - {"coarsened", "coarsened and flipped"}))
def test_a_part_of_a_mosaic_is_a_mosaic(name: str, tmp_path: Path) -> None:
    whole = xrs.coadd(image(), make_fits(SHAPE), weight_type=None)
    part = PARTS[name](whole)
    before = part.copy(deep=True)
    dy, dx = steps_of(part)
    other = image(filename="other.fits")
    more = part.resample.add(other)
    assert more.attrs["pixelarea_arcsecsq"] == pytest.approx(
        whole.attrs["pixelarea_arcsecsq"] * abs(dx * dy)
    )
    # A pixel that covers n pixels of the exposure receives a weight of n.
    np.testing.assert_allclose((more["wht"].values - part["wht"].values)[1:-1, 1:-1],
                               abs(dx * dy), rtol=1e-5)  # fmt: skip
    alone = xrs.coadd(other, part, weight_type=None)
    np.testing.assert_allclose(xrs.merge(part, alone)["wht"], more["wht"], rtol=1e-6)
    part.resample.to_fits(tmp_path / "part.fits")
    header = fits.getheader(tmp_path / "part.fits", 1)
    np.testing.assert_allclose(WCS(header).wcs_pix2world(2, 3, 0),
                               part.resample.wcs.wcs_pix2world(2, 3, 0), rtol=1e-14)  # fmt: skip
    area = fits.getheader(tmp_path / "part.fits")["PIXAR_SR"]
    assert area == pytest.approx(part.resample.pixel_area, rel=1e-6)
    xr.testing.assert_identical(part, before)


def test_a_coarsened_mosaic_is_a_grid_and_no_mosaic() -> None:
    grid = xrs.coadd(image(), make_fits(SHAPE), weight_type=None).coarsen(y=2, x=2).mean()
    mosaic = xrs.coadd(image(), grid, weight_type=None)
    np.testing.assert_allclose(mosaic["wht"], 4.0, rtol=1e-6)
    with pytest.raises(xrs.InvalidInputError, match="con must have type int32"):
        grid.resample.add(image())


UNEVEN: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "uneven": lambda d: d.isel(x=[0, 1, 5]),
    "twice": lambda d: d.isel(x=[2, 2, 2]),
    "text": lambda d: d.assign_coords(x=[f"column {k}" for k in range(SHAPE[1])]),
    "dates": lambda d: d.assign_coords(x=np.arange(SHAPE[1]).astype("datetime64[D]")),
    "NaN": lambda d: d.assign_coords(x=np.full(SHAPE[1], np.nan)),
    "one block": lambda d: d.coarsen(x=SHAPE[1]).mean(),
}


@pytest.mark.parametrize("name", sorted(UNEVEN))
def test_without_a_constant_step_every_function_refuses(name: str) -> None:
    part = UNEVEN[name](image())
    mosaic = UNEVEN[name](xrs.empty_mosaic(make_fits(SHAPE)))
    for use in (
        lambda: part.resample.wcs,
        lambda: part.resample.footprint(),
        lambda: part.resample.pixel_area,
        lambda: part.resample.pixmap(make_fits(SHAPE)),
        lambda: xrs.coadd(part, make_fits(SHAPE)),
        lambda: xrs.coadd(part, make_fits(SHAPE), chunks=10),
        lambda: xrs.coadd(image(), part),
        lambda: xrs.fit_wcs(part),
        lambda: mosaic.resample.add(image()),
        lambda: mosaic.resample.to_fits("part.fits"),
        lambda: xrs.merge(mosaic, mosaic),
    ):
        with pytest.raises(xrs.XResampleError, match=r"x must (count pixels in constant|hold pixel"
                           r"|be an integer)"):  # fmt: skip
            use()


def test_a_cutout_keeps_its_wcs() -> None:
    cut = image().isel(y=slice(3, 9), x=slice(4, None))
    assert in_own_pixels(cut) is cut


@pytest.mark.parametrize("name", sorted(PARTS))
def test_outliers_and_blots_keep_the_pixels_of_the_part(name: str) -> None:
    grid = make_fits(SHAPE)
    parts = [
        part.assign(err=part["data"] * 0 + 0.1)
        for part in (PARTS[name](image(filename=f"{k}.fits")) for k in range(3))
    ]
    for chunks in (None, 20):
        flagged = xrs.flag_outliers(parts, grid, weight_type=None, chunks=chunks)
        for before, after in zip(parts, flagged, strict=True):
            xr.testing.assert_identical(after.drop_vars("dq"), before)
    blotted = parts[0].resample.blot(xrs.coadd(parts, grid, weight_type=None))
    for axis in "yx":
        np.testing.assert_array_equal(blotted[axis], parts[0][axis])
