"""Exposures in files of JWST."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.wcs import make_gwcs, make_sip
from xresample.wcs.transform import pixel_to_world


def test_variables_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "jw_cal.fits"
    arrays = files.jwst(path)
    exposure = xr.open_dataset(path)
    assert exposure["data"].dims == ("y", "x")
    assert set(exposure.data_vars) == {*arrays, "area"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(exposure[name], array)
        assert exposure[name].dtype == array.dtype
    assert exposure["y"].dtype == exposure["x"].dtype == np.int64
    assert exposure["data"].attrs["units"] == exposure["err"].attrs["units"] == "MJy/sr"
    assert exposure["var_flat"].attrs["units"] == "MJy2 / sr2"
    assert exposure.attrs == {
        "filename": "jw_cal.fits", "group_id": "jw04242001002_0310A_00005",
        "exposure_time": 622.5, "measurement_time": 536.5, "duration": 633.25,
        "start_time": 60431.5, "end_time": 60431.75, "pixelarea_steradians": 9.5e-14,
        "level": 1.25, "subtracted": 0, "exposure": str(exposure["exposure"].values),
    }  # fmt: skip


def test_wcs_is_the_gwcs(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    wcs = xr.open_dataset(tmp_path / "a.fits").resample.wcs
    x, y = np.meshgrid(np.arange(files.NX), np.arange(files.NY))
    expected = pixel_to_world(make_gwcs(files.SHAPE), x, y)
    np.testing.assert_array_equal(pixel_to_world(wcs, x, y), expected)


@pytest.mark.parametrize("meta", [None, {"wcs": None}], ids=["no extension", "no WCS in it"])
def test_without_a_gwcs_the_keywords_are_used(tmp_path: Path, meta: dict[str, None] | None) -> None:
    files.jwst(tmp_path / "a.fits", with_gwcs=meta is not None, meta=meta)
    wcs = xr.open_dataset(tmp_path / "a.fits").resample.wcs
    x, y = np.meshgrid(np.arange(files.NX), np.arange(files.NY))
    expected = pixel_to_world(make_sip(files.SHAPE), x, y)
    np.testing.assert_allclose(pixel_to_world(wcs, x, y), expected, rtol=0, atol=1e-9)


def test_group_id_of_the_tree_has_priority(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits", meta={"group_id": "mine"})
    files.jwst(tmp_path / "b.fits", meta={"group_id": None})
    assert xr.open_dataset(tmp_path / "a.fits").attrs["group_id"] == "mine"
    assert xr.open_dataset(tmp_path / "b.fits").attrs["group_id"] == "jw04242001002_0310A_00005"


def test_good_bits_by_name(tmp_path: Path) -> None:
    arrays = files.jwst(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    weight = exposure.resample.weight_map(None, good_bits="~DO_NOT_USE+NON_SCIENCE")
    np.testing.assert_array_equal(weight, (arrays["dq"] & (1 | 512)) == 0)


def test_missing_planes_are_absent(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits", leave_out=("DQ", "VAR_FLAT"))
    exposure = xr.open_dataset(tmp_path / "a.fits")
    assert "dq" not in exposure
    assert "var_flat" not in exposure


def test_a_file_needs_an_image(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits", leave_out=("SCI",))
    with pytest.raises(
        xrs.FileError, match=r"must have an extension SCI, like files of JWST, got ERR,1, DQ,1"
    ):
        xr.open_dataset(tmp_path / "a.fits")


def test_a_wcs_of_a_mission_package_is_refused(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits", meta={"wcs": {"steps": "of a spectrograph"}})
    exposure = xr.open_dataset(tmp_path / "a.fits")
    with pytest.raises(xrs.UnsupportedWCSError, match=r"a\.fits.*mission's own ASDF extension"):
        _ = exposure.resample.wcs


def test_coadd(tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}_cal.fits" for k in range(2)]
    for k, path in enumerate(paths):
        files.jwst(path, seed=k)
    exposures = [xr.open_dataset(path) for path in paths]
    mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures), good_bits=None)
    assert mosaic.attrs["pointings"] == 1
    assert list(mosaic["filename"].values) == ["0_cal.fits", "1_cal.fits"]
    # The co-add subtracts the sky level of 1.25 from data of mean 1, because the file has not.
    assert abs(float(mosaic["data"].where(mosaic["wht"] > 0).mean()) + 0.25) < 0.1
