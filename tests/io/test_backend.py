"""The engine of xarray: recognised files, lazy reading, and errors for files it cannot read."""

from __future__ import annotations

import gzip
import io
import pickle
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support import files
from xresample.io.asdf_file import AsdfPlane
from xresample.io.backend import XResampleBackend
from xresample.io.fits_file import FitsPlane
from xresample.io.source_file import SourceFile

guess = XResampleBackend().guess_can_open


def test_engine_is_registered() -> None:
    assert "xresample" in xr.backends.list_engines()


def test_files_are_recognised_by_content(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.dat")
    files.roman(tmp_path / "b")
    shutil.copy(tmp_path / "a.dat", tmp_path / "c.asdf")
    (tmp_path / "d").write_bytes(gzip.compress((tmp_path / "a.dat").read_bytes()))
    for name in ("a.dat", "b", "c.asdf", "d"):
        assert guess(tmp_path / name)
        assert xr.open_dataset(tmp_path / name)["data"].shape == files.SHAPE


def test_other_files_are_left_to_others(tmp_path: Path) -> None:
    mosaic = xrs.empty_mosaic((3, 4))
    for name in ("a.nc", "a.fits"):
        mosaic.to_netcdf(tmp_path / name)
        assert not guess(tmp_path / name)
    mosaic.to_netcdf(tmp_path / "b.fits", format="NETCDF3_64BIT", engine="netcdf4")
    (tmp_path / "store.fits").mkdir()
    (tmp_path / "text.txt").write_text("SIMPLE text, but not FITS")
    for given in (
        *(tmp_path / name for name in ("b.fits", "store.fits", "text.txt", "nowhere.fits")),
        *("https://example.org/a.nc", "s3://bucket/a", b"SIMPLE  =", None, 3, object()),
        *("", "with\0nothing.fits"),
    ):
        assert guess(given) is False
    with xr.open_dataset(tmp_path / "a.nc") as opened:
        assert opened.resample.is_mosaic


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty or cut off"),
        (b"no header at all", r"must start with 'SIMPLE  ='.*got b'no header"),
        (b"\x1f\x8bno gzip", "cut off"),
        (b"SIMPLE  =                    T", r"a\.fits"),
        (b"#ASDF 1.0.0\n", "cut off within its tree"),
        (b"#ASDF 1.0.0\n--- {[\n...\n", "cannot be parsed"),
    ],
)
def test_errors_describe_unreadable_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert guess(path)
    with pytest.raises(xrs.FileError, match=message):
        xr.open_dataset(path, engine="xresample")


