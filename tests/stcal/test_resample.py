"""The documented behaviour of the class, tested on stcal and on xresample."""

from __future__ import annotations

from typing import Any

import gwcs
import numpy as np
import pytest
from astropy import units as u
from astropy.modeling import models
from astropy.time import Time
from gwcs import coordinate_frames as cf
from stcal.resample import Resample as StcalResample

import xresample as xrs
from tests.support.exposures import FLAGS, SHAPE, VARIANCES, assert_close, output_grid
from tests.support.models import Flag, both, inside, model, plain, plain_grid, run
from tests.support.wcs import SCALE, detector_frame, make_grid

KEYS = (
    *("wcs", "pixfrac", "kernel", "fillval", "weight_type", "pixelarea_steradians"),
    *("pixelarea_arcsecsq", "pixel_scale_ratio", "pointings", "exposure_time", "measurement_time"),
    *("start_time", "end_time", "duration", "elapsed_exposure_time", "level", "subtracted"),
)


@both
def test_the_shape_comes_from_the_bounding_box(kind: Any) -> None:
    grid = make_grid((40, 60))
    grid.array_shape = None
    assert kind({"wcs": grid, "pixel_scale": 0.1}).output_array_shape == (40, 60)


@both
def test_output_keys_and_types(kind: Any) -> None:
    product = run(kind, [plain()], compute_err="from_var", propagate_dq=True)
    assert set(KEYS) <= set(product)
    for name in ("data", "wht", "err", *VARIANCES):
        assert product[name].dtype == np.float32, name
        assert product[name].shape == plain_grid()["wcs"].array_shape
    assert product["con"].dtype == np.int32
    assert product["con"].shape == (1, *plain_grid()["wcs"].array_shape)
    assert product["dq"].dtype == np.uint32
    assert product["level"] is None
    assert product["subtracted"] is False
    assert product["pixelarea_arcsecsq"] == pytest.approx(SCALE**2)
    assert product["pixelarea_steradians"] == pytest.approx(np.deg2rad(SCALE / 3600) ** 2)


@both
def test_weighted_mean(kind: Any) -> None:
    two = [plain(1.0, var_rnoise=np.full(SHAPE, 1.0)), plain(4.0, var_rnoise=np.full(SHAPE, 0.5))]
    product = run(kind, two)
    np.testing.assert_allclose(inside(product["data"]), 3.0, rtol=1e-5)
    np.testing.assert_allclose(inside(product["wht"]), 3.0, rtol=1e-5)
    assert (inside(product["con"]) == 3).all()
    assert (product["data"][:2] == 0).all()


@both
@pytest.mark.parametrize(
    ("weight_type", "expected"), [("ivm", 0.25), ("ivm-sky", 1.0), ("exptime", 10.0)]
)
def test_weight_types(kind: Any, weight_type: str, expected: float) -> None:
    product = run(kind, [plain()], weight_type=weight_type)
    np.testing.assert_allclose(inside(product["wht"]), expected, rtol=1e-5)


@both
def test_the_exposure_time_replaces_a_missing_measurement_time(kind: Any) -> None:
    one = plain(measurement_time=None, exposure_time=7.0)
    product = run(kind, [one], weight_type="exptime")
    np.testing.assert_allclose(inside(product["wht"]), 7.0, rtol=1e-5)
    assert product["measurement_time"] is None
    assert product["exposure_time"] == 7.0


@both
@pytest.mark.parametrize(
    ("good_bits", "used"),
    [
        (0, [True, False, False, False]),
        (None, [True, True, True, True]),
        ("~0", [True, True, True, True]),
        (4, [True, True, False, False]),
        ([4, 8], [True, True, True, True]),
        ("4,8", [True, True, True, True]),
        ("4+8", [True, True, True, True]),
        ("4|8", [True, True, True, True]),
        ("~4", [True, False, True, False]),
        ("JUMP_DET", [True, True, False, False]),
        ("JUMP_DET, DROPOUT", [True, True, True, True]),
        ("~DROPOUT", [True, True, False, False]),
    ],
)
@pytest.mark.parametrize("flags", [FLAGS, Flag], ids=["dict", "enum"])
def test_good_bits(kind: Any, good_bits: Any, used: list[bool], flags: Any) -> None:
    dq = np.zeros(SHAPE, np.uint32)
    dq[10, 20:24] = [0, 4, 8, 12]
    product = run(kind, [plain(dq=dq)], good_bits=good_bits, dq_flag_name_map=flags)
    there = inside(product["wht"])[10, 20:24] > 0.2
    assert there.tolist() == used


