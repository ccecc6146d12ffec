"""Memory of freed mosaics, which the next mosaic of a chain uses again.

``mosaic = mosaic.resample.add(exposure)`` makes a mosaic per exposure, and then frees the previous
one::

    mosaic 1 --copy, add--> mosaic 2 --copy, add--> mosaic 3 --copy, add--> mosaic 4
        |                                 ^
        +-- freed, its memory is spare ---+

The system fills new memory with zeros when a program first touches it, which takes longer than
copying a mosaic. Spare memory holds nearly the same numbers as the next mosaic, so most numbers are
compared and not written.

- Memory becomes spare when the last array that shows it is gone, so nobody sees it change.
- Spare memory is given up when a new mosaic begins, and when no mosaic of a chain is left. Its size
  is at most ``1 / SHARE`` of the memory of the machine.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from xresample.datamodel.memory import total_memory

SHARE = 8
"""Memory of the machine over the maximum size of spare memory."""


class _Owner:
    """A block of memory that is in use; arrays that show the block keep its owner alive."""

    def __init__(self, block: np.ndarray, spare: Spare) -> None:
        self._block, self._spare = block, spare
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        self._spare.give_back(self._block)


class Spare:
    """The spare memory of a process."""

    def __init__(self) -> None:
        # Garbage collection may give memory back while this thread holds the lock, at any line.
        self._lock = threading.RLock()
        self._blocks: dict[int, np.ndarray] = {}
        self._in_use = 0
        self._limit = 0

    def array(self, shape: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, bool]:
        """Return an array, and whether it is new, with zeros; a used one has any content."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with self._lock:
            block = self._taken(size)
            is_new = block is None
            if block is None:
                block = np.zeros(size, np.uint8)
            owner = _Owner(block, self)
            self._in_use += 1
            # This module may be gone when the interpreter ends and the last memory returns.
            self._limit = (total_memory() or 0) // SHARE
        return np.asarray(owner).view(dtype).reshape(shape), is_new

    def _taken(self, size: int) -> np.ndarray | None:
        """Remove and return a block of some bytes, or None if there is no such block."""
        for key, block in list(self._blocks.items()):
            if block.nbytes == size and self._blocks.pop(key, None) is not None:
                return block
        return None

    def give_back(self, block: np.ndarray) -> None:
        """Keep a block for the next array of its size, within the limits."""
        with self._lock:
            self._in_use -= 1
            self._blocks[id(block)] = block
            for key in list(self._blocks):
                if self._in_use and self.nbytes <= self._limit:
                    break
                self._blocks.pop(key, None)

    def clear(self) -> None:
        """Give up all spare memory."""
        with self._lock:
            self._blocks.clear()

    @property
    def nbytes(self) -> int:
        """The number of spare bytes."""
        return sum(block.nbytes for block in list(self._blocks.values()))


spare = Spare()
