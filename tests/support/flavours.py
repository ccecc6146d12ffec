"""Every flavour of WCS that an exposure can have; the fixture ``flavour`` runs a test on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gwcs
import numpy as np
from astropy import coordinates as coord
from astropy.modeling import models

from .wcs import (
    CRVAL,
    detector_frame,
    make_fits,
    make_grid,
    make_gwcs,
    make_hole,
    make_lookup,
    make_pole,
    make_sip,
    make_tabular,
    make_tpv,
    make_wrap,
    read_fits,
    sky_frame,
)

Shape = tuple[int, int]

GALACTIC = coord.Galactic()
OLD_EQUINOX = coord.FK5(equinox="J1975")


@dataclass(frozen=True)
class Flavour:
    """A kind of WCS: a maker that takes the shape (y, x) of an image, and known properties."""

    name: str
    make: Callable[[Shape], Any]
    smooth: bool = True
    """Whether the map from pixels to the sky has no kinks, no jumps and no NaN."""
    is_equatorial: bool = True
    """Whether the world coordinates are right ascension and declination, not Galactic."""

    def to_equatorial(self, lon: Any, lat: Any) -> tuple[Any, Any]:
        """Return right ascension and declination of world coordinates of this flavour."""
        if self.is_equatorial:
            return lon, lat
        sky = coord.SkyCoord(lon, lat, unit="deg", frame=GALACTIC).icrs
        return sky.ra.deg, sky.dec.deg


def position_in(frame: Any) -> tuple[float, float]:
    """Return the angles of the position ``CRVAL`` in another celestial frame, in degrees."""
    place = coord.SkyCoord(*CRVAL, unit="deg").transform_to(frame).spherical
    return place.lon.deg, place.lat.deg


def make_in_frame(frame: Any, shape: Shape) -> Any:
    """Return a distorted gwcs of the position ``CRVAL`` whose sky is in another frame."""
    return make_gwcs(shape, position_in(frame), reference=frame)


def make_cropped(wcs: Any, shape: Shape) -> Any:
    """Return an astropy WCS with another image shape; its pixels stay where they are."""
    wcs.pixel_shape = shape[::-1]
    return wcs


def make_boxed(shape: Shape) -> Any:
    """Return a gwcs whose bounding box leaves out columns on both sides and rows at the end."""
    wcs = make_gwcs(shape)
    wcs.bounding_box = ((3.2, 0.72 * shape[1]), (-0.5, 0.62 * shape[0]))
    return wcs


def make_jump(shape: Shape, amplitude: float = 6.0) -> Any:
    """Return a gwcs with a jump of ``amplitude`` pixels between two columns."""
    points = np.arange(-1.0, shape[1] + 1)
    table = points + amplitude * (points > 0.6 * shape[1])
    lookup = models.Tabular1D(points=points, lookup_table=table, bounds_error=False)
    model = lookup & models.Identity(1) | make_gwcs(shape, distortion=0.0).forward_transform.copy()
    model.bounding_box = None
    wcs = gwcs.WCS(model, detector_frame(), sky_frame())
    wcs.array_shape = shape
    return wcs


_ALL = (
    Flavour("gwcs", lambda shape: make_grid(shape, rotation=30.0)),
    Flavour("gwcs without inverse", lambda shape: make_gwcs(shape, rotation=33.0, distortion=3.0)),
    Flavour("gwcs rotated by 45 degrees", lambda shape: make_gwcs(shape, rotation=45.0)),
    Flavour("gwcs mirrored", lambda shape: make_gwcs(shape, mirrored=True)),
    Flavour("gwcs with a small bounding box", make_boxed),
    Flavour("gwcs with a table", make_tabular, smooth=False),
    Flavour("gwcs with a jump", make_jump, smooth=False),
    Flavour("gwcs with NaN", make_hole, smooth=False),
    Flavour("gwcs at the pole", make_pole),
    Flavour("gwcs across RA 0", make_wrap),
    Flavour("gwcs in FK5 J1975", lambda shape: make_in_frame(OLD_EQUINOX, shape)),
    Flavour(
        "gwcs in Galactic", lambda shape: make_in_frame(GALACTIC, shape), is_equatorial=False
    ),
    Flavour("TAN", lambda shape: make_fits(shape, rotation=-12.0)),
    Flavour("TAN in FK5", lambda shape: make_fits(shape, radesys="FK5")),
    Flavour("SIP", make_sip),
    Flavour("TPV", make_tpv),
    Flavour("look-up tables", lambda shape: make_cropped(make_lookup(), shape), smooth=False),
    Flavour("Hubble", lambda shape: make_cropped(read_fits("j94f05bgq_flt.fits"), shape)),
    Flavour("Spitzer", lambda shape: make_cropped(read_fits("irac_sip.hdr"), shape)),
)  # fmt: skip

FLAVOURS = {flavour.name: flavour for flavour in _ALL}
"""All flavours by name."""
