"""A queue of tiles that threads share while they run compiled code.

A thread takes the next tile by adding 1 to a counter, in one instruction that other threads cannot
interrupt. So a thread needs the interpreter once per exposure, and not for each tile. Where the
instruction does not work, each thread has a queue of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from .intrinsics import works
from .jit import inlined, jit
from .vectors import I64


class TileQueue(NamedTuple):
    """Tiles, and how many of them have been taken."""

    tiles: np.ndarray
    """int64 ``(tile, 4)``: y0, y1, x0, x1 of each tile."""
    taken: np.ndarray
    """int64 ``(1,)``."""


@intrinsic
def take_by_llvm(typingctx, taken):
    """Write one instruction that adds 1 to a counter, and returns the counter as it was before."""

    def codegen(context, builder, signature, args):
        counter = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", counter, I64(1), "monotonic")

    return types.intp(taken), codegen


@inlined
def take_alone(taken):
    """Add 1 to a counter that no other thread uses, and return the counter as it was before."""
    number = taken[0]
    taken[0] += 1
    return number


@jit
def _try_take(taken):
    return take_by_llvm(taken), take_by_llvm(taken)


def queues_work() -> bool:
    """Tell whether `take_by_llvm` counts."""
    taken = np.array([5])
    return _try_take(taken) == (5, 6) and taken[0] == 7


SHARED = works("queues", queues_work)
"""Whether threads can share a queue."""

take = take_by_llvm if SHARED else take_alone


def queues(tiles: np.ndarray, threads: int) -> list[TileQueue]:
    """Return a queue for each thread, at most one per tile; all of them are the same if possible.

    Examples
    --------
    >>> tiles = np.array([[0, 4, 0, 8], [4, 8, 0, 8]])
    >>> len(queues(tiles, threads=3))
    2
    """
    count = min(threads, len(tiles))
    if SHARED:
        return [TileQueue(tiles, np.zeros(1, np.int64))] * count
    # Tiles side by side take similar times, so each thread gets every n-th tile.
    return [TileQueue(tiles[k::count].copy(), np.zeros(1, np.int64)) for k in range(count)]
