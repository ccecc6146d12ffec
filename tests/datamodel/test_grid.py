"""Output grids: accepted forms, and `fit_wcs`."""

from __future__ import annotations

from typing import Any

import gwcs
import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.coordinates import FK5, Galactic, SkyCoord
from astropy.modeling import models
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import SHAPE, make_exposure, make_exposures, output_grid
from tests.support.flavours import FLAVOURS, Flavour
from tests.support.wcs import (
    detector_frame,
    make_fits,
    make_gwcs,
    make_sip,
    make_spectral,
    sky_frame,
)
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


def curved(shape: tuple[int, int]) -> Any:
    """Return a WCS whose borders bend by 40 pixels, most of it between eighths of an edge."""
    wcs = make_sip(shape)
    wcs.sip.a[:], wcs.sip.b[:] = 0, 0
    wcs.sip.a[0, 2] = wcs.sip.b[2, 0] = 40 / (shape[0] / 2) ** 2
    wcs.wcs.set()
    return wcs


def test_a_fitted_grid_holds_strongly_curved_borders() -> None:
    exposure = make_exposure(0, (400, 400), curved((400, 400)))
    grid = xrs.fit_wcs(exposure)
    wcs = exposure.resample.wcs
    edge = np.linspace(-0.5, 399.5, 4001)
    for side in (-0.5, 399.5):
        for x, y in ((edge, np.full(4001, side)), (np.full(4001, side), edge)):
            at_x, at_y = grid.wcs_world2pix(*wcs.all_pix2world(x, y, 0), 0)
            for at, size in ((at_x, grid.array_shape[1]), (at_y, grid.array_shape[0])):
                assert -0.501 < at.min() < at.max() < size - 0.499
    assert fraction_on_grid([exposure], grid) == pytest.approx(1, rel=2e-5)


def test_an_image_that_contains_a_pole_is_covered() -> None:
    polar = make_exposure(0, SHAPE, make_fits(SHAPE, crval=(30.0, 89.999)))
    grid = WCS(naxis=2)
    grid.wcs.ctype, grid.wcs.cdelt = ("RA---CAR", "DEC--CAR"), (-1e-3, 1e-3)
    grid.array_shape = (10, 10)
    fitted = xrs.fit_wcs(polar, align_with=grid)
    top = fitted.wcs_pix2world(0, fitted.array_shape[0] - 1, 0)[1]
    assert 89.9985 < top < 90.0005


def test_a_grid_aligned_with_a_distorted_grid() -> None:
    base = curved((300, 300))
    exposure = make_exposure(0, (300, 300), base)
    for margin in (0, 7):
        grid = xrs.fit_wcs(exposure, align_with=base, margin=margin)
        assert grid.array_shape == (300 + 2 * margin, 300 + 2 * margin)
        np.testing.assert_allclose(
            grid.all_pix2world(20 + margin, 31 + margin, 0), base.all_pix2world(20, 31, 0),
            rtol=0, atol=1e-12,
        )  # fmt: skip
        assert fraction_on_grid([exposure], grid) == pytest.approx(1, rel=2e-5)


LATITUDE_FIRST = {"ctype": ("DEC--TAN", "RA---TAN"), "crval": (2.0, 150.0), "cdelt": (1e-5, -1e-5)}
SUN = {"ctype": ("HPLN-TAN", "HPLT-TAN"), "crval": (0.1, 0.2), "cdelt": (1e-3, 1e-3)}


