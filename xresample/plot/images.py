"""Pictures of planes: data, errors, weights, and how many exposures there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel import context, schema
from xresample.datamodel.mosaic import is_mosaic
from xresample.errors import InvalidInputError

from .axes import draw, entitle, new_axes, pyplot

STRETCHES = ("linear", "log", "asinh")

MOST_TICKS = 10
"""Numbers of exposures that each have a tick."""


def show(
    dataset: xr.Dataset,
    variable: str = "data",
    *,
    ax: Any = None,
    stretch: str = "asinh",
    limits: tuple[float, float] | None = None,
    percentiles: tuple[float, float] = (1.0, 99.5),
    cmap: str = "gray",
    colorbar: bool = True,
    title: str | None = None,
) -> Any:
    """Draw a variable of a mosaic or an exposure.

    Parameters
    ----------
    dataset : Dataset
        A mosaic or an exposure.
    variable : str, optional
        What to draw, ``(y, x)``.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, with sky coordinates when there is a WCS.
    stretch : {"asinh", "linear", "log"}, optional
        How values become brightness.
    limits : (float, float), optional
        Values of the darkest and the brightest colour; by default the percentiles.
    percentiles : (float, float), optional
        Percentiles of the finite values where something contributed: robust against outliers.
    cmap : str, optional
        Colours.
    colorbar : bool, optional
        Whether to draw a bar with the units.
    title : str, optional
        Title; by default the ``long_name`` of the variable.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    InvalidInputError
        There is no such image or no such stretch, or matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, numpy as np, xresample as xrs
    >>> matplotlib.use("Agg")
    >>> image = xrs.make_exposure(np.eye(4), units="DN/s")
    >>> image.resample.plot(stretch="linear", limits=(0, 1)).get_title()
    'image'
    """
    plt = pyplot()
    if variable not in dataset or set(dataset[variable].dims) != set(schema.PIXELS):
        images = [n for n in map(str, dataset.data_vars) if set(dataset[n].dims) == {"y", "x"}]
        hint = "; for the context see plot_context" if variable == "con" else ""
        raise InvalidInputError(f"There is no image {variable!r}: those held are {images}{hint}")
    if stretch not in STRETCHES:
        raise InvalidInputError(f"stretch={stretch!r}: must be one of {STRETCHES}")
    image = dataset[variable].transpose("y", "x")
    values = image.values.astype(np.float64)
    if "wht" in dataset and variable != "wht":
        values = np.where(dataset["wht"].transpose("y", "x").values != 0, values, np.nan)
    if ax is None:
        ax = new_axes(plt, dataset)
    norm = _norm(values, stretch, limits, percentiles)
    drawn = draw(ax, dataset, values, cmap=cmap, norm=norm)
    entitle(ax, title if title is not None else str(image.attrs.get("long_name", variable)))
    if colorbar:
        bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
        bar.set_label(_label(image, variable))
    return ax


def plot_context(
    mosaic: xr.Dataset,
    *,
    ax: Any = None,
    cmap: str = "viridis",
    colorbar: bool = True,
    title: str = "contributing exposures",
) -> Any:
    """Draw how many exposures contributed to each pixel of a mosaic.

    Parameters
    ----------
    mosaic : Dataset
        A mosaic with a context.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, with sky coordinates when there is a WCS.
    cmap : str, optional
        Colours, one for each number; no exposure is left white.
    colorbar : bool, optional
        Whether to draw a bar with the numbers.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.

    Raises
    ------
    InvalidInputError
        The Dataset is no mosaic with a context, or matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, xresample as xrs
    >>> matplotlib.use("Agg")
    >>> xrs.empty_mosaic((4, 5)).resample.plot_context().get_title()
    'contributing exposures'
    """
    plt = pyplot()
    if not is_mosaic(mosaic) or "con" not in mosaic:
        held = ", ".join(map(str, mosaic.data_vars)) or "nothing"
        raise InvalidInputError(
            f"plot_context draws mosaics with a context, 'con': given was {held}"
        )
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    numbers = context.count(mosaic["con"].transpose("plane", "y", "x").values)
    most = max(int(numbers.max(initial=0)), 1)
    colours = plt.get_cmap(cmap)(np.linspace(0.0, 1.0, most))
    drawn = draw(
        new_axes(plt, mosaic, "gray") if ax is None else ax,
        mosaic,
        numbers,
        cmap=ListedColormap([(1.0, 1.0, 1.0, 1.0), *map(tuple, colours)]),
        norm=BoundaryNorm(np.arange(-0.5, most + 1), most + 1),
    )
    entitle(drawn.axes, title)
    if colorbar:
        ticks: Any = range(most + 1) if most < MOST_TICKS else MaxNLocator(integer=True)
        bar = drawn.axes.figure.colorbar(drawn, ax=drawn.axes, pad=0.02, ticks=ticks)
        bar.ax.minorticks_off()
        bar.set_label("number of exposures")
    return drawn.axes


def _norm(
    values: np.ndarray,
    stretch: str,
    limits: tuple[float, float] | None,
    percentiles: tuple[float, float],
) -> Any:
    from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, LogStretch

    if limits is None:
        finite = values[np.isfinite(values)]
        limits = tuple(np.percentile(finite, percentiles)) if finite.size else (0.0, 1.0)
    low, high = limits
    # A flat image has no range of its own.
    high = high if high > low else low + 1.0
    curve = {"linear": LinearStretch, "log": LogStretch, "asinh": AsinhStretch}[stretch]()
    return ImageNormalize(vmin=low, vmax=high, stretch=curve, clip=False)


def _label(image: xr.DataArray, variable: str) -> str:
    units = image.attrs.get("units")
    return f"{variable} ({units})" if units else variable
