"""Limits on the YAML trees of ASDF texts."""

from __future__ import annotations

import numpy as np
import pytest

import xresample as xrs
from tests.support.wcs import make_fits, make_gwcs
from xresample.wcs.text import to_text
from xresample.wcs.yaml_trees import load_tree

HEAD = b"#ASDF 1.0.0\n%YAML 1.1\n---\n"


def aliases(depth: int) -> str:
    """Return nested lists that expand to ten to the power of ``depth`` entries."""
    node = "[1,1,1,1,1,1,1,1,1,1]"
    for k in range(depth - 1):
        node = f"[&a{k} {node}" + f",*a{k}" * 9 + "]"
    return node


def test_a_few_aliases_are_allowed() -> None:
    tree = load_tree(HEAD + f"a: {aliases(5)}\nb: &b [1, 2]\nc: *b\n...\n".encode())
    assert tree["c"] == [1, 2]
    assert len(tree["a"][0][0][0][0]) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"a: {aliases(9)}", "aliases must add at most 1000000 entries to the tree, got 1222"),
        ("a: &a [*a]", "must not contain itself"),
        ("a: &a {b: {c: *a}}", "must not contain itself"),
        ("a: " + "1:" * 21 + "1", "number in base 60"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "merge key"),
    ],
)
def test_trees_beyond_the_limits(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_tree(HEAD + text.encode() + b"\n...\n")


def test_many_entries_below_a_list_that_is_copied() -> None:
    """Copies of a long list count with their entries."""
    text = f"a: &a {list(range(5000))}\nb: [{', '.join(['*a'] * 500)}]"
    with pytest.raises(ValueError, match="got 2500"):
        load_tree(HEAD + text.encode() + b"\n...\n")


@pytest.mark.parametrize("wcs", [make_fits((9, 9)), make_gwcs((9, 9))], ids=["fits", "gwcs"])
def test_texts_of_wcs_are_limited(wcs: object) -> None:
    text = to_text(wcs)
    evil = f"evil: !core/ndarray-1.0.0 {{datatype: float32, data: {aliases(9)}}}\nwcs:"
    exposure = xrs.make_exposure(np.ones((9, 9)), text.replace("wcs:", "good: 1\nwcs:", 1))
    assert exposure.resample.wcs is not None
    with pytest.raises(xrs.WCSTextError, match="aliases must add at most"):
        xrs.make_exposure(np.ones((9, 9)), text.replace("wcs:", evil, 1))
