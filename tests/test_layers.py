"""The layers of the package: which folder imports which, and how large a piece of code may be."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "xresample"

NUMERIC = frozenset({"numpy", "scipy", "astropy", "gwcs", "asdf", "asdf_astropy"})
LABELLED = frozenset({"numpy", "xarray", "astropy"})


@dataclass(frozen=True)
class Layer:
    """A row of the picture in ``docs/design.md``: a folder, or modules of the package root."""

    names: tuple[str, ...]
    packages: frozenset[str]
    """Packages that the row may import beside the standard library."""


def layer(*names: str, packages: frozenset[str] | set[str] = frozenset()) -> Layer:
    """Return a row of the picture."""
    return Layer(names, frozenset(packages))


LAYERS = (
    layer("__init__", packages={"xarray"}),
    layer("cli", packages=LABELLED),
    layer("accessor", packages=LABELLED),
    layer("tutorial", packages=LABELLED | {"gwcs"}),
    layer("stcal", packages=LABELLED),
    layer("drizzle", packages={"numpy"}),
    layer("prepare", packages=LABELLED | {"scipy"}),
    layer("mosaics", packages=LABELLED),
    layer("tiled", packages=LABELLED | {"dask", "distributed", "zarr"}),
    layer("io", packages=LABELLED | {"asdf", "gwcs", "fsspec"}),
    layer("plot", packages=LABELLED | {"matplotlib"}),
    layer("sky", packages=LABELLED | {"mocpy"}),
    layer("accumulate", packages=LABELLED),
    layer("datamodel", packages=LABELLED),
    layer("wcs", packages=NUMERIC),
    layer("kernels", packages={"numba", "llvmlite", "numpy"}),
    layer(
        "arguments",
        "errors",
        "progress",
        "threads",
        packages={"tqdm", "numpy", "astropy", "xarray"},
    ),
)
"""From the top down, as in the picture. A folder imports only from the rows below its own."""

ONLY_IN = {
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "dask": {"tiled"},
    "distributed": {"tiled"},
    "zarr": {"tiled"},
    "matplotlib": {"plot"},
    "mocpy": {"sky"},
    "fsspec": {"io"},
    "tqdm": {"progress"},
}
"""Packages that only one folder imports."""

MAX_ROOT_MODULES = 6
MAX_LINES_OF_FILE = 350
MAX_LINES_OF_FUNCTION = 60

LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row.names}
PACKAGES = {name: row.packages for row in LAYERS for name in row.names}


@dataclass(frozen=True)
class Import:
    """One imported name."""

    path: Path
    line: int
    target: str
    """Absolute name of the imported module; for other packages, of anything in it."""
    for_types: bool
    """Whether only a type checker sees the import."""

    @property
    def importer(self) -> str:
        """The module that holds the import."""
        return dotted(self.path)

    @property
    def package(self) -> str:
        """The top-level package of the target."""
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.target}"


def files(*folders: str) -> list[Path]:
    """Return the source files under the folders, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def dotted(path: Path) -> str:
    """Return the absolute name of the module in a file, with ``__init__`` for a package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {dotted(path) for path in files(PACKAGE)}


def module_of(name: str) -> str:
    """Return the module of the package that holds a name, ``a.b.c`` or a shorter one."""
    while name:
        if name in MODULES:
            return name
        if f"{name}.__init__" in MODULES:
            return f"{name}.__init__"
        name = name.rpartition(".")[0]
    raise LookupError(name)


def targets(node: ast.AST, parts: list[str]) -> Iterator[str]:
    """Yield the absolute names that a statement imports, if it is an import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = parts[: len(parts) - node.level] if node.level else []
        base += node.module.split(".") if node.module else []
        yield from (".".join([*base, alias.name]) for alias in node.names)


