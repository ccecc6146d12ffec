"""Output grids: accepted forms, and `fit_wcs`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import FK5, Galactic, SkyCoord

import xresample as xrs
from tests.support.exposures import SHAPE, make_exposure, make_exposures, output_grid
from tests.support.flavours import FLAVOURS, Flavour
from tests.support.wcs import make_fits, make_gwcs, make_sip, make_spectral
from xresample.datamodel.grid import Grid

PLAIN: dict[str, Any] = {"weight_type": None, "good_bits": None, "enable_var": False}


def fraction_on_grid(exposures: list[xr.Dataset], grid: Any) -> float:
    """Return the fraction of the input pixels that lies on a grid."""
    total = sum(e.sizes["y"] * e.sizes["x"] for e in exposures)
    return float(xrs.coadd(exposures, grid, **PLAIN)["wht"].sum(dtype=float)) / total


@pytest.mark.parametrize("rotation", [0.0, 33.0, -120.0])
def test_a_fitted_grid_holds_all_pixels(rotation: float) -> None:
    exposures = make_exposures(3)
    grid = xrs.fit_wcs(exposures, rotation=rotation)
    assert fraction_on_grid(exposures, grid) == pytest.approx(1, rel=2e-5)
    # The grid is not larger than necessary: every border row and column receives something.
    mosaic = xrs.coadd(exposures, grid, **PLAIN)
    for border in ({"x": 0}, {"x": -1}, {"y": 0}, {"y": -1}):
        assert bool((mosaic["wht"].isel(border) > 0).any())


# Where the sky ends inside the image, the outline loses up to two rows, as in stcal.
@pytest.mark.parametrize("flavour", sorted(FLAVOURS.keys() - {"gwcs with NaN"}), indirect=True)
def test_a_fitted_grid_holds_an_exposure_of_every_flavour(flavour: Flavour) -> None:
    exposure = make_exposure(0, SHAPE, flavour.make(SHAPE))
    grid = xrs.fit_wcs(exposure)
    assert max(grid.array_shape) < 90
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    on_sky = np.isfinite(exposure.resample.wcs.pixel_to_world_values(x, y)[0])
    assert fraction_on_grid([exposure], grid) == pytest.approx(on_sky.mean(), rel=2e-5)


def test_pixel_scale_and_pixel_scale_ratio() -> None:
    exposures = make_exposures(2)
    scale = np.degrees(np.sqrt(exposures[0].resample.pixel_area)) * 3600
    for options, expected in (({}, scale), ({"pixel_scale_ratio": 0.5}, scale / 2),
                              ({"pixel_scale": 0.07}, 0.07)):  # fmt: skip
        grid = xrs.fit_wcs(exposures, **options)
        assert Grid.of(grid).pixel_scale == pytest.approx(expected, rel=1e-6)


def test_north_is_up_and_east_is_left() -> None:
    grid = xrs.fit_wcs(make_exposures(2))
    ny, nx = grid.array_shape
    middle, up, left = (
        grid.pixel_to_world(nx / 2 + dx, ny / 2 + dy) for dx, dy in ((0, 0), (0, 1), (-1, 0))
    )
    assert middle.position_angle(up).wrap_at("180d").deg == pytest.approx(0, abs=1e-2)
    assert middle.position_angle(left).deg == pytest.approx(90, abs=1e-2)


def test_the_rotation_is_the_position_angle_of_y() -> None:
    grid = xrs.fit_wcs(make_exposures(2), rotation=30.0)
    ny, nx = grid.array_shape
    middle, up = (grid.pixel_to_world(nx / 2, ny / 2 + dy) for dy in (0, 1))
    assert middle.position_angle(up).deg == pytest.approx(30, abs=1e-2)


@pytest.mark.parametrize("form", [tuple, SkyCoord])
def test_the_reference_position(form: Any) -> None:
    position = (150.001, 2.001)
    given = position if form is tuple else SkyCoord(*position, unit="deg").galactic
    grid = xrs.fit_wcs(make_exposures(2), reference=given)
    np.testing.assert_allclose(grid.wcs.crval, position, rtol=1e-12)
    assert fraction_on_grid(make_exposures(2), grid) == pytest.approx(1, rel=2e-5)


def test_a_margin_in_pixels() -> None:
    exposures = make_exposures(2)
    narrow, wide = (xrs.fit_wcs(exposures, margin=m) for m in (0, 3))
    assert wide.array_shape == tuple(n + 6 for n in narrow.array_shape)
    np.testing.assert_allclose(wide.wcs.crpix, narrow.wcs.crpix + 3)


def test_aligned_grids_share_their_pixels() -> None:
    exposures = make_exposures(5)
    base = xrs.fit_wcs(exposures[:1], rotation=12.0, pixel_scale=0.06)
    grid = xrs.fit_wcs(exposures[2:], align_with=base)
    shift = np.array(base.wcs.crpix) - grid.wcs.crpix
    np.testing.assert_allclose(shift, np.round(shift), atol=1e-9)
    assert fraction_on_grid(exposures[2:], grid) == pytest.approx(1, rel=2e-5)
    dx, dy = np.round(shift).astype(int)
    first, second = (exposures[2].resample.onto(g)["wht"] for g in (base, grid))
    second = second.assign_coords(x=second["x"] + dx, y=second["y"] + dy)
    first, second = xr.align(first, second, join="inner")
    assert first.size > 500
    # Both grids contain the whole exposure, so no border cuts the exposure differently.
    np.testing.assert_allclose(first, second, atol=1e-5 * float(first.max()))
    by_dataset = xrs.fit_wcs(exposures[2:], align_with=xrs.empty_mosaic(base))
    np.testing.assert_allclose(by_dataset.wcs.crpix, grid.wcs.crpix, rtol=1e-12)


def test_fit_wcs_refuses_bad_input() -> None:
    with pytest.raises(xrs.InvalidInputError, match="got exposures without: exposure_0"):
        xrs.fit_wcs(make_exposure(0).drop_vars("wcs"))
    with pytest.raises(xrs.InvalidInputError, match="align_with"):
        xrs.fit_wcs(make_exposure(0), align_with=output_grid())
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(xrs.InvalidInputError, match="pixel_scale must be"):
            xrs.fit_wcs(make_exposure(0), pixel_scale=bad)
    far = make_exposure(1, wcs=make_fits(SHAPE, crval=(330.0, -2.0)))
    with pytest.raises(xrs.InvalidInputError, match="within 90 degrees"):
        xrs.fit_wcs([make_exposure(0), far])


def test_grid_of_accepts_several_forms() -> None:
    wcs = make_fits((30, 40))
    grid = Grid.of(wcs)
    assert grid.shape == (30, 40)
    assert grid.pixel_scale == pytest.approx(0.1, rel=1e-6)
    assert not grid.spectral
    assert Grid.of({"wcs": wcs, "pixel_scale": 0.2}).pixel_scale == 0.2
    assert Grid.of(wcs, 0.3).pixel_scale == 0.3
    assert Grid.of((3, 4)).wcs is None
    assert Grid.of([3, 4]).shape == (3, 4)
    assert Grid.of(make_spectral()).spectral
    cut = Grid.of(xrs.empty_mosaic(wcs).isel(y=slice(5, 9), x=slice(7, 20)))
    assert (cut.y0, cut.x0, cut.shape) == (5, 7, (4, 13))
    assert cut.pixel_scale == grid.pixel_scale
    assert cut.wcs == grid.wcs


def test_a_cutout_keeps_the_sky_positions() -> None:
    wcs = make_sip((30, 40))
    mosaic = xrs.empty_mosaic(wcs).isel(y=slice(5, 9), x=slice(7, 20))
    np.testing.assert_array_equal(
        mosaic.resample.wcs.pixel_to_world_values(9, 6), wcs.pixel_to_world_values(9, 6)
    )


@pytest.mark.parametrize("frame", [Galactic(), FK5(equinox="J1975")])
def test_a_fitted_grid_covers_exposures_in_another_frame(frame: Any) -> None:
    exposure = make_exposure(0, SHAPE, make_gwcs(SHAPE, reference=frame))
    grid = xrs.fit_wcs(exposure)
    lon, lat = exposure.resample.wcs([0, SHAPE[1] - 1], [0, SHAPE[0] - 1])
    sky = SkyCoord(lon, lat, unit="deg", frame=frame).icrs
    x, y = grid.wcs_world2pix(sky.ra.deg, sky.dec.deg, 0)
    assert ((x > -0.5) & (x < grid.array_shape[1] - 0.5)).all()
    assert ((y > -0.5) & (y < grid.array_shape[0] - 0.5)).all()
    assert fraction_on_grid([exposure], grid) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("key", [{"x": slice(None, None, 2)}, {"y": slice(None, None, -1)}])
def test_a_mosaic_with_a_step_is_not_a_grid(key: dict[str, slice]) -> None:
    mosaic = xrs.empty_mosaic(make_fits(SHAPE)).isel(key)
    exposure = make_exposure(0, SHAPE)
    for use in (mosaic.resample.add, lambda e: xrs.coadd(e, mosaic)):
        with pytest.raises(xrs.InvalidInputError, match="not every second pixel"):
            use(exposure)


@pytest.mark.parametrize("first", [2**31, -(2**31) - 1, 2**57])
def test_pixels_too_far_from_the_origin_are_refused(first: int) -> None:
    mosaic = xrs.empty_mosaic((4, 5))
    far = mosaic.assign_coords(x=np.arange(first, first + 5))
    exposure = xrs.make_exposure(np.ones((4, 5)), exposure_time=1.0)
    where = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1)
    with pytest.raises(xrs.InvalidInputError, match="must lie within"):
        far.resample.add(exposure, pixmap=where)
    where[0, 0, 0] = first * 1.5
    with pytest.raises(xrs.InvalidInputError, match="positions within"):
        mosaic.resample.add(exposure, pixmap=where)
