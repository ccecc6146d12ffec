"""Splines between a few nodes of a pixel map, in place of the map at all pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xresample.kernels.spline import TERMS

from .transform import Transform

SMALL = 10
"""Maximum side, in pixels, for which every pixel is evaluated instead of a spline."""

ORDER = 5
"""Order of the checked splines. Distortions are polynomials of about this degree, so quintic
splines need a fraction of the nodes of cubic ones."""

FIRST_INTERVALS = 16
"""Number of intervals per side of the coarsest grid of nodes."""

MIN_SPACING = 8
"""Minimum spacing of nodes, in pixels; a map that needs closer nodes is not smooth."""

CONVERGENCE = 4
"""Minimum gain in accuracy from half the spacing; a quintic spline on a smooth map gains 64."""

TORN, CONTINUOUS = 8.0, 4.0
"""Step across a jump of a map, in units of the steps beside it, plus a number of output pixels."""

SEED = 20020214


@dataclass(frozen=True, eq=False)
class Spline:
    """A pair of tensor-product splines on the same knots."""

    knots_y: np.ndarray
    knots_x: np.ndarray
    order: int
    coefficients: np.ndarray
    """float64 ``(2, y, x)``."""

    @classmethod
    def through(cls, y: np.ndarray, x: np.ndarray, values: np.ndarray, order: int) -> Spline:
        """Return the splines through the nodes ``values``, ``(2, len(y), len(x))``."""
        from scipy.interpolate import RectBivariateSpline

        tables = []
        for plane in values:
            knots_y, knots_x, table = RectBivariateSpline(y, x, plane, kx=order, ky=order).tck
            # The kernel always reads TERMS coefficients; it multiplies the last ones by 0.
            tables.append(np.pad(table.reshape(len(y), len(x)), (0, TERMS - order - 1)))
        return cls(knots_y, knots_x, order, np.array(tables))

    def basis(self, knots: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first coefficient, ``(n,)``, and the basis values, ``(n, TERMS)``.

        This is the recurrence of Cox and de Boor, computed term by term, so that the bits of a
        value do not depend on its neighbours.
        """
        order = self.order
        at = at.astype(np.float64)
        interval = np.searchsorted(knots[order + 1 : -order - 1], at, side="right") + order
        # The recurrence uses ``order`` knots on each side of the interval.
        near = knots[interval + np.arange(1 - order, order + 1)[:, np.newaxis]]
        basis = np.zeros((TERMS, len(at)))
        basis[0] = 1.0
        for degree in range(1, order + 1):
            carried = np.zeros(len(at))
            for term in range(degree):
                high, low = near[order + term], near[order + term - degree]
                share = basis[term] / (high - low)
                basis[term] = carried + (high - at) * share
                carried = (at - low) * share
            basis[degree] = carried
        return interval - order, basis.T

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the values at scattered points, ``(2, n)``."""
        starts_y, basis_y = self.basis(self.knots_y, y)
        starts_x, basis_x = self.basis(self.knots_x, x)
        # A gather with one flat index per point is several times faster than by row and column.
        wide = self.coefficients.shape[2]
        flat = self.coefficients.reshape(2, -1)
        starts = starts_y * wide + starts_x
        total = np.zeros((2, len(x)))
        for j in range(self.order + 1):
            for i in range(self.order + 1):
                values = flat.take(starts + (j * wide + i), axis=1)
                total += basis_y[:, j] * basis_x[:, i] * values
        return total

    def on_grid(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the values at all intersections of rows and columns, ``(2, y, x)``."""
        starts_y, basis_y = self.basis(self.knots_y, y)
        starts_x, basis_x = self.basis(self.knots_x, x)
        lines = np.zeros((2, len(y), self.coefficients.shape[2]))
        total = np.zeros((2, len(y), len(x)))
        for j in range(self.order + 1):
            lines += basis_y[:, j, np.newaxis] * self.coefficients.take(starts_y + j, axis=1)
        for i in range(self.order + 1):
            total += basis_x[:, i] * lines.take(starts_x + i, axis=2)
        return total


def fixed(function: Transform, x: range, y: range, stepsize: int, order: int) -> Spline | None:
    """Return the spline on nodes ``stepsize`` apart; None if every pixel must be evaluated."""
    if max(len(x), len(y)) <= SMALL or min(len(x), len(y)) <= order:
        return None
    nodes_x, nodes_y = (
        np.linspace(side.start, side.stop - 1,
                    max(math.ceil(len(side) / stepsize), min(SMALL, len(side))))
        for side in (x, y)
    )  # fmt: skip
    values = np.array(function(*np.meshgrid(nodes_x, nodes_y)))
    if not np.isfinite(values).all() or _is_torn(values):
        return None
    return Spline.through(nodes_y, nodes_x, values, order)


