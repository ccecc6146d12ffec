"""Sky coordinates of any image: laws of the index, names, dimensions, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

import xresample as xrs
from tests.support.flavours import Flavour
from tests.support.wcs import make_fits

SHAPE = (9, 12)
WCS_OF_IMAGE = make_fits(SHAPE)


def image(dims: tuple[str, ...] = ("row", "column")) -> xr.DataArray:
    """Return an image with two pixel dimensions, and a third one if asked."""
    sizes = dict(zip(("row", "column"), SHAPE, strict=True))
    shape = tuple(sizes.get(dim, 3) for dim in dims)
    return xr.DataArray(np.arange(np.prod(shape), dtype=float).reshape(shape), dims=dims)


def with_sky(target: Any, **options: Any) -> Any:
    return xrs.with_sky(target, WCS_OF_IMAGE, dims=("row", "column"), **options)


def test_angles_are_those_of_astropy() -> None:
    """Each pixel has the angles that the WCS gives, also in a part of the image."""
    found = with_sky(image())
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ra, dec = WCS_OF_IMAGE.pixel_to_world_values(x, y)
    np.testing.assert_allclose(found["ra"], ra, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found["dec"], dec, rtol=0, atol=1e-11)


@given(
    rows=st.slices(SHAPE[0]), columns=st.slices(SHAPE[1]), order=st.permutations(("row", "column"))
)
def test_slices_and_transposes_keep_the_angles(
    rows: slice, columns: slice, order: list[str]
) -> None:
    """The angles of a part are the part of the angles, and the part stays lazy."""
    whole = with_sky(image())
    part = whole.transpose(*order).isel(row=rows, column=columns)
    if 0 in part.shape:
        return
    for name in ("ra", "dec"):
        expected = whole[name].values[rows, columns]
        np.testing.assert_array_equal(part[name].transpose("row", "column"), expected)


@given(cut=st.integers(1, SHAPE[0] - 1))
def test_neighbours_are_joined(cut: int) -> None:
    """Two parts of an image, concatenated, are the image."""
    whole = with_sky(image())
    parts = [whole.isel(row=slice(None, cut)), whole.isel(row=slice(cut, None))]
    joined = xr.concat(parts, "row")
    xr.testing.assert_equal(joined, whole)
    assert type(joined.xindexes["ra"]) is type(whole.xindexes["ra"])


@given(row=st.integers(0, SHAPE[0] - 1), column=st.integers(0, SHAPE[1] - 1))
def test_a_position_selects_its_pixel(row: int, column: int) -> None:
    """The angles of a pixel select the pixel."""
    cube = with_sky(image(("time", "row", "column")))
    ra, dec = WCS_OF_IMAGE.pixel_to_world_values(column, row)
    found = cube.sel(ra=float(ra), dec=float(dec), method="nearest")
    np.testing.assert_array_equal(found, cube.isel(row=row, column=column))


def test_equal_images_align_and_others_do_not() -> None:
    """Arithmetic needs equal positions on the sky."""
    first, second = with_sky(image()), with_sky(image().copy())
    np.testing.assert_array_equal(first - second, 0)
    other = WCS_OF_IMAGE.deepcopy()
    other.wcs.crval = other.wcs.crval + 1
    moved = xrs.with_sky(image(), other, dims=("row", "column"))
    with pytest.raises(xrs.InvalidInputError, match="same positions on the sky"):
        first - moved


def test_every_kind_of_wcs(flavour: Flavour) -> None:
    """An image without anything of an exposure takes each kind of WCS."""
    bare = xr.Dataset({"image": (("y", "x"), np.zeros(SHAPE))})
    found = xrs.with_sky(bare, flavour.make(SHAPE))
    assert found["ra"].dims == ("y", "x")
    assert np.isfinite(found["dec"]).any()


def test_names_and_origin() -> None:
    """The coordinates take any names, and the coordinates of the dimensions hold the pixels."""
    named = with_sky(image(), names=("lon", "lat"))
    assert {"lon", "lat"} <= set(named.coords)
    part = image().isel(row=slice(3, None)).assign_coords(row=np.arange(3, SHAPE[0]))
    found = with_sky(part, names=("lon", "lat"))
    np.testing.assert_array_equal(found["lat"], named["lat"][3:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: xrs.with_sky(np.zeros((3, 4)), WCS_OF_IMAGE), "image must be a Dataset or"),
        (lambda: xrs.with_sky(image(), WCS_OF_IMAGE), "must have the dimensions y and x"),
        (lambda: with_sky(image(), names=("ra", "ra")), "two different names"),
        (lambda: with_sky(image(), names="ra"), "names must be two names"),
        (lambda: xrs.with_sky(image(), WCS_OF_IMAGE, dims=3), "dims must be two names"),
        (lambda: xrs.with_sky(image(("y", "x"))), "no coordinate 'wcs'"),
        (lambda: xrs.with_sky(image(("y", "x")), WCS(naxis=3)), "axes"),
        (
            lambda: with_sky(image().assign_coords(row=np.zeros(SHAPE[0]))),
            "must hold pixels of the WCS",
        ),
    ],
)
def test_what_is_refused(call: Any, message: str) -> None:
    """Each error names the argument."""
    with pytest.raises(xrs.XResampleError, match=message):
        call()
