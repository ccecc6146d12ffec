"""Mosaics as FITS files, which DS9, astropy and the tools of the missions read."""

from __future__ import annotations

import math
import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import schema
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.mosaic import is_mosaic
from xresample.datamodel.pixels import image_shape, pixel_origin
from xresample.errors import FileError, InvalidInputError
from xresample.sky.index import without_sky
from xresample.wcs.fits_header import header_of

KEYWORDS = {
    "kernel": ("KERNEL", "drizzle kernel"),
    "pixfrac": ("PIXFRAC", "linear fraction of a pixel that its flux is in"),
    "fillval": ("FILLVAL", "value where nothing contributed"),
    "weight_type": ("WHTTYPE", "type of weights"),
    "good_bits": ("GOODBITS", "flags that do not matter"),
    "flag_map": ("FLAGMAP", "mnemonics of flags"),
    "enable_ctx": ("DOCTX", "whether there is a context"),
    "enable_var": ("DOVAR", "whether there are variances"),
    "compute_err": ("ERRTYPE", "how ERR was made"),
    "propagate_dq": ("DODQ", "whether there are flags"),
    "variance_method": ("VARTYPE", "how variances combine"),
    "variance_names": ("VARNAMES", "variances that were asked for"),
    "error_from_variances": ("ERRVARS", "variances that make ERR"),
    "pixel_scale": ("PIXSCALE", "[arcsec] pixel scale that was asked for"),
    "pixel_scale_ratio": ("PXSCLRT", "pixel scale over that of the exposures"),
    "pixmap_stepsize": ("PIXSTEP", "step at which the WCS was evaluated"),
    "pixmap_order": ("PIXORDER", "order of interpolation between the steps"),
    "pixmap_tol": ("PIXTOL", "[pixel] largest error of the pixel map"),
    "dtype": ("PLANETYP", "type of the planes"),
    "pointings": ("POINTNGS", "number of groups"),
    "exposure_time": ("EXPTIME", "[s] exposure time"),
    "measurement_time": ("TMEASURE", "[s] measurement time"),
    "start_time": ("EXPSTART", "[d] start of the first exposure, MJD"),
    "end_time": ("EXPEND", "[d] end of the last exposure, MJD"),
    "duration": ("DURATION", "[s] duration of the exposures"),
    "elapsed_exposure_time": ("TELAPSE", "[s] duration of the exposures"),
    "pixelarea_steradians": ("PIXAR_SR", "[sr] area of a pixel"),
    "pixelarea_arcsecsq": ("PIXAR_A2", "[arcsec2] area of a pixel"),
}
"""Keyword and comment of each attribute; others are written by their own name."""

IN_ROWS = ("group_ids",)
"""Attributes that the table of exposures holds."""

NAMES = {"data": "SCI"}
"""Extensions that are not called as the variable."""

TABLE = "HDRTAB"
WCS_TABLE = "ASDF"


def to_fits(mosaic: xr.Dataset, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a mosaic as a FITS file, all of it or nothing.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic, or a part of it.
    path : str or os.PathLike
        The file; compressed if it ends with ``.gz``.
    overwrite : bool, optional
        Whether to replace a file that is there.

    Raises
    ------
    InvalidInputError
        The Dataset is no mosaic.
    FileError
        The file is there already.
    """
    from astropy.io import fits

    if not is_mosaic(mosaic):
        held = ", ".join(map(str, mosaic.data_vars)) or "nothing"
        raise InvalidInputError(
            "to_fits writes mosaics, as empty_mosaic and coadd make: given was a Dataset with "
            + held
        )
    target = Path(path).expanduser()
    if target.exists() and not overwrite:
        raise FileError(f"{target} is there already: replace it with overwrite=True")
    # All planes at once: a graph computed plane by plane would be computed as often.
    hdus = fits.HDUList(list(_hdus(without_sky(mosaic).compute())))
    beside = target.with_name(f".{uuid.uuid4().hex}.{target.name}")
    try:
        hdus.writeto(beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _hdus(mosaic: xr.Dataset) -> Iterator[Any]:
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    primary.header.extend(_cards(mosaic), update=True)
    yield primary
    header = _wcs_header(mosaic)
    for name, row in _planes(mosaic):
        variable = mosaic[name].transpose(*row.dims)
        hdu = fits.ImageHDU(variable.values, name=NAMES.get(name, name.upper()))
        if header is not None and row.dims == schema.PIXELS:
            hdu.header.extend(header.cards, update=True)
        if units := variable.attrs.get("units"):
            hdu.header["BUNIT"] = (str(units), "units of the pixels")
        y0, x0 = pixel_origin(mosaic)
        for key, index, first in (("LTV1", "x", x0), ("LTV2", "y", y0)):
            # The first pixel of a part, in the pixels of the whole.
            if first:
                hdu.header[key] = (-first, f"offset of the part in {index}")
        yield hdu
    yield _rows(mosaic)
    if schema.WCS in mosaic.coords:
        yield _text_table(str(mosaic[schema.WCS].values))


def _planes(mosaic: xr.Dataset) -> Iterator[tuple[str, schema.Variable]]:
    """Yield the planes in the order of the table, and the row of each."""
    for entry in schema.MOSAIC:
        for name in map(str, mosaic.data_vars):
            row = schema.row_of(schema.MOSAIC, name)
            if row == entry and set(mosaic[name].dims) == set(entry.dims):
                yield name, entry


def _cards(mosaic: xr.Dataset) -> Iterator[tuple[str, Any, str]]:
    """Yield options and totals; what a keyword cannot hold is written as text."""
    for name, given in mosaic.attrs.items():
        if name in IN_ROWS:
            continue
        value = schema.plain(given)
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        elif not isinstance(value, str | int | float | bool):
            value = " ".join(str(entry) for entry in schema.as_list(value))
        if isinstance(value, str):
            value = value.encode("ascii", "replace").decode().replace("\n", " ")
        keyword, comment = KEYWORDS.get(str(name), (f"HIERARCH {name}", ""))
        yield keyword, value, comment
    yield "NEXPOSUR", mosaic.sizes["exposure"], "number of exposures"


def _rows(mosaic: xr.Dataset) -> Any:
    """Return the table of exposures: bit k of plane p of CON is row 32 p + k."""
    from astropy.io import fits

    columns = []
    for entry in schema.PROVENANCE:
        if entry.name not in mosaic:
            continue
        values = mosaic[entry.name].values
        if entry.name in schema.TEXT:
            encoded = np.array([str(value).encode() for value in values], dtype=np.bytes_)
            width = max(encoded.dtype.itemsize, 1)
            columns.append(fits.Column(entry.name, f"{width}A", array=encoded.astype(f"S{width}")))
        else:
            columns.append(
                fits.Column(entry.name, "D", unit=entry.units, array=values.astype(np.float64))
            )
    return fits.BinTableHDU.from_columns(columns, name=TABLE)


def _text_table(text: str) -> Any:
    """Return a table with the WCS as ASDF text, as the files of missions hold theirs."""
    from astropy.io import fits

    content = np.frombuffer(text.encode(), np.uint8)
    column = fits.Column("ASDF_METADATA", f"{len(content)}B", array=content[np.newaxis])
    return fits.BinTableHDU.from_columns([column], name=WCS_TABLE)


def _wcs_header(mosaic: xr.Dataset) -> Any:
    """Return the keywords of the WCS; None where FITS has none for it."""
    wcs = wcs_of(mosaic)
    if wcs is None:
        return None
    y0, x0 = pixel_origin(mosaic)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return header_of(wcs.new_object(), image_shape(mosaic), x0, y0)
