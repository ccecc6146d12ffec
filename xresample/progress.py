"""Progress bars, for those who ask for them."""

from __future__ import annotations

from typing import Any

from .errors import InvalidInputError


def bar(wanted: bool, **how: Any) -> Any:
    """Return a bar of tqdm, which shows nothing unless wanted.

    Raises
    ------
    InvalidInputError
        It is wanted, and tqdm is not installed.
    """
    if not wanted:
        return _Nothing()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise InvalidInputError(
            "progress=True shows a bar with tqdm, which is not installed: pip install tqdm"
        ) from None
    return tqdm(**how)


class _Nothing:
    """A bar that nobody sees."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self) -> None:
        """Count one more."""
