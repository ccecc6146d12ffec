"""Plots of the outlines of exposures on the sky."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.window import require_wcs
from xresample.datamodel.exposure import Exposure
from xresample.datamodel.grid import Grid, GridLike, fit_wcs
from xresample.datamodel.own_pixels import in_own_pixels
from xresample.datamodel.stack import at_least_one
from xresample.errors import InvalidInputError
from xresample.wcs.footprint import outline
from xresample.wcs.transform import transform

from .axes import checked_axes, new_axes, origin_of, pyplot, set_limits, set_title
from .images import plot_image

MAX_LEGEND = 10
"""Maximum number of outlines in a legend; more outlines get a colour bar."""


def plot_footprints(
    exposures: xr.Dataset | Iterable[xr.Dataset],
    on: GridLike | None = None,
    *,
    variable: str | None = "data",
    ax: Any = None,
    title: str = "footprints",
    **kwargs: Any,
) -> Any:
    """Draw the outlines of exposures, on a mosaic or by themselves.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures. A legend shows the ``filename`` of up to ten exposures; more exposures get a
        colour bar with their order.
    on : Dataset, WCS or (int, int), optional
        A mosaic, which is drawn below the outlines, or a grid. Default: a grid that covers the
        exposures, with north up.
    variable : str, optional
        Variable of the mosaic to draw; None: only the outlines.
    ax : matplotlib Axes, optional
        Axes to draw in, in the pixels of ``on``. Default: a new figure with sky coordinates.
    title : str, optional
        Title.
    **kwargs
        Options of ``matplotlib.lines.Line2D`` for the lines, such as ``linewidth=2``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the plot.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    InvalidInputError
        There are no exposures, an exposure has no WCS, or matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, numpy as np, xresample as xrs
    >>> matplotlib.use("Agg")
    >>> from astropy.wcs import WCS
    >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
    ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
    >>> exposures = [xrs.make_exposure(np.zeros(shape), wcs) for shape in ((4, 5), (2, 9))]
    >>> ax = xrs.plot_footprints(exposures)
    >>> [line.get_label() for line in ax.lines]
    ['exposure 0', 'exposure 1']
    """
    plt, ax = pyplot(), checked_axes(ax)
    placed = _exposures_with_wcs(exposures)
    if on is None:
        on = _covering_grid(placed)
    on = in_own_pixels(on) if isinstance(on, xr.Dataset) else on
    grid = Grid.of(on)
    if grid.wcs is None:
        raise InvalidInputError(
            "on must be a mosaic or a grid with a WCS, got a grid without a WCS: give its WCS"
        )
    is_new = ax is None
    if isinstance(on, xr.Dataset) and variable is not None:
        ax = plot_image(on, variable, ax=ax)
    else:
        ax = new_axes(plt, xr.Dataset(coords=grid.coords()), "gray") if ax is None else ax
        set_limits(ax, grid)
    x0, y0 = origin_of(ax, grid)
    colours = _colours(plt, len(placed))
    for k, (exposure, colour) in enumerate(zip(placed, colours, strict=True)):
        x, y = _closed_outline(exposure, grid)
        name = exposure.scalars["filename"] or f"exposure {k}"
        ax.plot(x - x0, y - y0, **{"color": colour, "linewidth": 1.5, "label": name, **kwargs})
    set_title(ax, title)
    _add_key(plt, ax, len(placed), outside=is_new)
    return ax


def _exposures_with_wcs(datasets: xr.Dataset | Iterable[xr.Dataset]) -> list[Exposure]:
    """Return at least one exposure, each with a WCS.

    Raises
    ------
    InvalidInputError
        There are no exposures, or an exposure has no WCS.
    """
    found = [Exposure.of(dataset) for dataset in at_least_one(datasets, "plot_footprints")]
    if lacking := [e.scalars["filename"] or str(k) for k, e in enumerate(found) if e.wcs is None]:
        raise InvalidInputError(
            f"Every exposure must have a WCS, got exposures without one: {', '.join(lacking)}. "
            "Give them one with .resample.assign_wcs(wcs)"
        )
    return found


def _covering_grid(exposures: list[Exposure]) -> Any:
    """Return a grid that covers the exposures, with a margin of a twentieth of its longer side."""
    datasets = [exposure.dataset for exposure in exposures]
    return fit_wcs(datasets, margin=math.ceil(max(fit_wcs(datasets).array_shape) / 20))


def _closed_outline(exposure: Exposure, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of an exposure in the pixels of a grid; it ends at its first point.

    NaN break the outline where it crosses an edge of the map, as on a map of the whole sky.
    """
    wcs_from, wcs_to = (
        require_wcs(handle, role).object
        for handle, role in ((exposure.wcs, "exposure"), (grid.wcs, "mosaic"))
    )
    points = np.array(outline(wcs_from, exposure.pixels))
    function = transform(wcs_from, wcs_to)
    there = np.array(function(*points))
    finite = np.isfinite(there).all(axis=0)
    points, there = (np.append(p[:, finite], p[:, finite][:, :1], axis=1) for p in (points, there))
    middles = np.array(function(*(points[:, 1:] + points[:, :-1]) / 2))
    torn = np.flatnonzero(_is_torn(there, middles)) + 1
    x, y = np.insert(there, torn, np.nan, axis=1)
    return x, y


def _is_torn(points: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Tell which segments of a line, ``(2, n)``, cross an edge of the map.

    The middle of such a segment lies near one of its ends instead of between them.
    """
    step = points[:, 1:] - points[:, :-1]
    off = np.abs(middles - (points[:, 1:] + points[:, :-1]) / 2).max(axis=0)
    length = np.abs(step).max(axis=0)
    torn: np.ndarray = (length > 1) & (off > length / 4)
    return torn


def _colours(plt: Any, count: int) -> list[Any]:
    """Return one colour per outline."""
    if count <= MAX_LEGEND:
        return [plt.get_cmap("tab10")(k) for k in range(count)]
    return [plt.get_cmap("plasma")(k / (count - 1)) for k in range(count)]


def _add_key(plt: Any, ax: Any, count: int, outside: bool) -> None:
    """Add a legend of the outlines, or a colour bar if there are many outlines."""
    if count > MAX_LEGEND:
        from matplotlib.colors import Normalize
        from matplotlib.ticker import MaxNLocator

        order = plt.cm.ScalarMappable(Normalize(0, count - 1), "plasma")
        ticks = MaxNLocator(integer=True)
        bar = ax.figure.colorbar(order, ax=ax, location="bottom", shrink=0.6, ticks=ticks)
        bar.set_label("exposure, in the order given")
    elif outside:
        ax.figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    else:
        ax.legend(fontsize="small")
