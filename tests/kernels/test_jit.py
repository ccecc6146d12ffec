"""Compiled code on disk: never stale, never mixed up, and never needed."""

from __future__ import annotations

import os
from pathlib import Path

import numba
import pytest

from tests.support.kernel_copies import RESULT, SCRIPT, copy_kernels, finish, start
from xresample.kernels import jit

NOWHERE = {"NUMBA_CACHE_DIR": os.devnull + "/none", "XDG_CACHE_HOME": os.devnull + "/none"}
"""Environment without a folder for caches that can exist."""

CHANGE = "return nearest - 1.0 if", "return nearest - 9.0 if"
"""A line of the helper ``floor`` before and after an edit."""

EDITED = "-6.0"
"""Output of the script after the edit."""

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="nothing is compiled"
)


def edit(path: Path, old: str, new: str) -> None:
    """Edit a source such that its size and its time of modification stay as they are."""
    assert len(old) == len(new)
    before = path.stat()
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edit_in_a_helper_compiles_anew(tmp_path: Path) -> None:
    """The helper ``floor`` lies in another file than the kernel that is called."""
    kernels = copy_kernels(tmp_path)
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert finish(start(tmp_path, **cache)) == (RESULT, f"{jit.MESSAGE}\n")
    assert finish(start(tmp_path, **cache)) == (RESULT, "")
    edit(kernels / "plain.py", *CHANGE)
    assert finish(start(tmp_path, **cache)) == (EDITED, f"{jit.MESSAGE}\n")
    edit(kernels / "plain.py", *reversed(CHANGE))
    assert finish(start(tmp_path, **cache)) == (RESULT, "")


def test_processes_fill_one_cache_at_the_same_time(tmp_path: Path) -> None:
    copy_kernels(tmp_path)
    cache = tmp_path / "cache"
    processes = [start(tmp_path, NUMBA_CACHE_DIR=str(cache)) for _ in range(3)]
    assert [finish(process)[0] for process in processes] == [RESULT] * 3
    kept = list((cache / jit.FOLDER).iterdir())
    assert kept
    assert {path.suffix for path in kept} == {".nbc"}
    assert finish(start(tmp_path, NUMBA_CACHE_DIR=str(cache))) == (RESULT, "")


def test_a_damaged_entry_is_replaced(tmp_path: Path) -> None:
    copy_kernels(tmp_path)
    cache = tmp_path / "cache"
    finish(start(tmp_path, NUMBA_CACHE_DIR=str(cache)))
    for path in (cache / jit.FOLDER).iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert finish(start(tmp_path, NUMBA_CACHE_DIR=str(cache))) == (RESULT, f"{jit.MESSAGE}\n")
    assert finish(start(tmp_path, NUMBA_CACHE_DIR=str(cache))) == (RESULT, "")


REPORT = """
print("numba.np.linalg" in sys.modules)
import numba, numpy
print(numba.njit(lambda values: values.sum())(numpy.ones(3)))
"""
"""Prints whether numba loaded the functions that it can compile, and compiles another function."""


@pytest.mark.parametrize("known", [True, False])
def test_loading_compiled_code_loads_no_compiler(tmp_path: Path, known: bool) -> None:
    """Code with a symbol that LLVM does not know is loaded like code that is compiled."""
    copy_kernels(tmp_path)
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert finish(start(tmp_path, SCRIPT + REPORT, **cache))[0].split() == [RESULT, "True", "3.0"]
    forget = "from xresample.kernels import jit\njit._all_known = lambda symbols: False\n"
    script = ("" if known else forget) + SCRIPT + REPORT
    expected = [RESULT, str(not known), "3.0"]
    assert finish(start(tmp_path, script, **cache))[0].split() == expected


def test_symbols_are_looked_up() -> None:
    # numba makes the symbols known to LLVM before it compiles or loads the first function.
    numba.njit(lambda: 0)()
    assert jit._all_known(["sqrt", "Py_DecRef"])
    assert not jit._all_known(["sqrt", "no_such_symbol"])
    assert not jit._all_known(jit._symbols(object()))


def block_own_folder(kernels: Path) -> None:
    """Put a file where the folder for compiled code would be."""
    (kernels / "__pycache__").touch()


