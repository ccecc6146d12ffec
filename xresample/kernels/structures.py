"""The names of the kernels, and the plain structures that compiled functions pass to each other.

This module imports no numba: the options of a mosaic take the names of the kernels from here.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

Kernel: TypeAlias = Literal["square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"]

KERNELS: tuple[Kernel, ...] = get_args(Kernel)
"""Names of the kernels. Compiled functions know a kernel by its index in this tuple."""

SQUARE, TURBO, POINT, GAUSSIAN, LANCZOS2, LANCZOS3 = range(len(KERNELS))

GROUP = 4
"""Number of lanes in a group: the length of one vector of float64."""

SPAN = 128
"""Maximum number of pixels of a row that are worked on together: a piece of a row.

``SPAN`` is a constant, so the compiler knows that arrays with ``SPAN`` numbers per quantity do
not overlap, and turns the loops over the pixels of a piece into vector instructions.
"""

LANES = 8
"""Maximum number of pixels per instruction; loops run on to a multiple of this number."""

CACHE_LINE = 64
"""Number of bytes in a line of the cache."""

MIN_OVERLAP = 1e-10
"""Overlaps below this limit come from rounding in a kernel. They deposit nothing."""

SNAP = 1e-6
"""Borders of pixels that lie this close to the border of an output pixel coincide with it.

Positions from a WCS are exact to 1e-9 to 1e-7 output pixels, because angles in float64 have about
13 digits behind the degree. Without the tolerance, pixels of coinciding grids would leak into
their neighbours, with tiny weights but with bits in the context.
"""

COARSE = 1000.0
"""Minimum size of a pixel in units of its tolerance, so that tiny pixels keep their area."""

LARGE = 36 * SPAN
"""Index in ``Scratch.cells`` where the overlaps of one pixel of any size begin.

The overlaps of a piece of a row lie before this index: see ``patches``.
"""

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
"""The range of positive numbers that float32 holds in full precision."""

TOUCHED = 1075 << 52
"""Bits of an output pixel with a positive deposit: those of the float64 number 2^52.

The 32 lowest bits collect the dq. So the bits of an output pixel are a whole number as float64,
and adding 0 to this number changes none of them.
"""

PAD = 16
"""Unused pixels at the end of each row of a tile's sums.

