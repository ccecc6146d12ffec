"""Which image belongs to which: pairs by version or order, roles by name, groups by file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from itertools import chain
from pathlib import Path
from typing import Any

import astropy
import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, VarianceUncertainty

import xresample as xrs
from tests.support import files
from tests.support.wcs import make_fits
from xresample.io.roles import auxiliary_suffix

SHAPE = (12, 16)
HEADER = make_fits(SHAPE).to_header()


def hdu(value: float, name: str = "", **cards: Any) -> fits.ImageHDU:
    """Return an image whose pixels are equal, without EXTVER; only float images have a WCS."""
    array = np.full(SHAPE, value, np.int32 if isinstance(value, int) else np.float32)
    made = fits.ImageHDU(array, HEADER if isinstance(value, float) else None)
    if name:
        made.header["EXTNAME"] = name
    made.header.update(cards)
    return made


def write(path: Path, *hdus: Any, **primary: Any) -> Path:
    """Write a file with an empty primary HDU."""
    first = fits.PrimaryHDU()
    first.header.update(primary)
    fits.HDUList([first, *hdus]).writeto(path, overwrite=True)
    return path


def means(path: Path) -> list[tuple[float, ...]]:
    """Return the means of data, err and dq of each exposure in a file."""
    return [
        tuple(float(e[name].mean()) for name in ("data", "err", "dq") if name in e)
        for e in xrs.open_exposures(path)
    ]


@pytest.mark.parametrize("telescope", ["SOAR", "HST", "JWST"])
@pytest.mark.parametrize("grouped", [False, True], ids=["SCI ERR DQ ...", "SCI ... ERR ..."])
@pytest.mark.parametrize("versions", ["missing", "equal", "unique"])
def test_planes_belong_to_their_image(
    tmp_path: Path, telescope: str, grouped: bool, versions: str
) -> None:
    chips = [[hdu(k + 1.0, "SCI"), hdu(k + 1.5, "ERR"), hdu(k, "DQ")] for k in range(4)]
    for k, chip in enumerate(chips):
        for image in chip:
            if versions != "missing":
                image.header["EXTVER"] = 7 if versions == "equal" else 10 - k
    flat = [chip[kind] for kind in range(3) for chip in chips] if grouped else [*chain(*chips)]
    path = write(tmp_path / "a.fits", *flat, TELESCOP=telescope)
    assert means(path) == [(k + 1.0, k + 1.5, float(k)) for k in range(4)]
    keys = [10, 9, 8, 7] if versions == "unique" else [1, 2, 3, 4]
    for k, key in enumerate(keys):
        exposure = xr.open_dataset(path, group=key)
        assert exposure.attrs["filename"] == f"a.fits[SCI,{key}]"
        assert float(exposure["data"].mean()) == k + 1


def test_a_missing_plane_shifts_no_other(tmp_path: Path) -> None:
    images = [hdu(float(k), "SCI") for k in (1, 2, 3)]
    path = write(tmp_path / "a.fits", images[0], hdu(1, "DQ"), *images[1:], hdu(3, "DQ"))
    # Two images in a row: the order does not tell which of them lacks flags.
    with pytest.raises(xrs.FileError, match=r"must have unique EXTVER .* 3 SCI and 2 DQ"):
        xrs.open_exposures(path)
    hdus = [image for k in (1, 2, 3) for image in (hdu(float(k), "SCI"), hdu(k + 0.5, "ERR"))]
    path = write(tmp_path / "b.fits", *hdus[:2], hdu(1, "DQ"), *hdus[2:], hdu(3, "DQ"))
    assert means(path) == [(1.0, 1.5, 1.0), (2.0, 2.5), (3.0, 3.5, 3.0)]


def test_a_single_image_and_plane_belong_together(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", hdu(1.0, "SCI", EXTVER=2), hdu(5, "DQ"))
    assert means(path) == [(1.0, 5.0)]


def test_names_with_a_prefix(tmp_path: Path) -> None:
    """Files of Euclid have an image, its errors and its flags per detector."""
    hdus = []
    for k in (1, 2):
        hdus += [hdu(float(k), f"DET{k}.SCI"), hdu(k + 0.5, f"DET{k}.RMS"), hdu(k, f"DET{k}.FLG")]
    path = write(tmp_path / "a.fits", *hdus)
    assert means(path) == [(1.0, 1.5, 1.0), (2.0, 2.5, 2.0)]
    assert len({e.attrs["group_id"] for e in xrs.open_exposures(path)}) == 1


@pytest.mark.parametrize(
    ("kind", "value"), [(StdDevUncertainty, 0.5), (VarianceUncertainty, 0.25), (InverseVariance, 4)]
)
def test_uncertainties_of_ccddata(tmp_path: Path, kind: Any, value: float) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2, 3] = True
    uncertainty = kind(np.full(SHAPE, value))
    data = CCDData(np.ones(SHAPE), uncertainty, mask, unit="adu", wcs=make_fits(SHAPE))
    data.write(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    name, other, expected = (
        ("err", "var_rnoise", 0.5) if kind is StdDevUncertainty else ("var_rnoise", "err", 0.25)
    )
    np.testing.assert_array_equal(exposure[name], expected)
    assert other not in exposure
    np.testing.assert_array_equal(exposure["dq"], mask)
    for role, name, expected in (
        ("err", "err", 0.5), ("variance", "var_rnoise", 0.25), ("weight", "var_rnoise", 0.25),
    ):  # fmt: skip
        chosen = xr.open_dataset(tmp_path / "a.fits", **{role: "UNCERT"})
        np.testing.assert_array_equal(chosen[name], expected)


def test_masks_and_weights_of_surveys(tmp_path: Path) -> None:
    weight = hdu(4.0, "WGT")
    weight.data[1, 2] = 0
    path = write(tmp_path / "a.fits", hdu(1.0, "SCI"), hdu(2, "MSK"), weight)
    exposure = xr.open_dataset(path)
    assert set(exposure.data_vars) == {"data", "dq", "var_rnoise"}
    assert int(exposure["dq"][0, 0]) == 2
    assert float(exposure["var_rnoise"][0, 0]) == 0.25
    assert np.isnan(exposure["var_rnoise"][1, 2])
    np.testing.assert_array_equal(np.isnan(exposure["data"]), weight.data == 0)


def test_flags_of_lsst_have_names(tmp_path: Path) -> None:
    mask = hdu(0, "MASK", MP_BAD=0, MP_SAT=1, **{"HIERARCH MP_DETECTED": 5})
    mask.data[3, 3], mask.data[5, 5] = 1 << 5, 1
    mask.header.extend(HEADER.cards)
    path = write(tmp_path / "a.fits", hdu(1.0, "IMAGE"), mask, hdu(2.0, "VARIANCE"))
    exposure = xr.open_dataset(path)
    assert exposure["dq"].attrs["flag_meanings"] == "BAD SAT DETECTED"
    np.testing.assert_array_equal(exposure["dq"].attrs["flag_masks"], [1, 2, 32])
    weight = exposure.resample.weight_map("ivm", good_bits="DETECTED")
    assert float(weight[3, 3]) == 0.5
    assert float(weight[5, 5]) == 0


@pytest.mark.parametrize("name", ["RMS", "UNC", "MSK", "WHT", "EXP", "BKG", "CVZ", "VAR_FLAT"])
def test_auxiliary_images_are_not_exposures(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.fits", hdu(1.0, name))
    message = rf"got only errors, weights or flags.* {name},1: .* group='{name}'"
    with pytest.raises(xrs.FileError, match=message):
        xr.open_dataset(path)
    assert float(xr.open_dataset(path, group=name)["data"].mean()) == 1
    both = write(tmp_path / "b.fits", hdu(1.0, "CCD1"), hdu(2 if name == "MSK" else 2.0, name))
    assert float(xr.open_dataset(both)["data"].mean()) == 1


def test_files_with_auxiliary_images_are_refused(tmp_path: Path) -> None:
    files.image(tmp_path / "a_unc.fits")
    with pytest.raises(xrs.FileError, match=r"according to the 'unc' in its name: .*group=0"):
        xr.open_dataset(tmp_path / "a_unc.fits")
    assert "data" in xr.open_dataset(tmp_path / "a_unc.fits", group=0)
    files.image(tmp_path / "a.fits")
    assert "err" in xr.open_dataset(tmp_path / "a.fits", err=tmp_path / "a_unc.fits")


def test_names_of_files() -> None:
    for name in ("a_unc.fits", "b.weight.fits", "c-MSK.fits.gz", "d.rms.fits.fz", "e_wht.fit"):
        assert auxiliary_suffix(f"/data/{name}") is not None
    for name in (
        "a_bcd.fits",
        "weights.fits",
        "b_std.fits",
        "c_exp.fits",
        "unc.fits",
        "d_drz.fits",
    ):
        assert auxiliary_suffix(f"/unc/{name}") is None


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32])
@pytest.mark.parametrize("blank", [None, -99, 1])
@pytest.mark.parametrize("tiled", [False, True], ids=["plain", "compressed"])
def test_flags_are_the_integers_of_the_file(
    tmp_path: Path, kind: Any, blank: int | None, tiled: bool
) -> None:
    """BLANK marks no pixel of an image of flags, because every value is a set of bits."""
    if tiled and kind is np.int8 and int(astropy.__version__.split(".")[0]) < 8:
        pytest.skip("astropy 7 adds 128 to int8 when it writes compressed images")
    bits = 8 * np.dtype(kind).itemsize
    flags = np.zeros(SHAPE, kind)
    flags[0, :4] = 1, 4, 5, 1 << (bits - 2)
    flags[1, 0] = np.array([1 << (bits - 1)], f"u{bits // 8}").astype(kind)[0]
    made = fits.CompImageHDU(flags) if tiled else fits.ImageHDU(flags)
    made.header["EXTNAME"] = "DQ"
    if blank is not None and (blank > 0 or kind in (np.int16, np.int32)):
        made.header["BLANK"] = blank
    found = xr.open_dataset(write(tmp_path / "a.fits", hdu(1.0, "SCI"), made))["dq"]
    expected = flags.view(f"u{bits // 8}").astype(np.uint32)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[0:2, 3:1:-1], expected[0:2, 3:1:-1])


@pytest.mark.parametrize(
    ("value", "expected"),
    [("100.0", 100.0), (" 100 ", 100.0), ("1e2", 100.0), (100, 100.0), ("long", None),
     (True, None), ("nan", None), ("", None)],
)  # fmt: skip
def test_keywords_that_are_text(tmp_path: Path, value: Any, expected: float | None) -> None:
    path = write(tmp_path / "a.fits", hdu(1.0, "SCI"), EXPTIME=value)
    assert xr.open_dataset(path).attrs.get("exposure_time") == expected
    path = write(tmp_path / "b.fits", hdu(1.0, "SCI"), **{"MJD-OBS": "60431.5"})
    assert xr.open_dataset(path).attrs["start_time"] == 60431.5


def test_times_in_minutes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", hdu(1.0, "SCI"), EXPOSURE=(70.0, "Exposure time minutes"))
    assert xr.open_dataset(path).attrs["exposure_time"] == 4200.0


@pytest.mark.parametrize("leading", [(1,), (1, 1)])
def test_axes_of_one_pixel_are_dropped(tmp_path: Path, leading: tuple[int, ...]) -> None:
    array = np.arange(192, dtype=np.float32).reshape(SHAPE)
    header = HEADER.copy()
    header.update(CTYPE3="FREQ", CRVAL3=1.4e9, CDELT3=1e6, CRPIX3=1.0, CUNIT3="Hz")
    if len(leading) == 2:
        header.update(CTYPE4="STOKES", CRVAL4=1.0, CDELT4=1.0, CRPIX4=1.0)
    fits.PrimaryHDU(array.reshape(leading + SHAPE), header).writeto(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    np.testing.assert_array_equal(exposure["data"], array)
    np.testing.assert_array_equal(exposure["data"][2:9, 3], array[2:9, 3])
    expected = make_fits(SHAPE).wcs_pix2world(3, 4, 0)
    np.testing.assert_allclose(exposure.resample.wcs.wcs_pix2world(3, 4, 0), expected)


def test_other_compressions(tmp_path: Path) -> None:
    array = files.image(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(content))
    (tmp_path / "a.fits.bz2").write_bytes(bz2.compress(content))
    (tmp_path / "a.fits.xz").write_bytes(lzma.compress(content))
    with zipfile.ZipFile(tmp_path / "a.fits.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.fits", content)
    for end in ("gz", "bz2", "xz", "zip"):
        exposure = xr.open_dataset(tmp_path / f"a.fits.{end}")
        np.testing.assert_array_equal(exposure["data"], array)
        assert exposure.resample.wcs is not None
        packed = (tmp_path / f"a.fits.{end}").read_bytes()
        (tmp_path / f"b.fits.{end}").write_bytes(packed[: len(packed) // 2])
        with pytest.raises(xrs.FileError, match=rf"b\.fits\.{end} is"):
            xr.open_dataset(tmp_path / f"b.fits.{end}", engine="xresample")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.fits", content)
        archive.writestr("b.fits", content)
    with pytest.raises(xrs.FileError, match="must contain exactly one file, got 2"):
        xr.open_dataset(tmp_path / "two.zip", engine="xresample")


def camera(path: Path, **cards: Any) -> list[xr.Dataset]:
    """Write a file with two detectors and return its exposures; cards have a value for each."""
    detectors = [{key: value[k] for key, value in cards.items()} for k in range(2)]
    hdus = [hdu(1.0, f"N{k}", **own) for k, own in enumerate(detectors)]
    return xrs.open_exposures(write(path, *hdus, EXPTIME=90.0))


def test_detectors_of_a_camera_share_a_group(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    one = camera(tmp_path / "a.fits")
    other = camera(tmp_path / "night" / "a.fits")
    assert one[0].attrs["group_id"] == one[1].attrs["group_id"]
    assert one[0].attrs["group_id"] != other[0].attrs["group_id"]
    mosaic = xrs.coadd([*one, *other], xrs.fit_wcs(one), weight_type="exptime")
    assert mosaic.attrs["exposure_time"] == 180.0
    assert mosaic.attrs["pointings"] == 2
    apart = camera(tmp_path / "b.fits", **{"DATE-OBS": ["2024-05-01T01:00", "2024-05-01T02:00"]})
    assert apart[0].attrs["group_id"] != apart[1].attrs["group_id"]
    together = camera(tmp_path / "c.fits", **{"DATE-OBS": ["2024-05-01T01:00"] * 2})
    assert together[0].attrs["group_id"] == together[1].attrs["group_id"]
    assert "group_id" not in xr.open_dataset(write(tmp_path / "d.fits", hdu(1.0))).attrs
