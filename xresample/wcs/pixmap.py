"""Pixel maps: the positions of the pixels of an exposure in the pixels of a mosaic.

Nearly all maps are smooth. They are interpolated with splines that are checked against the WCSs. If
a map is not smooth, the WCSs are evaluated at every pixel.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from xresample import threads as pool
from xresample.errors import InvalidInputError
from xresample.kernels.spline import evaluate_spline

from .adapters import copied
from .pixels import Pixels
from .program import Program
from .spline import SMALL, Spline, adaptive, fixed
from .transform import Transform, is_tabulated, range_inside, require_same_kind, transform
from .translate import translated

SAFETY = 3
"""Factor between the error at the checked points and the tolerance."""

TILE = (32, 1024)
"""Pixels, ``(y, x)``, that are evaluated together: their intermediate arrays fit in the cache."""

ROWS = 64
"""Number of rows that a thread evaluates at a time."""


@dataclass(frozen=True)
class PixmapOptions:
    """The evaluation of a pixel map.

    Parameters
    ----------
    stepsize : int, optional
        None: splines whose nodes are as close as ``tol`` requires. 1: evaluate the WCSs at every
        pixel. Above 1: a spline on nodes this many pixels apart, whatever its error.
    order : int
        Order of the spline for a ``stepsize`` above 1: 1 or 3.
    tol : float
        Maximum error, in output pixels, if ``stepsize`` is None.
    compiled : bool
        Whether a ``stepsize`` of 1 may run a program in place of the WCSs. Its positions differ by
        the rounding of the angles between the two WCSs, up to about 1e-8 pixel.
    """

    stepsize: int | None = None
    order: int = 1
    tol: float = 1e-6
    compiled: bool = True

    def __post_init__(self) -> None:
        if self.stepsize is not None and not (self.stepsize >= 1):
            raise InvalidInputError(
                f"pixmap_stepsize must be None or at least 1, got {self.stepsize!r}"
            )
        if self.order not in (1, 3):
            raise InvalidInputError(f"pixmap_order must be 1 or 3, got {self.order!r}")
        if not (0 < self.tol < math.inf):
            raise InvalidInputError(f"pixmap_tol must be positive and finite, got {self.tol!r}")


class PixelMap:
    """Output positions of the pixels of an exposure.

    Attributes
    ----------
    x, y : range
        The pixels that the map covers, in the pixels of the input WCS: pixels of the exposure
        whose centres lie inside the bounding box.
    """

    needs_wcs = False
    """Whether `evaluate` needs the WCSs, which threads must not share."""

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
            Rows and columns, which the map must cover. If a side of the map is a single pixel, the
            adjacent pixel is allowed, too.
        threads : int, optional
            Threads to use.
        out : ndarray, optional
            Array for the result. Default: a new array.
        """
        for name, asked, covered in (("y", y, self.y), ("x", x, self.x)):
            inside = covered.start <= asked.start and asked.stop <= _domain(covered).stop
            if len(asked) and not (inside and asked.step == 1):
                raise InvalidInputError(
                    f"{name} must lie in {covered}, which the map covers, got {asked}"
                )
        if out is None:
            out = np.empty((len(y), len(x), 2))
        if out.size:
            self._fill(out, y, x, threads)
        return out

    def around(self, pixels: Pixels, threads: int | None = None) -> np.ndarray:
        """Return output positions of pixels, as `evaluate` does; NaN where the map ends."""
        y, x = _overlap(pixels.y, self.y), _overlap(pixels.x, self.x)
        if (y, x) == pixels:
            return self.evaluate(y, x, threads)
        out = np.full((*pixels.shape, 2), np.nan)
        if len(y) and len(x):
            out[pixels.slices(y, x)] = self.evaluate(y, x, threads)
        return out

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        # Each subclass below implements this method.
        raise NotImplementedError


class ExactPixelMap(PixelMap):
    """A map that evaluates the WCSs at every pixel."""


