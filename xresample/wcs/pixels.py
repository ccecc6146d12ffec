"""The pixels of an image, beside the WCS that counts them."""

from __future__ import annotations

from typing import NamedTuple


class Pixels(NamedTuple):
    """The rows and columns of an image, in the pixels of a WCS.

    Examples
    --------
    >>> cutout = Pixels.of((4, 5), (10, 20))
    >>> cutout.y, cutout.shape, cutout.origin
    (range(10, 14), (4, 5), (10, 20))
    """

    y: range
    x: range

    @classmethod
    def of(cls, shape: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> Pixels:
        """Return the pixels of an image by its shape and its first row and column."""
        (ny, nx), (y0, x0) = shape, origin
        return cls(range(y0, y0 + ny), range(x0, x0 + nx))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return len(self.y), len(self.x)

    @property
    def origin(self) -> tuple[int, int]:
        """First row and first column."""
        return self.y.start, self.x.start
