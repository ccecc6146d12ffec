"""Exposures and mosaics as rows of ObsCore, the table in which archives describe data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import xarray as xr

from xresample.arguments import known_names
from xresample.datamodel import schema
from xresample.datamodel.exposure import required_wcs
from xresample.datamodel.facts import facts_of
from xresample.datamodel.mosaic import is_mosaic
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.pixels import pixels_of
from xresample.errors import InvalidInputError
from xresample.sky.region import Region
from xresample.wcs.footprint import pixel_scale

Kind = Literal["U", "i8", "f8"]


@dataclass(frozen=True)
class Column:
    """A column of ObsCore."""

    name: str
    kind: Kind
    """Type: text, integer or real number."""
    unit: str | None
    ucd: str
    utype: str
    description: str


_SPACE = "Char.SpatialAxis."
_POSITION = f"{_SPACE}Coverage.Location.Coord.Position2D.Value2."
_TIME = "Char.TimeAxis."
_LIGHT = "Char.SpectralAxis."

COLUMNS = (
    Column("dataproduct_type", "U", None, "meta.code.class",
           "ObsDataset.dataProductType", "type of the data product"),
    Column("calib_level", "i8", None, "meta.code;obs.calib",
           "ObsDataset.calibLevel", "calibration level, 0 to 4"),
    Column("obs_collection", "U", None, "meta.id", "DataID.collection", "name of the collection"),
    Column("obs_id", "U", None, "meta.id", "DataID.observationID", "identifier of the observation"),
    Column("obs_publisher_did", "U", None, "meta.ref.ivoid",
           "Curation.publisherDID", "identifier by the publisher"),
    Column("access_url", "U", None, "meta.ref.url", "Access.reference", "URL of the data"),
    Column("access_format", "U", None, "meta.code.mime", "Access.format", "format of the data"),
    Column("access_estsize", "i8", "kbyte", "phys.size;meta.file",
           "Access.size", "estimated size of the data"),
    Column("target_name", "U", None, "meta.id;src", "Target.name", "target"),
    Column("s_ra", "f8", "deg", "pos.eq.ra", f"{_POSITION}C1", "right ascension of the centre"),
    Column("s_dec", "f8", "deg", "pos.eq.dec", f"{_POSITION}C2", "declination of the centre"),
    Column("s_fov", "f8", "deg", "phys.angSize;instr.fov",
           f"{_SPACE}Coverage.Bounds.Extent.diameter", "diameter of the region"),
    Column("s_region", "U", None, "pos.outline;obs.field",
           f"{_SPACE}Coverage.Support.Area", "outline on the sky"),
    Column("s_resolution", "f8", "arcsec", "pos.angResolution",
           f"{_SPACE}Resolution.Refval.value", "angular resolution"),
    Column("s_xel1", "i8", None, "meta.number", f"{_SPACE}numBins1", "pixels along x"),
    Column("s_xel2", "i8", None, "meta.number", f"{_SPACE}numBins2", "pixels along y"),
    Column("s_pixel_scale", "f8", "arcsec", "phys.angSize;instr.pixel",
           f"{_SPACE}Sampling.RefVal.SamplingPeriod", "pixel scale"),
    Column("t_min", "f8", "d", "time.start;obs.exposure",
           f"{_TIME}Coverage.Bounds.Limits.StartTime", "start time, MJD"),
    Column("t_max", "f8", "d", "time.end;obs.exposure",
           f"{_TIME}Coverage.Bounds.Limits.StopTime", "stop time, MJD"),
    Column("t_exptime", "f8", "s", "time.duration;obs.exposure",
           f"{_TIME}Coverage.Support.Extent", "exposure time"),
    Column("t_resolution", "f8", "s", "time.resolution",
           f"{_TIME}Resolution.Refval.value", "temporal resolution"),
    Column("t_xel", "i8", None, "meta.number", f"{_TIME}numBins", "elements along time"),
    Column("em_min", "f8", "m", "em.wl;stat.min",
           f"{_LIGHT}Coverage.Bounds.Limits.LoLimit", "minimum wavelength in vacuum"),
    Column("em_max", "f8", "m", "em.wl;stat.max",
           f"{_LIGHT}Coverage.Bounds.Limits.HiLimit", "maximum wavelength in vacuum"),
    Column("em_res_power", "f8", None, "spect.resolution",
           f"{_LIGHT}Resolution.ResolPower.refVal", "spectral resolving power"),
    Column("em_xel", "i8", None, "meta.number", f"{_LIGHT}numBins", "elements along wavelength"),
    Column("o_ucd", "U", None, "meta.ucd", "Char.ObservableAxis.ucd", "UCD of the pixels"),
    Column("pol_states", "U", None, "meta.code;phys.polarization",
           "Char.PolarizationAxis.stateList", "polarization states"),
    Column("pol_xel", "i8", None, "meta.number",
           "Char.PolarizationAxis.numBins", "polarization states, number"),
    Column("facility_name", "U", None, "meta.id;instr.tel",
           "Provenance.ObsConfig.Facility.name", "telescope"),
    Column("instrument_name", "U", None, "meta.id;instr",
           "Provenance.ObsConfig.Instrument.name", "instrument"),
)  # fmt: skip
"""The mandatory columns of ObsCore 1.1 (Louys et al. 2017, table 5), and ``s_pixel_scale``."""

_TIMES = {"t_min": "start_time", "t_max": "end_time", "t_exptime": "exposure_time"}
_TEXTS = {"target_name": "target", "instrument_name": "instrument"}

_UCDS = (
    ("phot.flux.density.sb", ("Jy / sr", "erg / (s cm2 Angstrom sr)", "erg / (s cm2 Hz sr)")),
    ("phot.flux.density", ("Jy", "erg / (s cm2 Angstrom)", "erg / (s cm2 Hz)")),
    ("phot.count", ("ct", "electron", "DN", "adu", "ct/s", "electron/s", "DN/s", "adu/s")),
)
"""UCDs of pixels, and the units to which units of such pixels can be converted."""


def obscore(dataset: xr.Dataset, columns: Mapping[str, Any]) -> Any:
    """Return a row of ObsCore; see `SkyMethods.obscore`.

    Parameters
    ----------
    dataset : Dataset
        An exposure or a mosaic.
    columns : mapping
        Values of columns that the Dataset does not hold, or that replace its own.
    """
    known_names("columns", columns, {column.name: column for column in COLUMNS})
    return _table({**_own(dataset), **columns})


def _own(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the columns that follow from a Dataset; None if the Dataset does not tell."""
    region, own = Region.of(dataset), in_own_pixels(dataset)
    pixels = pixels_of(own)
    stacked = is_mosaic(dataset)
    facts = dict(dataset.attrs) if stacked else facts_of(dataset)
    ra, dec = region.centre
    return {
        "dataproduct_type": "image",
        "calib_level": 3 if stacked else 2,
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": region.diameter,
        "s_region": region.text,
        "s_xel1": len(pixels.x),
        "s_xel2": len(pixels.y),
        "s_pixel_scale": pixel_scale(required_wcs(own).object, pixels),
        **{name: _number(facts.get(fact)) for name, fact in _TIMES.items()},
        **{name: str(schema.plain(facts.get(fact)) or "") for name, fact in _TEXTS.items()},
        "t_xel": 1,
        "em_xel": 1,
        "o_ucd": _ucd_of(dataset["data"].attrs.get("units")),
    }


