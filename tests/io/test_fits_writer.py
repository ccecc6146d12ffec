"""Mosaics written as FITS files."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import FK5
from astropy.io import fits
from astropy.io.fits.file import _File
from astropy.wcs import WCS

import xresample as xrs
from tests.support import files
from tests.support.wcs import (
    make_fits,
    make_grid,
    make_gwcs,
    make_lookup,
    make_sip,
    make_tabular,
    make_tpv,
)
from xresample.datamodel import schema
from xresample.wcs.fits_header import TOLERANCE
from xresample.wcs.transform import pixel_to_world, transform

EXTENSIONS = {
    "data": "SCI", "err": "ERR", "wht": "WHT", "con": "CON", "dq": "DQ",
    "var_rnoise": "VAR_RNOISE", "var_poisson": "VAR_POISSON", "var_flat": "VAR_FLAT",
    "var_rnoise_wht": "VAR_RNOISE_WHT",
}  # fmt: skip


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """Return a mosaic of two JWST files."""
    folder = tmp_path_factory.mktemp("exposures")
    for k in range(2):
        files.jwst(folder / f"{k}_cal.fits", seed=k)
    exposures = [xr.open_dataset(folder / f"{k}_cal.fits") for k in range(2)]
    grid = xrs.fit_wcs(exposures, pixel_scale=0.07, rotation=20.0)
    return xrs.coadd(
        exposures, grid, good_bits="~DO_NOT_USE", fillval="nan", compute_err="driz_err",
        propagate_dq=True,
    )  # fmt: skip


def error_of(header: Any, wcs: Any, shape: tuple[int, int], x0: int = 0, y0: int = 0) -> float:
    """Return the maximum error of the WCS keywords, in pixels."""
    x, y = np.meshgrid(np.linspace(0, shape[1] - 1, 11), np.linspace(0, shape[0] - 1, 11))
    there = transform(wcs, WCS(header))(x + x0, y + y0)
    return float(np.hypot(there[0] - x, there[1] - y).max())


def test_planes_and_keywords(tmp_path: Path, mosaic: xr.Dataset) -> None:
    mosaic.resample.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        for name, extension in EXTENSIONS.items():
            np.testing.assert_array_equal(hdus[extension].data, mosaic[name])
            assert hdus[extension].data.dtype.newbyteorder("=") == mosaic[name].dtype
            assert hdus[extension].header.get("BUNIT") == mosaic[name].attrs.get("units")
        primary = hdus[0].header
        assert primary["KERNEL"] == "square"
        assert primary["GOODBITS"] == "~DO_NOT_USE"
        assert primary["FILLVAL"] == "nan"
        assert primary["EXPTIME"] == 622.5
        assert primary["POINTNGS"] == 1
        assert primary["NEXPOSUR"] == 2
        rows = hdus["HDRTAB"].data
        assert list(rows["filename"]) == ["0_cal.fits", "1_cal.fits"]
        for row in schema.PROVENANCE:
            np.testing.assert_array_equal(rows[row.name], mosaic[row.name])
        text = bytes(hdus["ASDF"].data["ASDF_METADATA"][0].tobytes()).decode()
        assert text == str(mosaic["wcs"].values)


def test_all_attributes_are_written(tmp_path: Path, mosaic: xr.Dataset) -> None:
    odd = {"note": "two\nlines, °", "pair": [1, 2], "a_rather_long_attribute_name": 3.5}
    mosaic.assign_attrs(odd).resample.to_fits(tmp_path / "m.fits")
    header = fits.getheader(tmp_path / "m.fits")
    assert header["note"] == "two lines, ?"
    assert header["pair"] == "1 2"
    assert header["a_rather_long_attribute_name"] == 3.5


def test_a_written_mosaic_can_be_read(tmp_path: Path, mosaic: xr.Dataset) -> None:
    mosaic.resample.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        header = hdus["SCI"].header
        assert WCS(header).array_shape == mosaic["data"].shape
        assert error_of(header, mosaic.resample.wcs, mosaic["data"].shape) < TOLERANCE
    back = xr.open_dataset(tmp_path / "m.fits")
    np.testing.assert_array_equal(back["data"], mosaic["data"])
    np.testing.assert_array_equal(back["var_flat"], mosaic["var_flat"])
    assert "var_flat_wht" not in back
    assert str(back["wcs"].values) == str(mosaic["wcs"].values)


@pytest.mark.parametrize(
    "wcs",
    [
        make_fits((40, 50), crval=(83.123456789012345, -67.5)),
        make_fits((40, 50), radesys="FK5"),
        make_sip((40, 50)),
        make_tpv((40, 50)),
        make_grid((40, 50), rotation=33.0),
        make_grid((40, 50), reference=FK5(equinox="J1975")),
        make_gwcs((300, 400), distortion=3.0),
    ],
    ids=["tan", "fk5", "sip", "tpv", "gwcs", "gwcs fk5", "gwcs sip"],
)
@pytest.mark.parametrize("part", [{}, {"x": slice(7, 30), "y": slice(11, None)}],
                         ids=["whole", "cutout"])  # fmt: skip
def test_keywords_reproduce_the_wcs(tmp_path: Path, wcs: Any, part: Any) -> None:
    piece = xrs.empty_mosaic(wcs).isel(part)
    piece.resample.to_fits(tmp_path / "m.fits")
    x0, y0 = (int(piece[name][0]) for name in ("x", "y"))
    for extension in ("SCI", "WHT"):
        header = fits.getheader(tmp_path / "m.fits", extension)
        assert error_of(header, wcs, piece["data"].shape, x0, y0) < TOLERANCE
        assert header.get("LTV1", 0) == -x0


@pytest.mark.parametrize("wcs", [make_lookup(), make_tabular()], ids=["fits", "gwcs"])
def test_no_keywords_if_they_cannot_reproduce_the_wcs(tmp_path: Path, wcs: Any) -> None:
    xrs.empty_mosaic(wcs).resample.to_fits(tmp_path / "m.fits")
    assert "CTYPE1" not in fits.getheader(tmp_path / "m.fits", "SCI")
    back = xr.open_dataset(tmp_path / "m.fits").resample.wcs
    np.testing.assert_array_equal(pixel_to_world(back, 3.0, 4.0), pixel_to_world(wcs, 3.0, 4.0))


def test_without_a_wcs(tmp_path: Path) -> None:
    xrs.empty_mosaic((3, 4)).resample.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        assert "ASDF" not in hdus
        assert len(hdus["HDRTAB"].data) == 0


def test_only_overwrite_replaces_a_file(tmp_path: Path, mosaic: xr.Dataset) -> None:
    path = tmp_path / "m.fits"
    path.write_text("precious")
    with pytest.raises(xrs.FileError, match="overwrite=True"):
        mosaic.resample.to_fits(path)
    assert path.read_text() == "precious"
    mosaic.resample.to_fits(str(path), overwrite=True)
    assert fits.getheader(path)["KERNEL"] == "square"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.fits"]


def test_a_failed_write_leaves_everything_as_it_was(
    tmp_path: Path, mosaic: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.fits"
    path.write_text("precious")

    def write(self: Any, name: Path) -> None:
        name.write_text("half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", write)
    with pytest.raises(OSError, match="No space"):
        mosaic.resample.to_fits(path, overwrite=True)
    assert path.read_text() == "precious"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.fits"]


@pytest.mark.parametrize("name", ["m.fits", "m.fits.gz"])
def test_nobody_sees_a_plane_change_while_it_is_written(
    tmp_path: Path, mosaic: xr.Dataset, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen, expected = [], mosaic.copy(deep=True)
    write = _File.writearray

    def noted(file: Any, array: np.ndarray) -> None:
        seen.append(mosaic.identical(expected))
        write(file, array)

    monkeypatch.setattr(_File, "writearray", noted)
    mosaic.resample.to_fits(tmp_path / name)
    assert len(seen) >= len(EXTENSIONS)
    assert all(seen)
    with fits.open(tmp_path / name) as hdus:
        np.testing.assert_array_equal(hdus["SCI"].data, expected["data"])


def test_planes_of_an_hdulist_can_be_changed(mosaic: xr.Dataset) -> None:
    expected = mosaic["data"].copy(deep=True)
    mosaic.resample.to_hdulist()["SCI"].data[...] = 7.0
    assert mosaic["data"].identical(expected)


def test_the_suffix_gz_compresses(tmp_path: Path, mosaic: xr.Dataset) -> None:
    mosaic.resample.to_fits(tmp_path / "m.fits.gz")
    assert (tmp_path / "m.fits.gz").read_bytes().startswith(b"\x1f\x8b")
    np.testing.assert_array_equal(xr.open_dataset(tmp_path / "m.fits.gz")["data"], mosaic["data"])


def test_a_mosaic_from_netcdf_gives_the_same_file(tmp_path: Path, mosaic: xr.Dataset) -> None:
    mosaic.to_netcdf(tmp_path / "m.nc")
    mosaic.resample.to_fits(tmp_path / "a.fits")
    with xr.open_dataset(tmp_path / "m.nc", chunks={"x": 5}) as opened:
        opened.resample.to_fits(tmp_path / "b.fits")
    with fits.open(tmp_path / "a.fits") as a, fits.open(tmp_path / "b.fits") as b:
        assert fits.FITSDiff(a, b).identical


def test_only_mosaics_are_written(tmp_path: Path) -> None:
    with pytest.raises(
        xrs.InvalidInputError, match=r"Expected a mosaic .*, got a Dataset with variables: data"
    ):
        xrs.make_exposure(np.ones((3, 4))).resample.to_fits(tmp_path / "a.fits")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, mosaic: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.fits"
    write = fits.HDUList.writeto

    def slow(self: Any, name: Path) -> None:
        write(self, name)
        path.write_text("precious")

    monkeypatch.setattr(fits.HDUList, "writeto", slow)
    with pytest.raises(xrs.FileError, match="overwrite=True"):
        mosaic.resample.to_fits(path)
    # File systems without links reserve the name with an empty file.
    path.unlink()
    monkeypatch.setattr("os.link", no_links)
    with pytest.raises(xrs.FileError, match="overwrite=True"):
        mosaic.resample.to_fits(path)
    assert path.read_text() == "precious"
    mosaic.resample.to_fits(path, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.fits"]


def no_links(*_: Any) -> None:
    """Fail as on a file system without hard links."""
    raise PermissionError("no links here")


def test_file_systems_without_links(
    tmp_path: Path, mosaic: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.link", no_links)
    mosaic.resample.to_fits(tmp_path / "m.fits")
    assert fits.getheader(tmp_path / "m.fits")["KERNEL"] == "square"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.fits"]


KILLED = """
import os, signal, sys
import xresample as xrs
from astropy.io import fits
write = fits.HDUList.writeto
def killed(self, *args):
    write(self, *args)
    os.kill(os.getpid(), signal.SIGKILL)
