"""`empty_mosaic`, `add` and `coadd`: accepted arguments, and the layout of the mosaic."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    VARIANCES,
    assert_same_attrs,
    assert_same_bits,
    make_exposure,
    make_exposures,
    output_grid,
    shifted_map,
)

SHAPE = (16, 20)
GRID = output_grid(SHAPE)


def test_empty_mosaic_holds_the_identities() -> None:
    mosaic = xrs.empty_mosaic(GRID, fillval=-1.0, compute_err="driz_err", propagate_dq=True,
                              variance_names=VARIANCES, n_exposures=40)  # fmt: skip
    identities = {"data": -1.0, "err": -1.0, "wht": 0.0, "dq": 0, "con": 0}
    identities |= dict.fromkeys(VARIANCES, np.nan)
    identities |= dict.fromkeys([f"{name}_wht" for name in VARIANCES], 0.0)
    for name, value in identities.items():
        np.testing.assert_array_equal(mosaic[name], value, err_msg=name)
    assert mosaic["con"].shape == (2, *GRID.array_shape)
    assert mosaic.sizes["exposure"] == 0
    assert mosaic.attrs["pointings"] == 0
    assert mosaic.attrs["exposure_time"] == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_dims_and_units_of_planes(dtype: str) -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, dtype=dtype, propagate_dq=True,
                       compute_err="from_var")  # fmt: skip
    for name in ("data", "wht", "err", *VARIANCES):
        assert mosaic[name].dtype == dtype
        assert mosaic[name].dims == ("y", "x")
        assert mosaic[name].attrs["long_name"]
    assert mosaic["con"].dtype == np.int32
    assert mosaic["con"].dims == ("plane", "y", "x")
    assert mosaic["dq"].dtype == np.uint32
    assert mosaic["data"].attrs["units"] == "MJy/sr"
    assert mosaic["err"].attrs["units"] == "MJy/sr"
    assert mosaic["var_flat"].attrs["units"] == "MJy2 / sr2"
    assert mosaic["wht"].attrs["units"] == "sr2 / MJy2"


def test_float64_planes_hold_the_same_image() -> None:
    exposures = make_exposures(2, SHAPE)
    single, double = (xrs.coadd(exposures, GRID, dtype=d) for d in ("float32", "float64"))
    np.testing.assert_allclose(single["data"], double["data"], rtol=1e-6)


def test_any_iterable_of_exposures_is_accepted() -> None:
    exposures = make_exposures(3, SHAPE)
    expected = xrs.coadd(exposures, GRID)
    yielded: list[int] = []

    def source() -> Iterator[xr.Dataset]:
        for k, exposure in enumerate(exposures):
            yielded.append(k)
            yield exposure

    for given in (tuple(exposures), iter(exposures), source()):
        assert_same_bits(xrs.coadd(given, GRID), expected)
    assert yielded == [0, 1, 2]
    assert_same_bits(xrs.empty_mosaic(GRID).resample.add(iter(exposures)), expected)
    assert_same_bits(xrs.empty_mosaic(GRID).resample.add(exposures[:2], exposures[2]), expected)
    assert_same_bits(xrs.coadd(exposures[0], GRID), xrs.coadd(exposures[:1], GRID))


def test_adding_nothing_changes_nothing() -> None:
    with pytest.warns(xrs.NoExposureWarning):
        nothing = xrs.coadd([], GRID)
    assert_same_bits(nothing, xrs.empty_mosaic(GRID))
    mosaic = xrs.coadd(make_exposures(1, SHAPE), GRID)
    assert_same_bits(mosaic.resample.add(), mosaic)


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    exposures = make_exposures(2, SHAPE)
    xrs.coadd(exposures, GRID)
    assert capsys.readouterr().err == ""
    shown = xrs.coadd(exposures, GRID, progress=True)
    assert "2/2" in capsys.readouterr().err
    assert_same_bits(shown, xrs.coadd(exposures, GRID))


@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")  # the cutout is empty
@pytest.mark.parametrize("form", ["wcs", "dict", "mosaic", "cutout"])
def test_the_grid_may_be_given_in_any_form(form: str) -> None:
    exposure = make_exposure(0, SHAPE)
    expected = exposure.resample.onto(GRID)
    targets: dict[str, Any] = {"wcs": GRID, "dict": {"wcs": GRID}, "mosaic": expected,
                               "cutout": expected.isel(y=slice(5, 30), x=slice(8, 20))}  # fmt: skip
    mosaic = exposure.resample.onto(targets[form])
    cut = expected.isel(y=slice(5, 30), x=slice(8, 20)) if form == "cutout" else expected
    assert_same_bits(mosaic, cut)
    assert_same_attrs(mosaic.attrs, cut.attrs)


def test_a_pixmap_replaces_the_wcs() -> None:
    exposure = make_exposure(0, SHAPE).drop_vars("wcs")
    pixmap = shifted_map(SHAPE, 2.5, 1.0)
    mosaic = xrs.empty_mosaic((20, 26), weight_type=None, good_bits=None).resample.add(
        exposure, pixmap=pixmap
    )
    assert "wcs" not in mosaic.coords
    data = exposure["data"].values.astype(np.float64)
    np.testing.assert_allclose(
        mosaic["data"].values[1:17, 3:22], (data[:, 1:] + data[:, :-1]) / 2, rtol=1e-6
    )
    np.testing.assert_array_equal(mosaic["wht"].values[1:17, 3:22], 1.0)
    assert float(mosaic["pixel_scale_ratio"].item()) == pytest.approx(1.0)
    single = pixmap.astype(np.float32)
    assert_same_bits(exposure.resample.onto((20, 26), pixmap=single), exposure.resample.onto(
        (20, 26), pixmap=pixmap))  # fmt: skip


def test_attributes_of_the_user_are_kept() -> None:
    mosaic = xrs.empty_mosaic(GRID).assign_attrs(title="my field", history="made by hand")
    more = mosaic.resample.add(make_exposure(0, SHAPE))
    assert more.attrs["title"] == "my field"
    lines = more.resample.merge(mosaic).attrs["history"].splitlines()
    assert lines == ["made by hand", f"xresample {xrs.__version__} co-added 1 exposure"]


def test_a_variance_may_first_come_with_a_later_exposure() -> None:
    first, second = make_exposures(2, SHAPE)
    mosaic = xrs.coadd([first.drop_vars(["var_flat", "var_sky"]), second], GRID)
    alone = second.resample.onto(GRID)
    np.testing.assert_array_equal(mosaic["var_flat"], alone["var_flat"])
    both = xrs.coadd([first, second], GRID)
    np.testing.assert_array_equal(mosaic["var_rnoise"], both["var_rnoise"])


def test_variance_names_selects_the_variances() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, variance_names="var_flat var_none")
    assert {n for n in mosaic if str(n).startswith("var_")} == {
        "var_flat", "var_flat_wht", "var_none", "var_none_wht"}  # fmt: skip
    assert np.isnan(mosaic["var_none"]).all()
    everything = xrs.coadd(make_exposures(2, SHAPE), GRID)
    np.testing.assert_array_equal(mosaic["var_flat"], everything["var_flat"])


def test_propagated_variances_treat_pixels_as_independent() -> None:
    """One exposure of unit noise, shifted by half a pixel, has sigma 0.5 per pixel, not 1."""
    ones = np.ones((12, 12), np.float32)
    exposure = xrs.make_exposure(ones, variances={"var_rnoise": ones})
    pixmap = shifted_map((12, 12), 3.5, 3.5)
    found = {
        method: exposure.resample.onto((18, 18), pixmap=pixmap, variance_method=method)
        for method in ("propagated", "resampled")
    }
    inside = {"y": slice(5, 13), "x": slice(5, 13)}
    np.testing.assert_allclose(found["propagated"]["var_rnoise"].isel(inside), 0.25, rtol=1e-6)
    np.testing.assert_allclose(found["resampled"]["var_rnoise"].isel(inside), 1.0, rtol=1e-6)
    assert not any(str(name).endswith("_wht") for name in found["propagated"])


def test_a_grid_dict_sets_pixel_scale_and_ratio() -> None:
    given = {"wcs": GRID, "pixel_scale": 0.2, "pixel_scale_ratio": 0.7}
    with pytest.warns(xrs.PixelScaleWarning, match="got 0.2"):
        mosaic = xrs.empty_mosaic(given)
    assert mosaic.attrs["pixel_scale"] == 0.2
    assert mosaic.attrs["pixel_scale_ratio"] == 0.7
    with pytest.warns(xrs.PixelScaleWarning):
        other = xrs.empty_mosaic(given, pixel_scale_ratio=0.9)
    assert other.attrs["pixel_scale_ratio"] == 0.9


def in_memory_before_each(made: list[int]) -> Iterator[xr.Dataset]:
    """Yield exposures; before each, note how many of the earlier ones are still in memory."""
    references: list[weakref.ref[xr.Dataset]] = []
    for k in range(4):
        made.append(sum(reference() is not None for reference in references))
        exposure = make_exposure(k)
        references.append(weakref.ref(exposure))
        yield exposure
        del exposure


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("way", ["coadd", "add", "stacks"])
def test_a_generator_keeps_one_exposure_in_memory(way: str, threads: int) -> None:
    made: list[int] = []
    exposures = in_memory_before_each(made)
    gc.collect()
    gc.disable()
    try:
        if way == "coadd":
            xrs.coadd(exposures, GRID, threads=threads)
        elif way == "add":
            xrs.empty_mosaic(GRID).resample.add(exposures, threads=threads)
        else:
            stacks = (exposure.expand_dims("exposure") for exposure in [make_exposure(9)])
            xrs.empty_mosaic(GRID).resample.add(stacks, exposures, threads=threads)
    finally:
        gc.enable()
    assert made == [0] * 4
