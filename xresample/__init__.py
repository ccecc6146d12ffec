"""Co-add dithered, distorted astronomical images with the drizzle algorithm, in xarray.

Importing the package registers the accessor ``Dataset.resample``; everything heavy is
imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from . import accessor as _accessor

if TYPE_CHECKING:
    from .errors import (
        FileError,
        GridMismatchError,
        InvalidExposureError,
        InvalidInputError,
        MissingKeyError,
        MissingVarianceWarning,
        NoOverlapWarning,
        UnsupportedWCSError,
        WCSTextError,
        XResampleError,
    )
    from .exposure import make_exposure
    from .grid import fit_wcs
    from .mosaic import coadd, empty_mosaic, merge
    from .options import Options
    from .plot import plot_footprints
    from .readers import open_exposures
    from .resample_class import Resample
    from .tiled.plan import Plan, plan
    from .tiled.store import coadd_to_zarr

_HOMES = {
    "Options": "options",
    "Plan": "tiled.plan",
    "coadd": "mosaic",
    "coadd_to_zarr": "tiled.store",
    "empty_mosaic": "mosaic",
    "fit_wcs": "grid",
    "make_exposure": "exposure",
    "merge": "mosaic",
    "open_exposures": "readers",
    "plan": "tiled.plan",
    "plot_footprints": "plot",
    "Resample": "resample_class",
    **dict.fromkeys(
        (
            "FileError",
            "GridMismatchError",
            "InvalidExposureError",
            "InvalidInputError",
            "MissingKeyError",
            "MissingVarianceWarning",
            "NoOverlapWarning",
            "UnsupportedWCSError",
            "WCSTextError",
            "XResampleError",
        ),
        "errors",
    ),
}
"""The module of each public name, imported when the name is first used."""

__all__ = [
    "FileError",
    "GridMismatchError",
    "InvalidExposureError",
    "InvalidInputError",
    "MissingKeyError",
    "MissingVarianceWarning",
    "NoOverlapWarning",
    "Options",
    "Plan",
    "Resample",
    "UnsupportedWCSError",
    "WCSTextError",
    "XResampleError",
    "coadd",
    "coadd_to_zarr",
    "empty_mosaic",
    "fit_wcs",
    "make_exposure",
    "merge",
    "open_exposures",
    "plan",
    "plot_footprints",
]

__version__ = version("xresample")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


_accessor.register()
