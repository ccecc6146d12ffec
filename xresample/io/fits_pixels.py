"""Pixels that lie in a FITS file as plain numbers, read without astropy.

astropy reads the header of every HDU up to the image for each read, and makes a copy in big-endian
order before the copy in native order. Here a piece of the file goes into a small array, which stays
in the cache of the processor, and from there to its place in native order. To copy and swap takes
less time than to swap in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xresample.accumulate.spare import new_array

from .source_file import SourceFile

_PIECE = 1 << 19
"""Number of bytes that are read and converted at a time: they stay in the second-level cache."""

_REMOTE_PIECE = 1 << 24
"""Number of bytes of a file that is not local, for which each read is a request."""

_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""Type of the numbers by BITPIX."""

_UNSIGNED = {">i2": (1, 1 << 15), ">i4": (1, 1 << 31), ">i8": (1, 1 << 63)}
"""BSCALE and BZERO of unsigned integers, by the signed type that FITS stores."""


@dataclass(frozen=True)
class StoredNumbers:
    """An image without compression, as it lies in a file."""

    offset: int
    """Offset of the first byte."""
    dtype: str
    """Type of the numbers in the file, such as ``>f4``."""
    width: int
    """Number of pixels per row."""
    sign: bool = False
    """Whether the numbers are unsigned integers, stored with the highest bit inverted."""

    @classmethod
    def of(cls, header: Any, offset: int, *, raw: bool) -> StoredNumbers | None:
        """Return how an image is stored; None if astropy has to interpret the numbers.

        Parameters
        ----------
        header : astropy.io.fits.Header
            The header of an image that is not compressed.
        offset : int
            Offset of the data.
        raw : bool
            Whether BLANK does not matter.
        """
        dtype = _TYPES.get(header.get("BITPIX"))
        scaled = header.get("BSCALE", 1), header.get("BZERO", 0)
        if dtype is None or header.get("NAXIS", 0) < 2 or ("BLANK" in header and not raw):
            return None
        if scaled == (1, 0):
            return cls(offset, dtype, int(header["NAXIS1"]))
        if raw and scaled == _UNSIGNED.get(dtype):
            return cls(offset, dtype.replace("i", "u"), int(header["NAXIS1"]), sign=True)
        return None

    def read(
        self, source: SourceFile, rows: slice, columns: slice, dtype: Any = None
    ) -> np.ndarray:
        """Return a part of the image.

        Parameters
        ----------
        source : SourceFile
            The file.
        rows, columns : slice
            The part; both slices have a start, a stop and no step.
        dtype : dtype, optional
            Type of the result. Default: the type in the file, in native order.

        Raises
        ------
        EOFError
            The file ends within the part.
        """
        dtype = np.dtype(self.dtype).newbyteorder("=") if dtype is None else np.dtype(dtype)
        part = new_array((rows.stop - rows.start, columns.stop - columns.start), dtype)
        pieces = self._pieces(rows, _PIECE if source.is_local else _REMOTE_PIECE)
        scratch = np.empty((min(pieces.step, len(part)), self.width), self.dtype)
        with source.raw() as stream:
            stream.seek(self.offset + rows.start * self._pitch)
            for first in pieces:
                target = part[first - rows.start : first - rows.start + pieces.step]
                found = scratch[: len(target)]
                _fill(stream, found)
                target[...] = found[:, columns]
                if self.sign:
                    target ^= dtype.type(1 << (8 * dtype.itemsize - 1))
        return part

    @property
    def _pitch(self) -> int:
        """Bytes per row."""
        return self.width * np.dtype(self.dtype).itemsize

    def _pieces(self, rows: slice, size: int) -> range:
        """Return the first row of each piece; the step is the number of rows per piece."""
        return range(rows.start, rows.stop, max(1, size // max(self._pitch, 1)))


def _fill(stream: Any, target: np.ndarray) -> None:
    """Fill a contiguous array with bytes of a file."""
    view = target.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        count = stream.readinto(view[done:])
        if not count:
            raise EOFError(f"the file ends {len(view) - done} bytes too early")
        done += count
