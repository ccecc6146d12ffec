"""How every kernel is compiled, said once.

``nogil`` lets a pool of plain threads run the kernels side by side (numba's own
``parallel=True`` aborts when a second threading layer, such as dask's, enters it).
``error_model="numpy"`` makes a division by zero an infinity instead of a branch, which is
what allows the loops to become vector instructions. ``fastmath`` stays off: results have
the same bits whatever the thread count, the tile size or the chunking.
"""

from __future__ import annotations

import functools

import numba

jit = functools.partial(numba.njit, nogil=True, cache=True, error_model="numpy")
"""Compile a kernel that Python calls; kept in numba's on-disk cache."""

inner = functools.partial(
    numba.njit,
    nogil=True,
    cache=True,
    error_model="numpy",
    forceinline=False,
    _nrt=False,
)
"""Compile what a kernel calls, and what allocates nothing.

It counts no references to its arrays, which the kernel holds: an atomic instruction for each
array at each call would take longer than the calls themselves. ``forceinline`` is said because
a function takes it from its caller otherwise.
"""

inlined = functools.partial(
    numba.njit, nogil=True, error_model="numpy", forceinline=True, _nrt=False
)
"""Compile a piece of geometry into the body of its caller; it counts no references either."""
