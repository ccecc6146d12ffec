"""Pixels read without astropy have the bits that astropy reads."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from xresample.io import fits_pixels
from xresample.io.fits_file import FitsFile, FitsPlane, table_bytes

SHAPE = (7, 11)
TYPES = ("f4", "f8", "u1", "i2", "i4", "i8", "u2", "u4", "u8", "i1")
PLAIN = {
    "image": ("f4", "f8", "u1", "i2", "i4", "i8"),
    "flags": ("u1", "i2", "i4", "i8", "u2", "u4", "u8"),
}


def numbers(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Return numbers of a type, from its lowest to its highest value."""
    rng = np.random.default_rng(3)
    if dtype[0] == "f":
        made = rng.normal(0, 1e3, shape).astype(dtype)
        made.flat[:3] = np.nan, np.inf, -np.inf
        return made
    limits = np.iinfo(dtype)
    # Values of flags fit 32 bits.
    high = min(limits.max, 2**32 - 1)
    low = 0 if dtype == "i8" else limits.min
    made = rng.integers(low, high, shape, dtype, endpoint=True)
    made.flat[:2] = low, high
    return made


def written(path: Path, array: np.ndarray, **keywords: object) -> Path:
    """Write an image behind an empty HDU and return the path."""
    hdu = fits.ImageHDU(array, name="SCI")
    hdu.header.update(keywords)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def plane(path: Path, *, flags: bool) -> FitsPlane:
    """Return the plane of the image of a file."""
    file = FitsFile.open(str(path))
    return file.flag_plane(file.hdus[1]) if flags else file.image_plane(file.hdus[1])


def by_astropy(found: FitsPlane) -> FitsPlane:
    """Return the same plane, read by astropy."""
    return FitsPlane(found.source, found.hdu, found.label, found.shape, found.flags)


WHOLE = slice(0, SHAPE[0]), slice(0, SHAPE[1])
PARTS = (
    WHOLE,
    (slice(2, 3), slice(0, 11)),
    (slice(0, 7), slice(3, 9)),
    (slice(6, 7), slice(10, 11)),
)


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_same_bits_as_astropy(dtype, flags, part, tmp_path):
    if flags and dtype[0] == "f":
        pytest.skip("flags are integers")
    found = plane(written(tmp_path / "a.fits", numbers(dtype)), flags=flags)
    assert (found.stored is not None) == (dtype in PLAIN["flags" if flags else "image"])
    got, expected = found(*part), by_astropy(found)(*part)
    assert got.dtype == expected.dtype == found.dtype
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))


def test_every_bit_of_a_nan_stays(tmp_path):
    bits = np.array([[0x7F800001, 0xFFC12345, 0x7FFFFFFF], [0xFF800001, 1, 0x80000000]], np.uint32)
    found = plane(written(tmp_path / "a.fits", bits.view(np.float32)), flags=False)
    for columns in (slice(0, 3), slice(1, 3)):
        got = found(slice(0, 2), columns)
        np.testing.assert_array_equal(got.view(np.uint32), bits[:, columns])


@pytest.mark.parametrize(
    "keywords", [{"BSCALE": 0.5}, {"BZERO": 3.0}, {"BLANK": 7}, {"BSCALE": 2, "BZERO": 1}], ids=str
)
def test_scaled_and_blank_pixels_are_read_by_astropy(keywords, tmp_path):
    path = written(tmp_path / "a.fits", numbers("i2"))
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[1].header.update(keywords)
    found = plane(path, flags=False)
    assert found.stored is None
    with fits.open(path) as hdus:
        expected = np.asarray(hdus[1].data, np.float32)
    np.testing.assert_array_equal(found(*WHOLE), expected)


def test_images_that_are_compressed_are_read_by_astropy(tmp_path):
    array = numbers("i2", (40, 50))
    hdu = fits.CompImageHDU(array, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits")
    written(tmp_path / "b.fits.gz", array)
    for name in ("a.fits", "b.fits.gz"):
        found = plane(tmp_path / name, flags=False)
        assert found.stored is None
        np.testing.assert_array_equal(found(slice(0, 40), slice(0, 50)), array)


@given(
    rows=st.integers(1, 60), width=st.integers(1, 40), piece=st.integers(1, 400),
    dtype=st.sampled_from(PLAIN["image"]), draw=st.data(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pieces_of_any_size_give_the_same_part(rows, width, piece, dtype, draw, tmp_path_factory):
    path = written(tmp_path_factory.mktemp("pieces") / "a.fits", numbers(dtype, (rows, width)))
    first, left = draw.draw(st.integers(0, rows - 1)), draw.draw(st.integers(0, width - 1))
    last, right = draw.draw(st.integers(first + 1, rows)), draw.draw(st.integers(left + 1, width))
    found = plane(path, flags=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fits_pixels, "_PIECE", piece)
        got = found(slice(first, last), slice(left, right))
    expected = numbers(dtype, (rows, width)).astype(np.float32)[first:last, left:right]
    np.testing.assert_array_equal(got, expected)


def test_a_cube_of_one_image(tmp_path):
    path = written(tmp_path / "a.fits", numbers("f4")[np.newaxis])
    np.testing.assert_array_equal(plane(path, flags=False)(*WHOLE), numbers("f4"))


def test_a_file_that_is_cut_off_while_it_is_used(tmp_path):
    path = written(tmp_path / "a.fits", numbers("f4", (400, 300)))
    found = plane(path, flags=False)
    with path.open("r+b") as stream:
        stream.truncate(found.stored.offset + 2000)
    with pytest.raises(xrs.FileError, match="has changed since it was opened"):
        found(slice(0, 400), slice(0, 300))


COLUMNS = {
    "text": fits.Column("a", "9B", array=np.arange(18, dtype=np.uint8).reshape(2, 9)),
    "one byte": fits.Column("a", "B", array=np.array([7, 8], np.uint8)),
    "shaped": fits.Column("a", "6B", dim="(3,2)", array=np.arange(12).reshape(2, 2, 3)),
    "signed": fits.Column("a", "3B", bzero=-128, array=np.array([[-1, 2, -3]], np.int8)),
    "integers": fits.Column("a", "2J", array=np.array([[1, 2]], np.int32)),
    "of any length": fits.Column("a", "PB()", array=np.array([[1, 2], [3]], dtype=object)),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_first_cells_of_tables_have_the_bytes_that_astropy_reads(column, packed, tmp_path):
    second = fits.Column("b", "5B", array=np.ones((2, 5), np.uint8))
    table = fits.BinTableHDU.from_columns([column, second])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    path = tmp_path / "a.fits"
    if packed:
        path = tmp_path / "a.fits.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    with fits.open(path) as hdus:
        expected = hdus[1].data.field(0)[0].tobytes()
    file = FitsFile.open(str(path))
    assert file.first_cell(file.hdus[1]) == expected
    assert table_bytes(file.source, 1) == expected


def test_a_table_without_rows_has_no_first_cell(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "9B")])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    file = FitsFile.open(str(tmp_path / "a.fits"))
    with pytest.raises(xrs.FileError, match="damaged"):
        file.first_cell(file.hdus[1])
