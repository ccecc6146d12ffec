"""Values of a tensor-product spline on a window of pixels."""

from __future__ import annotations

import numpy as np

from .jit import inner, jit

TERMS = 6
"""Number of coefficients per axis that a value depends on: six for a quintic. Lower orders are
filled with zeros."""


def evaluate_spline(
    coefficients: np.ndarray,
    row_starts: np.ndarray,
    row_basis: np.ndarray,
    cuts: np.ndarray,
    cut_starts: np.ndarray,
    basis: np.ndarray,
    y0: int,
    y1: int,
    out: np.ndarray,
) -> None:
    """Write rows ``y0`` to ``y1`` of a pair of splines into ``out``.

    A value depends on its row and column alone, because the terms are added in the order of the
    coefficients, whatever the window.

    Parameters
    ----------
    coefficients : ndarray
        float64 ``(2, y, x)``: the coefficients of the x positions, then of the y positions.
    row_starts : ndarray
        First coefficient of each row, ``(y,)``.
    row_basis : ndarray
        Basis values of each row, ``(y, TERMS)``.
    cuts : ndarray
        First column of each run of columns between the same two knots, and the number of columns.
    cut_starts : ndarray
        First coefficient of each run, ``(run,)``.
    basis : ndarray
        Basis values of each column, ``(TERMS, x)``.
    y0, y1 : int
        First and past-the-last row of ``out``.
    out : ndarray
        float64 ``(y, x, 2)``, C-contiguous; written.
    """
    lines = np.empty((2, coefficients.shape[2]))
    evaluate_rows(coefficients, row_starts, row_basis, cuts, cut_starts, basis, y0, y1, lines, out)


@jit
def evaluate_rows(coefficients, row_starts, row_basis, cuts, cut_starts, basis, y0, y1, lines, out):
    """Write rows as `evaluate_spline` does; ``lines``, ``(2, x)``, is scratch."""
    line_x, line_y = lines[0], lines[1]
    for row in range(y0, y1):
        _combine_rows(coefficients, row_starts[row], row_basis[row], line_x, line_y)
        for run in range(cut_starts.size):
            first, last, start = cuts[run], cuts[run + 1], cut_starts[run]
            _run(line_x[start:], line_y[start:], basis[:, first:last], out[row, first:last])


@inner
def _combine_rows(coefficients, start, weights, line_x, line_y):
    """Sum the rows of coefficients of one row of pixels, each times its basis value."""
    line_x[:] = 0.0
    line_y[:] = 0.0
    for term in range(TERMS):
        weight = weights[term]
        for k in range(line_x.size):
            line_x[k] += weight * coefficients[0, start + term, k]
            line_y[k] += weight * coefficients[1, start + term, k]


@inner
def _run(x, y, basis, pairs):
    """Write a run of values. The coefficients stay in registers, so the loop becomes vectors."""
    ax, bx, cx, dx, ex, fx = x[0], x[1], x[2], x[3], x[4], x[5]
    ay, by, cy, dy, ey, fy = y[0], y[1], y[2], y[3], y[4], y[5]
    a, b, c, d, e, f = basis[0], basis[1], basis[2], basis[3], basis[4], basis[5]
    for i in range(pairs.shape[0]):
        pairs[i, 0] = ax * a[i] + bx * b[i] + cx * c[i] + dx * d[i] + ex * e[i] + fx * f[i]
        pairs[i, 1] = ay * a[i] + by * b[i] + cy * c[i] + dy * d[i] + ey * e[i] + fy * f[i]
