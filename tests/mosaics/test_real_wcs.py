"""Real headers of Hubble, Spitzer and other telescopes, as exposures and as output grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.wcs import WCS, Sip

import xresample as xrs
from tests.support.exposures import assert_close
from tests.support.wcs import read_fits

SHAPE = (44, 50)
STAR = (21.3, 24.7)
"""Row and column of the star in the image."""

WIDTH = 2.0
"""Standard deviation of the star in pixels."""

HEADERS: dict[str, Callable[[], WCS]] = {
    "j94f05bgq": lambda: read_fits("j94f05bgq_flt.fits"),
    "dist_lookup": lambda: read_fits("dist_lookup.fits.gz"),
    "sip": lambda: read_fits("sip.fits", 0),
    "sip2": lambda: read_fits("sip2.fits", 0),
    "irac_sip": lambda: read_fits("irac_sip.hdr"),
    "siponly": lambda: read_fits("siponly.hdr"),
    "tpvonly": lambda: read_fits("tpvonly.hdr"),
}
FIRST = {"j94f05bgq": (900, 3000), "dist_lookup": (800, 2500)}
"""First row and column of the part of the detector in use, far from its centre."""


def first_pixel(case: str) -> tuple[int, int]:
    return FIRST.get(case, (40, 30))


def make(case: str, background: float = 0.0) -> xr.Dataset:
    """Return a small image with a star, cut from a part of the detector."""
    y0, x0 = first_pixel(case)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    star = np.exp(-((y - STAR[0]) ** 2 + (x - STAR[1]) ** 2) / (2 * WIDTH**2)) + background
    exposure = xrs.make_exposure(star.astype(np.float32), HEADERS[case](), filename=case)
    return exposure.assign_coords(y=np.arange(y0, y0 + SHAPE[0]), x=np.arange(x0, x0 + SHAPE[1]))


def on_sky(case: str) -> Any:
    """Return the sky position of the star from the header, with all distortions."""
    y0, x0 = first_pixel(case)
    return HEADERS[case]().pixel_to_world(STAR[1] + x0, STAR[0] + y0)


def centroid(mosaic: xr.Dataset) -> tuple[float, float]:
    """Return x and y of the star in the coordinates of a mosaic."""
    flux = mosaic["data"].where(mosaic["wht"] > 0, 0.0).astype(np.float64)
    total = float(flux.sum())
    return float((flux * flux["x"]).sum()) / total, float((flux * flux["y"]).sum()) / total


PLAIN: dict[str, Any] = {"weight_type": None, "dtype": "float64"}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_a_star_keeps_its_position_and_flux(case: str, ratio: float) -> None:
    exposure = make(case)
    grid = xrs.fit_wcs(exposure, pixel_scale_ratio=ratio, rotation=25.0, margin=2)
    mosaic = exposure.resample.onto(grid, **PLAIN)
    assert np.isfinite(mosaic["data"]).all()
    x, y = centroid(mosaic)
    at_x, at_y = mosaic.resample.wcs.world_to_pixel(on_sky(case))
    assert np.hypot(x - at_x, y - at_y) < 0.01
    # The weights of one pixel add up to 1, so the sum counts the pixels.
    assert float(mosaic["wht"].sum()) == pytest.approx(SHAPE[0] * SHAPE[1], rel=1e-9)
    sums = float((mosaic["wht"] * mosaic["data"]).sum())
    assert sums == pytest.approx(float(exposure["data"].sum(dtype=np.float64)), rel=1e-9)


@pytest.mark.parametrize("case", HEADERS)
def test_surface_brightness_times_area_is_conserved(case: str) -> None:
    """The distortion does not change the flux of the star."""
    exposure = make(case)
    grid = xrs.fit_wcs(exposure, margin=2)
    mosaic = exposure.resample.onto(grid, **PLAIN)
    area_in, area_out = exposure.resample.pixel_area, mosaic.resample.pixel_area
    flux_in = float(exposure["data"].sum(dtype=np.float64)) * area_in
    flux_out = float(mosaic["data"].sum()) * area_out
    # The pixels near the star differ slightly from the mean area of the image.
    assert flux_out == pytest.approx(flux_in, rel=2e-3)
    assert float(mosaic["pixel_scale_ratio"].item()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("case", HEADERS)
def test_a_flat_image_is_flat(case: str) -> None:
    exposure = make(case)
    exposure = exposure.assign(data=exposure["data"] * 0 + 4.5)
    mosaic = exposure.resample.onto(xrs.fit_wcs(exposure, rotation=70.0), **PLAIN)
    there = mosaic["wht"].values > 0
    assert there.mean() > 0.4
    np.testing.assert_allclose(mosaic["data"].values[there], 4.5, rtol=1e-12)


@pytest.mark.parametrize("case", HEADERS)
def test_a_real_header_as_the_output_grid(case: str) -> None:
    """An image on a tangent-plane grid is resampled onto the pixels of the real detector."""
    template = make(case)
    plain = xrs.fit_wcs(template, margin=6)
    y, x = np.mgrid[: plain.array_shape[0], : plain.array_shape[1]]
    at_x, at_y = plain.world_to_pixel(on_sky(case))
    star = np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / (2 * WIDTH**2))
    mosaic = xrs.make_exposure(star, plain).resample.onto(template, **PLAIN)
    assert mosaic["x"].values[0] == template["x"].values[0]
    found = centroid(mosaic)
    y0, x0 = first_pixel(case)
    assert np.hypot(found[0] - STAR[1] - x0, found[1] - STAR[0] - y0) < 0.01
    covered = mosaic["wht"].values > 0
    assert covered.mean() > 0.95
    header = HEADERS[case]().deepcopy()
    text = template.resample.wcs.pixel_to_world_values(x0 + 3.0, y0 + 5.0)
    np.testing.assert_array_equal(text, header.pixel_to_world_values(x0 + 3.0, y0 + 5.0))


@pytest.mark.parametrize("case", ["j94f05bgq", "irac_sip"])
def test_an_exposure_onto_itself_is_unchanged(case: str) -> None:
    exposure = make(case, background=1.0)
    mosaic = exposure.resample.onto(exposure, **PLAIN)
    assert_close(mosaic["wht"], np.ones(SHAPE), 1e-4)
    assert_close(mosaic["data"], exposure["data"], 1e-4)
    np.testing.assert_array_equal(mosaic["y"], exposure["y"])


@pytest.mark.parametrize("case", ["j94f05bgq", "dist_lookup", "irac_sip"])
def test_two_dithers_agree(case: str) -> None:
    """In two pointings of the same sky, the star has the same position."""
    first = make(case)
    moved = HEADERS[case]()
    crpix = np.add(moved.wcs.crpix, (6.4, -3.7))
    moved.wcs.crpix = crpix
    if moved.sip is not None:
        # The distortion is fixed to the optics, so it moves with the reference pixel.
        moved.sip = Sip(moved.sip.a, moved.sip.b, None, None, crpix)
    y0, x0 = first_pixel(case)
    at_x, at_y = moved.world_to_pixel(on_sky(case))
    y, x = np.mgrid[y0 : y0 + SHAPE[0], x0 : x0 + SHAPE[1]]
    star = np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / (2 * WIDTH**2))
    second = first.assign(data=(("y", "x"), star.astype(np.float32))).resample.assign_wcs(moved)
    grid = xrs.fit_wcs([first, second], margin=2)
    mosaics = [e.resample.onto(grid, **PLAIN) for e in (first, second)]
    both = xrs.coadd([first, second], grid, **PLAIN)
    places = [centroid(m) for m in (*mosaics, both)]
    assert np.hypot(*np.subtract(places[0], places[1])) < 0.01
    overlap = (mosaics[0]["wht"] > 0.9) & (mosaics[1]["wht"] > 0.9)
    # The two sets of input pixels shift the light in an output pixel by up to 0.2 pixel, and the
    # steepest slope of the star is 0.3 of its peak per pixel.
    assert_close(mosaics[0]["data"], mosaics[1]["data"], 0.06, overlap.values)


def test_a_fitted_grid_holds_every_pixel() -> None:
    """The grid of `fit_wcs` contains the whole footprint."""
    exposures = [make(case) for case in ("j94f05bgq", "irac_sip")]
    for exposure in exposures:
        mosaic = exposure.resample.onto(xrs.fit_wcs(exposure), **PLAIN)
        assert float(mosaic["wht"].sum()) == pytest.approx(SHAPE[0] * SHAPE[1], rel=1e-5)
