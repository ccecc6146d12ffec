"""Count the pixels of an image that overlap no pixel of the output."""

from __future__ import annotations

import numpy as np

from xresample import threads as pool
from xresample.kernels.structures import SQUARE, OutputTile, SeparableFootprint

from .deposit import BOUND_ROWS, Placement


def misses_per_row(
    pixmap: np.ndarray,
    placement: Placement,
    shape: tuple[int, ...],
    origin: tuple[int, int],
    threads: int | None = None,
) -> np.ndarray:
    """Return the number of active pixels in each row that overlap no pixel of the output.

    Parameters
    ----------
    pixmap : ndarray
        float64 ``(y, x, 2)``, C-contiguous: mapped pixel centres.
    placement : Placement
        Where the active pixels fall.
    shape, origin : tuple of int
        Shape of the output, and its first row and column.
    threads : int, optional
        Number of threads. Default: one per CPU.

    Returns
    -------
    ndarray of int64
        One number per active row.
    """
    from xresample.kernels.misses import count_misses

    footprint, active, bounds, _ = placement
    code, far = SQUARE, 0.0
    if isinstance(footprint, SeparableFootprint):
        code, far = footprint.code, footprint.reach
    (ny, nx), (y, x) = shape, origin
    grid = OutputTile(y, y + ny, x, x + nx)
    misses = np.empty(active[1] - active[0], np.int64)

    def work(rows: tuple[int, int]) -> None:
        scratch = np.empty(2)
        count_misses(
            pixmap, active, bounds, code, float(footprint.pixfrac), far, grid, rows, scratch, misses
        )

    rows = range(0, len(bounds), BOUND_ROWS)
    pool.run(work, [(k, min(k + BOUND_ROWS, len(bounds))) for k in rows], threads)
    return misses
