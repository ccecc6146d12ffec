"""Times, durations and other attributes of numpy, pandas, astropy and Python."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from astropy.time import Time, TimeDelta

import xresample as xrs
from tests.support.wcs import make_fits
from xresample.datamodel.quantities import number_of

SHAPE = (6, 7)
IMAGE = np.ones(SHAPE, np.float32)
NOON = "2024-05-01T12:00:00"
BERLIN = datetime.timezone(datetime.timedelta(hours=2))

DATES: dict[str, Any] = {
    "a number": 60431.5,
    "text that is a number": "60431.5",
    "datetime64 in ns": np.datetime64(NOON, "ns"),
    "datetime64 in s": np.datetime64(NOON, "s"),
    "0-d array": np.array(NOON, "M8[ns]"),
    "DataArray": xr.DataArray(np.datetime64(NOON, "ns")),
    "datetime": datetime.datetime(2024, 5, 1, 12),
    "datetime with a zone": datetime.datetime(2024, 5, 1, 14, tzinfo=BERLIN),
    "Timestamp": pd.Timestamp(NOON),
    "Time": Time(NOON),
    "Quantity": 60431.5 * u.d,
}

DURATIONS: dict[str, Any] = {
    "a number": 90,
    "float32": np.float32(90),
    "timedelta64 in ns": np.timedelta64(90_000_000_000, "ns"),
    "timedelta64 in s": np.timedelta64(90, "s"),
    "timedelta": datetime.timedelta(seconds=90),
    "Timedelta": pd.Timedelta("90s"),
    "TimeDelta": TimeDelta(90, format="sec"),
    "Quantity": 1.5 * u.min,
    "DataArray": xr.DataArray(np.timedelta64(90, "s")),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_become_mjd(kind: str) -> None:
    exposure = xrs.make_exposure(IMAGE, start_time=DATES[kind])
    assert float(exposure.attrs["start_time"]) == pytest.approx(60431.5, abs=1e-9)
    assert isinstance(exposure.attrs["start_time"], int | float)


@pytest.mark.parametrize("kind", DURATIONS)
@pytest.mark.parametrize("name", ["exposure_time", "measurement_time", "duration"])
def test_durations_become_seconds(kind: str, name: str) -> None:
    exposure = xrs.make_exposure(IMAGE, **{name: DURATIONS[kind]})
    assert float(exposure.attrs[name]) == 90.0


def test_attributes_that_are_assigned_later_are_read_in_the_same_way() -> None:
    grid = make_fits(SHAPE)
    exposure = xrs.make_exposure(IMAGE, grid).assign_attrs(
        start_time=np.datetime64(NOON, "ns"), exposure_time=np.timedelta64(90, "s")
    )
    mosaic = xrs.coadd(exposure, grid, weight_type="exptime")
    assert mosaic.attrs["start_time"] == 60431.5
    assert mosaic.attrs["exposure_time"] == 90.0
    np.testing.assert_allclose(mosaic["wht"][1:-1, 1:-1], 90.0, rtol=1e-6)


BAD = {
    "exposure_time": [Time(NOON), np.datetime64(NOON), "long", [1, 2], 3 * u.m, u.s],
    "duration": [np.array([1.0, 2.0]), [1, 2] * u.s],
    "start_time": [np.timedelta64(3, "s"), datetime.timedelta(1), "noon", NOON, 3 * u.s],
    "pixelarea_steradians": [1 * u.s, "small"],
    "level": [1 * u.Jy, np.timedelta64(3, "s")],
}


@pytest.mark.parametrize(("name", "value"), [(name, v) for name in BAD for v in BAD[name]], ids=str)
def test_values_of_another_meaning_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(xrs.InvalidExposureError, match=rf"(- |attribute ){name} (must be|has)"):
        xrs.make_exposure(IMAGE, **{name: value})


def test_unknown_times_are_absent() -> None:
    for value in (np.datetime64("NaT"), np.ma.masked, float("nan"), pd.NaT):
        assert math.isnan(number_of("start_time", "d", value))
    assert math.isnan(number_of("exposure_time", "s", np.timedelta64("NaT")))


def test_areas_may_have_units() -> None:
    area = xrs.make_exposure(IMAGE, pixelarea_steradians=1 * u.arcsec**2)
    expected = np.deg2rad(1 / 3600) ** 2
    assert area.attrs["pixelarea_steradians"] == pytest.approx(expected, rel=1e-12)


def test_further_attributes_can_be_written(tmp_path: Path) -> None:
    exposure = xrs.make_exposure(
        IMAGE, make_fits(SHAPE), filename=Path("folder/a.fits"), source=Path("folder"), unit=u.Jy,
        observed=np.datetime64("2024-05-01"), made=datetime.datetime(2024, 5, 1, 12), gain=2 * u.s,
        ok=True, waited=datetime.timedelta(seconds=1), peak=Time(60000.25, format="mjd"),
    )  # fmt: skip
    expected = {
        "filename": "folder/a.fits", "source": "folder", "unit": "Jy", "observed": "2024-05-01",
        "made": "2024-05-01T12:00:00", "gain": "2.0 s", "ok": 1, "waited": "0:00:01",
        "peak": 60000.25,
    }  # fmt: skip
    assert {name: exposure.attrs[name] for name in expected} == expected
    exposure.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(xrs.InvalidExposureError, match=r"flux must be a number.* array with units"):
        xrs.make_exposure(IMAGE, flux=[1, 2] * u.Jy)


@pytest.mark.parametrize("scale", ["utc", "tai", "tt", "tdb"])
def test_times_of_any_scale_become_utc(scale: str) -> None:
    """Times in TAI are 37 s ahead of the UTC of all other dates."""
    time = Time("2020-01-01T00:00:00", scale="utc")
    moved = getattr(time, scale)
    exposure = xrs.make_exposure(np.ones((2, 2)), start_time=moved, observed=moved)
    for name in ("start_time", "observed"):
        assert exposure.attrs[name] == pytest.approx(58849.0, abs=1e-9)
    local = Time("2020-01-01T00:00:00", scale="local")
    assert xrs.make_exposure(np.ones((2, 2)), start_time=local).attrs["start_time"] == 58849.0
