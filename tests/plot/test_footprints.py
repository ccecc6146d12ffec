"""Plots of the context and of footprints."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import Galactic
from astropy.wcs import WCS

import xresample as xrs
from tests.support import wcs as wcs_makers
from tests.support.exposures import make_exposure, make_exposures, make_wcs, shifted_map
from xresample.datamodel import context

SHAPE = (20, 26)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close all figures after each test."""
    yield
    plt.close("all")


def campaign(n: int = 3) -> tuple[list[xr.Dataset], xr.Dataset]:
    """Return exposures, and their mosaic on a grid with a small margin."""
    exposures = make_exposures(n, SHAPE)
    return exposures, xrs.coadd(exposures, xrs.fit_wcs(exposures, margin=2))


def test_the_context_counts_exposures() -> None:
    _, mosaic = campaign(3)
    ax = mosaic.resample.plot_context()
    ax.figure.canvas.draw()
    assert ax.get_title() == "contributing exposures"
    assert ax.coords[0].get_axislabel() == "Right ascension"
    shown = ax.images[0]
    np.testing.assert_array_equal(shown.get_array(), context.count(mosaic["con"].values))
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "number of exposures"
    np.testing.assert_array_equal(bar.get_yticks(), [0, 1, 2, 3])
    # Each number has a colour; 0 is white.
    colours = shown.to_rgba(np.arange(4))
    assert len(np.unique(colours, axis=0)) == 4
    np.testing.assert_array_equal(colours[0], 1.0)
    np.testing.assert_array_equal(shown.norm.boundaries, [-0.5, 0.5, 1.5, 2.5, 3.5])


def test_ticks_of_many_exposures_are_integers() -> None:
    exposures, mosaic = campaign(2)
    with pytest.warns(xrs.RepeatedExposureWarning, match="38 of 38 exposures"):
        many = mosaic.resample.add([exposures[0]] * 38)
    ax = many.resample.plot_context(title="Mine", cmap="magma")
    ax.figure.canvas.draw()
    ticks = ax.figure.axes[1].get_yticks()
    assert len(ticks) < 20
    np.testing.assert_array_equal(ticks, np.round(ticks))
    assert ax.get_title() == "Mine"
    assert len(mosaic.resample.plot_context(add_colorbar=False).figure.axes) == 1


def test_an_empty_context_is_drawn_and_a_missing_one_refused() -> None:
    grid = wcs_makers.make_fits(SHAPE)
    xrs.empty_mosaic(grid).resample.plot_context().figure.canvas.draw()
    without = xrs.empty_mosaic(grid, enable_ctx=False)
    with pytest.raises(xrs.InvalidInputError, match=r"has no 'con'.*enable_ctx=True"):
        without.resample.plot_context()
    with pytest.raises(xrs.InvalidInputError, match=r"Expected a mosaic .*, got a Dataset with"):
        make_exposure(0, SHAPE).resample.plot_context()


@pytest.mark.parametrize("cut", [{}, {"x": slice(5, 20), "y": slice(4, 20)}])
def test_outlines_pass_through_the_corners(cut: dict[str, slice]) -> None:
    exposures, mosaic = campaign(3)
    shown = mosaic.isel(cut)
    ax = shown.resample.plot_footprints(exposures)
    ax.figure.canvas.draw()
    assert [line.get_label() for line in ax.lines] == [e.attrs["filename"] for e in exposures]
    assert len({line.get_color() for line in ax.lines}) == 3
    x0, y0 = int(shown["x"][0]), int(shown["y"][0])
    for line, exposure in zip(ax.lines, exposures, strict=True):
        x, y = line.get_data()
        assert (x[0], y[0]) == (x[-1], y[-1])
        corner = exposure.resample.wcs(-0.5, -0.5, with_bounding_box=False)
        expected = mosaic.resample.wcs.all_world2pix(*corner, 0)
        assert (x[0] + x0, y[0] + y0) == pytest.approx([float(v) for v in expected], abs=1e-6)
    legend = ax.figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [
        e.attrs["filename"] for e in exposures
    ]
    box = legend.get_window_extent()
    assert box.y1 < ax.get_tightbbox(ax.figure.canvas.get_renderer()).y0 + 1
    assert ax.figure.axes[1].get_ylabel() == "data (MJy/sr)"


