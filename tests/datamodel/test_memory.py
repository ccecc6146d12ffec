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


def test_a_grid_with_too_many_pixels_is_refused() -> None:
    """A tiny pixel scale gives an error that names the scale."""
    with pytest.raises(xrs.InvalidInputError, match="pixel_scale"):
        xrs.fit_wcs([make_exposure(0, SHAPE)], pixel_scale=1e-300)


def test_a_mosaic_larger_than_the_memory_is_refused() -> None:
    """The error estimates the memory and names the remedies."""
    with pytest.raises(xrs.InvalidInputError, match=r"GiB.*xresample\.plan.*chunks="):
        xrs.empty_mosaic((10**6, 10**6))
