"""Labels of sets of exposures: one integer per pixel instead of one bit per exposure.

A label is the index of a node of a tree. A node is a set, and says how the set was made::

    node      0     1        2        3                      parent   member
    set      { }   {0, 4}   {0, 4, 5}  {5}         node 2:   1        5
              |       |________^ 5      ^          node 3:   0        5
              |_________________________| 5        nodes 0 and 1 are rows of a table

The deposit marks the pixels where an exposure contributes, by the sign bit of their labels. Every
distinct label among them then gets one new node, so the cost of an exposure depends on its pixels
and not on the number of exposures before.
"""

from __future__ import annotations

import numpy as np

from .jit import jit
from .structures import MARK_BIT

IN_TABLE = -1
"""Parent of a node that is a row of the table."""

PARENT, MEMBER, CHILD = range(3)
"""Columns of the nodes: the set without its last exposure, this exposure, and the set with the
exposure at hand (0: no pixel has this set yet)."""

_LABEL = (1 << MARK_BIT) - 1
_HASH = 73856093, 19349663


@jit
def take_marked(labels, boxes, exposure, nodes, count):
    """Give the marked pixels the label of their set with an exposure.

    Parameters
    ----------
    labels : ndarray
        int32 ``(y, x)``; updated.
    boxes : ndarray
        int64 ``(box, 4)``: rows and columns ``y0, y1, x0, x1`` that hold all marked pixels.
    exposure : int
        Number of the exposure, which is larger than those of all exposures before.
    nodes : ndarray
        int32 ``(node, 3)``, see ``PARENT``; updated.
    count : int
        Number of nodes in use.

    Returns
    -------
    tuple
        The number of nodes in use, and whether there was room for all. If not, the remaining
        pixels stay marked, and the caller repeats the call with more room.
    """
    last, made = -1, 0
    for k in range(boxes.shape[0]):
        y0, y1, x0, x1 = boxes[k]
        for y in range(y0, y1):
            for x in range(x0, x1):
                label = int(labels[y, x])
                if label >= 0:
                    continue
                old = label & _LABEL
                if old != last:
                    made = int(nodes[old, CHILD])
                    if made == 0:
                        if count == nodes.shape[0]:
                            return count, False
                        made = count
                        count += 1
                        nodes[made, PARENT] = old
                        nodes[made, MEMBER] = exposure
                        nodes[made, CHILD] = 0
                        nodes[old, CHILD] = made
                    last = old
                labels[y, x] = made
    return count, True


@jit
def renumber(labels, order, found):
    """Number labels from 1 in the order in which they appear, row by row; 0 stays 0.

    Parameters
    ----------
    labels : ndarray
        int32 ``(y, x)``; updated.
    order : ndarray
        int32, zeros: the new number of each label; written.
    found : ndarray
        int32: the old label of each new number; written.

    Returns
    -------
    int
        Number of labels, with 0.
    """
    count, found[0] = 1, 0
    for y in range(labels.shape[0]):
        row = labels[y]
        for x in range(row.size):
            label = row[x]
            if label != 0:
                if order[label] == 0:
                    order[label] = count
                    found[count] = label
                    count += 1
                row[x] = order[label]
    return count


@jit
def pair(first, second, out, slots, pairs):
    """Number the distinct pairs of two images from 1 in the order in which they appear.

    Pixels where both images are 0 have the number 0.

    Parameters
    ----------
    first, second : ndarray
        int32 ``(y, x)``.
    out : ndarray
        int32 ``(y, x)``; written.
    slots : ndarray
        int32, zeros: a hash table whose size is a power of 2.
    pairs : ndarray
        int32 ``(pair, 2)``: the numbers of each pair; written. At least half as long as ``slots``.

    Returns
    -------
    tuple
        The number of pairs, with (0, 0), and whether the table was large enough.
    """
    mask, most = slots.size - 1, slots.size // 2
    count, last_a, last_b, number = 1, 0, 0, 0
    pairs[0, 0] = 0
    pairs[0, 1] = 0
    for y in range(first.shape[0]):
        for x in range(first.shape[1]):
            a, b = int(first[y, x]), int(second[y, x])
            if a != last_a or b != last_b:
                last_a, last_b, number = a, b, 0
                if a != 0 or b != 0:
                    at = ((a * _HASH[0]) ^ (b * _HASH[1])) & mask
                    while slots[at] != 0 and (pairs[slots[at], 0] != a or pairs[slots[at], 1] != b):
                        at = (at + 1) & mask
                    if slots[at] == 0:
                        if count == most:
                            return count, False
                        slots[at] = count
                        pairs[count, 0] = a
                        pairs[count, 1] = b
                        count += 1
                    number = int(slots[at])
            out[y, x] = number
    return count, True


@jit
def count_members(chosen, nodes, starts, lengths):
    """Write the number of exposures of each chosen node.

    Parameters
    ----------
    chosen : ndarray
        int32: the nodes.
    nodes : ndarray
        int32 ``(node, 3)``, see ``PARENT``.
    starts : ndarray
        int64: where each row of the table begins, and the end.
    lengths : ndarray
        int64; written.
    """
    for k in range(chosen.size):
        node, count = int(chosen[k]), 0
        while nodes[node, PARENT] != IN_TABLE:
            node = int(nodes[node, PARENT])
            count += 1
        lengths[k] = count + starts[node + 1] - starts[node]


@jit
def write_members(chosen, nodes, starts, members, ends, out):
    """Write the exposures of each chosen node, in increasing order.

    Parameters
    ----------
    chosen, nodes, starts
        See `count_members`.
    members : ndarray
        int32: the exposures of the rows of the table.
    ends : ndarray
        int64: where the exposures of each chosen node end in ``out``.
    out : ndarray
        int32; written.
    """
    for k in range(chosen.size):
        node, at = int(chosen[k]), int(ends[k])
        while nodes[node, PARENT] != IN_TABLE:
            at -= 1
            out[at] = nodes[node, MEMBER]
            node = int(nodes[node, PARENT])
        for m in range(starts[node + 1] - 1, starts[node] - 1, -1):
            at -= 1
            out[at] = members[m]


def pair_images(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the pair of values of each pixel, and the distinct pairs.

    Parameters
    ----------
    first, second : ndarray
        int32 ``(y, x)``.

    Returns
    -------
    tuple of ndarray
        int32 ``(y, x)``: numbers in the order of appearance, row by row; and int32 ``(pair, 2)``,
        of which the first is (0, 0).

    Examples
    --------
    >>> first, second = np.array([[[0, 7, 7]], [[0, 0, 1]]], np.int32)
    >>> numbers, pairs = pair_images(first, second)
    >>> numbers.tolist(), pairs.tolist()
    ([[0, 1, 2]], [[0, 0], [7, 0], [7, 1]])
    """
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)
    out, size, done = np.empty(first.shape, np.int32), 1 << 12, False
    while not done:
        pairs = np.empty((size // 2, 2), np.int32)
        count, done = pair(first, second, out, np.zeros(size, np.int32), pairs)
        size *= 4
    return out, pairs[:count].copy()