The processor compares only the last 12 bits of two addresses when it decides whether a load must
wait for an earlier store. Rows a multiple of 4096 bytes apart would look like one row.
"""

NO_LANE = -1
"""Value of ``LaneLayout.reference`` where all variances of an exposure have the same weight, and of
``LaneLayout.flags`` where neither context nor dq is made."""


class LaneLayout(NamedTuple):
    """The order of the lanes of a pixel: its samples, their sums, and the columns to combine.

    ::

        lane      0     1, ...      ...            ...         flags  padding | squared, ...
        sample    1     data, err   sigma_a, ...   reference   0      0, ...  | V_a, V_b, ...
        sum       a w   a w d       a w sigma      a w sigma   bits           | (a w)^2 V
        plane     0     1, ...      1 + means ...  none        bits           | 1 + means ...

    Here ``a`` is the overlap of an input pixel with an output pixel and ``w`` the weight of the
    input pixel. The lanes on the left are *linear*, those on the right are *squared*. Each kind
    fills whole groups of ``GROUP`` lanes. Create a layout with `LaneLayout.of`.
    """

    means: int
    """Number of planes that are means weighted by plane 0."""
    resampled: int
    """Number of variances of the resampled method; each also has a plane of weights."""
    propagated: int
    """Number of variances of the propagated method."""
    reference: int
    """Lane of the standard deviation whose inverse square weights the resampled variances, or
    ``NO_LANE``."""
    flags: int
    """Lane whose sum is the bits of an output pixel, see ``TOUCHED``, or ``NO_LANE``."""
    linear: int
    """Number of linear lanes, without flags and padding."""
    linear_groups: int
    """Number of groups of linear lanes."""
    groups: int
    """Number of all groups."""

    @classmethod
    def of(
        cls, means: int, resampled: int = 0, propagated: int = 0, reference: int | None = None
    ) -> LaneLayout:
        """Return the layout for these numbers of planes.

        Parameters
        ----------
        means, resampled, propagated : int
            Number of planes of each kind.
        reference : int, optional
            Index of the variance, among the resampled ones, whose inverse weights them all. The
            index ``resampled`` stands for a variance that the mosaic does not hold: this variance
            gets a lane of its own, behind the others. Default: all have the same weight.

        Examples
        --------
        >>> lanes = LaneLayout.of(means=2, resampled=3, reference=3)
        >>> lanes.linear, lanes.reference, lanes.groups
        (7, 6, 2)
        """
        linear = 1 + means + resampled + (1 if reference == resampled else 0)
        linear_groups = -(-linear // GROUP)
        return cls(
            means=means,
            resampled=resampled,
            propagated=propagated,
            reference=NO_LANE if reference is None else 1 + means + reference,
            flags=NO_LANE,
            linear=linear,
            linear_groups=linear_groups,
            groups=linear_groups + -(-propagated // GROUP),
        )

    def with_flags(self) -> LaneLayout:
        """Return the layout with a lane for the bits of the output pixels.

        Examples
        --------
        >>> lanes = LaneLayout.of(means=2, resampled=3, reference=2).with_flags()
        >>> lanes.flags, lanes.groups
        (6, 2)
        """
        linear_groups = self.linear // GROUP + 1
        squared_groups = self.groups - self.linear_groups
        return self._replace(
            flags=self.linear, linear_groups=linear_groups, groups=linear_groups + squared_groups
        )

    @property
    def sampled(self) -> tuple[int, ...]:
        """Lanes that are read from planes, in the order of the samples; lane 0 is the constant 1.

        Examples
        --------
        >>> LaneLayout.of(means=1, propagated=2).sampled
        (1, 4, 5)
        """
        squared = self.linear_groups * GROUP
        return (*range(1, self.linear), *range(squared, squared + self.propagated))


class ExposurePlanes(NamedTuple):
    """The planes of one exposure, or of a window of it, as the kernels read them.

    Planes are passed by their addresses, so one compiled function serves any number of planes of
    either type. The caller keeps the arrays alive.
    """

    pixmap: np.ndarray
    """float64 ``(y, x, 2)``: mapped pixel centres, x first."""
    lines: np.ndarray
    """float64 ``(y, 2 x)``: the same numbers, x and y in turn."""
    table: np.ndarray
    """int64 ``(plane, 5)``: address, layout in memory, use and lane of each plane, see
    ``samples``. Row 0 describes the weights, row 1 the data."""
    factors: np.ndarray
    """float64 ``(plane, 2)``: level and factor of each plane."""
    dq: int
    """Address of the dq plane, uint32 ``(y, x)``; 0 if flags do not matter."""
    dq_pitch: int
    """Bytes from one row of the dq plane to the next."""
    bad: int
    """Bits of dq that give a pixel the weight 0."""
    kept: int
    """Bits of dq that reach the mosaic."""
    flip: int
    """Bits of dq that reach the mosaic where a pixel lacks them."""
    limit: float
    """Largest number of the planes of the mosaic: larger data or weights do not contribute."""


class QuadrilateralFootprint(NamedTuple):
    """The square kernel: an input pixel keeps its shape."""

    pixfrac: float


class SeparableFootprint(NamedTuple):
    """A kernel whose overlap is a factor along x times a factor along y."""

    code: int
    """Index of the kernel in ``KERNELS``."""
    pixfrac: float
    ratio: float
    """Pixel scale of the output over the pixel scale of the input."""
    reach: float
    """Maximum distance along an axis from a mapped centre to the cells that it deposits on."""
    table: np.ndarray
    """The lanczos function by distance, see ``separable``; one zero for the other kernels."""


class OutputTile(NamedTuple):
    """A rectangle of the output grid, in pixel indices of the grid; the ends are exclusive."""

    y0: int
    y1: int
    x0: int
    x1: int


class Samples(NamedTuple):
    """Space for the samples of one piece of a row."""

    columns: np.ndarray
    """float64, ``SPAN`` numbers per lane. Lane 0 is 1, padding is 0."""
    lanes: np.ndarray
    """float64, the same numbers, the lanes of a pixel side by side."""
    weights: np.ndarray
    """float64 ``(SPAN,)``. A pixel that must not contribute has the weight 0, never NaN."""
    flags: np.ndarray
    """int64 ``(SPAN,)``: the bits that a pixel sets where it contributes."""


class Scratch(NamedTuple):
    """Space for the geometry and the samples of one piece of a row."""

    pieces: np.ndarray
    """int64 ``(piece, 3)``: row, first column and number of pixels of each piece."""
    blended: np.ndarray
    """float64: rows of centres mixed with their neighbours, see ``corners``."""
    cells: np.ndarray
    """float64: overlaps of a piece, then overlaps of one pixel of any size, see ``patches``."""
    samples: Samples


class CellWindow(NamedTuple):
    """The output cells of one input pixel, and where their overlaps stand in ``Scratch.cells``.

    The overlap with the cell in row ``r`` and column ``c`` of the window has the index
    ``start + (r * pitch + c) * stride``.
    """

    x0: int
    y0: int
    nx: int
    ny: int
    pitch: int
    start: int
    stride: int


class MosaicPlanes(NamedTuple):
    """The planes of a mosaic, or of a window of it."""

    values: np.ndarray
    """float32 or float64 ``(plane, y, x)``: weight, means, variances, weights of variances."""
    context: np.ndarray
    """int32 ``(y, x)``: the plane that holds this exposure's bit; or of size 0."""
    dq: np.ndarray
    """uint32 ``(y, x)``, or of size 0."""
    y0: int
    """Row of the grid where the window begins."""
    x0: int
    """Column of the grid where the window begins."""


class Rules(NamedTuple):
    """The numbers by which the sums of one exposure enter the planes of a mosaic."""

    constant: float
    """Weight of the resampled variances where there is no reference lane."""
    variance_scale: float
    """Factor of the resampled variances of this exposure."""
    bit: int
    """Bit of this exposure in the context plane, as int32."""
    fillval: float
    """Value of the means where the weight is 0."""
    limit: float
    """Largest number of the planes."""


MARK_BIT = 31
"""Bit of the label of a set that marks a pixel to which the exposure at hand contributes."""

CONTRIBUTED, OVERFLOWED = 1, 2
"""Bits that tell what an exposure did to the planes: it contributed to a pixel; a sum of weights
would be larger than the largest number of the planes."""


class Gain(NamedTuple):
    """Factors of the output pixels, by which overlaps are multiplied before they are correlated."""

    values: np.ndarray
    """float64 ``(y, x)``; 0 outside. An array of size 0 means that there are no factors."""
    y0: int
    """Row of the grid where the factors begin."""
    x0: int
    """Column of the grid where the factors begin."""
