"""Tables that are made from the code, so that they cannot go stale.

``options-table`` lists the fields of `xresample.Options` with the prose of its docstring, and
``schema-table`` the rows of a table of `xresample.schema`.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from docutils import nodes
from numpydoc.docscrape import NumpyDocString
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from xresample import Options
from xresample.datamodel import schema

KINDS = {"f": "real", "iu": "integer"}
"""What the kinds of numbers in the schema are called."""


def option_rows() -> list[tuple[str, ...]]:
    """Return name, default, values and meaning of every option."""
    described = {
        name.strip(): (entry.type.removesuffix(", optional"), " ".join(entry.desc))
        for entry in NumpyDocString(inspect.getdoc(Options) or "")["Parameters"]
        for name in entry.name.split(",")
    }
    fields = {field.name: field.default for field in dataclasses.fields(Options)}
    if described.keys() != fields.keys():
        odd = ", ".join(sorted(described.keys() ^ fields.keys()))
        raise ExtensionError(f"The docstring of Options and its fields differ in {odd}")
    return [
        (f"`{name}`", f"`{default!r}`", described[name][0], described[name][1])
        for name, default in fields.items()
    ]


def variable_rows(table: Iterable[schema.Variable]) -> list[tuple[str, ...]]:
    """Return name, dimensions, type, units and meaning of variables, and how they combine."""
    units = {0: "", 1: "of `data`", 2: "of `data`, squared"}
    rows = []
    for row in table:
        meaning = row.long_name + ("; needed" if row.needed else "")
        rule = (row.rule.value,) if row.rule is not None else ()
        dims = ", ".join(row.dims)
        kind = KINDS.get(row.dtype, row.dtype)
        rows.append((f"`{row.name}`", dims, kind, units[row.power], meaning, *rule))
    return rows


def scalar_rows(table: Iterable[schema.Scalar]) -> list[tuple[str, ...]]:
    """Return name, units, default and meaning of the quantities of an exposure."""
    return [
        (f"`{row.name}`", row.units or "", default_text(row.default), row.long_name)
        for row in table
    ]


def default_text(value: Any) -> str:
    """Return a default in words."""
    if isinstance(value, float) and math.isnan(value):
        return "unknown"
    return "empty" if value == "" else f"`{value!r}`"


VARIABLES = ("variable", "dimensions", "type", "units", "meaning")
SCALARS = ("name", "units", "default", "meaning")
TABLES = {
    "exposure": (VARIABLES, lambda: variable_rows(schema.EXPOSURE)),
    "mosaic": ((*VARIABLES, "two mosaics combine by"), lambda: variable_rows(schema.MOSAIC)),
    "exposure-attributes": (SCALARS, lambda: scalar_rows(schema.EXPOSURE_ATTRS)),
    "provenance": (SCALARS, lambda: scalar_rows(schema.PROVENANCE)),
}


class TableDirective(SphinxDirective):
    """A table whose cells are Markdown."""

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[nodes.Node]:
        """Return a table as the parser of the page makes it."""
        lines = [list(head), ["---"] * len(head), *rows]
        text = "\n".join("| " + " | ".join(map(self.cell, line)) + " |" for line in lines)
        return self.parse_text_to_nodes(text)

    @staticmethod
    def cell(text: str) -> str:
        """Return the text of a cell: bars would end it."""
        return text.replace("|", r"\|")


class OptionsTable(TableDirective):
    """The options of a mosaic."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        return self.table(("option", "default", "values", "meaning"), option_rows())


class SchemaTable(TableDirective):
    """A table of the data model, by its name."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        if self.arguments[0] not in TABLES:
            raise self.error(f"schema-table knows {', '.join(TABLES)}")
        head, rows = TABLES[self.arguments[0]]
        return self.table(head, rows())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("options-table", OptionsTable)
    app.add_directive("schema-table", SchemaTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
