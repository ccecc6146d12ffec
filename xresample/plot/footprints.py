"""Pictures of where exposures are on the sky."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from xresample.accumulate.window import require_wcs
from xresample.datamodel.exposure import Exposure, validate
from xresample.datamodel.grid import Grid, GridLike, fit_wcs
from xresample.errors import InvalidInputError
from xresample.wcs import footprint as sky
from xresample.wcs.transform import transform

from .axes import entitle, frame, new_axes, origin_of, pyplot
from .images import show

MOST_NAMED = 10
"""Outlines that a legend names; more of them get a colour bar."""


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
        The exposures. Up to ten are named in a legend, by their ``filename``; more of them get a
        bar of colours, in the order in which they are given.
    on : Dataset, WCS or (int, int), optional
        A mosaic, which is drawn below the outlines, or a grid; by default a grid that just covers
        the exposures, with north up.
    variable : str, optional
        What to draw of a mosaic; None: only the outlines.
    ax : matplotlib Axes, optional
        Where to draw, in the pixels of ``on``; by default a new figure with sky coordinates.
    title : str, optional
        Title.
    **kwargs
        How to draw the lines, as ``matplotlib.lines.Line2D`` takes it, such as ``linewidth=2``.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    InvalidInputError
        There is no exposure, one has no WCS, or matplotlib is not installed.

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
    plt = pyplot()
    readers = _readers(exposures)
    if on is None:
        on = _around(readers)
    grid = Grid.of(on)
    if grid.wcs is None:
        raise InvalidInputError("The mosaic has no WCS: outlines cannot be placed on it")
    own = ax is not None
    if isinstance(on, xr.Dataset) and variable is not None:
        ax = show(on, variable, ax=ax)
    else:
        ax = new_axes(plt, xr.Dataset(coords=grid.coords()), "gray") if ax is None else ax
        frame(ax, grid)
    x0, y0 = origin_of(ax, grid)
    colours = _colours(plt, len(readers))
    for k, (reader, colour) in enumerate(zip(readers, colours, strict=True)):
        x, y = _closed_outline(reader, grid)
        name = reader.scalars["filename"] or f"exposure {k}"
        ax.plot(x - x0, y - y0, **{"color": colour, "linewidth": 1.5, "label": name, **kwargs})
    entitle(ax, title)
    _name(plt, ax, len(readers), own)
    return ax


def _readers(exposures: xr.Dataset | Iterable[xr.Dataset]) -> list[Exposure]:
    """Return the exposures, which all have a WCS."""
    given = [exposures] if isinstance(exposures, xr.Dataset) else list(exposures)
    if not given:
        raise InvalidInputError("plot_footprints needs at least one exposure: none was given")
    for dataset in given:
        validate(dataset)
    readers = [Exposure(dataset) for dataset in given]
    if lacking := [e.scalars["filename"] or "?" for e in readers if e.wcs is None]:
        raise InvalidInputError(f"plot_footprints needs exposures with a WCS; without: {lacking}")
    return readers


def _around(readers: list[Exposure]) -> Any:
    """Return a grid that covers exposures, with a border of a twentieth."""
    datasets = [reader.dataset for reader in readers]
    return fit_wcs(datasets, margin=math.ceil(max(fit_wcs(datasets).array_shape) / 20))


def _closed_outline(reader: Exposure, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of an exposure in the pixels of a grid, back to its first point."""
    wcs_from, wcs_to = (
        require_wcs(handle, role).object
        for handle, role in ((reader.wcs, "exposure"), (grid.wcs, "mosaic"))
    )
    points = sky.outline(wcs_from, reader.shape, x0=reader.x.start, y0=reader.y.start)
    x, y = transform(wcs_from, wcs_to)(*points)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    return np.append(x, x[:1]), np.append(y, y[:1])


def _colours(plt: Any, count: int) -> list[Any]:
    """Return a colour for each of so many outlines."""
    if count <= MOST_NAMED:
        return [plt.get_cmap("tab10")(k) for k in range(count)]
    return [plt.get_cmap("plasma")(k / (count - 1)) for k in range(count)]


def _name(plt: Any, ax: Any, count: int, own: bool) -> None:
    """Say which outline is which: a legend outside the axes, or a bar of colours."""
    if count > MOST_NAMED:
        from matplotlib.colors import Normalize
        from matplotlib.ticker import MaxNLocator

        order = plt.cm.ScalarMappable(Normalize(0, count - 1), "plasma")
        ticks = MaxNLocator(integer=True)
        bar = ax.figure.colorbar(order, ax=ax, location="bottom", shrink=0.6, ticks=ticks)
        bar.set_label("exposure, in the order given")
    elif own:
        ax.legend(fontsize="small")
    else:
        ax.figure.legend(loc="outside lower center", ncols=2, fontsize="small")
