"""Axes of plots: sky coordinates if the Dataset has a celestial WCS, pixels otherwise."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from astropy.wcs.wcsapi import BaseLowLevelWCS, SlicedLowLevelWCS

from xresample.arguments import did_you_mean, shown
from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.grid import Grid
from xresample.datamodel.pixels import counts_pixels, pixel_axis, pixel_origin
from xresample.errors import InvalidInputError
from xresample.wcs.celestial import pixel_to_radec, radec_to_pixel, separation
from xresample.wcs.frames import equatorial_frame
from xresample.wcs.transform import is_spectral

GridColour = Literal["white", "gray"]
"""Colour of a coordinate grid."""


class AxesWCS(BaseLowLevelWCS):  # type: ignore[misc] # astropy ships no types
    """A WCS for axes, made from a WCS that the axes cannot use as it is.

    It has an inverse even if the WCS of the image has none, like those of distorted detectors. Its
    pixels are the pixels of the image, even if the image has only every second or third row. Its
    world axes are right ascension and declination.

    Parameters
    ----------
    dataset : xarray.Dataset
        The image.
    wcs : gwcs.WCS or astropy.wcs.WCS
        The WCS of the image.
    """

    def __init__(self, dataset: xr.Dataset, wcs: Any) -> None:
        self._wcs = wcs
        (self._y0, self._dy), (self._x0, self._dx) = _pixel_axes(dataset)
        self._centre = centre_of(dataset)
        self._frame = equatorial_frame(wcs)

    pixel_n_dim = world_n_dim = 2
    world_axis_physical_types = ("pos.eq.ra", "pos.eq.dec")
    world_axis_units = ("deg", "deg")
    world_axis_object_components = (
        ("celestial", 0, "spherical.lon.degree"),
        ("celestial", 1, "spherical.lat.degree"),
    )

    @property
    def world_axis_object_classes(self) -> dict[str, Any]:
        """Class and arguments that make a `SkyCoord` of the two angles."""
        from astropy.coordinates import SkyCoord

        return {"celestial": (SkyCoord, (), {"frame": self._frame, "unit": "deg"})}

    def pixel_to_world_values(self, x: Any, y: Any) -> Any:
        """Return right ascension and declination of pixels, in degrees."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return pixel_to_radec(self._wcs, self._x0 + self._dx * x, self._y0 + self._dy * y)

    def world_to_pixel_values(self, ra: Any, dec: Any) -> Any:
        """Return the pixels at sky positions in degrees; NaN if there is no such pixel."""
        x, y = radec_to_pixel(self._wcs, ra, dec, self._centre)
        return (x - self._x0) / self._dx, (y - self._y0) / self._dy


AXIS_NAMES = {
    "pos.eq.ra": "Right ascension",
    "pos.eq.dec": "Declination",
    "pos.galactic.lon": "Galactic longitude",
    "pos.galactic.lat": "Galactic latitude",
    "pos.ecliptic.lon": "Ecliptic longitude",
    "pos.ecliptic.lat": "Ecliptic latitude",
}
"""Label of each axis by its physical type."""