def is_for_types(node: ast.AST) -> bool:
    """Tell whether a statement is ``if TYPE_CHECKING``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_of(path: Path) -> Iterator[Import]:
    """Yield every import of a file, including those inside functions."""
    hidden = {
        inner
        for node in ast.walk(parse(path))
        if is_for_types(node)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(parse(path)):
        for name in targets(node, dotted(path).split(".")):
            ours = name.partition(".")[0] == PACKAGE
            yield Import(path, node.lineno, module_of(name) if ours else name, node in hidden)


def row_name(module: str) -> str:
    """Return the folder of a module, or its own name if it lies in the package root."""
    return module.split(".")[1]


IMPORTS = [found for path in files(PACKAGE) for found in imports_of(path)]
OWN = [found for found in IMPORTS if found.package == PACKAGE and found.target != found.importer]
FOREIGN = [
    found
    for found in IMPORTS
    if found.package not in {PACKAGE, "__future__"} | sys.stdlib_module_names
    and not found.for_types
]


def test_every_folder_has_a_row() -> None:
    """A new folder needs a new row in the table, and in the picture."""
    assert {row_name(module) for module in MODULES} == LEVEL.keys()


def test_the_picture_shows_the_table() -> None:
    """The first picture of the design page has the rows of the table, in the same order."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    picture = page.split("```")[1].strip().splitlines()
    shown = [line.partition("  ")[0] for line in picture if not line.startswith(" ")]
    rows = [" ".join(row.names) for row in LAYERS]
    assert [line.replace("/", "").replace(".py", "") for line in shown] == rows


def test_imports_go_down() -> None:
    """A folder imports from the rows below; the modules of one row may import each other."""
    up = [str(e) for e in OWN if LEVEL[row_name(e.target)] < LEVEL[row_name(e.importer)]]
    assert up == []


def test_no_import_cycles() -> None:
    """No two modules import each other, directly or through others."""
    graph: dict[str, set[str]] = {}
    for found in OWN:
        # Importing a module of a package also runs the package's ``__init__``, which is empty.
        graph.setdefault(found.importer, set()).add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_folders_import_their_packages_only() -> None:
    """Each layer has its libraries: no numba above the kernels, no labels in the kernels."""
    wrong = [
        str(found)
        for found in FOREIGN
        if found.package not in PACKAGES[row_name(found.importer)]
        or row_name(found.importer) not in ONLY_IN.get(found.package, LEVEL)
    ]
    assert wrong == []


def test_the_root_is_small() -> None:
    """The package root holds the public face and the modules that every layer needs."""
    assert len(list((ROOT / PACKAGE).glob("*.py"))) <= MAX_ROOT_MODULES


def docstring_lines(node: ast.AST) -> int:
    """Return the number of lines of the docstring of a module, class or function."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    return len((ast.get_docstring(node, clean=False) or "").splitlines())


@pytest.mark.parametrize(
    "path", files(PACKAGE, "tests"), ids=lambda path: "/".join(path.parts[-2:])
)
def test_pieces_are_small(path: Path) -> None:
    """Files and functions have a size that one reads at once, docstrings not counted."""
    nodes = list(ast.walk(parse(path)))
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines - sum(map(docstring_lines, nodes)) <= MAX_LINES_OF_FILE
    long = []
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
            if size > MAX_LINES_OF_FUNCTION:
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


def is_documented_elsewhere(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Tell whether a setter, overload or override has its docstring at another function."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"setter", "deleter", "overload", "override"})


def test_public_names_are_documented() -> None:
    """Every public function, class and method has a docstring."""
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in files(PACKAGE)
        for node in public(parse(path))
        if not ast.get_docstring(node) and not is_documented_elsewhere(node)
    ]
    assert bare == []


def test_tests_do_not_import_tests() -> None:
    """Helpers that several tests share lie in ``tests/support``."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {name}"
        for path in files("tests")
        for node in ast.walk(parse(path))
        for name in targets(node, dotted(path).split("."))
        if name.startswith("tests.") and ".test_" in name
    ]
    assert wrong == []
