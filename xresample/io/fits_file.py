"""A FITS file by its headers: which HDUs it has, where the data are, what is cut off."""

from __future__ import annotations

import gzip
import os
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.datamodel.dq_flags import as_uint32
from xresample.errors import FileError
from xresample.wcs.text import parse, to_text

_CELESTIAL = re.compile(r"(RA|DEC|[A-Z]LON|[A-Z]LAT|[A-Z]{2}L[NT])(-|$)")
_RECORD = 2880
"""Bytes of which all parts of a FITS file are multiples."""

_BROKEN = (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, TypeError)
"""What astropy raises on files that are damaged."""


@dataclass(frozen=True)
class Hdu:
    """An HDU as its header describes it."""

    index: int
    name: str
    version: int
    header: Any
    shape: tuple[int, ...] | None
    """Of an image; None when it is none."""
    end: int | None
    """First byte after the data; None when unknown."""

    @property
    def label(self) -> str:
        """The name by which it is known, such as ``SCI,2``."""
        return f"{self.name},{self.version}" if self.name else f"HDU {self.index}"

    @property
    def is_image(self) -> bool:
        """Whether it holds an image of two dimensions."""
        return self.shape is not None and len(self.shape) == 2

    @property
    def is_integer(self) -> bool:
        """Whether its numbers are integers."""
        scale = (self.header.get("BSCALE", 1), self.header.get("BZERO", 0))
        return self.header.get("BITPIX", 0) > 0 and all(float(v).is_integer() for v in scale)

    @property
    def is_celestial(self) -> bool:
        """Whether its header has a WCS with two axes on the sky."""
        kinds = [str(self.header.get(f"CTYPE{axis}", "")) for axis in (1, 2)]
        return all(_CELESTIAL.match(kind) for kind in kinds)


