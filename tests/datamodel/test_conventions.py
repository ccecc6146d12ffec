"""Attributes of CF that mosaics and exposures carry into files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.exposures import assert_same_attrs, make_exposures
from tests.support.wcs import make_grid

SHAPE = (12, 14)
GRID = make_grid((16, 18))


@pytest.fixture(scope="module")
def exposures() -> list[xr.Dataset]:
    return make_exposures(3, SHAPE)


def ancillary(dataset: xr.Dataset) -> list[str]:
    return dataset["data"].attrs["ancillary_variables"].split()


def test_the_image_names_the_variables_beside_it(exposures: list[xr.Dataset]) -> None:
    """Each named variable exists, and each variable of pixels is named."""
    mosaic = xrs.coadd(exposures, GRID, compute_err="driz_err", propagate_dq=True)
    lazy = xrs.coadd(exposures, GRID, chunks=10, compute_err="driz_err", propagate_dq=True)
    for dataset in (*exposures, mosaic, lazy, xrs.empty_mosaic(GRID)):
        beside = [n for n in dataset.data_vars if n != "data" and {"y", "x"} <= {*dataset[n].dims}]
        assert ancillary(dataset) == sorted(beside)
    assert {"err", "wht", "con", "dq"} <= set(ancillary(mosaic))


def test_files_and_stores_name_the_same_variables(
    tmp_path: Path, exposures: list[xr.Dataset]
) -> None:
    files.hst(tmp_path / "a_flc.fits")
    assert ancillary(xrs.open_exposures(tmp_path / "a_flc.fits")[0]) == ["dq", "err"]
    dropped = xr.open_dataset(tmp_path / "a_flc.fits", group=1, drop_variables="err")
    assert ancillary(dropped) == ["dq"]
    files.image(tmp_path / "b.fits")
    alone = xr.open_dataset(tmp_path / "b.fits", engine="xresample")
    assert "ancillary_variables" not in alone["data"].attrs
    stored = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "a.zarr", chunks=10)
    assert_same_attrs(stored["data"].attrs, xrs.coadd(exposures, GRID)["data"].attrs)


def test_new_flags_are_named(exposures: list[xr.Dataset]) -> None:
    bare = [exposure.drop_vars("dq") for exposure in exposures]
    for chunks in (None, 10):
        flagged = xrs.flag_outliers(bare, GRID, by=None, weight_type=None, chunks=chunks)
        assert all("dq" in ancillary(exposure) for exposure in flagged)
    assert "ancillary_variables" in bare[0]["data"].attrs
    blotted = exposures[0].resample.blot(xrs.coadd(exposures, GRID))
    assert "ancillary_variables" not in blotted.attrs


def test_a_mosaic_states_its_conventions_and_history(exposures: list[xr.Dataset]) -> None:
    mosaic = xrs.coadd(exposures, GRID)
    assert mosaic.attrs["Conventions"] == "CF-1.11"
    assert mosaic.attrs["history"] == f"xresample {xrs.__version__} co-added 3 exposures"
    steps = xrs.coadd(exposures[:1], GRID).resample.add(*exposures[1:])
    assert_same_attrs(steps.attrs, mosaic.attrs)


def test_the_history_does_not_grow_by_round_trips(
    tmp_path: Path, exposures: list[xr.Dataset]
) -> None:
    """Lines of other programs stay, and this package has one line however often it runs."""
    mosaic = xrs.coadd(exposures[:1], GRID).assign_attrs(history="2026-01-01 ncks a.nc b.nc")
    for k, exposure in enumerate(exposures[1:]):
        mosaic = mosaic.resample.add(exposure)
        mosaic.to_netcdf(tmp_path / f"{k}.nc")
        mosaic = xr.load_dataset(tmp_path / f"{k}.nc")
    lines = mosaic.attrs["history"].splitlines()
    assert lines[0] == "2026-01-01 ncks a.nc b.nc"
    assert lines[1:] == [f"xresample {xrs.__version__} co-added 3 exposures"]
    without = mosaic.resample.drop(2, exposures=exposures[:2])
    assert without.attrs["history"].splitlines() == [
        lines[0],
        f"xresample {xrs.__version__} co-added 2 exposures",
    ]
    assert mosaic.resample.merge(xrs.empty_mosaic(GRID)).attrs["history"] == mosaic.attrs["history"]


def test_fits_files_hold_the_history_as_cards(tmp_path: Path, exposures: list[xr.Dataset]) -> None:
    from astropy.io import fits

    mosaic = xrs.coadd(exposures, GRID)
    mosaic.resample.to_fits(tmp_path / "a.fits")
    header = fits.getheader(tmp_path / "a.fits")
    assert " ".join(header["HISTORY"]).startswith("xresample ")
    assert "Conventions" not in header
    assert np.isfinite(header["EXPTIME"])