@both
@pytest.mark.parametrize(
    ("fillval", "expected"),
    [(0.0, 0.0), ("-1.5", -1.5), (None, np.nan), ("INDEF", np.nan), ("NaN", np.nan)],
)
def test_fillval(kind: Any, fillval: Any, expected: float) -> None:
    product = run(kind, [plain()], fillval=fillval)
    np.testing.assert_array_equal(product["data"][:2], expected)
    assert product["fillval"] == fillval


@both
def test_sky_level(kind: Any) -> None:
    for subtracted, expected in ((False, 0.75), (True, 1.0)):
        product = run(kind, [plain(level=0.25, subtracted=subtracted)])
        np.testing.assert_allclose(inside(product["data"]), expected, rtol=1e-5)
    product = run(kind, [plain(level=None)])
    np.testing.assert_allclose(inside(product["data"]), 1.0, rtol=1e-5)


@both
def test_context_and_dq(kind: Any) -> None:
    dq = np.zeros(SHAPE, np.uint32)
    dq[5, 5], dq[6, 6] = 4, 8
    three = [plain(dq=dq) for _ in range(33)]
    product = run(kind, three, n_input_models=33, propagate_dq=True, good_bits=4)
    assert product["con"].shape[0] == 2
    assert inside(product["con"])[1, 20, 20] == 1
    assert inside(product["dq"])[5, 5] == 4
    assert inside(product["dq"])[6, 6] & 8 == 0
    without = run(kind, three[:1], enable_ctx=False, enable_var=False)
    assert without["con"] is None
    assert without["dq"] is None
    assert "var_flat" not in without
    assert "err" not in without


@both
def test_variances_and_errors(kind: Any) -> None:
    grid = plain_grid(SCALE / 2)
    ratio = 0.5
    product = run(kind, [plain(), plain()], grid, compute_err="from_var")
    assert product["pixel_scale_ratio"] == pytest.approx(ratio)
    middle = (slice(20, -20), slice(20, -20))
    for name, value in (("var_rnoise", 4.0), ("var_flat", 0.5), ("var_poisson", 2.25)):
        np.testing.assert_allclose(product[name][middle], value / 2 / ratio**2, rtol=1e-5)
    total = np.sqrt((4.0 + 0.5 + 2.25) / 2) / ratio
    np.testing.assert_allclose(product["err"][middle], total, rtol=1e-5)
    assert np.isnan(product["err"][0, 0])
    some = run(
        kind, [plain(), plain()], grid, compute_err="from_var", error_from_variances=["var_flat"]
    )
    np.testing.assert_allclose(some["err"][middle], np.sqrt(0.25) / ratio, rtol=1e-5)
    drizzled = run(kind, [plain(), plain()], grid, compute_err="driz_err")
    np.testing.assert_allclose(drizzled["err"][middle], 2.0 / ratio, rtol=1e-5)


@both
def test_the_scale_ratio_of_the_first_exposure_holds_for_all(kind: Any) -> None:
    other = plain(pixelarea_steradians=4 * plain()["pixelarea_steradians"])
    product = run(kind, [plain(), other])
    assert product["pixel_scale_ratio"] == pytest.approx(1.0)
    product = run(kind, [other, plain()])
    assert product["pixel_scale_ratio"] == pytest.approx(0.5)
    given = run(kind, [other], {**plain_grid(), "pixel_scale_ratio": 2.0})
    assert given["pixel_scale_ratio"] == 2.0


@both
@pytest.mark.parametrize("as_time", [False, True])
def test_times_count_once_per_group(kind: Any, as_time: bool) -> None:
    def mjd(value: float) -> Any:
        return Time(value, format="mjd") if as_time else value

    product = run(kind, [
        plain(group_id="a", start_time=mjd(3.0), end_time=mjd(4.0)),
        plain(group_id="a", start_time=mjd(1.0), end_time=mjd(9.0), exposure_time=99.0),
        plain(group_id="b", start_time=mjd(2.0), end_time=mjd(5.0), duration=None),
    ])  # fmt: skip
    assert product["pointings"] == 2
    assert product["exposure_time"] == 20.0
    assert product["measurement_time"] == 20.0
    assert product["duration"] == product["elapsed_exposure_time"] == 10.0
    assert product["start_time"] == mjd(2.0)
    assert product["end_time"] == mjd(5.0)


