"""Every public function refuses bad arguments with an error of its own, and changes nothing.

A table of calls, one per argument, meets a table of values of all kinds. Each call ends in a
result or in an `XResampleError`, and no call takes an arbitrary object for a value.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import astropy.units as u
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.time import Time

import xresample as xrs
from tests.support.exposures import checksum, make_exposure
from tests.support.wcs import make_grid
from xresample import stcal

mpl.use("Agg")


class Odd:
    """An object that means nothing to any function."""

    def __repr__(self) -> str:
        return "Odd()"


GRID = make_grid((8, 9))
EXPOSURE = make_exposure(0, (6, 7))
WCS = EXPOSURE.resample.wcs
CENTRE = tuple(map(float, GRID.pixel_to_world_values(4, 4)))
ODD = "an object"


@cache
def mosaic() -> xr.Dataset:
    """Return a mosaic. A constant would compile kernels while pytest collects tests."""
    return xrs.coadd([EXPOSURE], GRID)


def of_mosaic(name: str) -> Callable[..., Any]:
    """Return a method of the mosaic."""
    return lambda *args, **options: getattr(mosaic().resample, name)(*args, **options)


A_MOSAIC = "a mosaic"

VALUES: dict[str, Any] = {
    ODD: Odd(),
    "a function": len,
    "a class": Odd,
    "None": None,
    "text": "nonsense",
    "empty text": "",
    "bytes": b"x",
    "a fraction": 3.5,
    "a negative number": -1,
    "zero": 0,
    "NaN": np.nan,
    "infinity": np.inf,
    "True": True,
    "a tiny number": 1e-300,
    "a large number": 1e300,
    "a large integer": 10**30,
    "a complex number": 1j,
    "an empty list": [],
    "a mapping": {"a": Odd()},
    "an array": np.array([1.0, 2.0]),
    "an array of objects": np.array([None, "a"]),
    "a Quantity": 3.0 * u.pix,
    "Quantities": [1, 2] * u.s,
    "a masked value": np.ma.masked,
    "a Dataset": xr.Dataset(),
    "a DataArray": xr.DataArray([1.0, 2.0], dims="t"),
    "an exposure": EXPOSURE,
    A_MOSAIC: mosaic,
    "a date": np.datetime64("2026-01-01"),
    "a Time": Time(60000, format="mjd"),
    "a SkyCoord": SkyCoord(10 * u.deg, 10 * u.deg),
    "a set": {1, "a"},
    "a ragged list": [[1], [2, 3]],
    "a path": Path("missing/file.fits"),
    "a pair": (3, 4),
    "a negative pair": (0, -4),
    "a large pair": (10**7, 10**7),
}

OURS = tuple(
    entry
    for entry in (getattr(xrs, name) for name in xrs.__all__)
    if isinstance(entry, type) and issubclass(entry, Warning)
)
"""Warnings of this package, which tell that a value is unusual."""

ANYTHING = {
    "make_exposure title",  # Attributes that have no meaning are kept as they are.
    "Resample.add_model filename",  # The name is written as text.
    "Resample.add_model group_id",  # Any object with a hash names a group.
    "Resample.add_model bunit_data",  # The unit is written as text.
    "Resample.add_model subtracted",  # Pipelines pass True, False or None.
    "is_flux_density bunit",  # The function tells that an object is not a unit.
}
"""Calls that accept any object."""


def model() -> dict[str, Any]:
    """Return an exposure as pipelines pass it."""
    planes = {name: EXPOSURE[name].values for name in EXPOSURE.data_vars}
    times = dict.fromkeys(("exposure_time", "measurement_time", "duration"), 1.0)
    return {
        **planes, **times, "wcs": WCS, "filename": "a", "group_id": "a",
        "start_time": 1.0, "end_time": 2.0, "bunit_data": "MJy/sr", "level": 0.0,
        "pixelarea_steradians": 1e-12, "subtracted": True,
    }  # fmt: skip


def keywords(
    name: str, function: Callable[..., Any], *args: Any, options: Any
) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield one call per keyword of a function."""
    for option in options:
        yield f"{name} {option}", lambda value, o=option: function(*args, **{o: value})


Calls = Iterator[tuple[str, Callable[[Any], Any]]]
"""Names of calls, each with a function of the value of one argument."""


