"""Axes of pictures: of the sky where there is a WCS, else of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from astropy.wcs.wcsapi import BaseLowLevelWCS, SlicedLowLevelWCS

from xresample.datamodel.exposure import wcs_of
from xresample.datamodel.grid import Grid
from xresample.datamodel.pixels import pixel_origin, pixel_steps
from xresample.errors import InvalidInputError
from xresample.wcs import celestial as radec
from xresample.wcs.frames import equatorial_frame
from xresample.wcs.transform import is_spectral


class PictureWCS(BaseLowLevelWCS):  # type: ignore[misc] # astropy ships no types
    """The WCS of a picture, for an image whose own cannot be drawn with as it is.

    It has an inverse where that of the image has none, as those of distorted detectors, and
    counts the pixels that are there where some were left out. Its world axes are right ascension
    and declination.

    Parameters
    ----------
    dataset : xarray.Dataset
        The image.
    wcs : gwcs.WCS or astropy.wcs.WCS
        Its WCS.
    """

    def __init__(self, dataset: xr.Dataset, wcs: Any) -> None:
        self._wcs = wcs
        self._y0, self._x0 = pixel_origin(dataset)
        self._dy, self._dx = pixel_steps(dataset)
        self._middle = middle_of(dataset)
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
        """What makes a `SkyCoord` of the two angles."""
        from astropy.coordinates import SkyCoord

        return {"celestial": (SkyCoord, (), {"frame": self._frame, "unit": "deg"})}

    def pixel_to_world_values(self, x: Any, y: Any) -> Any:
        """Return the angles of positions, in degrees."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        return radec.pixel_to_radec(self._wcs, self._x0 + self._dx * x, self._y0 + self._dy * y)

    def world_to_pixel_values(self, ra: Any, dec: Any) -> Any:
        """Return the positions of angles; NaN where there is none."""
        x, y = radec.radec_to_pixel(self._wcs, ra, dec, self._middle)
        return (x - self._x0) / self._dx, (y - self._y0) / self._dy


AXIS_NAMES = {
    "pos.eq.ra": "Right ascension",
    "pos.eq.dec": "Declination",
    "pos.galactic.lon": "Galactic longitude",
    "pos.galactic.lat": "Galactic latitude",
    "pos.ecliptic.lon": "Ecliptic longitude",
    "pos.ecliptic.lat": "Ecliptic latitude",
}


def pyplot() -> Any:
    """Return matplotlib.pyplot, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise InvalidInputError(
            "Pictures are drawn with matplotlib, which is not installed: "
            "pip install 'xresample[plot]'"
        ) from None
    return plt


def new_axes(plt: Any, dataset: xr.Dataset, lines: str = "white") -> Any:
    """Return axes of a new figure: of the sky when there is a WCS of it alone, else of pixels."""
    # As high as the image will be, so that a colour bar beside it is no higher.
    height = 5.5 * dataset.sizes["y"] / dataset.sizes["x"] + 0.9
    figure = plt.figure(figsize=(7.5, min(max(height, 3.5), 10.0)), layout="constrained")
    handle = wcs_of(dataset)
    # Axes keep their WCS, so they need an object that is not shared.
    wcs = None if handle is None else handle.new_object()
    if wcs is None or is_spectral(wcs):
        return named(figure.add_subplot())
    import astropy.visualization.wcsaxes  # noqa: F401 - what draws the axes of a WCS

    low = getattr(wcs, "low_level_wcs", wcs)
    starts = pixel_origin(dataset)
    if pixel_steps(dataset) != (1, 1) or not _has_inverse(low, middle_of(dataset)):
        low = PictureWCS(dataset, low)
    elif any(starts):
        low = SlicedLowLevelWCS(low, tuple(slice(start, None) for start in starts))
    ax = figure.add_subplot(projection=low)
    for axis, kind in enumerate(low.world_axis_physical_types):
        if kind in AXIS_NAMES:
            ax.coords[axis].set_axislabel(AXIS_NAMES[kind])
    ax.coords.grid(color=lines, alpha=0.25 if lines == "white" else 0.5, linestyle=":")
    return ax


def entitle(ax: Any, title: str) -> None:
    """Set the title, higher where a pole is so near that labels stand at the upper edge."""
    near_pole = False
    if getattr(ax, "wcs", None) is not None and "pos.eq.dec" in ax.wcs.world_axis_physical_types:
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        x, y = np.array([(x0 + x1) / 2, x0, x0, x1, x1]), np.array([(y0 + y1) / 2, y0, y1, y0, y1])
        ra, dec = radec.pixel_to_radec(ax.wcs, x, y)
        reach = radec.separation(ra[0], dec[0], ra[1:], dec[1:])
        near_pole = bool(90 - np.abs(dec[0]) < 2 * np.nanmax(reach, initial=0.0))
    ax.set_title(title, pad=38.0 if near_pole else None)


def named(ax: Any) -> Any:
    """Name the axes of pixels that have no name yet; those of the sky name themselves."""
    if getattr(ax, "wcs", None) is None:
        ax.set_xlabel(ax.get_xlabel() or "x (pixel)")
        ax.set_ylabel(ax.get_ylabel() or "y (pixel)")
    return ax


def _has_inverse(wcs: Any, middle: tuple[float, float]) -> bool:
    """Tell whether positions on the sky can be asked for their pixels."""
    try:
        wcs.world_to_pixel_values(*wcs.pixel_to_world_values(*middle))
    # Each WCS has its own way to say that it cannot.
    except Exception:
        return False
    return True


def middle_of(dataset: xr.Dataset) -> tuple[float, float]:
    """Return the middle of an image in the pixels of its WCS, x first."""
    (y0, x0), (dy, dx) = pixel_origin(dataset), pixel_steps(dataset)
    return x0 + dx * dataset.sizes["x"] / 2, y0 + dy * dataset.sizes["y"] / 2


def draw(ax: Any, dataset: xr.Dataset, values: np.ndarray, **how: Any) -> Any:
    """Draw an image where the axes have its pixels."""
    extent = extent_of(dataset, named(ax))
    return ax.imshow(values, origin="lower", interpolation="nearest", extent=extent, **how)


def extent_of(dataset: xr.Dataset, ax: Any) -> tuple[float, float, float, float] | None:
    """Return the pixel limits of an image; None where a WCS counts from its corner."""
    if hasattr(ax, "wcs") and ax.wcs is not None:
        return None
    (y0, x0), (dy, dx) = pixel_origin(dataset), pixel_steps(dataset)
    left, low = x0 - dx / 2, y0 - dy / 2
    return left, left + dx * dataset.sizes["x"], low, low + dy * dataset.sizes["y"]


def origin_of(ax: Any, grid: Grid) -> tuple[int, int]:
    """Return the pixel of a grid, x first, at the origin of the axes."""
    return (grid.x0, grid.y0) if getattr(ax, "wcs", None) is not None else (0, 0)


def frame(ax: Any, grid: Grid) -> None:
    """Set the limits of axes to the borders of a grid, and make its pixels square."""
    (ny, nx), (x0, y0) = grid.shape, origin_of(ax, grid)
    ax.set_xlim(grid.x0 - x0 - 0.5, grid.x0 - x0 + nx - 0.5)
    ax.set_ylim(grid.y0 - y0 - 0.5, grid.y0 - y0 + ny - 0.5)
    ax.set_aspect("equal")
    named(ax)
