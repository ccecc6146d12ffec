"""Progress bars on request."""

from __future__ import annotations

from typing import Any

from .errors import InvalidInputError


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
    if not wanted:
        return _HiddenBar()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise InvalidInputError(
            "progress=True needs tqdm, which is not installed: pip install tqdm"
        ) from None
    return tqdm(**options)


class _HiddenBar:
    """A progress bar that shows nothing."""

    def __enter__(self) -> _HiddenBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self) -> None:
        """Count one item."""
