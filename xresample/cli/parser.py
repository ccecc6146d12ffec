"""The parser of the command line; options of mosaics are generated from `Options`."""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import Field, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from xresample.datamodel.options import CHOICES, WORDS, Options

from .completion import SHELLS

READER_OPTIONS = ("err", "variance", "weight", "dq", "weight_map")
"""Options of the readers that name a part of a file or another file."""


class _Parser(argparse.ArgumentParser):
    """A parser that skips the empty lines of files of arguments."""

    def convert_arg_line_to_args(self, line: str) -> list[str]:
        """Return the arguments in one line, which holds one argument or none."""
        return [line.strip()] if line.strip() else []


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="xresample",
        description="Co-add dithered astronomical exposures with the drizzle algorithm.",
        epilog="An argument @files.txt stands for the lines of files.txt.",
        fromfile_prefix_chars="@",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    coadd = _command(commands, "coadd", "co-add exposures and write a mosaic")
    _add_files(coadd)
    coadd.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="the mosaic; its suffix gives the format: .nc, .fits, .fits.gz or .zarr",
    )  # fmt: skip
    coadd.add_argument("--overwrite", action="store_true", help="replace an existing mosaic")
    coadd.add_argument(
        "--dry-run", action="store_true", help="show the plan, and read and write no pixels"
    )
    coadd.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, default=None,
        help="show a progress bar; default: on a terminal",
    )  # fmt: skip
    _add_mosaic(coadd)
    plan = _command(commands, "plan", "show tiles, memory and work of a mosaic")
    _add_files(plan)
    _add_mosaic(plan)
    info = _command(commands, "info", "describe exposures and mosaics in files")
    _add_files(info)
    _command(commands, "warm-up", "compile all kernels, so that the first mosaic starts at once")
    completion = _command(
        commands, "completion", "print a script by which a shell completes the command line"
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a mosaic that the command line names."""
    given = vars(arguments)
    return {field.name: given[field.name] for field in fields(Options) if field.name in given}


def _command(commands: Any, name: str, help_text: str) -> argparse.ArgumentParser:
    description = help_text[0].upper() + help_text[1:] + "."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=description, fromfile_prefix_chars="@"
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback after an error")
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options of the readers."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="FITS, ASDF or netCDF files, or patterns"
    )
    group = parser.add_argument_group("reading")
    for name in READER_OPTIONS:
        group.add_argument(
            f"--{name}", metavar="WHERE", help=f"extension or file that holds {name}"
        )
    group.add_argument("--group", metavar="NAME", help="the exposure of a file to take")


def _add_mosaic(parser: argparse.ArgumentParser) -> None:
    """Add the options of the grid and of the mosaic."""
    grid = parser.add_argument_group("grid")
    grid.add_argument(
        "--grid", metavar="FILE", help="take the grid of a mosaic or an image in this file"
    )
    grid.add_argument(
        "--rotation", type=float, default=0.0, metavar="DEGREES",
        help="position angle of the y axis; default: 0",
    )  # fmt: skip
    grid.add_argument("--margin", type=int, default=0, metavar="PIXELS", help="default: 0")
    grid.add_argument("--chunks", type=_chunks, metavar="PIXELS", help="size of tiles, or auto")
    grid.add_argument("--threads", type=int, metavar="N", help="default: one per CPU")
    described = _descriptions()
    group = parser.add_argument_group("mosaic")
    for field in fields(Options):
        _add_option(group, field, described[field.name])


def _add_option(group: Any, field: Field[Any], help_text: str) -> None:
    """Add an option of mosaics; an option that is not given keeps its default."""
    name = "--" + field.name.replace("_", "-")
    common = {"dest": field.name, "default": argparse.SUPPRESS, "help": help_text}
    if isinstance(field.default, bool):
        group.add_argument(name, action=argparse.BooleanOptionalAction, **common)
        for word in WORDS.get(field.name, ()):
            # A value after the option could be the name of a file, so each word is an option.
            common["help"] = f"as {name}, with the rule {word!r}"
            group.add_argument(f"{name}-{word}", action="store_const", const=word, **common)
        return
    choices = CHOICES.get(field.name)
    if choices is not None:
        texts = {_text(value): value for value in choices}
        # argparse shows the texts; the type turns a text into its value.
        group.add_argument(name, type=_choice(texts), metavar="{" + ",".join(texts) + "}", **common)
        return
    group.add_argument(name, type=_VALUES.get(field.name, _number), metavar="VALUE", **common)


def _choice(texts: dict[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        # An unknown text stays, and Options refuses it with a proposal.
        return texts.get(text, text)

    return read


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _number(text: str) -> Any:
    """Return a number; any other text stays, and Options refuses it with a reason."""
    if text.lower() == "none":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _good_bits(text: str) -> Any:
    return None if text.lower() == "none" else int(text) if text.isdigit() else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be JSON: {error}") from None


def _chunks(text: str) -> Any:
    return text if text == "auto" else _number(text)


_VALUES: dict[str, Callable[[str], Any]] = {
    "fillval": str,
    "good_bits": _good_bits,
    "flag_map": _json,
    "variance_names": _names,
    "error_from_variances": _names,
    "planes": _names,
    "rejected": _names,
}
"""How the text of an option becomes its value, for options that are not one number."""


def _descriptions() -> dict[str, str]:
    """Return the first sentence about each option in the docstring of `Options`."""
    text = inspect.getdoc(Options) or ""
    section = text.partition("----------\n")[2].partition("\nRaises\n")[0]
    found = dict(re.findall(r"^(\w+) :.*\n((?:    .*\n)+)", section + "\n", re.MULTILINE))
    return {
        name: " ".join(body.split()).replace("``", "").replace("%", "%%").partition(". ")[0]
        for name, body in found.items()
    }


def _version() -> str:
    try:
        return f"xresample {version('xresample')}"
    except PackageNotFoundError:
        return "xresample, version unknown"
