"""Exposures of HST, as in ``_flt.fits`` and ``_flc.fits``: one exposure per chip."""

from __future__ import annotations

from functools import partial
from typing import Any

from .contents import Contents
from .extensions import DATA, DQ, IMAGE, extension_of
from .fits_facts import facts_in
from .fits_file import FitsFile
from .fits_hdus import Hdu, value_in
from .lazy_arrays import ComputedPlane, LazyPlane, quotient
from .mission_flags import hst_flags

_DAY = 86400.0
"""Seconds per day."""

RATES = {
    "ELECTRONS": "electron/s",
    "ELECTRONS/S": "electron/s",
    "COUNTS": "count/s",
    "COUNTS/S": "count/s",
    "DN": "DN/s",
    "DN/S": "DN/s",
}
"""Units of a file, and the units after the division by the exposure time."""

UNITS = {"WFPC2": "COUNTS"}
"""Units of the images of instruments whose files have no BUNIT."""

ONE_CHIP = ("STIS", "NICMOS")
"""Instruments whose EXTVER counts exposures. EXTVER of the other instruments counts chips."""


def read(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure of an image; counts are divided by the exposure time.

    No nominal pixel area is returned, so it follows from the WCS. The keyword IDCSCALE is the
    pixel scale that drizzle should use for the mosaic, which for some cameras differs from the
    pixel scale of the detector by a tenth.
    """
    instrument = file.text("INSTRUME") or ""
    time = file.number(("EXPTIME",), image.header)
    raw = file.text("BUNIT", image.header) or UNITS.get(instrument, "")
    units, divisor = _rate_of(raw, time)
    planes: dict[str, LazyPlane] = {DATA: _divided(file.image_plane(image), divisor)}
    if err := file.partner(image, extension_of("err")):
        planes["err"] = _divided(file.image_plane(err), divisor)
    if dq := file.partner(image, extension_of(DQ)):
        planes[DQ] = file.flag_plane(dq)
    sky = file.number(("MDRIZSKY",), image.header)
    attrs = {
        "group_id": _group_id(file, image, instrument),
        "exposure_time": time,
        **_times(file, image),
        **facts_in(file, image),
        "level": sky / divisor if sky is not None else None,
    }
    flags = hst_flags(instrument, file.text("DETECTOR") or "")
    return Contents(name, planes, file.wcs_of(image), attrs, units, flags)


def _rate_of(raw: str, time: float | None) -> tuple[str | None, float]:
    """Return the units of the exposure, and the number by which its values are divided.

    Parameters
    ----------
    raw : str
        Units of the file; empty if unknown.
    time : float or None
        Exposure time in seconds; None if unknown.
    """
    key = raw.upper().replace(" ", "")
    if key not in RATES:
        return raw or None, 1.0
    if key.endswith("/S"):
        return RATES[key], 1.0
    if time is not None and time > 0:
        return RATES[key], time
    return RATES[key].removesuffix("/s"), 1.0


def _divided(plane: LazyPlane, divisor: float) -> LazyPlane:
    return plane if divisor == 1 else ComputedPlane(partial(quotient, divisor=divisor), (plane,))


def _group_id(file: FitsFile, image: Hdu, instrument: str) -> str | None:
    """Return the name that the chips of one exposure share; None if the file does not give it.

    ROOTNAME names the file, and EXPNAME of an image the exposure. They differ in files with several
    exposures.
    """
    root = file.text("ROOTNAME")
    own = str(value_in(image.header, "EXPNAME", "")).strip()
    names = {str(value_in(hdu.header, "EXPNAME", "")).strip() for hdu in file.images(IMAGE)}
    if instrument in ONE_CHIP or len(names) > 1:
        return own or f"{root or file.source.key}[{image.label}]"
    return root or (file.source.key if len(file.images(IMAGE)) > 1 else None)


def _times(file: FitsFile, image: Hdu) -> dict[str, Any]:
    """Return start, end and duration; None if unknown."""
    start = file.epoch(("EXPSTART",), image.header)
    end = file.epoch(("EXPEND",), image.header)
    duration = None if start is None or end is None else (end - start) * _DAY
    return {"start_time": start, "end_time": end, "duration": duration or None}
