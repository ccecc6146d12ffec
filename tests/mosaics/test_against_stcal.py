"""The same campaign through stcal and xresample, with every option in turn."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    NOMINAL_AREA,
    SCALE,
    VARIANCES,
    assert_close,
    make_exposure,
    make_exposures,
    make_model,
    output_grid,
    stcal_coadd,
)

TOLERANCE = 1e-5

COVERED = 1e-3
"""Fraction of the largest weight below which the float32 sums of stcal have few digits left."""

MARGINAL = 1e-6
"""Rounding decides whether a smaller overlap sets its context bit."""

TOTALS = (
    *("pointings", "exposure_time", "measurement_time", "start_time", "end_time"),
    *("duration", "elapsed_exposure_time", "pixelarea_steradians", "pixelarea_arcsecsq"),
)


@cache
def campaign() -> tuple[tuple[xr.Dataset, ...], Any]:
    """Return exposures with the same nominal pixel area, and a grid; tests must not change them."""
    return tuple(make_exposures()), output_grid()


GEOMETRY = (
    *("kernel", "pixfrac", "pixel_scale_ratio", "pixmap_stepsize", "pixmap_order"),
    "good_bits",
)


def coverage(mine: xr.Dataset, exposures: Any) -> list[np.ndarray]:
    """Return, per exposure, the sum of its overlaps with each pixel of a mosaic."""
    options = {name: mine.attrs[name] for name in GEOMETRY if name in mine.attrs}
    alone = {"weight_type": None, "enable_var": False, **options}
    return [e.resample.onto(mine, **alone)["wht"].values for e in exposures]


def compare(
    mine: xr.Dataset,
    theirs: dict[str, Any],
    variances: tuple[str, ...] = VARIANCES,
    exposures: Any = None,
    covered: float = COVERED,
) -> None:
    """Compare every output of stcal."""
    overlaps = coverage(mine, campaign()[0] if exposures is None else exposures)
    wht, w = mine["wht"].values, theirs["wht"]
    assert_close(wht, w, TOLERANCE, name="wht")
    empty = w == 0
    np.testing.assert_array_equal(mine["data"].values[empty], theirs["data"][empty])
    assert_close(wht * mine["data"], w * theirs["data"], TOLERANCE, ~empty, "wht * data")
    enough = np.abs(w) > covered * np.abs(w).max()
    assert 0.2 < enough.mean() < 0.9
    assert_close(mine["data"], theirs["data"], TOLERANCE, enough, "data")
    if theirs.get("con") is not None:
        compare_context(mine, theirs["con"], overlaps)
    else:
        assert "con" not in mine
    if theirs.get("dq") is not None:
        np.testing.assert_array_equal(mine["dq"].values[enough], theirs["dq"][enough])
    else:
        assert "dq" not in mine
    compare_noise(mine, theirs, variances, enough, overlaps)
    compare_totals(mine, theirs)


def compare_context(mine: xr.Dataset, con: np.ndarray, overlaps: list[np.ndarray]) -> None:
    """Compare the context bits, except where the overlap of the exposure is marginal."""
    assert mine["con"].shape == con.shape
    for k, overlap in enumerate(overlaps):
        clear = np.abs(overlap) > MARGINAL
        assert 0.1 < clear.mean() < 0.9
        bits, expected = (c[k // 32] >> (k % 32) & 1 for c in (mine["con"].values, con))
        np.testing.assert_array_equal(bits[clear], expected[clear])
        np.testing.assert_array_equal(bits[overlap == 0], 0)


def compare_noise(
    mine: xr.Dataset,
    theirs: dict[str, Any],
    variances: tuple[str, ...],
    enough: np.ndarray,
    overlaps: list[np.ndarray],
) -> None:
    """Compare variances and errors.

    A variance counts in full however small the overlap is, and stcal rounds small overlaps. So only
    pixels are compared that each exposure overlaps well or not at all.
    """
    firm = enough.copy()
    for k, overlap in enumerate(overlaps):
        not_theirs = True if theirs.get("con") is None else ~theirs["con"][0] >> k & 1 == 1
        firm &= (np.abs(overlap) > COVERED) | ((overlap == 0) & not_theirs)
    assert firm.sum() > 0.7 * enough.sum()
    for name in (*variances, "err"):
        if theirs.get(name) is None:
            assert name not in mine
            continue
        where = firm if name != "err" or mine.attrs["compute_err"] == "from_var" else enough
        assert_close(mine[name], theirs[name], TOLERANCE, where, name)
        if name != "err":
            empty = theirs["wht"] == 0
            assert np.isnan(mine[name].values[empty]).all()


def compare_totals(mine: xr.Dataset, theirs: dict[str, Any]) -> None:
    """Compare the totals in the attributes."""
    for name in TOTALS:
        if theirs[name] is None:
            assert name not in mine.attrs
        else:
            assert mine.attrs[name] == pytest.approx(theirs[name], rel=TOLERANCE), name
    assert mine.attrs["kernel"] == theirs["kernel"]
    assert mine.attrs["pixfrac"] == theirs["pixfrac"]


def both(
    options: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
    exposures: Any = None,
    variance_names: tuple[str, ...] | None = VARIANCES,
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Co-add with both; ``theirs`` holds options that only stcal has."""
    known, grid = campaign()
    exposures = known if exposures is None else exposures
    options = dict(options or {})
    # The pixel scale is given because the estimate of stcal is wrong by 4e-6 here: the area of a
    # small polygon is a difference of large numbers.
    target = {"wcs": grid, "pixel_scale": 0.8 * SCALE}
    expected = stcal_coadd(map(make_model, exposures), target, **{**options, **(theirs or {})})
    return xrs.coadd(exposures, target, variance_names=variance_names, **options), expected


