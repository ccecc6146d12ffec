"""Damaged files: keywords of a wrong type, files that are cut off, and bytes that flipped."""

from __future__ import annotations

import io
import random
import re
import signal
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support import files
from tests.support.wcs import make_sip

SHAPE = (6, 7)


def written(path: Path, *cards: tuple[int, str, str]) -> Path:
    """Write images SCI and DQ of integers, with cards as text at the end of their headers."""
    header = make_sip(SHAPE).to_header(relax=True)
    images = [
        fits.ImageHDU(np.full(SHAPE, k, np.int16), header, name=name)
        for k, name in enumerate(("SCI", "DQ"))
    ]
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(buffer)
    content = buffer.getvalue()
    for index, keyword, text in cards:
        with fits.open(io.BytesIO(content)) as hdus:
            start, stop = (hdus[index].fileinfo()[name] for name in ("hdrLoc", "datLoc"))
        header_cards = [content[k : k + 80] for k in range(start, stop, 80)]
        kept = [c for c in header_cards if c.strip() and c[:8].strip() != b"END"]
        places = [k for k, card in enumerate(kept) if card[:8].strip() == keyword.encode()]
        place = places[0] if places else len(kept)
        kept[place : place + 1] = [f"{keyword:8}= {text}".ljust(80).encode()]
        made = b"".join([*kept, b"END".ljust(80)])
        content = content[:start] + made.ljust(-(-len(made) // 2880) * 2880) + content[stop:]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["SCI", "DQ"])
@pytest.mark.parametrize(
    ("keyword", "text", "message"),
    [
        ("BSCALE", "'2.0'", "must be a finite number other than 0, got '2.0'"),
        ("BSCALE", "'two'", "must be a finite number other than 0, got 'two'"),
        ("BSCALE", "T", "must be a finite number other than 0, got True"),
        ("BSCALE", "", "must be a finite number other than 0, got no value"),
        ("BSCALE", "0.0", "must be a finite number other than 0, got 0.0"),
        ("BSCALE", "(1, 2)", "must be a finite number other than 0, got (1+2j)"),
        ("BSCALE", "NaN", "must be a number, text in quotes, T or F, got NaN"),
        ("BZERO", "'32768'", "must be a finite number, got '32768'"),
        ("BZERO", "T", "must be a finite number, got True"),
        ("BZERO", "2,5", "must be a number, text in quotes, T or F, got 2,5"),
        ("EXTVER", "'a'", "must be an integer, got 'a'"),
        ("EXTVER", "1.5", "must be an integer, got 1.5"),
        ("NAXIS", "'2'", "must be an integer, got '2'"),
        ("NAXIS1", "7.0", "must be an integer, got 7.0"),
        ("BITPIX", "T", "must be an integer, got T"),
        ("BITPIX", "17", "must be one of 8, 16, 32, 64, -32, -64, got 17"),
        ("PCOUNT", "", "must be an integer, got no value"),
        ("GCOUNT", "0", "must be at least 1, got 0"),
    ],
)
def test_errors_name_the_keyword_and_its_value(
    tmp_path: Path, name: str, keyword: str, text: str, message: str
) -> None:
    path = written(tmp_path / "a.fits", (1 if name == "SCI" else 2, keyword, text))
    with pytest.raises(xrs.FileError, match=re.escape(message)) as caught:
        xr.open_dataset(path)
    assert keyword in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("text", ["'7'", "7.0", "T"])
def test_a_blank_that_is_not_an_integer_is_refused(tmp_path: Path, text: str) -> None:
    """astropy ignores such a BLANK, so that pixels without a value would count as data."""
    path = written(tmp_path / "a.fits", (1, "BLANK", text))
    with pytest.raises(xrs.FileError, match="BLANK of SCI,1 must be an integer, got"):
        xr.open_dataset(path)
    # Flags are bits, for which BLANK does not matter.
    exposure = xr.open_dataset(written(tmp_path / "b.fits", (2, "BLANK", text)))
    np.testing.assert_array_equal(exposure["dq"], np.ones(SHAPE))


def test_scaled_images_stay_as_they_were(tmp_path: Path) -> None:
    cards = [(1, "BSCALE", "2.5D0"), (1, "BZERO", "-3"), (1, "BLANK", "7"), (1, "EXTVER", "'1'")]
    exposure = xr.open_dataset(written(tmp_path / "a.fits", *cards))
    np.testing.assert_array_equal(exposure["data"], np.full(SHAPE, -3.0))


def image_compressed(path: Path) -> None:
    """Write a compressed image."""
    pixels = np.random.default_rng(0).normal(size=files.SHAPE).astype(np.float32)
    files.image(path.with_suffix(".plain"))
    image = fits.CompImageHDU(pixels, fits.getheader(path.with_suffix(".plain")))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)


def mosaic(path: Path) -> None:
    """Write a mosaic as FITS, whose WCS is the text of an ASDF file."""
    exposure = xrs.make_exposure(np.ones(SHAPE), make_sip(SHAPE))
    xrs.coadd(exposure, xrs.fit_wcs(exposure), weight_type=None).resample.to_fits(path)


def roman_inline(path: Path) -> None:
    """Write an exposure of Roman without compression."""
    files.roman(path, compression=None)


LAYOUTS: dict[str, Callable[[Path], Any]] = {
    "a_cal.fits": files.jwst,
    "a_flt.fits": files.hst,
    "a.fits": files.image,
    "a.fits.fz": image_compressed,
    "a_mosaic.fits": mosaic,
    "a_cal.asdf": files.roman,
    "b_cal.asdf": roman_inline,
}


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Raise an error if a test takes more than two minutes."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def read_everything(path: Path) -> None:
    """Open the exposures of a file, and read each variable."""
    for exposure in xrs.open_exposures(path):
        for name in exposure.variables:
            _ = exposure[name].values


def damaged(content: bytes, generator: random.Random) -> Iterator[bytes]:
    """Yield a file that is cut off, and files with flipped bytes of text and of anything."""
    places = [k for k, byte in enumerate(content) if 33 <= byte < 127]
    while True:
        yield content[: generator.randrange(len(content))]
        for choices in (places, range(len(content))):
            changed = bytearray(content)
            for place in generator.choices(choices, k=generator.choice([1, 1, 3])):
                changed[place] = generator.randrange(256)
            yield bytes(changed)


# Random bytes make astropy and asdf warn about many things before they fail.
@pytest.mark.usefixtures("time_limit")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYOUTS)
def test_damaged_files_raise_only_our_errors(tmp_path: Path, name: str) -> None:
    LAYOUTS[name](tmp_path / name)
    generator = random.Random(name)
    path = tmp_path / f"x{name}"
    for content in islice(damaged((tmp_path / name).read_bytes(), generator), 45):
        path.write_bytes(content)
        try:
            read_everything(path)
        except (xrs.FileError, xrs.UnsupportedWCSError):
            continue


