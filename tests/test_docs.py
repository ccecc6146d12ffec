"""The documentation has a place for every public name; that its pages run, its build tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xresample as xrs
from xresample import stcal
from xresample.accessor import ResampleAccessor

DOCS = Path(__file__).parent.parent / "docs"


def listed() -> set[str]:
    """Return the names in the tables of the API page."""
    text = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{eval-rst\}\n(.*?)```", text, re.DOTALL)
    return {name for block in blocks for name in re.findall(r"^ {3}(\w[\w.]*)$", block, re.M)}


def test_every_public_name_has_a_page() -> None:
    assert sorted(set(xrs.__all__) - listed()) == []


def test_every_function_for_pipelines_has_a_page() -> None:
    own = {f"stcal.{name}" for name in stcal.__all__ if name not in xrs.__all__}
    assert sorted(own - listed()) == []


def test_every_method_of_the_accessor_has_a_page() -> None:
    public = {name for name in dir(ResampleAccessor) if not name.startswith("_")}
    assert sorted({f"Dataset.resample.{name}" for name in public} - listed()) == []


def test_no_page_is_for_a_name_that_is_gone() -> None:
    known = {*xrs.__all__, "readers.XResampleBackend"}
    known |= {f"stcal.{name}" for name in stcal.__all__}
    known |= {"Dataset.resample", *(f"Dataset.resample.{name}" for name in dir(ResampleAccessor))}
    assert sorted(listed() - known) == []


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_in_the_table_of_contents(path: Path) -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL)
             for line in block.split()]  # fmt: skip
    assert path.stem == "index" or path.stem in lines


@pytest.mark.parametrize(
    "path",
    [*DOCS.rglob("conf.py"), *(DOCS / "_ext").glob("*.py"), *DOCS.glob("*.md")],
    ids=lambda path: path.name,
)
def test_pages_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
