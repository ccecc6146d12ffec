"""Pictures of mosaics and exposures, with sky coordinates on the axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from . import schema
from .errors import InvalidInputError
from .exposure import wcs_of

STRETCHES = ("linear", "log", "asinh")


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
    """
    plt = _matplotlib()
    if variable not in dataset or set(dataset[variable].dims) != set(schema.PIXELS):
        images = [n for n in map(str, dataset.data_vars) if set(dataset[n].dims) == {"y", "x"}]
        raise InvalidInputError(f"There is no image {variable!r}: those held are {images}")
    if stretch not in STRETCHES:
        raise InvalidInputError(f"stretch={stretch!r}: must be one of {STRETCHES}")
    image = dataset[variable].transpose("y", "x")
    values = image.values.astype(np.float64)
    if "wht" in dataset and variable != "wht":
        values = np.where(dataset["wht"].transpose("y", "x").values != 0, values, np.nan)
    if ax is None:
        ax = _new_axes(plt, dataset)
    drawn = ax.imshow(
        values,
        origin="lower",
        interpolation="nearest",
        cmap=cmap,
        norm=_norm(values, stretch, limits, percentiles),
        extent=_extent(dataset, ax),
    )
    ax.set_title(title if title is not None else str(image.attrs.get("long_name", variable)))
    if colorbar:
        bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02)
        bar.set_label(_label(image, variable))
    return ax


def _matplotlib() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise InvalidInputError(
            "Pictures are drawn with matplotlib, which is not installed: "
            "pip install 'xresample[plot]'"
        ) from None
    return plt


def _new_axes(plt: Any, dataset: xr.Dataset) -> Any:
    """Return axes of a new figure: of the sky when there is a WCS, else of pixels."""
    figure = plt.figure(figsize=(7.5, 6.0), layout="constrained")
    if schema.WCS not in dataset.coords:
        ax = figure.add_subplot()
        ax.set_xlabel("x (pixel)")
        ax.set_ylabel("y (pixel)")
        return ax
    import astropy.visualization.wcsaxes  # noqa: F401 - what draws the axes of a WCS
    from astropy.wcs.wcsapi import SlicedLowLevelWCS

    wcs = wcs_of(dataset)
    low = getattr(wcs, "low_level_wcs", wcs)
    starts = [int(dataset[name][0]) if name in dataset.coords else 0 for name in schema.PIXELS]
    if any(starts):
        low = SlicedLowLevelWCS(low, tuple(slice(start, None) for start in starts))
    ax = figure.add_subplot(projection=low)
    for axis, name in zip(range(2), ("Right ascension", "Declination"), strict=False):
        if low.world_axis_physical_types[axis] in ("pos.eq.ra", "pos.eq.dec"):
            ax.coords[axis].set_axislabel(name)
    ax.coords.grid(color="white", alpha=0.25, linestyle=":")
    return ax


def _extent(dataset: xr.Dataset, ax: Any) -> tuple[float, float, float, float] | None:
    """Return the pixel limits of an image; None where a WCS counts from its corner."""
    if hasattr(ax, "wcs") and ax.wcs is not None:
        return None
    y0, x0 = (float(dataset[n][0]) if n in dataset.coords else 0.0 for n in schema.PIXELS)
    return (x0 - 0.5, x0 + dataset.sizes["x"] - 0.5, y0 - 0.5, y0 + dataset.sizes["y"] - 0.5)


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
