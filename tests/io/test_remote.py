"""Files that are not local: over HTTP, on file systems in memory, open files, HDUs in memory."""

from __future__ import annotations

import gzip
import io
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support import files
from tests.support.exposures import assert_same_attrs, assert_same_bits, make_exposures
from tests.support.servers import serve
from tests.support.wcs import make_grid
from xresample.io.backend import XResampleBackend


@pytest.fixture
def flc(tmp_path: Path) -> Path:
    files.hst(tmp_path / "a_flc.fits")
    return tmp_path / "a_flc.fits"


@pytest.fixture
def memory() -> Iterator[Any]:
    """Return the file system in memory, which is empty afterwards."""
    fs = fsspec.filesystem("memory")
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def assert_same_exposure(mine: xr.Dataset, yours: xr.Dataset) -> None:
    """Fail if two exposures differ in anything but identity and file name."""
    for name in (*yours.data_vars, "wcs"):
        np.testing.assert_array_equal(mine[name].values, yours[name].values)
        assert_same_attrs(mine[name].attrs, yours[name].attrs)
    own = {"exposure", "filename", "group_id"}
    assert {k: v for k, v in mine.attrs.items() if k not in own} == {
        k: v for k, v in yours.attrs.items() if k not in own
    }


def test_an_http_file_is_read_like_a_local_one(flc: Path) -> None:
    local = xrs.open_exposures(flc)
    with serve(a_fits=flc.read_bytes()) as served:
        remote = xrs.open_exposures(f"{served.url}/a.fits?token=1")
        assert len(remote) == 2
        for mine, yours in zip(remote, local, strict=True):
            assert_same_exposure(mine, yours)
        assert remote[0].attrs["filename"] == "a.fits[SCI,1]"
        assert remote[0].attrs["exposure"] != remote[1].attrs["exposure"]
        copied = pickle.loads(pickle.dumps(remote[1]))  # noqa: S301 - pickled in the same line
        assert_same_exposure(copied, local[1])
        tree = xr.open_datatree(f"{served.url}/a.fits", engine="xresample")
        assert list(tree.children) == ["1", "2"]


def large(path: Path) -> np.ndarray:
    """Write an image of 4 MB, and return its pixels."""
    pixels = np.arange(1024 * 1024, dtype=np.float32).reshape(1024, 1024)
    files.image(path)
    header = fits.getheader(path)
    fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)
    return pixels


def test_only_ranges_are_fetched(tmp_path: Path) -> None:
    """Opening fetches headers, and a part of the image fetches its rows."""
    pixels = large(tmp_path / "a.fits")
    with serve(a_fits=(tmp_path / "a.fits").read_bytes()) as served:
        exposure = xr.open_dataset(f"{served.url}/a.fits", engine="xresample")
        repr(exposure)
        assert served.sent < 700_000
        before = served.sent
        part = exposure["data"][100:110, 5:9].values
        np.testing.assert_array_equal(part, pixels[100:110, 5:9])
        assert served.sent - before < 400_000


