"""Exposures of HST, as in ``_flt.fits`` and ``_flc.fits``: one exposure per chip."""

from __future__ import annotations

from functools import partial

from .contents import Contents
from .extensions import DATA, DQ, extension_of
from .fits_file import FitsFile, Hdu, header_wcs
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


def read(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure of an image; counts are divided by the exposure time.

    No nominal pixel area is returned, so it follows from the WCS. The keyword IDCSCALE is the
    pixel scale that drizzle should use for the mosaic, which for some cameras differs from the
    pixel scale of the detector by a tenth.
    """
    time = file.number(("EXPTIME",), image.header)
    raw = file.text("BUNIT", image.header) or ""
    units: str | None = RATES.get(raw.upper().replace(" ", ""), raw or None)
    divisor = 1.0
    if raw.upper() in RATES and not raw.upper().endswith("/S"):
        if time is not None and time > 0:
            divisor = time
        else:
            units = raw.lower().rstrip("s") if raw.upper() != "DN" else "DN"
    planes: dict[str, LazyPlane] = {DATA: _rate(file.image_plane(image), divisor)}
    if err := file.image(extension_of("err"), image.version):
        planes["err"] = _rate(file.image_plane(err), divisor)
    if dq := file.image(extension_of(DQ), image.version):
        planes[DQ] = file.flag_plane(dq)
    start = file.number(("EXPSTART",), image.header)
    end = file.number(("EXPEND",), image.header)
    sky = file.number(("MDRIZSKY",), image.header)
    attrs = {
        "group_id": file.text("ROOTNAME"),
        "exposure_time": time,
        "start_time": start,
        "end_time": end,
        "duration": (end - start) * _DAY if start is not None and end is not None else None,
        "level": sky / divisor if sky is not None else None,
    }
    wcs = partial(header_wcs, file.path, image.index) if image.is_celestial else None
    flags = hst_flags(file.text("INSTRUME") or "", file.text("DETECTOR") or "")
    return Contents(name, planes, wcs, attrs, units, flags)


def _rate(plane: LazyPlane, divisor: float) -> LazyPlane:
    return plane if divisor == 1 else ComputedPlane(partial(quotient, divisor=divisor), (plane,))