def test_outlines_without_an_image() -> None:
    exposures, mosaic = campaign(2)
    for ax in (
        xrs.plot_footprints(exposures),
        exposures[0].resample.plot_footprints(exposures[1]),
        mosaic.resample.plot_footprints(exposures, variable=None, linewidth=3, title="Mine"),
        xrs.plot_footprints(iter(exposures), xrs.fit_wcs(exposures)),
    ):
        ax.figure.canvas.draw()
        assert not ax.images
        assert len(ax.lines) == 2
        assert ax.get_aspect() == 1.0
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        for line in ax.lines:
            x, y = line.get_data()
            assert left - 0.5 <= x.min() < x.max() <= right + 0.5
            assert low - 0.5 <= y.min() < y.max() <= high + 0.5
    assert len(exposures[0].resample.plot_footprints().lines) == 1


def test_many_outlines_have_a_colour_bar() -> None:
    exposures = [make_exposure(k, SHAPE, make_wcs(k, SHAPE)) for k in range(12)]
    ax = xrs.plot_footprints(exposures)
    ax.figure.canvas.draw()
    assert not ax.figure.legends
    assert ax.figure.axes[1].get_xlabel() == "exposure, in the order given"


def test_given_axes_are_used() -> None:
    exposures, mosaic = campaign(2)
    _, ax = plt.subplots()
    assert mosaic.resample.plot_footprints(exposures, ax=ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (pixel)", "y (pixel)")
    assert len(ax.get_legend().get_texts()) == 2
    part = mosaic.isel(x=slice(5, 20))
    _, ax = plt.subplots()
    part.resample.plot_footprints(exposures, ax=ax, variable=None)
    assert ax.get_xlim() == (4.5, 19.5)


def test_outlines_at_ra_0_at_the_pole_and_in_other_frames() -> None:
    """No line of an outline crosses the whole plot."""
    for wcs in (
        wcs_makers.make_wrap(SHAPE),
        wcs_makers.make_gwcs(SHAPE, (30.0, 89.9999)),
        wcs_makers.make_gwcs(SHAPE, reference=Galactic()),
    ):
        exposure = make_exposure(0, SHAPE, wcs)
        ax = exposure.resample.plot_footprints()
        ax.figure.canvas.draw()
        x, y = ax.lines[0].get_data()
        assert np.hypot(np.diff(x), np.diff(y)).max() < max(SHAPE)
        assert ax.get_xlim()[0] < x.min() < x.max() < ax.get_xlim()[1]
        # Drawing a cutout with its coordinate grid needs an inverse, which its WCS lacks.
        shown = exposure.isel(x=slice(3, None)).resample.plot()
        shown.figure.canvas.draw()
        assert shown.coords[0].get_axislabel() == "Right ascension"


def test_errors_of_footprints() -> None:
    exposures, mosaic = campaign(1)
    with pytest.raises(xrs.InvalidInputError, match="at least one exposure"):
        mosaic.resample.plot_footprints()
    with pytest.raises(
        xrs.InvalidInputError, match=r"must have a WCS, got exposures without one: exposure_0"
    ):
        xrs.plot_footprints(exposures[0].drop_vars("wcs"))
    with pytest.raises(xrs.InvalidExposureError, match="data is missing"):
        xrs.plot_footprints(exposures[0].drop_vars("data"))
    nowhere = (
        make_exposure(0, SHAPE).drop_vars("wcs").resample.onto((30, 40), pixmap=shifted_map(SHAPE))
    )
    with pytest.raises(xrs.InvalidInputError, match="got a grid without a WCS"):
        nowhere.resample.plot_footprints(exposures)


@pytest.mark.parametrize("code", ["CAR", "AIT"])
def test_an_outline_is_broken_at_the_edge_of_a_sky_map(code: str) -> None:
    grid, tangent = WCS(naxis=2), WCS(naxis=2)
    grid.wcs.ctype, tangent.wcs.ctype = (f"RA---{code}", f"DEC--{code}"), ("RA---TAN", "DEC--TAN")
    grid.wcs.crpix, grid.wcs.cdelt, grid.array_shape = (180.5, 90.5), (-1, 1), (180, 360)
    tangent.wcs.crval, tangent.wcs.crpix, tangent.wcs.cdelt = (180.0, 0.0), (6.5, 6.5), (-1, 1)
    for ra, breaks in ((180.0, 2), (90.0, 0), (0.0, 0)):
        tangent.wcs.crval = ra, 0.0
        (line,) = xrs.plot_footprints([xrs.make_exposure(np.ones((12, 12)), tangent)], grid).lines
        x, y = line.get_data()
        assert np.nanmax(np.hypot(np.diff(x), np.diff(y))) < 4
        assert np.isnan(x).sum() == breaks
