"""A file that exposures are read from: whether it is still the same file, and its bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, TypeVar, cast

from xresample.errors import FileError
from xresample.wcs.caches import SharedCache

Compression = Literal["gzip", "bzip2", "xz", "zip"]
"""Compression of a whole file."""

_MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
}
"""First bytes of compressed files."""

_BUFFER = 1 << 22
"""Bytes that the buffer of a compressed file holds. Going back within the buffer is free; going
back further starts the decompression again at the beginning of the file."""

_SMALL_BUFFER = 1 << 13
"""Bytes that the buffer of a file without compression holds. Headers are short and far apart, so a
larger buffer would fetch pixels behind each header, which nobody reads."""

DAMAGE_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, IndexError, TypeError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError),
)
"""Exceptions that astropy and the decompressors raise for damaged files."""


class _BoundedReader(io.BufferedReader):
    """A buffered stream that ends at a limit, so that nothing behind the limit is decompressed."""

    mode = "rb"
    """The mode that astropy expects; `gzip.GzipFile` has a number instead."""

    def __init__(self, raw: IO[bytes], limit: int | None, buffer: int) -> None:
        super().__init__(cast(io.RawIOBase, raw), buffer)
        self._limit = limit

    def read(self, size: int | None = -1) -> bytes:
        """Read at most ``size`` bytes."""
        if self._limit is None:
            return super().read(size)
        rest = max(self._limit - self.tell(), 0)
        return super().read(rest if size is None or size < 0 else min(size, rest))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset."""
        if self._limit is not None and whence == os.SEEK_END:
            return super().seek(self._limit + offset)
        return super().seek(offset, whence)


Made = TypeVar("Made")

_made: SharedCache[Any] = SharedCache(512)
"""Texts of WCSs and small tables, some 10 kB each, by file and name."""


@dataclass(frozen=True)
class SourceFile:
    """A local file, with its size and modification time when it was opened.

    Subclasses stand for files that are elsewhere.
    """

    path: str
    size: int
    modified: int | str
    """Modification time in nanoseconds, or other text that changes with the file."""
    compression: Compression | None = None
    length: int | None = None
    """Number of bytes that are read, after decompression; None: all."""

    @classmethod
    def at(cls, path: str) -> SourceFile:
        """Return the file at a path as it is now."""
        with open(path, "rb") as stream:
            compression = compression_of(stream.read(8))
            state = os.fstat(stream.fileno())
        return cls(path, state.st_size, state.st_mtime_ns, compression)

    @property
    def name(self) -> str:
        """File name without the folder."""
        return os.path.basename(self.path)

    def remembered(
        self, name: Hashable, make: Callable[[], Made], cache: SharedCache[Any] = _made
    ) -> Made:
        """Return an object that follows from the file alone, if possible that of an earlier call.

        Parameters
        ----------
        name : hashable
            Name of the object among all objects that follow from the file.
        make : callable
            Makes the object, which nobody may change afterwards.
        cache : SharedCache, optional
            Where the object is kept.

        Raises
        ------
        FileError
            The file has changed since it was opened.
        """
        self.check()
        return cast(Made, cache.get((self, name), make))

    @property
    def key(self) -> str:
        """Text that tells the file from all other files."""
        return os.path.abspath(self.path)

    @property
    def is_local(self) -> bool:
        """Whether the file is on a local file system, where reading a few bytes takes no time."""
        return True

    def raw(self) -> IO[bytes]:
        """Open the file for reading, without buffer and without decompression."""
        return open(self.path, "rb", buffering=0)

    def state(self) -> tuple[int, int | str]:
        """Return size and modification time of the file as it is now.

        Raises
        ------
        FileNotFoundError
            The file has been removed.
        """
        state = os.stat(self.path)
        return state.st_size, state.st_mtime_ns

    def check(self) -> None:
        """Raise a `FileError` if the file has changed since it was opened."""
        try:
            size, modified = self.state()
        except FileNotFoundError:
            raise FileError(
                f"{self.path} must exist as long as its exposures are used, but it has been "
                "removed since it was opened"
            ) from None
        if (size, modified) != (self.size, self.modified):
            raise FileError(
                f"{self.path} has changed since it was opened: it had {self.size} bytes and was "
                f"{_when(self.modified)}, and now has {size} bytes and was {_when(modified)}. "
                "Open it again"
            )

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that the file is the same before and after a block that reads it."""
        self.check()
        try:
            yield
        except Exception:
            # An error in the block is often a consequence of the change, which explains more.
            self.check()
            raise
        self.check()

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file for reading; the bytes are decompressed."""
        with ExitStack() as stack:
            raw: Any = stack.enter_context(self.raw())
            buffer = _SMALL_BUFFER if self.compression is None else _BUFFER
            if self.compression is not None:
                raw = stack.enter_context(_decompressed(raw, self.compression))
            yield stack.enter_context(_BoundedReader(raw, self.length, buffer))


@contextmanager
def read_errors(path: str) -> Iterator[None]:
    """Turn the exceptions that damaged files cause in a block into a `FileError`."""
    try:
        yield
    except FileError:
        raise
    except DAMAGE_ERRORS as error:
        raise FileError(f"{path} is damaged or cut off: {error}") from error


def first_bytes(path: str, count: int) -> bytes | None:
    """Return the first bytes of a file, decompressed; None if the file cannot be read.

    The result is empty if the file is compressed and damaged.
    """
    try:
        with open(path, "rb") as raw:
            return first_of_stream(raw, count)
    except (OSError, ValueError):
        return None


def first_of_stream(stream: IO[bytes], count: int) -> bytes:
    """Return the first bytes of an open file, decompressed; empty if the file is damaged."""
    head = stream.read(count)
    compression = compression_of(head)
    if compression is None:
        return head
    stream.seek(0)
    try:
        with _decompressed(stream, compression) as unpacked:
            return unpacked.read(count)
    except DAMAGE_ERRORS:
        return b""


def _when(modified: int | str) -> str:
    """Return when a file was modified, for messages."""
    if isinstance(modified, str):
        return f"version {modified!r}"
    return f"modified at {modified / 1e9:.3f} s after 1970"


def compression_of(head: bytes) -> Compression | None:
    """Return the compression of a file that starts with these bytes."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def _decompressed(raw: IO[bytes], compression: Compression) -> IO[bytes]:
    """Return a stream of the decompressed bytes of a file."""
    if compression == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if compression == "bzip2":
        return cast(IO[bytes], bz2.BZ2File(raw))
    if compression == "xz":
        return cast(IO[bytes], lzma.LZMAFile(raw))
    archive = zipfile.ZipFile(raw)
    names = archive.namelist()
    if len(names) != 1:
        raise FileError(
            f"The zip archive {getattr(raw, 'name', '')} must contain exactly one file, got "
            f"{len(names)}: extract the archive"
        )
    return archive.open(names[0])
