"""Plots of single variables, and of the number of contributing exposures."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from xresample.arguments import choice, flag, number, shown
from xresample.datamodel import context, schema
from xresample.datamodel.labels import is_labelled, per_label
from xresample.datamodel.mosaic import require_context
from xresample.errors import InvalidInputError

from .axes import checked_axes, colour_map, draw_image, new_axes, pyplot, set_title

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
    vmin: float | None = None,
    vmax: float | None = None,
    limits: tuple[float, float] | None = None,
    percentiles: tuple[float, float] = (1.0, 99.5),
    cmap: Any = "gray",
    add_colorbar: bool = True,
    title: str | None = None,
) -> Any:
    """Draw a variable of a mosaic or an exposure; see `Pictures.plot`."""
    plt = pyplot()
    names = map(str, dataset.data_vars)
    images = [repr(name) for name in names if set(dataset[name].dims) == set(schema.PIXELS)]
    if not isinstance(variable, str) or repr(variable) not in images:
        hint = ". Draw the context with plot_context" if shown(variable) == "'con'" else ""
        raise InvalidInputError(
            f"variable must be an image (y, x) of the Dataset, {', '.join(images) or 'none'}, "
            f"got {shown(variable)}{hint}"
        )
    choice("stretch", stretch, get_args(Stretch))
    cmap, ax = colour_map(plt, cmap), checked_axes(ax)
    image, values = dataset[variable], measured_values(dataset, variable)
    if ax is None:
        ax = new_axes(plt, dataset)
    low, high = _limits(values, limits, percentiles)
    low = low if vmin is None else number("vmin", vmin)
    high = high if vmax is None else number("vmax", vmax)
    norm = _norm(low, high, stretch)
    drawn = draw_image(ax, dataset, values, cmap=cmap, norm=norm)
    set_title(ax, title if title is not None else str(image.attrs.get("long_name", variable)))
    if flag("add_colorbar", add_colorbar):
        bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
        bar.set_label(_label(image, variable))
    return ax


def measured_values(dataset: xr.Dataset, variable: str) -> np.ndarray:
    """Return a variable, float64 ``(y, x)``; NaN where no exposure of a mosaic contributes."""
    values = dataset[variable].transpose(*schema.PIXELS).values.astype(np.float64)
    if "wht" not in dataset or variable == "wht":
        return values
    return np.where(dataset["wht"].transpose(*schema.PIXELS).values != 0, values, np.nan)


def plot_context(
    mosaic: xr.Dataset,
    *,
    ax: Any = None,
    cmap: Any = "viridis",
    add_colorbar: bool = True,
    title: str = "contributing exposures",
) -> Any:
    """Draw how many exposures contributed to each pixel; see `Pictures.plot_context`."""
    plt = pyplot()
    require_context(mosaic)
    cmap, ax = colour_map(plt, cmap), checked_axes(ax)
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.ticker import MaxNLocator

    if is_labelled(mosaic):
        numbers = per_label(mosaic, lambda sets: [sets.lengths], [np.int32])[0].values
    else:
        numbers = context.count(mosaic["con"].transpose("plane", "y", "x").values)
    highest = max(int(numbers.max(initial=0)), 1)
    colours = cmap(np.linspace(0.0, 1.0, highest))
    drawn = draw_image(
        new_axes(plt, mosaic, "gray") if ax is None else ax,
        mosaic,
        numbers,
        cmap=ListedColormap([(1.0, 1.0, 1.0, 1.0), *map(tuple, colours)]),
        norm=BoundaryNorm(np.arange(-0.5, highest + 1), highest + 1),
    )
    set_title(drawn.axes, title)
    if flag("add_colorbar", add_colorbar):
        ticks: Any = range(highest + 1) if highest < MAX_TICKS else MaxNLocator(integer=True)
        bar = drawn.axes.figure.colorbar(drawn, ax=drawn.axes, pad=0.02, ticks=ticks)
        bar.ax.minorticks_off()
        bar.set_label("number of exposures")
    return drawn.axes


def _limits(
    values: np.ndarray, limits: tuple[float, float] | None, percentiles: tuple[float, float]
) -> tuple[float, float]:
    """Return the values of the darkest and the brightest colour."""
    if limits is not None:
        return _pair("limits", limits)
    within = _pair("percentiles", percentiles, 0.0, 100.0)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, within) if finite.size else (0.0, 1.0)
    return float(low), float(high)


def _norm(low: float, high: float, stretch: Stretch) -> Any:
    """Return the colour scale of an image."""
    from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, LogStretch

    # All values of a flat image are equal, but a colour scale needs a range.
    high = high if high > low else low + 1.0
    curve = {"linear": LinearStretch, "log": LogStretch, "asinh": AsinhStretch}[stretch]()
    return ImageNormalize(vmin=low, vmax=high, stretch=curve, clip=False)


def _pair(name: str, value: Any, low: float = -np.inf, high: float = np.inf) -> tuple[float, float]:
    """Return two increasing numbers of an argument."""
    try:
        first, second = (float(entry) for entry in value)
    except (TypeError, ValueError):
        first, second = np.nan, np.nan
    if not low <= first <= second <= high:
        within = "" if np.isinf(low) else f" from {low:g} to {high:g}"
        raise InvalidInputError(
            f"{name} must be two increasing numbers{within}, got {shown(value)}"
        )
    return first, second


def _label(image: xr.DataArray, variable: str) -> str:
    """Return the label of the colour bar: the variable and its units."""
    units = image.attrs.get("units")
    return f"{variable} ({units})" if units else variable
