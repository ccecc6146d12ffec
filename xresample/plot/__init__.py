"""Pictures of mosaics and exposures, with sky coordinates on the axes."""

from xresample.plot.footprints import plot_footprints
from xresample.plot.images import plot_context, show

__all__ = ["plot_context", "plot_footprints", "show"]
