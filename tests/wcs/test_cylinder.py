"""Maps in cylindrical projections that begin at any longitude."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import xresample as xrs
from xresample.wcs.cylinder import turn_of
from xresample.wcs.text import parse, to_text
from xresample.wcs.transform import pixel_to_world, world_to_pixel


def sky_map(
    code: str = "CAR", crval: float = 0.0, crpix: float = 180.5, shape: tuple[int, int] = (21, 360)
) -> Any:
    """Return a map of the whole circle along galactic longitude."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = f"GLON-{code}", f"GLAT-{code}"
    wcs.wcs.crval, wcs.wcs.crpix = (crval, 0.0), (crpix, (shape[0] + 1) / 2)
    wcs.wcs.cdelt = -1.0, 1.0
    wcs.array_shape = shape
    wcs.wcs.set()
    return wcs


@pytest.mark.parametrize("code", ["CAR", "CEA", "MER"])
def test_a_map_that_begins_at_its_reference_pixel_is_whole(code: str) -> None:
    wcs = sky_map(code, 180.0, 1.0)
    x = np.arange(360.0)
    lon, lat = pixel_to_world(wcs, x, np.full(360, 10.0))
    np.testing.assert_allclose(lon, (180 - x) % 360, atol=1e-9)
    np.testing.assert_allclose(lat, 0, atol=1e-9)
    # The inverse stays inside the image.
    np.testing.assert_allclose(world_to_pixel(wcs, lon, lat)[0], x, atol=1e-9)


def test_pixels_beyond_a_pole_are_no_directions() -> None:
    lon, lat = pixel_to_world(sky_map(crval=180.0, crpix=1.0), np.array([5.0, 300.0]), 110.0)
    assert np.isnan([lon, lat]).all()


def test_other_projections_and_distorted_maps_have_no_turn() -> None:
    assert turn_of(sky_map("AIT")) is None
    np.testing.assert_allclose(turn_of(sky_map()), [-360, 0], atol=1e-9)


@pytest.mark.parametrize("checked", [True, False])
def test_no_column_is_lost(checked: bool) -> None:
    wcs, grid = sky_map(crval=180.0, crpix=1.0), sky_map(crval=0.0, crpix=181.0)
    if not checked:
        wcs.wcs.bounds_check(False, False)
    for here, there in ((wcs, grid), (grid, wcs)):
        exposure = xrs.make_exposure(np.ones(here.array_shape), here, exposure_time=1.0)
        mosaic = xrs.coadd(exposure, there, weight_type=None)
        np.testing.assert_allclose(mosaic["wht"], 1.0, atol=1e-6)
        assert int((mosaic["con"] == 1).sum()) == 21 * 360


@pytest.mark.parametrize("flags", [(False, False), (True, False), (False, True)])
def test_bounds_checks_survive_as_text(flags: tuple[bool, bool]) -> None:
    wcs = sky_map()
    assert "bounds_check" not in to_text(wcs)
    wcs.wcs.bounds_check(*flags)
    again = parse(to_text(wcs))
    assert again.wcs.cel.prj.bounds == wcs.wcs.cel.prj.bounds
    assert to_text(again) == to_text(wcs)


def across_the_edge(side: int, scale: float = 1.0) -> Any:
    """Return an exposure of tangent pixels in degrees that the edge of `sky_map` divides."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ("GLON-TAN", "GLAT-TAN"), (180.0, 0.0)
    wcs.wcs.crpix, wcs.wcs.cdelt = ((side + 1) / 2,) * 2, (-scale, scale)
    return xrs.make_exposure(np.ones((side, side)), wcs, exposure_time=1.0)


@pytest.mark.parametrize("code", ["CAR", "AIT", "MOL", "SFL"])
@pytest.mark.parametrize(("side", "least"), [(3, 3), (12, 140)])
@pytest.mark.parametrize("stepsize", [None, 4])
def test_an_image_across_the_edge_is_not_smeared(
    code: str, side: int, least: float, stepsize: Any
) -> None:
    exposure, grid = across_the_edge(side), sky_map(code, shape=(181, 360))
    options: dict[str, Any] = {"weight_type": None, "pixmap_stepsize": stepsize}
    mosaic = xrs.coadd(exposure, grid, **options)
    assert not mosaic["wht"].isel(x=slice(40, 320)).any()
    # Pixels on the edge lose the part beyond it; a column without a neighbour has no shape.
    assert least <= float(mosaic["wht"].sum()) <= side**2 + 1e-6
    tiles = xrs.coadd(exposure, grid, chunks=50, **options)
    for name in ("data", "wht", "con"):
        np.testing.assert_array_equal(tiles[name], mosaic[name])
