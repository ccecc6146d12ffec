"""Faults of stcal: each test fails in stcal and passes in xresample."""

from __future__ import annotations

import warnings
from typing import Any

import gwcs
import numpy as np
import pytest
from astropy.modeling import models

import xresample as xrs
from tests.support.exposures import SHAPE
from tests.support.models import MARGIN, fails_in_stcal, inside, plain, plain_grid, run
from tests.support.wcs import bounding_box, detector_frame, make_grid, make_gwcs, sky_frame

# The warning is expected, because these tests leave the variance out.
UNWEIGHTED = pytest.mark.filterwarnings("ignore:.*var_rnoise:xresample.MissingVarianceWarning")


@fails_in_stcal("without var_rnoise, stcal never sets the weights of the variances")
def test_first_exposure_without_read_noise(kind: Any) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        product = run(kind, [plain(var_rnoise=None)])
    ours = [w for w in seen if issubclass(w.category, xrs.MissingVarianceWarning)]
    assert len(ours) == 1
    np.testing.assert_allclose(inside(product["wht"]), 1.0, rtol=1e-5)
    np.testing.assert_allclose(inside(product["var_flat"]), 0.5, rtol=1e-5)


@UNWEIGHTED
@fails_in_stcal("the variances of an exposure get the weights of the exposure before")
def test_later_exposure_without_read_noise(kind: Any) -> None:
    """The weights are 1/4 and 1, so the variance is (2 (1/4)^2 + 8 1^2) / (5/4)^2."""
    second = plain(var_rnoise=None, var_flat=np.full(SHAPE, 8.0, np.float32))
    first = plain(var_flat=np.full(SHAPE, 2.0, np.float32))
    product = run(kind, [first, second])
    np.testing.assert_allclose(inside(product["var_flat"]), 8.125 / 1.5625, rtol=1e-5)


@fails_in_stcal("reset_arrays keeps the group ids, so the times of a known group are not counted")
def test_reset_clears_everything(kind: Any) -> None:
    resample = kind(plain_grid())
    for value in (1.0, 2.0):
        resample.add_model(plain(value))
        resample.finalize()
        assert resample.output_model["exposure_time"] == 10.0
        assert resample.output_model["pointings"] == 1
        assert resample.group_ids == ["1"]
        first = resample.output_model
        assert inside(first["data"])[10, 10] == pytest.approx(value)
        resample.reset_arrays()
    assert inside(first["data"])[10, 10] == pytest.approx(2.0)


@fails_in_stcal("reset_arrays does nothing before finalize")
def test_reset_before_finalize(kind: Any) -> None:
    resample = kind(plain_grid())
    resample.add_model(plain())
    resample.reset_arrays()
    assert resample.output_model["data"] is None
    assert resample.output_model["pointings"] == 0


@fails_in_stcal("without enable_var there are no variances to compute err from")
def test_error_from_variances_enables_them(kind: Any) -> None:
    product = run(kind, [plain()], enable_var=False, compute_err="from_var")
    np.testing.assert_allclose(inside(product["err"]), np.sqrt(6.75), rtol=1e-5)


@fails_in_stcal("the constructor calls None.startswith")
def test_weight_type_none(kind: Any) -> None:
    product = run(kind, [plain()], weight_type=None)
    np.testing.assert_allclose(inside(product["wht"]), 1.0, rtol=1e-5)


@fails_in_stcal("stcal accepts any text that starts with ivm")
def test_unknown_weight_type(kind: Any) -> None:
    with pytest.raises(ValueError, match="ivm-moon"):
        kind(plain_grid(), weight_type="ivm-moon")


@fails_in_stcal("stcal weights the variances by the read noise")
def test_sky_weights_hold_for_variances(kind: Any) -> None:
    two = [plain(var_sky=np.full(SHAPE, v), var_flat=np.full(SHAPE, v)) for v in (1.0, 0.5)]
    product = run(kind, two, weight_type="ivm-sky")
    np.testing.assert_allclose(inside(product["var_flat"]), 3.0 / 9.0, rtol=1e-5)


@fails_in_stcal("a NaN spreads to all output pixels that the input pixel overlaps")
def test_nan_data_are_ignored(kind: Any) -> None:
    one = plain(wcs=make_grid(SHAPE, scale=0.1, rotation=10.0))
    one["data"][10, 12] = np.nan
    product = run(kind, [one, plain()])
    assert np.isfinite(product["data"]).all()


