"""Errors and warnings; each error is also the built-in exception that a user would expect."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast


class XResampleError(Exception):
    """Base of all errors that xresample raises on purpose."""


class InvalidInputError(XResampleError, ValueError):
    """An argument, an exposure or a mosaic is invalid."""


class ArrayTypeError(InvalidInputError, TypeError):
    """An array has a type that cannot be used."""


class MissingKeyError(XResampleError, KeyError):
    """A required variable or attribute is missing."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidExposureError(XResampleError, ValueError, KeyError):
    """An exposure cannot be used; the message lists every fault."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ImageShapeError(InvalidExposureError, RuntimeError):
    """The data of an exposure are not an image."""


class FinalizedError(XResampleError, RuntimeError):
    """A product has been finalized, so no exposure can be added."""


class GridMismatchError(InvalidInputError):
    """Two mosaics cannot be combined because their grids or options differ."""


class UnsupportedWCSError(XResampleError, RuntimeError):
    """A WCS has the wrong number or kind of axes, or cannot be saved."""


class WCSTextError(InvalidInputError):
    """A text is not a WCS, or cannot be read safely."""


class FileError(XResampleError, OSError, ValueError):
    """A file is damaged, has the wrong format or content, or already exists."""


class NoExposureWarning(UserWarning):
    """No exposures were given, for example because a generator has been used before."""


class NoOverlapWarning(UserWarning):
    """Exposures lie outside the mosaic; they are counted but change no pixel."""


class NoContributionWarning(UserWarning):
    """Exposures contribute to no pixel, because no pixel has usable data and a weight."""


class RepeatedExposureWarning(UserWarning):
    """An exposure is in a mosaic more than once, so its pixels count more than once."""


class ValueRangeWarning(UserWarning):
    """A sum of weights is too large for the type of the planes of a mosaic."""


class PixelScaleWarning(UserWarning):
    """The given pixel scale is not that of the grid."""


class MissingVarianceWarning(UserWarning):
    """The variance for the weights is missing; all weights of the exposure are 1."""


class MixedExposuresWarning(UserWarning):
    """Exposures of different filters or instruments are in one mosaic."""


class IgnoredDistortionWarning(UserWarning):
    """A file has keywords of a distortion that its WCS does not use."""


class OutlierWarning(UserWarning):
    """Outlier detection may flag good pixels: many are flagged, or exposures are too few."""


class CompiledCodeWarning(UserWarning):
    """Compiled kernels cannot be kept in the usual folders."""


def listing(title: str, entries: Iterable[str]) -> str:
    """Return a message that lists faults or differences, one per line."""
    return "\n- ".join([f"{title}:", *entries])


def warn(message: str, category: type[Warning]) -> None:
    """Warn with the location of the user's line that called this package."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


class _ThreadState(threading.local):
    """How many blocks of `ignored_warnings` the current thread is in."""

    depth = 0


class _EveryMessage:
    """The message pattern of a warning filter that applies only in `ignored_warnings`."""

    def match(self, message: str) -> bool:
        """Tell whether the filter applies to a message, which does not matter, in this thread."""
        return _state.depth > 0


_state = _ThreadState()
_filter = ("ignore", _EveryMessage(), Warning, None, 0)
_lock = threading.RLock()


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore the warnings of the current thread.

    `warnings.catch_warnings` replaces the filters of the whole process: other threads lose their
    warnings, and two threads that use it at the same time can leave the wrong filters behind. The
    filter of this function applies to the current thread only, and is removed alone. Packages that
    read files use `warnings.catch_warnings` themselves, so one thread at a time is in a block.
    """
    with _lock:
        filters = cast(list[Any], warnings.filters)
        filters.insert(0, _filter)
        _state.depth += 1
        try:
            yield
        finally:
            _state.depth -= 1
            # Another thread may have replaced the list by a copy in the meantime.
            current = cast(list[Any], warnings.filters)
            for changed in [filters] if current is filters else [filters, current]:
                with suppress(ValueError):
                    changed.remove(_filter)
