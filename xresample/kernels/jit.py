"""How every kernel is compiled, and where compiled code is kept.

**Options.** ``nogil`` lets a pool of plain threads run kernels side by side; numba's own
``parallel=True`` aborts when a second threading layer, such as dask's, enters it.
``error_model="numpy"`` makes a division by zero an infinity instead of a branch, so loops can
become vector instructions. ``fastmath`` stays off: results have the same bits whatever the number
of threads, the size of tiles or the chunks.

**Cache.** numba's own cache on disk notices an edit only in the file of the compiled function, but
compiled code contains the helpers that the function calls. The key of `KernelCache` therefore
covers all sources of the kernels, the versions of numba and llvmlite, and everything else that
changes the code. Each entry is a file of its own that is replaced as a whole, so any number of
processes can fill one cache at the same time.

**Private features of numba** are used here, in ``parts``, ``vectors``, ``intrinsics`` and
``by_address``.
Where numba lacks a feature, compilation goes on with public options: see `accepted` and `cached`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import stat
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba

from xresample.errors import CompiledCodeWarning, warn
from xresample.progress import announce

from .parts import part_options

PUBLIC = {"nogil": True, "error_model": "numpy"}
"""Options of every compiled function."""

FOLDER = "xresample-kernels"
"""Name of the folder for compiled code in a folder that other programs use too."""

MESSAGE = "Compiling kernels (once per environment) ..."


def accepted(**private: Any) -> dict[str, Any]:
    """Return the private options of numba that the installed version understands.

    Examples
    --------
    >>> accepted(_nrt=False, no_such_option=True)
    {'_nrt': False}
    """
    return {name: value for name, value in private.items() if _is_option(name, value)}


def _is_option(name: str, value: Any) -> bool:
    try:
        from numba.core.compiler import Flags
        from numba.core.cpu import CPUTargetOptions

        CPUTargetOptions.parse_as_flags(Flags(), {name: value})
    except Exception:  # Any failure means that numba lacks the option.
        return False
    return True


_PRIVATE = accepted(_nrt=False, forceinline=False)
_INNER = accepted(no_cpython_wrapper=True, no_cfunc_wrapper=True)
_PART = part_options()

variant: set[str] = set() if _PART else {"parts"}
"""Names of the private features that are not in use: they are part of the key of the cache."""


@functools.cache
def digest() -> str | None:
    """Return a digest of the kernels' sources and the compiler; None if sources are missing."""
    found = hashlib.sha256()
    versions = numba.__version__, llvmlite.__version__, sys.version_info[:2]
    found.update(repr((versions, _PRIVATE, _INNER)).encode())
    sources = sorted(
        (entry for entry in files(__package__).iterdir() if entry.name.endswith(".py")),
        key=lambda entry: entry.name,
    )
    for source in sources:
        found.update(f"\0{source.name}\0".encode())
        found.update(source.read_bytes())
    return found.hexdigest() if sources else None


def _settings() -> tuple[Any, ...]:
    """Return the settings of numba that change compiled code."""
    config = numba.config
    return config.BOUNDSCHECK, config.OPT, config.DEBUGINFO_DEFAULT, tuple(sorted(variant))


def _shared_folder() -> Path | None:
    """Return the user's folder for caches; None if the user has no home directory."""
    if sys.platform == "darwin":
        folder = Path("~/Library/Caches").expanduser
    elif os.name == "nt":
        folder = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser
    try:
        found = folder()
    except RuntimeError:
        return None
    return found / FOLDER if found.is_absolute() else None


