"""The layers of the package: who may import whom, and how large a piece of code may be."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "xresample"

NUMERIC = frozenset({"numpy", "scipy", "astropy", "gwcs", "asdf", "asdf_astropy"})
LABELLED = frozenset({"numpy", "xarray", "astropy"})


@dataclass(frozen=True)
class Row:
    """A layer: its modules, the packages that each may import beside the standard library."""

    modules: dict[str, frozenset[str]] = field(hash=False)
    together: bool = False
    """Whether its modules may import each other, without a circle."""


def row(*names: str, packages: frozenset[str] = frozenset(), together: bool = False) -> Row:
    """Return a layer whose modules may all import the same packages."""
    return Row(dict.fromkeys(names, packages), together)


LAYERS = (
    row("errors"),
    row("kernels", packages=frozenset({"numba", "llvmlite", "numpy"})),
    Row({"threads": frozenset(), "progress": frozenset({"tqdm"})}),
    row(
        *("pixmap", "nodes", "weights", "context", "sky", "skygrid", "radec", "lattice"),
        *("wcs", "wcs_calls", "wcs_text", "fits_wcs"),
        packages=NUMERIC,
        together=True,
    ),
    Row({"schema": LABELLED, "options": frozenset({"numpy"})}),
    row("planes", packages=frozenset({"numpy"})),
    Row({"engine": frozenset({"numpy"}), "exposure": LABELLED, "provenance": LABELLED}),
    row("grid", "sky_index", packages=LABELLED),
    row("placement", "cutout", packages=LABELLED),
    row("accumulate", packages=LABELLED),
    Row({"combination": LABELLED, "tiled": LABELLED | {"dask", "distributed", "zarr"}}),
    Row(
        {
            "mosaic": LABELLED,
            "readers": LABELLED | NUMERIC,
            "writers": LABELLED,
            "plot": LABELLED | {"matplotlib"},
        }
    ),
    row("verbs", packages=LABELLED),
    row("accessor_sky", packages=LABELLED),
    row("accessor", packages=LABELLED),
    row(
        *("resample_class", "resample_settings", "product", "output_model", "models", "stcal"),
        packages=LABELLED,
        together=True,
    ),
    row("__init__", packages=frozenset({"xarray"})),
)
"""From the bottom up. A module imports from the rows below its own."""

ONLY_IN = {
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "dask": {"tiled"},
    "distributed": {"tiled"},
    "zarr": {"tiled"},
    "matplotlib": {"plot"},
}
"""Packages that have one place; implied by the layers, said once more against a slip there."""

MOST_LINES_OF_FILE = 350
MOST_LINES_OF_FUNCTION = 60

LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer.modules}
PACKAGES = {name: packages for layer in LAYERS for name, packages in layer.modules.items()}


@dataclass(frozen=True)
class Import:
    """One imported name: the module and line that ask for it, and what they ask for."""

    path: Path
    line: int
    importer: str
    """Module of the package, or subpackage, as the table knows it."""
    target: str
    """Absolute name of what is imported."""
    for_types: bool
    """Whether only a type checker sees it."""

    @property
    def top(self) -> str:
        """The package that the target belongs to."""
        return self.target.partition(".")[0]

    @property
    def layer_module(self) -> str:
        """The module of our own that is imported, as the table knows it."""
        name = [*self.target.split("."), "__init__"][1]
        # ``from . import x`` may name an attribute of the package, such as its version.
        return name if name in MODULES or name in LEVEL else "__init__"

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.importer} imports {self.target}"


def files(*folders: str) -> list[Path]:
    """Return the source files under the folders, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_parts(path: Path) -> tuple[str, ...]:
    """Return the dotted name of a file in parts, with ``__init__`` for that of a package."""
    return path.relative_to(ROOT).with_suffix("").parts


def targets(node: ast.AST, parts: tuple[str, ...]) -> Iterator[str]:
    """Yield the absolute names of what a statement imports, if it is an import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = list(parts[: len(parts) - node.level]) if node.level else []
        base += node.module.split(".") if node.module else []
        # ``from . import x`` names the module x; ``from .x import y`` too, and y is in it.
        names_modules = base == [PACKAGE] or not node.module
        for alias in node.names:
            yield ".".join([*base, alias.name] if names_modules else base)


def is_for_types(node: ast.AST) -> bool:
    """Tell whether a statement is ``if TYPE_CHECKING``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_of(path: Path) -> Iterator[Import]:
    """Yield every import of a file, those inside functions too."""
    parts = module_parts(path)
    hidden = {
        inner
        for node in ast.walk(parse(path))
        if is_for_types(node)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(parse(path)):
        for target in targets(node, parts):
            yield Import(path, node.lineno, parts[1], target, node in hidden)


MODULES = {module_parts(path)[1] for path in files(PACKAGE)}
IMPORTS = [found for path in files(PACKAGE) for found in imports_of(path)]
OWN = [found for found in IMPORTS if found.top == PACKAGE]
FOREIGN = [
    found
    for found in IMPORTS
    if found.top not in {PACKAGE, "__future__"} | sys.stdlib_module_names and not found.for_types
]


def test_every_module_has_a_layer() -> None:
    """A new module is a new entry in the table."""
    assert sorted(MODULES - LEVEL.keys()) == []


def test_modules_import_from_the_layers_below() -> None:
    """No import goes up, and none sideways but where the layer says so."""
    wrong = []
    for found in OWN:
        here, there = found.importer, found.layer_module
        if here == there != "__init__" or here not in LEVEL or there not in LEVEL:
            continue
        level = LEVEL[here]
        if not (LEVEL[there] < level or (LEVEL[there] == level and LAYERS[level].together)):
            wrong.append(str(found))
    assert wrong == []


def test_no_circles() -> None:
    """Where the modules of a layer may import each other, they form no circle."""
    graph: dict[str, set[str]] = {}
    for found in OWN:
        here, there = ".".join(module_parts(found.path)), found.target
        graph.setdefault(here, set()).add(there)
    by_layer: dict[str, set[str]] = {}
    for found in OWN:
        if found.importer != found.layer_module:
            by_layer.setdefault(found.importer, set()).add(found.layer_module)
    for edges in (graph, by_layer):
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            pytest.fail(" -> ".join(error.args[1]))


def test_modules_import_their_packages_only() -> None:
    """Each layer has its libraries: no numba in the mosaic, no labels in the kernels."""
    wrong = [
        str(found)
        for found in FOREIGN
        if found.top not in PACKAGES.get(found.importer, frozenset())
        or found.importer not in ONLY_IN.get(found.top, {found.importer})
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "path", files(PACKAGE, "tests"), ids=lambda path: "/".join(path.parts[-2:])
)
def test_pieces_are_small(path: Path) -> None:
    """Files and functions stay of a size that one reads at once."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES_OF_FILE
    long = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            prose = len((ast.get_docstring(node, clean=False) or "").splitlines())
            size = (node.end_lineno or 0) - node.lineno + 1 - prose
            if size > MOST_LINES_OF_FUNCTION:
                long.append(f"{path.name}:{node.lineno}: {node.name} has {size} lines")
    assert long == []


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield the public functions and classes of a module, and the public methods of these."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield inner


def needs_no_prose(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Tell whether the prose stands elsewhere: setters at their property, overloads below."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"setter", "deleter", "overload", "override"})


def test_public_names_are_documented() -> None:
    """Every public function, class and method says what it is."""
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in files(PACKAGE)
        for node in public(parse(path))
        if not ast.get_docstring(node) and not needs_no_prose(node)
    ]
    assert bare == []
