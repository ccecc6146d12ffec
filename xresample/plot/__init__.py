"""Pictures of mosaics and exposures, with sky coordinates on the axes."""

from .images import plot_context, show
from .outlines import plot_footprints

__all__ = ["plot_context", "plot_footprints", "show"]
