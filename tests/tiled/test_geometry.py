"""Exposures and grids of all kinds in tiles: distorted, turned, far apart, across a wrap."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import gwcs
import numpy as np
import pytest
import xarray as xr
from astropy import coordinates as coord
from astropy.modeling import models
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import make_exposure
from tests.support.spectral import make_slit, make_target
from tests.support.tiles import FULL, assert_identical, assert_lazy_is_eager
from tests.support.wcs import (
    CRVAL,
    SCALE,
    detector_frame,
    make_fits,
    make_grid,
    make_gwcs,
    make_hole,
    make_lookup,
    make_pole,
    make_sip,
    make_spectral,
    make_tabular,
    make_tpv,
    make_wrap,
    sky_frame,
)

SHAPE = (24, 30)
GRID = make_grid((61, 58), scale=0.08, rotation=20.0)


OLD, GALACTIC = coord.FK5(equinox="J1975"), coord.Galactic()


def in_frame(frame: Any) -> tuple[float, float]:
    """Return where the campaign lies in another frame, in degrees."""
    place = coord.SkyCoord(*CRVAL, unit="deg").transform_to(frame).spherical
    return place.lon.deg, place.lat.deg


def boxed() -> Any:
    """Return a gwcs whose bounding box leaves out a part of the image."""
    wcs = make_gwcs(SHAPE)
    wcs.bounding_box = ((3.2, 21.0), (-0.5, 14.9))
    return wcs


def cut_lookup() -> WCS:
    """Return a WCS with look-up tables that calls its image small."""
    wcs = make_lookup()
    wcs.pixel_shape = SHAPE[::-1]
    return wcs


def kinked(amplitude: float = 6.0) -> Any:
    """Return a gwcs with a jump of some pixels between two columns."""
    points = np.arange(-1.0, SHAPE[1] + 1)
    table = points + amplitude * (points > 17)
    lookup = models.Tabular1D(points=points, lookup_table=table, bounds_error=False)
    model = lookup & models.Identity(1) | make_gwcs(SHAPE, distortion=0.0).forward_transform.copy()
    model.bounding_box = None
    wcs = gwcs.WCS(model, detector_frame(), sky_frame())
    wcs.array_shape = SHAPE
    return wcs


KINDS: dict[str, Callable[[], Any]] = {
    "distorted": lambda: make_gwcs(SHAPE, rotation=33.0, distortion=3.0),
    "turned by 45 degrees": lambda: make_gwcs(SHAPE, rotation=45.0),
    "mirrored": lambda: make_gwcs(SHAPE, mirrored=True),
    "boxed": boxed,
    "fits": lambda: make_fits(SHAPE, rotation=-12.0),
    "sip": lambda: make_sip(SHAPE),
    "tpv": lambda: make_tpv(SHAPE),
    "table": lambda: make_tabular(SHAPE),
    "jump": kinked,
    "hole": lambda: make_hole(SHAPE),
    "coarse": lambda: make_gwcs((8, 9), scale=6 * SCALE),
    "fine": lambda: make_gwcs((90, 95), scale=0.2 * SCALE),
    "partly outside": lambda: make_gwcs(SHAPE, offset=(20.0, -25.0)),
    "other frame": lambda: make_gwcs(SHAPE, in_frame(OLD), reference=OLD),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernel", ["square", "lanczos3"])
def test_kinds_of_exposures(kind: str, kernel: str) -> None:
    wcs = KINDS[kind]()
    shape = wcs.array_shape or SHAPE
    exposures = [make_exposure(0, shape, wcs), make_exposure(1, SHAPE)]
    for step in (None, 1):
        expected = assert_lazy_is_eager(exposures, GRID, 17, kernel=kernel, pixmap_stepsize=step,
                                        **FULL)  # fmt: skip
        assert bool((expected["con"] & 1).any())


GRIDS: dict[str, Callable[[], Any]] = {
    "sip": lambda: make_sip((60, 50)),
    "galactic": lambda: make_grid((70, 70), in_frame(GALACTIC), reference=GALACTIC),
    "fk5": lambda: make_fits((60, 60), radesys="FK5"),
    "coarse": lambda: make_grid((20, 20), scale=5 * SCALE),
    "fine": lambda: make_grid((200, 210), scale=0.1 * SCALE),
    "one row": lambda: make_grid((1, 60)),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_kinds_of_grids(kind: str) -> None:
    exposures = [make_exposure(k, SHAPE) for k in range(2)]
    expected = assert_lazy_is_eager(exposures, GRIDS[kind](), 41, **FULL)
    assert bool(expected["con"].any())


@pytest.mark.parametrize("make", [make_pole, make_wrap])
def test_places_where_longitudes_jump(make: Callable[..., Any]) -> None:
    exposure = make_exposure(0, SHAPE, make(SHAPE))
    grid = xrs.fit_wcs(exposure, margin=3, pixel_scale=0.08)
    assert bool(assert_lazy_is_eager([exposure], grid, 13, **FULL)["con"].any())


def all_sky(shape: tuple[int, int] = (60, 120)) -> WCS:
    """Return a plate carree of the whole sky, which ends at right ascension 180."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---CAR", "DEC--CAR"]
    wcs.wcs.crval = [0.0, 0.0]
    wcs.wcs.crpix = [shape[1] / 2 + 0.5, shape[0] / 2 + 0.5]
    wcs.wcs.cdelt = [-360 / shape[1], 180 / shape[0]]
    wcs.array_shape = shape
    return wcs


