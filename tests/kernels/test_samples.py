"""Samples are read from planes of any type and any layout in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_arrays, make_attrs, shifted_map

SHAPE = (30, 34)
PLANES = ("data", "err", "var_rnoise", "var_poisson", "var_flat")


def coadded(change: Callable[[np.ndarray], np.ndarray], **options: Any) -> Any:
    """Return the mosaic of an exposure whose planes are changed."""
    arrays = make_arrays(0, SHAPE)
    planes = {name: change(arrays[name]) for name in ("data", "err")}
    variances = {name: change(plane) for name, plane in arrays["variances"].items()}
    exposure = xrs.make_exposure(
        **planes, variances=variances, dq=arrays["dq"], **make_attrs(0), level=0.25
    )
    grid = xrs.empty_mosaic((40, 44), compute_err="driz_err", propagate_dq=True, **options)
    return grid.resample.add(exposure, pixmap=shifted_map(SHAPE, 3.3, 4.6))


def padded(plane: np.ndarray) -> np.ndarray:
    """Return a plane with unused memory between its rows."""
    return np.pad(plane, 3, mode="edge")[3:-3, 3:-3]


def thinned(plane: np.ndarray) -> np.ndarray:
    """Return a plane with unused memory between its numbers."""
    return np.repeat(plane, 2, axis=1)[:, ::2]


def turned(plane: np.ndarray) -> np.ndarray:
    """Return a read-only plane whose rows run backward in memory."""
    plane = plane[::-1].copy()[::-1]
    plane.flags.writeable = False
    return plane


def unaligned(plane: np.ndarray) -> np.ndarray:
    """Return a plane that starts at an odd address."""
    memory = np.zeros(plane.nbytes + 1, np.uint8)[1:].view(plane.dtype).reshape(plane.shape)
    memory[...] = plane
    return memory


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize(
    "change", [padded, thinned, np.asfortranarray, turned, unaligned, lambda a: a.astype(">f4")]
)
def test_layout_in_memory_changes_no_bit(
    change: Callable[[np.ndarray], np.ndarray], method: str
) -> None:
    whole = coadded(np.ascontiguousarray, variance_method=method)
    assert_same_bits(coadded(change, variance_method=method), whole)


@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_the_type_of_planes_changes_only_the_rounding(method: str) -> None:
    options: dict[str, Any] = {"variance_method": method, "dtype": "float64"}
    single = coadded(np.ascontiguousarray, **options)
    double = coadded(lambda a: a.astype(np.float64), **options)
    # The root of a variance is rounded to the type of its plane.
    for name in (*PLANES, "wht"):
        np.testing.assert_allclose(double[name], single[name], rtol=3e-7)


def test_planes_of_integers() -> None:
    many = coadded(lambda a: np.round(1000 * a).astype(np.int32))
    floats = coadded(lambda a: np.round(1000 * a).astype(np.float64))
    assert_same_bits(many, floats)


@pytest.mark.parametrize("weight_type", ["ivm", "ivm-sky", "exptime", None])
@pytest.mark.parametrize("good_bits", [0, "~0", 4, "1,2"])
def test_weights_are_equal_to_the_weight_map(weight_type: str | None, good_bits: Any) -> None:
    """The point kernel on the exposure's own pixel grid copies the weights into the mosaic."""
    arrays = make_arrays(1, SHAPE)
    variance = arrays["variances"]["var_rnoise"]
    variance[0, :6] = [0.0, -1.0, np.nan, np.inf, 1e-42, 1e30]
    arrays["data"][1, :3] = [np.nan, np.inf, -np.inf]
    exposure = xrs.make_exposure(**arrays, **make_attrs(1))
    expected = exposure.resample.weight_map(weight_type=weight_type, good_bits=good_bits).values
    there = np.isfinite(arrays["data"])
    mosaic = exposure.resample.onto(
        SHAPE, pixmap=shifted_map(SHAPE), kernel="point", pixfrac=0.0,
        weight_type=weight_type, good_bits=good_bits,
    )  # fmt: skip
    np.testing.assert_array_equal(mosaic["wht"].values, np.where(there, expected, 0))


def test_a_missing_variance_leaves_the_mosaic_unchanged() -> None:
    arrays = make_arrays(2, SHAPE)
    with_err = xrs.make_exposure(**arrays, **make_attrs(2))
    without = with_err.drop_vars("var_flat")
    mosaic = xrs.empty_mosaic(SHAPE).resample.add(with_err, pixmap=shifted_map(SHAPE))
    more = mosaic.resample.add(without, pixmap=shifted_map(SHAPE))
    np.testing.assert_array_equal(more["var_flat"], mosaic["var_flat"])
    assert (more["wht"] > mosaic["wht"]).any()
