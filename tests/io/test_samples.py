"""Real files of the missions in the folder ``XRESAMPLE_SAMPLES`` (an environment variable)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs
from xresample.wcs.transform import pixel_to_world, transform

FOLDER = Path(os.environ.get("XRESAMPLE_SAMPLES", "nowhere"))

pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="XRESAMPLE_SAMPLES is not the name of a folder"),
]


def found(pattern: str) -> list[Path]:
    """Return the sample files that match a pattern."""
    paths = sorted(FOLDER.glob(pattern))
    if not paths:
        pytest.skip(f"no sample {pattern}")
    return paths


@pytest.mark.parametrize(
    "pattern", ["jwst/*_cal.fits*", "roman/*_cal.asdf", "hst/*.fits*", "ground/*_ooi_*.fits"]
)
def test_every_file_opens(pattern: str) -> None:
    for path in found(pattern):
        for exposure in xrs.open_exposures(path):
            shape = exposure["data"].shape
            assert min(shape) > 1
            assert exposure.attrs["exposure_time"] > 0
            assert exposure.resample.pixel_area > 0
            assert exposure.load()["data"].dtype == np.float32
            if (area := exposure.attrs.get("pixelarea_steradians")) is not None:
                assert exposure.resample.pixel_area == pytest.approx(area, rel=0.02)


def test_jwst_groups() -> None:
    exposures = xrs.open_exposures(found("jwst/jw04242001001_02101_*_cal.fits"))
    groups = {exposure.attrs["group_id"] for exposure in exposures}
    assert groups == {"jw04242001001_02101_00001", "jw04242001001_02101_00002"}
    exposures = [exposure for exposure in exposures if exposure.attrs["filter"] == "F200W"]
    mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures), good_bits="~DO_NOT_USE+NON_SCIENCE")
    assert mosaic.attrs["pointings"] == 2
    assert mosaic.attrs["exposure_time"] == pytest.approx(2 * exposures[0].attrs["exposure_time"])


def test_jwst_gwcs_agrees_with_the_keywords() -> None:
    (path,) = found("jwst/jw04242001001_02101_00001_nrcb1_cal.fits")
    with fits.open(path) as hdus:
        header = WCS(hdus["SCI"].header)
    x, y = np.meshgrid(np.arange(0, 256, 16.0), np.arange(0, 256, 16.0))
    near = transform(xr.open_dataset(path).resample.wcs, header)(x, y)
    assert 0 < np.hypot(near[0] - x, near[1] - y).max() < 0.02


def test_miri_keeps_its_bounding_box() -> None:
    (path,) = found("jwst/det_image_seq1_MIRIMAGE*_cal.fits.gz")
    exposure = xr.open_dataset(path)
    assert exposure.attrs["group_id"] == "jw12345001001_01101_00001"
    assert exposure.resample.wcs.bounding_box.bounding_box(order="F") == (
        (3.5, 1027.5), (-0.5, 1023.5),
    )  # fmt: skip


def test_roman_variances() -> None:
    for path in found("roman/*_cal.asdf"):
        exposure = xr.open_dataset(path, var_sky=True).load()
        assert exposure.attrs["group_id"].startswith("0000101")
        assert exposure["data"].attrs["units"] == "DN/s"
        total = exposure["var_rnoise"] + exposure["var_poisson"] + exposure["var_flat"]
        np.testing.assert_allclose(np.sqrt(total), exposure["err"], rtol=5e-3)
        assert (exposure["var_sky"] >= exposure["var_rnoise"]).mean() > 0.99


def test_hst_distortion() -> None:
    (path,) = found("hst/*_sip_dq_flt.fits.gz")
    exposure = xr.open_dataset(path)
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        wcs = WCS(hdus["SCI", 1].header, hdus)
        np.testing.assert_array_equal(exposure["data"], hdus["SCI", 1].data / np.float32(60))
        np.testing.assert_array_equal(exposure["dq"], hdus["DQ", 1].data.astype(np.int32) & 65535)
    x, y = np.meshgrid(np.arange(0, 1024, 64.0), np.arange(0, 1024, 64.0))
    sky = pixel_to_world(exposure.resample.wcs, x, y)
    np.testing.assert_allclose(sky, wcs.all_pix2world(x, y, 0), rtol=0, atol=1e-12)


def test_a_written_mosaic_can_be_read(tmp_path: Path) -> None:
    exposures = xrs.open_exposures(found("ground/*_ooi_*.fits")[:1])
    exposures += xrs.open_exposures(found("jwst/*_00001_nrcb1_cal.fits"))
    exposures += xrs.open_exposures(found("roman/*_0001_*.asdf"))
    for exposure in exposures:
        mosaic = xrs.coadd(exposure, xrs.fit_wcs(exposure), weight_type=None, good_bits=None)
        mosaic.resample.to_fits(tmp_path / "m.fits", overwrite=True)
        with fits.open(tmp_path / "m.fits") as hdus:
            np.testing.assert_array_equal(hdus["SCI"].data, mosaic["data"])
            x, y = np.meshgrid(np.arange(0, 100, 9.0), np.arange(0, 100, 9.0))
            there = transform(WCS(hdus["SCI"].header), mosaic.resample.wcs)(x, y)
        assert np.hypot(there[0] - x, there[1] - y).max() < 1e-6


def test_ground_weights() -> None:
    for path in found("ground/*_ooi_*.fits"):
        weight, mask = (str(path).replace("_ooi_", f"_{kind}_") for kind in ("oow", "ood"))
        exposure = xr.open_dataset(path, weight=weight, dq=mask)
        with fits.open(weight) as hdus:
            expected = hdus[1].data
        found_weights = exposure.resample.weight_map("ivm", good_bits=None)
        np.testing.assert_allclose(found_weights, np.maximum(expected, 0), rtol=1e-6)
        assert exposure["dq"].dtype == np.uint32
