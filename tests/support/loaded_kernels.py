"""A module whose import loads the kernels of `killed`, for processes that are forked afterwards.

The forkserver imports this module once, so each forked process finds the kernels loaded. Pytest
does not collect the module, because the import compiles kernels.
"""

from __future__ import annotations

import xresample as xrs

from .tiles import FULL, GRID, campaign

# One thread, because a pool of threads does not survive a fork.
xrs.coadd(campaign(), GRID, threads=1, **FULL)
