"""Faults of the reference, each shown there and mended in ours."""

from __future__ import annotations

import warnings
from typing import Any

import gwcs
import numpy as np
import pytest
from astropy.modeling import models

import xresample as xrs
from tests.support.exposures import SHAPE
from tests.support.models import MARGIN, inside, mended, plain, plain_grid, run
from tests.support.wcs import bounding_box, detector_frame, make_grid, make_gwcs, sky_frame

# That the variance is missing is what these tests are about.
UNWEIGHTED = pytest.mark.filterwarnings("ignore:.*var_rnoise:xresample.MissingVarianceWarning")


@mended("without var_rnoise the weights of the variances are never made")
def test_first_exposure_without_read_noise(kind: Any) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        product = run(kind, [plain(var_rnoise=None)])
    ours = [w for w in seen if issubclass(w.category, xrs.MissingVarianceWarning)]
    assert len(ours) == 1
    np.testing.assert_allclose(inside(product["wht"]), 1.0, rtol=1e-5)
    np.testing.assert_allclose(inside(product["var_flat"]), 0.5, rtol=1e-5)


@UNWEIGHTED
@mended("the variances of a later exposure take the weights of the one before")
def test_later_exposure_without_read_noise(kind: Any) -> None:
    """The weights are 1/4 and 1: the variance is (2 (1/4)^2 + 8 1^2) / (5/4)^2."""
    second = plain(var_rnoise=None, var_flat=np.full(SHAPE, 8.0, np.float32))
    first = plain(var_flat=np.full(SHAPE, 2.0, np.float32))
    product = run(kind, [first, second])
    np.testing.assert_allclose(inside(product["var_flat"]), 8.125 / 1.5625, rtol=1e-5)


@mended("reset_arrays keeps the group ids, so that times of a group are not counted again")
def test_reset_really_resets(kind: Any) -> None:
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


@mended("reset_arrays does nothing before finalize")
def test_reset_before_finalize(kind: Any) -> None:
    resample = kind(plain_grid())
    resample.add_model(plain())
    resample.reset_arrays()
    assert resample.output_model["data"] is None
    assert resample.output_model["pointings"] == 0


@mended("there are no variances to take err from")
def test_error_from_variances_enables_them(kind: Any) -> None:
    product = run(kind, [plain()], enable_var=False, compute_err="from_var")
    np.testing.assert_allclose(inside(product["err"]), np.sqrt(6.75), rtol=1e-5)


@mended("the constructor asks None how it begins")
def test_weight_type_none(kind: Any) -> None:
    product = run(kind, [plain()], weight_type=None)
    np.testing.assert_allclose(inside(product["wht"]), 1.0, rtol=1e-5)


@mended("any word that begins with ivm is taken")
def test_unknown_weight_type(kind: Any) -> None:
    with pytest.raises(ValueError, match="ivm-moon"):
        kind(plain_grid(), weight_type="ivm-moon")


@mended("the variances are weighted by the read noise")
def test_sky_weights_hold_for_variances(kind: Any) -> None:
    two = [plain(var_sky=np.full(SHAPE, v), var_flat=np.full(SHAPE, v)) for v in (1.0, 0.5)]
    product = run(kind, two, weight_type="ivm-sky")
    np.testing.assert_allclose(inside(product["var_flat"]), 3.0 / 9.0, rtol=1e-5)


@mended("NaN goes to all output pixels that the input pixel reaches")
def test_data_that_are_nan(kind: Any) -> None:
    one = plain(wcs=make_grid(SHAPE, scale=0.1, rotation=10.0))
    one["data"][10, 12] = np.nan
    product = run(kind, [one, plain()])
    assert np.isfinite(product["data"]).all()


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


@mended("a pixel takes its neighbours along, whose corners are between the centres")
def test_pixel_that_is_nowhere(kind: Any) -> None:
    shifted = make_grid((48, 58))
    product = run(kind, [plain(wcs=holed((10, 12)))], {"wcs": shifted})
    assert (inside(product["wht"]) < 0.1).sum() == 1


class Guarded(gwcs.WCS):
    """A WCS whose bounding box must be left alone."""

    @property
    def bounding_box(self) -> Any:
        """The bounding box."""
        return super().bounding_box

    @bounding_box.setter
    def bounding_box(self, value: Any) -> None:
        raise AssertionError("the bounding box was changed")


@mended("the bounding box of the output WCS is taken away and put back")
def test_wcs_objects_are_left_alone(kind: Any) -> None:
    grid = plain_grid()
    grid["wcs"].__class__ = Guarded
    one = plain()
    one["wcs"].__class__ = Guarded
    product = run(kind, [one], grid)
    np.testing.assert_allclose(inside(product["data"]), 1.0, rtol=1e-5)


@mended("the kernel of drizzle 2.2.0 writes beside its array: the process would end", run=False)
def test_corner_outside_of_the_output(kind: Any) -> None:
    small = make_grid((SHAPE[0] - 4, SHAPE[1] - 4), rotation=3.0)
    product = run(kind, [plain()], {"wcs": small, "pixel_scale": 0.1})
    np.testing.assert_allclose(product["data"], 1.0, rtol=1e-5)


@mended("the first pixel beyond the bounding box counts as inside")
def test_bounding_box_that_ends_between_pixels(kind: Any) -> None:
    wcs = make_gwcs(SHAPE, distortion=0.0)
    wcs.bounding_box = ((-0.5, 29.5), (-0.5, 19.5))

    class Hooked(kind):
        def add_model_hook(self, **given: Any) -> None:
            self.range = tuple(given[name] for name in ("xmin", "xmax", "ymin", "ymax"))

    resample = Hooked(plain_grid())
    resample.add_model(plain(wcs=wcs))
    assert resample.range == (0, 29, 0, 19)


@mended("NaN weights go into wht")
def test_exposure_time_that_is_not_known(kind: Any) -> None:
    resample = kind(plain_grid(), weight_type="exptime")
    with pytest.raises(ValueError, match="time"):
        resample.add_model(plain(exposure_time=None, measurement_time=None))


def test_failure_changes_nothing() -> None:
    resample = xrs.Resample(plain_grid(), good_bits="JUMP_DET")
    with pytest.raises(ValueError, match="JUMP_DET"):
        resample.add_model(plain(pixelarea_steradians=1e-14))
    resample.good_bits = 0
    resample.reset_arrays()
    resample.add_model(plain())
    resample.finalize()
    assert resample.output_model["pixel_scale_ratio"] == pytest.approx(1.0)
    assert resample.output_model["pointings"] == 1


def test_margin_is_that_of_the_grid() -> None:
    """The tests above look at the inside of the grid only."""
    assert run(xrs.Resample, [plain()])["wht"][MARGIN - 2, MARGIN] == 0
