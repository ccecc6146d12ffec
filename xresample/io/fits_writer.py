"""Mosaics as FITS files, which DS9, astropy and the tools of the missions can read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xresample import arguments
from xresample.datamodel import schema
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.mosaic import require_mosaic
from xresample.datamodel.pixels import image_shape, pixel_origin
from xresample.errors import ignored_warnings
from xresample.sky.index import without_sky
from xresample.wcs.fits_header import header_of

from .extensions import extension_of
from .replace import new_file, require_new

KEYWORDS = {
    "kernel": ("KERNEL", "drizzle kernel"),
    "pixfrac": ("PIXFRAC", "linear fraction of an input pixel that is used"),
    "fillval": ("FILLVAL", "value of pixels without data"),
    "weight_type": ("WHTTYPE", "type of weights"),
    "good_bits": ("GOODBITS", "flags that good pixels may have"),
    "flag_map": ("FLAGMAP", "names of flags"),
    "enable_ctx": ("DOCTX", "whether there is a context plane"),
    "enable_var": ("DOVAR", "whether there are variance planes"),
    "conserve": ("CONSERVE", "quantity that the pixel scale does not change"),
    "compute_err": ("ERRTYPE", "how ERR was computed"),
    "propagate_dq": ("DODQ", "whether there is a plane of flags"),
    "variance_method": ("VARTYPE", "how variances combine"),
    "variance_names": ("VARNAMES", "requested variances"),
    "error_from_variances": ("ERRVARS", "variances that ERR is computed from"),
    "pixel_scale": ("PIXSCALE", "[arcsec] requested pixel scale"),
    "pixel_scale_ratio": ("PXSCLRT", "pixel scale over pixel scale of exposures"),
    "pixmap_stepsize": ("PIXSTEP", "[pixel] step of WCS evaluations"),
    "pixmap_order": ("PIXORDER", "order of interpolation between steps"),
    "pixmap_tol": ("PIXTOL", "[pixel] maximum error of the pixel map"),
    "dtype": ("PLANETYP", "type of real-valued planes"),
    "pointings": ("POINTNGS", "number of groups"),
    "exposure_time": ("EXPTIME", "[s] exposure time"),
    "measurement_time": ("TMEASURE", "[s] measurement time"),
    "start_time": ("EXPSTART", "[d] MJD start of the first exposure"),
    "end_time": ("EXPEND", "[d] MJD end of the last exposure"),
    "duration": ("DURATION", "[s] sum of the durations of exposures"),
    "elapsed_exposure_time": ("TELAPSE", "[s] sum of the durations of exposures"),
    "pixelarea_steradians": ("PIXAR_SR", "[sr] area of a pixel"),
    "pixelarea_arcsecsq": ("PIXAR_A2", "[arcsec2] area of a pixel"),
}
"""Keyword and comment of each attribute; other attributes keep their names, as HIERARCH cards."""

IN_TABLE = ("group_ids",)
"""Attributes that are not keywords, because the table of exposures contains them."""

TABLE = "HDRTAB"
"""Extension with the table of exposures, as in mosaics of JWST."""

WCS_TABLE = "ASDF"
"""Extension with the WCS as ASDF text, as in files of JWST."""


def to_fits(mosaic: xr.Dataset, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a mosaic as a FITS file, completely or not at all.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic, or a cutout of one.
    path : str or os.PathLike
        The file, compressed if its name ends with ``.gz``.
    overwrite : bool, optional
        Whether to replace an existing file, which keeps its permissions. A link stays, and the file
        that it points to is replaced.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic.
    FileError
        The file exists already, or appeared while the mosaic was written.
    """
    from astropy.io import fits

    require_mosaic(mosaic)
    target = Path(arguments.path("path", path)).expanduser()
    require_new(target, arguments.flag("overwrite", overwrite))
    # All planes are computed at once, because dask would compute common parts once per plane.
    hdus = fits.HDUList(list(_hdus(without_sky(mosaic).compute())))
    with new_file(target, overwrite) as fresh:
        hdus.writeto(fresh)


def _hdus(mosaic: xr.Dataset) -> Iterator[Any]:
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    primary.header.extend(_cards(mosaic), update=True)
    yield primary
    header = _wcs_header(mosaic)
    for name, row in _planes(mosaic):
        variable = mosaic[name].transpose(*row.dims)
        hdu = fits.ImageHDU(variable.values, name=extension_of(name))
        if header is not None and row.dims == schema.PIXELS:
            hdu.header.extend(header.cards, update=True)
        if units := variable.attrs.get("units"):
            hdu.header["BUNIT"] = (str(units), "units of the pixels")
        y0, x0 = pixel_origin(mosaic)
        for key, index, first in (("LTV1", "x", x0), ("LTV2", "y", y0)):
            # A cutout stores its position in the whole mosaic.
            if first:
                hdu.header[key] = (-first, f"offset of the cutout in {index}")
        yield hdu
    yield _exposure_table(mosaic)
    if schema.WCS in mosaic.coords:
        yield _wcs_table(str(mosaic[schema.WCS].values))


def _planes(mosaic: xr.Dataset) -> Iterator[tuple[str, schema.Variable]]:
    """Yield the name and the row of each plane, in the order of the schema."""
    for entry in schema.MOSAIC:
        for name in map(str, mosaic.data_vars):
            row = schema.row_of(schema.MOSAIC, name)
            if row == entry and set(mosaic[name].dims) == set(entry.dims):
                yield name, entry
    for name in str(mosaic.attrs.get("planes", "")).split():
        yield name, schema.further_plane(name)


def _cards(mosaic: xr.Dataset) -> Iterator[tuple[str, Any, str]]:
    """Yield options and totals as cards; values that no card can hold are written as text."""
    for name, given in mosaic.attrs.items():
        if name in IN_TABLE:
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


def _exposure_table(mosaic: xr.Dataset) -> Any:
    """Return the table of exposures; bit k of plane p of CON belongs to row 32 p + k."""
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


def _wcs_table(text: str) -> Any:
    """Return a table with the WCS as ASDF text."""
    from astropy.io import fits

    content = np.frombuffer(text.encode(), np.uint8)
    column = fits.Column("ASDF_METADATA", f"{len(content)}B", array=content[np.newaxis])
    return fits.BinTableHDU.from_columns([column], name=WCS_TABLE)


def _wcs_header(mosaic: xr.Dataset) -> Any:
    """Return the WCS as FITS keywords; None if no keywords reproduce the WCS."""
    wcs = wcs_of(mosaic)
    if wcs is None:
        return None
    y0, x0 = pixel_origin(mosaic)
    with ignored_warnings():
        return header_of(wcs.new_object(), image_shape(mosaic), x0, y0)
