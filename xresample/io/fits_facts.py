"""Facts about an image in the keywords of a FITS file: instrument, filter, target, zero points."""

from __future__ import annotations

import re
from typing import Any

from xresample.datamodel import schema

from .fits_file import FitsFile
from .fits_hdus import Hdu

UNKNOWN = ("UNKNOWN", "N/A", "NONE", "NULL", "UNDEFINED", "?")
"""Values, in upper case, that mean that a keyword has no value."""

FILTERS = (
    ("FILTER", "PUPIL"),
    ("FILTER1", "FILTER2", "FILTER3"),
    ("FILTNAM1", "FILTNAM2"),
    ("BAND",),
)
"""Keywords of the elements that light passes; the first group that a file has is used."""

_OPEN = ("CLEAR", "OPEN", "BLANK", "IMAGING")
"""Beginnings of names, in upper case, of elements that filter nothing."""

_TIMES = ("TIME-OBS", "UTC-OBS", "UTSTART", "UT")
"""Keywords with the time of the day if DATE-OBS is a date."""

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d*)?)?)?$")
_CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d*)?)?$")
_OLD = re.compile(r"(\d{2})/(\d{2})/(\d{2})$")
"""Day, month and year of the 20th century, as in files before 1999."""


def facts_in(file: FitsFile, image: Hdu) -> dict[str, Any]:
    """Return what the keywords tell about an image; None for what they do not tell."""
    found: dict[str, Any] = {
        "filter": _filter(file, image),
        "date": _date(file, image),
    }
    for row in schema.PROVENANCE:
        if row.name in found or not row.keywords:
            continue
        if row.name in schema.TEXT:
            found[row.name] = _text(file, image, row.keywords)
        else:
            found[row.name] = file.number(row.keywords, image.header)
    return found


def _text(file: FitsFile, image: Hdu, keywords: tuple[str, ...]) -> str | None:
    """Return the value of the first keyword that has one."""
    values = (file.text(keyword, image.header) for keyword in keywords)
    return next((value for value in values if value and value.upper() not in UNKNOWN), None)


def _filter(file: FitsFile, image: Hdu) -> str | None:
    """Return the name of the filter, or of several filters that light passes one after another."""
    for keywords in FILTERS:
        elements = [value for k in keywords if (value := _text(file, image, (k,)))]
        if elements:
            filters = [name for name in elements if not name.upper().startswith(_OPEN)]
            return "+".join(filters) or elements[0]
    return None


def _date(file: FitsFile, image: Hdu) -> str | None:
    """Return date and time of the start as ISO 8601; None if no keyword has this form."""
    for keyword in ("DATE-BEG", "DATE-OBS"):
        date = file.text(keyword, image.header) or ""
        if old := _OLD.match(date):
            date = f"19{old[3]}-{old[2]}-{old[1]}"
        if not _ISO.match(date):
            continue
        clock = None if "T" in date else _text(file, image, _TIMES)
        return f"{date}T{clock}" if clock and _CLOCK.match(clock) else date
    return None
