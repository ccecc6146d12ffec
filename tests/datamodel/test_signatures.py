"""Signatures and docstrings spell out every option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
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


def test_options_must_be_options() -> None:
    """A dict in place of Options is refused."""
    with pytest.raises(xrs.InvalidInputError, match=r"options must be xresample\.Options"):
        xrs.empty_mosaic(GRID, options={"kernel": "turbo"})