@both
def test_properties(kind: Any) -> None:
    grid = plain_grid()
    resample = kind(grid, compute_err="driz_err", good_bits="4", pixmap_stepsize=5, pixmap_order=3)
    assert resample.output_wcs is grid["wcs"]
    assert resample.output_array_shape == grid["wcs"].array_shape
    assert resample.output_pixel_scale == SCALE
    assert resample.pixel_scale_ratio is None
    assert resample.compute_err == "driz_err"
    assert (resample.enable_ctx, resample.enable_var, resample.propagate_dq) == (True, True, False)
    assert list(resample.variance_array_names) == ["var_rnoise", "var_flat", "var_poisson"]
    assert resample.error_from_variances is None
    assert resample.group_ids == []
    assert resample.output_array_types["var_anything"] == np.float32
    assert (resample.pixfrac, resample.kernel, resample.fillval) == (1.0, "square", 0.0)
    assert (resample.weight_type, resample.good_bits) == ("ivm", "4")
    assert (resample.pixmap_stepsize, resample.pixmap_order) == (5, 3)
    resample.add_model(plain())
    assert resample.group_ids == ["1"]
    assert resample.pixel_scale_ratio == pytest.approx(1.0)


@both
def test_life_cycle_of_an_output_model(kind: Any) -> None:
    resample = kind(plain_grid(), n_input_models=2)
    assert resample.output_model["data"] is None
    assert not resample.is_finalized()
    resample.add_model(plain())
    assert inside(resample.output_model["data"])[10, 10] == pytest.approx(1.0)
    resample.add_model(plain(3.0))
    assert inside(resample.output_model["data"])[10, 10] == pytest.approx(2.0)
    assert resample.output_model["pointings"] == 1
    resample.finalize()
    assert resample.is_finalized()
    resample.finalize()
    with pytest.raises(RuntimeError):
        resample.add_model(plain())


@both
@pytest.mark.parametrize("key", ["data", "dq", "group_id", "exposure_time", "level", "var_flat"])
def test_missing_keys_are_named(kind: Any, key: str) -> None:
    lacking = plain()
    del lacking[key]
    with pytest.raises(KeyError, match=key):
        kind(plain_grid()).add_model(lacking)


@both
def test_bad_grids_are_an_error(kind: Any) -> None:
    with pytest.raises(ValueError, match="WCS"):
        kind(None)
    axes = dict(naxes=3, axes_type=("SPATIAL",) * 3, axes_order=(0, 1, 2), unit=(u.deg,) * 3)
    frame = cf.CoordinateFrame(**axes, name="three")
    three = gwcs.WCS(models.Mapping((0, 1, 0)), detector_frame(), frame)
    with pytest.raises(RuntimeError):
        kind({"wcs": three})
    sizeless = make_grid()
    sizeless.bounding_box = None
    sizeless.array_shape = None
    with pytest.raises(ValueError, match=r"size|shape"):
        kind({"wcs": sizeless, "pixel_scale": 0.1})


@both
@pytest.mark.parametrize("kernel", ["square", "turbo", "point", "gaussian", "lanczos2", "lanczos3"])
def test_kernels(kind: Any, kernel: str) -> None:
    product = run(kind, [plain(2.0)], kernel=kernel, pixfrac=1.0)
    there = inside(product["data"])[8:-8, 8:-8]
    np.testing.assert_allclose(there, 2.0, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:.*kernel.*")  # drizzle warns that they do not conserve flux
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compute_err": "driz_err", "propagate_dq": True},
        {"weight_type": "exptime", "kernel": "turbo", "pixfrac": 0.7},
        {"pixmap_stepsize": 5, "pixmap_order": 3, "good_bits": "~DO_NOT_USE", "fillval": "NAN"},
        {"pixmap_stepsize": 7, "kernel": "point"},
    ],
    ids=lambda options: "-".join(map(str, options.values())) or "default",
)
def test_both_classes_agree_on_distorted_images(options: dict[str, Any]) -> None:
    """Both classes add the same distorted and rotated exposures."""
    grid = {"wcs": output_grid(), "pixel_scale": 0.8 * SCALE}
    options = {"compute_err": "from_var", "dq_flag_name_map": FLAGS, **options}
    theirs, ours = (
        run(kind, [model(k) for k in range(4)], grid, **options)
        for kind in (StcalResample, xrs.Resample)
    )
    assert set(theirs) == set(ours)
    firm = theirs["wht"] > 1e-3 * theirs["wht"].max()
    for name in ("data", "wht", "err", *VARIANCES):
        assert_close(ours[name], theirs[name], 1e-5, firm, name)
    assert (theirs["con"] != ours["con"]).mean() < 1e-3
    for name in set(KEYS) - {"wcs"}:
        assert ours[name] == pytest.approx(theirs[name]), name