def _is_torn(values: np.ndarray) -> bool:
    """Tell whether a map jumps between two nodes, as at the edge of a map of the whole sky.

    A jump is a step that is much longer than the steps before and after it; a step that has no
    step on one side is compared with the other one.
    """
    for axis in (1, 2):
        steps = np.abs(np.diff(values, axis=axis)).sum(axis=0)
        steps = np.moveaxis(steps, axis - 1, 0)
        if len(steps) < 2:
            continue
        around = np.concatenate([steps[1:2], steps, steps[-2:-1]])
        if (steps > TORN * np.maximum(around[:-2], around[2:]) + CONTINUOUS).any():
            return True
    return False


def adaptive(function: Transform, x: range, y: range, goal: float) -> Spline | None:
    """Return a spline whose error is at most ``goal`` at all checked points; None if impossible.

    The checked points are the centres of cells and the middles of their edges, which become nodes
    of the next finer spline, and pixels in every row and column.
    """
    at_x, at_y = _scattered(x, y)
    intervals = FIRST_INTERVALS
    grid_x, grid_y, grid, scattered = _first_grid(function, x, y, 2 * intervals, at_x, at_y)
    before = math.inf
    while np.isfinite(grid).all() and np.isfinite(scattered).all():
        spline = Spline.through(grid_y[::2], grid_x[::2], grid[:, ::2, ::2], ORDER)
        error = max(
            np.abs(spline.on_grid(grid_x, grid_y) - grid).max(),
            np.abs(spline.at(at_x, at_y) - scattered).max(),
        )
        if error <= goal:
            return spline
        intervals *= 2
        if error * CONVERGENCE > before or max(len(x), len(y)) < MIN_SPACING * intervals:
            return None
        before = error
        grid_x, grid_y, grid = _halved(function, grid_x, grid_y, grid)
    return None


@lru_cache(maxsize=8)
def _scattered(x: range, y: range) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels in every row and column, and on all four borders, as read-only arrays.

    The exposures of a detector share these arrays.
    """
    rng = np.random.default_rng(SEED)
    count = max(len(x), len(y))
    spread = [np.resize(rng.permutation(np.array(side)), count) for side in (x, y)]
    border = count // 8
    some_x, some_y = rng.choice(np.array(x), (2, border)), rng.choice(np.array(y), (2, border))
    ends_x, ends_y = np.array([[x[0]], [x[-1]]]), np.array([[y[0]], [y[-1]]])
    at_x = [spread[0], *some_x, *np.broadcast_to(ends_x, (2, border))]
    at_y = [spread[1], *np.broadcast_to(ends_y, (2, border)), *some_y]
    points = np.array([np.concatenate(at_x), np.concatenate(at_y)], dtype=np.float64)
    points.flags.writeable = False
    return points[0], points[1]


def _first_grid(
    function: Transform, x: range, y: range, intervals: int, at_x: np.ndarray, at_y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a grid over two ranges, the map on the grid, and the map at points, from one call."""
    grid_x, grid_y = (np.linspace(side[0], side[-1], intervals + 1) for side in (x, y))
    on_x, on_y = (part.ravel() for part in np.meshgrid(grid_x, grid_y))
    values = np.array(function(np.concatenate([on_x, at_x]), np.concatenate([on_y, at_y])))
    grid = values[:, : on_x.size].reshape(2, len(grid_y), len(grid_x))
    return grid_x, grid_y, grid, values[:, on_x.size :]


def _halved(
    function: Transform, grid_x: np.ndarray, grid_y: np.ndarray, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a grid of half the spacing; the map is evaluated only at new points."""
    fine_x, fine_y = (np.linspace(g[0], g[-1], 2 * len(g) - 1) for g in (grid_x, grid_y))
    fine = np.empty((2, len(fine_y), len(fine_x)))
    new = np.ones(fine.shape[1:], dtype=bool)
    new[::2, ::2] = False
    fine[:, ::2, ::2] = grid
    at_x, at_y = np.meshgrid(fine_x, fine_y)
    fine[:, new] = function(at_x[new], at_y[new])
    return fine_x, fine_y, fine
