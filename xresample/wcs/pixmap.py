"""Where the pixels of an exposure lie in the pixels of a mosaic.

A map is smooth nearly always, so it is interpolated with splines that have been checked against
the WCSs; where it is not smooth, every pixel goes through the WCSs.
"""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from xresample import threads as pool
from xresample.errors import InvalidInputError
from xresample.kernels.spline import evaluate_spline

from .spline import SMALL, Spline, adaptive, fixed
from .transform import Transform, is_tabulated, range_inside, require_same_kind, transform

SAFETY = 3
"""The error at the checked points times this must be below the tolerance."""

TILE = (32, 1024)
"""Pixels, ``(y, x)``, that pass the WCSs together: their intermediate arrays stay in cache."""

ROWS = 64
"""Rows of a spline that a thread evaluates at a time."""


@dataclass(frozen=True)
class PixmapOptions:
    """How a pixel map is evaluated.

    Parameters
    ----------
    stepsize : int, optional
        None: splines on nodes as close as ``tol`` needs. 1: every pixel through the WCSs. More: a
        spline on nodes this many pixels apart, whatever its error.
    order : int
        Order of the spline for a ``stepsize`` above 1: 1 or 3.
    tol : float
        Largest error, in output pixels, when ``stepsize`` is None.
    """

    stepsize: int | None = None
    order: int = 1
    tol: float = 1e-6

    def __post_init__(self) -> None:
        if self.stepsize is not None and not (self.stepsize >= 1):
            raise InvalidInputError(
                f"pixmap_stepsize is {self.stepsize!r}: it must be None or at least 1"
            )
        if self.order not in (1, 3):
            raise InvalidInputError(f"pixmap_order is {self.order!r}: it must be 1 or 3")
        if not (0 < self.tol < math.inf):
            raise InvalidInputError(f"pixmap_tol is {self.tol!r}: it must be positive and finite")


