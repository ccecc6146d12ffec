"""The WCS in the header of a FITS image: checks of its keywords, and its text."""

from __future__ import annotations

import math
import re
from typing import Any

from xresample.errors import FileError, IgnoredDistortionWarning, ignored_warnings, warn
from xresample.wcs.text import to_text

from .fits_hdus import opened_hdus, value_in
from .source_file import SourceFile

_WCS_NUMBER = re.compile(
    r"(CRVAL|CRPIX|CDELT|CROTA)[1-9]|(CD|PC|PV)[1-9]_[0-9]+|(A|B|AP|BP)_[0-9]_[0-9]"
    r"|LONPOLE|LATPOLE"
)
"""Keywords of a WCS that are numbers."""

_EQUINOX = re.compile(r"[BJ]?\s*([0-9]{4}(\.[0-9]*)?)", re.IGNORECASE)
"""Year of an equinox that is text, such as ``J2000.0``."""

_MAX_SIP_ORDER = 9
"""Maximum order of a SIP polynomial in the convention (Shupe et al. 2005)."""


def finite_number(value: Any) -> float | None:
    """Return the value of a keyword as a finite number; None if it is not a number.

    Examples
    --------
    >>> finite_number(" 100. "), finite_number(True), finite_number("NaN")
    (100.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def header_wcs(source: SourceFile, index: int, count: int) -> str:
    """Return the WCS of a header as text, including its distortion tables.

    Parameters
    ----------
    source : SourceFile
        The file.
    index : int
        Number of the HDU with the header.
    count : int
        Number of HDUs in which distortion tables are searched.

    Raises
    ------
    FileError
        The header has no celestial WCS, or the file has changed since it was opened.
    """
    from astropy.io.fits import HDUList
    from astropy.wcs import WCS

    name = source.name
    with opened_hdus(source) as hdus, ignored_warnings():
        header = _with_frame(hdus[index].header, name)
        _check_sip(header, name)
        _check_numbers(header, name)
        try:
            # `fix` repairs old headers; the constructor would warn about every repair.
            wcs = WCS(header, fobj=HDUList([hdus[k] for k in range(count)]), fix=False)
            wcs.wcs.fix()
            wcs.wcs.set()
        except Exception as error:  # wcslib and astropy raise many types of errors
            raise FileError(f"{name}: the WCS of HDU {index} cannot be read: {error}") from error
        if not wcs.has_celestial:
            raise FileError(
                f"{name}: the WCS of HDU {index} must have two celestial axes, got "
                f"{', '.join(wcs.wcs.ctype)}"
            )
        is_left_over = wcs.sip is not None and not all(
            kind.endswith("-SIP") for kind in (header["CTYPE1"], header["CTYPE2"])
        )
        if is_left_over:
            wcs.sip = None
        try:
            text = to_text(wcs if wcs.naxis == 2 else wcs.celestial)
        except Exception as error:  # wcslib raises errors of its own types.
            raise FileError(f"{name}: the WCS of HDU {index} cannot be used: {error}") from error
    if is_left_over:
        warn(
            f"{name}: the SIP polynomial of HDU {index} is ignored, because CTYPE1 = "
            f"{header['CTYPE1']!r} does not end with -SIP. Programs that resample images leave "
            "such keywords behind; if the image is distorted, correct CTYPE1 and CTYPE2",
            IgnoredDistortionWarning,
        )
    return text


def _with_frame(header: Any, name: str) -> Any:
    """Return a header whose celestial frame astropy understands.

    wcslib ignores an equinox that is text, and astropy a frame in lower case; both would then take
    coordinates of another frame for ICRS.

    Raises
    ------
    FileError
        The equinox is not a year, and no other keyword gives the frame.
    """
    frames = {keyword: value_in(header, keyword) for keyword in ("RADESYS", "RADECSYS")}
    changes: dict[str, Any] = {
        keyword: frame.strip().upper()
        for keyword, frame in frames.items()
        if isinstance(frame, str) and not frame.isupper()
    }
    for keyword in ("EQUINOX", "EPOCH"):
        text = value_in(header, keyword)
        if not isinstance(text, str):
            continue
        if found := _EQUINOX.fullmatch(text.strip()):
            changes[keyword] = float(found[1])
        elif keyword == "EQUINOX" and text.strip() and not any(frames.values()):
            raise FileError(
                f"{name}: EQUINOX must be a year, such as 2000.0 or 'J2000', got {text!r}: correct "
                "it, or add the keyword RADESYS"
            )
    if changes:
        header = header.copy()
        header.update(changes)
    return header


def _check_sip(header: Any, name: str) -> None:
    """Raise a `FileError` if a SIP polynomial has an order that would take all memory."""
    for keyword in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER"):
        order = value_in(header, keyword, 0)
        number = finite_number(order)
        if number is None or number > _MAX_SIP_ORDER:
            raise FileError(f"{name}: {keyword} must be at most {_MAX_SIP_ORDER}, got {order!r}")


def _check_numbers(header: Any, name: str) -> None:
    """Raise a `FileError` if a number of the WCS is not finite; wcslib would take it for 0."""
    from astropy.io.fits.card import Undefined

    for card in header.cards:
        if not _WCS_NUMBER.fullmatch(card.keyword):
            continue
        try:
            value = card.value
        except Exception:  # astropy raises an error for a card that it cannot parse.
            value = card.image[10:].strip()
        if isinstance(value, Undefined):
            continue
        if isinstance(value, bool | str) or not math.isfinite(value):
            raise FileError(f"{name}: {card.keyword} must be a finite number, got {value!r}")