@fails_in_stcal("the weight is negative, so the sum of the weights is wrong")
def test_a_negative_variance_has_no_weight(kind: Any) -> None:
    one = plain()
    one["var_rnoise"][10, 12] = -1.0
    product = run(kind, [one])
    assert (product["wht"] >= 0).all()


def holed(where: tuple[int, int]) -> Any:
    """Return a plain WCS that is NaN at one pixel."""
    table = np.zeros(SHAPE[::-1])
    table[where[1], where[0]] = np.nan
    points = (np.arange(SHAPE[1]), np.arange(SHAPE[0]))
    hole = models.Tabular2D(points=points, lookup_table=table, method="nearest")
    hole.bounds_error = False
    add = models.Mapping((0, 1, 0, 1)) | models.Identity(2) & hole
    plus = models.Mapping((0, 2, 1)) | models.Polynomial2D(1, c1_0=1, c0_1=1) & models.Identity(1)
    model = add | plus | make_grid(SHAPE).forward_transform
    wcs = gwcs.WCS(model, detector_frame(), sky_frame())
    wcs.bounding_box, wcs.array_shape = bounding_box(SHAPE), SHAPE
    return wcs


@fails_in_stcal("neighbours of the pixel are lost too, because corners lie between the centres")
def test_a_nan_in_the_wcs_drops_one_pixel(kind: Any) -> None:
    shifted = make_grid((48, 58))
    product = run(kind, [plain(wcs=holed((10, 12)))], {"wcs": shifted})
    assert (inside(product["wht"]) < 0.1).sum() == 1


class Guarded(gwcs.WCS):
    """A WCS that raises an error if its bounding box is set."""

    @property
    def bounding_box(self) -> Any:
        """The bounding box."""
        return super().bounding_box

    @bounding_box.setter
    def bounding_box(self, value: Any) -> None:
        raise AssertionError("the bounding box was changed")


@fails_in_stcal("stcal removes the bounding box of the output WCS and restores it later")
def test_wcs_objects_are_not_changed(kind: Any) -> None:
    grid = plain_grid()
    grid["wcs"].__class__ = Guarded
    one = plain()
    one["wcs"].__class__ = Guarded
    product = run(kind, [one], grid)
    np.testing.assert_allclose(inside(product["data"]), 1.0, rtol=1e-5)


@fails_in_stcal("drizzle 2.2.0 writes outside its array, which ends the process", run=False)
def test_a_corner_outside_the_output(kind: Any) -> None:
    small = make_grid((SHAPE[0] - 4, SHAPE[1] - 4), rotation=3.0)
    product = run(kind, [plain()], {"wcs": small, "pixel_scale": 0.1})
    np.testing.assert_allclose(product["data"], 1.0, rtol=1e-5)


@fails_in_stcal("stcal counts the first pixel beyond the bounding box as inside")
def test_a_bounding_box_that_ends_between_pixels(kind: Any) -> None:
    wcs = make_gwcs(SHAPE, distortion=0.0)
    wcs.bounding_box = ((-0.5, 29.5), (-0.5, 19.5))

    class Hooked(kind):
        def add_model_hook(self, **given: Any) -> None:
            self.range = tuple(given[name] for name in ("xmin", "xmax", "ymin", "ymax"))

    resample = Hooked(plain_grid())
    resample.add_model(plain(wcs=wcs))
    assert resample.range == (0, 29, 0, 19)


@fails_in_stcal("stcal adds NaN weights to wht")
def test_an_unknown_exposure_time_is_an_error(kind: Any) -> None:
    resample = kind(plain_grid(), weight_type="exptime")
    with pytest.raises(ValueError, match="time"):
        resample.add_model(plain(exposure_time=None, measurement_time=None))


def test_a_failed_add_model_changes_nothing() -> None:
    resample = xrs.Resample(plain_grid(), good_bits="JUMP_DET")
    with pytest.raises(ValueError, match="JUMP_DET"):
        resample.add_model(plain(pixelarea_steradians=1e-14))
    resample.good_bits = 0
    resample.reset_arrays()
    resample.add_model(plain())
    resample.finalize()
    assert resample.output_model["pixel_scale_ratio"] == pytest.approx(1.0)
    assert resample.output_model["pointings"] == 1


def test_the_margin_of_the_grid_stays_empty() -> None:
    """The tests above check only the inside of the grid."""
    assert run(xrs.Resample, [plain()])["wht"][MARGIN - 2, MARGIN] == 0