def test_a_temporary_folder_is_used_where_no_other_is_writable(tmp_path: Path) -> None:
    block_own_folder(copy_kernels(tmp_path))
    (tmp_path / "tmp").mkdir()
    environment = {**NOWHERE, "TMPDIR": str(tmp_path / "tmp")}
    output, said = finish(start(tmp_path, **environment))
    assert output == RESULT
    assert said.count("NUMBA_CACHE_DIR") == said.count("CompiledCodeWarning") == 1
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.glob("*.nbc"))
    output, said = finish(start(tmp_path, **environment))
    assert (output, said.count(jit.MESSAGE)) == (RESULT, 0)


def test_a_temporary_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    block_own_folder(copy_kernels(tmp_path))
    user = os.getuid() if hasattr(os, "getuid") else os.environ["USERNAME"]
    shared = tmp_path / "tmp" / f"{jit.FOLDER}-{user}"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    output, said = finish(start(tmp_path, **NOWHERE, TMPDIR=str(tmp_path / "tmp")))
    assert output == RESULT
    assert said.count("NUMBA_CACHE_DIR") == said.count("compiled anew in every process") == 1
    assert list(shared.iterdir()) == []


def test_no_folder_is_named_like_a_home_that_is_unknown(tmp_path: Path) -> None:
    block_own_folder(copy_kernels(tmp_path))
    environment = {"HOME": "~", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "~/cache"}
    assert finish(start(tmp_path, **environment, TMPDIR=str(tmp_path)))[0] == RESULT
    assert not (tmp_path / "~").exists()


def test_compiled_code_is_read_from_folders_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container image may hold compiled code that its users cannot write to."""
    image, own = tmp_path / "image", tmp_path / "own"
    monkeypatch.setattr(jit, "_places", lambda: [image, own])
    monkeypatch.setattr(jit, "_is_writable", lambda folder: folder == own)
    jit.folders.cache_clear()
    try:
        assert jit.folders() == ((image, own), own)
    finally:
        monkeypatch.undo()
        jit.folders.cache_clear()


BREAK_OPTIONS = """
from numba.core.cpu import CPUTargetOptions
usual = CPUTargetOptions.parse_as_flags.__func__

def parse_as_flags(cls, flags, options):
    if set(options) - {"nopython", "nogil", "error_model", "no_cpython_wrapper"} - usual_names:
        raise KeyError("Unrecognized options")
    return usual(cls, flags, options)

usual_names = {"boundscheck"}
CPUTargetOptions.parse_as_flags = classmethod(parse_as_flags)
"""
"""Makes numba refuse its private options, apart from one that numba's own functions need."""

BREAK_CACHE = """
from xresample.kernels import jit

def fail(self, function):
    raise AttributeError

jit.KernelCache.__init__ = fail
"""
"""Makes numba lack what the cache is made of."""


def test_an_option_that_numba_does_not_know_is_left_out() -> None:
    assert jit.accepted(no_such_option=1, nogil=True) == {"nogil": True}


def test_kernels_compile_without_private_options(tmp_path: Path) -> None:
    copy_kernels(tmp_path)
    check = "\nfrom xresample.kernels import jit\nassert not jit._PRIVATE, jit._PRIVATE"
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert finish(start(tmp_path, BREAK_OPTIONS + SCRIPT + check, **cache))[0] == RESULT


def test_kernels_are_kept_without_the_private_cache(tmp_path: Path) -> None:
    """The folder of numba's own cache is named by the digest, so an edit is noticed there too."""
    kernels = copy_kernels(tmp_path)
    check = "\nfrom xresample.kernels import jit\nassert 'cache' in jit.variant"
    script, cache = BREAK_CACHE + SCRIPT + check, {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for _ in range(2):
        assert finish(start(tmp_path, script, **cache))[0] == RESULT
    (folder,) = (tmp_path / "cache" / jit.FOLDER).iterdir()
    assert list(folder.rglob("trial.trial*.nbc"))
    edit(kernels / "plain.py", *CHANGE)
    assert finish(start(tmp_path, script, **cache))[0] == EDITED
