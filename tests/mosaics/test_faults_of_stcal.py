"""Known faults of stcal: xresample gives the right result instead."""

from __future__ import annotations

import warnings
from typing import Any

import gwcs
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    VARIANCES,
    assert_close,
    assert_same_bits,
    make_arrays,
    make_exposure,
    make_exposures,
    make_model,
    make_wcs,
    output_grid,
    shifted_map,
    stcal_coadd,
)
from tests.support.wcs import make_fits, make_gwcs

SHAPE = (20, 24)
PLAIN: dict[str, Any] = {"weight_type": None, "enable_var": False}


def plain_exposure(k: int = 0, **changes: Any) -> xr.Dataset:
    """Return an exposure without a WCS, which tests add with a pixel map."""
    arrays = {**make_arrays(k, SHAPE, flagged=0.0), **changes}
    return xrs.make_exposure(**arrays, units="MJy/sr", exposure_time=10.0, filename=f"plain {k}")


def two_scales() -> list[xr.Dataset]:
    """Return two exposures with different pixel scales."""
    return [
        make_exposure(k, SHAPE, make_wcs(k, SHAPE, scale=scale), pixelarea_steradians=None)
        for k, scale in ((0, 0.1), (1, 0.13))
    ]


def test_the_order_of_exposures_does_not_scale_the_errors() -> None:
    exposures = two_scales()
    grid = output_grid(SHAPE)
    options = {"compute_err": "from_var", "variance_names": VARIANCES}
    forth, back = xrs.coadd(exposures, grid, **options), xrs.coadd(exposures[::-1], grid, **options)
    for name in ("wht", "data", "err", *VARIANCES):
        assert_close(back[name].fillna(0), forth[name].fillna(0), 1e-6, name=name)
    models = [make_model(e, pixelarea_steradians=None) for e in exposures]
    theirs = [
        stcal_coadd(order, grid, compute_err="from_var")["err"] for order in (models, models[::-1])
    ]
    assert np.nanmax(theirs[1] / theirs[0]) > 1.25
    # For a single exposure, the errors equal those of stcal.
    for exposure, model in zip(exposures, models, strict=True):
        alone = stcal_coadd([model], grid, compute_err="from_var")
        err = exposure.resample.onto(grid, **options)["err"]
        firm = alone["wht"] > 1e-3 * alone["wht"].max()
        assert_close(err, alone["err"], 2e-5, firm)


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize(("weight_type", "name"), [("ivm", "var_rnoise"), ("ivm-sky", "var_sky")])
def test_an_exposure_without_the_variance_has_weight_one(
    lacking: int, weight_type: str, name: str
) -> None:
    exposures = make_exposures(2, SHAPE)
    exposures[lacking] = exposures[lacking].drop_vars(name)
    grid = output_grid(SHAPE)
    with pytest.warns(xrs.MissingVarianceWarning, match=name) as caught:
        mosaic = xrs.coadd(exposures, grid, weight_type=weight_type)
    assert len(caught) == 1
    ones = exposures[lacking].resample.onto(grid, weight_type=None)["wht"]
    other = exposures[1 - lacking].resample.onto(grid, weight_type=weight_type)["wht"]
    assert_close(mosaic["wht"], ones + other, 1e-6)


def test_errors_from_variances_work_without_enable_var() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="from_var",
                       enable_var=False)  # fmt: skip
    total = sum(mosaic[name].fillna(0) for name in (*VARIANCES, "var_sky"))
    covered = mosaic["wht"].values > 0
    assert_close(mosaic["err"].fillna(0), np.sqrt(total), 1e-6, covered)
    assert np.isfinite(mosaic["err"].values[covered]).all()


def test_weight_type_none_counts_pixels() -> None:
    exposure = make_exposure(0, SHAPE)
    mosaic = exposure.resample.onto(output_grid(SHAPE), weight_type=None, good_bits=None)
    assert float(mosaic["wht"].sum()) == pytest.approx(SHAPE[0] * SHAPE[1], rel=1e-6)


@pytest.mark.parametrize("weight_type", ["ivm-", "ivmsky", "ivm-smed", "IVM", "time", 1])
def test_an_unknown_weight_type_is_an_error(weight_type: Any) -> None:
    with pytest.raises(xrs.InvalidInputError, match="weight_type"):
        xrs.empty_mosaic((5, 5), weight_type=weight_type)


