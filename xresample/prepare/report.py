"""The result of a step that prepares exposures: the exposures, and a report on them."""

from __future__ import annotations

from collections.abc import Iterable

import xarray as xr


class ExposureList(list[xr.Dataset]):
    """Exposures in order, with a report on the step that made them.

    Parameters
    ----------
    exposures : iterable of Dataset
        The exposures.
    report : Dataset
        The report; its variables lie along ``exposure``, in the order of the exposures.

    Examples
    --------
    >>> ExposureList([xr.Dataset()], xr.Dataset({"count": ("exposure", [3])})).report["count"].item()
    3
    """

    def __init__(self, exposures: Iterable[xr.Dataset], report: xr.Dataset) -> None:
        super().__init__(exposures)
        self.report = report