def _number(value: Any) -> float | None:
    number = math.nan if value is None else float(schema.plain(value))
    return number if math.isfinite(number) else None


def _ucd_of(units: Any) -> str | None:
    """Return the UCD of pixels with these units; None if the units do not tell.

    Examples
    --------
    >>> _ucd_of("MJy/sr"), _ucd_of("electron/s"), _ucd_of("m")
    ('phot.flux.density.sb', 'phot.count', None)
    """
    from astropy.units import Unit

    try:
        unit = Unit(str(units or ""))
    except ValueError:
        return None
    for ucd, known in _UCDS:
        if any(unit.is_equivalent(Unit(name)) for name in known):
            return ucd
    return None


def _table(row: Mapping[str, Any]) -> Any:
    """Return a table of one row; values that are unknown are masked."""
    from astropy.table import MaskedColumn, Table

    table = Table(meta={"name": "ObsCore", "utype": "ObsCore-1.1"})
    for column in COLUMNS:
        value = row.get(column.name)
        unknown = value is None or (column.kind == "U" and not value)
        filler = "" if column.kind == "U" else 0
        try:
            made = MaskedColumn(
                [filler if unknown else value],
                name=column.name,
                dtype=None if column.kind == "U" else column.kind,
                mask=[unknown],
                unit=column.unit,
                description=column.description,
                meta={"ucd": column.ucd, "utype": f"obscore:{column.utype}"},
            )
        except (TypeError, ValueError) as error:
            kind = {"i8": "an integer", "f8": "a number", "U": "text"}[column.kind]
            raise InvalidInputError(f"{column.name} must be {kind}, got {value!r}") from error
        table.add_column(made)
    return table
