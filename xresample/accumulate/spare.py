"""Memory that is used again: of freed mosaics, and of exposures that have been added.

The system fills new memory with zeros when a program first touches it, which takes as long as
reading the same number of bytes from a file in the page cache. Memory becomes spare when the last
array that shows it is gone, so nobody sees it change.

**Mosaics.** ``mosaic = mosaic.resample.add(exposure)`` makes a mosaic per exposure, and then frees
the previous one::

    mosaic 1 --copy, add--> mosaic 2 --copy, add--> mosaic 3 --copy, add--> mosaic 4
        |                                 ^
        +-- freed, its memory is spare ---+

`Spare` holds this memory, which has nearly the same numbers as the next mosaic, so most numbers are
compared and not written. Spare memory is given up when a new mosaic begins, and when no mosaic of a
chain is left. Its size is at most ``1 / SHARE`` of the memory of the machine.

**Exposures.** An exposure in a file is read while the previous one is deposited. Its planes take
the memory of the exposure before::

    exposure 1 --deposit, free--> exposure 3 --deposit, free--> exposure 5
    exposure 2 --deposit, free--> exposure 4 --deposit, free--> exposure 6

`Recycler` holds this memory. Whatever the next exposure does not take is given up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from xresample.datamodel.memory import total_memory

SHARE = 8
"""Memory of the machine over the maximum size of spare memory."""

SMALLEST = 1 << 20
"""Bytes of the smallest array of an exposure whose memory is used again."""


class _Lender(Protocol):
    """The spare memory that a block belongs to."""

    def give_back(self, block: np.ndarray) -> None:
        """Take a block that no array shows any more."""


class _Owner:
    """A block of memory that is in use; arrays that show the block keep its owner alive."""

    def __init__(self, block: np.ndarray, lender: _Lender) -> None:
        self._block, self._lender = block, lender
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        self._lender.give_back(self._block)


def _size(shape: tuple[int, ...], dtype: Any) -> int:
    """Return the number of bytes of an array."""
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def _taken(blocks: dict[int, np.ndarray], size: int) -> np.ndarray | None:
    """Remove and return a block of some bytes, or None if there is no such block."""
    for key, block in list(blocks.items()):
        if block.nbytes == size and blocks.pop(key, None) is not None:
            return block
    return None


def _shown(block: np.ndarray, lender: _Lender, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return a block as an array, which gives the block back when nothing shows it any more."""
    return np.asarray(_Owner(block, lender)).view(dtype).reshape(shape)


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
        size = _size(shape, dtype)
        with self._lock:
            block = _taken(self._blocks, size)
            is_new = block is None
            if block is None:
                block = np.zeros(size, np.uint8)
            self._in_use += 1
            # This module may be gone when the interpreter ends and the last memory returns.
            self._limit = (total_memory() or 0) // SHARE
        return _shown(block, self, shape, dtype), is_new

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


class Recycler:
    """The spare memory of exposures that are read one after the other.

    Spare memory never adds to the memory of the current exposure and the next one: it is taken by
    the next exposure, or given up when that exposure has been read or needs other sizes.
    """

    def __init__(self) -> None:
        # No lock: garbage collection may give memory back at any line, in any thread. So each step
        # is one operation of the dict, and no step relies on the step before.
        self._blocks: dict[int, np.ndarray] = {}
        self._is_closed = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let `new_array` take spare memory, in a block of code that reads one exposure."""
        spare_before = list(self._blocks)
        token = _recycler.set(self)
        try:
            yield
        finally:
            _recycler.reset(token)
            # Memory that became spare meanwhile belonged to the current exposure, and stays.
            for key in spare_before:
                self._blocks.pop(key, None)

    def array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with any content."""
        size = _size(shape, dtype)
        block = _taken(self._blocks, size)
        if block is None:
            # Spare memory beside new memory would be more than the exposures need.
            self._blocks.clear()
            block = np.empty(size, np.uint8)
        return _shown(block, self, shape, dtype)

    def give_back(self, block: np.ndarray) -> None:
        """Keep a block for the next exposure."""
        self._blocks[id(block)] = block
        if self._is_closed:
            self._blocks.clear()

    def close(self) -> None:
        """Give up all spare memory; memory that is in use is given up when it is freed."""
        self._is_closed = True
        self._blocks.clear()

    @property
    def nbytes(self) -> int:
        """The number of spare bytes."""
        return sum(block.nbytes for block in list(self._blocks.values()))


_recycler: ContextVar[Recycler | None] = ContextVar("recycler", default=None)


def new_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array with any content, in the memory of a freed exposure if there is any.

    Only `Recycler.used` makes this function differ from `numpy.empty`.

    Examples
    --------
    >>> new_array((2, 3), "f4").shape
    (2, 3)
    """
    recycler = _recycler.get()
    if recycler is None or _size(shape, dtype) < SMALLEST:
        return np.empty(shape, dtype)
    return recycler.array(shape, dtype)
