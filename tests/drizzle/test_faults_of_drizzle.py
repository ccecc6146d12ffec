"""Faults of drizzle: each test fails in drizzle and passes in xresample."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import xresample.drizzle
from tests.support.drizzle_pairs import combine, fails_in_drizzle, flags, images

SHAPE = (8, 9)


def image(value: float = 1.0, x: float = 0.0, y: float = 0.0, **changes: Any) -> dict[str, Any]:
    """Return arguments of ``add_image`` for a uniform image moved by some pixels."""
    j, i = np.indices(SHAPE, float)
    pixmap = np.dstack([i + x, j + y])
    return {"data": np.full(SHAPE, value), "exptime": 1.0, "pixmap": pixmap, **changes}


@fails_in_drizzle("a NaN in the data spreads to all output pixels that the pixel overlaps")
def test_nan_in_the_data(package: Any) -> None:
    one = image(x=0.5, y=0.5)
    one["data"][3, 4] = np.nan
    made = combine(package, [one, image()], out_shape=SHAPE, fillval=0)
    assert np.isfinite(made.out_img).all()


@pytest.mark.parametrize("angle", [10, 45, 100])
@fails_in_drizzle("pixels at the border lose deposits of a rotated image that extends beyond it")
def test_a_rotated_image_around_the_output(package: Any, angle: float) -> None:
    j, i = np.indices((41, 41)) - 20.0
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    pixmap = np.dstack([cos * i - sin * j + 4, sin * i + cos * j + 4])
    around = {"data": np.ones((41, 41)), "exptime": 1.0, "pixmap": pixmap}
    made = combine(package, [around], out_shape=SHAPE, fillval=0)
    np.testing.assert_allclose(made.out_wht, 1, rtol=0, atol=1e-6)


@fails_in_drizzle("a NaN in the map also loses the pixels around it")
def test_nan_in_the_map(package: Any) -> None:
    one = image()
    one["pixmap"][3, 4] = np.nan
    made = combine(package, [one], out_shape=SHAPE, fillval=0)
    assert (made.out_wht == 0).sum() == 1


@fails_in_drizzle("a map without any finite position is an error, and the image is counted")
def test_map_of_nan(package: Any) -> None:
    made = combine(package, [image(pixmap=np.full((*SHAPE, 2), np.nan))], out_shape=SHAPE)
    assert not made.out_wht.any()


@fails_in_drizzle("the number of misses is too small by one per line")
def test_misses_are_counted(package: Any) -> None:
    made = package.Drizzle(out_shape=SHAPE)
    assert tuple(made.add_image(**image())) == (0, 0)
    assert tuple(made.add_image(**image(x=2))) == (2 * 8, 0)


@fails_in_drizzle("no pixel is counted as missed if all are")
def test_misses_of_an_image_outside(package: Any) -> None:
    made = package.Drizzle(out_shape=SHAPE)
    assert tuple(made.add_image(**image(x=100))) == (72, 8)


@fails_in_drizzle("x and y of the shape are exchanged")
def test_shape_from_the_map(package: Any) -> None:
    made = combine(package, [image()])
    assert made.out_img.shape == SHAPE


@fails_in_drizzle("only the first map is moved to the first pixel of the output")
def test_later_images_use_the_same_origin(package: Any) -> None:
    made = combine(package, [image(x=20, y=20), image(x=20, y=20)])
    assert (made.out_wht[:8, :8] == 2).all()


@fails_in_drizzle("bit 31 makes the context negative, so its pixels seem to lack a context")
def test_continuing_after_32_images(package: Any) -> None:
    first = combine(package, [image()], out_shape=SHAPE, begin_ctx_id=31, fillval=0)
    held = {"out_img": first.out_img, "out_wht": first.out_wht, "out_ctx": first.out_ctx}
    made = combine(package, [image()], **held, exptime=1.0, begin_ctx_id=32)
    assert (made.out_wht == 2).all()


@fails_in_drizzle("weights of lanczos may be negative, which is refused")
def test_continuing_with_lanczos(package: Any) -> None:
    one = image(x=5.3, y=5.3)
    first = combine(package, [one], out_shape=(20, 20), kernel="lanczos3", fillval=0)
    held = {"out_img": first.out_img, "out_wht": first.out_wht, "out_ctx": first.out_ctx}
    package.Drizzle(kernel="lanczos3", **held, exptime=1.0)


@fails_in_drizzle("only one plane is added, however many are missing")
def test_several_planes_are_missing(package: Any) -> None:
    context = np.zeros((1, *SHAPE), np.int32)
    made = combine(package, [image()], out_ctx=context, begin_ctx_id=70)
    assert made.out_ctx.shape[0] == 3
    assert (made.out_ctx[2] == 1 << 6).all()


@fails_in_drizzle("limits are documented as floats, but floats are refused")
def test_limits_may_be_floats(package: Any) -> None:
    made = combine(package, [image(xmin=1.5, xmax=4.5)], out_shape=SHAPE)
    assert made.out_wht[0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0]


@fails_in_drizzle("limits that contain one column are refused")
def test_one_column(package: Any) -> None:
    made = combine(package, [image(xmin=3, xmax=3)], out_shape=SHAPE)
    assert made.out_wht.sum() == SHAPE[0]


@fails_in_drizzle("an image that cannot be added is counted in the context")
def test_a_failure_changes_nothing(package: Any) -> None:
    made = package.Drizzle(out_shape=SHAPE)
    with pytest.raises(ValueError, match="exptime"):
        made.add_image(**(image() | {"exptime": -1.0}))
    assert made.ctx_id == 0


@fails_in_drizzle("fillval2 is ignored if fillval leaves pixels alone")
def test_fill_value_of_the_variances(package: Any) -> None:
    arrays = {"out_img": np.zeros((9, 20)), "out_img2": np.zeros((9, 20))}
    made = combine(package, [image(data2=np.ones(SHAPE))], **arrays, fillval2=-1)
    assert (made.out_img2[0] == -1).any()


@fails_in_drizzle("images are added to copies of arrays whose rows do not lie in one piece")
def test_views_are_changed_in_place(package: Any) -> None:
    block = np.zeros((*SHAPE, 2), np.float32)
    img, wht = block[..., 0], block[..., 1]
    combine(package, [image(3.0)], out_img=img, out_wht=wht)
    assert (block == (3, 1)).all()


@fails_in_drizzle("flags of a pixel without a weight are replaced")
def test_flags_are_kept(package: Any) -> None:
    held = np.full(SHAPE, 64, np.uint32)
    made = combine(package, [image(dq=np.ones(SHAPE, np.uint8))], out_dq=held)
    assert (made.out_dq == 65).all()


@fails_in_drizzle("the ratio of pixel scales from the map is the inverse of the documented one")
def test_ratio_of_pixel_scales(package: Any) -> None:
    j, i = np.indices(SHAPE, float)
    zoomed = image(pixmap=np.dstack([i, j]) / 2)
    results = [
        combine(package, [zoomed | {"pixel_scale_ratio": ratio}], out_shape=(4, 5), kernel="turbo")
        for ratio in (None, 2.0)
    ]
    np.testing.assert_allclose(results[0].out_wht, results[1].out_wht, rtol=1e-6)


@fails_in_drizzle("upper case is accepted by the constructor but not by add_image")
def test_names_in_upper_case(package: Any) -> None:
    combine(package, [image()], out_shape=SHAPE, kernel="SQUARE")


@fails_in_drizzle("a corner just outside the output may crash the process", run=False)
@pytest.mark.parametrize("count", [200])
def test_corners_at_the_output(package: Any, count: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(count):
        angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 3.0)
        x, y = np.indices(SHAPE, float)[::-1] - 4.0
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        pixmap = np.dstack([cos * x - sin * y, sin * x + cos * y]) + rng.uniform(-1, 9, 2)
        made = combine(package, [image(pixmap=pixmap)], out_shape=SHAPE, fillval=0)
        covered = made.out_wht > 1e-6
        np.testing.assert_allclose(made.out_img[covered], 1.0, rtol=1e-6)


@fails_in_drizzle("a position far away overflows the arithmetic of integers", run=False)
def test_positions_far_away(package: Any) -> None:
    one = image()
    one["pixmap"][0, 0] = 1e300
    made = combine(package, [one], out_shape=SHAPE, fillval=0, kernel="point")
    assert made.out_wht.sum() == 71


@fails_in_drizzle("a NaN in the map is an error")
def test_blot_of_nan_positions(package: Any) -> None:
    pixmap = image()["pixmap"]
    pixmap[2, 3] = np.nan
    out = package.blot_image(np.ones(SHAPE, np.float32), pixmap, fillval=-1)
    assert out[2, 3] == -1
    assert (out == 1).sum() == out.size - 1


@fails_in_drizzle("a missing pixel spreads to all pixels that read it")
def test_blot_of_missing_pixels(package: Any) -> None:
    data = np.ones((20, 20), np.float32)
    data[10, 10] = np.nan
    pixmap = np.dstack(np.indices((20, 20), float)[::-1] + 0.2)
    out = package.blot_image(data, pixmap, fillval=-1)
    assert (out == -1).sum() == 1


@fails_in_drizzle("the first half of the first pixel counts as outside, half a pixel beyond the "
                  "last as inside")  # fmt: skip
def test_blot_at_the_edges(package: Any) -> None:
    data = np.ones((6, 6), np.float32)
    pixmap = np.array([[[-0.6, 2.0], [-0.4, 2.0], [5.4, 2.0], [5.6, 2.0]]])
    out = package.blot_image(data, pixmap, fillval=-1, interp="linear")
    assert out.tolist() == [[-1, 1, 1, -1]]


@fails_in_drizzle("memory outside the image is read at its edges", run=False)
@pytest.mark.parametrize("interp", ["poly3", "poly5", "lan3", "lan5", "sinc"])
def test_blot_of_a_uniform_image(package: Any, interp: str) -> None:
    pixmap = np.dstack(np.indices((12, 12), float)[::-1] + 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = package.blot_image(np.ones((12, 12), np.float32), pixmap, interp=interp)
    np.testing.assert_allclose(out, 1.0, rtol=0.01)


@pytest.mark.parametrize("ours", [False, True])
def test_pixel_scale_at_right_ascension_0(ours: bool) -> None:
    """drizzle takes the difference of two longitudes beside 360 degrees as nearly 360 degrees."""
    from drizzle import utils

    wcs = {}
    for ra in (0.0, 180.0):
        made = wcs[ra] = WCS(naxis=2)
        made.wcs.ctype = "RA---TAN", "DEC--TAN"
        made.wcs.cdelt = -1e-4, 1e-4
        made.wcs.crval = ra, 20.0
        made.wcs.crpix = 5, 5
    package = xresample.drizzle.utils if ours else utils
    ratio = package.estimate_pixel_scale_ratio(wcs[180.0], wcs[0.0], (4, 4), (4, 4))
    assert (abs(ratio - 1) < 1e-9) == ours


def test_flags_of_negative_weights_are_kept() -> None:
    """drizzle does this, too: a pixel contributes to an output pixel also with negative weight."""
    added, shape = images(1)
    one = added[0] | {"dq": flags()}
    ours = combine(xresample.drizzle.resample, [one], out_shape=shape, kernel="lanczos2", fillval=0)
    touched = ours.out_wht != 0
    assert (ours.out_ctx[0] == 0)[touched].any()
    assert (ours.out_dq != 0)[touched].all()
