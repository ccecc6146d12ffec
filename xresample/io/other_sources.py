"""Files that exposures are read from and that are no local files: remote files, HDUs in memory."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast
from urllib.parse import urlsplit

from xresample import arguments
from xresample.errors import FileError, InvalidInputError

from .source_file import DAMAGE_ERRORS, SourceFile, compression_of

AHEAD = 1 << 16
"""Bytes that are read ahead of a remote file: more than most headers, and a short transfer."""

_VERSIONS = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "created")
"""Facts about a remote file that change with the file; the first known fact is used."""

_MAGIC_BYTES = 8


@dataclass(frozen=True)
class RemoteFile(SourceFile):
    """A file on a file system of fsspec, which is read by ranges."""

    fs: Any = None
    """The file system."""
    place: str = ""
    """The path on the file system."""

    @property
    def name(self) -> str:
        """File name without the folder, and without the query of a URL."""
        return _file_name(self.path)

    @property
    def key(self) -> str:
        """The URL."""
        return self.path

    @property
    def is_local(self) -> bool:
        """Each read of a remote file is a request."""
        return False

    def raw(self) -> IO[bytes]:
        """Open the file for reading by ranges."""
        if _protocol(self.fs) == "memory":
            # This file system opens a file as one stream, which threads must not share.
            return io.BytesIO(self.fs.cat_file(self.place))
        stream = self.fs.open(self.place, "rb", block_size=AHEAD, cache_type="readahead")
        return cast(IO[bytes], stream)

    def state(self) -> tuple[int, int | str]:
        """Return size and version of the file as it is now."""
        with _network_errors(self.path):
            return _state(self.fs, self.place)

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that the file is the same before a block that reads it, which costs a request."""
        with _network_errors(self.path):
            self.check()
            yield


@dataclass(frozen=True)
class MemoryFile(SourceFile):
    """The content of a file in memory."""

    content: bytes = field(default=b"", repr=False, compare=False)
    name: str = ""
    """File name without the folder; empty if the content comes from no file."""

    @classmethod
    def of(cls, content: bytes, path: str) -> MemoryFile:
        """Return a file with this content, which was read from a path, or from no file ("")."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        name = _file_name(path)
        packed = compression_of(content[:_MAGIC_BYTES])
        path = path or "the file in memory"
        return cls(path, len(content), digest, packed, content=content, name=name)

    @property
    def key(self) -> str:
        """Digest of the content."""
        return f"memory:{self.modified}"

    @property
    def is_local(self) -> bool:
        """The content is in memory already."""
        return False

    def remembered(self, name: Any, make: Any, cache: Any = None) -> Any:
        """Return what ``make`` returns: a cache would keep the content in memory."""
        return make()

    def raw(self) -> IO[bytes]:
        """Return a stream over the content."""
        return io.BytesIO(self.content)

    def state(self) -> tuple[int, int | str]:
        """Return the size and the digest, which never change."""
        return self.size, self.modified


def source_of(given: Any) -> SourceFile:
    """Return the file that a path, a URL, an open file or an HDUList stands for.

    Nothing that is given is changed or kept open.

    Raises
    ------
    FileError
        A remote file cannot be opened.
    InvalidInputError
        The value stands for no file, or a package for remote files is missing.
    """
    if isinstance(given, SourceFile):
        return given
    if isinstance(given, str | os.PathLike):
        path = arguments.path("filename_or_obj", given)
        return remote_file(path) if is_remote(path) else SourceFile.at(local_path(path))
    if is_hdus(given):
        return MemoryFile.of(_content_of_hdus(given), str(given.filename() or ""))
    if isinstance(given, bytes | bytearray | memoryview):
        return MemoryFile.of(bytes(given), "")
    if on_file_system(given):
        return _on_file_system(given.fs, given.path)
    name = getattr(given, "name", None)
    # Members of archives have names, too, which are not those of files.
    is_file = isinstance(given, io.BufferedReader) and isinstance(given.raw, io.FileIO)
    if is_file and isinstance(name, str):
        return SourceFile.at(os.path.abspath(name))
    if hasattr(given, "read"):
        return MemoryFile.of(_content_of_stream(given), name if isinstance(name, str) else "")
    raise InvalidInputError(
        "filename_or_obj must be the path or the URL of a file, an open file or an HDUList, got "
        f"{arguments.shown(given)}"
    )


def is_hdus(given: Any) -> bool:
    """Tell whether a value is an `astropy.io.fits.HDUList`, without importing astropy."""
    module = sys.modules.get("astropy.io.fits")
    return module is not None and isinstance(given, module.HDUList)


def on_file_system(given: Any) -> bool:
    """Tell whether a value is a file, open or not yet, on a file system of fsspec."""
    return hasattr(given, "fs") and isinstance(getattr(given, "path", None), str)


def is_remote(path: str) -> bool:
    """Tell whether a path is a URL of a file that is not local.

    Examples
    --------
    >>> is_remote("s3://bucket/a.fits"), is_remote("file:///a.fits"), is_remote("a.fits[SCI]")
    (True, False, False)
    """
    return _is_url(path) and not path.startswith("file://")


def local_path(path: str) -> str:
    """Return the path of a local file, without ``file://`` and ``~``."""
    return os.path.expanduser(path.removeprefix("file://"))


