"""The planes of a mosaic in memory while exposures are added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xresample import threads as pool
from xresample.datamodel.blocks import widened
from xresample.datamodel.context import PLANE_BITS, n_planes
from xresample.datamodel.exposure_sets import ExposureSets, text_array
from xresample.datamodel.options import Options
from xresample.datamodel.planes import Layout
from xresample.datamodel.schema import Rule

from .set_tree import SetTree
from .spare import spare

SLAB = 512
"""Number of rows that a thread fills or copies at a time."""

PIECE = 1 << 19
"""Number of words that a thread copies at a time."""


@dataclass
class Buffers:
    """The planes of a mosaic, or of a part of it, while exposures are added."""

    layout: Layout
    values: np.ndarray
    """Real-valued planes, ``(plane, y, x)``, in the order of `Layout.names`."""
    context: np.ndarray | None
    """int32: bits, ``(plane, y, x)``; or, if there is a tree of sets, labels, ``(y, x)``."""
    dq: np.ndarray | None
    """uint32 ``(y, x)``: flags that any contributing pixel has; or, if ``dq`` is the flags that
    all of them share, flags that any of them lacks."""
    y0: int
    x0: int
    noise: np.ndarray | None = None
    """Sums of the noise covariance, float64 ``(block y, block x, lag y, lag x)``, or None."""
    is_new: bool = True
    """Whether planes that nobody has written hold zeros."""
    tree: SetTree | None = None
    """The sets that labels stand for, or None."""
    scratch: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays that the next exposure uses again: the first touch of new memory takes time."""

    @classmethod
    def empty(
        cls,
        layout: Layout,
        options: Options,
        shape: tuple[int, int],
        y0: int,
        x0: int,
        exposures: int = 0,
        threads: int | None = 1,
    ) -> Buffers:
        """Allocate the planes of an empty mosaic."""
        made = cls.unfilled(layout, options, shape, y0, x0, np.zeros)
        made.allocate_flags(shape, exposures)
        for name in layout.names:
            made.clear(name, options, threads)
        return made

    @classmethod
    def unfilled(
        cls,
        layout: Layout,
        options: Options,
        shape: tuple[int, int],
        y0: int,
        x0: int,
        allocate: Callable[..., np.ndarray] = np.empty,
    ) -> Buffers:
        """Allocate the real-valued planes without the values of an empty mosaic."""
        values = allocate((len(layout.names), *shape), dtype=options.dtype)
        return cls(layout, values, None, None, y0, x0)

    @classmethod
    def spare(
        cls, layout: Layout, options: Options, shape: tuple[int, int], y0: int, x0: int
    ) -> Buffers:
        """Take the memory of a freed mosaic, with any content, for the real-valued planes."""
        values, is_new = spare.array((len(layout.names), *shape), options.dtype)
        return cls(layout, values, None, None, y0, x0, is_new=is_new)

    def allocate_flags(self, shape: tuple[int, int], exposures: int) -> None:
        """Allocate the planes of bits that the layout asks for, all zero."""
        if self.layout.by_rule(Rule.CONTEXT):
            self.context = np.zeros((n_planes(exposures), *shape), np.int32)
        if self.layout.by_rule(Rule.LABELS):
            self.context, self.tree = np.zeros(shape, np.int32), SetTree.of(ExposureSets.empty())
        if self.layout.by_rule(Rule.DQ) or self.layout.shares_flags:
            self.dq = np.zeros(shape, np.uint32)
        for name in self.layout.by_rule(Rule.BLOCK_SUM):
            shape_of_sums = self.layout.shape(name, shape, exposures, (self.y0, self.x0))
            self.noise = np.zeros((*shape_of_sums[2:], *shape_of_sums[:2]))

    def clear(self, name: str, options: Options, threads: int | None = 1) -> None:
        """Fill a plane with the value of an empty mosaic."""
        identity = self.layout.identity(name, options)
        # Untouched pages of zeros cost neither time nor memory.
        if identity != 0.0 or not self.is_new:
            plane = self.plane(name)
            in_slabs(lambda rows: plane[rows].fill(identity), len(plane), threads)

    def scratch_array(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with any content: the one of the previous exposure if it fits."""
        array = self.scratch.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self.scratch[name] = np.empty(shape, dtype)
        return array

    def plane(self, name: str) -> np.ndarray:
        """Return a real-valued plane as a view, ``(y, x)``."""
        return self.values[self.layout.names.index(name)]

    def stored(self, name: str) -> np.ndarray | None:
        """Return a plane by its name; None for a plane that is derived from others."""
        rule = self.layout.planes[name].rule
        if rule is Rule.DERIVED:
            return None
        if rule in (Rule.CONTEXT, Rule.LABELS, Rule.DQ):
            return self.dq if rule is Rule.DQ else self.context
        if rule is Rule.SHARED_DQ:
            return None if self.dq is None else ~self.dq
        if rule is Rule.SETS:
            return None if self.tree is None else text_array(self.tree.sets)
        if rule is Rule.BLOCK_SUM:
            return None if self.noise is None else self.noise.transpose(2, 3, 0, 1)
        if rule is Rule.FLAGS:
            first = self.layout.names.index(self.layout.flag_planes[0])
            return self.values[first : first + len(self.layout.flags)]
        return self.plane(name)

    def with_layout(
        self, layout: Layout, options: Options, *, blank: bool = False, threads: int | None = 1
    ) -> Buffers:
        """Return buffers that also hold further planes, which are empty.

        Parameters
        ----------
        layout : Layout
            The layout of all planes.
        options : Options
            The options of the mosaic.
        blank : bool
            Whether all planes are empty, so that nothing has to be copied.
        threads : int, optional
            Threads to use.
        """
        if layout == self.layout:
            return self
        noise = None if self.noise is None else widened(self.noise, layout.lags)
        if layout == self.layout.reaching(layout.lags):
            return replace(self, layout=layout, noise=noise)
        ny, nx = self.values.shape[1:]
        wider = Buffers.unfilled(layout, options, (ny, nx), self.y0, self.x0, np.zeros)
        held = () if blank else self.layout.names
        for name in layout.names:
            if name in held:
                copy_plane(wider.plane(name), self.plane(name), threads)
            else:
                wider.clear(name, options, threads)
        wider.context, wider.dq, wider.scratch = self.context, self.dq, self.scratch
        wider.noise, wider.tree = noise, self.tree
        return wider

    def context_plane(self, exposure: int) -> np.ndarray:
        """Return the context plane of an exposure, adding planes if there are too few."""
        if self.context is None:
            return np.zeros((0, 0), np.int32)
        if self.tree is not None:
            return self.context
        missing = n_planes(exposure + 1) - len(self.context)
        if missing > 0:
            more = np.zeros((missing, *self.context.shape[1:]), np.int32)
            self.context = np.concatenate([self.context, more])
        return self.context[exposure // PLANE_BITS]

    def number_labels(self) -> None:
        """Number the labels of sets in the order in which they appear, if there are labels."""
        if self.tree is not None and self.context is not None:
            self.tree.compact(self.context)


def in_slabs(work: Callable[[slice], object], count: int, threads: int | None) -> None:
    """Call a function on slabs of ``count`` rows, in threads: writing to new memory is slow."""
    slabs = [slice(start, start + SLAB) for start in range(0, count, SLAB)]
    pool.run(work, slabs, threads if count > SLAB else 1)


def copy_rows(target: np.ndarray, source: np.ndarray, threads: int | None) -> None:
    """Copy a plane, ``(y, x)``, in threads."""
    in_slabs(lambda rows: np.copyto(target[rows], source[rows]), len(target), threads)


def copy_plane(target: np.ndarray, source: np.ndarray, threads: int | None) -> None:
    """Copy a plane, ``(y, x)``, in threads; memory that holds the same numbers is not written.

    New memory holds zeros. So a mosaic that is almost empty takes memory, and the time of touching
    it first, only where exposures lie.
    """
    if source.flags.c_contiguous and target.flags.c_contiguous and source.dtype == target.dtype:
        from xresample.kernels.changes import copy_changes

        given, made = source.reshape(-1).view(np.uint32), target.reshape(-1).view(np.uint32)
        pool.run(
            lambda first: copy_changes(made[first : first + PIECE], given[first : first + PIECE]),
            range(0, len(given), PIECE),
            threads,
        )
    else:
        copy_rows(target, source, threads)
