"""What a mosaic keeps of its exposures, and the totals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.time import Time

import xresample as xrs
from tests.support.exposures import make_attrs, make_exposure, make_exposures, output_grid

SHAPE = (12, 14)
GRID = output_grid(SHAPE)


def test_rows_are_the_exposures_in_order() -> None:
    mosaic = xrs.coadd(make_exposures(4, SHAPE), GRID)
    for k in range(4):
        row = mosaic.isel(exposure=k)
        for name, value in make_attrs(k).items():
            if name in mosaic:
                assert row[name].item() == value, name


def test_times_count_once_for_each_group() -> None:
    exposures = make_exposures(5, SHAPE)
    attrs = xrs.coadd(exposures, GRID).attrs
    assert attrs["pointings"] == 3
    assert attrs["group_ids"] == ["group_0", "group_1", "group_2"]
    assert attrs["exposure_time"] == 100 + 101 + 102
    assert attrs["measurement_time"] == 90 + 91 + 92
    assert attrs["duration"] == attrs["elapsed_exposure_time"] == 120 + 121 + 122
    assert attrs["start_time"] == 60000.0
    assert attrs["end_time"] == pytest.approx(60000.045)


def test_the_start_is_the_least_whatever_the_order() -> None:
    exposures = make_exposures(6, SHAPE)[::-2]
    attrs = xrs.coadd(exposures, GRID).attrs
    assert attrs["start_time"] == min(e.attrs["start_time"] for e in exposures)
    assert attrs["end_time"] == max(e.attrs["end_time"] for e in exposures)


def test_groups_that_are_added_in_turns() -> None:
    a, b, c = (make_exposure(k, SHAPE, group_id=g) for k, g in ((0, "g"), (1, "h"), (2, "g")))
    mosaic = xrs.coadd([a, b], GRID).resample.add(c)
    assert mosaic.attrs["pointings"] == 2
    assert mosaic.attrs["exposure_time"] == 200.0
    assert mosaic.attrs["group_ids"] == ["g", "h"]


def test_without_a_group_each_is_its_own() -> None:
    exposures = make_exposures(3, SHAPE, group_id=None)
    assert xrs.coadd(exposures, GRID).attrs["pointings"] == 3
    nameless = make_exposures(3, SHAPE, group_id=None, filename=None)
    mosaic = xrs.coadd(nameless, GRID)
    assert mosaic.attrs["pointings"] == 3
    assert mosaic.attrs["exposure_time"] == 301.0


def test_one_group_without_measurement_time() -> None:
    exposures = make_exposures(4, SHAPE)
    exposures[2] = make_exposure(2, SHAPE, measurement_time=None)
    attrs = xrs.coadd(exposures, GRID).attrs
    assert "measurement_time" not in attrs
    assert attrs["exposure_time"] == 201.0
    # The second of a group need not have one.
    exposures = make_exposures(3, SHAPE)
    exposures[1] = make_exposure(1, SHAPE, measurement_time=None)
    assert xrs.coadd(exposures, GRID).attrs["measurement_time"] == 181.0


def test_totals_that_no_exposure_tells() -> None:
    exposure = xrs.make_exposure(np.ones(SHAPE), make_exposure(0, SHAPE).resample.wcs)
    attrs = xrs.coadd(exposure, GRID, weight_type=None).attrs
    assert attrs["exposure_time"] == attrs["duration"] == 0.0
    for name in ("measurement_time", "start_time", "end_time"):
        assert name not in attrs
    for value in attrs.values():
        assert value is not None


@pytest.mark.parametrize("make", [Time, lambda mjd, format: Time(mjd, format=format).isot])
def test_times_of_astropy(make: Any) -> None:
    """Times become MJD; a text is none, and says so."""
    start = make(60123.25, format="mjd")
    if isinstance(start, str):
        with pytest.raises(xrs.InvalidExposureError, match="attribute"):
            make_exposure(0, SHAPE, start_time=start)
        return
    mosaic = make_exposure(0, SHAPE, start_time=start).resample.onto(GRID)
    assert mosaic.attrs["start_time"] == 60123.25


def test_areas() -> None:
    attrs = xrs.coadd(make_exposures(1, SHAPE), GRID).attrs
    assert attrs["pixel_scale"] == pytest.approx(0.08, rel=1e-6)
    assert attrs["pixelarea_arcsecsq"] == pytest.approx(0.0064, rel=1e-6)
    arcsec = np.deg2rad(1 / 3600)
    assert attrs["pixelarea_steradians"] == pytest.approx(0.0064 * arcsec**2, rel=1e-6)
