"""Directives for tables that are generated from the code, so they are always up to date.

``options-table`` lists the fields of `xresample.Options` with their descriptions in its docstring.
``schema-table`` lists the rows of a table of `xresample.datamodel.schema`.
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

KINDS = {"f": "float", "iu": "integer"}
"""Readable names of the kinds of numbers in the schema."""


def option_rows() -> list[tuple[str, ...]]:
    """Return the name, default, values and meaning of every option, with the planes it adds."""
    described = {
        name.strip(): (entry.type.removesuffix(", optional"), " ".join(entry.desc))
        for entry in NumpyDocString(inspect.getdoc(Options) or "")["Parameters"]
        for name in entry.name.split(",")
    }
    fields = {field.name: field.default for field in dataclasses.fields(Options)}
    if described.keys() != fields.keys():
        odd = ", ".join(sorted(described.keys() ^ fields.keys()))
        raise ExtensionError(f"The docstring of Options must describe its fields, differs in {odd}")
    return [
        (f"`{name}`", f"`{default!r}`", described[name][0], described[name][1] + planes_of(name))
        for name, default in fields.items()
    ]


def planes_of(option: str) -> str:
    """Return a sentence about the planes that an option adds to a mosaic, or nothing."""
    rows = [row for row in schema.MOSAIC if row.asked_by is not None and row.asked_by[0] == option]
    planes = " and ".join(dict.fromkeys(f"`{row.name}`" for row in rows))
    values = dict.fromkeys(repr(row.asked_by[1]) for row in rows if row.asked_by is not None)
    only = [value for value in values if value != "True"]
    condition = f" with {' or '.join(f'`{value}`' for value in only)}" if only else ""
    return f" **Adds {planes}**{condition}." if planes else ""


def variable_rows(table: Iterable[schema.Variable]) -> list[tuple[str, ...]]:
    """Return the cells of a table of variables; planes also have an option and a rule."""
    units = {0: "", 1: "of `data`", 2: "of `data`, squared"}
    rows = []
    for row in table:
        meaning = row.long_name + ("; required" if row.needed else "")
        plane = (option_text(row), row.rule.value) if isinstance(row, schema.PlaneRow) else ()
        dims = ", ".join(row.dims)
        kind = KINDS.get(row.dtype, row.dtype)
        rows.append((f"`{row.name}`", dims, kind, units[row.power], meaning, *plane))
    return rows


def option_text(row: schema.PlaneRow) -> str:
    """Return the option that adds a plane to a mosaic; empty if no single option does."""
    return "" if row.asked_by is None else "`{}={!r}`".format(*row.asked_by)


def scalar_rows(table: Iterable[schema.Scalar]) -> list[tuple[str, ...]]:
    """Return the name, units, default, FITS keywords and meaning of quantities of an exposure."""
    return [
        (
            f"`{row.name}`",
            row.units or "",
            default_text(row.default),
            ", ".join(row.keywords),
            row.long_name,
        )
        for row in table
    ]


def default_text(value: Any) -> str:
    """Return a default value as readable text."""
    if isinstance(value, float) and math.isnan(value):
        return "unknown"
    return "empty" if value == "" else f"`{value!r}`"


VARIABLES = ("variable", "dimensions", "type", "units", "meaning")
SCALARS = ("name", "units", "default", "FITS keyword", "meaning")
TABLES = {
    "exposure": (VARIABLES, lambda: variable_rows(schema.EXPOSURE)),
    "mosaic": ((*VARIABLES, "option", "combination"), lambda: variable_rows(schema.MOSAIC)),
    "exposure-attributes": (SCALARS, lambda: scalar_rows(schema.EXPOSURE_ATTRS)),
    "provenance": (SCALARS, lambda: scalar_rows(schema.PROVENANCE)),
}


class TableDirective(SphinxDirective):
    """Base class of tables whose cells are Markdown."""

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], style: str | None = None
    ) -> list[nodes.Node]:
        """Return the nodes of a table, parsed like the Markdown of the page, with a CSS class."""
        lines = [list(head), ["---"] * len(head), *rows]
        text = "\n".join("| " + " | ".join(map(self.cell, line)) + " |" for line in lines)
        found = self.parse_text_to_nodes(text)
        for node in found:
            if style is not None and isinstance(node, nodes.table):
                node["classes"].append(style)
        return found

    @staticmethod
    def cell(text: str) -> str:
        """Return the text of a cell, with bars escaped because a bar ends a cell."""
        return text.replace("|", r"\|")


class OptionsTable(TableDirective):
    """Table of the options of a mosaic."""

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the table."""
        return self.table(("option", "default", "values", "meaning"), option_rows(), "stacked")


class SchemaTable(TableDirective):
    """Table of the data model; the argument is its name."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the table."""
        if self.arguments[0] not in TABLES:
            known = ", ".join(TABLES)
            raise self.error(f"table must be one of {known}, got {self.arguments[0]!r}")
        head, rows = TABLES[self.arguments[0]]
        return self.table(head, rows())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives with Sphinx."""
    app.add_directive("options-table", OptionsTable)
    app.add_directive("schema-table", SchemaTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
