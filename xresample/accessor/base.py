"""The part of the accessor that all groups of its methods share."""

from __future__ import annotations

import xarray as xr


class Methods:
    """Methods of one Dataset."""

    _dataset: xr.Dataset
