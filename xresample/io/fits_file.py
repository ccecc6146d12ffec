"""A FITS file, described by its headers: its HDUs, their images, and whether it is complete."""

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
_BLOCK = 2880
"""Bytes per block: every header and every data section fills a whole number of blocks."""

_DAMAGE_ERRORS = (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, TypeError)
"""Exceptions that astropy raises for damaged files."""


@dataclass(frozen=True)
class Hdu:
    """An HDU, described by its header."""

    index: int
    name: str
    version: int
    header: Any
    shape: tuple[int, ...] | None
    """Shape of the image; None if the HDU holds no image."""
    end: int | None
    """Offset of the first byte after the data; None if unknown."""

    @property
    def label(self) -> str:
        """Name and version for messages, such as ``SCI,2``."""
        return f"{self.name},{self.version}" if self.name else f"HDU {self.index}"

    @property
    def is_image(self) -> bool:
        """Whether the HDU holds a two-dimensional image."""
        return self.shape is not None and len(self.shape) == 2

    @property
    def is_integer(self) -> bool:
        """Whether the values of the image are integers."""
        scale = (self.header.get("BSCALE", 1), self.header.get("BZERO", 0))
        return self.header.get("BITPIX", 0) > 0 and all(float(v).is_integer() for v in scale)

    @property
    def is_celestial(self) -> bool:
        """Whether the first two axes of the header are celestial."""
        kinds = [str(self.header.get(f"CTYPE{axis}", "")) for axis in (1, 2)]
        return all(_CELESTIAL.match(kind) for kind in kinds)


