"""Files that appear completely or not at all, and the hidden files of writers that were killed."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from xresample.errors import FileError


@contextlib.contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[Path]:
    """Write a hidden file beside its final place, and move it there once it is complete.

    A link is followed, so the file that it points to is written. An existing file that is replaced
    keeps its permissions. Hidden files of killed writers of this machine are removed first.

    Parameters
    ----------
    path : Path
        The final place.
    overwrite : bool
        Whether to replace a file that exists, or that appears while the new file is written.

    Raises
    ------
    FileError
        The file exists, and ``overwrite`` is false; or its folder does not exist.
    """
    require_new(path, overwrite)
    path = path.resolve()
    _remove_abandoned(path)
    fresh = beside(path, "new" + "".join(path.suffixes[-1:]))
    try:
        yield fresh
        if not overwrite:
            _move_to_new_name(fresh, path)
            return
        with contextlib.suppress(FileNotFoundError):
            fresh.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def require_new(path: Path, overwrite: bool) -> None:
    """Raise a `FileError` if a file exists and must not be replaced, or if it has no folder."""
    if path.is_dir():
        raise FileError(f"{path} must be a file, got a folder: add the name of the file")
    if not (folder := path.resolve().parent).is_dir():
        raise FileError(f"{path} must be in an existing folder, got {folder}: make it first")
    if path.exists() and not overwrite:
        raise FileError(_exists(path))


def _move_to_new_name(fresh: Path, path: Path) -> None:
    """Move a file to a name that must not exist yet."""
    try:
        try:
            # In contrast to a rename, making a link never replaces a file.
            os.link(fresh, path)
        except FileExistsError:
            raise
        except OSError:
            # Some file systems have no links: an empty file reserves the name.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            os.replace(fresh, path)
    except FileExistsError:
        raise FileError(_exists(path)) from None


def _exists(path: Path) -> str:
    return f"{path} exists already: replace the file with overwrite=True"


def beside(path: Path, purpose: str) -> Path:
    """Return a new hidden name beside a path, which contains the name of this process."""
    owner = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    return path.with_name(f".{path.name}.{owner}.{purpose}")


def abandoned(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield hidden files of killed processes of this machine beside a path, and their purpose."""
    host = re.escape(socket.gethostname())
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{host}-(\d+)-\w+\.([\w.]+)")
    for entry in path.parent.iterdir():
        found = pattern.fullmatch(entry.name)
        if found is not None and not _is_alive(int(found[1])):
            yield entry, found[2]


def _remove_abandoned(path: Path) -> None:
    """Remove the hidden files that killed processes of this machine left beside a file."""
    for entry, _ in abandoned(path):
        with contextlib.suppress(OSError):
            entry.unlink()


def _is_alive(process: int) -> bool:
    """Tell whether a process of this machine is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
