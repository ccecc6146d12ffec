"""Exposures to try things with: a real one inside the package, and simulated ones.

No function of this module needs a network.
"""

from .sets import open_exposures

__all__ = ["open_exposures"]