def test_missing_and_remote_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        xr.open_dataset(tmp_path / "a.fits", engine="xresample")
    with pytest.raises(xrs.InvalidInputError, match=r"unknown://example.*xresample\[remote\]"):
        xr.open_dataset("unknown://example.org/a.fits", engine="xresample")
    with pytest.raises(xrs.InvalidInputError, match="must be the path or the URL of a file"):
        xr.open_dataset(3, engine="xresample")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_truncated_files_are_refused(tmp_path: Path, packed: bool) -> None:
    files.jwst(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    content = gzip.compress(content) if packed else content
    path = tmp_path / "b.fits"
    for fraction in (0.05, 0.1, 0.3, 0.55, 0.8, 0.95):
        path.write_bytes(content[: int(fraction * len(content)) | 1])
        with pytest.raises(xrs.FileError, match=r"b\.fits"):
            xr.open_dataset(path)


def test_truncation_names_the_missing_part(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        place = hdus["VAR_FLAT"].fileinfo()["datLoc"]
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits").write_bytes(content[: place + 10])
    with pytest.raises(xrs.FileError, match="the data of VAR_FLAT,1 are missing"):
        xr.open_dataset(tmp_path / "a.fits")
    (tmp_path / "a.fits").write_bytes(content[: place - 2000])
    with pytest.raises(xrs.FileError, match="within the header after VAR_RNOISE,1"):
        xr.open_dataset(tmp_path / "a.fits")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every read of a plane appends the path of its file."""
    seen: list[str] = []
    for kind in (FitsPlane, AsdfPlane):

        def call(self: Any, rows: slice, columns: slice, _read: Any = kind.__call__) -> np.ndarray:
            seen.append(self.source.path)
            return _read(self, rows, columns)

        monkeypatch.setattr(kind, "__call__", call)
    return seen


@pytest.mark.parametrize("chunks", [None, {}, 5, {"y": 4}])
@pytest.mark.parametrize("make", [files.jwst, partial(files.roman, compression=None)])
def test_pixels_are_read_only_when_used(
    tmp_path: Path, reads: list[str], make: Any, chunks: Any
) -> None:
    path = tmp_path / "a"
    arrays = make(path)
    exposure = xr.open_dataset(path, chunks=chunks)
    part = exposure.isel(x=slice(2, 9), y=slice(1, None, 3))
    assert repr(exposure)
    assert reads == []
    np.testing.assert_array_equal(part["data"], arrays["data"][1::3, 2:9])
    assert set(reads) == {str(path)}
    assert (exposure["data"].chunks is None) == (chunks is None)


def test_opening_reads_little_more_than_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = fits.ImageHDU(np.zeros((400, 500), np.float32), name="SCI")
    image.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    planes = [fits.ImageHDU(image.data, name=name) for name in ("ERR", "VAR_RNOISE", "VAR_FLAT")]
    fits.HDUList([fits.PrimaryHDU(), image, *planes]).writeto(tmp_path / "a.fits")
    counts: list[int] = []

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            counts.append(super().readinto(buffer))
            return counts[-1]

    monkeypatch.setattr(SourceFile, "raw", lambda source: Counted(source.path))
    xr.open_dataset(tmp_path / "a.fits", engine="xresample")
    # Five headers of 2880 bytes lie between planes of 800 kB.
    assert 5 * 2880 < sum(counts) < 300_000


def test_coadding_reads_each_plane_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.jwst(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    seen: list[int] = []
    read = FitsPlane.__call__

    def call(self: FitsPlane, rows: slice, columns: slice) -> np.ndarray:
        seen.append(self.hdu)
        return read(self, rows, columns)

    monkeypatch.setattr(FitsPlane, "__call__", call)
    options = {"threads": 4, "propagate_dq": True, "compute_err": "driz_err"}
    xrs.coadd(exposure, xrs.fit_wcs(exposure), **options)
    assert len(seen) == len(set(seen)) == 6


def test_opening_in_chunks_does_not_read_the_wcs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.jwst(tmp_path / "a.fits")
    monkeypatch.setattr("xresample.io.jwst.tree_wcs", pytest.fail)
    exposure = xr.open_dataset(tmp_path / "a.fits", chunks=5).isel(x=slice(3, 9))
    assert "wcs" in repr(exposure)


def test_compressed_planes_prefer_one_chunk(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf", compression="lz4")
    assert xr.open_dataset(tmp_path / "a.asdf", chunks={})["err"].chunks == ((12,), (16,))
    with pytest.warns(UserWarning, match="separate the stored chunks"):
        pieces = xr.open_dataset(tmp_path / "a.asdf", chunks=5).compute()
    xr.testing.assert_identical(pieces, xr.open_dataset(tmp_path / "a.asdf").load())


def test_chunks_and_threads_change_nothing(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    whole = xr.open_dataset(tmp_path / "a.fits").load()
    pieces = xr.open_dataset(tmp_path / "a.fits", chunks={"y": 5, "x": 7}).compute(
        scheduler="threads", num_workers=4
    )
    xr.testing.assert_identical(whole, pieces)


def test_exposures_can_be_pickled(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf")
    exposure = xr.open_dataset(tmp_path / "a.asdf")
    sent = pickle.loads(pickle.dumps(exposure))  # noqa: S301 - pickled in the same line
    xr.testing.assert_identical(sent.load(), exposure.load())
    assert sent.resample.wcs is not None


def test_exposures_can_be_written_to_netcdf(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits")
    exposure.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as opened:
        assert str(opened["wcs"].values) == str(exposure["wcs"].values)
        np.testing.assert_array_equal(opened["dq"], exposure["dq"])


def test_variables_can_be_dropped(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    exposure = xr.open_dataset(tmp_path / "a.fits", drop_variables=["err", "wcs"])
    assert "err" not in exposure
    assert "wcs" not in exposure.coords
    exposure = xr.open_dataset(tmp_path / "a.fits", drop_variables="dq")
    assert "dq" not in exposure


@pytest.mark.parametrize("key", [
    (slice(None), slice(None)), (3, 4), (-1, slice(None, None, -2)), (slice(5, 5), slice(None)),
    (slice(8, 2, -3), [1, 5, 3]), ([0, 11], [0, 15]), (slice(-3, None), -2),
])  # fmt: skip
def test_indexing(tmp_path: Path, key: Any) -> None:
    arrays = files.jwst(tmp_path / "a.fits")
    found = xr.open_dataset(tmp_path / "a.fits")["dq"][key]
    expected = xr.DataArray(arrays["dq"], dims=("y", "x"))[key]
    np.testing.assert_array_equal(found, expected)


def test_open_exposures_imports_no_other_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.jwst(tmp_path / "a.fits")
    lazy = xr.open_dataset(str(tmp_path / "a.fits"), engine="xresample", chunks={})
    (same,) = xrs.open_exposures(tmp_path / "a.fits", chunks={})
    assert same["data"].data.name == lazy["data"].data.name

    def fail() -> None:
        raise AssertionError("xarray imports all engines")

    monkeypatch.setattr("xarray.backends.plugins.list_engines", fail)
    (exposure,) = xrs.open_exposures(tmp_path / "a.fits")
    xr.testing.assert_identical(exposure, lazy)


def test_open_exposures_of_several_files(tmp_path: Path) -> None:
    files.hst(tmp_path / "a.fits")
    files.roman(tmp_path / "b.asdf")
    found = xrs.open_exposures([tmp_path / "a.fits", str(tmp_path / "b.asdf")], chunks={})
    names = [exposure.attrs["filename"] for exposure in found]
    assert names == ["a.fits[SCI,1]", "a.fits[SCI,2]", "b.asdf"]
    assert all(exposure["data"].chunks for exposure in found)
    (one,) = xrs.open_exposures(tmp_path / "a.fits", group=2)
    assert one.attrs["filename"] == "a.fits[SCI,2]"


def test_open_exposures_takes_the_name_of_its_engine(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits")
    (exposure,) = xrs.open_exposures(tmp_path / "a.fits", engine="xresample")
    xr.testing.assert_identical(exposure, xr.open_dataset(tmp_path / "a.fits"))
    with pytest.raises(xrs.InvalidInputError, match="engine must be one of 'xresample', got 'net"):
        xrs.open_exposures(tmp_path / "a.fits", engine="netcdf4")
