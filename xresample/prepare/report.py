"""The result of a step that prepares exposures: the exposures, and a report on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xresample.datamodel.exposure import Exposure


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
    >>> report = xr.Dataset({"count": ("exposure", [3])})
    >>> ExposureList([xr.Dataset()], report).report["count"].item()
    3
    """

    def __init__(self, exposures: Iterable[xr.Dataset], report: xr.Dataset) -> None:
        super().__init__(exposures)
        self.report = report


def report_of(
    exposures: Sequence[Exposure], columns: Mapping[str, tuple[Any, Mapping[str, str]]]
) -> xr.Dataset:
    """Return a report on exposures.

    Parameters
    ----------
    exposures : sequence of Exposure
        The exposures, which the report names by their files.
    columns : mapping of str to (array, mapping)
        A value for each exposure, and the attributes of the values.
    """
    files = np.array([exposure.scalars["filename"] for exposure in exposures], dtype=str)
    variables = {name: ("exposure", *column) for name, column in columns.items()}
    return xr.Dataset(variables, {"filename": ("exposure", files)})


def outlier_report(exposures: list[Exposure], counts: Any, compared: Any) -> xr.Dataset:
    """Return the report on outliers.

    Parameters
    ----------
    exposures : list of Exposure
        The exposures.
    counts, compared : array
        Number of outliers and of compared pixels of each exposure, of numpy or dask.
    """
    sizes = np.array([exposure.shape[0] * exposure.shape[1] for exposure in exposures])
    columns = {
        "count": (counts, {"long_name": "number of outliers"}),
        "fraction": (counts / sizes, {"long_name": "outliers per pixel"}),
        "compared": (compared, {"long_name": "number of pixels that were compared"}),
    }
    return report_of(exposures, columns)
