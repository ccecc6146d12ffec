"""The functions ``blot_image``, ``utils`` and ``cdrizzle`` against ``drizzle``."""

from __future__ import annotations

import warnings
from typing import Any

import drizzle.cdrizzle
import drizzle.resample
import drizzle.utils
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import xresample as xrs
from tests.support.drizzle_pairs import both, flags, images, variances
from tests.support.wcs import make_fits, make_grid, make_gwcs
from xresample.drizzle import blot_image, cdrizzle, utils

MARGIN = {"nearest": 0, "linear": 0, "poly3": 1, "poly5": 2, "lan3": 2, "lan5": 4}
"""Pixels at the edge for which drizzle reads beyond the image."""


def positions(edge: int, shape: tuple[int, int] = (30, 34)) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of noise, and random positions that are not near its edge."""
    rng = np.random.default_rng(3)
    high = np.array(shape[::-1]) - 1.0 - edge
    return rng.normal(10, 3, shape).astype(np.float32), rng.uniform(edge, high, (25, 26, 2))


@pytest.mark.parametrize("interp", MARGIN)
@pytest.mark.parametrize("option", [{}, {"iscale": 2.5}, {"fillval": -7.0}])
def test_blot(interp: str, option: dict[str, Any]) -> None:
    data, pixmap = positions(MARGIN[interp])
    pixmap[0, 0] = 100.0, 3.0
    expected = drizzle.resample.blot_image(data, pixmap, interp=interp, **option)
    assert_allclose(blot_image(data, pixmap, interp=interp, **option), expected, rtol=1e-5)


@pytest.mark.parametrize("option", [
    {"pix_ratio": 1.5}, {"exptime": 3.0}, {"output_pixel_shape": (26, 25)},
    {"pix_ratio": 0.5, "exptime": 2.0, "iscale": 3.0},
])  # fmt: skip
def test_deprecated_arguments_of_blot(option: dict[str, Any]) -> None:
    data, pixmap = positions(2)
    results = []
    for function in (drizzle.resample.blot_image, blot_image):
        with pytest.warns(DeprecationWarning, match="has been deprecated since version 3.0"):
            results.append(function(data, pixmap, **option))
    assert_allclose(*results, rtol=1e-5)


def test_blot_into_an_array() -> None:
    data, pixmap = positions(2)
    out = np.zeros((25, 26), np.float32)
    assert blot_image(data, pixmap, out_img=out) is out
    assert_array_equal(out, blot_image(data, pixmap))
    wide = np.zeros((25, 52), np.float32)[:, ::2]
    blot_image(data, pixmap, out_img=wide)
    assert_array_equal(out, wide)
    assert blot_image(data.astype(float), pixmap).dtype == np.float32


def test_sinc() -> None:
    y, x = np.indices((40, 40), float)
    image = 5 + np.sin(0.9 * x + 0.2) * np.cos(0.7 * y)
    where = np.random.default_rng(0).uniform(12, 27, (20, 20, 2)).astype(np.float32)
    at_x, at_y = where[..., 0], where[..., 1]
    with pytest.warns(DeprecationWarning, match="sinc"):
        got = blot_image(image, where, interp="sinc")
    assert_allclose(got, 5 + np.sin(0.9 * at_x + 0.2) * np.cos(0.7 * at_y), atol=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        centres = blot_image(image, np.dstack([x, y]), interp="sinc")
        smooth = blot_image(image, np.dstack([x, y]), interp="sinc", sinscl=0.5)
    assert_allclose(centres, image, rtol=1e-6)
    assert np.ptp(smooth[10:-10, 10:-10]) < np.ptp(image)


@pytest.mark.parametrize("option", [
    {"interp": "cubic"}, {"iscale": 0.0}, {"pixmap": np.zeros((3, 3))}, {"data": np.zeros(3)},
    {"out_img": np.zeros((2, 2), np.float32)}, {"sinscl": "wide"}, {"fillval": "INDEF"},
])  # fmt: skip
def test_bad_arguments_of_blot(option: dict[str, Any]) -> None:
    data, pixmap = positions(2)
    with pytest.raises(xrs.InvalidInputError):
        blot_image(**({"data": data, "pixmap": pixmap} | option))


@pytest.mark.parametrize("box", ["to", "from", "both", "none"])
@pytest.mark.parametrize("make", [make_grid, make_fits])
def test_pixel_map(make: Any, box: str) -> None:
    wcs_from, wcs_to = make_gwcs((20, 24), rotation=9.0), make((30, 33))
    expected = drizzle.utils.calc_pixmap(wcs_from, wcs_to, disable_bbox=box)
    got = utils.calc_pixmap(wcs_from, wcs_to, disable_bbox=box)
    inside = np.isfinite(expected).all(axis=-1)
    assert_array_equal(np.isfinite(got).all(axis=-1), inside)
    assert_allclose(got[inside], expected[inside], atol=1e-6)
    assert utils.calc_pixmap(wcs_from, wcs_to, (5, 6)).shape == (5, 6, 2)


def test_the_shape_of_a_pixel_map() -> None:
    wcs = make_fits((20, 24))
    wcs.pixel_shape = None
    for package in (drizzle.utils, utils):
        with pytest.raises(ValueError, match="shape"):
            package.calc_pixmap(wcs, wcs)
        wcs.bounding_box = ((5.3, 33.5), (2.8, 11.5))
        assert package.calc_pixmap(wcs, wcs).shape == (12, 34, 2)
        wcs.bounding_box = None


def test_pixel_scale_ratio() -> None:
    a, b = make_gwcs((20, 24)), make_grid((30, 33), scale=0.07)
    for reference in ((None, None), ((3, 4), (5.5, 6))):
        expected = drizzle.utils.estimate_pixel_scale_ratio(a, b, *reference)
        assert utils.estimate_pixel_scale_ratio(a, b, *reference) == pytest.approx(expected, 1e-5)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.uint8])
def test_decode_context(dtype: Any) -> None:
    size = np.dtype(dtype).itemsize
    octets = np.random.default_rng(4).integers(0, 256, (3, 5, 6 * size)).astype(np.uint8)
    context = octets.view(dtype)
    for x, y in ((2, 3), ([0, 5, 1], [4, 0, 2]), (np.array([1]), np.array([1]))):
        for a, b in zip(utils.decode_context(context, x, y),
                        drizzle.utils.decode_context(context, x, y), strict=True):  # fmt: skip
            assert_array_equal(a, b)


@both
@pytest.mark.parametrize(("x", "y"), [(1.0, 2), ([1, 2], [1]), ([[1]], [[1]])])
def test_bad_positions_of_the_context(package: Any, x: Any, y: Any) -> None:
    package = drizzle.utils if package is drizzle.resample else utils
    with pytest.raises(ValueError, match=r"Coordinate|coordinates"):
        package.decode_context(np.zeros((1, 4, 4), np.int32), x, y)
    with pytest.raises(ValueError, match="3D"):
        package.decode_context(np.zeros((4, 4), np.int32), 1, 1)


@pytest.mark.parametrize("option", [
    {}, {"uniqid": 32}, {"pscale_ratio": 0.8, "kernel": "turbo"}, {"in_units": "counts",
    "expscale": 4.0}, {"wtscale": 2.0}, {"xmin": 2, "xmax": 9, "ymin": 3, "ymax": 8},
    {"fillstr": "-3"}, {"pixfrac": 0.5, "iscale": 3.0},
])  # fmt: skip
def test_tdriz(option: dict[str, Any]) -> None:
    added, shape = images(1)
    data, weights, pixmap = (added[0][name] for name in ("data", "weight_map", "pixmap"))
    results = []
    for module in (drizzle.cdrizzle, cdrizzle):
        out = np.zeros((3, *shape), np.float32)
        context, bits = np.zeros(shape, np.int32), np.zeros(shape, np.uint32)
        module.tdriz(data, weights, pixmap, out[0], out[1], context, input2=variances(1),
                     output2=[out[2]], dq=flags(), outdq=bits, **option)  # fmt: skip
        results.append((out, context, bits))
    (mine, context, bits), (other, their_context, their_bits) = results
    assert_allclose(mine, other, rtol=2e-4, atol=2e-5)
    firm = other[1] > 1e-3
    assert_array_equal(context[firm], their_context[firm])
    assert_array_equal(bits[firm], their_bits[firm])


@pytest.mark.parametrize("option", [
    {"output": np.zeros((9, 9))}, {"counts": np.zeros((3, 9), np.float32)},
    {"context": np.zeros((9, 9), np.int64)}, {"dq": np.zeros((5, 6), np.uint8)},
    {"input2": np.zeros((5, 6))}, {"uniqid": 0}, {"kernel": "magic"}, {"fillstr": "text"},
])  # fmt: skip
def test_bad_arguments_of_tdriz(option: dict[str, Any]) -> None:
    ones, (output, counts) = np.ones((5, 6), np.float32), np.zeros((2, 9, 9), np.float32)
    good = {"input": ones, "weights": ones, "pixmap": np.dstack(np.indices((5, 6), float)[::-1]),
            "output": output, "counts": counts, "context": None}  # fmt: skip
    assert cdrizzle.tdriz(**good)[1:] == (0, 0)
    with pytest.raises(xrs.InvalidInputError):
        cdrizzle.tdriz(**(good | option))


def test_tblot() -> None:
    data, pixmap = positions(2)
    out, expected = np.zeros((2, 25, 26), np.float32)
    assert cdrizzle.tblot(data, pixmap, out, iscale=2.0, interp="poly3", fillval=1.0) == 0
    drizzle.cdrizzle.tblot(data, pixmap, expected, iscale=2.0, interp="poly3", fillval=1.0)
    assert_allclose(out, expected, rtol=1e-5)
    with pytest.raises(xrs.InvalidInputError):
        cdrizzle.tblot(data, pixmap, out.astype(float))
