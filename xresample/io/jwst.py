"""Exposures of JWST, as in ``_cal.fits`` and ``_rate.fits``."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from xresample.errors import FileError

from . import mission_flags as flags
from .asdf_file import tree_wcs
from .contents import Contents
from .fits_file import FitsFile, Hdu, header_wcs, table_bytes
from .lazy_arrays import Plane

NUMBERS = {
    "exposure_time": ("EFFEXPTM", "XPOSURE"),
    "measurement_time": ("TMEASURE",),
    "start_time": ("EXPSTART", "MJD-BEG"),
    "end_time": ("EXPEND", "MJD-END"),
    "duration": ("DURATION", "TELAPSE"),
    "pixelarea_steradians": ("PIXAR_SR",),
    "level": ("BKGLEVEL",),
}
"""Keywords of each quantity; the first one that is there counts."""

GROUP = (
    ("PROGRAM", 5), ("OBSERVTN", 3), ("VISIT", 3),
    ("VISITGRP", 2), ("SEQ_ID", 1), ("ACT_ID", 2), ("EXPOSURE", 5),
)  # fmt: skip
"""Keywords of the name that all detectors of an exposure share, with the digits of each."""

_GROUP_LINE = re.compile(rb"^meta:\s*\n(?:[ #].*\n|\s*\n)*?  group_id: *(\S+) *$", re.MULTILINE)
"""Where asdf writes ``meta.group_id``: its trees are indented by two blanks."""


def read(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure whose image is in an HDU."""
    planes: dict[str, Plane] = {"data": file.image_plane(image)}
    for hdu in file.hdus:
        own = hdu.version == image.version and hdu.shape is not None
        if own and (hdu.name in ("ERR", "AREA") or hdu.name.startswith("VAR_")):
            planes[hdu.name.lower()] = file.image_plane(hdu)
    if dq := file.image("DQ", image.version):
        planes["dq"] = file.flag_plane(dq)
    table = file.find("ASDF")
    if table is None and not image.is_celestial:
        raise FileError(
            f"{name} has no WCS: neither an extension ASDF with a gwcs, nor CTYPE1 and CTYPE2 of "
            f"the sky in {image.label}; it holds {file.describe()}"
        )
    attrs: dict[str, Any] = {
        quantity: file.number(keywords, image.header) for quantity, keywords in NUMBERS.items()
    }
    subtracted = file.primary.get("BKGSUB")
    attrs["subtracted"] = int(subtracted) if isinstance(subtracted, bool) else None
    attrs["group_id"] = _group_id(file, table)
    wcs = partial(_wcs, file.path, None if table is None else table.index, image.index)
    units = file.text("BUNIT", image.header)
    return Contents(name, planes, wcs, attrs, units, flags.JWST)


def _group_id(file: FitsFile, table: Hdu | None) -> str | None:
    """Return what the pipeline calls the exposure; None where the header does not say."""
    if table is not None:
        found = _GROUP_LINE.search(table_bytes(file.path, table.index))
        given = found.group(1).decode().strip("'\"") if found else ""
        if given not in ("", "null", "~", "None"):
            return given
    parts = [(file.text(keyword) or "").zfill(digits) for keyword, digits in GROUP]
    if any(file.text(keyword) is None for keyword, _ in GROUP):
        return None
    program, observation, visit, *rest, exposure = parts
    return f"jw{program}{observation}{visit}_{''.join(rest)}_{exposure}"


def _wcs(path: str, table: int | None, image: int) -> str:
    """Return the text of the gwcs, or of the FITS WCS where there is no gwcs."""
    text = None if table is None else tree_wcs(table_bytes(path, table), ("meta", "wcs"), path)
    return header_wcs(path, image) if text is None else text
