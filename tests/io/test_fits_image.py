"""Exposures in FITS files of any origin."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import astropy.io.fits.hdu.compressed
import astropy.nddata
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

import xresample as xrs
from tests.support import files
from tests.support.wcs import FITS_DATA, make_fits, make_sip
from xresample.wcs.transform import pixel_to_world

M13 = Path(astropy.io.fits.hdu.compressed.__file__).parent / "tests" / "data" / "m13_rice.fits"
SIP = Path(astropy.nddata.__file__).parent / "tests" / "data" / "sip-wcs.fits"


def test_a_primary_image(tmp_path: Path) -> None:
    array = files.image(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    np.testing.assert_array_equal(exposure["data"], array)
    assert set(exposure.data_vars) == {"data"}
    assert exposure["data"].attrs["units"] == "adu"
    assert exposure.attrs == {
        "filename": "a.fits", "exposure_time": 90.0, "start_time": 56618.25,
        "exposure": str(exposure["exposure"].values),
    }  # fmt: skip
    expected = pixel_to_world(make_sip(files.SHAPE), 3.0, 4.0)
    found = pixel_to_world(exposure.resample.wcs, 3.0, 4.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_extensions_by_name(tmp_path: Path) -> None:
    arrays = files.planes()
    weight = 1 / arrays["var_rnoise"]
    weight[0, 0] = 0
    extra = (
        fits.ImageHDU(arrays["err"], name="ERR"),
        fits.ImageHDU(weight, name="IVM"),
        fits.ImageHDU(arrays["var_flat"], name="VAR_FLAT"),
        fits.ImageHDU(arrays["dq"].astype(np.uint8), name="MASK"),
        fits.ImageHDU(np.ones((2, 2), np.float32), name="VAR_ODD"),
    )
    files.image(tmp_path / "a.fits", names=("SCI",), extra=extra)
    exposure = xr.open_dataset(tmp_path / "a.fits")
    assert set(exposure.data_vars) == {"data", "err", "var_rnoise", "var_flat", "dq"}
    np.testing.assert_array_equal(exposure["err"], arrays["err"])
    np.testing.assert_allclose(exposure["var_rnoise"][1:], arrays["var_rnoise"][1:], rtol=1e-6)
    assert np.isnan(exposure["var_rnoise"][0, 0])
    assert exposure["dq"].dtype == np.uint32
    assert "flag_meanings" not in exposure["dq"].attrs


def test_a_group_selects_one_of_several_images(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits", names=("N1", "S3", "S3"))
    with pytest.raises(xrs.FileError, match=r"3 exposures.*'N1', 2, 3"):
        xr.open_dataset(tmp_path / "a.fits")
    exposures = xrs.open_exposures([tmp_path / "a.fits"])
    names = [exposure.attrs["filename"] for exposure in exposures]
    assert names == ["a.fits[N1]", "a.fits[2]", "a.fits[3]"]
    assert xr.open_dataset(tmp_path / "a.fits", group="n1").identical(exposures[0])


def test_planes_in_other_extensions_and_files(tmp_path: Path) -> None:
    arrays = files.planes()
    files.image(tmp_path / "i.fits", names=("N1", "S3"))
    hdus = [fits.ImageHDU(arrays[name], name=ext) for name, ext in
            (("err", "N1"), ("var_flat", "S3"), ("dq", "FLAGGED"))]  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "w.fits")
    other = tmp_path / "w.fits"
    exposure = xr.open_dataset(
        tmp_path / "i.fits", group="S3", weight=other, dq=f"{other}[flagged]"
    )
    np.testing.assert_array_equal(exposure["var_rnoise"], 1 / arrays["var_flat"])
    np.testing.assert_array_equal(exposure["dq"], arrays["dq"])
    exposure = xr.open_dataset(tmp_path / "i.fits", group="S3", variance="N1", err=f"{other}[1]")
    np.testing.assert_array_equal(exposure["err"], arrays["err"])
    np.testing.assert_array_equal(exposure["var_rnoise"], files.planes(5)["data"])
    for wrong, message in (
        (
            {"weight": "nowhere"},
            r"must name an extension of i\.fits \(N1,1, S3,1\) or an existing file.*nowhere",
        ),
        ({"weight": f"{other}[NO]"}, "must name a file with extension NO, got"),
        ({"dq": "N1"}, "N1,1 must hold integers to be used as dq, got BITPIX = -32"),
    ):
        with pytest.raises(xrs.FileError, match=message):
            xr.open_dataset(tmp_path / "i.fits", group="S3", **wrong)


def test_planes_of_another_shape_are_refused(tmp_path: Path) -> None:
    files.image(tmp_path / "i.fits")
    fits.writeto(tmp_path / "w.fits", np.ones((3, 3)))
    with pytest.raises(
        xrs.FileError, match=r"must name a file with one image of shape \(12, 16\), got"
    ):
        xr.open_dataset(tmp_path / "i.fits", weight=tmp_path / "w.fits")
    with pytest.raises(
        xrs.FileError,
        match=r"var_rnoise must have the shape of the image, \(12, 16\), got \(3, 3\)",
    ):
        xr.open_dataset(tmp_path / "i.fits", weight=f"{tmp_path / 'w.fits'}[0]")


def test_images_need_a_celestial_wcs(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "a.fits", np.ones((3, 4)))
    with pytest.raises(
        xrs.FileError, match=r"must have an image with a celestial WCS.*images are HDU 0"
    ):
        xr.open_dataset(tmp_path / "a.fits")


def test_scaled_integers(tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(
        np.arange(20, dtype=np.int16).reshape(4, 5), make_fits((4, 5)).to_header()
    )
    hdu.header["BLANK"] = 7
    hdu.writeto(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header["BSCALE"], hdus[0].header["BZERO"] = 0.5, 10.0
    found = xr.open_dataset(tmp_path / "a.fits")["data"]
    expected = (np.arange(20) * 0.5 + 10).reshape(4, 5).astype(np.float32)
    expected[1, 2] = np.nan
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def _expected(path: Path, extension: int) -> tuple[np.ndarray, WCS]:
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        return hdus[extension].data.astype(np.float32), WCS(hdus[extension].header, hdus)


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        (M13, 1),
        (SIP, 0),
        (FITS_DATA / "dist_lookup.fits.gz", 1),
        (FITS_DATA / "dss.14.29.56-62.41.05.fits.gz", 0),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_real_files(path: Path, extension: int) -> None:
    array, wcs = _expected(path, extension)
    exposure = xr.open_dataset(path)
    np.testing.assert_array_equal(exposure["data"], array)
    np.testing.assert_array_equal(exposure["data"][3:40:7, 5:9], array[3:40:7, 5:9])
    x, y = np.meshgrid(np.linspace(0, array.shape[1], 5), np.linspace(0, array.shape[0], 5))
    found = pixel_to_world(exposure.resample.wcs, x, y)
    np.testing.assert_allclose(found, wcs.all_pix2world(x, y, 0), rtol=0, atol=1e-11)


def with_header(path: Path, shape: tuple[int, ...] = (20, 24), **cards: object) -> Path:
    """Write an image with a tangent projection and further keywords."""
    header = make_fits((20, 24)).to_header()
    header.update(cards)
    fits.PrimaryHDU(np.ones(shape, np.float32), header).writeto(path)
    return path


def test_a_polynomial_that_ctype_does_not_name_is_ignored(tmp_path: Path) -> None:
    path = with_header(tmp_path / "drz.fits", A_ORDER=2, B_ORDER=2, A_2_0=1e-3, B_0_2=1e-3)
    with pytest.warns(xrs.IgnoredDistortionWarning, match="does not end with -SIP"):
        wcs = xr.open_dataset(path).resample.wcs
    assert wcs.wcs.ctype[0] == "RA---TAN"
    expected = make_fits((20, 24)).wcs_pix2world(0, 0, 0)
    np.testing.assert_allclose(wcs.all_pix2world(0, 0, 0), expected, rtol=1e-12)


@pytest.mark.parametrize("keyword", ["CRVAL1", "CRPIX2", "CDELT1", "PC1_2"])
def test_a_wcs_with_numbers_that_are_text_is_refused(tmp_path: Path, keyword: str) -> None:
    path = with_header(tmp_path / "bad.fits", **{keyword: "NaN"})
    with pytest.raises(xrs.XResampleError, match=f"{keyword} must be a finite number, got 'NaN'"):
        _ = xr.open_dataset(path).resample.wcs


@pytest.mark.parametrize("shape", [(1, 1, 20, 24), (1, 20, 24)])
def test_axes_of_one_pixel_are_left_out(tmp_path: Path, shape: tuple[int, ...]) -> None:
    cards: dict[str, object] = {"CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CDELT3": 1e6, "CRPIX3": 1.0}
    if len(shape) == 4:
        cards |= {"CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0}
    exposure = xr.open_dataset(with_header(tmp_path / "radio.fits", shape, **cards))
    assert dict(exposure.sizes) == {"y": 20, "x": 24}
    expected = xrs.make_exposure(np.ones((20, 24)), make_fits((20, 24))).resample.footprint()
    np.testing.assert_allclose(exposure.resample.footprint(), expected, rtol=1e-12)


def test_a_cube_is_refused_by_its_shape(tmp_path: Path) -> None:
    cube = {"CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CDELT3": 1e6, "CRPIX3": 1.0}
    path = with_header(tmp_path / "cube.fits", (5, 20, 24), **cube)
    with pytest.raises(xrs.XResampleError, match=r"got also images with more axes: .*5 x 20 x 24"):
        xr.open_dataset(path)


def moved(path: Path, **cards: Any) -> SkyCoord:
    """Return where the first pixel of an image is whose header has these cards for the frame."""
    header = make_fits(files.SHAPE, crval=(150.0, 2.0)).to_header()
    for keyword in ("RADESYS", "EQUINOX"):
        header.remove(keyword, ignore_missing=True)
    header.update(cards)
    fits.PrimaryHDU(np.ones(files.SHAPE, np.float32), header).writeto(path, overwrite=True)
    position = xr.open_dataset(path).resample.wcs.pixel_to_world(0, 0)
    return SkyCoord(position.icrs.ra, position.icrs.dec)


@pytest.mark.parametrize("keyword", ["EQUINOX", "EPOCH"])
@pytest.mark.parametrize("text", ["1950", "1950.0", "B1950", "b1950.0 "])
def test_an_equinox_that_is_text_is_not_ignored(tmp_path: Path, keyword: str, text: str) -> None:
    """wcslib takes coordinates with such an equinox for ICRS, 2500 arcsec away."""
    expected = moved(tmp_path / "a.fits", EQUINOX=1950.0)
    assert expected.separation(moved(tmp_path / "b.fits")).arcsec > 2000
    position = moved(tmp_path / "c.fits", **{keyword: text})
    assert position.separation(expected).arcsec < 1e-9


@pytest.mark.parametrize("frame", ["fk5", "icrs", "Fk4"])
def test_frames_in_lower_case(tmp_path: Path, frame: str) -> None:
    expected = moved(tmp_path / "a.fits", RADESYS=frame.upper())
    position = moved(tmp_path / "b.fits", RADESYS=frame)
    assert position.separation(expected).arcsec < 1e-9


def test_an_equinox_without_a_year(tmp_path: Path) -> None:
    with pytest.raises(xrs.FileError, match=r"a\.fits: EQUINOX must be a year, .* got 'unknown'"):
        moved(tmp_path / "a.fits", EQUINOX="unknown")
    known = moved(tmp_path / "a.fits", EQUINOX="unknown", RADESYS="ICRS")
    assert known.separation(moved(tmp_path / "b.fits")).arcsec == 0


@pytest.mark.parametrize("keyword", ["LONPOLE", "LATPOLE"])
def test_poles_that_are_text_are_refused(tmp_path: Path, keyword: str) -> None:
    """wcslib ignores such a pole, and the image would be rotated."""
    with pytest.raises(xrs.FileError, match=rf"{keyword} must be a finite number, got '170\.0'"):
        moved(tmp_path / "a.fits", **{keyword: "170.0"})
