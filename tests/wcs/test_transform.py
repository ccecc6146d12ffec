"""Queries on a WCS, and the transform from pixels of one WCS to pixels of another."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from astropy.coordinates import FK5, ICRS, Galactic
from astropy.modeling import models
from astropy.modeling.bounding_box import ModelBoundingBox
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper
from gwcs import WCS as GWCS
from numpy.testing import assert_allclose

from tests.support import wcs as makers
from xresample.errors import InvalidInputError, UnsupportedWCSError
from xresample.wcs import transform as wcs
from xresample.wcs.handle import WCSHandle

POINT = 30.0, 41.0


def test_import_is_cheap():
    code = (
        "import sys, xresample.wcs.transform, xresample.wcs.footprint, xresample.wcs.handle; "
        "print([m for m in ('astropy', 'gwcs', 'asdf', 'scipy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_axes():
    for good in (makers.make_gwcs(), makers.make_sip(), makers.make_spectral(), makers.Plain()):
        wcs.check_axes(good)
    assert wcs.is_spectral(makers.make_spectral())
    assert not wcs.is_spectral(makers.make_gwcs())
    assert not wcs.is_spectral(makers.make_fits())


def test_wrong_axes():
    cube = WCS(naxis=3)
    cube.wcs.ctype = ["RA---TAN", "DEC--TAN", "WAVE"]
    with pytest.raises(UnsupportedWCSError, match="spectral WCS must have 2 pixel axes, got 3"):
        wcs.check_axes(cube)
    slit = WCS(naxis=2)
    slit.wcs.ctype = ["WAVE", "OFFSET"]
    with pytest.raises(UnsupportedWCSError, match="spectral WCS must have 3 world axes, got 2"):
        wcs.check_axes(slit)
    with pytest.raises(UnsupportedWCSError, match="imaging WCS must have 2 world axes, got 1"):
        wcs.check_axes(WCS(naxis=1))
    with pytest.raises(UnsupportedWCSError, match="APE 14"):
        wcs.check_axes("a text")


def test_array_shape():
    image = makers.make_gwcs((30, 50))
    assert wcs.array_shape(image) == (30, 50)
    image.array_shape = None
    assert wcs.array_shape(image) == (30, 50)
    image.bounding_box = ((3.5, 20.2), (-0.5, 9.0))
    assert wcs.array_shape(image) == (10, 21)
    image.bounding_box = ((-5.0, -1.0), (-0.5, 9.0))
    with pytest.raises(InvalidInputError, match=r"\(10, 0\)"):
        wcs.array_shape(image)
    image.bounding_box = None
    with pytest.raises(InvalidInputError, match="an array_shape or a bounding box, got neither"):
        wcs.array_shape(image)
    image.array_shape = (0, 5)
    with pytest.raises(InvalidInputError, match=r"\(0, 5\)"):
        wcs.array_shape(image)


def test_bounding_box_of_either_order():
    model = models.Shift(1.0) & models.Shift(2.0)
    model = model | makers.make_projection(makers.CRVAL, 0.1, 0.0)
    model.bounding_box = ModelBoundingBox.validate(model, ((0.5, 10.5), (20.5, 40.5)), order="C")
    image = GWCS(model, makers.detector_frame(), makers.sky_frame())
    wanted = ((20.5, 40.5), (0.5, 10.5))
    assert wcs.bounding_box(image) == wanted
    world = wcs.pixel_to_world(image, 25.0, 5.0)
    assert_allclose(wcs.world_to_pixel(image, *world), (25, 5), atol=1e-8)
    # The caller's object is unchanged.
    assert image.pipeline[0].transform.bounding_box.order == "C"


def test_bounding_box():
    assert wcs.bounding_box(makers.make_gwcs((3, 4))) == ((-0.5, 3.5), (-0.5, 2.5))
    assert wcs.bounding_box(makers.make_fits()) is None
    assert wcs.bounding_box(makers.Plain()) == ((-0.5, 9.5), (2.5, 7.5))
    assert wcs.bounding_box(HighLevelWCSWrapper(makers.Plain())) == ((-0.5, 9.5), (2.5, 7.5))


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ((-0.5, 99.5), range(0, 100)),
        ((3.5, 99.5), range(4, 100)),
        ((4.0, 9.0), range(4, 10)),
        ((-9.0, 500.0), range(0, 120)),
        ((7.1, 7.9), range(8, 8)),
        ((200.0, 300.0), range(200, 200)),
    ],
)
def test_range_inside(limits, wanted):
    image = makers.make_gwcs((100, 120))
    image.bounding_box = (limits, (-0.5, 99.5))
    x, y = wcs.range_inside(image, range(120), range(10, 30))
    assert list(x) == list(wanted)
    assert y == range(10, 30)


def test_range_without_box():
    assert wcs.range_inside(makers.make_fits(), range(5), range(3)) == (range(5), range(3))


def test_no_bounding_box_applies_and_none_is_changed():
    image = makers.make_gwcs((30, 50))
    world = wcs.pixel_to_world(image, np.array([-20.0, 70.0]), np.array([-5.0, 40.0]))
    assert np.isfinite(world).all()
    assert wcs.bounding_box(image) == ((-0.5, 49.5), (-0.5, 29.5))


@pytest.mark.parametrize(
    "maker", [makers.make_grid, makers.make_fits, makers.make_sip, makers.make_tpv]
)
def test_there_and_back(maker):
    image = maker()
    x, y = np.random.default_rng(2).uniform(0, 190, (2, 5, 7))
    back = wcs.world_to_pixel(image, *wcs.pixel_to_world(image, x, y))
    assert_allclose(back, (x, y), atol=2e-7)


def test_pixels_that_no_iteration_finds_are_nan():
    image = makers.make_sip(amplitude=300.0)
    x, y = wcs.world_to_pixel(image, np.array([150.0, 150.02]), np.array([2.0, 2.02]))
    assert_allclose((x[0], y[0]), (127.5, 95.5), atol=1e-6)
    assert np.isnan(x[1])
    assert np.isnan(y[1])


def test_units_and_order_of_axes():
    dec, ra = wcs.pixel_to_world(makers.Plain(), np.array([7.0]), np.array([3.0]))
    assert_allclose((dec, ra), ([3], [7]))
    assert_allclose(wcs.world_to_pixel(makers.Plain(), dec, ra), ([7], [3]))
    assert wcs.celestial_axes(makers.Plain()) == (1, 0)
    assert wcs.celestial_axes(makers.make_spectral()) == (0, 1)


def test_transform():
    image, grid = makers.make_gwcs(distortion=0.0, rotation=90.0), makers.make_grid(scale=0.05)
    x, y = wcs.transform(image, grid)(np.array([127.5, 128.5]), np.array([95.5, 95.5]))
    assert_allclose(x, [127.5, 127.5], atol=1e-8)
    assert_allclose(np.abs(y - 95.5), [0, 2], atol=1e-8)


@pytest.mark.parametrize("frame", [FK5(), Galactic()])
def test_frames_that_differ(frame):
    image = makers.make_grid()
    centre = ICRS(150 * makers.u.deg, 2 * makers.u.deg).transform_to(frame).spherical
    crval = (centre.lon.deg, centre.lat.deg)
    grid = makers.make_grid(crval=crval, reference=frame)
    there = wcs.transform(image, grid)
    x, y = there(np.array([127.5, 0.0]), np.array([95.5, 0.0]))
    assert_allclose((x[0], y[0]), (127.5, 95.5), atol=1e-7)
    assert_allclose(np.hypot(x[1] - 127.5, y[1] - 95.5), np.hypot(127.5, 95.5), rtol=1e-6)
    assert_allclose(wcs.transform(grid, image)(x, y), ([127.5, 0], [95.5, 0]), atol=1e-7)


def test_frames_of_fits():
    image, grid = makers.make_fits(radesys="ICRS"), makers.make_fits(radesys="FK5")
    x, y = wcs.transform(image, grid)(127.5, 95.5)
    shift = np.hypot(x - 127.5, y - 95.5) * makers.SCALE
    assert 0.005 < shift < 0.05  # arcseconds between FK5 and ICRS


def count_inversions(monkeypatch):
    """Return a list that gets every WCS whose backward direction is put together."""
    inverted, backward = [], wcs.backward
    monkeypatch.setattr(wcs, "backward", lambda image: inverted.append(image) or backward(image))
    return inverted


def test_the_grid_of_a_thread_is_inverted_once(monkeypatch):
    inverted = count_inversions(monkeypatch)
    text = wcs.to_text(makers.make_grid(rotation=1.25))

    def maps():
        for rotation in (0.0, 5.0):
            image = makers.make_gwcs(rotation=rotation)
            found = wcs.transform(image, WCSHandle(text).object)(*POINT)
            assert found == wcs.transform(image, wcs.parse(text))(*POINT)

    maps()
    own = [image for image in inverted if image is WCSHandle(text).object]
    assert (len(own), len(inverted)) == (1, 3)
    thread = threading.Thread(target=maps)
    thread.start()
    thread.join()
    assert len(inverted) == 6
    assert [image for image in inverted if image is own[0]] == own


def test_a_grid_that_changes_is_inverted_anew(monkeypatch):
    inverted = count_inversions(monkeypatch)
    image, grid = makers.make_fits(), makers.make_fits()
    before = wcs.transform(image, grid)(*POINT)
    grid.wcs.crpix += 3.0
    assert_allclose(wcs.transform(image, grid)(*POINT), np.add(before, 3.0), atol=1e-9)
    assert len(inverted) == 2


def test_spectra():
    image = makers.make_spectral(distortion=3.0)
    grid = makers.make_spectral()
    x, y = wcs.transform(image, grid)(np.array([0.0, 30.0]), np.array([10.0, 20.0]))
    assert_allclose(x, [0, 30], atol=1e-8)
    assert_allclose(y, [10, 20 + 3 * 0.25], atol=1e-8)


@pytest.mark.parametrize(
    "pair_of",
    [(makers.make_spectral, makers.make_grid), (makers.make_fits, makers.make_spectral)],
)
def test_kinds_do_not_mix(pair_of):
    pair = [maker() for maker in pair_of]
    with pytest.raises(
        UnsupportedWCSError,
        match=r"must both be imaging or both be spectral, got.*(spectral|imaging)",
    ):
        wcs.transform(*pair)


def test_tables_are_found():
    assert wcs.is_tabulated(makers.make_lookup())
    assert wcs.is_tabulated(makers.make_tabular())
    assert not wcs.is_tabulated(makers.make_gwcs())
    assert not wcs.is_tabulated(makers.make_sip())


def test_use_leaves_the_models_alone():
    image = makers.make_spectral()
    wcs.world_to_pixel(image, *wcs.pixel_to_world(image, 3.0, 4.0))
    assert not image.pipeline[0].transform.inverse.has_user_inverse
