"""Subclasses: overriding a method has the same effect as in stcal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import (
    SHAPE,
    VARIANCES,
    assert_same_bits,
    make_exposure,
    make_exposures,
    output_grid,
)
from tests.support.models import inside, model, plain, plain_grid
from tests.support.wcs import SCALE
from xresample.stcal import build_driz_weight, calc_pixmap
from xresample.wcs.pixmap import PixmapOptions, build_pixmap


def subclass(**methods: Callable[..., Any]) -> type[xrs.Resample]:
    """Return a class that overrides methods; each gets the method of the base class first."""

    def wrapped(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        base = getattr(xrs.Resample, name)
        return lambda self, *given, **named: method(self, partial(base, self), *given, **named)

    own = {name: wrapped(name, method) for name, method in methods.items()}
    return type("Own", (xrs.Resample,), own)


def coadd(kind: type[xrs.Resample], models: Any = None, **options: Any) -> Any:
    """Return the output model of a class."""
    resample = kind(plain_grid(), **options)
    for entry in [plain()] if models is None else models:
        resample.add_model(entry)
    resample.finalize()
    return resample.output_model


def test_create_output_model() -> None:
    kind = subclass(create_output_model=lambda self, base: {**base(), "telescope": "Roman"})
    product = coadd(kind)
    assert product["telescope"] == "Roman"
    assert inside(product["data"])[5, 5] == pytest.approx(1.0)


def test_an_output_model_may_start_with_planes() -> None:
    before = coadd(xrs.Resample, [plain(1.0)], propagate_dq=True, enable_var=False)
    planes = {name: before[name] for name in ("data", "wht", "con", "dq")}
    kind = subclass(create_output_model=lambda self, base: {**base(), **planes})
    product = coadd(kind, [plain(4.0, var_rnoise=np.full(SHAPE, 2.0))], enable_var=False)
    np.testing.assert_allclose(inside(product["data"]), 3.0, rtol=1e-5)
    np.testing.assert_allclose(inside(before["data"]), 1.0, rtol=1e-5)


def test_check_output_wcs() -> None:
    def refuse(self: Any, base: Any, output_wcs: Any, estimate_output_shape: bool = True) -> None:
        base(output_wcs, estimate_output_shape)
        raise xrs.UnsupportedWCSError("not this one")

    with pytest.raises(xrs.UnsupportedWCSError, match="not this one"):
        subclass(check_output_wcs=refuse)(plain_grid())


def test_pixel_areas() -> None:
    area = plain()["pixelarea_steradians"]
    kind = subclass(
        get_input_model_pixel_area=lambda self, base, model, prefer_mean=True: 4 * area,
        get_output_model_pixel_area=lambda self, base, model: 16 * area,
    )
    resample = kind({"wcs": plain_grid()["wcs"]})
    resample.add_model(plain())
    assert resample.output_pixel_scale == pytest.approx(4 * SCALE)
    assert resample.pixel_scale_ratio == pytest.approx(2.0)
    assert resample.output_model["pixel_scale_ratio"] == pytest.approx(2.0)
    np.testing.assert_allclose(inside(resample.output_model["var_flat"]), 0.5 / 4, rtol=1e-5)


@pytest.mark.parametrize("prefer_mean", [True, False])
def test_prefer_mean_selects_the_pixel_area(prefer_mean: bool) -> None:
    resample, nominal = xrs.Resample(plain_grid()), plain()["pixelarea_steradians"]
    area = resample.get_input_model_pixel_area(plain(pixelarea_steradians=None), prefer_mean)
    assert area == pytest.approx(nominal, rel=1e-6)
    area = resample.get_input_model_pixel_area(plain(pixelarea_steradians=1.0), prefer_mean)
    assert area == pytest.approx(nominal if prefer_mean else 1.0, rel=1e-6)


def test_update_time() -> None:
    def later(self: Any, base: Any, model: Any) -> None:
        base({**model, "start_time": 7.0, "exposure_time": 3.0})

    product = coadd(subclass(update_time=later), [plain(), plain(), plain(group_id="2")])
    assert (product["exposure_time"], product["start_time"]) == (6.0, 7.0)
    assert product.dataset.attrs["exposure_time"] == 6.0
    nothing = coadd(subclass(update_time=lambda self, base, model: None))
    assert (nothing["exposure_time"], nothing["start_time"]) == (0.0, None)


def test_init_and_finalize_of_time_counters() -> None:
    def none(self: Any, base: Any) -> None:
        self._output_model["exposure_time"] = -1.0

    assert coadd(subclass(finalize_time_info=none))["exposure_time"] == -1.0
    calls: list[str] = []

    def init(self: Any, base: Any) -> None:
        calls.append("init")
        base()

    resample = subclass(init_time_counters=init, init_variance_arrays=init)(plain_grid())
    assert calls == ["init", "init"]
    resample.reset_arrays()
    assert calls == ["init"] * 4


def test_add_model_hook() -> None:
    seen: list[dict[str, Any]] = []

    def hook(self: Any, base: Any, **given: Any) -> None:
        given["data"] = self.output_model["data"].copy()
        given["groups"] = list(self.group_ids)
        seen.append(given)

    one, grid = model(1), {"wcs": output_grid()}
    one["wcs"].bounding_box = ((2.5, 40.5), (-0.5, 30.5))
    plainly, hooked = xrs.Resample(grid), subclass(add_model_hook=hook)(grid)
    for resample in (plainly, hooked):
        resample.add_model(one)
    given = seen[0]
    assert given["model"] is one
    assert given["groups"] == []
    assert (given["iscale"], given["pixel_scale_ratio"]) == (1.0, hooked.pixel_scale_ratio)
    assert [given[name] for name in ("xmin", "xmax", "ymin", "ymax")] == [3, 40, 0, 30]
    mapping = build_pixmap(one["wcs"], grid["wcs"], *map(range, SHAPE[::-1]), PixmapOptions(1))
    assert (mapping.x, mapping.y) == (range(3, 41), range(31))
    expected = np.full((*SHAPE, 2), np.nan)
    expected[:31, 3:41] = mapping.evaluate(mapping.y, mapping.x)
    np.testing.assert_array_equal(given["pixmap"], expected)
    # The function calls the models of the WCSs, which round their angles.
    by_models = calc_pixmap(one["wcs"], grid["wcs"], SHAPE)
    np.testing.assert_allclose(given["pixmap"], by_models, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(given["weight_map"], build_driz_weight(one, "ivm", 0))
    np.testing.assert_array_equal(given["data"], plainly.output_model["data"])
    for name in ("data", "wht", "con", *VARIANCES):
        np.testing.assert_array_equal(plainly.output_model[name], hooked.output_model[name])


def test_arrays_for_hooks_are_made_only_for_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any) -> None:
        raise AssertionError("no hook reads these arrays")

    monkeypatch.setattr("xresample.stcal.resample.whole_pixmap", never)
    monkeypatch.setattr("xresample.stcal.resample.weights_of", never)
    coadd(xrs.Resample)


def test_validate_input_model() -> None:
    def strict(self: Any, base: Any, model: Any) -> None:
        base(model)
        raise LookupError("no telescope")

    with pytest.raises(LookupError, match="no telescope"):
        coadd(subclass(validate_input_model=strict))


def test_private_scales() -> None:
    def ratio(self: Any, base: Any, model: Any) -> None:
        self._pixel_scale_ratio = 0.5

    kind = subclass(
        _get_intensity_scale=lambda self, base, model: 3, _compute_pixel_scale_ratio=ratio
    )
    product = coadd(kind, compute_err="driz_err")
    assert product["pixel_scale_ratio"] == 0.5
    np.testing.assert_allclose(inside(product["data"]), 3.0, rtol=1e-5)
    np.testing.assert_allclose(inside(product["var_flat"]), 0.5 * 9 * 4, rtol=1e-5)
    np.testing.assert_allclose(inside(product["err"]), 2.0 * 3 * 2, rtol=1e-5)


def test_resample_variance_arrays() -> None:
    def doubled(self: Any, base: Any, model: Any, **how: Any) -> None:
        base({**model, "var_flat": 2 * model["var_flat"]}, **how)

    models = [model(k) for k in range(3)]
    options = {"compute_err": "from_var", "good_bits": None}
    ours, theirs = (
        coadd(xrs.Resample, models, **options),
        coadd(subclass(resample_variance_arrays=doubled), models, **options),
    )
    np.testing.assert_allclose(theirs["var_flat"], 2 * ours["var_flat"], rtol=1e-5)
    np.testing.assert_array_equal(theirs["var_rnoise"], ours["var_rnoise"])
    np.testing.assert_array_equal(theirs["data"], ours["data"])
    total = sum(theirs[name].astype(np.float64) for name in VARIANCES)
    np.testing.assert_allclose(theirs["err"], np.sqrt(total), rtol=1e-5)
    mosaic = theirs.dataset
    assert set(ours.dataset.data_vars) == set(mosaic.data_vars)
    np.testing.assert_array_equal(mosaic["var_flat"], theirs["var_flat"])
    assert mosaic.resample.add(make_exposure(3)).sizes["exposure"] == 4
    nothing = subclass(resample_variance_arrays=lambda self, base, **how: None)
    assert np.isnan(coadd(nothing)["var_flat"]).all()


def test_finalize_resample_variance() -> None:
    def scaled(self: Any, base: Any, output_model: Any) -> None:
        base(output_model)
        output_model["var_flat"] = 100 * output_model["var_flat"]

    product = coadd(subclass(finalize_resample_variance=scaled), compute_err="from_var")
    np.testing.assert_allclose(inside(product["var_flat"]), 50.0, rtol=1e-5)
    np.testing.assert_allclose(inside(product["err"]), np.sqrt(56.25), rtol=1e-5)
    left = coadd(subclass(finalize_resample_variance=lambda self, base, output_model: None))
    assert left["var_flat"] is None


def test_finalize_and_reset() -> None:
    def end(self: Any, base: Any) -> None:
        base()
        self.output_model["done"] = True

    assert coadd(subclass(finalize=end))["done"]
    open_ended = subclass(is_finalized=lambda self, base: True)(plain_grid())
    assert open_ended.is_finalized()


def test_output_types() -> None:
    types = {**xrs.Resample.output_array_types, "con": np.uint32, "var_flat": np.float64}
    kind = type("Own", (xrs.Resample,), {"output_array_types": types})
    product = coadd(kind, [plain()] * 32)
    assert product["con"].dtype == np.uint32
    assert inside(product["con"])[0, 5, 5] == 2**32 - 1
    assert product["var_flat"].dtype == np.float64
    assert product["var_rnoise"].dtype == np.float32
    assert product.dataset["con"].dtype == np.int32


def test_exposures_as_datasets() -> None:
    """The class and `coadd` give the same mosaic."""
    exposures, grid = make_exposures(3), output_grid()
    exposures[1] = exposures[1].isel(x=slice(5, 45), y=slice(3, None))
    resample = xrs.Resample(grid, compute_err="from_var", good_bits="JUMP_DET")
    for exposure in exposures:
        resample.add_model(exposure)
    mosaic = xrs.coadd(
        exposures, grid, compute_err="from_var", good_bits="JUMP_DET", pixmap_stepsize=1,
        pixel_scale_ratio=resample.pixel_scale_ratio, variance_names=VARIANCES,
    )  # fmt: skip
    product = resample.output_model.dataset
    assert_same_bits(product, mosaic)
    assert product.attrs == mosaic.attrs
    again = xrs.Resample(mosaic)
    assert again.output_array_shape == (mosaic.sizes["y"], mosaic.sizes["x"])
    assert again.output_pixel_scale == resample.output_pixel_scale


def test_output_model_is_a_live_mapping() -> None:
    resample = xrs.Resample(plain_grid())
    product = resample.output_model
    resample.add_model(plain())
    assert product is resample.output_model
    assert product["exposure_time"] == 10.0
    assert "telescope" not in product
    product["telescope"] = "HST"
    product["data"] = product["data"] + 1
    del product["dq"]
    assert set(product) == set(product.copy())
    assert len(product) == len(product.copy())
    assert "telescope" in repr(product)
    np.testing.assert_allclose(inside(product.dataset["data"].values), 2.0, rtol=1e-5)
    with pytest.raises(KeyError):
        product["dq"]
    kept = product.dataset
    resample.add_model(plain(5.0))
    assert isinstance(kept, xr.Dataset)
    assert kept.sizes["exposure"] == 1


@pytest.mark.parametrize(
    "change", [{"xmax": SHAPE[1]}, {"ymax": 400}, {"xmin": -1}, {"ymin": 5, "ymax": 4}]
)
def test_ranges_beyond_the_exposure_are_refused(change: dict[str, int]) -> None:
    """A range beyond the data would make the kernels read other memory."""

    def farther(self: Any, base: Any, **arguments: Any) -> None:
        base(**{**arguments, **change})

    with pytest.raises(xrs.InvalidInputError, match="must be pixels of the exposure"):
        coadd(subclass(resample_variance_arrays=farther))
