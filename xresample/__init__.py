"""Co-add dithered, distorted astronomical images with the drizzle algorithm, in xarray.

Importing the package registers the accessor ``Dataset.resample``. Heavy modules are imported
when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import accessor as _accessor
from .datamodel.version import __version__ as __version__

if TYPE_CHECKING:
    from . import tutorial
    from .accumulate.warm_up import warm_up
    from .datamodel.exposure import make_exposure
    from .datamodel.grid import fit_wcs
    from .datamodel.options import Options
    from .datamodel.stack import concat
    from .errors import (
        CompiledCodeWarning,
        FileError,
        GridMismatchError,
        IgnoredDistortionWarning,
        InvalidExposureError,
        InvalidInputError,
        MissingKeyError,
        MissingVarianceWarning,
        MixedExposuresWarning,
        NoContributionWarning,
        NoExposureWarning,
        NoOverlapWarning,
        OutlierWarning,
        PixelScaleWarning,
        RepeatedExposureWarning,
        UnsupportedWCSError,
        ValueRangeWarning,
        WCSTextError,
        XResampleError,
    )
    from .io.backend import open_exposures
    from .io.skycells import skycell_grids
    from .mosaics.coadd import coadd, empty_mosaic, merge
    from .plot import plot_footprints, plot_rgb
    from .prepare.clean import make_mosaic
    from .prepare.fill import fill_flagged
    from .prepare.outliers import flag_outliers
    from .prepare.skymatch import match_sky
    from .prepare.stack import stack
    from .sky.coordinates import with_sky
    from .sky.covering import covering
    from .stcal.resample import Resample
    from .tiled.plan import Plan, plan
    from .tiled.sky_tiles import grid_touching, tile_grid
    from .tiled.zarr_revision import drop_from_zarr, replace_in_zarr
    from .tiled.zarr_store import coadd_to_zarr

_HOMES = {
    "Options": "datamodel.options",
    "Plan": "tiled.plan",
    "coadd": "mosaics.coadd",
    "coadd_to_zarr": "tiled.zarr_store",
    "concat": "datamodel.stack",
    "covering": "sky.covering",
    "drop_from_zarr": "tiled.zarr_revision",
    "empty_mosaic": "mosaics.coadd",
    "fill_flagged": "prepare.fill",
    "fit_wcs": "datamodel.grid",
    "flag_outliers": "prepare.outliers",
    "match_sky": "prepare.skymatch",
    "grid_touching": "tiled.sky_tiles",
    "make_exposure": "io.make_exposure",
    "make_mosaic": "prepare.clean",
    "merge": "mosaics.coadd",
    "open_exposures": "io.backend",
    "plan": "tiled.plan",
    "plot_footprints": "plot",
    "plot_rgb": "plot",
    "Resample": "stcal",
    "skycell_grids": "io.skycells",
    "tile_grid": "tiled.sky_tiles",
    "with_sky": "sky.coordinates",
    "replace_in_zarr": "tiled.zarr_revision",
    "stack": "prepare.stack",
    "warm_up": "accumulate.warm_up",
    **dict.fromkeys(
        (
            "CompiledCodeWarning",
            "IgnoredDistortionWarning",
            "FileError",
            "GridMismatchError",
            "InvalidExposureError",
            "InvalidInputError",
            "MissingKeyError",
            "MissingVarianceWarning",
            "MixedExposuresWarning",
            "NoContributionWarning",
            "NoExposureWarning",
            "NoOverlapWarning",
            "PixelScaleWarning",
            "RepeatedExposureWarning",
            "OutlierWarning",
            "UnsupportedWCSError",
            "ValueRangeWarning",
            "WCSTextError",
            "XResampleError",
        ),
        "errors",
    ),
}
"""The module of each public name, which is imported when the name is first used."""

__all__ = [
    "CompiledCodeWarning",
    "FileError",
    "GridMismatchError",
    "IgnoredDistortionWarning",
    "InvalidExposureError",
    "InvalidInputError",
    "MissingKeyError",
    "MissingVarianceWarning",
    "MixedExposuresWarning",
    "NoContributionWarning",
    "NoExposureWarning",
    "NoOverlapWarning",
    "Options",
    "OutlierWarning",
    "PixelScaleWarning",
    "Plan",
    "RepeatedExposureWarning",
    "Resample",
    "UnsupportedWCSError",
    "ValueRangeWarning",
    "WCSTextError",
    "XResampleError",
    "coadd",
    "coadd_to_zarr",
    "concat",
    "covering",
    "drop_from_zarr",
    "empty_mosaic",
    "fill_flagged",
    "fit_wcs",
    "flag_outliers",
    "grid_touching",
    "make_exposure",
    "make_mosaic",
    "match_sky",
    "merge",
    "open_exposures",
    "plan",
    "plot_footprints",
    "plot_rgb",
    "replace_in_zarr",
    "skycell_grids",
    "stack",
    "tile_grid",
    "tutorial",
    "warm_up",
    "with_sky",
]


_MODULES = {"tutorial"}
"""Public modules, which are imported when they are first used."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # Modules and names of this file are not for users, so completion does not propose them.
    return sorted(["__version__", *__all__])


_accessor.register()
