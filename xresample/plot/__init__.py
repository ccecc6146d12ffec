"""Plots of mosaics and exposures with matplotlib, with sky coordinates on the axes.

`plot_image` draws one variable, `plot_context` the number of contributing exposures, and
`plot_footprints` the outlines of exposures. `plot_rgb` draws three mosaics as a colour image, and
`plot_planes` several variables side by side.
"""

from xresample.plot.colour import plot_planes, plot_rgb
from xresample.plot.footprints import plot_footprints
from xresample.plot.images import plot_context, plot_image

__all__ = ["plot_context", "plot_footprints", "plot_image", "plot_planes", "plot_rgb"]