@pytest.mark.parametrize("place", [(180.0, 12.0), (0.0, -50.0), (40.0, 90.0), (180.0, -88.0)])
@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_the_whole_sky(place: tuple[float, float], rotation: float) -> None:
    exposures = [
        make_exposure(k, SHAPE, make_gwcs(SHAPE, place, scale=3600.0, rotation=rotation + 7 * k))
        for k in range(2)
    ]
    expected = assert_lazy_is_eager(exposures, all_sky(), 16, **FULL)
    assert bool(expected["con"].any())


@pytest.mark.parametrize("place", [(330.0, -2.0), (250.0, 2.0), (150.0, 3.0)])
@pytest.mark.parametrize("make", [make_grid, make_fits])
def test_exposures_outside(place: tuple[float, float], make: Callable[..., Any]) -> None:
    """A warning for each when the mosaic is planned, and none when it is computed."""
    exposures = [make_exposure(0, SHAPE), make_exposure(1, SHAPE, make_gwcs(SHAPE, place))]
    grid = make((60, 60))
    with pytest.warns(xrs.NoOverlapWarning, match=r"exposure_1\.fits") as record:
        lazy = xrs.coadd(exposures, grid, chunks=17, **FULL)
    assert len(record) == 1
    with pytest.warns(xrs.NoOverlapWarning, match=r"exposure_1\.fits"):
        expected = xrs.coadd(exposures, grid, **FULL)
    assert_identical(lazy, expected)


def test_a_box_without_a_pixel() -> None:
    wcs = make_gwcs(SHAPE)
    wcs.bounding_box = ((100.0, 120.0), (100.0, 120.0))
    with pytest.warns(xrs.NoOverlapWarning):
        lazy = xrs.coadd(make_exposure(0, SHAPE, wcs), GRID, chunks=17)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xrs.NoOverlapWarning)
        assert_identical(lazy, xrs.coadd(make_exposure(0, SHAPE, wcs), GRID))


@pytest.mark.parametrize("ratio", [None, 0.8])
def test_spectra(ratio: float | None) -> None:
    slits: list[xr.Dataset] = [make_slit(k) for k in range(2)]
    target = make_target() if ratio else make_spectral((34, 52))
    expected = assert_lazy_is_eager(slits, target, (13, 20), pixel_scale_ratio=ratio, **FULL)
    assert bool(expected["con"].any())


def test_images_and_spectra_do_not_mix() -> None:
    with pytest.raises(xrs.UnsupportedWCSError, match="both must be of"):
        xrs.coadd(make_exposure(0, SHAPE), make_target(), chunks=20)
    with pytest.raises(xrs.UnsupportedWCSError, match="both must be of"):
        xrs.coadd(make_slit(0), GRID, chunks=20)
