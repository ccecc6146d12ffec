"""Subclasses that work like those of the Roman and Webb pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.wcs.wcsapi.wrappers.base import BaseWCSWrapper
from drizzle.resample import Drizzle

import xresample as xrs
from tests.support.exposures import FLAGS, VARIANCES, output_grid
from tests.support.models import Flag, inside, model, plain, plain_grid
from tests.support.wcs import make_fits, make_sip, make_spectral
from xresample.stcal import build_driz_weight


def test_a_subclass_like_that_of_roman() -> None:
    class RomanResample(xrs.Resample):
        dq_flag_name_map = Flag

        def __init__(self, grid: Any, names: list[str], **options: Any) -> None:
            self.blended: list[int] = []
            self.variance_array_names = names
            super().__init__({"wcs": grid, "pixel_scale": None}, **options)

        def reset_arrays(self, n_input_models: int | None = None) -> None:
            super().reset_arrays(n_input_models)
            self.blended.append(n_input_models or 0)

        def _get_intensity_scale(self, model: Any) -> int:
            return 1

        def add_model_hook(
            self, model: Any, pixmap: Any, pixel_scale_ratio: Any, iscale: Any, weight_map: Any,
            xmin: int, xmax: int, ymin: int, ymax: int,
        ) -> None:  # fmt: skip
            if not hasattr(self, "times"):
                self.times = Drizzle(out_shape=self.output_array_shape, disable_ctx=True)
            weights = build_driz_weight(
                {"data": model["data"], "dq": model["dq"]},
                good_bits=self.good_bits, flag_name_map=self.dq_flag_name_map,
            )  # fmt: skip
            self.times.add_image(
                np.full(model["data"].shape, 55.0, np.float32), exptime=1.0, pixmap=pixmap,
                weight_map=weights, xmin=xmin, xmax=xmax, ymin=ymin, ymax=ymax,
                in_units="cps", pixel_scale_ratio=pixel_scale_ratio,
            )  # fmt: skip

    resample = RomanResample(
        output_grid(), ["var_rnoise", "var_poisson"], n_input_models=2, good_bits="~DO_NOT_USE"
    )
    unknown = dict.fromkeys(("duration", "measurement_time", "pixelarea_steradians", "var_flat"))
    for k in range(2):
        resample.add_model(model(k, **unknown))
    resample.finalize()
    product = resample.output_model
    assert resample.blended == [2]
    assert product["con"].astype(np.uint32).max() == 3
    assert "var_flat" not in product
    assert (product["duration"], product["measurement_time"]) == (0.0, None)
    assert np.nanmax(resample.times.out_img) == pytest.approx(55.0, rel=1e-5)
    assert ((resample.times.out_wht > 0.01) <= (product["wht"] > 0)).all()


class WebbResample(xrs.Resample):
    """A subclass that keeps another output model and processes one group after the other."""

    dq_flag_name_map = FLAGS

    def reset_arrays(self, n_input_models: int | None = None) -> None:
        super().reset_arrays(n_input_models=n_input_models)
        self.kept: dict[str, Any] | None = None

    def add_model(self, model: Any) -> None:
        names = VARIANCES if self._enable_var else VARIANCES[:1]
        needed = {"err", *VARIANCES} - set(names)
        super().add_model({key: value for key, value in model.items() if key not in needed})
        self.kept = self.kept or {}

    def finalize(self) -> None:
        super().finalize()
        assert self.kept is not None
        self.kept.update(self.output_model)

    def group(self, models: list[Any]) -> Any:
        """Return the output model of a group."""
        if self.kept is not None:
            self.reset_arrays(n_input_models=len(models))
        for entry in models:
            self.add_model(entry)
        self.finalize()
        return self.kept


def test_a_subclass_like_that_of_webb_imaging() -> None:
    models = [model(k) for k in range(4)]
    resample = WebbResample({"wcs": output_grid()}, 2, fillval="NAN", enable_var=False)
    groups = [resample.group(models[:2]), resample.group(models[2:])]
    for first, product in zip((0, 2), groups, strict=True):
        alone = WebbResample({"wcs": output_grid()}, fillval="NAN", enable_var=False)
        expected = alone.group(models[first : first + 2])
        for name in ("data", "wht", "con"):
            np.testing.assert_array_equal(product[name], expected[name])
        assert product["pointings"] == 1
        assert product["elapsed_exposure_time"] == models[first]["duration"]
    assert WebbResample({"wcs": output_grid()}, compute_err="from_var")._enable_var


@pytest.mark.parametrize("shape", [(0,), (10, 1)])
def test_variances_of_the_wrong_shape_are_ignored(
    shape: Any, caplog: pytest.LogCaptureFixture
) -> None:
    resample = WebbResample(plain_grid(), compute_err="from_var")
    with pytest.warns(xrs.MissingVarianceWarning):
        product = resample.group([plain(**{name: np.ones(shape) for name in VARIANCES})])
    assert "'var_rnoise' array not available" in caplog.text
    assert np.isnan(product["err"]).all()
    assert np.isnan(product["var_flat"]).all()
    np.testing.assert_allclose(inside(product["data"]), 1.0, rtol=1e-5)


def test_an_unknown_pixel_scale() -> None:
    grid = {"wcs": make_spectral((34, 52)), "pixel_scale": np.nan, "pixel_scale_ratio": 1.0}
    product = WebbResample(grid).group([plain(wcs=make_spectral((24, 40)), shape=(24, 40))])
    assert np.nanmax(product["data"]) == pytest.approx(1.0, rel=1e-5)


def test_a_subclass_like_that_of_webb_spectroscopy() -> None:
    wcs = make_spectral((24, 40))
    grid = {"wcs": make_spectral((34, 52)), "pixel_scale": 0.1, "pixel_scale_ratio": 0.8}
    resample = WebbResample(grid)
    for units, scale in (("MJy", 1 / 0.8), ("MJy/sr", 1.0)):
        one = plain(wcs=wcs, shape=(24, 40), bunit_data=units)
        assert resample._get_intensity_scale(one) == pytest.approx(scale)
        product = resample.group([one])
        assert resample._compute_pixel_scale_ratio(one) is None
        middle = (slice(4, 20), slice(4, 36))
        np.testing.assert_allclose(product["data"][middle], scale, rtol=1e-5)
        np.testing.assert_allclose(product["var_flat"][middle], 0.5 * scale**2 * 0.8, rtol=1e-5)
        assert resample._output_pixel_scale == 0.1
        assert product["pixel_scale_ratio"] == 0.8
    nominal = plain(wcs=wcs, bunit_data="MJy", pixelarea_steradians=None)
    assert resample._get_intensity_scale(nominal) == 1.0
    del one["bunit_data"]
    resample.reset_arrays()
    with pytest.raises(KeyError, match="bunit_data"):
        resample.add_model(one)


class Foreign(BaseWCSWrapper):
    """A WCS that follows APE 14 but is neither from astropy nor from gwcs."""

    def pixel_to_world_values(self, *pixels: Any) -> Any:
        return self._wcs.pixel_to_world_values(*pixels)

    def world_to_pixel_values(self, *world: Any) -> Any:
        return self._wcs.world_to_pixel_values(*world)


def test_any_ape14_wcs_is_accepted() -> None:
    shape = (48, 58)
    grid = make_fits(shape)
    product = {}
    for kind in (lambda wcs: wcs, Foreign):
        resample = xrs.Resample(kind(grid))
        resample.add_model(model(0, wcs=kind(make_sip((40, 50)))))
        product[kind] = resample.output_model
    fits, foreign = product.values()
    assert (fits["wht"] > 0).mean() > 0.5
    for name in ("data", "wht", "con", *VARIANCES):
        np.testing.assert_allclose(fits[name], foreign[name], rtol=1e-5, err_msg=name)
    assert fits.dataset.resample.wcs.wcs.compare(grid.wcs)
    with pytest.raises(xrs.UnsupportedWCSError, match="Foreign"):
        _ = foreign.dataset
