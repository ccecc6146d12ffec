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
from xresample.datamodel import provenance, schema
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.exposure_sets import ExposureSets
from xresample.datamodel.labels import SETS, one_table
from xresample.datamodel.mosaic import CONVENTIONS, HISTORY, require_mosaic
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.pixels import pixel_origin, pixels_of
from xresample.errors import ignored_warnings
from xresample.sky.index import without_sky
from xresample.wcs.fits_header import header_of

from .extensions import DATA, extension_of
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
    "software": ("CREATOR", "program that made the mosaic"),
}
"""Keyword and comment of each attribute; attributes that the data model gives keywords have these.
Other attributes keep their names, as HIERARCH cards."""

FACTS = {row.name: row for row in schema.PROVENANCE if row.keywords}
"""Rows of the attributes with keywords of the data model."""

ELSEWHERE = ("group_ids", HISTORY, *CONVENTIONS)
"""Attributes that are not keywords: the table of exposures and the cards HISTORY contain them, or
they are about netCDF."""

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
        The file exists already, or appeared while the mosaic was written; or its folder does not
        exist.
    """
    from astropy.io import fits

    require_mosaic(mosaic)
    target = Path(arguments.path("path", path)).expanduser()
    require_new(target, arguments.flag("overwrite", overwrite))
    hdus = fits.HDUList(list(_hdus(mosaic)))
    with new_file(target, overwrite) as fresh:
        hdus.writeto(fresh)


def to_hdulist(mosaic: xr.Dataset) -> Any:
    """Return the HDUs of the FITS file of a mosaic, in memory.

    Parameters
    ----------
    mosaic : xarray.Dataset
        The mosaic, or a cutout of one.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic.
    """
    from astropy.io import fits

    require_mosaic(mosaic)
    # The HDUs share the arrays of the mosaic, so each HDU is copied.
    return fits.HDUList([hdu.copy() for hdu in _hdus(mosaic)])


def _hdus(mosaic: xr.Dataset) -> Iterator[Any]:
    from astropy.io import fits

    # All planes are computed at once, because dask would compute common parts once per plane.
    mosaic = one_table(without_sky(in_own_pixels(mosaic)).compute())
    primary = fits.PrimaryHDU()
    primary.header.extend(_cards(mosaic), update=True)
    for note in _notes(mosaic):
        primary.header.add_comment(note)
    for line in str(mosaic.attrs.get(HISTORY, "")).splitlines():
        primary.header.add_history(_ascii(line))
    yield primary
    header = _wcs_header(mosaic)
    for name, row in _planes(mosaic):
        if name == SETS:
            yield _set_table(str(mosaic[SETS].values[0, 0]))
            continue
        variable = mosaic[name].transpose(*row.dims)
        # To write an array in another byte order, astropy swaps it in place and back, unless it is
        # read-only. Nobody should see such a plane.
        plane = variable.values.view()
        plane.flags.writeable = False
        hdu = fits.ImageHDU(plane, name=extension_of(name))
        if header is not None and row.dims[-2:] == schema.PIXELS:
            # A header shares the cards that it is extended with, so each image needs a copy.
            hdu.header.extend(header.copy().cards, update=True)
            hdu.header.extend(_further_axes(len(row.dims)), update=True)
        if name == DATA:
            hdu.header.extend(_zero_points(mosaic), update=True)
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
        if name in ELSEWHERE or name in FACTS:
            continue
        value = schema.plain(given)
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        elif not isinstance(value, str | int | float | bool):
            value = " ".join(str(entry) for entry in schema.as_list(value))
        if isinstance(value, str):
            value = _ascii(value)
        keyword, comment = KEYWORDS.get(str(name), (f"HIERARCH {name}", ""))
        yield keyword, value, _fitting(comment, value)
    yield from _fact_cards(mosaic)
    yield "NEXPOSUR", mosaic.sizes["exposure"], "number of exposures"


def _fact_cards(mosaic: xr.Dataset) -> Iterator[tuple[str, Any, str]]:
    """Yield the facts that all exposures share, such as the filter, with their keywords."""
    given = {name: schema.plain(v) for name, v in mosaic.attrs.items() if name in FACTS}
    known = {name: value for name, value in given.items() if provenance.is_known(value)}
    if "date" not in known and "start_time" in mosaic.attrs:
        known["date"] = _iso(float(mosaic.attrs["start_time"]))
    for name, value in known.items():
        row = FACTS[name]
        comment = f"[{row.units}] {row.long_name}" if row.units else row.long_name
        value = _ascii(value) if isinstance(value, str) else value
        for keyword in row.keywords:
            yield keyword, value, _fitting(comment, value)


def _zero_points(mosaic: xr.Dataset) -> Iterator[tuple[str, Any, str]]:
    """Yield the cards of numbers, which calibrate the values; photometry reads them beside data."""
    return (card for card in _fact_cards(mosaic) if isinstance(card[1], float))


def _notes(mosaic: xr.Dataset) -> Iterator[str]:
    """Yield why keywords are missing that some exposures have."""
    for name, row in FACTS.items():
        if name in mosaic.attrs or name not in mosaic.coords:
            continue
        values = {v for v in mosaic[name].values.tolist() if provenance.is_known(v)}
        if values:
            yield (
                f"{row.keywords[0]} is absent because not all exposures have the same value, see "
                f"the column {name} of {TABLE}"
            )


def _fitting(comment: str, value: Any) -> str:
    """Return a comment, or nothing if a card with the value has no room for the comment."""
    # A card has 80 characters: the keyword, the value and three separators come first.
    room = 80 - 10 - max(20, len(str(value)) + 2) - 3
    return comment if len(comment) <= room else ""


def _iso(mjd: float) -> str:
    """Return a time as ISO 8601."""
    from astropy.time import Time

    return str(Time(mjd, format="mjd").isot)


def _ascii(text: str) -> str:
    """Return text with the characters that a card can hold."""
    return text.encode("ascii", "replace").decode().replace("\n", " ")


def _further_axes(count: int) -> Iterator[tuple[str, Any]]:
    """Yield the cards of the axes before ``(y, x)``, which are not celestial, such as planes."""
    if count > 2:
        yield "WCSAXES", count
    for axis in range(3, count + 1):
        yield from ((f"CTYPE{axis}", "INDEX"), (f"CRPIX{axis}", 1.0))
        yield from ((f"CRVAL{axis}", 0.0), (f"CDELT{axis}", 1.0))


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


def _set_table(text: str) -> Any:
    """Return the table of the sets of exposures; its row ``k`` has the exposures of label ``k``."""
    from astropy.io import fits

    sets = ExposureSets.from_text(text)
    rows = np.empty(len(sets), object)
    rows[:] = [sets[label] for label in range(len(sets))]
    column = fits.Column("exposures", "PJ()", array=rows)
    return fits.BinTableHDU.from_columns([column], name=extension_of(SETS))


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
    with ignored_warnings():
        return header_of(wcs.new_object(), pixels_of(mosaic))