def test_a_server_without_ranges_sends_the_file_once(tmp_path: Path) -> None:
    pixels = large(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    with serve(a_fits=content) as served:
        served.ranges = False
        exposure = xr.open_dataset(f"{served.url}/a.fits", engine="xresample")
        before = served.requests
        np.testing.assert_array_equal(exposure["data"].values, pixels)
        assert served.requests == before
        assert exposure.attrs["filename"] == "a.fits"


def test_a_changed_remote_file_is_noticed(tmp_path: Path) -> None:
    large(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    with serve(a_fits=content) as served:
        exposure = xr.open_dataset(f"{served.url}/a.fits", engine="xresample")
        served.files["a.fits"] = content[:-4] + b"\1\2\3\4"
        with pytest.raises(xrs.FileError, match="has changed since it was opened"):
            exposure["data"].values  # noqa: B018 - access reads the file


def test_missing_remote_files_and_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as served, pytest.raises(FileNotFoundError):
        xr.open_dataset(f"{served.url}/a.fits", engine="xresample")
    with pytest.raises((xrs.FileError, OSError)):
        xr.open_dataset(f"{served.url}/a.fits", engine="xresample")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(xrs.InvalidInputError, match=r"pip install 'xresample\[remote\]'"):
        xr.open_dataset("https://example.org/a.fits", engine="xresample")


@pytest.mark.parametrize("name", ["a_cal.fits", "b_flc.fits", "c_cal.asdf", "d_cal.fits.gz"])
def test_files_in_memory_are_read_like_local_ones(tmp_path: Path, memory: Any, name: str) -> None:
    """A URL, an open file, a file to open and a stream of bytes give the same exposures."""
    path = tmp_path / name
    if name.startswith("c"):
        files.roman(path)
    elif name.startswith("b"):
        files.hst(path)
    else:
        files.jwst(tmp_path / "x_cal.fits")
        content = (tmp_path / "x_cal.fits").read_bytes()
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    local = xrs.open_exposures(path)
    memory.pipe(f"/x/{name}", path.read_bytes())
    with memory.open(f"/x/{name}") as stream, path.open("rb") as file:
        for given in (
            f"memory://x/{name}", stream, fsspec.open(f"memory://x/{name}"), file,
            io.BytesIO(path.read_bytes()), f"file://{path}", [f"memory://x/{name}"],
        ):  # fmt: skip
            found = xrs.open_exposures(given)
            assert len(found) == len(local)
            for mine, yours in zip(found, local, strict=True):
                assert_same_exposure(mine, yours)
        assert stream.tell() == file.tell() == 0
        assert XResampleBackend().guess_can_open(file)
        assert XResampleBackend().guess_can_open(f"memory://x/{name}")


def test_a_member_of_an_archive_is_not_the_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.image(tmp_path / "a.fits")
    member = tmp_path / "b.fits"
    with fits.open(tmp_path / "a.fits") as hdus:
        hdus[0].data[:] = 7.0
        hdus.writeto(member)
    with zipfile.ZipFile("c.zip", "w") as archive:
        archive.write(member, "a.fits")
    with zipfile.ZipFile("c.zip") as archive, archive.open("a.fits") as stream:
        [exposure] = xrs.open_exposures(stream)
    assert float(exposure["data"].max()) == 7.0
    assert exposure.attrs["filename"] == "a.fits"


def test_companions_may_be_remote(tmp_path: Path, memory: Any) -> None:
    pixels = files.image(tmp_path / "a.fits")
    for name in ("a", "w"):
        memory.pipe(f"/x/{name}.fits", (tmp_path / "a.fits").read_bytes())
    for where in ("memory://x/w.fits", "memory://x/w.fits[0]"):
        found = xrs.open_exposures("memory://x/a.fits", weight_map=where)[0]
        np.testing.assert_array_equal(found["weight_map"], pixels)


def test_a_mosaic_of_remote_files(tmp_path: Path, memory: Any) -> None:
    """Lazily, tile by tile, and with chunks."""
    files.jwst(tmp_path / "a_cal.fits")
    memory.pipe("/x/a_cal.fits", (tmp_path / "a_cal.fits").read_bytes())
    local, remote = (
        xrs.open_exposures(where) for where in (tmp_path / "a_cal.fits", "memory://x/a_cal.fits")
    )
    grid = xrs.fit_wcs(local)
    expected = xrs.coadd(local, grid)
    chunked = xrs.open_exposures("memory://x/a_cal.fits", chunks={})
    for mosaic in (
        xrs.coadd(remote, grid),
        xrs.coadd(remote, grid, chunks=8).compute(),
        xrs.coadd(chunked, grid, chunks=8).compute(),
    ):
        np.testing.assert_array_equal(mosaic["data"], expected["data"])


def test_a_store_may_be_a_url(memory: Any) -> None:
    """A run is resumed, recognised and revised in a store behind a URL."""
    exposures, grid = make_exposures(3, (12, 14)), make_grid((16, 18))
    url = "memory://bucket/m.zarr"
    expected = xrs.coadd(exposures, grid)
    for _ in range(2):
        stored = xrs.coadd_to_zarr(exposures, grid, url, chunks=10)
        assert_same_bits(stored.compute(), expected)
    with pytest.raises(xrs.GridMismatchError, match="memory://bucket"):
        xrs.coadd_to_zarr(exposures[:2], grid, url, chunks=10)
    dropped = xrs.drop_from_zarr(url, 1, exposures=exposures[::2])
    assert_same_bits(dropped.compute(), xrs.coadd(exposures[::2], grid))
    opened = xr.open_zarr(url, consolidated=False)
    assert_same_bits(opened.resample.add(exposures[1]), dropped.resample.add(exposures[1]))
    with pytest.raises(xrs.InvalidInputError, match="overwrite=True would delete"):
        xrs.coadd_to_zarr([opened], grid, url, chunks=10, overwrite=True)


def test_hdus_in_memory_are_an_exposure(flc: Path) -> None:
    """``make_exposure`` reads HDUs like a file, and changes nothing."""
    local = xrs.open_exposures(flc)
    with fits.open(flc) as hdus:
        before = [str(hdu.header) for hdu in hdus]
        second = xrs.make_exposure(hdus, group=2, target="M 1", exposure_time=7.0)
        assert [str(hdu.header) for hdu in hdus] == before
        assert len(xrs.open_exposures(hdus)) == 2
        with pytest.raises(xrs.FileError, match="2 exposures"):
            xrs.make_exposure(hdus)
        with pytest.raises(xrs.InvalidInputError, match="got also err"):
            xrs.make_exposure(hdus, group=1, err=np.ones((2, 2)))
    np.testing.assert_array_equal(second["data"], local[1]["data"])
    assert (second.attrs["target"], second.attrs["exposure_time"]) == ("M 1", 7.0)
    assert second.attrs["group_id"] == local[1].attrs["group_id"]


def test_changed_hdus_are_read_as_they_are() -> None:
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-4})
    header["CDELT2"] = 1e-4
    hdus = fits.HDUList([fits.PrimaryHDU(np.ones((4, 5), np.float32), header)])
    hdus[0].data[2, 3] = 9.0
    exposure = xrs.make_exposure(hdus, exposure_time=1.0)
    assert float(exposure["data"][2, 3]) == 9.0
    assert "filename" not in exposure.attrs
    hdus[0].data[2, 3] = 1.0
    assert float(exposure["data"][2, 3]) == 9.0
    other = xrs.make_exposure(hdus, exposure.resample.wcs)
    assert other.attrs["exposure"] != exposure.attrs["exposure"]


