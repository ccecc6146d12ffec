"""Kernels whose overlap is a product of one factor along x and one along y.

========  =======================================================================
turbo     box of half side ``p / (2 r)``; factor: length inside the cell, over its side
gaussian  FWHM of ``p`` input pixels; factor: ``sqrt(k / pi) exp(-k d^2)``
lanczosN  factor ``L(abs(d) r)``, ``L(t) = sinc(t) sinc(t / N)``, from a table
point     the nearest cell takes all
========  =======================================================================

Here ``p`` is the pixel fraction, ``r`` the pixel scale ratio (output over input), ``d``
the distance from the mapped centre to the cell's centre, and
``k = (2.3548 r / p)^2 / 2``. Gaussian and lanczos do not conserve flux. Lanczos takes no
notice of ``p``, as in the reference: it is an interpolation, its zeros lie on the pixels.
"""

from __future__ import annotations

import math

import numpy as np

from .codes import GAUSSIAN, LANCZOS2, LANCZOS3, POINT, TURBO
from .jit import inlined
from .rounding import floor
from .structures import Window

SIGMAS_PER_FWHM = 2.3548
TABLE_STEP = 0.003
"""Step of the lanczos table; entries are taken by the nearest, as the reference does."""


def lanczos_table(order: int) -> np.ndarray:
    """Tabulate the lanczos function of the given order from 0 to ``order``."""
    t = np.arange(math.ceil(order / TABLE_STEP) + 2) * TABLE_STEP
    return np.where(t < order, np.sinc(t) * np.sinc(t / order), 0.0)


@inlined
def reach(code, pixfrac, ratio):
    """Return how far from the mapped centre, along an axis, a cell's centre may lie."""
    if code == TURBO:
        return 0.5 * pixfrac / ratio
    if code == GAUSSIAN:
        # Never so narrow that holes open between the pixels.
        return max(2.5 * pixfrac / SIGMAS_PER_FWHM, 1.2) / ratio
    if code == LANCZOS2 or code == LANCZOS3:
        return (2.0 if code == LANCZOS2 else 3.0) / ratio
    return 0.0


@inlined
def first_cell(code, x, reach):
    """Return the first cell along an axis, as a float."""
    if code == LANCZOS2 or code == LANCZOS3:
        return floor(x - reach) + 1.0
    return floor(x - reach + 0.5)


@inlined
def last_cell(code, x, reach):
    """Return the last cell along an axis, as a float."""
    if code == LANCZOS2 or code == LANCZOS3:
        return floor(x + reach)
    return floor(x + reach + 0.5)


@inlined
def factor(code, cell, x, pixfrac, ratio, table):
    """Return the factor of the overlap along one axis."""
    if code == POINT:
        return 1.0
    if code == TURBO:
        half = 0.5 * pixfrac / ratio
        inside = min(x + half, cell + 0.5) - max(x - half, cell - 0.5)
        return max(inside, 0.0) * ratio / pixfrac
    if code == GAUSSIAN:
        k = 0.5 * (SIGMAS_PER_FWHM * ratio / pixfrac) ** 2
        return math.sqrt(k / math.pi) * math.exp(-k * (x - cell) ** 2)
    entry = int(abs(x - cell) * ratio / TABLE_STEP + 0.5)
    return table[min(entry, table.size - 1)]


@inlined
def separable_cells(footprint, x, y, tile, cells):
    """Write the overlaps of a pixel centred at ``(x, y)`` to ``cells``; return its window.

    Only the cells inside the tile count; a NaN centre has an empty window.
    """
    code, pixfrac, ratio, table = footprint
    far = reach(code, pixfrac, ratio)
    first_x = max(first_cell(code, x, far), float(tile.x0))
    final_x = min(last_cell(code, x, far), tile.x1 - 1.0)
    first_y = max(first_cell(code, y, far), float(tile.y0))
    final_y = min(last_cell(code, y, far), tile.y1 - 1.0)
    if math.isfinite(x) and math.isfinite(y) and first_x <= final_x and first_y <= final_y:
        nx, ny = int(final_x - first_x) + 1, int(final_y - first_y) + 1
        for c in range(nx):
            cells[c] = factor(code, first_x + c, x, pixfrac, ratio, table)
        # The factors along x stand where the overlaps of row 0 go: that row is last.
        for r in range(ny - 1, -1, -1):
            along_y = factor(code, first_y + r, y, pixfrac, ratio, table)
            for c in range(nx):
                cells[r * nx + c] = cells[c] * along_y
        return Window(int(first_x), int(first_y), nx, ny, nx, 0, 1)
    return Window(0, 0, 0, 0, 0, 0, 1)
