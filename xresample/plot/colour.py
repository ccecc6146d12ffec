"""A colour image of three mosaics, and several variables of one mosaic side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from xresample.arguments import names, number, shown
from xresample.datamodel.grid import Grid
from xresample.errors import InvalidInputError

from .axes import add_axes, checked_axes, draw_image, new_axes, pyplot, set_title
from .images import measured_values, plot_image

COLOURS = ("red", "green", "blue")


def plot_rgb(
    red: xr.Dataset,
    green: xr.Dataset,
    blue: xr.Dataset,
    *,
    ax: Any = None,
    percentile: float = 99.5,
    softening: float = 4.0,
    title: str = "",
) -> Any:
    """Draw three mosaics of one grid as a colour image.

    Each mosaic is scaled so that its sky (the median) is black and a high percentile is white. The
    three are then brightened together, so that the colour of a source does not depend on its
    brightness (Lupton et al. 2004, PASP 116, 133).

    Parameters
    ----------
    red, green, blue : Dataset
        Mosaics on the same grid, usually from the longest to the shortest wavelength.
    ax : matplotlib Axes, optional
        Axes to draw in. Default: a new figure, with sky coordinates.
    percentile : float, optional
        Percentile of the finite values of each mosaic that appears white, in percent.
    softening : float, optional
        How much faint sources are brightened: 1 for an almost linear image, 10 for a strongly
        brightened one.
    title : str, optional
        Title.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the picture. Pixels without data in any of the mosaics are black.

    Raises
    ------
    GridMismatchError
        The mosaics are on different grids.
    InvalidInputError
        An argument is invalid, or matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib, numpy as np, xresample as xrs
    >>> matplotlib.use("Agg")
    >>> images = [xrs.make_exposure(np.eye(4) * k) for k in (1, 2, 3)]
    >>> xrs.plot_rgb(*images, title="three filters").get_title()
    'three filters'
    """
    plt, ax = pyplot(), checked_axes(ax)
    from astropy.visualization import make_lupton_rgb

    percentile = number("percentile", percentile, above=0.0, at_most=100.0)
    softening = number("softening", softening, above=0.0)
    images = [_image(name, v) for name, v in zip(COLOURS, (red, green, blue), strict=True)]
    grids = [Grid.of(mosaic) for mosaic in (red, green, blue)]
    for other in grids[1:]:
        grids[0].require_equal(other)
    scaled = [_scaled(image, percentile) for image in images]
    # astropy divides 0 by 0 where all three images are 0, and then replaces the result.
    with np.errstate(invalid="ignore", divide="ignore"):
        picture = make_lupton_rgb(*scaled, minimum=0.0, stretch=_stretch(softening), Q=softening)
    ax = new_axes(plt, red) if ax is None else ax
    draw_image(ax, red, picture)
    set_title(ax, title)
    return ax


def plot_planes(dataset: xr.Dataset, variables: Iterable[str] = ("data", "err", "wht")) -> Any:
    """Draw several variables side by side; see `Pictures.plot_planes`."""
    plt = pyplot()
    found = [name for name in names("variables", variables) if name in dataset]
    if not found:
        raise InvalidInputError(
            f"variables must name variables of the Dataset, "
            f"{', '.join(map(str, dataset.data_vars))}, got {shown(tuple(variables))}"
        )
    height = 3.6 * dataset.sizes["y"] / dataset.sizes["x"] + 1.0
    size = (5.0 * len(found), min(max(height, 2.5), 8.0))
    figure = plt.figure(figsize=size, layout="constrained")
    return [
        plot_image(dataset, name, ax=add_axes(figure, dataset, "white", (1, len(found), place)))
        for place, name in enumerate(found, start=1)
    ]


def _stretch(softening: float) -> float:
    """Return the parameter "stretch" with which the value 1 appears white.

    astropy computes the brightness ``asinh(Q I / stretch) f / asinh(f Q)`` with ``f = 0.1``.
    """
    fraction = 0.1
    return softening / float(np.sinh(np.arcsinh(fraction * softening) / fraction))


def _image(name: str, mosaic: Any) -> np.ndarray:
    """Return the data of a mosaic, ``(y, x)``."""
    if not isinstance(mosaic, xr.Dataset) or "data" not in mosaic:
        raise InvalidInputError(f"{name} must be a mosaic or an exposure, got {shown(mosaic)}")
    return measured_values(mosaic, "data")


def _scaled(image: np.ndarray, percentile: float) -> np.ndarray:
    """Return an image whose median is 0 and whose percentile is 1; 0 where there is no data."""
    finite = image[np.isfinite(image)]
    low, high = np.percentile(finite, (50.0, percentile)) if finite.size else (0.0, 1.0)
    span = high - low if high > low else 1.0
    return np.nan_to_num((image - low) / span, nan=0.0, posinf=0.0, neginf=0.0)