def test_a_mosaic_goes_through_hdus() -> None:
    """The HDUs of a mosaic are an exposure, and changing them does not change the mosaic."""
    mosaic = xrs.coadd(make_exposures(2, (12, 14)), make_grid((16, 18)))
    hdus = mosaic.resample.to_hdulist()
    assert [hdu.name for hdu in hdus][:4] == ["PRIMARY", "SCI", "WHT", "CON"]
    again = xrs.make_exposure(hdus)
    covered = mosaic["wht"].values > 0
    np.testing.assert_array_equal(again["data"].values[covered], mosaic["data"].values[covered])
    assert str(again["wcs"].values) == str(mosaic["wcs"].values)
    before = mosaic["data"].values.copy()
    hdus["SCI"].data[:] = -1
    np.testing.assert_array_equal(mosaic["data"], before)


@pytest.mark.parametrize(
    ("tiles", "rows"),
    [(None, (1024, 1024, 52)), ((1, 4000), (1024, 1024, 52)), ((100, 100), (1100, 1000))],
)
def test_chunks_are_whole_rows_and_tiles(
    tmp_path: Path, tiles: tuple[int, int] | None, rows: tuple[int, ...]
) -> None:
    """dask reads 16 MiB of whole rows at once, and never a tile twice."""
    files.image(tmp_path / "a.fits")
    header = fits.getheader(tmp_path / "a.fits")
    data = np.zeros((2100, 4000), np.float32)
    image = fits.ImageHDU(data, header) if tiles is None else fits.CompImageHDU(
        data, header, tile_shape=tiles
    )  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "b.fits")
    chunks = xr.open_dataset(tmp_path / "b.fits", engine="xresample", chunks={})["data"].chunks
    assert chunks == (rows, (4000,))
    # Chunks of columns, and chunks of images that fit one chunk, are free of warnings.
    chosen = {"x": 500}
    assert xr.open_dataset(tmp_path / "b.fits", engine="xresample", chunks=chosen)["data"].chunks
    small = xr.open_dataset(tmp_path / "a.fits", engine="xresample", chunks={"y": 5})
    assert small["data"].chunks is not None


def test_text_and_other_values_are_refused() -> None:
    with pytest.raises(xrs.InvalidInputError, match="mode 'rb'"):
        xrs.open_exposures(io.StringIO("SIMPLE  ="))
    with pytest.raises(xrs.InvalidInputError, match="paths must be"):
        xrs.open_exposures(3)
