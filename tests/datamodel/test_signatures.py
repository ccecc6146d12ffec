"""Signatures and docstrings spell out every option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposure
from tests.support.wcs import make_grid

FUNCTIONS = [
    *(xrs.coadd, xrs.empty_mosaic, xrs.plan, xrs.coadd_to_zarr),
    *(xr.Dataset.resample.add, xr.Dataset.resample.onto),
]
GRID = make_grid((8, 9))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_option_is_in_the_signature(function: Callable[..., Any]) -> None:
    """The signature holds each option with its default, keyword-only, and no ``**options``."""
    parameters = inspect.signature(function).parameters
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for field in fields(xrs.Options):
        assert parameters[field.name].default == field.default
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[field.name].annotation == field.type


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_every_option_is_in_the_docstring(function: Callable[..., Any]) -> None:
    """The section "Parameters" describes each option, and sections follow as before."""
    text = inspect.getdoc(function) or ""
    section = text.partition("Parameters\n----------\n")[2].partition("\nReturns\n-------")[0]
    for field in fields(xrs.Options):
        assert f"\n{field.name} : " in section
    assert "\noptions : Options, optional\n" in section
    assert "**options" not in text
    assert "See `Options`" not in section


def test_options_can_be_given_at_once() -> None:
    """An Options object stands for its options, and a name wins over the object."""
    exposure = make_exposure(0, (6, 7))
    options = xrs.Options(kernel="turbo", pixfrac=0.7, weight_type=None)
    named = xrs.coadd([exposure], GRID, kernel="turbo", pixfrac=0.7, weight_type=None)
    assert_same_bits(xrs.coadd([exposure], GRID, options=options), named)
    assert_same_bits(exposure.resample.onto(GRID, options=options), named)
    wider = xrs.coadd([exposure], GRID, options=options, pixfrac=1.0)
    assert wider.attrs["pixfrac"] == 1.0
    assert wider.attrs["kernel"] == "turbo"


def test_functions_with_other_defaults_take_options_at_once() -> None:
    """``stack``, ``blot`` and ``flag_outliers`` take the values that are not defaults."""
    exposures = [make_exposure(k, (12, 14)) for k in range(3)]
    grid = make_grid((16, 18))
    options = xrs.Options(kernel="turbo", weight_type=None, compute_err="driz_err")
    named = {"kernel": "turbo", "weight_type": None, "compute_err": "driz_err"}
    stacked = xrs.stack(exposures, grid, options=options)
    xr.testing.assert_identical(stacked, xrs.stack(exposures, grid, **named))
    # An option that is also given by its name wins.
    xr.testing.assert_identical(
        xrs.stack(exposures, grid, options=options, kernel="point"),
        xrs.stack(exposures, grid, **{**named, "kernel": "point"}),
    )
    exact = xrs.Options(pixmap_stepsize=1)
    xr.testing.assert_identical(
        exposures[0].resample.blot(stacked.isel(group=0), options=exact),
        exposures[0].resample.blot(stacked.isel(group=0), pixmap_stepsize=1),
    )
    loose = xrs.Options(weight_type=None, good_bits=None)
    for one, other in zip(
        xrs.flag_outliers(exposures, grid, options=loose, by=None),
        xrs.flag_outliers(exposures, grid, weight_type=None, good_bits=None, by=None),
        strict=True,
    ):
        xr.testing.assert_identical(one, other)


@pytest.mark.parametrize(
    "function", [xrs.empty_mosaic, partial(xrs.stack, [make_exposure(0, (6, 7))])]
)
def test_options_must_be_options(function: Callable[..., Any]) -> None:
    """A dict in place of Options is refused."""
    with pytest.raises(xrs.InvalidInputError, match=r"options must be xresample\.Options"):
        function(GRID, options={"kernel": "turbo"})


def test_every_function_that_makes_a_mosaic_takes_options_at_once(tmp_path: Path) -> None:
    exposure = make_exposure(0, (6, 7))
    options = xrs.Options(kernel="turbo", pixfrac=0.7, weight_type=None)
    expected = xrs.coadd([exposure], GRID, options=options)
    assert_same_bits(xrs.empty_mosaic(GRID, options=options).resample.add(exposure), expected)
    assert_same_bits(exposure.resample.add(output_wcs=GRID, options=options), expected)
    assert_same_bits(xrs.coadd([exposure], GRID, chunks=5, options=options).compute(), expected)
    stored = xrs.coadd_to_zarr([exposure], GRID, tmp_path / "a.zarr", chunks=5, options=options)
    assert_same_bits(stored.compute(), expected)
    planned = xrs.plan([exposure], GRID, chunks=5, options=options).job.options
    assert (planned.kernel, planned.pixfrac) == ("turbo", 0.7)