def _temporary_folder() -> Path | None:
    """Return a folder for temporary files that only this user can write into."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    try:
        folder = Path(tempfile.gettempdir()) / f"{FOLDER}-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    if not hasattr(os, "getuid"):
        return folder
    # Cache entries are unpickled, so no other user may write to the folder.
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == user
    return folder if is_own and not status.st_mode & 0o022 else None


def _places() -> list[Path]:
    """Return the folders where compiled code may lie: NUMBA_CACHE_DIR alone, or the usual ones."""
    given = os.path.expanduser(numba.config.CACHE_DIR or "~")
    # Without a home directory, "~" is not expanded and would become a folder of that name.
    if numba.config.CACHE_DIR and not given.startswith("~"):
        return [Path(given) / FOLDER]
    shared = _shared_folder()
    return [Path(__file__).parent / "__pycache__", *([shared] if shared else [])]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@functools.cache
def folders() -> tuple[tuple[Path, ...], Path | None]:
    """Return the folders to read compiled code from, and the folder to write to, if any.

    A folder that this user cannot write to may still hold compiled code, for example in a
    container image where ``xresample.warm_up()`` has been called.
    """
    places = tuple(_places())
    writable = next(filter(_is_writable, places), None)
    if writable is not None:
        return places, writable
    temporary = _temporary_folder()
    if temporary is None or not _is_writable(temporary):
        return places, None
    return (*places, temporary), temporary


@functools.cache
def _warn_about_folders() -> None:
    """Warn once, when code is compiled, if the code cannot be stored in one of the usual folders.

    Nobody needs the warning if all code is found, as in an image with a read-only cache.
    """
    folder = folders()[1]
    if folder is None:
        warn(
            "No folder for compiled kernels is writable, so they are compiled anew in every "
            "process. Set the environment variable NUMBA_CACHE_DIR to a writable folder",
            CompiledCodeWarning,
        )
    elif folder not in _places():
        warn(
            f"Compiled kernels are kept in the temporary folder {folder}. Set the environment "
            "variable NUMBA_CACHE_DIR to a writable folder to keep them elsewhere",
            CompiledCodeWarning,
        )


@functools.cache
def _announce() -> None:
    """Announce, once per process, that kernels are being compiled."""
    announce(MESSAGE)


class KernelCache:
    """The compiled versions of one function on disk, with the methods that numba asks for.

    Parameters
    ----------
    function : callable
        The Python function; not a closure.

    Raises
    ------
    ImportError, AttributeError
        If numba lacks what this class is made of.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        from numba.core.compiler import CompileResult
        from numba.core.serialize import dumps

        self._reduce, self._rebuild, self._dumps = (
            CompileResult._reduce,
            CompileResult._rebuild,
            dumps,
        )
        self._name = f"{function.__module__}.{function.__qualname__}"
        # A test may compile a function of its own, which the digest does not cover.
        self._source = Path(function.__code__.co_filename), function.__code__.co_firstlineno

    @property
    def cache_path(self) -> str | None:
        """The folder that compiled code is written to."""
        folder = folders()[1]
        return None if folder is None else str(folder)

    def _key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:
        """Return everything that the compiled code of a signature depends on."""
        path, line = self._source
        own = "" if path.parent == Path(__file__).parent else path.read_bytes()
        code = hashlib.sha256(repr((digest(), own, line)).encode()).hexdigest()
        return self._name, code, str(signature), codegen.magic_tuple(), _settings()

    def _file(self, key: tuple[Any, ...]) -> str:
        stem = self._name.removeprefix("xresample.kernels.").replace("<locals>.", "")
        return f"{stem}-{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.nbc"

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the compiled code for a signature, or None if it must be compiled first."""
        found = None
        # A file that is damaged or was deleted is treated as missing.
        with contextlib.suppress(Exception):
            if digest() is not None:
                found = self._load(self._key(signature, context.codegen()), context)
        if found is None:
            _announce()
            _warn_about_folders()
        return found

    def _load(self, key: tuple[Any, ...], context: Any) -> Any:
        for folder in folders()[0]:
            path = folder / self._file(key)
            if path.exists():
                stored, needed, data = pickle.loads(path.read_bytes())  # noqa: S301 - see `folders`
                if stored == key:
                    if not _all_known(needed):
                        context.refresh()
                    return self._rebuild(context, *data)
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store the compiled code of a signature, if a folder is writable."""
        folder = folders()[1]
        # Code with an address of this process, such as a ctypes function, is invalid elsewhere.
        if folder is None or digest() is None or self._holds_addresses(result):
            return
        key = self._key(signature, result.codegen)
        path = folder / self._file(key)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            temporary.write_bytes(self._dumps((key, _symbols(result), self._reduce(result))))
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            _warn_once(
                f"Compiled kernels cannot be kept in {folder} ({error}). Set the environment "
                "variable NUMBA_CACHE_DIR to a writable folder with enough space"
            )

    @staticmethod
    def _holds_addresses(result: Any) -> bool:
        return bool(getattr(result.library, "has_dynamic_globals", True))

    def enable(self) -> None:
        """Do nothing: the cache is always in use."""

    def disable(self) -> None:
        """Do nothing: the cache is always in use."""

    def flush(self) -> None:
        """Do nothing: an entry of other sources is never read."""


def _symbols(result: Any) -> list[str] | None:
    """Return the symbols that compiled code takes from elsewhere; None if they are unknown."""
    try:
        module = result.library._final_module
        values = (*module.functions, *module.global_variables)
        return [v.name for v in values if v.is_declaration and not v.name.startswith("llvm.")]
    except AttributeError:
        return None


def _all_known(symbols: list[str] | None) -> bool:
    """Tell whether LLVM finds all symbols that compiled code takes from elsewhere.

    If not, numba must first load all functions that it can compile, which takes about 0.2 seconds.
    """
    return symbols is not None and None not in map(llvmlite.binding.address_of_symbol, symbols)


@functools.cache
def _warn_once(message: str) -> None:
    warn(message, CompiledCodeWarning)


@contextlib.contextmanager
def _numba_folder(folder: Path) -> Iterator[None]:
    """Make numba use a folder for its own cache while functions are decorated."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def cached(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Compile a function with a `KernelCache`, or with numba's own cache if `KernelCache` fails.

    numba's own cache lies in a folder that is named by the digest of the sources, so both notice
    an edit in a helper. A closure is not kept at all: its cells have no key that lasts.
    """
    compiled = numba.njit(**options)(function)
    if numba.config.DISABLE_JIT or function.__closure__:
        return compiled
    try:
        if not hasattr(compiled, "_cache"):
            raise AttributeError("numba keeps the cache elsewhere")
        compiled._cache = KernelCache(function)
    except (ImportError, AttributeError):
        variant.add("cache")
        folder, stamp = folders()[1], digest()
        if folder is not None and stamp is not None:
            with _numba_folder(folder / stamp[:24]):
                return numba.njit(cache=True, **options)(function)
    return compiled


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel that Python calls. It allocates no arrays; they are passed in.

    References to arrays are not counted: the caller keeps them alive. Counting costs an atomic
    instruction per array and call, and made the deposit take 2.6 times as long.
    """
    return cached(function, {**PUBLIC, **_PRIVATE})


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call; Python must not call it.

    ``forceinline=False`` is explicit because a function inherits the option from its caller.
    """
    options = {**PUBLIC, **_PRIVATE, **_INNER, **_PART}
    return numba.njit(**options)(function) if _PART else cached(function, options)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a piece of geometry into the body of its caller; Python must not call it."""
    options = {**PUBLIC, **_PRIVATE, **_INNER, **_PART, **accepted(forceinline=True)}
    return numba.njit(**options)(function)