def pyplot() -> Any:
    """Return matplotlib.pyplot.

    Raises
    ------
    InvalidInputError
        matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise InvalidInputError(
            "Plots need matplotlib, which is not installed: install it with "
            "pip install 'xresample[plot]'"
        ) from None
    return plt


def new_axes(plt: Any, dataset: xr.Dataset, grid_colour: GridColour = "white") -> Any:
    """Return axes of a new figure, with sky coordinates if the WCS is purely celestial.

    Parameters
    ----------
    plt : module
        matplotlib.pyplot.
    dataset : xarray.Dataset
        The Dataset to draw.
    grid_colour : {"white", "gray"}, optional
        Colour of the coordinate grid: white on an image, gray on an empty background.
    """
    # The figure has the aspect ratio of the image, so that the colour bar is as high as the image.
    height = 5.5 * dataset.sizes["y"] / dataset.sizes["x"] + 0.9
    figure = plt.figure(figsize=(7.5, min(max(height, 3.5), 10.0)), layout="constrained")
    return add_axes(figure, dataset, grid_colour)


def add_axes(
    figure: Any,
    dataset: xr.Dataset,
    grid_colour: GridColour,
    place: tuple[int, int, int] = (1, 1, 1),
) -> Any:
    """Add axes to a figure, with sky coordinates if the WCS is purely celestial.

    Parameters
    ----------
    figure : matplotlib Figure
        The figure.
    dataset : xarray.Dataset
        The Dataset to draw.
    grid_colour : {"white", "gray"}
        Colour of the coordinate grid.
    place : (int, int, int), optional
        Rows and columns of axes in the figure, and the position of the axes among them, from 1.
    """
    handle = wcs_of(dataset)
    # Axes keep their WCS, so they need an object that nothing else uses.
    wcs = None if handle is None else handle.new_object()
    if wcs is None or is_spectral(wcs):
        return label_pixel_axes(figure.add_subplot(*place))
    import astropy.visualization.wcsaxes  # noqa: F401 - enables projection=WCS

    low = getattr(wcs, "low_level_wcs", wcs)
    starts = pixel_origin(dataset)
    is_cutout = all(counts_pixels(dataset, name) for name in ("y", "x"))
    if not is_cutout or not _has_inverse(low, centre_of(dataset)):
        low = AxesWCS(dataset, low)
    elif any(starts):
        low = SlicedLowLevelWCS(low, tuple(slice(start, None) for start in starts))
    ax = figure.add_subplot(*place, projection=low)
    for axis, kind in enumerate(low.world_axis_physical_types):
        if kind in AXIS_NAMES:
            ax.coords[axis].set_axislabel(AXIS_NAMES[kind])
    ax.coords.grid(color=grid_colour, alpha=0.25 if grid_colour == "white" else 0.5, linestyle=":")
    return ax


def checked_axes(ax: Any) -> Any:
    """Return axes of matplotlib or None; raise an error for anything else."""
    if ax is not None and not hasattr(ax, "imshow"):
        raise InvalidInputError(
            f"ax must be matplotlib Axes, as from plt.subplots(), got {shown(ax)}"
        )
    return ax


def colour_map(plt: Any, cmap: Any) -> Any:
    """Return a colour map of matplotlib by its name."""
    from matplotlib.colors import Colormap

    if isinstance(cmap, Colormap):
        return cmap
    if not isinstance(cmap, str) or cmap not in plt.colormaps():
        raise InvalidInputError(
            "cmap must be a colour map of matplotlib or its name, got "
            f"{shown(cmap)}{did_you_mean(cmap, plt.colormaps())}"
        )
    return plt.get_cmap(cmap)


def set_title(ax: Any, title: str) -> None:
    """Set the title, with more space below it if a nearby pole puts labels at the upper edge."""
    near_pole = False
    if getattr(ax, "wcs", None) is not None and "pos.eq.dec" in ax.wcs.world_axis_physical_types:
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        x, y = np.array([(x0 + x1) / 2, x0, x0, x1, x1]), np.array([(y0 + y1) / 2, y0, y1, y0, y1])
        ra, dec = pixel_to_radec(ax.wcs, x, y)
        reach = separation(ra[0], dec[0], ra[1:], dec[1:])
        near_pole = bool(90 - np.abs(dec[0]) < 2 * np.nanmax(reach, initial=0.0))
    ax.set_title(title, pad=38.0 if near_pole else None)


def label_pixel_axes(ax: Any) -> Any:
    """Label axes of pixels that have no labels yet; sky coordinates label their axes themselves."""
    if getattr(ax, "wcs", None) is None:
        ax.set_xlabel(ax.get_xlabel() or "x (pixel)")
        ax.set_ylabel(ax.get_ylabel() or "y (pixel)")
    return ax


def _has_inverse(wcs: Any, centre: tuple[float, float]) -> bool:
    """Tell whether a WCS can find the pixel of a sky position."""
    try:
        wcs.world_to_pixel_values(*wcs.pixel_to_world_values(*centre))
    except Exception:  # every kind of WCS raises another type of error
        return False
    return True


def _pixel_axes(dataset: xr.Dataset) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first pixel and the step along y and along x, in the pixels of the WCS."""
    return pixel_axis(dataset, "y"), pixel_axis(dataset, "x")


def centre_of(dataset: xr.Dataset) -> tuple[float, float]:
    """Return the centre of an image in the pixels of its WCS, ``(x, y)``."""
    (y0, dy), (x0, dx) = _pixel_axes(dataset)
    return x0 + dx * dataset.sizes["x"] / 2, y0 + dy * dataset.sizes["y"] / 2


def draw_image(ax: Any, dataset: xr.Dataset, values: np.ndarray, **style: Any) -> Any:
    """Draw an image at its place in the axes."""
    extent = extent_of(dataset, label_pixel_axes(ax))
    return ax.imshow(values, origin="lower", interpolation="nearest", extent=extent, **style)


def extent_of(dataset: xr.Dataset, ax: Any) -> tuple[float, float, float, float] | None:
    """Return the pixel limits of an image; None for sky axes, which count from its first pixel."""
    if hasattr(ax, "wcs") and ax.wcs is not None:
        return None
    (y0, dy), (x0, dx) = _pixel_axes(dataset)
    left, low = x0 - dx / 2, y0 - dy / 2
    return left, left + dx * dataset.sizes["x"], low, low + dy * dataset.sizes["y"]


def origin_of(ax: Any, grid: Grid) -> tuple[int, int]:
    """Return the pixel of a grid that is the origin of the axes, ``(x, y)``."""
    return (grid.x0, grid.y0) if getattr(ax, "wcs", None) is not None else (0, 0)


def set_limits(ax: Any, grid: Grid) -> None:
    """Set the limits of axes to the borders of a grid, and draw its pixels as squares."""
    (ny, nx), (x0, y0) = grid.shape, origin_of(ax, grid)
    ax.set_xlim(grid.x0 - x0 - 0.5, grid.x0 - x0 + nx - 0.5)
    ax.set_ylim(grid.y0 - y0 - 0.5, grid.y0 - y0 + ny - 0.5)
    ax.set_aspect("equal")
    label_pixel_axes(ax)
