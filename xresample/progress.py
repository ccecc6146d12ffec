"""Progress bars on request."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from typing import Any
from weakref import WeakSet

from .arguments import flag
from .errors import InvalidInputError

_shown: WeakSet[Any] = WeakSet()
"""Progress bars in use."""


def bar(wanted: bool, **options: Any) -> Any:
    """Return a progress bar of tqdm, or a bar that shows nothing.

    Parameters
    ----------
    wanted : bool
        Whether to show a bar.
    **options
        Options of ``tqdm``.

    Raises
    ------
    InvalidInputError
        A bar is wanted, but tqdm is not installed.
    """
    if not flag("progress", wanted):
        return _HiddenBar()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise InvalidInputError(
            "progress=True needs tqdm, which is not installed: pip install tqdm"
        ) from None
    shown = tqdm(**options)
    _shown.add(shown)
    return shown


def has_bars() -> bool:
    """Tell whether progress bars can be shown."""
    return find_spec("tqdm") is not None


def announce(message: str) -> None:
    """Log a message about work that takes a while, and show it above the progress bar, if any."""
    logging.getLogger("xresample").info(message)
    for shown in list(_shown)[:1]:
        shown.write(message, file=sys.stderr)


class _HiddenBar:
    """A progress bar that shows nothing."""

    def __enter__(self) -> _HiddenBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self) -> None:
        """Count one item."""
