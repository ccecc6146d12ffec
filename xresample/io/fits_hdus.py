"""The HDUs of a FITS file: where they are, whether they are complete, and how to open them.

astropy reads headers as far as a file goes. A small compressed file can unpack to gigabytes, and a
damaged header may have no end. Therefore this module finds the HDUs itself, from the sizes in their
headers and within limits, and astropy sees the file only as far as the last HDU.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from xresample.errors import FileError, XResampleError, ignored_warnings

from .source_file import DAMAGE_ERRORS, SourceFile, read_errors

BLOCK = 2880
"""Bytes per block: every header and every data section fills a whole number of blocks."""

MAX_HEADER = BLOCK << 12
"""Maximum number of bytes of a header that is read (about 147000 cards)."""

_CARD = 80
_DESCRIPTOR = 8
"""Minimum number of bytes per tile in the table of a tile-compressed image."""

BITS = (8, 16, 32, 64, -32, -64)
"""Allowed values of BITPIX."""

_INTEGER = re.compile(r"[+-]?[0-9]+")

_CELESTIAL = re.compile(r"(RA|DEC|[A-Z]LON|[A-Z]LAT|[A-Z]{2}L[NT])(-|$)")


@dataclass(frozen=True)
class Hdu:
    """An HDU, described by its header."""

    index: int
    name: str
    version: int
    header: Any
    shape: tuple[int, ...] | None
    """Shape of the image, without leading axes of one pixel; None if the HDU has no image."""
    offset: int | None = None
    """Offset of the data in the file; None if the data or the file are compressed."""
    tile_rows: int = 1
    """Number of rows per tile of a tile-compressed image."""

    @property
    def label(self) -> str:
        """Name and version for messages, such as ``SCI,2``."""
        return f"{self.name},{self.version}" if self.name else f"HDU {self.index}"

    @property
    def is_image(self) -> bool:
        """Whether the HDU holds a two-dimensional image."""
        return self.shape is not None and len(self.shape) == 2

    @property
    def has_integers(self) -> bool:
        """Whether the numbers in the file are integers."""
        return bool(self.header.get("BITPIX", 0) > 0)

    @property
    def is_celestial(self) -> bool:
        """Whether the first two axes of the header are celestial."""
        kinds = [str(value_in(self.header, f"CTYPE{axis}", "")) for axis in (1, 2)]
        return all(_CELESTIAL.match(kind) for kind in kinds)


def value_in(header: Any, keyword: str, default: Any = None) -> Any:
    """Return the value of a keyword, also if it is text without quotes.

    Many programs write such text although it breaks the FITS standard, and astropy raises an error
    for it.

    Parameters
    ----------
    header : astropy.io.fits.Header
        The header.
    keyword : str
        The keyword.
    default : object, optional
        Value of a keyword that is missing, or whose value has characters that cannot be printed.

    Examples
    --------
    >>> from astropy.io import fits
    >>> header = fits.Header.fromstring("OBJECT  = M 31 / target".ljust(80))
    >>> value_in(header, "OBJECT"), value_in(header, "FILTER", "")
    ('M 31', '')
    """
    from astropy.io.fits import VerifyError

    try:
        return header.get(keyword, default)
    except VerifyError:
        # The card stays in the header as astropy mends it, so the next call finds the text.
        try:
            with ignored_warnings():
                header.cards[keyword].verify("silentfix")
                return str(header[keyword]).strip("' ")
        except (VerifyError, ValueError):
            return default


@contextmanager
def opened_hdus(source: SourceFile, *, raw: bool = False) -> Iterator[Any]:
    """Open the HDUs of a file with astropy, which reads each header on first access.

    Parameters
    ----------
    source : SourceFile
        The file, which must not change while it is open.
    raw : bool, optional
        Whether images are the numbers in the file, without BSCALE, BZERO and BLANK.

    Raises
    ------
    FileError
        The file is damaged, or has changed since it was opened.
    """
    from astropy.io.fits import VerifyError

    try:
        with (
            read_errors(source.path),
            source.unchanged(),
            source.opened() as stream,
            _opened(stream, raw) as hdus,
        ):
            yield hdus
    except (XResampleError, ImportError, MemoryError):
        raise
    except VerifyError as error:
        raise FileError(f"{source.path} breaks the FITS standard: {error}") from error
    except Exception as error:  # The decompressors of images raise errors of their own types.
        raise FileError(f"{source.path} is damaged or cut off: {error}") from error


@contextmanager
def _opened(stream: IO[bytes], raw: bool) -> Iterator[Any]:
    from astropy.io import fits

    with ignored_warnings():
        hdus = fits.open(stream, memmap=False, do_not_scale_image_data=raw)
    try:
        yield hdus
    finally:
        # The stream is closed by its own context.
        hdus.close(closed=False)


def read_hdus(source: SourceFile) -> tuple[SourceFile, tuple[Hdu, ...]]:
    """Read all headers of a file, and check that the file is complete.

    Returns
    -------
    SourceFile
        The file, with the length of its HDUs: whatever follows them is never read.
    tuple of Hdu
        The HDUs.

    Raises
    ------
    FileError
        The file is damaged or incomplete; names the part.
    """
    with read_errors(source.path), source.unchanged():
        with source.opened() as stream:
            parts = tuple(_parts(source.path, stream))
        known = replace(source, length=parts[-1].next_start)
        # Reading headers warns about faults of keywords. Keywords that are used are checked on use.
        with opened_hdus(known) as hdus, ignored_warnings():
            if len(hdus) < len(parts):
                raise FileError(_why_unreadable(known, parts[len(hdus)]))
            found = tuple(_describe(known, k, hdus[k], part) for k, part in enumerate(parts))
    missing = [hdu.label for hdu, part in zip(found, parts, strict=True) if not part.is_complete]
    if missing:
        raise FileError(
            f"{source.path} is cut off: the data of {', '.join(missing)} are missing, because the "
            f"file must have {parts[-1].end} bytes"
        )
    return known, found


def _why_unreadable(source: SourceFile, part: _Part) -> str:
    """Return why astropy cannot read the header of an HDU, for messages."""
    from astropy.io.fits import Header, VerifyError

    with source.opened() as stream:
        stream.seek(part.header)
        header = stream.read(part.start - part.header)
    held = _cards(header)
    for card in Header.fromstring(header.decode("latin-1")).cards:
        try:
            _ = card.value
        except VerifyError:
            return (
                f"{source.path} breaks the FITS standard: {card.keyword} of {part.label} must be "
                f"a number, text in quotes, T or F, got {held.get(card.keyword, '').strip()}: "
                "correct the header of the file"
            )
    return f"{source.path} is damaged: the header of {part.label} cannot be read"


@dataclass(frozen=True)
class _Part:
    """The place of an HDU in a file."""

    label: str
    header: int
    """Offset of the header."""
    start: int
    """Offset of the data."""
    end: int
    """Offset of the first byte after the data."""
    is_complete: bool

    @property
    def next_start(self) -> int:
        """Offset at which another HDU can start."""
        return -(-self.end // BLOCK) * BLOCK


def _parts(path: str, stream: IO[bytes]) -> Iterator[_Part]:
    """Yield the place of each HDU; anything after the last HDU is ignored.

    Raises
    ------
    FileError
        A header has no end, or does not give the size of its data.
    """
    header = _header(path, stream, 0, b"SIMPLE", "at the beginning")
    if header is None:
        raise FileError(f"{path} must start with the header of a FITS file: it may be cut off")
    start = 0
    while header is not None:
        label = _label(header)
        data = start + len(header)
        size = _data_size(path, header, label)
        part = _Part(
            label, start, data, data + size, size == 0 or _has_byte(stream, data + size - 1)
        )
        yield part
        if not part.is_complete:
            return
        start = part.next_start
        header = _header(path, stream, start, b"XTENSION", f"after {label}")


def _header(
    path: str, stream: IO[bytes], offset: int, keyword: bytes, position: str
) -> bytes | None:
    """Return the header that starts at an offset; None if no header starts there."""
    stream.seek(offset)
    block = stream.read(BLOCK)
    if not block or not keyword.startswith(block[:8].rstrip()):
        return None
    blocks = [block]
    while len(block) == BLOCK and not _has_end(block) and len(blocks) * BLOCK < MAX_HEADER:
        block = stream.read(BLOCK)
        blocks.append(block)
    if len(block) < BLOCK:
        raise FileError(f"{path} is cut off within the header {position}")
    if not _has_end(block):
        raise FileError(
            f"{path} is damaged: the header {position} must end within {MAX_HEADER} bytes"
        )
    return b"".join(blocks)


def _has_end(block: bytes) -> bool:
    """Tell whether a block contains the END card, which ends a header."""
    cards = (block[k : k + 8] for k in range(0, len(block), _CARD))
    return any(card.rstrip(b" \0") == b"END" for card in cards)


def _has_byte(stream: IO[bytes], offset: int) -> bool:
    """Tell whether there is a byte at an offset of a stream, which may be cut off."""
    try:
        stream.seek(offset)
        return bool(stream.read(1))
    except DAMAGE_ERRORS:
        return False


def _cards(header: bytes) -> dict[str, str]:
    """Return the text after the value indicator of each card, by keyword."""
    cards: dict[str, str] = {}
    for k in range(0, len(header), _CARD):
        card = header[k : k + _CARD].decode("latin-1")
        if card[8:10] == "= ":
            cards.setdefault(card[:8].strip(), card[10:])
    return cards


def _integer(cards: dict[str, str], keyword: str, default: int | None = None) -> int:
    """Return the value of a keyword that must be an integer.

    Raises
    ------
    ValueError
        The keyword is missing, or its value is not allowed.
    """
    if keyword not in cards and default is not None:
        return default
    if keyword not in cards:
        raise ValueError(f"{keyword} is missing")
    text = cards[keyword].partition("/")[0].strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{keyword} must be an integer, got {text or 'no value'}")
    value, least = int(text), 1 if keyword == "GCOUNT" else 0
    if keyword == "BITPIX" and value not in BITS:
        raise ValueError(f"BITPIX must be one of {', '.join(map(str, BITS))}, got {value}")
    if keyword != "BITPIX" and value < least:
        raise ValueError(f"{keyword} must be at least {least}, got {value}")
    return value


def _data_size(path: str, header: bytes, label: str) -> int:
    """Return the number of bytes of data that follow a header (FITS standard 4.0, eq. 2)."""
    cards = _cards(header)
    try:
        sides = [_integer(cards, f"NAXIS{k + 1}") for k in range(_integer(cards, "NAXIS"))]
        if not sides:
            return 0
        if sides[0] == 0 and cards.get("GROUPS", "").partition("/")[0].strip() == "T":
            sides = sides[1:]
        numbers = _integer(cards, "PCOUNT", 0) + math.prod(sides)
        return abs(_integer(cards, "BITPIX")) // 8 * _integer(cards, "GCOUNT", 1) * numbers
    except ValueError as error:
        raise FileError(
            f"{path} is damaged: the header of {label} does not give the size of its data: {error}"
        ) from error


def _label(header: bytes) -> str:
    """Return the name and version of an HDU for messages."""
    cards = _cards(header)
    name = cards.get("EXTNAME", "").partition("/")[0].strip(" '")
    version = cards.get("EXTVER", "1").partition("/")[0].strip()
    return f"{name},{version}" if name else "an HDU without a name"


def _describe(source: SourceFile, index: int, hdu: Any, part: _Part) -> Hdu:
    """Return the description of an HDU of astropy."""
    shape = tuple(hdu.shape) if hdu.is_image and hdu.shape else None
    name = str(hdu.name or "").strip().upper()
    name = "" if index == 0 and name == "PRIMARY" else name
    tiled = bool(getattr(hdu, "tile_shape", None))
    if shape is not None and tiled:
        tiles = math.prod(-(-n // t) for n, t in zip(shape, hdu.tile_shape, strict=True))
        size = (hdu.fileinfo() or {}).get("datSpan", 0)
        if tiles * _DESCRIPTOR > size:
            raise FileError(
                f"{source.path}: the table of the compressed image {name or index} must have "
                f"{tiles} tiles for its shape {shape}, got {size} bytes: the file is damaged"
            )
    while shape is not None and len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    offset = None if tiled or source.compression is not None else part.start
    rows = int(hdu.tile_shape[-2]) if tiled and len(hdu.tile_shape) > 1 else 1
    return Hdu(
        index, name, _version(source, name or str(index), hdu), hdu.header, shape, offset, rows
    )


def _version(source: SourceFile, label: str, hdu: Any) -> int:
    """Return EXTVER; 1 if it is missing, or if it numbers no image.

    Raises
    ------
    FileError
        EXTVER of an image is not an integer.
    """
    if not hdu.is_image:
        return hdu.ver if isinstance(hdu.ver, int) else 1
    version = value_in(hdu.header, "EXTVER", "") if "EXTVER" in hdu.header else 1
    if isinstance(version, str) and _INTEGER.fullmatch(version.strip()):
        return int(version)
    is_whole = isinstance(version, int | float) and not isinstance(version, bool)
    if version is not None and not (is_whole and float(version).is_integer()):
        raise FileError(
            f"{source.path}: EXTVER of {label} must be an integer, got {version!r}: correct the "
            "header of the file"
        )
    return int(version or 1)
