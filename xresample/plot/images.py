"""Plots of single variables, and of the number of contributing exposures."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from xresample.datamodel import context, schema
from xresample.datamodel.mosaic import require_mosaic
from xresample.errors import InvalidInputError

from .axes import draw_image, new_axes, pyplot, set_title

Stretch = Literal["asinh", "linear", "log"]
"""Function from values to brightness."""

MAX_TICKS = 10
"""Maximum number of ticks of the colour bar of a context."""


def plot_image(
    dataset: xr.Dataset,
    variable: str = "data",
    *,
    ax: Any = None,
    stretch: Stretch = "asinh",
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
        Variable to draw, ``(y, x)``.
    ax : matplotlib Axes, optional
        Axes to draw in. Default: a new figure, with sky coordinates if the Dataset has a WCS.
    stretch : {"asinh", "linear", "log"}, optional
        Function from values to brightness.
    limits : (float, float), optional
        Values of the darkest and the brightest colour. Default: the percentiles.
    percentiles : (float, float), optional
        Percentiles of the finite values that set the limits, in percent; pixels of a mosaic
        without data do not count. Percentiles are robust against outliers.
    cmap : str, optional
        Name of a matplotlib colour map.
    colorbar : bool, optional
        Whether to draw a colour bar with the units.
    title : str, optional
        Title. Default: the ``long_name`` of the variable.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the plot.

    Raises
    ------
    InvalidInputError
        The variable or the stretch does not exist, or matplotlib is not installed.

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
        names = map(str, dataset.data_vars)
        images = [repr(name) for name in names if set(dataset[name].dims) == set(schema.PIXELS)]
        hint = ". Draw the context with plot_context" if variable == "con" else ""
        raise InvalidInputError(
            f"variable must be an image (y, x) of the Dataset, {', '.join(images) or 'none'}, "
            f"got {variable!r}{hint}"
        )
    if stretch not in get_args(Stretch):
        known = ", ".join(map(repr, get_args(Stretch)))
        raise InvalidInputError(f"stretch must be one of {known}, got {stretch!r}")
    image = dataset[variable].transpose(*schema.PIXELS)
    values = image.values.astype(np.float64)
    if "wht" in dataset and variable != "wht":
        values = np.where(dataset["wht"].transpose(*schema.PIXELS).values != 0, values, np.nan)
    if ax is None:
        ax = new_axes(plt, dataset)
    norm = _norm(values, stretch, limits, percentiles)
    drawn = draw_image(ax, dataset, values, cmap=cmap, norm=norm)
    set_title(ax, title if title is not None else str(image.attrs.get("long_name", variable)))
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
        A mosaic with a context plane.
    ax : matplotlib Axes, optional
        Axes to draw in. Default: a new figure, with sky coordinates if the Dataset has a WCS.
    cmap : str, optional
        Name of a matplotlib colour map, with one colour per number; pixels without exposures are
        white.
    colorbar : bool, optional
        Whether to draw a colour bar with the numbers.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the plot.

    Raises
    ------
    InvalidInputError
        The Dataset is not a mosaic with a context, or matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, xresample as xrs
    >>> matplotlib.use("Agg")
    >>> xrs.empty_mosaic((4, 5)).resample.plot_context().get_title()
    'contributing exposures'
    """
    plt = pyplot()
    require_mosaic(mosaic, "con")
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    numbers = context.count(mosaic["con"].transpose("plane", "y", "x").values)
    highest = max(int(numbers.max(initial=0)), 1)
    colours = plt.get_cmap(cmap)(np.linspace(0.0, 1.0, highest))
    drawn = draw_image(
        new_axes(plt, mosaic, "gray") if ax is None else ax,
        mosaic,
        numbers,
        cmap=ListedColormap([(1.0, 1.0, 1.0, 1.0), *map(tuple, colours)]),
        norm=BoundaryNorm(np.arange(-0.5, highest + 1), highest + 1),
    )
    set_title(drawn.axes, title)
    if colorbar:
        ticks: Any = range(highest + 1) if highest < MAX_TICKS else MaxNLocator(integer=True)
        bar = drawn.axes.figure.colorbar(drawn, ax=drawn.axes, pad=0.02, ticks=ticks)
        bar.ax.minorticks_off()
        bar.set_label("number of exposures")
    return drawn.axes


def _norm(
    values: np.ndarray,
    stretch: Stretch,
    limits: tuple[float, float] | None,
    percentiles: tuple[float, float],
) -> Any:
    """Return the colour scale of an image."""
    from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, LogStretch

    if limits is None:
        finite = values[np.isfinite(values)]
        limits = tuple(np.percentile(finite, percentiles)) if finite.size else (0.0, 1.0)
    low, high = limits
    # All values of a flat image are equal, but a colour scale needs a range.
    high = high if high > low else low + 1.0
    curve = {"linear": LinearStretch, "log": LogStretch, "asinh": AsinhStretch}[stretch]()
    return ImageNormalize(vmin=low, vmax=high, stretch=curve, clip=False)


def _label(image: xr.DataArray, variable: str) -> str:
    """Return the label of the colour bar: the variable and its units."""
    units = image.attrs.get("units")
    return f"{variable} ({units})" if units else variable