def wcs_of(ctype: tuple[str, str], shape: tuple[int, int] = (20, 20), **numbers: Any) -> Any:
    """Return a WCS of FITS with the reference pixel in the middle."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix = ctype, ((shape[1] + 1) / 2, (shape[0] + 1) / 2)
    for name, values in numbers.items():
        setattr(wcs.wcs, name, values)
    wcs.array_shape = shape
    return wcs


@pytest.mark.parametrize("given", [LATITUDE_FIRST, SUN], ids=["latitude first", "Sun"])
def test_longitude_goes_to_longitude(given: dict[str, Any]) -> None:
    wcs, turned = wcs_of(**given), wcs_of(**{name: two[::-1] for name, two in given.items()})
    exposure = xrs.make_exposure(np.ones((20, 20)), wcs, exposure_time=1.0)
    for grid in (wcs, turned, xrs.fit_wcs(exposure), xrs.fit_wcs(exposure, align_with=turned)):
        for chunks in (None, 7):
            mosaic = xrs.coadd(exposure, grid, weight_type=None, chunks=chunks)
            assert float(mosaic["wht"].sum()) == pytest.approx(400, rel=1e-4)
    x, y = np.array([3.0, 17.0]), np.array([5.0, 6.0])
    pixmap = exposure.resample.pixmap(turned).values
    np.testing.assert_allclose(pixmap[[5, 6], [3, 17]], np.stack([y, x], axis=1), atol=1e-6)


def test_a_gwcs_with_latitude_first() -> None:
    frame = sky_frame(axes_order=(1, 0))
    straight = make_gwcs(SHAPE, distortion=0.0)
    model = straight.forward_transform | models.Mapping((1, 0))
    turned = gwcs.WCS([(detector_frame(), model), (frame, None)])
    exposures = [make_exposure(0, SHAPE, wcs) for wcs in (straight, turned)]
    np.testing.assert_allclose(exposures[1].resample.footprint(), exposures[0].resample.footprint())
    mosaics = [xrs.coadd(e, xrs.fit_wcs(exposures[0]), **PLAIN) for e in exposures]
    np.testing.assert_allclose(mosaics[1]["wht"], mosaics[0]["wht"], atol=1e-6)


def test_frames_that_cannot_be_rotated_are_refused() -> None:
    sun = xrs.make_exposure(np.ones((20, 20)), wcs_of(**SUN), exposure_time=1.0)
    sky = make_exposure(0)
    for use in (
        lambda: xrs.coadd(sun, output_grid(), weight_type=None),
        lambda: xrs.coadd(sun, output_grid(), weight_type=None, chunks=9),
        lambda: xrs.coadd(sky, wcs_of(**SUN), weight_type=None),
        lambda: xrs.fit_wcs([sun, sky]),
        lambda: sun.resample.with_sky()["ra"].values,
        lambda: sun.resample.cutout(0.1, 0.2, 3),
    ):
        with pytest.raises(xrs.UnsupportedWCSError, match="cannot be rotated"):
            use()
    # astropy takes ecliptic longitudes for right ascensions.
    ecliptic = wcs_of(("ELON-TAN", "ELAT-TAN"), cdelt=(-1e-3, 1e-3))
    one = xrs.make_exposure(np.ones((20, 20)), ecliptic, exposure_time=1.0)
    with pytest.raises(xrs.UnsupportedWCSError, match="ELON and icrs"):
        xrs.coadd(one, wcs_of(("RA---TAN", "DEC--TAN"), cdelt=(-1e-3, 1e-3)), weight_type=None)
    assert float(xrs.coadd(one, ecliptic, weight_type=None)["wht"].sum()) == pytest.approx(400)


def radio(**numbers: Any) -> Any:
    """Return a WCS of four axes, as in radio images."""
    wcs = WCS(naxis=4)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN", "FREQ", "STOKES"
    wcs.wcs.crval, wcs.wcs.crpix = (150.0, 2.0, 1.4e9, 1.0), (10.5, 10.5, 1.0, 1.0)
    wcs.wcs.cdelt = -1e-5, 1e-5, 1e6, 1.0
    wcs.wcs.set()
    return wcs


def test_axes_of_one_pixel_are_left_out() -> None:
    wcs = radio()
    wcs.pixel_shape = (20, 20, 1, 1)
    exposure = xrs.make_exposure(np.ones((20, 20)), wcs, exposure_time=1.0)
    assert exposure.resample.wcs.naxis == 2
    mosaic = xrs.coadd(exposure, wcs, weight_type=None)
    np.testing.assert_allclose(mosaic["wht"], 1.0, rtol=1e-6)
    assert (mosaic["con"] == 1).all()
    wcs.pixel_shape = (20, 20, 7, 1)
    cube = xrs.make_exposure(np.ones((20, 20)), wcs, exposure_time=1.0)
    for use in (cube.resample.footprint, lambda: xrs.coadd(cube, wcs), lambda: xrs.fit_wcs(cube),
                lambda: xrs.coadd(cube, output_grid())):  # fmt: skip
        with pytest.raises(xrs.UnsupportedWCSError, match="axes"):
            use()


def test_fit_wcs_refuses_spectra() -> None:
    slit = xrs.make_exposure(np.ones((40, 60)), make_spectral(), exposure_time=1.0)
    with pytest.raises(xrs.UnsupportedWCSError, match="two celestial axes only, got SPATIAL"):
        xrs.fit_wcs([slit])


def test_arguments_of_fit_wcs_may_have_units() -> None:
    exposure = make_exposure(0)
    for name, value, plain in (
        ("pixel_scale", 30 * u.mas, 0.03),
        ("rotation", 30 * u.arcmin, 0.5),
        ("reference", (150.001 * u.deg, 7200.0 * u.arcsec), (150.001, 2.0)),
        ("pixel_scale_ratio", 0.5 * u.dimensionless_unscaled, 0.5),
    ):
        found, expected = (xrs.fit_wcs(exposure, **{name: v}) for v in (value, plain))
        assert found.array_shape == expected.array_shape
        np.testing.assert_allclose(found.pixel_scale_matrix, expected.pixel_scale_matrix)
        np.testing.assert_allclose(found.wcs.crval, expected.wcs.crval)


@pytest.mark.parametrize(
    "bad", ["x", np.nan, np.inf, [1, 2], np.array([1.0, 2.0]), 3 * u.m, True, object(), {}, (1,)]
)
@pytest.mark.parametrize(
    "name", ["pixel_scale", "rotation", "pixel_scale_ratio", "margin", "reference"]
)
def test_bad_arguments_of_fit_wcs_are_named(name: str, bad: Any) -> None:
    bad = (1, 2, 3) if name == "reference" and isinstance(bad, list | np.ndarray) else bad
    with pytest.raises(xrs.InvalidInputError, match=name):
        xrs.fit_wcs(make_exposure(0), **{name: bad})


@pytest.mark.parametrize("margin", [2.5, np.float64(1.5), -1000])
def test_a_margin_is_a_number_of_pixels(margin: Any) -> None:
    with pytest.raises(xrs.InvalidInputError, match="margin must"):
        xrs.fit_wcs(make_exposure(0), margin=margin)
