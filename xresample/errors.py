"""What can go wrong, each error also the built-in that one would expect."""

from __future__ import annotations

import sys
import warnings


class XResampleError(Exception):
    """Base of all errors that xresample raises on purpose."""


class InvalidInputError(XResampleError, ValueError):
    """An argument, an exposure or a mosaic is not as it must be."""


class MissingKeyError(XResampleError, KeyError):
    """A variable or attribute that is needed is not there."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidExposureError(XResampleError, ValueError, KeyError):
    """An exposure lacks something or holds something that cannot be used; lists every fault."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ImageShapeError(InvalidExposureError, RuntimeError):
    """The data of an exposure are no image."""


class FinalizedError(XResampleError, RuntimeError):
    """A mosaic has been finalized: nothing can be added to it."""


class GridMismatchError(InvalidInputError):
    """Two mosaics differ in their grid or their options, and cannot be combined."""


class UnsupportedWCSError(XResampleError, RuntimeError):
    """A WCS has the wrong number or kind of axes, or cannot be saved."""


class WCSTextError(InvalidInputError):
    """A text is not a WCS that can be read safely."""


class FileError(XResampleError, OSError, ValueError):
    """A file is damaged or of another kind, lacks what is needed, or is there already."""


class NoOverlapWarning(UserWarning):
    """An exposure lies outside the mosaic: it is counted but changes no pixel."""


class MissingVarianceWarning(UserWarning):
    """The variance that weights need is missing; all weights of the exposure are 1."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn as if from the line outside of this package that led here."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