def calls_of_verbs() -> Calls:
    """Yield the calls of functions that co-add."""
    options = tuple(xrs.Options.__dataclass_fields__)
    yield "coadd exposures", lambda v: xrs.coadd(v, GRID)
    yield "coadd output_wcs", lambda v: xrs.coadd([EXPOSURE], v)
    yield from keywords(
        "coadd", xrs.coadd, [EXPOSURE], GRID, options=(*options, "chunks", "threads", "progress")
    )
    yield from keywords("Options", xrs.Options, options=options)
    for option in options:
        yield f"from_attrs {option}", lambda v, o=option: xrs.Options.from_attrs({o: v})
    yield "require_equal", lambda v: xrs.Options().require_equal(v)
    yield "plan exposures", lambda v: xrs.plan(v, GRID)
    yield from keywords("plan", xrs.plan, [EXPOSURE], GRID, options=("chunks", "threads"))
    yield "coadd_to_zarr store", lambda v: xrs.coadd_to_zarr([EXPOSURE], GRID, v)
    yield from keywords(
        "coadd_to_zarr", xrs.coadd_to_zarr, [EXPOSURE], GRID, "s.zarr",
        options=("chunks", "overwrite", "compressors", "threads", "progress"),
    )  # fmt: skip
    yield "empty_mosaic output_wcs", xrs.empty_mosaic
    yield "empty_mosaic n", lambda v: xrs.empty_mosaic(GRID, n_exposures=v)
    yield "fit_wcs exposures", xrs.fit_wcs
    yield from keywords(
        "fit_wcs", xrs.fit_wcs, [EXPOSURE],
        options=("pixel_scale", "pixel_scale_ratio", "rotation", "reference", "align_with",
                 "margin"),
    )  # fmt: skip
    yield "merge", lambda v: xrs.merge(mosaic(), v)
    yield "concat", xrs.concat


def calls_of_makers() -> Calls:
    """Yield the calls of functions that make exposures."""
    image = np.zeros((3, 4))
    yield "make_exposure data", xrs.make_exposure
    yield "make_exposure wcs", lambda v: xrs.make_exposure(image, v)
    yield from keywords(
        "make_exposure", xrs.make_exposure, image,
        options=("err", "dq", "variances", "units", "flag_map", "exposure_time", "start_time",
                 "level", "subtracted", "title"),
    )  # fmt: skip
    yield "make_exposure var_x", lambda v: xrs.make_exposure(image, variances={"var_x": v})
    flags = np.zeros((3, 4), int)
    yield "make_exposure flag", lambda v: xrs.make_exposure(image, dq=flags, flag_map={"A": v})
    yield "open_exposures", xrs.open_exposures


def calls_of_methods() -> Calls:
    """Yield the calls of methods of the accessor, and of plots."""
    e = EXPOSURE.resample
    yield "plot_footprints", xrs.plot_footprints
    yield from keywords("plot_footprints", xrs.plot_footprints, [EXPOSURE], options=("on", "ax"))
    yield "assign_wcs", e.assign_wcs
    yield "add", of_mosaic("add")
    yield "add output_wcs", lambda v: e.add(output_wcs=v)
    yield from keywords(
        "add", of_mosaic("add"), EXPOSURE, options=("pixmap", "threads", "progress")
    )
    yield from keywords("onto", e.onto, GRID, options=("pixmap", "threads", "pixfrac"))
    yield from keywords("pixmap", e.pixmap, GRID, options=("pixmap_stepsize", "pixmap_tol"))
    yield from keywords(
        "weight_map", e.weight_map, options=("weight_type", "good_bits", "flag_map")
    )
    yield "contributors x", lambda v: mosaic().resample.contributors(x=v, y=1)
    yield "contributors y", lambda v: mosaic().resample.contributors(x=1, y=v)
    yield "filled", of_mosaic("filled")
    yield "err", of_mosaic("err")
    yield "cutout ra", lambda v: mosaic().resample.cutout(v, CENTRE[1], 3)
    yield "cutout dec", lambda v: mosaic().resample.cutout(CENTRE[0], v, 3)
    yield "cutout size", lambda v: mosaic().resample.cutout(*CENTRE, v)
    near = {"ra": CENTRE[0], "dec": CENTRE[1], "method": "nearest"}
    for name in ("ra", "dec", "method"):
        yield f"sel {name}", lambda v, n=name: mosaic().resample.with_sky().sel(**{**near, n: v})
    yield "plot variable", of_mosaic("plot")
    yield from keywords(
        "plot", of_mosaic("plot"),
        options=("ax", "stretch", "vmin", "limits", "percentiles", "cmap", "add_colorbar"),
    )  # fmt: skip
    yield from keywords(
        "plot_context", of_mosaic("plot_context"), options=("ax", "cmap", "add_colorbar")
    )
    yield "to_fits", of_mosaic("to_fits")
    yield "to_fits overwrite", lambda v: mosaic().resample.to_fits("a.fits", v)


def calls_of_stcal() -> Calls:
    """Yield the calls of the interface of stcal."""
    flags = np.zeros((3, 4), int)
    yield "Resample output_wcs", xrs.Resample
    yield from keywords(
        "Resample", xrs.Resample, {"wcs": GRID},
        options=("n_input_models", "pixfrac", "kernel", "fillval", "weight_type", "good_bits",
                 "enable_ctx", "enable_var", "compute_err", "propagate_dq", "pixmap_stepsize",
                 "pixmap_order"),
    )  # fmt: skip
    yield "Resample.add_model", lambda v: xrs.Resample({"wcs": GRID}).add_model(v)
    for key in model():
        yield (
            f"Resample.add_model {key}",
            lambda v, k=key: xrs.Resample({"wcs": GRID}).add_model({**model(), k: v}),
        )
    yield "build_driz_weight", stcal.build_driz_weight
    yield "build_mask dq", lambda v: stcal.build_mask(v, 0)
    yield "build_mask bits", lambda v: stcal.build_mask(flags, v)
    yield "calc_pixmap from", lambda v: stcal.calc_pixmap(v, GRID)
    yield "calc_pixmap to", lambda v: stcal.calc_pixmap(GRID, v)
    yield "calc_pixmap shape", lambda v: stcal.calc_pixmap(GRID, GRID, v)
    yield "compute_mean_pixel_area", stcal.compute_mean_pixel_area
    yield "is_flux_density bunit", stcal.is_flux_density


