"""Folders of zarr stores: replaced as a whole, shared by several processes, cleaned with care."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from xresample.io.replace import abandoned, beside

TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.partial$")
"""Names of the files that zarr writes first and then renames to their final names."""


def local_path(store: Any) -> Path | None:
    """Return the folder of a store on a local file system; None for any other store."""
    from zarr.storage import LocalStore

    root = store.root if isinstance(store, LocalStore) else store
    if not isinstance(root, str | os.PathLike):
        return None
    text = os.fspath(root).removeprefix("file://")
    return None if "://" in text else Path(text)


def is_temporary(path: Path) -> bool:
    """Tell whether a file is one that zarr has not finished."""
    return TEMPORARY.search(path.name) is not None


@contextlib.contextmanager
def new_folder(path: Path, replace: bool) -> Iterator[Path]:
    """Make a folder beside its final place, and move it there once it is complete.

    A folder therefore either has all of its content or does not exist. If several processes make
    the same folder, one wins; the others find the folder of the winner.

    Parameters
    ----------
    path : Path
        The final place.
    replace : bool
        Whether to replace a folder that is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    fresh = beside(path, "new")
    try:
        yield fresh
        _move(fresh, path, replace)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _move(fresh: Path, path: Path, replace: bool) -> None:
    """Move a folder to its final place, unless another process was first."""
    old = beside(path, "old")
    if replace and path.exists():
        path.rename(old)
    try:
        with contextlib.suppress(OSError):
            # Some systems refuse to rename a folder to the name of an empty folder.
            path.rmdir()
        fresh.rename(path)
    except BaseException as error:
        if old.exists() and not path.exists():
            old.rename(path)
        if replace or not isinstance(error, OSError) or not path.is_dir():
            raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_abandoned(path: Path) -> None:
    """Remove hidden folders that killed processes of this machine left beside a folder.

    A folder that a killed process was about to replace is put back.
    """
    for entry, purpose in abandoned(path):
        if purpose == "old" and not path.exists():
            entry.rename(path)
        else:
            shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def in_use(path: Path | None, arrays: Iterable[str]) -> Iterator[None]:
    """Mark a store as in use, and first remove temporary files if no other process uses the store.

    Parameters
    ----------
    path : Path or None
        The folder of the store; None for a store that is not on a local file system.
    arrays : iterable of str
        Names of the arrays and groups of the store; files elsewhere are never removed.
    """
    try:
        import fcntl
    except ImportError:
        # Without locks no process knows of the others, so that all files are left alone.
        path = None
    if path is None:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in arrays:
                for entry in (path / name).rglob("*.partial"):
                    if is_temporary(entry):
                        entry.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)