def test_defaults_agree() -> None:
    known, grid = campaign()
    mine = xrs.coadd(known, grid, variance_names=VARIANCES)
    theirs = stcal_coadd(map(make_model, known), grid)
    compare(mine, theirs)
    assert mine["con"].dtype == theirs["con"].dtype == np.int32
    assert mine["data"].dtype == theirs["data"].dtype
    # All exposures have the same nominal area here, so the ratio of stcal holds for each exposure.
    ratios = mine["pixel_scale_ratio"].values
    np.testing.assert_allclose(ratios, theirs["pixel_scale_ratio"], rtol=TOLERANCE)
    np.testing.assert_allclose(ratios, 0.8, rtol=1e-8)


@pytest.mark.parametrize("kernel", ["square", "turbo", "point", "gaussian"])
@pytest.mark.parametrize("pixfrac", [0.4, 0.8])
def test_kernels_and_pixfrac(kernel: str, pixfrac: float) -> None:
    compare(*both({"kernel": kernel, "pixfrac": pixfrac, "compute_err": "driz_err"}))


@pytest.mark.parametrize("kernel", ["lanczos2", "lanczos3"])
def test_lanczos(kernel: str) -> None:
    """Positions and scale must agree to the last digits, because the kernel is a table of steps.

    Pixels where the lobes cancel are left out: the float32 sums of stcal have no digits there.
    """
    mine, theirs = both({"kernel": kernel, "pixmap_stepsize": 1})
    # A position that differs by 1e-9 pixel may use another entry of the table.
    flipped = np.abs(mine["wht"] - theirs["wht"]) > TOLERANCE * theirs["wht"].max()
    assert flipped.sum() <= 3
    step = 0.003 * 2 * max(float((1 / e["var_rnoise"]).max()) for e in campaign()[0])
    assert_close(mine["wht"], theirs["wht"], step / theirs["wht"].max())
    for name in ("wht", "data", *VARIANCES):
        theirs[name][flipped] = mine[name].values[flipped]
    compare(mine, theirs, covered=0.15)


def test_point_kernel_with_pixfrac_zero() -> None:
    compare(*both({"kernel": "point", "pixfrac": 0.0}))


@pytest.mark.parametrize("fillval", [0.0, -7.5, "3.5", None, "INDEF", "NaN", "indef"])
def test_fillval(fillval: Any) -> None:
    mine, theirs = both({"fillval": fillval, "enable_var": False})
    compare(mine, theirs, ())
    empty = mine["data"].values[mine["wht"].values == 0]
    assert empty.size > 100
    assert len(np.unique(empty)) == 1


def test_exptime_weights() -> None:
    compare(*both({"weight_type": "exptime"}))


def test_exptime_weights_without_measurement_time() -> None:
    exposures = [e.copy() for e in campaign()[0]]
    for k in (2, 3):
        del exposures[k].attrs["measurement_time"]
    mine, theirs = both({"weight_type": "exptime"}, exposures=exposures)
    assert theirs["measurement_time"] is None
    compare(mine, theirs)


def test_ivm_sky_weights() -> None:
    """Only data and weights are compared, because stcal weights the variances by var_rnoise."""
    names = (*VARIANCES, "var_sky")
    mine, theirs = both(
        {"weight_type": "ivm-sky"}, {"variance_array_names": names}, variance_names=names
    )
    compare(mine, theirs, ())
    assert set(names) <= set(mine)


@pytest.mark.parametrize(
    "good_bits",
    [0, 4, 13, [1, 4], "1,4", "1+4", "1|4", "~4", "~1,4", None, "~0", "JUMP_DET, DROPOUT",
     "~DO_NOT_USE", "~(DO_NOT_USE + HIGHEST)", "JUMP_DET|DROPOUT"],
)  # fmt: skip
def test_good_bits(good_bits: Any) -> None:
    options = {"good_bits": good_bits, "enable_var": False, "propagate_dq": True}
    mine, theirs = both(options, {"dq_flag_name_map": FLAGS})
    compare(mine, theirs, ())


