"""Sky levels that are planes: in flipped and binned exposures, and where outliers are flagged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.sky_scenes import NOISE, SHAPE, offsets_on_sky, scene_wcs, sky_exposure

PLANE = {"level": 1.5, "level_slope_y": 4e-3, "level_slope_x": -3e-3}

PARTS: dict[str, dict[str, slice]] = {
    "flipped": {"y": slice(None, None, -1)},
    "every second": {"x": slice(1, None, 2), "y": slice(3, 180)},
}


def sloped(exposure: xr.Dataset) -> xr.Dataset:
    """Return an exposure with a sky plane in its data, and in its attributes."""
    plane = PLANE["level"] + PLANE["level_slope_y"] * exposure["y"]
    plane = plane + PLANE["level_slope_x"] * exposure["x"]
    data = (exposure["data"] + plane).astype(np.float32).transpose("y", "x")
    return exposure.assign(data=data.assign_attrs(exposure["data"].attrs)).assign_attrs(PLANE)


@pytest.mark.parametrize("part", PARTS)
def test_the_plane_of_a_stepped_exposure_is_subtracted(part: str) -> None:
    exposure = sky_exposure(scene_wcs(1), 0.0, 1)
    grid = xrs.fit_wcs([exposure])
    expected = xrs.coadd([exposure.isel(PARTS[part])], grid, weight_type=None)
    found = xrs.coadd([sloped(exposure).isel(PARTS[part])], grid, weight_type=None)
    np.testing.assert_allclose(found["data"], expected["data"], atol=1e-4)


def test_planes_of_stepped_exposures_are_matched_in_their_pixels() -> None:
    exposures = []
    for k in range(3):
        wcs = scene_wcs(k)
        u, v = offsets_on_sky(wcs)
        exposures.append(sky_exposure(wcs, k + 1e-3 * k * u - 2e-3 * k * v, k, filename=f"{k}"))
    plain = xrs.match_sky(exposures, order=1, anchor="0", superpixel=32)
    flipped = [exposures[0], *(e.isel(y=slice(None, None, -1)) for e in exposures[1:])]
    found = xrs.match_sky(flipped, order=1, anchor="0", superpixel=32)
    for given, new, old in zip(flipped, found, plain, strict=True):
        xr.testing.assert_equal(given["y"], new["y"])
        for name in PLANE:
            assert new.attrs[name] == pytest.approx(old.attrs[name], abs=1e-6)


@pytest.mark.parametrize("resample_data", [True, False])
def test_outliers_are_those_without_planes(resample_data: bool) -> None:
    exposures = []
    for k in range(4):
        wcs = scene_wcs(k if resample_data else 0, spread=3.0)
        exposure = sky_exposure(wcs, 0.0, k, outliers=0.005)
        exposures.append(exposure.assign(err=(("y", "x"), np.full(SHAPE, NOISE, np.float32))))
    how: dict[str, Any] = {"weight_type": None, "resample_data": resample_data}
    target = xrs.fit_wcs(exposures)
    expected = xrs.flag_outliers(exposures, target, **how)
    found = xrs.flag_outliers([exposures[0], *map(sloped, exposures[1:])], target, **how)
    for new, old in zip(found, expected, strict=True):
        # Rounding of float32 decides about pixels at the limit.
        assert int(((new["dq"] != 0) != (old["dq"] != 0)).sum()) <= 3
    assert int(sum((e["dq"] != 0).sum() for e in expected)) > 500
