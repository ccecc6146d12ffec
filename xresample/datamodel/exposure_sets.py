"""The context as sets: a table of the distinct sets of exposures, whose rows are labels of pixels.

A table is kept as numbers, all sets one after the other, and written as JSON text, for example
``[[],[0,3],[3]]``: the label 1 stands for the exposures 0 and 3. Text of any length fits in one
cell, so a mosaic in tiles has one table per tile before the number of sets is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np

from xresample.errors import InvalidInputError

from .context import PLANE_BITS, n_planes
from .schema import TEXT_DTYPE

NOTHING = "[[]]"
"""Table of pixels to which no exposure contributes."""


@dataclass(frozen=True, eq=False)
class ExposureSets:
    """Sets of exposures; the first one is empty."""

    starts: np.ndarray
    """int64: where each set begins in ``members``, and the end of the last set."""
    members: np.ndarray
    """int32: the numbers of the exposures of all sets, increasing within a set."""

    @classmethod
    def empty(cls) -> ExposureSets:
        """Return the table of a mosaic without exposures."""
        return cls(np.zeros(2, np.int64), np.zeros(0, np.int32))

    @classmethod
    def from_text(cls, text: Any) -> ExposureSets:
        """Read a table from text, which is parsed, never evaluated.

        Raises
        ------
        InvalidInputError
            The text is not a table of sets.
        """
        try:
            rows = json.loads(str(text) or NOTHING)
            lengths = np.fromiter(map(len, rows), np.int64)
            members = np.array(list(chain.from_iterable(rows)) or np.zeros(0, np.int32))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(
                f"con_sets must be lists of numbers as JSON, got {str(text)[:40]!r}: {error}"
            ) from error
        starts = np.concatenate([[0], np.cumsum(lengths)])
        is_first = np.zeros(len(members) + 1, bool)
        is_first[starts] = True
        is_valid = members.ndim == 1 and members.dtype.kind in "iu"
        if not (
            is_valid
            and len(lengths)
            and lengths[0] == 0
            and ((members[1:] > members[:-1]) | is_first[1:-1]).all()
            and members.min(initial=0) >= 0
            and members.max(initial=0) <= np.iinfo(np.int32).max
        ):
            raise InvalidInputError(
                "con_sets must be lists of increasing numbers of exposures as JSON, with an empty "
                f"first list, got {str(text)[:40]!r}"
            )
        return cls(starts, members.astype(np.int32))

    def to_text(self) -> str:
        """Return the table as JSON."""
        numbers = self.members.tolist()
        edges = self.starts.tolist()
        rows = [numbers[a:b] for a, b in pairwise(edges)]
        return json.dumps(rows, separators=(",", ":"))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, label: int) -> np.ndarray:
        """Return the exposures of a set."""
        members: np.ndarray = self.members[self.starts[label] : self.starts[label + 1]]
        return members

    @property
    def lengths(self) -> np.ndarray:
        """Number of exposures of each set."""
        return np.diff(self.starts)

    @property
    def owners(self) -> np.ndarray:
        """The set that each entry of ``members`` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, chosen: np.ndarray) -> ExposureSets:
        """Return the table of the chosen sets, in this order."""
        lengths = self.lengths[chosen]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        where = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)
        return ExposureSets(starts, self.members[where])

    def joined(self, other: ExposureSets) -> ExposureSets:
        """Return the union of each set with the set of another table at the same place.

        The exposures of the other table have larger numbers.
        """
        starts = self.starts + other.starts
        members = np.empty(starts[-1], np.int32)
        for part, before in ((self, other.starts[:-1]), (other, self.starts[1:])):
            members[np.arange(len(part.members)) + np.repeat(before, part.lengths)] = part.members
        return ExposureSets(starts, members)

    def shifted(self, by: int) -> ExposureSets:
        """Return the sets of exposures whose numbers are larger by ``by``."""
        return ExposureSets(self.starts, self.members + np.int32(by))

    def renumbered(self, old: Sequence[int | None]) -> ExposureSets:
        """Return the sets of exposures in a new numbering, which keeps their order.

        Parameters
        ----------
        old : sequence of int or None
            For each new number the old number of the exposure; exposures that are not listed
            leave their sets.
        """
        kept = {before: number for number, before in enumerate(old) if before is not None}
        new = np.full(1 + max([*kept, self.members.max(initial=0)]), -1, np.int32)
        new[list(kept)] = list(kept.values())
        members = new[self.members]
        counts = np.bincount(self.owners[members >= 0], minlength=len(self))
        return ExposureSets(np.concatenate([[0], np.cumsum(counts)]), members[members >= 0])

    def has_any(self, numbers: Iterable[int]) -> np.ndarray:
        """Return which sets contain any of some exposures, bool."""
        there = np.isin(self.members, np.fromiter(numbers, np.int64))
        return np.bincount(self.owners[there], minlength=len(self)) > 0

    def contain(self, numbers: np.ndarray) -> np.ndarray:
        """Return which exposures are in which sets: bool, ``(exposure, set)``."""
        found = np.zeros((len(numbers), len(self)), bool)
        order = np.argsort(numbers)
        there = np.isin(self.members, numbers)
        rows = order[np.searchsorted(numbers[order], self.members[there])]
        found[rows, self.owners[there]] = True
        return found

    def words(self, exposures: int) -> np.ndarray:
        """Return each set as the bits of a context: int32, ``(plane, set)``."""
        found = np.zeros((n_planes(exposures), len(self)), np.uint32)
        bits = np.uint32(1) << (self.members % PLANE_BITS).astype(np.uint32)
        np.bitwise_or.at(found, (self.members // PLANE_BITS, self.owners), bits)
        return found.view(np.int32)


def text_array(sets: ExposureSets) -> np.ndarray:
    """Return a table as ``con_sets`` of one tile."""
    made = np.empty((1, 1), TEXT_DTYPE)
    made[0, 0] = sets.to_text()
    return made


def sets_of_words(words: np.ndarray, first: int) -> ExposureSets:
    """Return the sets that the bits of one plane of a context stand for.

    Parameters
    ----------
    words : ndarray of int32
        Values of the plane.
    first : int
        Number of the exposure of bit 0.
    """
    octets = np.ascontiguousarray(words).astype("<u4").view(np.uint8).reshape(-1, PLANE_BITS // 8)
    owners, bits = np.nonzero(np.unpackbits(octets, axis=1, bitorder="little"))
    counts = np.bincount(owners, minlength=len(words))
    return ExposureSets(np.concatenate([[0], np.cumsum(counts)]), (bits + first).astype(np.int32))


class Union:
    """The distinct sets of several tables."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {b"": 0}

    def labels(self, sets: ExposureSets) -> np.ndarray:
        """Return the label in the union of each set of a table, int32."""
        known, starts, octets = self._known, (4 * sets.starts).tolist(), sets.members.tobytes()
        keys = (octets[a:b] for a, b in pairwise(starts))
        return np.array([known.setdefault(key, len(known)) for key in keys], np.int32)

    def sets(self) -> ExposureSets:
        """Return the table of all sets."""
        lengths = [len(key) // 4 for key in self._known]
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return ExposureSets(starts, np.frombuffer(b"".join(self._known), np.int32).copy())


def canonical(labels: np.ndarray, sets: ExposureSets) -> ExposureSets:
    """Number labels in the order in which they appear, row by row, and return their table.

    The same image of sets has the same labels, however it was made.

    Parameters
    ----------
    labels : ndarray
        int32 ``(y, x)``; updated.
    sets : ExposureSets
        The table, whose sets are distinct.
    """
    return sets.take(appearing(labels, len(sets)))


def appearing(labels: np.ndarray, count: int) -> np.ndarray:
    """Number labels in the order in which they appear; return the old label of each new one.

    Parameters
    ----------
    labels : ndarray
        int32 ``(y, x)``, less than ``count``; updated.
    count : int
        Number of labels.
    """
    from xresample.kernels.labels import renumber

    found = np.empty(count, np.int32)
    return found[: renumber(labels, np.zeros(count, np.int32), found)]


def paired(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the pair of values of each pixel, and the distinct pairs.

    See `xresample.kernels.labels.pair_images`.
    """
    from xresample.kernels.labels import pair_images

    return pair_images(first, second)
