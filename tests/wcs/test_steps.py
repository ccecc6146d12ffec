"""The WCS of every n-th row, of blocks of pixels, and of a mirror image."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import wcs as makers
from tests.support.flavours import FLAVOURS, Flavour
from xresample.errors import UnsupportedWCSError
from xresample.wcs import steps as module
from xresample.wcs.handle import WCSHandle
from xresample.wcs.steps import Steps, stepped, stepped_object
from xresample.wcs.transform import bounding_box, pixel_to_world

SHAPE = (24, 36)
STEPS = {
    "every second": Steps(1, 2, 0, 3),
    "blocks": Steps(0.5, 2, 1, 3),
    "mirror": Steps(35, -1, 0, 1),
    "turned": Steps(33.5, -2, 20, -4),
    "halves": Steps(-0.25, 0.5, -0.25, 0.5),
}


@pytest.mark.parametrize("name", sorted(STEPS))
@pytest.mark.parametrize("flavour", sorted(FLAVOURS), indirect=True)
def test_the_pixels_of_a_part_are_where_they_were(flavour: Flavour, name: str) -> None:
    wcs, steps = flavour.make(SHAPE), STEPS[name]
    part = stepped(WCSHandle.saved(wcs), steps, (7, 9)).object
    i, j = np.meshgrid(np.arange(9.0), np.arange(7.0))
    found = pixel_to_world(part, i, j)
    expected = pixel_to_world(wcs, steps.x0 + steps.dx * i, steps.y0 + steps.dy * j)
    for values, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, right, rtol=0, atol=1e-12)


def test_crpix_cd_and_sip_scale_exactly() -> None:
    wcs = makers.make_sip(SHAPE)
    part = stepped_object(wcs.deepcopy(), Steps(0.5, 2, 1.5, 4), (6, 18))
    np.testing.assert_array_equal(part.wcs.crpix, (wcs.wcs.crpix - 1 - [0.5, 1.5]) / [2, 4] + 1)
    np.testing.assert_array_equal(part.pixel_scale_matrix, wcs.pixel_scale_matrix * [2, 4])
    np.testing.assert_array_equal(part.sip.crpix, (wcs.sip.crpix - [1.5, 2.5]) / [2, 4] + 1)
    p, q = np.nonzero(wcs.sip.a)
    np.testing.assert_array_equal(part.sip.a[p, q], wcs.sip.a[p, q] * 2.0**p * 4.0**q / 2)
    p, q = np.nonzero(wcs.sip.b)
    np.testing.assert_array_equal(part.sip.b[p, q], wcs.sip.b[p, q] * 2.0**p * 4.0**q / 4)
    assert part.array_shape == (6, 18)


def test_the_bounding_box_follows() -> None:
    box = bounding_box(stepped_object(makers.make_gwcs((20, 30)), Steps(29, -1, 0.5, 2), (10, 30)))
    assert box == ((-0.5, 29.5), (-0.5, 9.5))


def test_other_wcss_are_refused() -> None:
    with pytest.raises(UnsupportedWCSError, match=r"must have steps of 1"):
        stepped_object(makers.Plain(), Steps(0, 2, 0, 2), (3, 4))


def test_equal_parts_share_one_handle() -> None:
    handle = WCSHandle.saved(makers.make_fits(SHAPE))
    assert stepped(handle, STEPS["blocks"], (8, 18)) is stepped(handle, STEPS["blocks"], (8, 18))
    assert len(module._handles._entries) <= module.REMEMBERED
