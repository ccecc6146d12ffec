"""Sizes of grids and mosaics are checked against the memory of the machine."""

from __future__ import annotations

import pytest

import xresample as xrs
from tests.support.exposures import make_exposure
from tests.support.wcs import make_gwcs
from xresample.datamodel.memory import total_memory

SHAPE = (20, 24)


def test_the_memory_of_the_machine_is_known() -> None:
    """The memory is at least one gibibyte, or unknown."""
    memory = total_memory()
    assert memory is None or memory > 2**30


def test_a_stray_exposure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid that a distant exposure makes huge and empty is refused, with the name."""
    monkeypatch.setattr("xresample.datamodel.grid.total_memory", lambda: 2**30)
    near = [make_exposure(k, SHAPE) for k in range(3)]
    stray = make_exposure(3, SHAPE, wcs=make_gwcs(SHAPE, (180.0, 2.0)), filename="stray.fits")
    with pytest.raises(xrs.InvalidInputError, match=r"stray\.fits lies .* degrees.*plan.*chunks="):
        xrs.fit_wcs([*near, stray])
    assert xrs.fit_wcs(near).array_shape[0] < 100


def test_the_stray_exposure_is_named_across_right_ascension_0(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The middle of exposures on both sides of right ascension 0 lies between them."""
    monkeypatch.setattr("xresample.datamodel.grid.total_memory", lambda: 2**30)
    places = {"a": 359.9995, "b": 0.0005, "c": 359.999, "d": 0.001, "stray": 40.0}
    exposures = [
        make_exposure(0, SHAPE, wcs=make_gwcs(SHAPE, (ra, 2.0)), filename=name)
        for name, ra in places.items()
    ]
    with pytest.raises(xrs.InvalidInputError, match=r"exposure stray lies 40 degrees"):
        xrs.fit_wcs(exposures)


@pytest.mark.parametrize("option", [{"pixel_scale": 1e-5}, {"margin": 10**6}, {"padding": 1e5}])
def test_options_that_make_a_grid_too_large_are_named(
    option: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exposures lie close together, so none of them is the cause."""
    monkeypatch.setattr("xresample.datamodel.grid.total_memory", lambda: 2**30)
    with pytest.raises(xrs.InvalidInputError, match=r"check pixel_scale.*margin and padding"):
        xrs.fit_wcs([make_exposure(k, SHAPE) for k in range(3)], **option)


def test_a_grid_with_too_many_pixels_is_refused() -> None:
    """A tiny pixel scale gives an error that names the scale."""
    with pytest.raises(xrs.InvalidInputError, match="pixel_scale"):
        xrs.fit_wcs([make_exposure(0, SHAPE)], pixel_scale=1e-300)


def test_a_mosaic_larger_than_the_memory_is_refused() -> None:
    """The error estimates the memory and names the remedies."""
    with pytest.raises(xrs.InvalidInputError, match=r"GiB.*xresample\.plan.*chunks="):
        xrs.empty_mosaic((10**6, 10**6))
