"""Pixel maps: exact, on a fixed grid of nodes, and with a checked error."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from stcal.resample.utils import calc_pixmap

from tests.support import wcs as makers
from xresample.errors import InvalidInputError
from xresample.wcs import pixmap
from xresample.wcs import transform as wcs
from xresample.wcs.pixmap import ExactPixelMap, PixmapOptions, SplinePixelMap, build_pixmap

EXACT = PixmapOptions(stepsize=1)
PAIRS = {
    "large": (
        lambda: makers.make_gwcs((600, 700), distortion=40.0),
        lambda: makers.make_grid((800, 800), rotation=10.0),
    ),
    "sip output": (makers.make_gwcs, makers.make_sip),
    "spectrum": (lambda: makers.make_spectral(distortion=3.0), makers.make_spectral),
}


def ranges(image):
    """Return the ranges of all pixels of an image, x first."""
    ny, nx = wcs.array_shape(image)
    return range(nx), range(ny)


def whole(image, grid, options=None):
    """Return the map of an image, and its values everywhere."""
    mapping = build_pixmap(image, grid, *ranges(image), options)
    return mapping, mapping.evaluate(mapping.y, mapping.x)


def assert_error_is_below_the_tolerance(image, grid, smooth=True):
    """Fail if the default map is wrong at a pixel, or if its kind does not fit the WCS."""
    texts = wcs.to_text(image), wcs.to_text(grid)
    mapping, values = whole(image, grid)
    assert isinstance(mapping, SplinePixelMap if smooth else ExactPixelMap)
    _, exact = whole(image, grid, EXACT)
    assert_array_equal(np.isnan(values), np.isnan(exact))
    assert np.nanmax(np.abs(values - exact)) < 1e-6
    assert (wcs.to_text(image), wcs.to_text(grid)) == texts


@pytest.mark.parametrize("name", PAIRS)
def test_error_is_below_the_tolerance_at_every_pixel(name):
    make_image, make_grid = PAIRS[name]
    assert_error_is_below_the_tolerance(make_image(), make_grid())


def test_error_is_below_the_tolerance_for_every_flavour(flavour):
    image = flavour.make(makers.SHAPE)
    centre = flavour.to_equatorial(*wcs.pixel_to_world(image, 127.0, 95.0))
    grid = makers.make_grid(crval=tuple(map(float, centre)))
    assert_error_is_below_the_tolerance(image, grid, flavour.smooth)


class Bent:
    """A map that is linear but for a step or a kink along a column."""

    pixel_n_dim = world_n_dim = 2
    world_axis_physical_types = ("pos.eq.ra", "pos.eq.dec")
    world_axis_units = ("deg", "deg")
    world_axis_object_classes: ClassVar[dict[str, Any]] = {}
    array_shape = (200, 300)
    pixel_bounds = None

    def __init__(self, bend):
        self.bend = bend

    def pixel_to_world_values(self, x, y):
        return x + self.bend(np.asarray(x), np.asarray(y)), y

    def world_to_pixel_values(self, x, y):
        return x, y


STRAIGHT = Bent(lambda x, y: 0.0)


def test_finer_tolerance_takes_more_nodes():
    waves = Bent(lambda x, y: 0.05 * np.sin(x / 30) * np.cos(y / 30))
    coarse, _ = whole(waves, STRAIGHT, PixmapOptions(tol=1e-3))
    fine, values = whole(waves, STRAIGHT, PixmapOptions(tol=1e-6))
    assert fine._spline.coefficients.size > 3 * coarse._spline.coefficients.size
    _, exact = whole(waves, STRAIGHT, EXACT)
    assert np.abs(values - exact).max() < 1e-6


@pytest.mark.parametrize(
    "bend",
    [
        lambda x, y: 1e-4 * (x > 137.2),
        lambda x, y: 1e-4 * np.abs(y - 41.3),
        lambda x, y: 1e-5 * (np.round(x) == 77),
        lambda x, y: 1e-5 * (np.round(y) == 199),
        lambda x, y: 1e-3 * np.sin(x * 3.0),
        lambda x, y: np.where((x == 0) & (y > 100), np.nan, 0.0),
    ],
)
def test_what_is_not_smooth_is_exact(bend):
    mapping, values = whole(Bent(bend), STRAIGHT)
    assert isinstance(mapping, ExactPixelMap)
    y, x = np.mgrid[:200, :300].astype(float)
    assert_array_equal(values, np.stack([x + bend(x, y), y], axis=-1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (2, 2), (10, 10), (9, 50), (11, 11)])
@pytest.mark.parametrize("stepsize", [None, 1, 2, 20])
def test_small(shape, stepsize):
    image = makers.make_gwcs(shape)
    options = PixmapOptions(stepsize=stepsize)
    mapping, values = whole(image, makers.make_grid(), options)
    exact = np.stack(
        wcs.transform(image, makers.make_grid())(*np.mgrid[: shape[0], : shape[1]][::-1]), axis=-1
    )
    if stepsize is None and min(shape) <= pixmap.SMALL:
        assert isinstance(mapping, ExactPixelMap)
    assert_allclose(values, exact, atol=1e-9 if stepsize in (None, 1) else 0.1)


def test_the_pixel_beside_a_single_one():
    mapping = build_pixmap(makers.make_gwcs(), makers.make_grid(), range(5, 6), range(3, 4))
    wide = mapping.evaluate(range(3, 5), range(5, 7))
    assert_array_equal(wide[:1, :1], mapping.evaluate(range(3, 4), range(5, 6)))


@pytest.mark.parametrize("box", [None, ((3.5, 200.5), (10.2, 180.7))])
@pytest.mark.parametrize(("stepsize", "order"), [(10, 1), (7, 3), (2, 1), (1000, 3), (50, 1)])
def test_fixed_steps_as_stcal(stepsize, order, box):
    image, grid = makers.make_gwcs(rotation=12.0), makers.make_grid()
    if box is not None:
        image.bounding_box = box
    wanted = calc_pixmap(image, grid, stepsize=stepsize, order=order)
    mapping, values = whole(image, grid, PixmapOptions(stepsize, order))
    assert isinstance(mapping, SplinePixelMap)
    at = slice(mapping.y.start, mapping.y.stop), slice(mapping.x.start, mapping.x.stop)
    assert_allclose(values, wanted[at], rtol=0, atol=1e-9)
    inside = np.zeros(wanted.shape[:2], bool)
    inside[at] = True
    assert_array_equal(np.isfinite(wanted).all(axis=-1), inside)


@pytest.mark.parametrize("make_image", [makers.make_gwcs, makers.make_hole, makers.make_tabular])
def test_exact_as_stcal(make_image):
    image, grid = make_image(), makers.make_grid()
    wanted = calc_pixmap(image, grid, disable_bbox="both")
    found = whole(image, grid, PixmapOptions(stepsize=1, compiled=False))[1]
    assert_allclose(found, wanted, rtol=0, atol=1e-10)


def test_nodes_that_are_not_finite():
    mapping, _ = whole(makers.make_hole(), makers.make_grid(), PixmapOptions(10))
    assert isinstance(mapping, ExactPixelMap)


@pytest.fixture(scope="module", params=[None, 1, 20], ids=["adaptive", "exact", "fixed"])
def mapped(request):
    image = makers.make_gwcs((150, 220))
    image.bounding_box = ((3.5, 215.5), (-0.5, 149.5))
    return whole(image, makers.make_grid(), PixmapOptions(request.param))


@given(data=st.data())
def test_same_bits_in_any_window(mapped, data):
    mapping, values = mapped
    y0, y1 = sorted(data.draw(st.tuples(st.integers(0, 150), st.integers(0, 150))))
    x0, x1 = sorted(data.draw(st.tuples(st.integers(4, 216), st.integers(4, 216))))
    window = mapping.evaluate(range(y0, y1), range(x0, x1), data.draw(st.integers(1, 3)))
    assert window.flags.c_contiguous
    assert_array_equal(window, values[y0:y1, x0 - 4 : x1 - 4])


def test_same_bits_for_any_threads(monkeypatch):
    monkeypatch.setattr(pixmap, "TILE", (16, 32))
    for image in (makers.make_gwcs(), makers.make_sip(), makers.make_lookup()):
        x, y = ranges(image)
        grid = makers.make_grid(crval=tuple(float(v) for v in wcs.pixel_to_world(image, 50, 50)))
        one = build_pixmap(image, grid, x, y, EXACT).evaluate(y, x, threads=1)
        many = build_pixmap(image, grid, x, y, EXACT).evaluate(y, x, threads=4)
        assert_array_equal(one, many)


def test_ranges_are_those_inside_the_box():
    image = makers.make_gwcs()
    image.bounding_box = ((3.5, 99.5), (-0.5, 50.2))
    mapping = build_pixmap(image, makers.make_grid(), range(2, 80), range(40, 192))
    assert (mapping.x, mapping.y) == (range(4, 80), range(40, 51))
    with pytest.raises(InvalidInputError, match=r"x must lie in range\(4, 80\)"):
        mapping.evaluate(range(40, 41), range(3, 10))


def test_nothing_inside():
    mapping = build_pixmap(makers.make_gwcs(), makers.make_grid(), range(900, 990), range(5))
    assert len(mapping.x) == 0
    assert mapping.evaluate(mapping.y, mapping.x).shape == (5, 0, 2)


def test_a_window_of_the_detector():
    image, grid = makers.make_gwcs(), makers.make_grid()
    _, exact = whole(image, grid, EXACT)
    mapping = build_pixmap(image, grid, range(100, 250), range(50, 150))
    values = mapping.evaluate(mapping.y, mapping.x)
    assert_allclose(values, exact[50:150, 100:250], rtol=0, atol=1e-6)


def test_only_the_forward_direction_of_the_input_is_used(monkeypatch):
    image = makers.make_gwcs()
    monkeypatch.setattr(type(image), "numerical_inverse", None)
    monkeypatch.setattr(type(image), "_numerical_inverse", None)
    whole(image, makers.make_grid())


@pytest.mark.parametrize(
    "wrong",
    [{"stepsize": 0}, {"stepsize": -3}, {"order": 2}, {"tol": 0.0}, {"tol": float("nan")}],
)
def test_wrong_options(wrong):
    with pytest.raises(InvalidInputError, match=f"pixmap_{next(iter(wrong))}"):
        PixmapOptions(**wrong)
