"""The memory of the machine, against which the sizes of grids and mosaics are checked."""

from __future__ import annotations

import os


def total_memory() -> int | None:
    """Return the memory of the machine in bytes; None if unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
