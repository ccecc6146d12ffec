"""Colour images and planes side by side."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support.exposures import make_exposures

SHAPE = (20, 26)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close all figures after each test."""
    yield
    plt.close("all")


def mosaic(factor: float = 1.0) -> xr.Dataset:
    """Return a mosaic whose data are multiplied by a factor."""
    exposures = make_exposures(2, SHAPE)
    made = xrs.coadd(exposures, xrs.fit_wcs(exposures, margin=2), compute_err="from_var")
    with xr.set_options(keep_attrs=True):
        return made.assign(data=made["data"] * factor)


def test_equal_mosaics_are_gray() -> None:
    """Mosaics that differ by a factor give a gray image, because each has its own scale."""
    ax = xrs.plot_rgb(mosaic(), mosaic(2.0), mosaic(0.5), title="gray")
    picture = ax.images[0].get_array()
    assert picture.shape == (*mosaic()["data"].shape, 3)
    assert np.ptp(picture.astype(int), axis=-1).max() <= 1
    assert picture.max() > 200
    assert ax.get_title() == "gray"
    assert ax.coords[0].get_axislabel() == "Right ascension"


def test_a_source_in_one_filter_has_the_colour_of_the_filter() -> None:
    """A source that only the first mosaic holds is red."""
    first = mosaic()
    y, x = first.sizes["y"] // 2, first.sizes["x"] // 2
    first["data"][y, x] += 50 * float(first["data"].std())
    red, green, blue = xrs.plot_rgb(first, mosaic(), mosaic()).images[0].get_array()[y, x]
    assert red > 2 * max(int(green), int(blue))


def test_pixels_without_data_are_black() -> None:
    """Pixels that no exposure covers are black."""
    made = mosaic()
    empty = made["wht"].values == 0
    picture = xrs.plot_rgb(made, made, made).images[0].get_array()
    assert empty.any()
    assert picture[empty].max() == 0


def test_other_grids_are_refused() -> None:
    """The three mosaics must have one grid."""
    with pytest.raises(xrs.GridMismatchError):
        xrs.plot_rgb(mosaic(), mosaic(), mosaic().isel(x=slice(1, None)))
    with pytest.raises(xrs.InvalidInputError, match="blue must be a mosaic"):
        xrs.plot_rgb(mosaic(), mosaic(), None)


def test_planes_are_side_by_side() -> None:
    """Each variable has its own axes; missing variables are left out."""
    axes = mosaic().resample.plot_planes()
    titles = [ax.get_title() for ax in axes]
    assert titles == ["co-added image", "standard deviation", "sum of weights"]
    assert len({ax.get_position().x0 for ax in axes}) == 3
    assert len(make_exposures(1, SHAPE)[0].resample.plot_planes("data wht")) == 1
    with pytest.raises(xrs.InvalidInputError, match="variables must name variables"):
        mosaic().resample.plot_planes(["flux"])
