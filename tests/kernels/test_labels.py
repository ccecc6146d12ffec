"""The kernels of labels: numbers in the order of appearance, pairs, and trees of sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xresample.accumulate.set_tree import SetTree
from xresample.datamodel.exposure_sets import ExposureSets, appearing
from xresample.kernels.labels import pair_images

SHAPE = (6, 7)
WHOLE = np.array([[0, 6, 0, 7]], np.int64)


@given(st.integers(0, 999), st.sampled_from([2, 50]))
@settings(max_examples=10)
def test_pairs_have_numbers_in_the_order_of_appearance(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-1, count, (2, *SHAPE)).astype(np.int32)
    numbers, pairs = pair_images(first, second)
    known = {(0, 0): 0}
    for a, b in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        known.setdefault((a, b), len(known))
    assert [tuple(pair) for pair in pairs.tolist()] == list(known)
    np.testing.assert_array_equal(pairs[numbers, 0], first)
    np.testing.assert_array_equal(pairs[numbers, 1], second)


def test_many_pairs_make_the_table_grow() -> None:
    first = np.arange(1, 10_001, dtype=np.int32).reshape(100, 100)
    numbers, pairs = pair_images(first, -first)
    np.testing.assert_array_equal(numbers, first)
    np.testing.assert_array_equal(pairs[1:, 1], -first.ravel())


def test_labels_are_numbered_in_the_order_of_appearance() -> None:
    labels = np.array([[0, 3, 3], [1, 0, 3]], np.int32)
    found = appearing(labels, 4)
    assert labels.tolist() == [[0, 1, 1], [2, 0, 1]]
    assert found.tolist() == [0, 3, 1]


@given(st.integers(0, 999), st.sets(st.integers(0, 11)))
@settings(max_examples=10)
def test_a_tree_gives_every_pixel_its_exposures(seed: int, saved: set[int]) -> None:
    rng = np.random.default_rng(seed)
    labels, tree = np.zeros(SHAPE, np.int32), SetTree.of(ExposureSets.empty())
    expected: list[list[int]] = [[] for _ in range(labels.size)]
    for exposure in range(12):
        there = rng.random(SHAPE) < 0.4
        labels[there] |= np.int32(-(2**31))
        tree.take_marked(labels, WHOLE, exposure)
        for pixel in np.flatnonzero(there):
            expected[pixel].append(exposure)
        if exposure in saved:
            text = tree.compact(labels).to_text()
            tree = SetTree.of(ExposureSets.from_text(text))
    sets = tree.compact(labels)
    assert [sets[label].tolist() for label in labels.ravel()] == expected
    assert len({tuple(sets[k].tolist()) for k in range(len(sets))}) == len(sets)


def test_a_tree_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xresample.accumulate.set_tree.ROOM", 0)
    labels, tree = np.zeros((1, 300), np.int32), SetTree.of(ExposureSets.empty())
    for exposure in range(300):
        labels[0, exposure:] |= np.int32(-(2**31))
        tree.take_marked(labels, np.array([[0, 1, 0, 300]], np.int64), exposure)
    sets = tree.compact(labels)
    assert sets.lengths[labels[0]].tolist() == list(range(1, 301))
    assert sets[labels[0, -1]].tolist() == list(range(300))
