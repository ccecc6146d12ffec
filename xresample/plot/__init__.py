"""Plots of mosaics and exposures with matplotlib, with sky coordinates on the axes.

`plot_image` draws one variable, `plot_context` the number of contributing exposures, and
`plot_footprints` the outlines of exposures.
"""

from xresample.plot.footprints import plot_footprints
from xresample.plot.images import plot_context, plot_image

__all__ = ["plot_context", "plot_footprints", "plot_image"]
