"""Lazy mosaics of exposures and grids of all kinds: distorted, rotated, far apart, all-sky."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs
from tests.support.exposures import make_exposure
from tests.support.flavours import GALACTIC, Flavour, position_in
from tests.support.spectral import make_slit, make_target
from tests.support.tiles import FULL, assert_identical, assert_lazy_is_eager
from tests.support.wcs import (
    SCALE,
    make_fits,
    make_grid,
    make_gwcs,
    make_sip,
    make_spectral,
)

SHAPE = (24, 30)
GRID = make_grid((61, 58), scale=0.08, rotation=20.0)

PLACES: dict[str, Callable[[], Any]] = {
    "coarse pixels": lambda: make_gwcs((8, 9), scale=6 * SCALE),
    "fine pixels": lambda: make_gwcs((90, 95), scale=0.2 * SCALE),
    "partly outside": lambda: make_gwcs(SHAPE, offset=(20.0, -25.0)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step", [None, 1])
def test_exposures_of_other_scales_and_places(place: str, step: int | None) -> None:
    wcs = PLACES[place]()
    exposures = [make_exposure(0, wcs.array_shape, wcs), make_exposure(1, SHAPE)]
    for kernel in ("square", "lanczos3"):
        expected = assert_lazy_is_eager(
            exposures, GRID, 17, kernel=kernel, pixmap_stepsize=step, **FULL
        )
        assert bool((expected["con"] & 1).any())


@pytest.mark.parametrize("step", [None, 1])
def test_exposures_of_every_flavour(flavour: Flavour, step: int | None) -> None:
    wcs = flavour.make(SHAPE)
    exposures = [make_exposure(k, SHAPE, wcs) for k in range(2)]
    grid = xrs.fit_wcs(exposures[0], margin=3, pixel_scale_ratio=0.8, rotation=20.0)
    for kernel in ("square", "lanczos3"):
        expected = assert_lazy_is_eager(
            exposures, grid, 17, kernel=kernel, pixmap_stepsize=step, **FULL
        )
        assert bool((expected["con"] & 1).any())


GRIDS: dict[str, Callable[[], Any]] = {
    "sip": lambda: make_sip((60, 50)),
    "galactic": lambda: make_grid((70, 70), position_in(GALACTIC), reference=GALACTIC),
    "fk5": lambda: make_fits((60, 60), radesys="FK5"),
    "coarse pixels": lambda: make_grid((20, 20), scale=5 * SCALE),
    "fine pixels": lambda: make_grid((200, 210), scale=0.1 * SCALE),
    "one row": lambda: make_grid((1, 60)),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_grids_of_several_kinds(kind: str) -> None:
    exposures = [make_exposure(k, SHAPE) for k in range(2)]
    expected = assert_lazy_is_eager(exposures, GRIDS[kind](), 41, **FULL)
    assert bool(expected["con"].any())


def all_sky(shape: tuple[int, int] = (60, 120)) -> WCS:
    """Return a plate carrée grid of the whole sky, whose borders lie at right ascension 180."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---CAR", "DEC--CAR"]
    wcs.wcs.crval = [0.0, 0.0]
    wcs.wcs.crpix = [shape[1] / 2 + 0.5, shape[0] / 2 + 0.5]
    wcs.wcs.cdelt = [-360 / shape[1], 180 / shape[0]]
    wcs.array_shape = shape
    return wcs


@pytest.mark.parametrize("place", [(180.0, 12.0), (0.0, -50.0), (40.0, 90.0), (180.0, -88.0)])
@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_a_grid_of_the_whole_sky(place: tuple[float, float], rotation: float) -> None:
    exposures = [
        make_exposure(k, SHAPE, make_gwcs(SHAPE, place, scale=3600.0, rotation=rotation + 7 * k))
        for k in range(2)
    ]
    expected = assert_lazy_is_eager(exposures, all_sky(), 16, **FULL)
    assert bool(expected["con"].any())


@pytest.mark.parametrize("place", [(330.0, -2.0), (250.0, 2.0), (150.0, 3.0)])
@pytest.mark.parametrize("make", [make_grid, make_fits])
def test_exposures_outside_the_grid(place: tuple[float, float], make: Callable[..., Any]) -> None:
    """Planning warns once per exposure outside the grid; computing does not warn."""
    exposures = [make_exposure(0, SHAPE), make_exposure(1, SHAPE, make_gwcs(SHAPE, place))]
    grid = make((60, 60))
    with pytest.warns(xrs.NoOverlapWarning, match=r"exposure_1\.fits") as record:
        lazy = xrs.coadd(exposures, grid, chunks=17, **FULL)
    assert len(record) == 1
    with pytest.warns(xrs.NoOverlapWarning, match=r"exposure_1\.fits"):
        expected = xrs.coadd(exposures, grid, **FULL)
    assert_identical(lazy, expected)


def test_a_bounding_box_without_a_pixel() -> None:
    wcs = make_gwcs(SHAPE)
    wcs.bounding_box = ((100.0, 120.0), (100.0, 120.0))
    with pytest.warns(xrs.NoOverlapWarning):
        lazy = xrs.coadd(make_exposure(0, SHAPE, wcs), GRID, chunks=17)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xrs.NoOverlapWarning)
        assert_identical(lazy, xrs.coadd(make_exposure(0, SHAPE, wcs), GRID))


@pytest.mark.parametrize("ratio", [None, 0.8])
def test_spectral_mosaics(ratio: float | None) -> None:
    slits: list[xr.Dataset] = [make_slit(k) for k in range(2)]
    target = make_target() if ratio else make_spectral((34, 52))
    expected = assert_lazy_is_eager(slits, target, (13, 20), pixel_scale_ratio=ratio, **FULL)
    assert bool(expected["con"].any())


def test_images_and_spectra_do_not_mix() -> None:
    with pytest.raises(xrs.UnsupportedWCSError, match="must both be imaging or both be spectral"):
        xrs.coadd(make_exposure(0, SHAPE), make_target(), chunks=20)
    with pytest.raises(xrs.UnsupportedWCSError, match="must both be imaging or both be spectral"):
        xrs.coadd(make_slit(0), GRID, chunks=20)
