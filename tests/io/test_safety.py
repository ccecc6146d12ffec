"""Files that change, are damaged on purpose, or are opened in many threads."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import gwcs  # noqa: F401 - importing it in a thread would change the filters of warnings
import numpy as np
import pytest
import scipy.special  # noqa: F401 - importing it in a thread would change the filters of warnings
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support import files
from xresample.errors import ignored_warnings
from xresample.io.fits_file import FitsFile, FitsPlane
from xresample.io.lazy_arrays import PlaneArray


def replace_file(path: Path, later: bool) -> None:
    """Write a file of the same size and content, with another modification time."""
    content, state = path.read_bytes(), path.stat()
    path.write_bytes(content)
    shift = 1_000_000 if later else -1_000_000
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + shift))


@pytest.mark.parametrize("later", [True, False], ids=["newer", "older"])
@pytest.mark.parametrize("make", [files.jwst, files.roman], ids=["fits", "asdf"])
def test_a_changed_file_is_refused(tmp_path: Path, make: Any, later: bool) -> None:
    path = tmp_path / "a"
    make(path)
    exposure = xr.open_dataset(path)
    sent = pickle.dumps(exposure)
    replace_file(path, later)
    for lazy in (exposure, pickle.loads(sent)):  # noqa: S301 - pickled above
        for name in ("data", "dq", "wcs"):
            with pytest.raises(xrs.FileError, match=rf"{path} has changed since it was opened"):
                lazy[name].load()
    again = xr.open_dataset(path)
    path.unlink()
    with pytest.raises(xrs.FileError, match="removed since it was opened"):
        again["data"].load()


def co_add(exposure: xr.Dataset, grid: Any, how: str, store: Path) -> None:
    """Co-add an exposure in one of four ways."""
    if how == "add":
        xrs.coadd(exposure, grid, weight_type=None)
    elif how == "chunks":
        xrs.coadd(exposure, grid, weight_type=None, chunks=5).compute()
    elif how == "zarr":
        xrs.coadd_to_zarr(exposure, grid, store, weight_type=None, chunks=5)
    else:
        xrs.Resample({"wcs": grid}, enable_var=False, weight_type=None).add_model(exposure)


@pytest.mark.parametrize("how", ["add", "chunks", "zarr", "class"])
def test_a_file_that_shrinks_is_never_co_added(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.fits"
    files.image(path)
    exposure = xr.open_dataset(path)
    exposure["wcs"].load()
    grid = xrs.fit_wcs(exposure)
    with fits.open(path) as hdus:
        header, array = hdus[0].header, hdus[0].data[:3, :4].copy()
    fits.PrimaryHDU(array, header).writeto(path, overwrite=True)
    with pytest.raises(xrs.FileError, match="has changed since it was opened"):
        co_add(exposure, grid, how, tmp_path / "m.zarr")


def test_planes_are_checked_after_reading(tmp_path: Path) -> None:
    """A plane that promises another shape or type than the file has raises an error."""
    files.jwst(tmp_path / "a.fits")
    file = FitsFile.open(str(tmp_path / "a.fits"))
    image = file.images("SCI")[0]
    wrong = FitsPlane(file.source, image.index, "SCI,1", (40, 50))
    with pytest.raises(xrs.FileError, match=r"a\.fits: SCI,1 must return .*\(40, 50\).*\(12, 16\)"):
        xr.DataArray(xr.Variable(("y", "x"), PlaneArray(wrong))[:]).load()
    wrong = FitsPlane(file.source, image.index, "SCI,1", image.shape or (), flags=True)
    with pytest.raises(xrs.FileError, match=r"SCI,1 must return uint32 .* got >?f"):
        xr.DataArray(xr.Variable(("y", "x"), PlaneArray(wrong))[:]).load()


def test_threads_never_change_the_filters_of_warnings(tmp_path: Path) -> None:
    files.jwst(tmp_path / "a.fits")
    files.roman(tmp_path / "b.asdf")
    xr.open_dataset(tmp_path / "a.fits")["wcs"].load()
    before = list(warnings.filters)
    faults: list[BaseException] = []

    def read() -> None:
        try:
            for name in ("a.fits", "b.asdf") * 4:
                exposure = xr.open_dataset(tmp_path / name)
                exposure["wcs"].load()
                exposure["dq"].load()
        except BaseException as error:
            faults.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert faults == []
    assert warnings.filters == before


def test_warnings_are_ignored_in_one_thread_only() -> None:
    inside, checked = threading.Event(), threading.Event()

    def ignoring() -> None:
        with ignored_warnings():
            inside.set()
            warnings.warn("ignored", UserWarning, stacklevel=1)
            checked.wait(10)

    thread = threading.Thread(target=ignoring)
    thread.start()
    inside.wait(10)
    with pytest.warns(UserWarning, match="not ignored"):
        warnings.warn("not ignored", UserWarning, stacklevel=1)
    checked.set()
    thread.join()


def test_filters_survive_catch_warnings_of_others() -> None:
    before = list(warnings.filters)
    block = ignored_warnings()
    with warnings.catch_warnings():
        block.__enter__()
        warnings.warn("ignored", UserWarning, stacklevel=1)
    block.__exit__(None, None, None)
    assert warnings.filters == before


OPEN_WITH_LIMITS = """
import resource, sys
import xarray as xr
import xresample as xrs
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
before = resource.getrusage(resource.RUSAGE_SELF)
xr.open_dataset(sys.argv[1], engine="xresample")["wcs"].load()
after = resource.getrusage(resource.RUSAGE_SELF)
assert after.ru_utime - before.ru_utime < 15
assert after.ru_maxrss - before.ru_maxrss < 500_000
"""


def test_nothing_after_the_last_hdu_is_unpacked(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits")
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    with open(tmp_path / "b.fits.gz", "wb") as stream:
        stream.write(packer.compress((tmp_path / "a.fits").read_bytes()))
        for _ in range(64):
            stream.write(packer.compress(bytes(1 << 24)))
        stream.write(packer.flush())
    command = [sys.executable, "-c", OPEN_WITH_LIMITS, str(tmp_path / "b.fits.gz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    exposure = xr.open_dataset(tmp_path / "b.fits.gz")
    np.testing.assert_array_equal(exposure["data"], xr.open_dataset(tmp_path / "a.fits")["data"])


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    endless = content + b"XTENSION= 'IMAGE   '".ljust(80) + b"COMMENT".ljust(80) * 200_000
    (tmp_path / "b.fits.gz").write_bytes(gzip.compress(endless))
    with pytest.raises(xrs.FileError, match="header after an HDU without a name must end within"):
        xr.open_dataset(tmp_path / "b.fits.gz")


def with_card(path: Path, keyword: str, value: int) -> None:
    """Change the first card of an integer keyword in place."""
    content = path.read_bytes()
    place = content.index(keyword.ljust(8).encode() + b"=")
    card = f"{keyword:8}= {value:20d}".ljust(80).encode()
    path.write_bytes(content[:place] + card + content[place + 80 :])


def test_sizes_that_do_not_fit_the_file(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits")
    with_card(tmp_path / "a.fits", "NAXIS1", 10**9)
    with pytest.raises(xrs.FileError, match="cut off: the data of HDU 0 are missing"):
        xr.open_dataset(tmp_path / "a.fits")
    with_card(tmp_path / "a.fits", "NAXIS2", 1)
    os.truncate(tmp_path / "a.fits", 4 * 10**9 + 2880 * 20)
    message = r"sides of at most 16777216 pixels, got \(1, 1000000000\)"
    with pytest.raises(xrs.FileError, match=message):
        xr.open_dataset(tmp_path / "a.fits")
    files.image(tmp_path / "b.fits")
    with_card(tmp_path / "b.fits", "NAXIS2", -4)
    with pytest.raises(xrs.FileError, match="does not give the size of its data: NAXIS2"):
        xr.open_dataset(tmp_path / "b.fits")


def test_compressed_images_have_a_row_per_tile(tmp_path: Path) -> None:
    files.image(tmp_path / "a.fits")
    image = fits.CompImageHDU(np.ones((20, 24), np.float32), fits.getheader(tmp_path / "a.fits"))
    path = tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    assert xr.open_dataset(path)["data"].mean() == 1
    with_card(path, "ZNAXIS2", 10**6)
    with pytest.raises(xrs.FileError, match="must have 1000000 tiles"):
        xr.open_dataset(path)


@pytest.mark.parametrize("keyword", ["A_ORDER", "BP_ORDER"])
@pytest.mark.parametrize("order", [10, 5000, "many"])
def test_sip_orders_are_limited(tmp_path: Path, keyword: str, order: Any) -> None:
    files.image(tmp_path / "a.fits")
    fits.setval(tmp_path / "a.fits", keyword, value=order)
    exposure = xr.open_dataset(tmp_path / "a.fits")
    with pytest.raises(xrs.FileError, match=rf"{keyword} must be at most 9, got '?{order}"):
        exposure["wcs"].load()


def aliases(depth: int) -> str:
    """Return nested lists that expand to ten to the power of ``depth`` entries."""
    node = "[1,1,1,1,1,1,1,1,1,1]"
    for k in range(depth - 1):
        node = f"[&a{k} {node}" + f",*a{k}" * 9 + "]"
    return node


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (aliases(9), "aliases must add at most"),
        (f"!core/ndarray-1.0.0 {{datatype: float32, data: {aliases(9)}}}", "aliases must add"),
        ("&x [*x, *x]", "must not contain itself"),
        ("1:" * 100000 + "1", "number in base 60"),
        ("{<<: [&b {a: 1}, *b]}", "merge key"),
    ],
    ids=["list", "ndarray", "cycle", "base 60", "merge"],
)
def test_trees_are_limited(tmp_path: Path, node: str, message: str) -> None:
    text = (
        "#ASDF 1.0.0\n#ASDF_STANDARD 1.5.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n"
        f"--- !core/asdf-1.1.0\nroman:\n  data: {node}\n...\n"
    )
    (tmp_path / "a.asdf").write_text(text)
    with pytest.raises(xrs.FileError, match=message):
        xr.open_dataset(tmp_path / "a.asdf")


def test_blocks_hold_the_shapes_of_their_arrays(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf", compression=None)
    content = (tmp_path / "a.asdf").read_bytes()
    assert b"shape: [12, 16]" in content
    (tmp_path / "a.asdf").write_bytes(content.replace(b"shape: [12, 16]", b"shape: [99, 99]"))
    with pytest.raises(xrs.FileError, match=r"data must have a block .* \(99, 99\), got 768 bytes"):
        xr.open_dataset(tmp_path / "a.asdf")
    files.roman(tmp_path / "b.asdf", compression="zlib")
    content = (tmp_path / "b.asdf").read_bytes()
    # The unpacked size follows the magic, the header size, flags, compression, and two sizes.
    place = content.index(b"\xd3BLK") + 4 + 2 + 4 + 4 + 8 + 8
    huge = content[:place] + (10**12).to_bytes(8, "big") + content[place + 8 :]
    (tmp_path / "b.asdf").write_bytes(huge)
    with pytest.raises(xrs.FileError, match="must unpack to at most 1100 times"):
        xr.open_dataset(tmp_path / "b.asdf")