@dataclass(frozen=True)
class FitsPlane:
    """The image of an HDU: flags as uint32, anything else as float32."""

    path: str
    hdu: int
    shape: tuple[int, ...]
    flags: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of what a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, read from the file."""
        with _opened(self.path) as hdus:
            # Whole rows lie together in the file.
            part = hdus[self.hdu].section[rows, :][:, columns]
        return as_uint32(part) if self.flags else np.ascontiguousarray(part, np.float32)


@dataclass(frozen=True)
class FitsFile:
    """The headers of a FITS file."""

    path: str
    hdus: tuple[Hdu, ...]

    @property
    def packed(self) -> bool:
        """Whether the whole file is compressed, so that reading starts at its beginning."""
        with open(self.path, "rb") as stream:
            return stream.read(6) != b"SIMPLE"

    @classmethod
    def open(cls, path: str) -> FitsFile:
        """Read the headers of a file.

        Raises
        ------
        FileError
            It is damaged, or a part of it is missing; says which.
        """
        with warnings.catch_warnings():
            # What is amiss in a header that matters is said where it matters.
            warnings.simplefilter("ignore")
            with _opened(path) as found:
                hdus = tuple(_describe(k, hdu) for k, hdu in enumerate(found))
        if not hdus:
            raise FileError(f"{path} holds no HDU: it may be cut off")
        _check_complete(path, hdus)
        return cls(path, hdus)

    @property
    def name(self) -> str:
        """Name of the file, without its folder."""
        return os.path.basename(self.path)

    @property
    def primary(self) -> Any:
        """The first header."""
        return self.hdus[0].header

    def find(self, name: str, version: int | None = None) -> Hdu | None:
        """Return the first HDU of a name, and version if given; None where there is none."""
        return next((h for h in self.hdus if h.name == name and version in (None, h.version)), None)

    def image(self, name: str, version: int) -> Hdu | None:
        """Return an image by name and version; None where there is none, or one without pixels.

        HST leaves the pixels out where all are the same, mostly 0.
        """
        found = self.find(name, version)
        return found if found is not None and found.shape is not None else None

    def images(self, name: str) -> list[Hdu]:
        """Return the images of a name."""
        return [hdu for hdu in self.hdus if hdu.name == name and hdu.shape is not None]

    def number(self, keywords: Iterable[str], *headers: Any) -> float | None:
        """Return the first of the keywords that is a finite number, in the first header with it."""
        for keyword in keywords:
            for header in (*headers, self.primary):
                value = header.get(keyword)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return float(value)
        return None

    def text(self, keyword: str, *headers: Any) -> str | None:
        """Return a keyword as text without blanks around it; None where it is not there."""
        for header in (*headers, self.primary):
            value = header.get(keyword)
            if isinstance(value, str | int) and str(value).strip():
                return str(value).strip()
        return None

    def describe(self) -> str:
        """Return what the file holds, for messages."""
        return ", ".join(hdu.label for hdu in self.hdus[1:]) or "no extension"

    def image_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image."""
        return FitsPlane(self.path, hdu.index, hdu.shape or ())

    def flag_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image of flags.

        Raises
        ------
        FileError
            Its numbers are not integers.
        """
        if not hdu.is_integer:
            raise FileError(f"{self.name}: {hdu.label} holds no integers, as flags are")
        return FitsPlane(self.path, hdu.index, hdu.shape or (), flags=True)


def header_wcs(path: str, index: int) -> str:
    """Return the text of the WCS in the header of an HDU, with its tables of distortion.

    Raises
    ------
    FileError
        The header has none on the sky.
    """
    from astropy.wcs import WCS

    name = os.path.basename(path)
    with warnings.catch_warnings(), _opened(path) as hdus:
        warnings.simplefilter("ignore")
        header = hdus[index].header
        try:
            # The repairs of old headers, without a warning for each.
            wcs = WCS(header, fobj=hdus, fix=False)
            wcs.wcs.fix()
            wcs.wcs.set()
        except Exception as error:  # whatever wcslib and astropy raise on what is in a header
            raise FileError(f"{name}: HDU {index} has no WCS that can be read: {error}") from error
        if not wcs.has_celestial:
            raise FileError(f"{name}: the WCS of HDU {index} is not on the sky")
        return to_text(wcs if wcs.naxis == 2 else wcs.celestial)


def table_bytes(path: str, index: int) -> bytes:
    """Return the bytes that the first column of a table holds in its first row."""
    with _opened(path) as hdus:
        return bytes(hdus[index].data.field(0)[0].tobytes())


def text_wcs(path: str, index: int) -> str:
    """Return the text of the WCS that xresample wrote into a table."""
    return to_text(parse(table_bytes(path, index).decode()))


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            yield hdus
    except FileNotFoundError:
        raise
    except _BROKEN as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is damaged or cut off: {error}") from error


def _describe(index: int, hdu: Any) -> Hdu:
    shape = tuple(hdu.shape) if hdu.is_image and hdu.shape else None
    where = hdu.fileinfo() or {}
    plain = type(hdu).__name__ in ("PrimaryHDU", "ImageHDU")
    # The padding after the data carries nothing, and may lack.
    span = hdu.size if plain else where.get("datSpan", 0)
    end = where["datLoc"] + span if "datLoc" in where else None
    name = str(hdu.name or "").strip().upper()
    name = "" if index == 0 and name == "PRIMARY" else name
    return Hdu(index, name, int(hdu.ver or 1), hdu.header, shape, end)


def _check_complete(path: str, hdus: tuple[Hdu, ...]) -> None:
    """Raise where a file ends before its HDUs do, of which astropy makes no error."""
    end = max((hdu.end for hdu in hdus if hdu.end is not None), default=0)
    padded = -(-end // _RECORD) * _RECORD
    with open(path, "rb") as stream:
        if stream.read(2) == b"\x1f\x8b":
            _check_unpacks(path, padded)
            return
        size = stream.seek(0, os.SEEK_END)
        stream.seek(padded)
        rest = stream.read(8)
    if cut := [hdu.label for hdu in hdus if hdu.end is not None and hdu.end > size]:
        raise FileError(
            f"{path} is cut off after {size} of {end} bytes: "
            f"the data of {', '.join(cut)} are missing"
        )
    if rest and b"XTENSION".startswith(rest):
        raise FileError(f"{path} is cut off within the header after {hdus[-1].label}")


def _check_unpacks(path: str, expected: int) -> None:
    """Raise where a file of gzip is cut off."""
    with open(path, "rb") as stream:
        stream.seek(-4, os.SEEK_END)
        size = int.from_bytes(stream.read(4), "little")
    if size == expected % (1 << 32):
        return
    # It ends in another way than with its length: only unpacking all of it tells.
    try:
        with gzip.open(path) as unpacked:
            while unpacked.read(1 << 20):
                pass
            size = unpacked.tell()
    except _BROKEN as error:
        raise FileError(f"{path} is cut off: {error}") from error
    if size < expected:
        raise FileError(f"{path} is cut off: it unpacks to {size} of {expected} bytes")
