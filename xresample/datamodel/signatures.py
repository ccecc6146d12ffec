"""Signatures and docstrings that spell out the options of a mosaic, generated from `Options`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from textwrap import indent
from typing import Any, TypeVar, cast

from xresample.arguments import known_names, shown
from xresample.errors import InvalidInputError

from .options import Options

Function = TypeVar("Function", bound=Callable[..., Any])

GIVEN = "options"
"""Keyword that takes all options at once, as an `Options` object."""

_PLACEHOLDER = "    **options\n"


def spells_options(function: Function) -> Function:
    """Show every option in the signature and the docstring of a function with ``**options``.

    Tooltips, completion and the documentation read the signature. The function itself still
    receives the options that a caller names as a dict.
    """
    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    further = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
        )
        for field in fields(Options)
    ]
    whole = inspect.Parameter(
        GIVEN, inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Options | None"
    )
    checked = checks_options()(function)
    checked.__signature__ = own.replace(parameters=[*named, *further, whole])  # type: ignore[attr-defined]
    if function.__doc__:
        checked.__doc__ = _with_options(function.__doc__)
    return checked


def checks_options(further: Iterable[str] = ()) -> Callable[[Function], Function]:
    """Check the names of all keywords of a function with ``**options`` before it is called.

    The error for an unknown name proposes options and parameters of the function.

    Parameters
    ----------
    further : iterable of str, optional
        Names that are neither options nor parameters of the function, but that it knows.
    """
    options = tuple(field.name for field in fields(Options))

    def decorate(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        own = {p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD}
        also = (*own, *further, GIVEN)

        @functools.wraps(function)
        def checked(*args: Any, **keywords: Any) -> Any:
            known_names("options", keywords, options, also)
            return function(*args, **keywords)

        return cast(Function, checked)

    return decorate


def chosen_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by name, from keywords that may include an `Options` object.

    A keyword wins over the object.

    Raises
    ------
    InvalidInputError
        A name is not an option, or ``options`` is not an `Options` object.
    """
    named = dict(options)
    base = named.pop(GIVEN, None)
    known_names("options", named, Options.__dataclass_fields__)
    if base is None:
        return named
    if not isinstance(base, Options):
        raise InvalidInputError(
            f"options must be xresample.Options, got {shown(base)}: pass other options by name"
        )
    return {**{field.name: getattr(base, field.name) for field in fields(base)}, **named}


def differing_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by name, for a function that has defaults of its own.

    An `Options` object cannot tell a default from a choice, so only its values that differ from
    the defaults of `Options` count.

    Raises
    ------
    InvalidInputError
        ``options`` is not an `Options` object.
    """
    named = {name: value for name, value in options.items() if name != GIVEN}
    if options.get(GIVEN) is None:
        return named
    whole, defaults = chosen_options({GIVEN: options[GIVEN]}), Options()
    return {n: v for n, v in whole.items() if v != getattr(defaults, n)} | named


def _with_options(text: str) -> str:
    """Return a docstring with the description of every option in place of ``**options``."""
    before, found, after = text.partition(f"{_PLACEHOLDER}")
    if not found:
        return text
    # Lines with a deeper indentation describe the placeholder, which the options replace.
    depth = len(before) - len(before.rstrip(" ")) + 4
    lines = after.split("\n")
    while lines and lines[0].startswith(" " * (depth + 4)):
        lines.pop(0)
    whole = (
        f"{GIVEN} : Options, optional\n    All options at once. An option that is also given by "
        "its name wins."
    )
    described = indent(f"{_descriptions()}\n{whole}", " " * depth)
    return f"{before.rstrip(' ')}{described}\n" + "\n".join(lines)


def _descriptions() -> str:
    """Return the section "Parameters" of the docstring of `Options`, without indentation."""
    text = inspect.getdoc(Options) or ""
    section = text.partition("Parameters\n----------\n")[2].partition("\n\nRaises\n")[0]
    return section.rstrip()
