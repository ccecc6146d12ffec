"""A FITS file, described by its headers: its images, keywords, planes and WCS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from xresample.datamodel.dq_flags import as_uint32
from xresample.errors import (
    FileError,
    WCSTextError,
    ignored_warnings,
)
from xresample.wcs.caches import SharedCache
from xresample.wcs.text import parse, to_text

from .fits_hdus import Hdu, opened_hdus, read_hdus, value_in
from .fits_pixels import StoredNumbers
from .fits_scaling import Scaling
from .fits_wcs import finite_number, header_wcs
from .lazy_arrays import require_part
from .other_sources import source_of
from .source_file import SourceFile, read_errors

_MINUTES = re.compile(r"\bmin(ute)?s?\b", re.IGNORECASE)
"""Comment of a keyword whose value is in minutes, as in images of the Digitized Sky Survey."""

_PLAIN_BYTES = re.compile(r"([0-9]*)B *")
"""Format of a column of bytes, such as ``1024B``."""


@dataclass(frozen=True)
class FitsPlane:
    """The image of an HDU: uint32 for flags, float32 otherwise."""

    source: SourceFile
    hdu: int
    label: str
    """Name of the image in messages."""
    shape: tuple[int, ...]
    flags: bool = False
    stored: StoredNumbers | None = None
    """How the pixels lie in the file; None if astropy reads them."""

    @classmethod
    def of(cls, source: SourceFile, hdu: Hdu, *, flags: bool = False) -> FitsPlane:
        """Return the plane of an HDU with an image.

        Raises
        ------
        FileError
            A keyword that scales the pixels has no number.
        """
        Scaling.of(hdu, source.path, raw=flags)
        stored = None
        if hdu.offset is not None:
            stored = StoredNumbers.of(hdu.header, hdu.offset, raw=flags)
        return cls(source, hdu.index, hdu.label, hdu.shape or (), flags, stored)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array that a call returns."""
        return np.dtype(np.uint32 if self.flags else np.float32)

    def __call__(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, which is read from the file.

        Raises
        ------
        FileError
            The file is damaged, or has changed since it was opened.
        """
        if self.stored is not None:
            return self._numbers(self.stored, rows, columns)
        # Flags are bits, so they stay integers, and a flag that equals BLANK is like others.
        with opened_hdus(self.source, raw=self.flags) as hdus:
            with ignored_warnings():
                image = hdus[self.hdu]
            leading = (0,) * (len(image.shape) - 2)
            # Rows are contiguous in the file, so whole rows are read and columns cut afterwards.
            part = image.section[(*leading, rows)][:, columns]
        require_part(part, self, rows, columns, f"{self.source.path}: {self.label}")
        if self.flags:
            return as_uint32(_scaled_integers(part, image.header))
        return np.ascontiguousarray(part, np.float32)

    def _numbers(self, stored: StoredNumbers, rows: slice, columns: slice) -> np.ndarray:
        """Return a part of pixels that are plain numbers."""
        with read_errors(self.source.path), self.source.unchanged():
            if not self.flags:
                return stored.read(self.source, rows, columns, np.float32)
            return as_uint32(stored.read(self.source, rows, columns))


def _scaled_integers(values: np.ndarray, header: Any) -> np.ndarray:
    """Return the integers that BSCALE and BZERO give, such as unsigned integers (BZERO = 32768)."""
    scale, zero = int(header.get("BSCALE", 1)), int(header.get("BZERO", 0))
    if (scale, zero) == (1, 0):
        return values
    if (scale, zero) == (1, 1 << 63):
        # The offset of unsigned integers of 64 bits does not fit their signed type.
        return values.astype(np.int64).view(np.uint64) ^ np.uint64(zero)
    scaled = values.astype(np.int64) * scale + zero
    # FITS stores signed bytes as unsigned bytes with an offset.
    return scaled.astype(np.int8) if (zero, values.itemsize) == (-128, 1) else scaled


@dataclass(frozen=True)
class FitsFile:
    """The headers of a FITS file."""

    source: SourceFile
    hdus: tuple[Hdu, ...]

    @classmethod
    def open(cls, file: str | SourceFile) -> FitsFile:
        """Read the headers of a file, which is given by its path, its URL or its source.

        Raises
        ------
        FileError
            The file is damaged or incomplete; names the part.
        """
        source = source_of(file)
        return source.remembered("headers", lambda: cls(*read_hdus(source)), _opened)

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.source.path

    @property
    def compressed(self) -> bool:
        """Whether the file as a whole is compressed, so that every read starts at its beginning."""
        return self.source.compression is not None

    @property
    def name(self) -> str:
        """File name without the folder."""
        return self.source.name

    @property
    def primary(self) -> Any:
        """Header of the first HDU."""
        return self.hdus[0].header

    def find(self, name: str, version: int | None = None) -> Hdu | None:
        """Return the first HDU with a name, and a version if given, or else None."""
        return next((h for h in self.hdus if h.name == name and version in (None, h.version)), None)

    def images(self, name: str) -> list[Hdu]:
        """Return all images with a name."""
        return [hdu for hdu in self.hdus if hdu.name == name and hdu.shape is not None]

    def partner(self, image: Hdu, name: str) -> Hdu | None:
        """Return the image with a name that belongs to another image, such as the ERR of a SCI.

        The version (EXTVER) decides. If versions are missing or not unique, the order decides. HST
        files omit the pixels of an image in which all pixels are equal, usually 0; then, and if
        there is no such image, the result is None.

        Raises
        ------
        FileError
            Neither versions nor the order decide.
        """
        images = self.images(image.name)
        others = [hdu for hdu in self.hdus if hdu.name == name]
        if not others:
            return None
        if _have_versions(images) and _have_versions(others):
            found = next((hdu for hdu in others if hdu.version == image.version), None)
            # A single image may have another version than a single partner.
            if found is None and len(images) == len(others) == 1:
                found = others[0]
        elif len(images) == len(others):
            found = others[images.index(image)]
        else:
            found = self._next(image, images, others)
        return found if found is not None and found.shape is not None else None

    def _next(self, image: Hdu, images: list[Hdu], others: list[Hdu]) -> Hdu | None:
        """Return the image that follows another image, before the next image of the same name."""
        starts = [hdu.index for hdu in images]
        if any(after - before == 1 for before, after in pairwise(starts)):
            raise FileError(
                f"{self.path}: {image.name} and {others[0].name} must have unique EXTVER to belong "
                f"together, got {len(images)} {image.name} and {len(others)} {others[0].name} in "
                "an order that does not tell: add the keyword EXTVER"
            )
        end = min((start for start in starts if start > image.index), default=len(self.hdus))
        return next((hdu for hdu in others if image.index < hdu.index < end), None)

    def number(self, keywords: Iterable[str], *headers: Any) -> float | None:
        """Return the value of the first keyword that is a finite number, or else None.

        Text that is a number counts as a number. The given headers are searched before the primary
        header. Times in minutes, according to the comment of the keyword, are converted to seconds.
        """
        for keyword in keywords:
            for header in (*headers, self.primary):
                value = finite_number(value_in(header, keyword))
                if value is not None:
                    minutes = _MINUTES.search(header.comments[keyword])
                    return 60 * value if minutes else value
        return None

    def epoch(self, keywords: Iterable[str], *headers: Any) -> float | None:
        """Return the value of the first keyword that is a finite number and not 0, or else None.

        Files write 0 for a modified Julian date or a duration that they do not know.
        """
        values = (self.number((keyword,), *headers) for keyword in keywords)
        return next((value for value in values if value), None)

    def text(self, keyword: str, *headers: Any) -> str | None:
        """Return the value of a keyword as text; None if it is missing or blank.

        The given headers are searched before the primary header.
        """
        for header in (*headers, self.primary):
            value = value_in(header, keyword)
            if isinstance(value, str | int) and str(value).strip():
                return str(value).strip()
        return None

    def wcs_of(self, hdu: Hdu) -> Callable[[], str] | None:
        """Return a function that gives the WCS of a header as text; None if it is not celestial."""
        if not hdu.is_celestial:
            return None
        return partial(header_wcs, self.source, hdu.index, len(self.hdus))

    def first_cell(self, table: Hdu) -> bytes:
        """Return the bytes in the first row of the first column of a table, as `table_bytes`."""
        count = _count_of_bytes(table)
        if count is None or table.offset is None:
            return table_bytes(self.source, table.index)
        stored = StoredNumbers(table.offset, "u1", count)

        def read() -> bytes:
            with read_errors(self.path), self.source.unchanged():
                return stored.read(self.source, slice(0, 1), slice(0, count)).tobytes()

        return self.source.remembered(("table", table.index), read)

    def describe(self) -> str:
        """Return the names of the extensions, for messages."""
        return ", ".join(hdu.label for hdu in self.hdus[1:]) or "no extensions"

    def image_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image."""
        return FitsPlane.of(self.source, hdu)

    def flag_plane(self, hdu: Hdu) -> FitsPlane:
        """Return the plane of an image of flags.

        Raises
        ------
        FileError
            The image does not hold integers.
        """
        scaling = Scaling.of(hdu, self.path, raw=True)
        if not (hdu.has_integers and scaling.is_whole):
            raise FileError(
                f"{self.name}: {hdu.label} must hold integers to be used as dq, got BITPIX = "
                f"{hdu.header.get('BITPIX')} with BSCALE = {scaling.scale} and "
                f"BZERO = {scaling.zero}"
            )
        return FitsPlane.of(self.source, hdu, flags=True)


_opened: SharedCache[FitsFile] = SharedCache(32)
"""Files that were opened last: opening all exposures of a file reads its headers once."""


def _count_of_bytes(table: Hdu) -> int | None:
    """Return how many plain bytes the first cell of a table holds; None if astropy must tell."""
    found = _PLAIN_BYTES.fullmatch(str(value_in(table.header, "TFORM1", "")))
    scaled = "TSCAL1" in table.header or "TZERO1" in table.header
    if found is None or scaled or value_in(table.header, "XTENSION") != "BINTABLE":
        return None
    count, width = int(found[1] or 1), table.header.get("NAXIS1", 0)
    return count if 0 < count <= width and table.header.get("NAXIS2", 0) > 0 else None


def _have_versions(hdus: list[Hdu]) -> bool:
    """Tell whether the versions of HDUs are unique."""
    return len({hdu.version for hdu in hdus}) == len(hdus)


def table_bytes(source: SourceFile, index: int) -> bytes:
    """Return the bytes in the first row of the first column of a table."""

    def read() -> bytes:
        with opened_hdus(source) as hdus, ignored_warnings():
            return bytes(hdus[index].data.field(0)[0].tobytes())

    return source.remembered(("table", index), read)


def text_wcs(source: SourceFile, index: int) -> str:
    """Return the WCS text that `fits_writer` wrote into a table."""

    def read() -> str:
        try:
            return to_text(parse(table_bytes(source, index).decode()), is_fresh=True)
        except (UnicodeDecodeError, WCSTextError) as error:
            raise FileError(
                f"{source.path} is damaged: the WCS in the table ASDF cannot be read: {error}"
            ) from error

    return source.remembered(("text", index), read)