fits.HDUList.writeto = killed
xrs.empty_mosaic((3, 4)).resample.to_fits(sys.argv[1])
"""


def test_the_next_call_removes_what_a_kill_leaves(tmp_path: Path) -> None:
    path = tmp_path / "m.fits"
    (tmp_path / ".m.fits.other").write_text("of somebody else")
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    assert not path.exists()
    xrs.empty_mosaic((3, 4)).resample.to_fits(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"m.fits", ".m.fits.other"}


def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "m.fits", tmp_path / "link.fits"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    mosaic = xrs.empty_mosaic((3, 4))
    with pytest.raises(xrs.FileError, match="overwrite=True"):
        mosaic.resample.to_fits(link)
    mosaic.resample.to_fits(link, overwrite=True)
    assert link.is_symlink()
    assert fits.getheader(target)["KERNEL"] == "square"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert len(list((tmp_path / "data").iterdir())) == 1
    mosaic.resample.to_fits(tmp_path / "new.fits")
    (tmp_path / "plain").write_text("")
    plain, new = (stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("plain", "new.fits"))
    assert plain == new


def test_a_written_mosaic_as_an_exposure(tmp_path: Path) -> None:
    """A pixel without data is not a measured 0 when the mosaic is co-added again."""
    small = xrs.make_exposure(np.full((12, 16), 5.0), make_fits((12, 16)))
    grid = make_fits((30, 40))
    full = xrs.make_exposure(np.full((30, 40), 5.0), grid)
    mosaic = xrs.coadd(small, grid, weight_type=None)
    assert float(mosaic["data"].min()) == 0
    mosaic.resample.to_fits(tmp_path / "m.fits")
    again = xr.open_dataset(tmp_path / "m.fits")
    np.testing.assert_array_equal(np.isnan(again["data"]), mosaic["wht"] == 0)
    options: dict[str, Any] = {"weight_type": None}
    results = [xrs.coadd([given, full], grid, **options) for given in (again, mosaic)]
    results.append(xrs.coadd([mosaic, full], grid, chunks=16, **options).compute())
    results.append(xrs.coadd([mosaic.chunk(7), full], grid, chunks=16, **options).compute())
    for both in results:
        np.testing.assert_allclose(both["data"], 5.0, rtol=1e-6)
        xr.testing.assert_equal(both["wht"], results[0]["wht"])