CALLS = dict(chain(calls_of_verbs(), calls_of_makers(), calls_of_methods(), calls_of_stcal()))


def test_the_table_is_large() -> None:
    """At least 500 combinations of an argument and a value are tried."""
    assert len(CALLS) * len(VALUES) >= 500


@pytest.mark.parametrize("name", CALLS)
def test_a_bad_argument_gives_an_error_of_this_package(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value gives a result or an XResampleError; missing files give an OSError."""
    monkeypatch.chdir(tmp_path)
    before = checksum(mosaic()), checksum(EXPOSURE)
    wrong = []
    for kind, value in VALUES.items():
        try:
            with warnings.catch_warnings():
                for ours in OURS:
                    warnings.simplefilter("ignore", ours)
                warnings.filterwarnings("ignore", "Duplicate bit flags")
                CALLS[name](value() if kind == A_MOSAIC else value)
        except xrs.XResampleError:
            continue
        except OSError as error:
            if "open" not in name and "to_fits" not in name:
                wrong.append(f"{kind}: {error!r}")
            continue
        except Exception as error:
            wrong.append(f"{kind}: {error!r:.200}")
            continue
        finally:
            plt.close("all")
        if kind == ODD and name not in ANYTHING:
            wrong.append(f"{kind} is accepted")
    assert not wrong, "\n".join(wrong)
    assert (checksum(mosaic()), checksum(EXPOSURE)) == before


@pytest.mark.parametrize("name", ["coadd", "plan", "onto", "coadd_to_zarr"])
def test_a_misspelt_option_gets_a_proposal(name: str) -> None:
    """The error of an unknown option names the most similar option."""
    functions: dict[str, Callable[..., Any]] = {
        "coadd": lambda **o: xrs.coadd([EXPOSURE], GRID, **o),
        "plan": lambda **o: xrs.plan([EXPOSURE], GRID, **o),
        "onto": lambda **o: EXPOSURE.resample.onto(GRID, **o),
        "coadd_to_zarr": lambda **o: xrs.coadd_to_zarr([EXPOSURE], GRID, "unused.zarr", **o),
    }
    with pytest.raises(xrs.InvalidInputError, match=r"pixfrak \(did you mean 'pixfrac'\?\)"):
        functions[name](pixfrak=1.0)
    assert not os.path.exists("unused.zarr")


@pytest.mark.parametrize(
    ("call", "typo", "meant"),
    [
        (xrs.flag_outliers, "snrr", "snr"),
        (xrs.flag_outliers, "pixfrak", "pixfrac"),
        (xrs.flag_outliers, "driz_cr_gro", "driz_cr_grow"),
        (partial(xrs.flag_outliers, resample_data=False), "grew", "grow"),
        (xrs.stack, "chunkz", "chunks"),
        (xrs.fill_flagged, "iteration", "iterations"),
        (xrs.plan, "thread", "threads"),
        (xrs.coadd, "chunk", "chunks"),
        (xrs.make_mosaic, "outlier", "outliers"),
        (partial(xrs.coadd_to_zarr, store="never.zarr"), "overwrit", "overwrite"),
        (lambda e, g, **how: e[0].resample.blot(xrs.coadd(e, g), **how), "variabel", "variable"),
        (lambda e, g, **how: e[0].resample.onto(g, **how), "pixmp", "pixmap"),
    ],
)
def test_typos_of_parameters_beside_options(call: Any, typo: str, meant: str) -> None:
    """A function with options proposes its parameters, too."""
    with pytest.raises(xrs.InvalidInputError, match=rf"{typo} \(did you mean '{meant}'\?\)"):
        call([EXPOSURE], GRID, **{typo: 1})


def test_a_misspelt_value_gets_a_proposal() -> None:
    """The error of an unknown value names the most similar value."""
    with pytest.raises(xrs.InvalidInputError, match=r"got 'sqare': did you mean 'square'\?"):
        xrs.coadd([EXPOSURE], GRID, kernel="sqare")


@pytest.mark.parametrize("function", [xrs.coadd, xrs.plan])
def test_paths_point_to_open_exposures(function: Callable[..., Any]) -> None:
    """Paths in place of exposures give an error that says how to open files."""
    with pytest.raises(xrs.InvalidInputError, match=r"xresample\.open_exposures"):
        function("a.fits", GRID)
