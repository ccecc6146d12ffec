"""How the numbers in a FITS image become values: the keywords BSCALE, BZERO and BLANK."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from xresample.errors import FileError

from .fits_hdus import Hdu, value_in


@dataclass(frozen=True)
class Scaling:
    """The values of an image, ``scale * number + zero``; numbers that equal ``blank`` are NaN."""

    scale: float = 1
    zero: float = 0
    blank: int | None = None
    """None if no number means NaN."""

    @classmethod
    def of(cls, hdu: Hdu, path: str, *, raw: bool = False) -> Scaling:
        """Return the scaling of an image, whose keywords are checked.

        astropy ignores a BLANK that is not an integer, so the pixels without a value would count.

        Parameters
        ----------
        hdu : Hdu
            The image.
        path : str
            Path of the file, for messages.
        raw : bool, optional
            Whether BLANK does not matter.

        Raises
        ------
        FileError
            A keyword has no number, or BSCALE is 0; names the keyword.
        """
        scale, zero = (_value(hdu, k, default) for k, default in (("BSCALE", 1), ("BZERO", 0)))
        has_blank = not raw and hdu.has_integers and "BLANK" in hdu.header
        blank = value_in(hdu.header, "BLANK") if has_blank else None
        faults = (
            ("BSCALE", "a finite number other than 0", scale, _is_finite(scale) and scale != 0),
            ("BZERO", "a finite number", zero, _is_finite(zero)),
            ("BLANK", "an integer", blank, blank is None or type(blank) is int),
        )
        for keyword, kind, value, is_right in faults:
            if not is_right:
                held = "no value" if value is None else repr(value)
                raise FileError(
                    f"{path}: {keyword} of {hdu.label} must be {kind}, got {held}: correct the "
                    "header of the file"
                )
        return cls(scale, zero, blank)

    @property
    def is_whole(self) -> bool:
        """Whether the values of integers are integers."""
        return float(self.scale).is_integer() and float(self.zero).is_integer()


def _value(hdu: Hdu, keyword: str, default: int) -> Any:
    """Return the value of a keyword; None if it has none, and the default if it is missing."""
    return value_in(hdu.header, keyword) if keyword in hdu.header else default


def _is_finite(value: object) -> bool:
    """Tell whether the value of a keyword is a finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]
