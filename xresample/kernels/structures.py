"""The plain structures that the kernels pass to each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

GROUP = 4
"""Lanes in a group."""

SPAN = 128
"""Most pixels of a row that are worked on together.

A constant, so that the compiler sees that what is written for one pixel is not read for
another, and makes vector instructions of the loop over them.
"""

MIN_OVERLAP = 1e-10
"""Overlaps below this are the rounding of a WCS, not an overlap: they deposit nothing."""

LARGE = 36 * SPAN
"""Where the overlaps of one pixel by itself stand in ``Room.cells``, behind those of a row."""

TOUCHED = 1 << 32
"""Flag of an output pixel with a positive deposit; the bits below it gather the dq."""


PAD = 16
"""Pixels between the rows of a tile's sums.

Rows a multiple of 4096 bytes apart look like one row to the processor, which compares just
these bits of an address when it asks whether a load has to wait for a store.
"""


class Source(NamedTuple):
    """One exposure, or a window of it, as the kernels read it."""

    pixmap: np.ndarray
    """float64 ``(y, x, 2)``: mapped pixel centres, x first."""
    table: np.ndarray
    """int64 ``(plane, 4)``: where the planes lie, and what is made of them: see ``samples``. The
    first has the weights, the second the data; lane 0, 1, has none."""
    factors: np.ndarray
    """float64 ``(plane, 2)``: the level and the factor of each."""
    dq: np.ndarray
    """uint32 ``(y, x)``, or of no size when flags do not matter."""
    bad: int
    """Bits of dq that give a pixel the weight 0."""
    kept: int
    """Bits of dq that are propagated."""
    linear: int
    """Lanes that are summed with ``a w``, lane 0 among them."""
    squared: int
    """Lanes that are summed with ``(a w)^2``."""


class Quadrilateral(NamedTuple):
    """The square kernel: a pixel keeps its shape."""

    pixfrac: float


class Product(NamedTuple):
    """A kernel whose overlaps are products of a factor along x and one along y."""

    code: int
    pixfrac: float
    ratio: float
    """Pixel scale of the output over that of the input."""
    table: np.ndarray
    """The factor by distance, for those that have no simple formula."""


class Tile(NamedTuple):
    """A rectangle of the output grid, in its own pixel indices; the ends are exclusive."""

    y0: int
    y1: int
    x0: int
    x1: int


class Sums(NamedTuple):
    """Sums over one tile; zero between the tiles."""

    lanes: np.ndarray
    """float64, the lanes of a pixel side by side, in whole groups."""
    flags: np.ndarray
    """int64 ``(pixel,)``, or of no size where neither context nor dq is kept."""
    linear: int
    """Groups of lanes that are summed with ``a w``."""
    groups: int
    """All groups."""


class Window(NamedTuple):
    """The output cells of one input pixel, and where their overlaps stand in ``cells``.

    That of column ``c`` in row ``r`` is at ``start + (r * pitch + c) * stride``.
    """

    x0: int
    y0: int
    nx: int
    ny: int
    pitch: int
    start: int
    stride: int
