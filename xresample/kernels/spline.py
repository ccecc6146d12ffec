"""Values of a tensor-product spline on a window of pixels."""

from __future__ import annotations

import numpy as np

from .jit import jit


@jit
def evaluate_spline(coefficients, row_starts, row_basis, cuts, cut_starts, basis, y0, y1, out):
    """Write rows ``y0`` to ``y1`` of a pair of splines into ``out``.

    A value depends on its own row and column only, not on what else is asked for: the terms are
    added in the order of the coefficients, whatever the window.

    Parameters
    ----------
    coefficients : ndarray
        float64 ``(2, knots in y, knots in x)``.
    row_starts : ndarray
        First coefficient of each row, ``(y,)``.
    row_basis : ndarray
        The basis values of each row, ``(y, order + 1)``.
    cuts : ndarray
        Where in the row each run of columns between the same two knots begins, and the end.
    cut_starts : ndarray
        First coefficient of each run, ``(run,)``.
    basis : ndarray
        The basis values of each column, ``(order + 1, x)``.
    y0, y1 : int
        The rows of ``out``; the end is exclusive.
    out : ndarray
        float64 ``(y, x, 2)``, C-contiguous; written.
    """
    wide = coefficients.shape[2]
    line_x = np.empty(wide)
    line_y = np.empty(wide)
    for row in range(y0, y1):
        _combine_rows(coefficients, row_starts[row], row_basis[row], line_x, line_y)
        target = out[row]
        for run in range(cut_starts.size):
            first, last, start = cuts[run], cuts[run + 1], cut_starts[run]
            if basis.shape[0] == 4:
                _cubic_run(line_x, line_y, start, basis, first, last, target)
            else:
                _run(line_x, line_y, start, basis, first, last, target)


@jit
def _combine_rows(coefficients, start, weights, line_x, line_y):
    """Sum the rows of coefficients that one row of pixels has, each with its basis value."""
    for k in range(line_x.size):
        sum_x = 0.0
        sum_y = 0.0
        for term in range(weights.size):
            sum_x += weights[term] * coefficients[0, start + term, k]
            sum_y += weights[term] * coefficients[1, start + term, k]
        line_x[k] = sum_x
        line_y[k] = sum_y


@jit
def _cubic_run(line_x, line_y, start, basis, first, last, target):
    """Write a run of cubic values: the coefficients stay in registers, the loop is vectors."""
    ax, bx, cx, dx = line_x[start], line_x[start + 1], line_x[start + 2], line_x[start + 3]
    ay, by, cy, dy = line_y[start], line_y[start + 1], line_y[start + 2], line_y[start + 3]
    pairs = target[first:last]
    b0, b1 = basis[0, first:last], basis[1, first:last]
    b2, b3 = basis[2, first:last], basis[3, first:last]
    for i in range(pairs.shape[0]):
        pairs[i, 0] = ax * b0[i] + bx * b1[i] + cx * b2[i] + dx * b3[i]
        pairs[i, 1] = ay * b0[i] + by * b1[i] + cy * b2[i] + dy * b3[i]


@jit
def _run(line_x, line_y, start, basis, first, last, target):
    """Write a run of values of any order."""
    for i in range(first, last):
        sum_x = 0.0
        sum_y = 0.0
        for term in range(basis.shape[0]):
            sum_x += line_x[start + term] * basis[term, i]
            sum_y += line_y[start + term] * basis[term, i]
        target[i, 0] = sum_x
        target[i, 1] = sum_y