@pytest.mark.parametrize("enable_ctx", [True, False])
@pytest.mark.parametrize("enable_var", [True, False])
@pytest.mark.parametrize("compute_err", ["driz_err", None])
def test_optional_outputs(enable_ctx: bool, enable_var: bool, compute_err: str | None) -> None:
    options = {"enable_ctx": enable_ctx, "enable_var": enable_var, "compute_err": compute_err}
    compare(*both(options))


@pytest.mark.parametrize("names", [None, ("var_rnoise", "var_flat")])
def test_error_from_variances(names: tuple[str, ...] | None) -> None:
    mine, theirs = both({"compute_err": "from_var", "error_from_variances": names})
    compare(mine, theirs)
    np.testing.assert_array_equal(np.isnan(mine["err"]), np.isnan(theirs["err"]))


def test_propagate_dq() -> None:
    mine, theirs = both({"propagate_dq": True, "good_bits": None})
    compare(mine, theirs)
    assert mine["dq"].dtype == np.uint32
    assert np.bitwise_or.reduce(mine["dq"].values, axis=None) == sum(FLAGS.values())


@pytest.mark.parametrize(("stepsize", "order"), [(1, 1), (4, 1), (4, 3), (1000, 3)])
def test_pixmap_stepsize_and_order(stepsize: int, order: int) -> None:
    options = {"pixmap_stepsize": stepsize, "pixmap_order": order}
    compare(*both(options))


def test_a_coarse_linear_map_is_as_coarse_as_in_stcal() -> None:
    """The option has an effect: the map is visibly worse than the default."""
    options = {"pixmap_stepsize": 1000, "pixmap_order": 1, "enable_var": False}
    mine, theirs = both(options)
    compare(mine, theirs, ())
    exact, _ = both({"enable_var": False})
    assert np.abs(mine["wht"] - exact["wht"]).max() > 1e-3 * exact["wht"].max()


@pytest.mark.parametrize("subtracted", [False, True])
def test_sky_level(subtracted: bool) -> None:
    known = campaign()[0]
    exposures = [
        e.assign_attrs(level=0.5 + k, subtracted=int(subtracted)) for k, e in enumerate(known)
    ]
    mine, theirs = both(exposures=exposures)
    compare(mine, theirs)
    assert theirs["level"] is None
    assert "level" not in mine.attrs


@pytest.mark.parametrize("compute_err", ["from_var", "driz_err"])
@pytest.mark.parametrize("kernel", ["square", "turbo"])
def test_a_given_pixel_scale_ratio(compute_err: str, kernel: str) -> None:
    known, grid = campaign()
    options = {"compute_err": compute_err, "kernel": kernel}
    theirs = stcal_coadd(map(make_model, known), {"wcs": grid, "pixel_scale_ratio": 0.7}, **options)
    mine = xrs.coadd(known, grid, pixel_scale_ratio=0.7, variance_names=VARIANCES, **options)
    compare(mine, theirs)
    assert mine.attrs["pixel_scale_ratio"] == theirs["pixel_scale_ratio"] == 0.7
    np.testing.assert_array_equal(mine["pixel_scale_ratio"], 0.7)


def test_a_given_pixel_scale() -> None:
    known, grid = campaign()
    target = {"wcs": grid, "pixel_scale": 0.05}
    with pytest.warns(xrs.PixelScaleWarning, match="got 0.05"):
        mine = xrs.coadd(known, target, variance_names=VARIANCES)
    compare(mine, stcal_coadd(map(make_model, known), target))
    np.testing.assert_allclose(mine["pixel_scale_ratio"], 0.5, rtol=1e-9)
    with pytest.warns(xrs.PixelScaleWarning, match="got 0.05"):
        same = xrs.coadd(known, grid, pixel_scale=0.05, variance_names=VARIANCES)
    np.testing.assert_array_equal(same["var_flat"], mine["var_flat"])


def test_the_mean_area_replaces_a_missing_nominal_area() -> None:
    """One exposure, because stcal would use the ratio of the first exposure for all."""
    exposure = make_exposure(1, pixelarea_steradians=None)
    grid = campaign()[1]
    theirs = stcal_coadd([make_model(exposure, pixelarea_steradians=None)], grid)
    mine = xrs.coadd(exposure, grid, variance_names=VARIANCES)
    compare(mine, theirs, exposures=[exposure])
    ratio = float(mine["pixel_scale_ratio"].item())
    assert ratio == pytest.approx(theirs["pixel_scale_ratio"], rel=TOLERANCE)
    scale = math.sqrt(exposure.resample.pixel_area / NOMINAL_AREA)
    assert abs(scale - 1) > 1e-4