def exists(path: str) -> bool:
    """Tell whether a path is an existing file, or a URL."""
    return is_remote(path) or os.path.exists(local_path(path))


def remote_file(url: str) -> SourceFile:
    """Return a remote file; its content is fetched as a whole if the server knows no ranges.

    Raises
    ------
    FileError
        The file cannot be opened.
    FileNotFoundError
        There is no such file.
    InvalidInputError
        fsspec, or the package for the protocol of the URL, is not installed.
    """
    try:
        from fsspec.core import url_to_fs

        fs, place = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InvalidInputError(
            f"{url} cannot be opened: {error}. Install packages for remote files with "
            "pip install 'xresample[remote]', and s3fs for s3://"
        ) from error
    return _on_file_system(fs, place, url)


def _on_file_system(fs: Any, place: str, url: str | None = None) -> SourceFile:
    """Return a file on a file system of fsspec."""
    if _protocol(fs) in ("file", "local"):
        return SourceFile.at(place)
    path = url or (place if _is_url(place) else fs.unstrip_protocol(place))
    with _network_errors(path):
        size, version = _state(fs, place)
        found = RemoteFile(path, size, version, fs=fs, place=place)
        try:
            with found.raw() as stream:
                # A server without ranges fails on the last byte, not on the first ones.
                stream.seek(max(size - 1, 0))
                stream.read(1)
                stream.seek(0)
                head = stream.read(_MAGIC_BYTES)
        except (ValueError, io.UnsupportedOperation):
            return MemoryFile.of(fs.cat_file(place), path)
        return RemoteFile(path, size, version, compression_of(head), fs=fs, place=place)


def _protocol(fs: Any) -> str:
    """Return the name of a file system of fsspec, such as ``"s3"``."""
    return str(fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0])


def _state(fs: Any, place: str) -> tuple[int, str]:
    """Return the size and the version of a file on a file system."""
    info = fs.info(place)
    version = next((info[name] for name in _VERSIONS if info.get(name)), "")
    return int(info.get("size") or 0), str(version)


@contextlib.contextmanager
def _network_errors(url: str) -> Iterator[None]:
    """Turn the exceptions of clients for the network into a `FileError`."""
    try:
        yield
    except (*DAMAGE_ERRORS, ImportError, FileError):
        raise
    except Exception as error:  # Each protocol has exceptions of its own.
        raise FileError(f"{url} cannot be read: {error!r}") from error


def _file_name(path: str) -> str:
    """Return the name of a file without the folder, and without the query of a URL."""
    return os.path.basename(urlsplit(path).path if _is_url(path) else path)


def _is_url(path: str) -> bool:
    return "://" in path


def _content_of_hdus(hdus: Any) -> bytes:
    """Return HDUs as the bytes of a file; writing may update headers, so copies are written."""
    from astropy.io import fits

    from xresample.errors import ignored_warnings

    buffer = io.BytesIO()
    with ignored_warnings():
        fits.HDUList([hdu.copy() for hdu in hdus]).writeto(buffer, output_verify="silentfix")
    return buffer.getvalue()


def _content_of_stream(stream: Any) -> bytes:
    """Return all bytes of an open file, whose position stays."""
    if not stream.seekable():
        return _bytes(stream.read())
    place = stream.tell()
    stream.seek(0)
    content = stream.read()
    stream.seek(place)
    return _bytes(content)


def _bytes(content: Any) -> bytes:
    if not isinstance(content, bytes):
        raise InvalidInputError(
            "filename_or_obj must be a file that is open for reading bytes (mode 'rb'), got text"
        )
    return content
