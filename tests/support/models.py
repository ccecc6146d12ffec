"""stcal's Resample beside ours, and uniform models whose results are known in advance."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from stcal.resample import Resample as StcalResample

import xresample as xrs

from .exposures import SHAPE, make_exposure, make_model
from .wcs import CRVAL, SCALE, make_grid

MARGIN = 4

# Warnings from stcal, drizzle and numpy inside stcal are not about this package.
_STCAL = pytest.mark.filterwarnings("ignore")

both = pytest.mark.parametrize(
    "kind", [pytest.param(StcalResample, marks=_STCAL), xrs.Resample], ids=["stcal", "xresample"]
)


class Flag(enum.IntEnum):
    """Flags as an Enum."""

    DO_NOT_USE = 1
    SATURATED = 2
    JUMP_DET = 4
    DROPOUT = 8


def fails_in_stcal(reason: str, run: bool = True) -> Any:
    """Return the mark of a test that stcal fails, for this reason, and xresample passes."""
    fails = pytest.mark.xfail(reason=reason, strict=True, run=run)
    cases = [pytest.param(StcalResample, marks=[_STCAL, fails]), xrs.Resample]
    return pytest.mark.parametrize("kind", cases, ids=["stcal", "xresample"])


def model(k: int = 0, **changes: Any) -> dict[str, Any]:
    """Return exposure ``k`` of the distorted campaign as a dict model."""
    return make_model(make_exposure(k), **changes)


def plain(value: float = 1.0, wcs: Any = None, shape: Any = SHAPE, **changes: Any) -> Any:
    """Return an undistorted model of one value; its pixels coincide with those of `plain_grid`."""
    full = {name: np.full(shape, v, np.float32) for name, v in _VARIANCES.items()}
    known = {"data": np.full(shape, value, np.float32), "dq": np.zeros(shape, np.uint32), **full}
    known |= {"filename": "plain.fits", "group_id": "1", "wcs": wcs or make_grid(shape)}
    known |= dict.fromkeys(("exposure_time", "measurement_time", "duration"), 10.0)
    known |= {"start_time": 60000.0, "end_time": 60001.0, "level": 0.0, "subtracted": False}
    area = float(np.deg2rad(SCALE / 3600) ** 2)
    return {**known, "pixelarea_steradians": area, "bunit_data": "MJy/sr", **changes}


_VARIANCES = {"err": 2.0, "var_rnoise": 4.0, "var_flat": 0.5, "var_poisson": 2.25, "var_sky": 1.0}


def plain_grid(scale: float = SCALE) -> dict[str, Any]:
    """Return a grid with the same centre as a `plain` model, and a margin."""
    shape = tuple(int(n * SCALE / scale) + 2 * MARGIN for n in SHAPE)
    return {"wcs": make_grid(shape, CRVAL, scale), "pixel_scale": scale}


def inside(array: np.ndarray) -> np.ndarray:
    """Return the part of an array on `plain_grid` that a `plain` model covers."""
    return array[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def run(kind: type, models: Any, grid: Any = None, **options: Any) -> dict[str, Any]:
    """Co-add models; class attributes are passed like options."""
    own = ("dq_flag_name_map", "variance_array_names", "error_from_variances", "output_array_types")
    attributes = {name: options.pop(name) for name in own if name in options}
    resample = type("Own", (kind,), attributes)(grid or plain_grid(), **options)
    for entry in models:
        resample.add_model(entry)
    resample.finalize()
    return dict(resample.output_model)