class CompiledPixelMap(ExactPixelMap):
    """An exact map whose WCSs were translated into a program."""

    def __init__(self, x: range, y: range, program: Program) -> None:
        super().__init__(x, y)
        self._program = program

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        def work(first: int) -> None:
            rows = y[first : first + ROWS]
            self._program.run(rows, x, out[first : first + ROWS])

        pool.run(work, range(0, len(y), ROWS), threads)


class ModelPixelMap(ExactPixelMap):
    """An exact map that calls the WCSs."""

    needs_wcs = True

    def __init__(self, x: range, y: range, wcs_from: Any, wcs_to: Any) -> None:
        super().__init__(x, y)
        self._pair = wcs_from, wcs_to
        # Threads must not share WCS objects: each thread takes a copy from here, and puts it back.
        self._copies: SimpleQueue[Transform] = SimpleQueue()
        self._made = 0

    def _fill(self, out: np.ndarray, y: range, x: range, threads: int | None) -> None:
        tiles = list(itertools.product(_tiles(self.y, y, TILE[0]), _tiles(self.x, x, TILE[1])))
        threads = min(pool.count(threads), len(tiles))
        while self._made < threads:
            self._copies.put(transform(*map(copied, self._pair)))
            self._made += 1

        def work(tile: tuple[range, range]) -> None:
            rows, columns = tile
            # Tiles are always whole, because the bits of a matrix product may depend on its length.
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
    """A map that is interpolated between nodes."""

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
    *,
    inside: bool = True,
) -> PixelMap:
    """Return the map from pixels of one WCS to pixels of another.

    Parameters
    ----------
    wcs_from, wcs_to : gwcs.WCS, astropy.wcs.WCS or another one of APE 14
        The WCS of the exposure, used forward, and the WCS of the mosaic, used backward.
    x, y : range
        Columns and rows of the exposure, in the pixels of its WCS.
    options : PixmapOptions, optional
        The evaluation of the map.
    inside : bool, optional
        Whether to leave out pixels outside the bounding box of the input WCS.
    """
    require_same_kind(wcs_from, wcs_to)
    options = options or PixmapOptions()
    if inside:
        x, y = range_inside(wcs_from, x, y)
    exact = ModelPixelMap(x, y, wcs_from, wcs_to)
    if not (len(x) and len(y)):
        return exact
    if options.stepsize == 1:
        program = translated(wcs_from, wcs_to, x, y) if options.compiled else None
        return exact if program is None else CompiledPixelMap(x, y, program)
    function = transform(wcs_from, wcs_to)
    if options.stepsize is not None:
        spline = fixed(function, x, y, options.stepsize, options.order)
    elif min(len(x), len(y)) <= SMALL or is_tabulated(wcs_from) or is_tabulated(wcs_to):
        spline = None
    else:
        spline = adaptive(function, x, y, options.tol / SAFETY)
    return exact if spline is None else SplinePixelMap(x, y, spline)


def _domain(covered: range) -> range:
    """Return the range that may be evaluated; a single pixel is extended by the adjacent pixel."""
    return range(covered.start, max(covered.stop, covered.start + 2))


def _tiles(covered: range, asked: range, size: int) -> list[range]:
    """Return the tiles that a range of pixels touches; tiles start at multiples of ``size``."""
    domain = _domain(covered)
    first, last = asked.start // size, (asked.stop - 1) // size
    return [_overlap(range(k * size, (k + 1) * size), domain) for k in range(first, last + 1)]


def _overlap(a: range, b: range) -> range:
    """Return the pixels that two ranges have in common."""
    return range(max(a.start, b.start), min(a.stop, b.stop))


def _cut(indices: range) -> slice:
    """Return a range as a slice."""
    return slice(indices.start, indices.stop)


def _shifted(part: range, whole: range) -> slice:
    """Return the position of a part of a range in the range, as a slice."""
    return slice(part.start - whole.start, part.stop - whole.start)
