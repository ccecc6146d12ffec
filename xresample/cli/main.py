"""Entry point of the command line: run a command, and report an error in one line."""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from xresample.errors import XResampleError

from . import commands
from .parser import build_parser

OK, FAILED = 0, 1
"""Exit codes; argparse exits with 2 for a wrong command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments. Default: those of the process.

    Examples
    --------
    >>> main(["info", "missing.fits"])
    1
    """
    given = build_parser().parse_args(arguments)
    command = getattr(commands, given.command.replace("-", "_"))
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            command(given)
        except (XResampleError, OSError) as error:
            return _report(given, error)
        except KeyboardInterrupt:
            print("xresample: interrupted", file=sys.stderr)
            return FAILED
    return OK


def _report(given: argparse.Namespace, error: Exception) -> int:
    if given.debug:
        traceback.print_exception(error)
    lines = [line.strip().removeprefix("- ") for line in str(error).splitlines() if line.strip()]
    print(f"xresample: error: {'; '.join(lines).replace(':;', ':')}", file=sys.stderr)
    return FAILED


def _show_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    print(f"xresample: {category.__name__}: {message}", file=sys.stderr)