@pytest.mark.parametrize("kernel", ["square", "turbo", "gaussian"])
def test_a_nan_in_the_pixel_map_drops_that_pixel_only(kernel: str) -> None:
    pixmap = shifted_map(SHAPE, 3.3, 4.2)
    holed = pixmap.copy()
    holes = np.zeros(SHAPE, bool)
    holes[[0, 7, 9], [0, 11, -1]] = True
    holed[holes] = np.nan
    flagged = plain_exposure(dq=holes.astype(np.uint32))
    start = xrs.empty_mosaic((30, 34), kernel=kernel, compute_err="driz_err")
    expected = start.resample.add(flagged, pixmap=pixmap)
    mosaic = start.resample.add(plain_exposure(), pixmap=holed)
    for name in ("wht", "data", "err", *VARIANCES):
        assert_close(mosaic[name].fillna(0), expected[name].fillna(0), 1e-6, name=name)


def test_a_pixel_map_of_nan_contributes_nothing() -> None:
    start = xrs.empty_mosaic((30, 34), **PLAIN)
    with pytest.warns(xrs.NoOverlapWarning, match="plain 0"):
        mosaic = start.resample.add(plain_exposure(), pixmap=np.full((*SHAPE, 2), np.nan))
    assert not mosaic["wht"].any()
    assert not mosaic["con"].any()
    assert mosaic.sizes["exposure"] == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("plane", ["data", "var_rnoise"])
def test_a_pixel_that_is_not_finite_has_weight_zero(bad: float, plane: str) -> None:
    arrays = make_arrays(0, SHAPE, flagged=0.0)
    holes = np.zeros(SHAPE, bool)
    holes[[3, 8, 15], [5, 12, 20]] = True
    target = arrays["data"] if plane == "data" else arrays["variances"]["var_rnoise"]
    good = {**arrays, "dq": holes.astype(np.uint32)}
    start = xrs.empty_mosaic((30, 34), compute_err="driz_err")
    pixmap = shifted_map(SHAPE, 3.3, 4.2)
    expected = start.resample.add(plain_exposure(**good), pixmap=pixmap)
    target[holes] = bad
    mosaic = start.resample.add(plain_exposure(**arrays), pixmap=pixmap)
    assert_same_bits(mosaic, expected)
    assert np.isfinite(mosaic["data"]).all()
    assert np.isfinite(mosaic["wht"]).all()


def test_ivm_sky_weights_the_variances_too() -> None:
    exposures = make_exposures(3)
    names = (*VARIANCES, "var_sky")
    grid = {"wcs": output_grid(), "pixel_scale": 0.08}
    # stcal weights variances by var_rnoise only, so var_sky is passed under that name.
    models = [make_model(e, var_rnoise=e["var_sky"].values) for e in exposures]
    theirs = stcal_coadd(models, grid, variance_array_names=names)
    mine = xrs.coadd(exposures, grid, weight_type="ivm-sky")
    firm = np.ones(mine["wht"].shape, bool)
    for exposure in exposures:
        overlap = exposure.resample.onto(grid, weight_type=None, enable_var=False)["wht"].values
        firm &= (overlap > 1e-3) | (overlap == 0)
    firm &= theirs["wht"] > 0
    for name in ("var_flat", "var_poisson", "var_sky"):
        assert_close(mine[name], theirs[name], 1e-5, firm, name)


def test_the_bounding_box_of_a_wcs_is_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, wcs = output_grid(SHAPE), make_wcs(0, SHAPE)
    changed: list[Any] = []
    setter = gwcs.WCS.bounding_box.fset

    def recorded(self: Any, value: Any) -> None:
        changed.append(self)
        setter(self, value)

    monkeypatch.setattr(gwcs.WCS, "bounding_box", gwcs.WCS.bounding_box.setter(recorded))
    exposure = make_exposure(0, SHAPE, wcs)
    xrs.coadd(exposure, grid)
    exposure.resample.pixmap(grid)
    xrs.fit_wcs(exposure)
    assert not any(entry is wcs or entry is grid for entry in changed)


@pytest.mark.parametrize("offset", [-0.6, -0.5, -0.4999999, 0.0, 1e-9])
def test_a_corner_just_outside_the_grid_is_cut_off(offset: float) -> None:
    """stcal ends with a segmentation fault here, so no comparison is possible."""
    ny, nx = SHAPE
    start = xrs.empty_mosaic((ny, nx), **PLAIN)
    for x, y in ((offset, 0), (0, offset), (-offset, 0), (0, -offset), (offset, -offset)):
        mosaic = start.resample.add(plain_exposure(), pixmap=shifted_map(SHAPE, x, y))
        inside = (nx - abs(x)) * (ny - abs(y))
        assert float(mosaic["wht"].sum()) == pytest.approx(inside, rel=1e-6)