def test_an_asdf_file_that_is_cut_off_within_its_block_index(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf")
    content = (tmp_path / "a.asdf").read_bytes()
    start = content.index(b"#ASDF BLOCK INDEX")
    path, faults = tmp_path / "b.asdf", 0
    for stop in range(start + 30, len(content)):
        path.write_bytes(content[:stop])
        try:
            read_everything(path)
        except xrs.FileError as error:
            faults += 1
            assert "is damaged or cut off" in str(error)  # noqa: PT017 - most files can be read
    assert faults > 0


@pytest.mark.usefixtures("time_limit")
def test_blocks_of_the_wcs_that_are_incomplete(tmp_path: Path) -> None:
    """asdf would search for the end of such a block forever."""
    files.roman(tmp_path / "a.asdf")
    content = (tmp_path / "a.asdf").read_bytes()
    last = content.rindex(b"\xd3BLK")
    # The sizes of a block follow its flags and its compression.
    place = last + 4 + 2 + 4 + 4 + 8
    longer = content[:place] + (1 << 40).to_bytes(8, "big") + content[place + 8 :]
    for changed in (longer, content[: last + 60]):
        (tmp_path / "b.asdf").write_bytes(changed)
        with pytest.raises(xrs.FileError, match=r"cut off: the blocks of .*meta\.wcs are missing"):
            xr.open_dataset(tmp_path / "b.asdf")


def test_a_wcs_that_cannot_be_decompressed(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf")
    content = bytearray((tmp_path / "a.asdf").read_bytes())
    last = content.rindex(b"\xd3BLK")
    content[last + 54 : last + 60] = bytes(6)
    (tmp_path / "a.asdf").write_bytes(content)
    with pytest.raises(xrs.FileError, match="is damaged or cut off"):
        xr.open_dataset(tmp_path / "a.asdf")["wcs"].load()


def test_a_mosaic_whose_wcs_is_damaged(tmp_path: Path) -> None:
    mosaic(tmp_path / "a.fits")
    content = (tmp_path / "a.fits").read_bytes()
    for old, new in (
        (b"\nwcs:", b"\nwcs\xff"),
        (b"cdelt", b"\xffdelt"),
        (b"cdelt: ", b"cdelt:: ["),
    ):
        (tmp_path / "b.fits").write_bytes(content.replace(old, new, 1))
        try:
            _ = xr.open_dataset(tmp_path / "b.fits")["wcs"].values
        except xrs.FileError as error:
            assert "b.fits" in str(error)  # noqa: PT017 - a header may replace the table
