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

    def slices(self, y: range, x: range) -> tuple[slice, slice]:
        """Return a part of the image as slices of its arrays.

        Examples
        --------
        >>> Pixels.of((4, 5), (10, 20)).slices(range(11, 13), range(20, 25))
        (slice(1, 3, None), slice(0, 5, None))
        """
        rows, columns = (
            slice(part.start - first, part.stop - first)
            for part, first in zip((y, x), self.origin, strict=True)
        )
        return rows, columns
