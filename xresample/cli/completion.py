"""Scripts by which a shell completes the command line, generated from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

SHELLS = ("bash", "zsh")

_SCRIPT = """\
_xresample() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    local words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{values}
            *)
                case "${{COMP_WORDS[1]}}" in
{options}
                esac
                case "$current" in
                    -*) ;;
                    *) words="" ;;
                esac ;;
        esac
    fi
    if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _xresample xresample
"""

_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"
"""Line that makes zsh understand scripts for bash."""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of all commands.
    shell : {"bash", "zsh"}
        The shell.
    """
    commands = _commands(parser)
    values = [
        f'            "{name} {option}") words="{words}" ;;'
        for name, command in commands.items()
        for option, words in _values(command)
    ]
    options = [
        f'                    {name}) words="{" ".join(_flags(command))}" ;;'
        for name, command in commands.items()
    ]
    text = _SCRIPT.format(
        commands=" ".join([*commands, *_flags(parser)]),
        values="\n".join(values),
        options="\n".join(options),
    )
    return _ZSH + text if shell == "zsh" else text


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    """Return the options of a parser in their long form, or else in their short form."""
    found: list[str] = []
    for action in parser._actions:
        long = [name for name in action.option_strings if name.startswith("--")]
        found += long or action.option_strings
    return found


def _values(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield each option with a fixed set of values, and these values."""
    for action in parser._actions:
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        if metavar.startswith("{"):
            for option in action.option_strings:
                yield option, " ".join(metavar.strip("{}").split(","))
