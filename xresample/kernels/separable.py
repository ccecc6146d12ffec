"""Kernels whose overlap is a product of one factor along x and one along y.

========  =======================================================================
turbo     box of half side ``p / (2 r)``; factor: length inside the cell, over its side
gaussian  FWHM of ``p`` input pixels; factor: ``sqrt(k / pi) exp(-k d^2)``
lanczosN  factor ``L(abs(d) r)``, ``L(t) = sinc(t) sinc(t / N)``, from a table
point     the nearest cell gets everything
========  =======================================================================

Here ``p`` is the pixel fraction, ``r`` the pixel scale ratio (output over input), ``d``
the distance from the mapped centre to the cell's centre, and
``k = (2.3548 r / p)^2 / 2``. Gaussian and lanczos do not conserve flux. As in ``drizzle``, lanczos
ignores ``p``: this kernel is an interpolation, whose zeros lie on the pixels.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inlined, inner
from .patches import filled_up, share
from .plain import floor
from .structures import (
    GAUSSIAN,
    LANCZOS2,
    LANCZOS3,
    LARGE,
    POINT,
    SNAP,
    SPAN,
    TURBO,
    CellWindow,
    SeparableFootprint,
)

SIGMAS_PER_FWHM = 2.3548
TABLE_STEP = 0.003
"""Step of the lanczos table. The nearest entry is used, as in ``drizzle``."""

FIRST_X, LAST_X, FIRST_Y, LAST_Y = 0, SPAN, 2 * SPAN, 3 * SPAN
"""Indices in ``cells`` where the first and last cells of the pixels of a piece begin."""


def lanczos_table(order: int) -> np.ndarray:
    """Return the lanczos function at multiples of ``TABLE_STEP``, from 0 to ``order``."""
    t = np.arange(math.ceil(order / TABLE_STEP) + 2) * TABLE_STEP
    return np.where(t < order, np.sinc(t) * np.sinc(t / order), 0.0)


def reach(code: int, pixfrac: float, ratio: float) -> float:
    """Return the maximum distance along an axis from a mapped centre to the centre of a cell."""
    if code == TURBO:
        return 0.5 * pixfrac / ratio
    if code == GAUSSIAN:
        # A minimum keeps holes from opening between the pixels.
        return max(2.5 * pixfrac / SIGMAS_PER_FWHM, 1.2) / ratio
    if code == LANCZOS2 or code == LANCZOS3:
        return (2.0 if code == LANCZOS2 else 3.0) / ratio
    # A centre on the border of two cells belongs to the second one, whatever its rounding error.
    return SNAP


def separable_footprint(code: int, pixfrac: float, ratio: float) -> SeparableFootprint:
    """Return the footprint of a kernel other than square."""
    order = {LANCZOS2: 2, LANCZOS3: 3}.get(code)
    table = np.zeros(1) if order is None else lanczos_table(order)
    return SeparableFootprint(code, pixfrac, ratio, reach(code, pixfrac, ratio), table)


@inner
def separable_windows(lines, j, i0, n, code, far, cells):
    """Write the first and last cells of ``n`` pixels of row ``j`` along x and along y.

    Lanczos uses the cells whose centre is within the reach, point the one cell that holds the
    centre, the other kernels the cells that the reach touches. The loop has no branch, so several
    pixels share an instruction. A NaN centre gives NaN.
    """
    lanczos = code == LANCZOS2 or code == LANCZOS3
    to_border, next_cell = (0.0, 1.0) if lanczos else (0.5, 0.0)
    below = -far if code == POINT else far
    row = lines[j, 2 * i0 :]
    for k in range(n):
        x, y = row[2 * k], row[2 * k + 1]
        cells[FIRST_X + k] = floor(x - below + to_border) + next_cell
        cells[LAST_X + k] = floor(x + far + to_border)
        cells[FIRST_Y + k] = floor(y - below + to_border) + next_cell
        cells[LAST_Y + k] = floor(y + far + to_border)


@inlined
def write_factors(footprint, first, n, centre, cells, start):
    """Write the factors of ``n`` cells along one axis to ``cells``, from index ``start`` on."""
    code, pixfrac, ratio, _, table = footprint
    if code == POINT:
        for c in range(n):
            cells[start + c] = 1.0
    elif code == TURBO:
        half = 0.5 * pixfrac / ratio
        for c in range(n):
            cells[start + c] = share(centre, first + c, half)
    elif code == GAUSSIAN:
        width = SIGMAS_PER_FWHM * ratio / pixfrac
        k = 0.5 * width * width
        norm = math.sqrt(k / math.pi)
        for c in range(n):
            d = centre - (first + c)
            cells[start + c] = norm * math.exp(-k * d * d)
    else:
        per_step = ratio / TABLE_STEP
        for c in range(n):
            entry = int(abs(centre - (first + c)) * per_step + 0.5)
            cells[start + c] = table[min(entry, table.size - 1)]


@inlined
def separable_factors(footprint, x, y, k, tile, cells):
    """Write the factors of the ``k``-th pixel of a row, centred at ``(x, y)``.

    Return the window of the cells inside the tile; the window of a NaN centre is empty. Its factors
    along x stand from ``start`` on, and zeros complete them to ``pitch`` numbers, a multiple of
    ``LANES``. The factors along y follow.
    """
    first_x = max(cells[FIRST_X + k], float(tile.x0))
    final_x = min(cells[LAST_X + k], tile.x1 - 1.0)
    first_y = max(cells[FIRST_Y + k], float(tile.y0))
    final_y = min(cells[LAST_Y + k], tile.y1 - 1.0)
    if math.isfinite(x + y) and first_x <= final_x and first_y <= final_y:
        nx, ny = int(final_x - first_x) + 1, int(final_y - first_y) + 1
        pitch = filled_up(nx)
        write_factors(footprint, first_x, nx, x, cells, LARGE)
        for c in range(LARGE + nx, LARGE + pitch):
            cells[c] = 0.0
        write_factors(footprint, first_y, ny, y, cells, LARGE + pitch)
        return CellWindow(int(first_x), int(first_y), nx, ny, pitch, LARGE, 1)
    return CellWindow(0, 0, 0, 0, 0, LARGE, 1)
