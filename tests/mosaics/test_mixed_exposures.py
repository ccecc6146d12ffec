"""Warnings about mosaics of different filters or instruments."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import make_exposure, output_grid

SHAPE = (12, 14)
GRID = output_grid(SHAPE)


def exposures(*facts: dict[str, Any]) -> list[xr.Dataset]:
    """Return one exposure per dictionary of facts."""
    return [make_exposure(k, SHAPE, **given) for k, given in enumerate(facts)]


def caught(function: Callable[[], Any]) -> list[str]:
    """Return the messages of the warnings about mixed exposures."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function()
    return [str(w.message) for w in found if w.category is xrs.MixedExposuresWarning]


WAYS: dict[str, Callable[[list[xr.Dataset]], Any]] = {
    "coadd": lambda given: xrs.coadd(given, GRID),
    "lazy": lambda given: xrs.coadd(given, GRID, chunks=30),
    "plan": lambda given: xrs.plan(given, GRID),
    "stack": lambda given: xrs.coadd(xrs.concat(given), GRID),
    "add": lambda given: xrs.coadd(given[:1], GRID).resample.add(given[1:]),
    "merge": lambda given: xrs.merge(*(xrs.coadd([e], GRID) for e in given)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fact", "values"),
    [("filter", ("F606W", "F814W")), ("instrument", ("ACS", "WFC3"))],
)
def test_different_exposures_warn_once(way: str, fact: str, values: tuple[str, str]) -> None:
    given = exposures(*({fact: values[k]} for k in (0, 0, 1, 0, 1)))
    (message,) = caught(lambda: WAYS[way](given))
    assert f"{fact}: {values[0]!r} and {values[1]!r}" in message


def test_one_warning_names_filter_and_instrument() -> None:
    given = exposures(
        {"filter": "F606W", "instrument": "ACS"}, {"filter": "F814W", "instrument": "WFC3"}
    )
    (message,) = caught(lambda: xrs.coadd(given, GRID))
    for text in ("'F606W' and 'F814W'", "'ACS' and 'WFC3'"):
        assert text in message


@pytest.mark.parametrize("way", WAYS)
def test_equal_and_unknown_filters_do_not_warn(way: str) -> None:
    given = exposures({"filter": "F606W"}, {}, {"filter": "F606W", "detector": "A"})
    assert caught(lambda: WAYS[way](given)) == []


def test_a_mosaic_that_is_mixed_already_does_not_warn_again(tmp_path: Path) -> None:
    given = exposures({"filter": "a"}, {"filter": "b"}, {"filter": "c"})
    with pytest.warns(xrs.MixedExposuresWarning):
        mosaic = xrs.coadd(given[:2], GRID)
    mosaic.to_netcdf(tmp_path / "m.nc")
    with xr.open_dataset(tmp_path / "m.nc") as opened:
        assert caught(lambda: opened.resample.add(given[2])) == []
    with pytest.warns(xrs.MixedExposuresWarning, match="'a' and 'c'"):
        xrs.coadd(given[:1], GRID).resample.add(given[2])
