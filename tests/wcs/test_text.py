"""World coordinate systems as text, and back."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from astropy.wcs import WCS, Sip
from numpy.testing import assert_allclose, assert_array_equal

from tests.support import wcs as makers
from xresample.errors import UnsupportedWCSError, WCSTextError
from xresample.wcs import text
from xresample.wcs import transform as wcs

OTHERS = {
    "grid": makers.make_grid,
    "spectral": makers.make_spectral,
    "siponly": lambda: makers.read_fits("siponly.hdr"),
}
POINTS = np.random.default_rng(1).uniform(0, 90, (2, 500))


def test_text_keeps_every_bit_of_every_flavour(flavour):
    assert_text_keeps_every_bit(flavour.make(makers.SHAPE))


@pytest.mark.parametrize("name", OTHERS)
def test_text_keeps_every_bit(name):
    assert_text_keeps_every_bit(OTHERS[name]())


def assert_text_keeps_every_bit(original):
    """Fail if a WCS changes on its way through text."""
    before = wcs.pixel_to_world(original, *POINTS)
    text = wcs.to_text(original)
    back = wcs.parse(text)
    assert_array_equal(wcs.pixel_to_world(back, *POINTS), before)
    assert_array_equal(wcs.pixel_to_world(original, *POINTS), before)
    assert wcs.array_shape(back) == wcs.array_shape(original)
    assert wcs.bounding_box(back) == wcs.bounding_box(original)
    assert wcs.to_text(back) == text == wcs.to_text(original)


def test_text_is_the_same_if_asdf_checks_it_against_schemas(flavour, monkeypatch):
    image = flavour.make(makers.SHAPE)
    made = text.to_text(image)
    monkeypatch.setattr(text, "without_schemas", contextlib.nullcontext)
    assert text.to_text(image) == made


def test_use_of_the_forward_transform_does_not_change_the_text(flavour):
    image = flavour.make(makers.SHAPE)
    fresh = wcs.to_text(image)
    image.pixel_to_world_values(3.0, 4.0)
    assert wcs.to_text(image) == fresh


@pytest.mark.parametrize(
    "make", [makers.make_grid, makers.make_spectral, makers.make_fits, makers.make_sip]
)
def test_use_of_the_inverse_does_not_change_the_text(make):
    image = make()
    fresh = wcs.to_text(image)
    image.world_to_pixel_values(*image.pixel_to_world_values(3.0, 4.0))
    assert wcs.to_text(image) == fresh


def test_text_of_tpv_with_many_digits():
    # wcslib keeps these coefficients to itself, and prints 13 digits of them.
    original = makers.read_fits("tpvonly.hdr")
    back = wcs.parse(wcs.to_text(original))
    assert_allclose(
        wcs.pixel_to_world(back, *POINTS), wcs.pixel_to_world(original, *POINTS), rtol=0, atol=1e-12
    )


def test_text_keeps_tables_and_sip():
    back = wcs.parse(wcs.to_text(makers.make_lookup()))
    assert back.cpdis1.data.shape[0] > 1
    assert back.det2im1 is not None
    assert back.sip is not None
    x, y = np.array([10.0]), np.array([20.0])
    assert_array_equal(wcs.pixel_to_world(back, x, y), back.all_pix2world(x, y, 0))
    assert abs(back.all_pix2world(x, y, 0)[0] - back.wcs_pix2world(x, y, 0)[0]) > 1e-6


def test_text_keeps_pixel_bounds():
    original = makers.make_fits()
    original.pixel_bounds = [(-0.5, 20.5), (3.5, 30.5)]
    back = wcs.parse(wcs.to_text(original))
    assert wcs.bounding_box(back) == ((-0.5, 20.5), (3.5, 30.5))


def test_text_names_no_versions():
    text = wcs.to_text(makers.make_sip())
    assert "software" not in text
    assert "asdf_library" not in text
    assert text.isascii()


def test_writing_changes_nothing():
    original = makers.make_sip()
    before = (list(original.wcs.ctype), original.wcs.cd.tolist(), original.sip.a.tolist())
    wcs.to_text(original)
    assert (list(original.wcs.ctype), original.wcs.cd.tolist(), original.sip.a.tolist()) == before


def test_unsavable():
    with pytest.raises(UnsupportedWCSError, match=r"Plain cannot be saved.*gwcs\.WCS"):
        wcs.to_text(makers.Plain())


def test_not_a_wcs():
    with pytest.raises(UnsupportedWCSError, match="A WCS must be"):
        wcs.to_text([1, 2])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a wcs",
        None,
        3,
        b"#ASDF 1.0.0",
        "#ASDF 1.0.0",
        "#ASDF 1.0.0\n%YAML 1.1\n--- {wcs: 3}\n...\n",
        "#ASDF 1.0.0\n%YAML 1.1\n--- {other: 3}\n...\n",
        "#ASDF 1.0.0\n%YAML 1.1\n--- !!python/object/apply:os.getcwd []\n...\n",
        "#ASDF 1.0.0\n%YAML 1.1\n---\nwcs: !!python/object/apply:os.getcwd []\n...\n",
    ],
)
def test_bad_text(text):
    with pytest.raises(WCSTextError, match=r"read as a WCS|is not the ASDF text|must hold a WCS"):
        wcs.parse(text)


@pytest.mark.parametrize(
    "outside",
    [
        "!core/ndarray-1.1.0 {source: 'file:///etc/hostname', datatype: int8, shape: [1]}",
        "{$ref: 'a.asdf#/b'}",
    ],
)
def test_text_reaches_nothing_outside(outside):
    text = wcs.to_text(makers.make_grid()).replace("wcs:", f"extra: {outside}\nwcs:", 1)
    with pytest.raises(WCSTextError, match="data outside the text"):
        wcs.parse(text)


def test_cut_text():
    text = wcs.to_text(makers.make_sip())
    with pytest.raises(WCSTextError, match=r"#ASDF 1\.0\.0"):
        wcs.parse(text[: len(text) // 2])


def test_an_alternative_description_is_a_wcs_like_others():
    header = makers.make_fits().to_header()
    header.extend(makers.make_fits(crval=(10.0, 20.0)).to_header(key="A").cards)
    given = WCS(header, key="A")
    again = wcs.parse(wcs.to_text(given))
    assert again.wcs.alt == " "
    assert given.wcs.alt == "A"
    assert_array_equal(again.wcs_pix2world(3, 4, 0), given.wcs_pix2world(3, 4, 0))


def test_text_keeps_a_reference_pixel_of_the_polynomial():
    given = makers.make_sip()
    sip = given.sip
    given.sip = Sip(sip.a, sip.b, sip.ap, sip.bp, sip.crpix + 3.25)
    again = wcs.parse(wcs.to_text(given))
    assert_array_equal(again.sip.crpix, given.sip.crpix)
    assert_allclose(
        again.all_pix2world(9, 80, 0), given.all_pix2world(9, 80, 0), rtol=0, atol=1e-13
    )
    assert wcs.to_text(again) == wcs.to_text(given)


@pytest.mark.parametrize(
    ("name", "value"), [("crval", (np.nan, 2.0)), ("crpix", (1.0, np.inf)), ("cd", np.ones((2, 2)))]
)
def test_numbers_that_are_no_wcs_are_refused(name, value):
    given = makers.make_fits()
    setattr(given.wcs, name, value)
    with pytest.raises(UnsupportedWCSError, match=r"must be finite|must have an inverse"):
        wcs.to_text(given)
