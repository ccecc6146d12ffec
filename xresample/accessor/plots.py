"""Methods of the accessor that draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import xarray as xr

from .base import Methods

if TYPE_CHECKING:
    from xresample.plot.images import Stretch


class Pictures(Methods):
    """Methods of the accessor that draw."""

    def plot(
        self,
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
        """Draw a variable with sky coordinates on the axes.

        Parameters
        ----------
        variable : str, optional
            Variable to draw, ``(y, x)``.
        ax : matplotlib Axes, optional
            Axes to draw in. Default: a new figure, with sky coordinates if the Dataset has a WCS.
        stretch : {"asinh", "linear", "log"}, optional
            Function from values to brightness.
        vmin, vmax : float, optional
            Values of the darkest and the brightest colour. Default: ``limits``.
        limits : (float, float), optional
            Both values at once. Default: the percentiles.
        percentiles : (float, float), optional
            Percentiles of the finite values that set the limits, in percent; pixels of a mosaic
            without data do not count.
        cmap : str or matplotlib Colormap, optional
            Colour map.
        add_colorbar : bool, optional
            Whether to draw a colour bar with the units.
        title : str, optional
            Title. Default: the ``long_name`` of the variable.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidInputError
            The variable or the stretch does not exist, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.make_exposure(np.eye(4), units="DN/s").resample.plot(stretch="linear")
        >>> ax.figure.axes[1].get_ylabel()
        'data (DN/s)'
        """
        from xresample.plot import plot_image

        return plot_image(
            self._dataset,
            variable,
            ax=ax,
            stretch=stretch,
            vmin=vmin,
            vmax=vmax,
            limits=limits,
            percentiles=percentiles,
            cmap=cmap,
            add_colorbar=add_colorbar,
            title=title,
        )

    def plot_planes(self, variables: Iterable[str] = ("data", "err", "wht")) -> Any:
        """Draw several variables side by side.

        Parameters
        ----------
        variables : iterable of str, optional
            Variables to draw, ``(y, x)``; those that the Dataset lacks are left out.

        Returns
        -------
        list of matplotlib.axes.Axes
            The axes of the pictures, from left to right.

        Raises
        ------
        InvalidInputError
            The Dataset has none of the variables, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> image = xrs.make_exposure(np.eye(4), err=np.ones((4, 4)))
        >>> len(image.resample.plot_planes())
        2
        """
        from xresample.plot import plot_planes

        return plot_planes(self._dataset, variables)

    def plot_context(
        self,
        *,
        ax: Any = None,
        cmap: Any = "viridis",
        add_colorbar: bool = True,
        title: str = "contributing exposures",
    ) -> Any:
        """Draw the number of exposures that contribute to each pixel of a mosaic.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw in. Default: a new figure.
        cmap : str or matplotlib Colormap, optional
            Colour map.
        add_colorbar : bool, optional
            Whether to draw a colour bar.
        title : str, optional
            Title.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidInputError
            The Dataset is not a mosaic with a context, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, xresample as xrs
        >>> matplotlib.use("Agg")
        >>> ax = xrs.empty_mosaic((4, 5)).resample.plot_context()
        >>> ax.figure.axes[1].get_ylabel()
        'number of exposures'
        """
        from xresample.plot import plot_context

        return plot_context(self._dataset, ax=ax, cmap=cmap, add_colorbar=add_colorbar, title=title)

    def plot_footprints(
        self, exposures: xr.Dataset | Iterable[xr.Dataset] = (), **kwargs: Any
    ) -> Any:
        """Draw the outlines of exposures on a mosaic, or of this exposure and others.

        Parameters
        ----------
        exposures : Dataset or iterable of Dataset, optional
            The exposures. Required on a mosaic, which knows only the names of its exposures.
        **kwargs
            ``variable="data"`` (variable of the mosaic to draw), ``ax=None``, ``title=...``, and
            options for the lines; see `xresample.plot_footprints`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the picture.

        Raises
        ------
        InvalidExposureError
            An exposure cannot be used; lists every fault.
        InvalidInputError
            There are no exposures, an exposure has no WCS, or matplotlib is not installed.

        Examples
        --------
        >>> import matplotlib, numpy as np, xresample as xrs
        >>> from astropy.wcs import WCS
        >>> matplotlib.use("Agg")
        >>> wcs = WCS({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 3.0, "CRPIX2": 2.0,
        ...            "CRVAL1": 10.0, "CRVAL2": -5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})
        >>> exposure = xrs.make_exposure(np.zeros((4, 5)), wcs, filename="a.fits")
        >>> exposure.resample.plot_footprints().lines[0].get_label()
        'a.fits'
        """
        from xresample.arguments import datasets
        from xresample.datamodel.mosaic import is_mosaic
        from xresample.plot import plot_footprints

        if is_mosaic(self._dataset):
            return plot_footprints(exposures, self._dataset, **kwargs)
        others = datasets("exposures", exposures)
        return plot_footprints([self._dataset, *others], **kwargs)