class PixelMap:
    """Output positions of the pixels of an exposure.

    Attributes
    ----------
    x, y : range
        The pixels that the map covers, in the pixels of the input WCS: those of the exposure whose
        centre lies inside the bounding box.
    """

    def __init__(self, x: range, y: range) -> None:
        self.x = x
        self.y = y

    def evaluate(
        self, y: range, x: range, threads: int | None = None, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return output positions, float64 ``(len(y), len(x), 2)``, x first.

        A pixel has the same bits in any window and for any number of threads.

        Parameters
        ----------
        y, x : range
            The window, inside of what the map covers. Where a side of the map is a single pixel,
            the window may take in the next one.
        threads : int, optional
            Threads to use.
        out : ndarray, optional
            Where to write them, in place of a new array.
        """
        for name, asked, covered in (("y", y, self.y), ("x", x, self.x)):
            inside = covered.start <= asked.start and asked.stop <= _domain(covered).stop
            if len(asked) and not (inside and asked.step == 1):
                raise InvalidInputError(
                    f"The map covers {name} in {covered}: {asked} was asked for"
                )
        if out is None:
            out = np.empty((len(y), len(x), 2))
        if out.size:
            self._fill(out, y, x, threads)
        return out

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        # Each kind of map, below, has its own.
        raise NotImplementedError


class ExactPixelMap(PixelMap):
    """A map that takes every pixel through the WCSs."""

    def __init__(self, x: range, y: range, wcs_from: Any, wcs_to: Any) -> None:
        super().__init__(x, y)
        self._pair = wcs_from, wcs_to
        # WCS objects are not safe to share: a thread takes one of these, and puts it back.
        self._copies: SimpleQueue[Transform] = SimpleQueue()
        self._made = 0

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        tiles = list(itertools.product(_tiles(self.y, y, TILE[0]), _tiles(self.x, x, TILE[1])))
        threads = min(pool.count(threads), len(tiles))
        while self._made < threads:
            self._copies.put(transform(*copy.deepcopy(self._pair)))
            self._made += 1

        def work(tile: tuple[range, range]) -> None:
            rows, columns = tile
            # Always whole tiles: the bits of a matrix product may depend on the array's length.
            at_y, at_x = (part.astype(np.float64) for part in np.mgrid[_cut(rows), _cut(columns)])
            function = self._copies.get()
            try:
                there = function(at_x, at_y)
            finally:
                self._copies.put(function)
            j, i = _overlap(rows, y), _overlap(columns, x)
            target = out[_shifted(j, y), _shifted(i, x)]
            for axis in (0, 1):
                target[..., axis] = there[axis][_shifted(j, rows), _shifted(i, columns)]

        pool.run(work, tiles, threads)


class SplinePixelMap(PixelMap):
    """A map interpolated between nodes."""

    def __init__(self, x: range, y: range, spline: Spline) -> None:
        super().__init__(x, y)
        self._spline = spline

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        spline = self._spline
        row_starts, row_basis = spline.basis(spline.knots_y, np.arange(y.start, y.stop))
        starts, basis = spline.basis(spline.knots_x, np.arange(x.start, x.stop))
        row_basis, basis = np.ascontiguousarray(row_basis), np.ascontiguousarray(basis.T)
        runs = np.concatenate(([0], np.flatnonzero(np.diff(starts)) + 1))
        cuts, cut_starts = np.append(runs, len(x)), starts[runs]

        def work(first: int) -> None:
            last = min(first + ROWS, len(y))
            evaluate_spline(spline.coefficients, row_starts, row_basis, cuts, cut_starts, basis,
                            first, last, out)  # fmt: skip

        pool.run(work, range(0, len(y), ROWS), threads)


def build_pixmap(
    wcs_from: Any,
    wcs_to: Any,
    x: range,
    y: range,
    options: PixmapOptions | None = None,
    threads: int | None = None,
    *,
    inside: bool = True,
) -> PixelMap:
    """Return the map from pixels of one WCS to pixels of another.

    Parameters
    ----------
    wcs_from, wcs_to : gwcs.WCS, astropy.wcs.WCS or another one of APE 14
        The WCS of the exposure, used forward, and that of the mosaic, used backward.
    x, y : range
        The pixels of the exposure, in those of its WCS.
    options : PixmapOptions, optional
        How to evaluate it.
    threads : int, optional
        Threads to use while the map is built.
    inside : bool, optional
        Whether to keep to the bounding box of the input WCS.
    """
    require_same_kind(wcs_from, wcs_to)
    options = options or PixmapOptions()
    if inside:
        x, y = range_inside(wcs_from, x, y)
    exact = ExactPixelMap(x, y, wcs_from, wcs_to)
    if options.stepsize == 1 or not (len(x) and len(y)):
        return exact
    function = transform(wcs_from, wcs_to)
    if options.stepsize is not None:
        spline = fixed(function, x, y, options.stepsize, options.order)
    elif min(len(x), len(y)) <= SMALL or is_tabulated(wcs_from) or is_tabulated(wcs_to):
        spline = None
    else:
        spline = adaptive(function, x, y, options.tol / SAFETY)
    return exact if spline is None else SplinePixelMap(x, y, spline)


def _domain(covered: range) -> range:
    """Return what may be evaluated: for a single pixel, also the next."""
    return range(covered.start, max(covered.stop, covered.start + 2))


def _tiles(covered: range, asked: range, size: int) -> list[range]:
    """Return the tiles that a range of pixels touches; they lie at multiples of ``size``."""
    domain = _domain(covered)
    first, last = asked.start // size, (asked.stop - 1) // size
    return [_overlap(range(k * size, (k + 1) * size), domain) for k in range(first, last + 1)]


def _overlap(a: range, b: range) -> range:
    """Return the pixels that two ranges share."""
    return range(max(a.start, b.start), min(a.stop, b.stop))


def _cut(indices: range) -> slice:
    """Return a range as a slice."""
    return slice(indices.start, indices.stop)


def _shifted(part: range, whole: range) -> slice:
    """Return where a part of a range stands in it."""
    return slice(part.start - whole.start, part.stop - whole.start)
