"""The functions that pipelines import, compared with those of stcal."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import stcal.resample.utils as theirs

import xresample as xrs
import xresample.stcal as ours
from tests.support.exposures import FLAGS, SHAPE, make_exposure, make_wcs, output_grid
from tests.support.models import Flag, model, plain
from tests.support.wcs import make_grid, make_gwcs, make_sip, make_spectral


def test_public_names() -> None:
    assert ours.Resample is xrs.Resample
    assert ours.UnsupportedWCSError is xrs.UnsupportedWCSError
    assert issubclass(ours.UnsupportedWCSError, RuntimeError)


@pytest.mark.parametrize("disable_bbox", ["to", "from", "both", "none"])
@pytest.mark.parametrize(("stepsize", "order"), [(1, 1), (4, 1), (4, 3), (50, 3)])
def test_calc_pixmap_equals_stcal(disable_bbox: str, stepsize: int, order: int) -> None:
    wcs, grid = make_wcs(1), output_grid()
    wcs.bounding_box = ((2.4, 45.5), (-0.5, 33.2))
    grid.bounding_box = ((12.0, 60.0), (9.5, 70.5))
    how = {"disable_bbox": disable_bbox, "stepsize": stepsize, "order": order}
    expected = theirs.calc_pixmap(copy.deepcopy(wcs), copy.deepcopy(grid), **how)
    got = ours.calc_pixmap(wcs, grid, **how)
    # stcal sets only the coordinate outside the bounding box of the target to NaN; here both are.
    inside = np.isfinite(expected).all(axis=-1)
    assert (np.isfinite(got) == inside[..., None]).all()
    np.testing.assert_allclose(got[inside], expected[inside], rtol=0, atol=1e-10)
    assert inside.mean() > 0.3


def test_calc_pixmap_of_a_given_shape() -> None:
    wcs, grid = make_wcs(1), output_grid()
    expected = theirs.calc_pixmap(copy.deepcopy(wcs), copy.deepcopy(grid), (20, 30))
    np.testing.assert_allclose(ours.calc_pixmap(wcs, grid, (20, 30)), expected, atol=1e-10)
    wcs.array_shape = None
    assert ours.calc_pixmap(wcs, grid).shape == (*SHAPE, 2)
    exact = ours.calc_pixmap(wcs, grid)
    np.testing.assert_allclose(ours.calc_pixmap(wcs, grid, stepsize=None), exact, atol=1e-6)
    with pytest.raises(ValueError, match="disable_bbox"):
        ours.calc_pixmap(wcs, grid, disable_bbox="all")


@pytest.mark.parametrize("shape", [(2048, 2048), (700, 3000)])
@pytest.mark.parametrize("distortion", [0.0, 5.0])
def test_compute_mean_pixel_area(shape: tuple[int, int], distortion: float) -> None:
    """Images are large, because stcal has an error of 9e-6 for 40 x 50 pixels."""
    wcs = make_gwcs(shape, scale=1.0, rotation=30.0, distortion=distortion)
    expected = theirs.compute_mean_pixel_area(wcs)
    assert ours.compute_mean_pixel_area(wcs) == pytest.approx(expected, rel=1e-9)
    part = (600, 700)
    expected = theirs.compute_mean_pixel_area(wcs, part)
    assert ours.compute_mean_pixel_area(wcs, part) == pytest.approx(expected, rel=1e-8)


def test_the_area_of_an_empty_bounding_box_is_none() -> None:
    wcs = make_gwcs()
    wcs.bounding_box = ((500.0, 600.0), (500.0, 600.0))
    assert ours.compute_mean_pixel_area(wcs) is None


@pytest.mark.parametrize(
    "good_bits", [0, None, 4, "4,8", "~4+8", "~0", "JUMP_DET", "~DROPOUT", [1, 2]]
)
@pytest.mark.parametrize("dtype", [np.uint32, np.uint8, np.int64])
def test_build_mask(good_bits: Any, dtype: Any) -> None:
    dq = np.arange(32).reshape(4, 8).astype(dtype)
    expected = theirs.build_mask(dq, good_bits, FLAGS)
    got = ours.build_mask(dq, good_bits, FLAGS)
    assert got.dtype == expected.dtype == np.uint8
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(ours.build_mask(dq, good_bits, Flag), expected)


@pytest.mark.parametrize("weight_type", ["ivm", "ivm-sky", "exptime", None])
@pytest.mark.parametrize("good_bits", [0, "JUMP_DET", None])
def test_build_driz_weight(weight_type: Any, good_bits: Any) -> None:
    exposure = make_exposure(2)
    for name in ("var_rnoise", "var_sky"):
        exposure[name].values[3, :4] = [0.0, np.nan, np.inf, 1e-38]
    one = model(2, **{name: exposure[name].values for name in ("var_rnoise", "var_sky")})
    with np.errstate(all="ignore"):
        expected = theirs.build_driz_weight(one, weight_type, good_bits, FLAGS)
    got = ours.build_driz_weight(one, weight_type, good_bits, FLAGS)
    assert got.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(got, expected)
    again = ours.build_driz_weight(exposure, weight_type, good_bits, FLAGS)
    np.testing.assert_array_equal(again, expected)


def test_a_missing_or_misshaped_variance_gives_weights_of_one() -> None:
    for variance in (None, np.ones((2, 2))):
        with pytest.warns(xrs.MissingVarianceWarning):
            weights = ours.build_driz_weight(plain(var_rnoise=variance), "ivm", 0)
        np.testing.assert_array_equal(weights, 1.0)
    with pytest.raises(ValueError, match="ivm-moon"):
        ours.build_driz_weight(plain(), "ivm-moon")


def test_is_imaging_wcs() -> None:
    for wcs, expected in ((make_grid(), True), (make_spectral(), False)):
        assert ours.is_imaging_wcs(wcs) is theirs.is_imaging_wcs(wcs) is expected
    assert ours.is_imaging_wcs(make_sip())


@pytest.mark.parametrize("unit", ["MJy", "Jy/beam", "MJy/sr", "mJy", "DN/s", "", None, "no unit"])
def test_is_flux_density(unit: Any) -> None:
    assert ours.is_flux_density(unit) == theirs.is_flux_density(unit)
