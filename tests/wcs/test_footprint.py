"""Areas and outlines of images on the sky."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.modeling import models
from gwcs import WCS as GWCS
from numpy.testing import assert_allclose
from stcal.resample.utils import compute_mean_pixel_area

from tests.support import wcs as makers
from xresample.wcs import footprint as sky
from xresample.wcs.pixels import Pixels

ARCSEC = math.radians(1 / 3600)

WHOLE = Pixels.of(makers.SHAPE)


def area_of_tangent_plane(ny, nx, scale):
    """Return the mean area within the centres of the corners of a tangent-plane image."""
    a, b = ((n - 1) / 2 * scale * ARCSEC for n in (nx, ny))
    whole = 4 * math.asin(a * b / math.sqrt((1 + a * a) * (1 + b * b)))
    return whole / ((nx - 1) * (ny - 1))


@pytest.mark.parametrize("crval", [(150.0, 2.0), (0.0, 60.0), (0.0, 89.9999), (30.0, -90.0)])
@pytest.mark.parametrize("shape", [(192, 256), (2, 2), (3, 2), (5, 40), (1000, 17)])
@pytest.mark.parametrize("scale", [0.01, 0.1, 20.0])
def test_tangent_plane(crval, shape, scale):
    wanted = area_of_tangent_plane(*shape, scale)
    # At 0.01 arcseconds, degrees in float64 resolve 1e-9 of a small image.
    tolerance = 1e-10 + 1e-9 * 0.01 / scale * (256 / min(shape))
    for maker in (makers.make_grid, makers.make_fits):
        area = sky.mean_pixel_area(maker(shape, crval, scale, rotation=20.0), Pixels.of(shape))
        assert_allclose(area, wanted, rtol=tolerance)


@pytest.mark.parametrize(
    "image",
    [
        makers.make_gwcs((1024, 1032), (10.0, 89.0), 15.0, distortion=20.0),
        makers.make_gwcs((500, 300), (0.0, 3.0), 30.0, rotation=33.0, distortion=10.0),
        makers.make_gwcs((700, 700), (0.0, 3.0), 20.0, mirrored=True),
    ],
)
def test_as_stcal(image):
    # Large pixels: the sum of angles that spherical_geometry takes loses small areas.
    for box in (None, ((3.5, 250.5), (-0.5, 299.5)), ((3.2, 250.2), (0.3, 260.9))):
        if box is not None:
            image.bounding_box = box
        area = sky.mean_pixel_area(image, Pixels.of(image.array_shape))
        assert_allclose(area, compute_mean_pixel_area(image), rtol=1e-9)


def test_part_of_an_image():
    whole = makers.make_gwcs((200, 300), distortion=20.0)
    part = makers.make_gwcs((200, 300), distortion=20.0)
    part.bounding_box = ((99.5, 199.5), (49.5, 149.5))
    area = sky.mean_pixel_area(whole, Pixels.of((100, 100), (50, 100)))
    assert_allclose(area, sky.mean_pixel_area(part, Pixels.of((200, 300))), rtol=1e-12)
    assert abs(area / sky.mean_pixel_area(whole, Pixels.of((200, 300))) - 1) > 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_a_single_row(shape):
    image = makers.make_grid(shape, scale=1.0)
    assert_allclose(sky.mean_pixel_area(image, Pixels.of(shape)), ARCSEC**2, rtol=1e-7)


def test_pole_is_like_anywhere():
    pole = sky.mean_pixel_area(makers.make_pole(), WHOLE)
    assert_allclose(pole, sky.mean_pixel_area(makers.make_gwcs(), WHOLE), rtol=1e-9)


def test_shrinks_where_it_is_not_on_the_sky():
    image = makers.make_hole(rows=7, scale=30.0)
    area = sky.mean_pixel_area(image, WHOLE)
    assert_allclose(area, compute_mean_pixel_area(image), rtol=1e-9)
    assert abs(area / sky.mean_pixel_area(makers.make_gwcs(scale=30.0), WHOLE) - 1) > 1e-4


def test_nowhere():
    model = models.Const1D(math.nan) & models.Const1D(math.nan)
    image = GWCS(model, makers.detector_frame(), makers.sky_frame())
    assert math.isnan(sky.mean_pixel_area(image, Pixels.of((12, 12))))
    assert math.isnan(sky.mean_pixel_area(image, Pixels.of((1, 12))))
    assert math.isnan(sky.mean_pixel_area(makers.make_gwcs(), Pixels.of((5, 5), (0, 1000))))


def test_pixel_scale():
    assert_allclose(sky.pixel_scale(makers.make_grid(scale=0.03), WHOLE), 0.03, rtol=1e-7)


def test_spectrum():
    image = makers.make_spectral((40, 60))
    assert sky.mean_pixel_area(image, Pixels.of((40, 60))) == pytest.approx(0, abs=1e-20)
    assert sky.footprint(image, Pixels.of((40, 60))).shape == (32, 2)


def test_footprint():
    image = makers.make_grid((10, 20), scale=1.0)
    points = sky.footprint(image, Pixels.of((10, 20)))
    assert points.shape == (4 * sky.EDGE_POINTS, 2)
    x, y = image.invert(*points.T, with_bounding_box=False)
    corners = np.array([(-0.5, -0.5), (19.5, -0.5), (19.5, 9.5), (-0.5, 9.5)])
    assert_allclose(np.stack([x, y], axis=1)[:: sky.EDGE_POINTS], corners, atol=1e-6)
    part = sky.footprint(image, Pixels.of((4, 5), (3, 10)))
    x, y = image.invert(*part.T, with_bounding_box=False)
    assert_allclose([x.min(), x.max(), y.min(), y.max()], [9.5, 14.5, 2.5, 6.5], atol=1e-6)
