"""Plots of images: sky coordinates on the axes, units on the colour bar, north up, east left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from astropy.visualization import AsinhStretch, LinearStretch, LogStretch

import xresample as xrs
from tests.support.exposures import make_exposure, make_exposures, output_grid, shifted_map
from tests.support.wcs import make_fits, make_spectral

SHAPE = (20, 26)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close all figures after each test."""
    yield
    plt.close("all")


def mosaic(**options: Any) -> xr.Dataset:
    """Return a mosaic on a grid with a small margin."""
    exposures = make_exposures(2, SHAPE)
    return xrs.coadd(exposures, xrs.fit_wcs(exposures, margin=2), **options)


def test_axes_titles_and_units() -> None:
    ax = mosaic().resample.plot()
    ax.figure.canvas.draw()
    assert ax.get_title() == "co-added image"
    assert ax.coords[0].get_axislabel() == "Right ascension"
    assert ax.coords[1].get_axislabel() == "Declination"
    assert ax.figure.axes[1].get_ylabel() == "data (MJy/sr)"
    assert mosaic().resample.plot(title="Mine").get_title() == "Mine"
    assert len(mosaic().resample.plot(add_colorbar=False).figure.axes) == 1


@pytest.mark.parametrize("cut", [{}, {"x": slice(9, 25), "y": slice(4, 22)}])
def test_north_is_up_and_east_is_left(cut: dict[str, slice]) -> None:
    """The axes show the sky positions of the pixels, also for a cutout."""
    shown = mosaic().isel(cut)
    ax = shown.resample.plot()
    ax.figure.canvas.draw()
    sky = shown.resample.wcs
    x0, y0 = int(shown["x"][0]), int(shown["y"][0])
    for x, y in ((0, 0), (5, 3), (10, 12)):
        world = sky.pixel_to_world_values(x + x0, y + y0)
        place = ax.get_transform("world").transform(np.array([world]))[0]
        expected = ax.transData.transform((x, y))
        np.testing.assert_allclose(place, expected, atol=0.5)
    ra, dec = sky.pixel_to_world_values([x0, x0 + 10, x0], [y0, y0, y0 + 10])
    left, right, up = (
        ax.get_transform("world").transform(np.array([[r, d]]))[0]
        for r, d in zip(ra, dec, strict=True)
    )
    assert ra[0] > ra[1]
    assert left[0] < right[0]
    assert dec[2] > dec[0]
    assert up[1] > left[1]


@pytest.mark.parametrize("stretch", ["linear", "log", "asinh"])
def test_stretches(stretch: str) -> None:
    ax = mosaic().resample.plot(stretch=stretch)
    kinds = {"linear": LinearStretch, "log": LogStretch, "asinh": AsinhStretch}
    assert type(ax.images[0].norm.stretch) is kinds[stretch]


def test_limits_are_robust_and_can_be_given() -> None:
    image = mosaic()
    y, x = np.argwhere(image["wht"].values > 0)[40]
    image["data"].values[y, x] = 1e9
    norm = image.resample.plot().images[0].norm
    covered = image["data"].values[image["wht"].values > 0]
    low, high = np.percentile(covered.astype(float), (1, 99.5))
    assert (norm.vmin, norm.vmax) == pytest.approx((low, high))
    assert norm.vmax < 10
    norm = image.resample.plot(limits=(-1.0, 3.0)).images[0].norm
    assert (norm.vmin, norm.vmax) == (-1.0, 3.0)


def test_pixels_without_data_are_not_drawn() -> None:
    image = mosaic(fillval=-99.0)
    shown = image.resample.plot().images[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(np.ma.masked_invalid(shown)),
                                  image["wht"].values == 0)  # fmt: skip
    weights = image.resample.plot("wht").images[0].get_array()
    np.testing.assert_array_equal(np.asarray(weights), image["wht"].values)


@pytest.mark.parametrize("variable", ["data", "err", "dq", "var_flat"])
def test_planes_of_an_exposure(variable: str) -> None:
    exposure = make_exposure(0, SHAPE, make_fits(SHAPE))
    ax = exposure.resample.plot(variable)
    units = {"dq": "dq", "var_flat": "var_flat (MJy2 / sr2)"}
    label = units.get(variable, f"{variable} (MJy/sr)")
    assert ax.figure.axes[1].get_ylabel() == label


def test_without_a_wcs_the_axes_are_pixels() -> None:
    image = (
        make_exposure(0, SHAPE).drop_vars("wcs").resample.onto((30, 40), pixmap=shifted_map(SHAPE))
    )
    ax = image.isel(x=slice(5, 20)).resample.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (pixel)", "y (pixel)")
    assert ax.get_xlim() == (4.5, 19.5)
    assert ax.get_ylim() == (-0.5, 29.5)


def test_given_axes_are_used() -> None:
    _, ax = plt.subplots()
    assert mosaic().resample.plot(ax=ax, cmap="viridis") is ax
    assert ax.images[0].get_cmap().name == "viridis"


def test_a_gwcs_grid_is_drawn(tmp_path: Any) -> None:
    image = make_exposure(0, SHAPE).resample.onto(output_grid(SHAPE))
    ax = image.resample.plot()
    ax.figure.savefig(tmp_path / "mosaic.png", dpi=50)
    assert (tmp_path / "mosaic.png").stat().st_size > 3000


def test_an_empty_and_a_flat_mosaic_are_drawn() -> None:
    empty = xrs.empty_mosaic(make_fits(SHAPE))
    empty.resample.plot().figure.canvas.draw()
    flat = make_exposure(0, SHAPE)
    flat["data"].values[...] = 2.0
    flat.resample.onto(make_fits(SHAPE)).resample.plot().figure.canvas.draw()


def test_errors_of_plot() -> None:
    image = mosaic()
    for bad in ("con", "filename", "nothing"):
        with pytest.raises(
            xrs.InvalidInputError, match=f"must be an image .*'data'.*, got '{bad}'"
        ):
            image.resample.plot(bad)
    with pytest.raises(
        xrs.InvalidInputError, match=r"got 'con'\. Draw the context with plot_context"
    ):
        image.resample.plot("con")
    with pytest.raises(
        xrs.InvalidInputError, match="stretch must be one of 'asinh', 'linear', 'log', got 'sqrt'"
    ):
        image.resample.plot(stretch="sqrt")


def test_every_third_pixel_is_drawn_at_its_place() -> None:
    """Slices with a step give a quick look at a large mosaic."""
    whole = mosaic()
    shown = whole.isel(y=slice(2, None, 3), x=slice(1, None, 3))
    ax = shown.resample.plot()
    ax.figure.canvas.draw()
    for x, y in ((0, 0), (3, 4)):
        world = whole.resample.wcs.pixel_to_world_values(1 + 3 * x, 2 + 3 * y)
        place = ax.get_transform("world").transform(np.array([world]))[0]
        np.testing.assert_allclose(place, ax.transData.transform((x, y)), atol=0.5)
    _, plain = plt.subplots()
    shown.resample.plot(ax=plain)
    assert plain.get_xlim() == (-0.5, 3 * shown.sizes["x"] - 0.5)


def test_a_spectrum_is_drawn_in_pixels() -> None:
    exposure = make_exposure(0, (40, 60), make_spectral())
    ax = exposure.resample.plot()
    ax.figure.canvas.draw()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (pixel)", "y (pixel)")
