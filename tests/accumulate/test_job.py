"""Admission of exposures: the eager path, the tiled path and the class raise the same errors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import VARIANCES, make_exposure, output_grid
from tests.support.wcs import make_spectral

SHAPE = (12, 14)
GRID = output_grid(SHAPE, margin=6)
GOOD = make_exposure(0, SHAPE)


def with_plane(name: str, array: Any) -> xr.Dataset:
    """Return the good exposure with another plane."""
    return GOOD.assign({name: (("y", "x"), array)})


FAULTS: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "data is missing": (lambda: GOOD.drop_vars("data"), {}, "data is missing"),
    "wcs is missing": (lambda: GOOD.drop_vars("wcs"), {}, "wcs is missing"),
    "complex data": (lambda: with_plane("data", np.ones(SHAPE, complex)), {}, "data"),
    "real dq": (lambda: with_plane("dq", np.zeros(SHAPE)), {}, "dq"),
    "a cube": (lambda: GOOD.expand_dims(band=2), {}, "dimensions"),
    "an empty image": (lambda: GOOD.isel(x=slice(0, 0)), {}, "empty"),
    "uneven pixels": (lambda: GOOD.assign_coords(x=GOOD["x"] ** 2), {}, "x must"),
    "units of another mosaic": (
        lambda: GOOD.assign(data=GOOD["data"].assign_attrs(units="Jy")), {}, "units",
    ),
    "a time that is text": (lambda: GOOD.assign_attrs(exposure_time="long"), {}, "attribute"),
    "a wcs that is not a wcs": (
        lambda: GOOD.assign_coords(wcs=((), "RA---TAN")), {}, "not the ASDF text of a WCS",
    ),
    "a spectral wcs": (lambda: GOOD.resample.assign_wcs(make_spectral(SHAPE)), {}, "spectral"),
    "err is missing": (
        lambda: GOOD.drop_vars("err"), {"compute_err": "driz_err"}, "err is missing",
    ),
    "the level is not a number": (
        lambda: GOOD.assign_attrs(level=np.nan, subtracted=0), {}, "level must be finite",
    ),
    "the time is 0": (
        lambda: GOOD.assign_attrs(exposure_time=0.0, measurement_time=0.0),
        {"weight_type": "exptime"}, "must be positive and fit float32, got 0",
    ),
    "the time is missing": (
        lambda: GOOD.assign_attrs(exposure_time=np.nan, measurement_time=np.nan),
        {"weight_type": "exptime"}, "exposure_time",
    ),
    "error_from_variances names an unknown variance": (
        lambda: GOOD,
        {"compute_err": "from_var", "error_from_variances": ("var_none",)}, "var_none",
    ),
}  # fmt: skip
"""For each fault: a maker of the exposure, the options that matter, a part of the message."""


def eager(exposures: list[Any], options: dict[str, Any]) -> object:
    """Co-add exposures in memory."""
    return xrs.coadd(exposures, GRID, **options)


def tiled(exposures: list[Any], options: dict[str, Any]) -> object:
    """Plan a lazy mosaic."""
    return xrs.coadd(exposures, GRID, chunks=20, **options)


def with_the_class(exposures: list[Any], options: dict[str, Any]) -> object:
    """Add exposures to the stcal-compatible class, which has two options as attributes."""
    attributes = {"variance_array_names": VARIANCES, "error_from_variances": None}
    given = {**options}
    for name in attributes.keys() & given.keys():
        attributes[name] = given.pop(name)
    made = type("Own", (xrs.Resample,), attributes)({"wcs": GRID}, **given)
    for exposure in exposures:
        made.add_model(exposure)
    return made


PATHS = {"eager": eager, "tiled": tiled, "class": with_the_class}


@pytest.mark.parametrize("fault", FAULTS)
def test_all_paths_raise_the_same_error(fault: str) -> None:
    make, options, part = FAULTS[fault]
    given = {"variance_names": VARIANCES, **options}
    raised = {}
    for path, run in PATHS.items():
        own = {**options} if path == "class" else given
        with pytest.raises(xrs.XResampleError, match=part) as caught:
            run([GOOD, make()] if "units" in fault else [make()], own)
        raised[path] = type(caught.value), str(caught.value)
    assert raised["tiled"] == raised["eager"]
    assert raised["class"] == raised["eager"]


@pytest.mark.parametrize("path", ["eager", "class"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_work_is_done_before_the_error(
    fault: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pixel is mapped and nothing is deposited."""
    make, options, _ = FAULTS[fault]
    given = {**options} if path == "class" else {"variance_names": VARIANCES, **options}
    faulty = make()
    if "units" in fault:
        pytest.skip("the first exposure fixes the units, so work is done before the fault")

    def never(*arguments: Any, **options: Any) -> None:
        raise AssertionError("work was done before the error")

    # A module that is imported while the function is replaced would keep the replacement.
    for module in ("xresample.tiled.worker", "xresample.mosaics.drop"):
        importlib.import_module(module)
    monkeypatch.setattr("xresample.accumulate.window.window_of_part", never)
    monkeypatch.setattr("xresample.accumulate.accumulator.add_exposure", never)
    with pytest.raises(xrs.XResampleError):
        PATHS[path]([faulty], given)


def test_a_missing_variance_warns_once_per_exposure_in_all_paths() -> None:
    poor = GOOD.drop_vars("var_rnoise")
    messages = []
    for path, run in PATHS.items():
        names = ("var_flat", "var_poisson")
        options = {"variance_array_names": names} if path == "class" else {"variance_names": names}
        with pytest.warns(xrs.MissingVarianceWarning, match="var_rnoise") as caught:
            run([poor], options)
        assert len(caught) == 1, path
        messages.append(str(caught[0].message))
    assert len(set(messages)) == 1