def test_a_context_with_only_the_highest_bit_can_be_resumed() -> None:
    mosaic = xrs.empty_mosaic((4, 30), kernel="point", **PLAIN)
    exposure = xrs.make_exposure(np.ones((2, 2)))
    places = [0] * 31 + [10, 20]
    for x in places:
        mosaic = mosaic.resample.add(exposure, pixmap=shifted_map((2, 2), x, 1))
    con = mosaic["con"]
    assert con.sizes["plane"] == 2
    assert int(con[0, 1, 10]) == -(1 << 31)
    assert con[:, 1, 20].values.tolist() == [0, 1]
    assert mosaic.resample.contributors(x=10, y=1)["exposure"].values.tolist() == [31]


def test_a_bounding_box_of_one_column_is_one_column() -> None:
    """stcal reads the upper limit 0 as no limit."""
    wcs = make_gwcs(SHAPE, distortion=0.0)
    wcs.bounding_box = (-0.5, 0.4), (-0.5, SHAPE[0] - 0.5)
    exposure = make_exposure(0, SHAPE, wcs)
    mosaic = exposure.resample.onto(output_grid(SHAPE), good_bits=None, **PLAIN)
    assert float(mosaic["wht"].sum()) == pytest.approx(SHAPE[0], rel=1e-6)


def test_the_bounding_box_gives_the_shape_in_the_right_order() -> None:
    grid = output_grid(SHAPE)
    shape = grid.array_shape
    grid.array_shape = None
    mosaic = xrs.empty_mosaic(grid)
    assert (mosaic.sizes["y"], mosaic.sizes["x"]) == shape
    assert shape[0] != shape[1]


def test_a_bounding_box_that_ends_between_two_pixels() -> None:
    """Only pixels whose centre lies inside count; stcal takes one more."""
    wcs = make_gwcs(SHAPE, distortion=0.0)
    wcs.bounding_box = (-0.5, 9.5), (4.5, SHAPE[0] - 0.5)
    exposure = make_exposure(0, SHAPE, wcs)
    mosaic = exposure.resample.onto(output_grid(SHAPE), good_bits=None, **PLAIN)
    assert float(mosaic["wht"].sum()) == pytest.approx(10 * (SHAPE[0] - 5), rel=1e-6)
    pixmap = exposure.resample.pixmap(output_grid(SHAPE))
    assert int(np.isfinite(pixmap).all("axis").sum()) == 10 * (SHAPE[0] - 5)


def test_many_deposits_of_one_exposure_are_rounded_once() -> None:
    rng = np.random.default_rng(5)
    data = rng.normal(1000.0, 1.0, (60, 60)).astype(np.float32)
    pixmap = shifted_map((60, 60)) / 60
    exposure = xrs.make_exposure(data)
    mosaic = xrs.empty_mosaic((1, 1), kernel="point", **PLAIN).resample.add(
        exposure, pixmap=pixmap - 0.49
    )
    assert float(mosaic["wht"].item()) == 3600.0
    assert mosaic["data"].values[0, 0] == np.float32(data.mean(dtype=np.float64))


def test_float64_planes_do_not_drift() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(1000.0, 1.0, 100)
    grid = make_fits((2, 2))
    text = str(xrs.empty_mosaic(grid)["wcs"].values)
    exposures = [xrs.make_exposure(np.full((2, 2), v), text) for v in values]
    options = {"kernel": "point", "enable_ctx": False, **PLAIN}
    planes = {d: xrs.coadd(exposures, grid, dtype=d, **options) for d in ("float32", "float64")}
    drift = {d: abs(float(m["data"][0, 0]) / values.mean() - 1) for d, m in planes.items()}
    assert drift["float64"] < 1e-13
    assert 1e-9 < drift["float32"] < 1e-6


def test_tiny_variances_neither_vanish_nor_overflow() -> None:
    """Variances in MJy squared are near 1e-28."""
    arrays = make_arrays(0, SHAPE, flagged=0.0)
    tiny = {name: v * np.float32(1e-27) for name, v in arrays["variances"].items()}
    pixmap = shifted_map(SHAPE, 3.3, 4.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in ("resampled", "propagated"):
            start = xrs.empty_mosaic((30, 34), variance_method=method)
            plain = start.resample.add(plain_exposure(), pixmap=pixmap)
            small = start.resample.add(plain_exposure(variances=tiny), pixmap=pixmap)
            more = small.resample.add(plain_exposure(variances=tiny), pixmap=pixmap)
            for name in VARIANCES:
                expected = plain[name].fillna(0) * 1e-27
                assert_close(small[name].fillna(0), expected, 1e-5, name=name)
                assert_close(more[name].fillna(0), expected / 2, 1e-5, name=name)
