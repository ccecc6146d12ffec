"""Exposures of HST, as in ``_flt.fits`` and ``_flc.fits``: one for each chip."""

from __future__ import annotations

from functools import partial

from . import mission_flags as flags
from .contents import Contents
from .fits_file import FitsFile, Hdu, header_wcs
from .lazy_arrays import Mapped, Plane, quotient

_DAY = 86400.0

RATES = {
    "ELECTRONS": "electron/s",
    "ELECTRONS/S": "electron/s",
    "COUNTS": "count/s",
    "COUNTS/S": "count/s",
    "DN": "DN/s",
    "DN/S": "DN/s",
}
"""Units of the pixels, and what they are once divided by the exposure time."""


def read(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure whose image is in an HDU; counts are divided by the exposure time.

    There is no nominal pixel area: the keyword IDCSCALE is a scale to drizzle to, which on some
    cameras is a tenth off that of the pixels. It follows from the WCS instead.
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
    planes: dict[str, Plane] = {"data": _rate(file.image_plane(image), divisor)}
    if err := file.image("ERR", image.version):
        planes["err"] = _rate(file.image_plane(err), divisor)
    if dq := file.image("DQ", image.version):
        planes["dq"] = file.flag_plane(dq)
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
    table = flags.of_hst(file.text("INSTRUME") or "", file.text("DETECTOR") or "")
    return Contents(name, planes, wcs, attrs, units, table)


def _rate(plane: Plane, divisor: float) -> Plane:
    return plane if divisor == 1 else Mapped(partial(quotient, divisor=divisor), (plane,))
