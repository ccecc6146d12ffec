"""The documentation has a page for every public name, and names only things that exist."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import xresample as xrs
from xresample import drizzle, stcal, tutorial
from xresample.accessor import ResampleAccessor

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.glob("*.md"), *DOCS.glob("api/*.md"), *ROOT.glob("*.md"), *ROOT.glob(".github/*.md")]
)
PICTURE = re.compile(r"plt\.subplots|\.plot\(|\.plot\.|\.plot_\w+\(")
"""Code that draws a picture in a page."""


OF_DRIZZLE = {
    f"{home}.{name}"
    for home, module in (("drizzle", drizzle), ("drizzle.cdrizzle", drizzle.cdrizzle))
    for name in module.__all__
    if callable(getattr(module, name))
}
"""Names of the classes and functions with the interface of drizzle."""


def listed() -> set[str]:
    """Return the names in the tables of the API page."""
    text = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{eval-rst\}\n(.*?)```", text, re.DOTALL)
    return {name for block in blocks for name in re.findall(r"^ {3}(\w[\w.]*)$", block, re.M)}


OF_TUTORIAL = {f"tutorial.{name}" for name in tutorial.__all__}
"""Names of the functions that make exposures to try things with."""


def test_every_public_name_has_a_page() -> None:
    public = {*xrs.__all__, *OF_TUTORIAL} - {"tutorial"}
    assert sorted(public - listed()) == []


def test_every_function_for_pipelines_has_a_page() -> None:
    own = {f"stcal.{name}" for name in stcal.__all__ if name not in xrs.__all__}
    assert sorted((own | OF_DRIZZLE) - listed()) == []


def test_every_method_of_the_accessor_has_a_page() -> None:
    public = {name for name in dir(ResampleAccessor) if not name.startswith("_")}
    assert sorted({f"Dataset.resample.{name}" for name in public} - listed()) == []


def test_every_public_function_has_an_example() -> None:
    """The examples run as doctests. Errors and warnings need none."""
    homes = {"": xrs, "drizzle.": drizzle, "stcal.": stcal, "tutorial.": tutorial}
    public = {
        f"{prefix}{name}": getattr(module, name)
        for prefix, module in homes.items()
        for name in module.__all__
    }
    public |= {name: getattr(ResampleAccessor, name) for name in dir(ResampleAccessor)}
    bare = [
        name
        for name, found in public.items()
        if (callable(found) or isinstance(found, property))
        and not name.rpartition(".")[2].startswith("_")
        and not (isinstance(found, type) and issubclass(found, Exception))
        and ">>> " not in (found.__doc__ or "")
    ]
    assert bare == []


def test_every_page_is_for_a_name_that_exists() -> None:
    known = {*xrs.__all__, *OF_TUTORIAL, "io.backend.XResampleBackend"}
    known |= {f"stcal.{name}" for name in stcal.__all__} | OF_DRIZZLE
    known |= {"Dataset.resample", *(f"Dataset.resample.{name}" for name in dir(ResampleAccessor))}
    assert sorted(listed() - known) == []


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_in_the_table_of_contents(path: Path) -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL)
             for line in block.split()]  # fmt: skip
    assert path.stem == "index" or any(fnmatch(path.stem, line) for line in lines)


@pytest.mark.parametrize(
    "path",
    [*DOCS.rglob("conf.py"), *(DOCS / "_ext").glob("*.py"), *DOCS.glob("*.md")],
    ids=lambda path: path.name,
)
def test_pages_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def code_spans(path: Path) -> set[str]:
    """Return the inline code of a page, without blocks of code."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return set(re.findall(r"`([^`\n]+)`", text))


def exists(name: str) -> bool:
    """Tell whether a path exists in the repository or in the package."""
    return (ROOT / name).exists() or (ROOT / "xresample" / name).exists()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_pages_name_exist(path: Path) -> None:
    """Inline code that ends in ``.py`` or ``/``, or starts with a folder, is a path."""
    pattern = r"[\w./-]+(?:\.py|/)|(?:xresample|tests|examples|\.ci|\.github)/[\w./-]+"
    named = [span for span in code_spans(path) if re.fullmatch(pattern, span)]
    assert [name for name in sorted(named) if not exists(name)] == []


def is_importable(name: str) -> bool:
    """Tell whether a dotted name is a module, or an attribute of a module."""
    module, _, attribute = name.rpartition(".")
    if not module:
        return find_spec(name) is not None
    return is_importable(module) and (
        hasattr(import_module(module), attribute) or find_spec(name) is not None
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_names_that_pages_use_exist(path: Path) -> None:
    """A name is inline code with dots that starts with the package or its tests."""
    spans = " ".join(code_spans(path))
    names = set(re.findall(r"(?<![\w./\"-])(?:xresample|xrs|tests)(?:\.\w+)+", spans))
    full = sorted(re.sub(r"^xrs\b", "xresample", name) for name in names)
    assert [name for name in full if not is_importable(name)] == []


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_picture_has_a_description(path: Path) -> None:
    """A cell that draws has an ``alt`` text, which screen readers read."""
    text = path.read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", text, re.M | re.S)
    assert [cell for cell in cells if PICTURE.search(cell) and "    alt: " not in cell] == []


def test_tables_of_the_code_have_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that the build generates have a cell for every heading in every row."""
    pytest.importorskip("sphinx", reason="only builds of the documentation need Sphinx")
    pytest.importorskip("numpydoc", reason="only builds of the documentation need numpydoc")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    generated = import_module("generated_tables")
    assert {row[0] for row in generated.option_rows()} >= {"`kernel`", "`pixfrac`"}
    for name, (head, rows) in generated.TABLES.items():
        assert {len(row) for row in rows()} == {len(head)}, name
