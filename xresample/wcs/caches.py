"""Bounded caches of objects that are made from WCSs, and one function that empties all of them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")

_caches: list[Cache] = []


def clear_caches() -> None:
    """Empty every cache of WCS objects and of what was derived from them, in all threads.

    Frees memory. No result changes: whatever was remembered is made again when it is needed.
    """
    for cache in _caches:
        cache.clear()


class Cache(ABC):
    """A cache that `clear_caches` empties."""

    def __init__(self) -> None:
        _caches.append(self)

    @abstractmethod
    def clear(self) -> None:
        """Remove all entries."""


class ThreadCache(Cache, Generic[Value]):
    """A cache for objects that two threads must not share: each thread has its own entries.

    Parameters
    ----------
    size : int
        Maximum number of entries per thread. The entry that was used least recently goes first.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._own = threading.local()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the entry of this thread under a key; ``make()`` makes a missing entry."""
        entries = self._entries()
        if key not in entries:
            entries[key] = make()
            if len(entries) > self._size:
                entries.popitem(last=False)
        entries.move_to_end(key)
        return entries[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries()

    def values(self) -> list[Value]:
        """Return the entries of this thread, in the order of their last use."""
        return list(self._entries().values())

    def clear(self) -> None:
        """Remove the entries of all threads."""
        # The entries of a thread live as long as this object. A thread that is inside `get` keeps
        # its entries until it returns.
        self._own = threading.local()

    def _entries(self) -> OrderedDict[Hashable, Value]:
        entries: OrderedDict[Hashable, Value] = self._own.__dict__.setdefault(
            "entries", OrderedDict()
        )
        return entries


class SharedCache(Cache, Generic[Value]):
    """A cache of immutable objects that all threads of a process share.

    Parameters
    ----------
    size : int
        Maximum number of entries. The entry that was used least recently goes first.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the entry under a key; ``make()`` makes a missing entry."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        # Two threads may make the same entry at once, because a lock would make all threads wait.
        made = make()
        with self._lock:
            self._entries[key] = made
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return made

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
