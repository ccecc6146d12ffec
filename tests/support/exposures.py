"""A campaign of distorted exposures, stcal run on the campaign, and comparisons of mosaics."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import xresample as xrs
from xresample.wcs.handle import WCSHandle

from .wcs import CRVAL, SCALE, make_grid, make_gwcs

SHAPE = (40, 50)
VARIANCES = ("var_rnoise", "var_flat", "var_poisson")
FLAGS = {"DO_NOT_USE": 1, "SATURATED": 2, "JUMP_DET": 4, "DROPOUT": 8, "HIGHEST": 1 << 31}
NOMINAL_AREA = float(np.deg2rad(SCALE / 3600) ** 2)
"""Area of an undistorted pixel in steradians, the same for all exposures."""


def make_wcs(k: int, shape: tuple[int, int] = SHAPE, **options: Any) -> Any:
    """Return the distorted gwcs of exposure ``k``; each exposure is dithered and rotated."""
    dither = (1.7 * (k % 3) - 1.37, 0.9 * (k % 4) - 1.21)
    given = {"rotation": 7.0 * k, "offset": dither, "distortion": 1.0, **options}
    return make_gwcs(shape, **given)


@cache
def wcs_text(k: int, shape: tuple[int, int] = SHAPE, **options: Any) -> str:
    """Return `make_wcs` as text, written once: an exposure takes 2 ms to make instead of 46."""
    return WCSHandle(make_wcs(k, shape, **options)).text


def make_arrays(k: int, shape: tuple[int, int] = SHAPE, flagged: float = 0.03) -> dict[str, Any]:
    """Return data, error, variances and flags of exposure ``k``."""
    rng = np.random.default_rng(100 + k)
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx]
    sky = 2.0 + np.exp(-((x - nx / 2) ** 2 + (y - ny / 2) ** 2) / 30.0) + 0.01 * x
    variances = {
        name: rng.uniform(0.5, 1.5, shape) * scale
        for name, scale in zip((*VARIANCES, "var_sky"), (0.01, 0.002, 0.03, 0.02), strict=True)
    }
    dq = np.where(rng.random(shape) < flagged, rng.choice(list(FLAGS.values()), shape), 0)
    return {
        "data": (sky + rng.normal(0, 0.1, shape)).astype(np.float32),
        "err": np.sqrt(sum(variances[name] for name in VARIANCES)).astype(np.float32),
        "dq": dq.astype(np.uint32),
        "variances": {name: v.astype(np.float32) for name, v in variances.items()},
    }


def make_attrs(k: int) -> dict[str, Any]:
    """Return the scalar attributes of exposure ``k``; exposures 2n and 2n + 1 form a group."""
    return {
        "filename": f"exposure_{k}.fits",
        "group_id": f"group_{k // 2}",
        "exposure_time": 100.0 + k // 2,
        "measurement_time": 90.0 + k // 2,
        "start_time": 60000.0 + 0.01 * k,
        "end_time": 60000.005 + 0.01 * k,
        "duration": 120.0 + k // 2,
        "pixelarea_steradians": NOMINAL_AREA,
    }


def make_exposure(
    k: int = 0, shape: tuple[int, int] = SHAPE, wcs: Any = None, arrays: Any = None, **attrs: Any
) -> xr.Dataset:
    """Return exposure ``k`` of the campaign, with every plane that an exposure can have."""
    wcs = wcs_text(k, shape) if wcs is None else wcs
    arrays = make_arrays(k, shape) if arrays is None else arrays
    given = {"units": "MJy/sr", "flag_map": FLAGS, **make_attrs(k), **attrs}
    return xrs.make_exposure(wcs=wcs, **arrays, **given)


def make_exposures(n: int = 5, shape: tuple[int, int] = SHAPE, **attrs: Any) -> list[xr.Dataset]:
    """Return the first ``n`` exposures: dithered, rotated, with 3 % of the pixels flagged."""
    return [make_exposure(k, shape, **attrs) for k in range(n)]


def output_grid(
    shape: tuple[int, int] = SHAPE,
    scale: float = 0.8 * SCALE,
    rotation: float = 20.0,
    margin: int = 16,
) -> Any:
    """Return the gwcs of a grid that contains the campaign and a margin in pixels."""
    side = int(np.hypot(*shape) * SCALE / scale) + 2 * margin
    return make_grid((side - 3, side + 2), CRVAL, scale, rotation)


def make_model(exposure: xr.Dataset, **changes: Any) -> dict[str, Any]:
    """Return an exposure as the dictionary that stcal takes."""
    keys = {"measurement_time": None, "level": None, "subtracted": False, **exposure.attrs}
    keys["subtracted"] = bool(keys["subtracted"])
    keys["bunit_data"] = exposure["data"].attrs.get("units")
    planes = {str(name): exposure[name].values.copy() for name in exposure.data_vars}
    return {**keys, **planes, "wcs": exposure.resample.wcs, **changes}


def stcal_coadd(models: Iterable[dict[str, Any]], grid: Any, **options: Any) -> dict[str, Any]:
    """Co-add with stcal.

    ``grid`` is a gwcs, or a dictionary with a gwcs, its pixel scale and the scale ratio. The class
    attributes ``dq_flag_name_map``, ``variance_array_names`` and ``error_from_variances`` are
    passed like options.
    """
    from stcal.resample import Resample

    own = ("dq_flag_name_map", "variance_array_names", "error_from_variances")
    kind = type("Own", (Resample,), {name: options.pop(name) for name in own if name in options})
    target = grid if isinstance(grid, dict) else {"wcs": grid}
    logging.getLogger("stcal").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # stcal warns about kernels that ignore pixfrac or do not conserve flux.
        warnings.simplefilter("ignore")
        resample = kind(target, **options)
        for model in models:
            resample.add_model(model)
        resample.finalize()
    return dict(resample.output_model)


def checksum(dataset: xr.Dataset) -> str:
    """Return a digest of the bits, types and attributes of all variables."""
    digest = hashlib.sha256()
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        array = np.asarray(variable.values)
        digest.update(f"{name} {variable.dims} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes() if array.dtype != object else repr(array).encode())
        digest.update(repr(sorted(variable.attrs.items())).encode())
    digest.update(repr(sorted(dataset.attrs.items(), key=lambda item: str(item[0]))).encode())
    return digest.hexdigest()


def assert_same_bits(a: xr.Dataset, b: xr.Dataset, names: Sequence[str] | None = None) -> None:
    """Fail if two Datasets differ in a variable, a type or a bit."""
    if names is None:
        assert set(a.variables) == set(b.variables)
    for name in names or map(str, a.variables):
        mine, yours = a.variables[name], b.variables[name]
        assert mine.dims == yours.dims, name
        assert mine.dtype == yours.dtype, name
        x, y = np.asarray(mine.values), np.asarray(yours.values)
        assert x.shape == y.shape, name
        if x.dtype.kind == "f":
            # Many bit patterns mean NaN, so all are replaced by one of them.
            x, y = (np.where(np.isnan(v), np.nan, v).view(f"u{v.itemsize}") for v in (x, y))
        np.testing.assert_array_equal(x, y, err_msg=name)


def assert_same_attrs(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> None:
    """Fail if attributes differ; a numpy scalar equals a Python number, and NaN equals NaN."""
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(np.asarray(a[name]), np.asarray(b[name]), err_msg=str(name))


def assert_close(
    got: Any, expected: Any, tolerance: float, where: Any = True, name: str = ""
) -> None:
    """Fail where two images differ by more than ``tolerance`` times the largest expected value."""
    got, expected = (np.where(where, np.asarray(v, np.float64), 0.0) for v in (got, expected))
    largest = np.nanmax(np.abs(expected))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * largest, err_msg=name)


def shifted_map(shape: tuple[int, int], x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """Return the pixel map that moves an image by ``x`` and ``y`` output pixels."""
    ny, nx = shape
    return np.stack(np.meshgrid(np.arange(float(nx)) + x, np.arange(float(ny)) + y), axis=-1)
