"""The sets of exposures of a mosaic while exposures are added, see ``kernels.labels``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xresample.datamodel.exposure_sets import ExposureSets, appearing

ROOM = 1024
"""Number of sets that fit in a new tree before it grows."""


@dataclass
class SetTree:
    """The sets that labels stand for: a table, and sets that were made by adding exposures."""

    sets: ExposureSets
    """The table, whose rows are the first nodes."""
    nodes: np.ndarray
    """int32 ``(node, 3)``, see ``kernels.labels.PARENT``; the last ones are not in use."""
    count: int
    """Number of nodes in use."""

    @classmethod
    def of(cls, sets: ExposureSets) -> SetTree:
        """Return the tree of a table."""
        nodes = np.zeros((2 * len(sets) + ROOM, 3), np.int32)
        nodes[: len(sets), :2] = -1
        return cls(sets, nodes, len(sets))

    def take_marked(self, labels: np.ndarray, boxes: np.ndarray, exposure: int) -> None:
        """Give the marked pixels in boxes the label of their set with an exposure.

        Parameters
        ----------
        labels : ndarray
            int32 ``(y, x)``; updated.
        boxes : ndarray
            int64 ``(box, 4)``: rows and columns ``y0, y1, x0, x1``.
        exposure : int
            Number of the exposure.
        """
        from xresample.kernels.labels import CHILD, PARENT, take_marked

        before, done = self.count, False
        while not done:
            self.count, done = take_marked(labels, boxes, exposure, self.nodes, self.count)
            if not done:
                self.nodes = np.concatenate([self.nodes, np.zeros_like(self.nodes)])
        self.nodes[self.nodes[before : self.count, PARENT], CHILD] = 0

    def compact(self, labels: np.ndarray) -> ExposureSets:
        """Number labels in the order in which they appear, and return the table of their sets.

        Parameters
        ----------
        labels : ndarray
            int32 ``(y, x)``; updated.
        """
        from xresample.kernels.labels import count_members, write_members

        chosen = appearing(labels, self.count)
        lengths = np.empty(len(chosen), np.int64)
        count_members(chosen, self.nodes, self.sets.starts, lengths)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        members = np.empty(starts[-1], np.int32)
        sets = self.sets
        write_members(chosen, self.nodes, sets.starts, sets.members, starts[1:], members)
        made = SetTree.of(ExposureSets(starts, members))
        self.sets, self.nodes, self.count = made.sets, made.nodes, made.count
        return self.sets