@dataclass(frozen=True)
class FitsPlane:
    """The image of an HDU: uint32 for flags, float32 otherwise."""

    path: str
    hdu: int
    shape: tuple[int, ...]
    flags: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array that a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, which is read from the file."""
        with _opened(self.path) as hdus:
            # Rows are contiguous in the file, so whole rows are read and columns cut afterwards.
            part = hdus[self.hdu].section[rows, :][:, columns]
        return as_uint32(part) if self.flags else np.ascontiguousarray(part, np.float32)


@dataclass(frozen=True)
class FitsFile:
    """The headers of a FITS file."""

    path: str
    hdus: tuple[Hdu, ...]

    @property
    def compressed(self) -> bool:
        """Whether the file as a whole is compressed, so that every read starts at its beginning."""
        with open(self.path, "rb") as stream:
            return stream.read(6) != b"SIMPLE"

    @classmethod
    def open(cls, path: str) -> FitsFile:
        """Read the headers of a file.

        Raises
        ------
        FileError
            The file is damaged or incomplete; names the part.
        """
        with warnings.catch_warnings():
            # Faults of keywords that are used raise an error where they are used.
            warnings.simplefilter("ignore")
            with _opened(path) as found:
                hdus = tuple(_describe(k, hdu) for k, hdu in enumerate(found))
        if not hdus:
            raise FileError(f"{path} must have at least one HDU, got none: the file may be cut off")
        _check_complete(path, hdus)
        return cls(path, hdus)

    @property
    def name(self) -> str:
        """File name without the folder."""
        return os.path.basename(self.path)

    @property
    def primary(self) -> Any:
        """Header of the first HDU."""
        return self.hdus[0].header

    def find(self, name: str, version: int | None = None) -> Hdu | None:
        """Return the first HDU with a name, and a version if given, or else None."""
        return next((h for h in self.hdus if h.name == name and version in (None, h.version)), None)

    def image(self, name: str, version: int) -> Hdu | None:
        """Return an image by name and version; None if it is missing or has no pixels.

        HST files omit the pixels of an image in which all pixels are equal, usually 0.
        """
        found = self.find(name, version)
        return found if found is not None and found.shape is not None else None

    def images(self, name: str) -> list[Hdu]:
        """Return all images with a name."""
        return [hdu for hdu in self.hdus if hdu.name == name and hdu.shape is not None]

    def number(self, keywords: Iterable[str], *headers: Any) -> float | None:
        """Return the value of the first keyword that is a number, or else None.

        The given headers are searched before the primary header.
        """
        for keyword in keywords:
            for header in (*headers, self.primary):
                value = header.get(keyword)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return float(value)
        return None

    def text(self, keyword: str, *headers: Any) -> str | None:
        """Return the value of a keyword as text; None if it is missing or blank.

        The given headers are searched before the primary header.
        """
        for header in (*headers, self.primary):
            value = header.get(keyword)
            if isinstance(value, str | int) and str(value).strip():
                return str(value).strip()
        return None

    def describe(self) -> str:
        """Return the names of the extensions, for messages."""
        return ", ".join(hdu.label for hdu in self.hdus[1:]) or "no extensions"

    def image_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image."""
        return FitsPlane(self.path, hdu.index, hdu.shape or ())

    def flag_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image of flags.

        Raises
        ------
        FileError
            The image does not hold integers.
        """
        if not hdu.is_integer:
            raise FileError(
                f"{self.name}: {hdu.label} must hold integers to be used as dq, got BITPIX = "
                f"{hdu.header.get('BITPIX')} with BSCALE = {hdu.header.get('BSCALE', 1)} and "
                f"BZERO = {hdu.header.get('BZERO', 0)}"
            )
        return FitsPlane(self.path, hdu.index, hdu.shape or (), flags=True)


def header_wcs(path: str, index: int) -> str:
    """Return the WCS of a header as text, including its distortion tables.

    Raises
    ------
    FileError
        The header has no celestial WCS.
    """
    from astropy.wcs import WCS

    name = os.path.basename(path)
    with warnings.catch_warnings(), _opened(path) as hdus:
        warnings.simplefilter("ignore")
        header = hdus[index].header
        try:
            # `fix` repairs old headers; the constructor would warn about every repair.
            wcs = WCS(header, fobj=hdus, fix=False)
            wcs.wcs.fix()
            wcs.wcs.set()
        except Exception as error:  # wcslib and astropy raise many types of errors
            raise FileError(f"{name}: the WCS of HDU {index} cannot be read: {error}") from error
        if not wcs.has_celestial:
            raise FileError(
                f"{name}: the WCS of HDU {index} must have two celestial axes, got "
                f"{', '.join(wcs.wcs.ctype)}"
            )
        return to_text(wcs if wcs.naxis == 2 else wcs.celestial)


def table_bytes(path: str, index: int) -> bytes:
    """Return the bytes in the first row of the first column of a table."""
    with _opened(path) as hdus:
        return bytes(hdus[index].data.field(0)[0].tobytes())


def text_wcs(path: str, index: int) -> str:
    """Return the WCS text that `fits_writer` wrote into a table."""
    return to_text(parse(table_bytes(path, index).decode()))


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            yield hdus
    except FileNotFoundError:
        raise
    except _DAMAGE_ERRORS as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is damaged or cut off: {error}") from error


def _describe(index: int, hdu: Any) -> Hdu:
    shape = tuple(hdu.shape) if hdu.is_image and hdu.shape else None
    where = hdu.fileinfo() or {}
    plain = type(hdu).__name__ in ("PrimaryHDU", "ImageHDU")
    # A plain image is complete without the padding after its data, which some writers omit.
    span = hdu.size if plain else where.get("datSpan", 0)
    end = where["datLoc"] + span if "datLoc" in where else None
    name = str(hdu.name or "").strip().upper()
    name = "" if index == 0 and name == "PRIMARY" else name
    return Hdu(index, name, int(hdu.ver or 1), hdu.header, shape, end)


def _check_complete(path: str, hdus: tuple[Hdu, ...]) -> None:
    """Raise a `FileError` if the file ends before its last HDU; astropy does not check this."""
    end = max((hdu.end for hdu in hdus if hdu.end is not None), default=0)
    padded = -(-end // _BLOCK) * _BLOCK
    with open(path, "rb") as stream:
        if stream.read(2) == b"\x1f\x8b":
            _check_unpacks(path, padded)
            return
        size = stream.seek(0, os.SEEK_END)
        stream.seek(padded)
        rest = stream.read(8)
    if cut := [hdu.label for hdu in hdus if hdu.end is not None and hdu.end > size]:
        raise FileError(
            f"{path} must have {end} bytes, got {size}: the file is cut off, and the data of "
            f"{', '.join(cut)} are missing"
        )
    if rest and b"XTENSION".startswith(rest):
        raise FileError(f"{path} is cut off within the header after {hdus[-1].label}")


def _check_unpacks(path: str, expected: int) -> None:
    """Raise a `FileError` if a gzip file is cut off."""
    with open(path, "rb") as stream:
        stream.seek(-4, os.SEEK_END)
        size = int.from_bytes(stream.read(4), "little")
    if size == expected % (1 << 32):
        return
    # The last four bytes of a complete gzip file are its unpacked size. Here they are not, so
    # unpacking the whole file is the only way to find out whether it is complete.
    try:
        with gzip.open(path) as unpacked:
            while unpacked.read(1 << 20):
                pass
            size = unpacked.tell()
    except _DAMAGE_ERRORS as error:
        raise FileError(f"{path} is cut off: {error}") from error
    if size < expected:
        raise FileError(f"{path} must unpack to {expected} bytes, got {size}: the file is cut off")
