"""YAML trees of ASDF files, parsed within limits.

A small text can describe a huge tree: aliases of aliases multiply the entries, a list can contain
itself, and a number in base 60 (``1:1:1:...``) takes a time that grows with the square of its
length. These texts raise an error before anything large is made.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

from xresample.errors import ignored_warnings

MAX_COPIES = 1_000_000
"""Maximum number of entries that aliases add to a tree."""

_SEXAGESIMAL = re.compile(rb"[0-9](?::[0-9]{1,2}){20}")
"""A number in base 60 with more digits than any angle or time."""

_ANYTHING = b"title: Anything"
"""A schema that every tree fits. With an empty schema, asdf would also compare all nodes below."""

_MERGE = re.compile(rb"<<\s*:")
"""The merge key of YAML, which multiplies keys, and which ASDF does not use."""


def load_extensions() -> None:
    """Load the extensions and schemas of asdf, unless they are loaded.

    asdf loads them on first use into its current configuration. If this is a temporary
    configuration (``config_context``), the next one starts without them, and loads them again.
    """
    import asdf

    config = asdf.get_config()
    with ignored_warnings():
        for name in ("extensions", "resource_manager"):
            getattr(config, name)


@contextlib.contextmanager
def without_schemas() -> Iterator[None]:
    """Let asdf write without comparing what it writes with schemas.

    asdf parses the schemas of a tree each time it writes one, which takes three quarters of the
    time for the text of a WCS. The converters of gwcs and asdf-astropy write valid trees.
    """
    import asdf

    load_extensions()
    with asdf.config_context() as config:
        found = [uri for uri in config.resource_manager if "/schemas/" in uri]
        config.add_resource_mapping(dict.fromkeys(found, _ANYTHING))
        yield


def load_tree(content: bytes) -> Any:
    """Return the tree of an ASDF text, without converting its nodes to objects.

    Raises
    ------
    ValueError
        The text describes a tree that is much larger than the text, or not a tree.
    """
    import asdf

    for pattern, name in ((_SEXAGESIMAL, "number in base 60"), (_MERGE, "merge key <<")):
        if found := pattern.search(content):
            raise ValueError(
                f"the text must not contain a {name}, got {found[0][:20]!r} at byte {found.start()}"
            )
    tree = asdf.util.load_yaml(io.BytesIO(content), tagged=True)
    sizes: dict[int, int] = {}
    own: dict[int, int] = {}
    copies = _entries(tree, sizes, own, set()) - sum(own.values())
    if copies > MAX_COPIES:
        raise ValueError(f"aliases must add at most {MAX_COPIES} entries to the tree, got {copies}")
    return tree


def _entries(node: Any, sizes: dict[int, int], own: dict[int, int], parents: set[int]) -> int:
    """Return the number of entries of a node and of all nodes below, once per alias.

    Parameters
    ----------
    node : object
        The node.
    sizes : dict of int to int
        Result for each list and mapping that has been counted, by identity.
    own : dict of int to int
        Number of entries of the same lists and mappings, without the nodes below.
    parents : set of int
        The nodes above the node, by identity.
    """
    if not isinstance(node, dict | list):
        return 0
    key = id(node)
    if key in parents:
        raise ValueError("a node of the tree must not contain itself")
    if key not in sizes:
        parents.add(key)
        children = list(node.values() if isinstance(node, dict) else node)
        own[key] = len(children) + 1
        sizes[key] = own[key] + sum(_entries(child, sizes, own, parents) for child in children)
        parents.remove(key)
    return sizes[key]
