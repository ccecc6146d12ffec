"""Exposures of JWST, as in ``_cal.fits`` and ``_rate.fits``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from xresample.errors import FileError

from .asdf_file import tree_wcs
from .contents import Contents
from .extensions import DATA, DQ, variable_of
from .fits_facts import facts_in
from .fits_file import FitsFile, table_bytes
from .fits_hdus import Hdu, value_in
from .lazy_arrays import LazyPlane
from .mission_flags import JWST
from .source_file import SourceFile

NUMBERS = {
    "exposure_time": ("EFFEXPTM", "XPOSURE"),
    "measurement_time": ("TMEASURE",),
    "pixelarea_steradians": ("PIXAR_SR",),
    "level": ("BKGLEVEL",),
}
"""Keywords of each attribute; the first keyword that exists is used."""

EPOCHS = {
    "start_time": ("EXPSTART", "MJD-BEG"),
    "end_time": ("EXPEND", "MJD-END"),
    "duration": ("DURATION", "TELAPSE"),
}
"""Keywords of each attribute that the pipeline writes as 0 if it is unknown."""

AREA = "AREA"
"""Extension with the area of each pixel relative to the nominal area."""

GROUP = (
    ("PROGRAM", 5), ("OBSERVTN", 3), ("VISIT", 3),
    ("VISITGRP", 2), ("SEQ_ID", 1), ("ACT_ID", 2), ("EXPOSURE", 5),
)  # fmt: skip
"""Keywords that form the name of an exposure, which all its detectors share, and their digits."""

_GROUP_LINE = re.compile(rb"^meta:\s*\n(?:[ #].*\n|\s*\n)*?  group_id: *(\S+) *$", re.MULTILINE)
"""Line of ``meta.group_id`` in a tree that asdf wrote, with an indent of two spaces."""


def read(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure of an image."""
    planes: dict[str, LazyPlane] = {DATA: file.image_plane(image)}
    for hdu in file.hdus:
        variable = AREA.lower() if hdu.name == AREA else variable_of(hdu.name)
        if variable in (None, DATA) or file.partner(image, hdu.name) is not hdu:
            continue
        planes[str(variable)] = file.flag_plane(hdu) if variable == DQ else file.image_plane(hdu)
    table = file.find("ASDF")
    if table is None and not image.is_celestial:
        raise FileError(
            f"{name} must have a WCS, either a gwcs in the extension ASDF or celestial CTYPE1 and "
            f"CTYPE2 in {image.label}; the extensions are {file.describe()}"
        )
    attrs: dict[str, Any] = {
        quantity: file.number(keywords, image.header) for quantity, keywords in NUMBERS.items()
    }
    attrs |= {name: file.epoch(keywords, image.header) for name, keywords in EPOCHS.items()}
    attrs |= facts_in(file, image)
    subtracted = value_in(file.primary, "BKGSUB")
    attrs["subtracted"] = int(subtracted) if isinstance(subtracted, bool) else None
    attrs["group_id"] = _group_id(file, table)
    wcs = file.wcs_of(image)
    if table is not None:
        wcs = partial(_gwcs, file.source, table.index, wcs)
    units = file.text("BUNIT", image.header)
    return Contents(name, planes, wcs, attrs, units, JWST)


def _group_id(file: FitsFile, table: Hdu | None) -> str | None:
    """Return the name of the exposure in the pipeline; None if the file does not give it."""
    if table is not None:
        found = _GROUP_LINE.search(file.first_cell(table))
        given = found.group(1).decode().strip("'\"") if found else ""
        if given not in ("", "null", "~", "None"):
            return given
    parts = [(file.text(keyword) or "").zfill(digits) for keyword, digits in GROUP]
    if any(file.text(keyword) is None for keyword, _ in GROUP):
        return None
    program, observation, visit, *rest, exposure = parts
    return f"jw{program}{observation}{visit}_{''.join(rest)}_{exposure}"


def _gwcs(source: SourceFile, table: int, header: Callable[[], str] | None) -> str:
    """Return the gwcs in a table as text, or else the FITS WCS of a header."""
    text = source.remembered(
        ("gwcs", table),
        lambda: tree_wcs(table_bytes(source, table), ("meta", "wcs"), source.path),
    )
    if text is not None:
        return text
    if header is None:
        raise FileError(
            f"{source.path} must have a WCS, either a gwcs in the extension ASDF or celestial "
            "CTYPE1 and CTYPE2, got neither"
        )
    return header()
