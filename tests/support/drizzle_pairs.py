"""The class of drizzle beside ours, and images to add to both."""

from __future__ import annotations

import warnings
from typing import Any

import drizzle.resample
import numpy as np
import pytest

import xresample.drizzle

from .kernel_compare import FLOAT32, assert_close
from .kernel_maps import centred_map

both = pytest.mark.parametrize(
    "package", [drizzle.resample, xresample.drizzle.resample], ids=["drizzle", "xresample"]
)


def fails_in_drizzle(reason: str, run: bool = True) -> Any:
    """Return the mark of a test that drizzle fails, for this reason, and xresample passes."""
    fails = pytest.mark.xfail(reason=reason, strict=True, run=run)
    ignored = pytest.mark.filterwarnings("ignore")
    cases = [pytest.param(drizzle.resample, marks=[ignored, fails]), xresample.drizzle.resample]
    return pytest.mark.parametrize("package", cases, ids=["drizzle", "xresample"])


def images(count: int = 3, scale: float = 1.0) -> tuple[list[dict[str, Any]], tuple[int, int]]:
    """Return arguments of ``add_image`` for some images, and the shape of the output."""
    found = []
    for k in range(count):
        pixmap, shape = centred_map(scale, 17.0 * k)
        rng = np.random.default_rng(k)
        size = pixmap.shape[:2]
        weights = rng.uniform(0.5, 1.5, size).astype(np.float32)
        weights[rng.random(size) < 0.05] = 0
        found.append({
            "data": rng.normal(2.0, 1.0, size).astype(np.float32),
            "exptime": 5.0 + k,
            "pixmap": pixmap,
            "weight_map": weights,
        })  # fmt: skip
    sizes = [image["pixmap"].max(axis=(0, 1)) for image in found]
    nx, ny = (np.ceil(np.max(sizes, axis=0)) + 12).astype(int)
    return found, (max(int(ny), shape[0]), max(int(nx), shape[1]))


def variances(count: int, seed: int = 50) -> list[np.ndarray]:
    """Return variances for the images of `images`."""
    pixmap, _ = centred_map(1.0)
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, pixmap.shape[:2]).astype(np.float32) for _ in range(count)]


def flags(seed: int = 60) -> np.ndarray:
    """Return flags for the images of `images`."""
    pixmap, _ = centred_map(1.0)
    rng = np.random.default_rng(seed)
    return (1 << rng.integers(0, 32, pixmap.shape[:2])).astype(np.uint32)


def combine(package: Any, added: list[dict[str, Any]], **options: Any) -> Any:
    """Return the object of a package that has combined images."""
    made = package.Drizzle(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for arguments in added:
            made.add_image(**arguments)
    return made


def compare(ours: Any, theirs: Any, tolerance: float = FLOAT32) -> None:
    """Fail if the outputs of two objects differ by more than a fraction of the largest value."""
    wht, expected = (np.asarray(made.out_wht, float) for made in (ours, theirs))
    assert_close(wht, expected, tolerance)
    firm = np.abs(expected) > 1e-3 * np.abs(expected).max()
    compare_images(ours.out_img, theirs.out_img, np.where(firm, expected, 0), 5 * tolerance)
    assert (ours.out_img2 is None) == (theirs.out_img2 is None)
    for mine, other in zip(ours.out_img2 or (), theirs.out_img2 or (), strict=True):
        compare_images(mine, other, np.where(firm, expected**2, 0), 10 * tolerance)
    compare_bits(ours.out_ctx, theirs.out_ctx, firm, ours.kernel)
    compare_bits(ours.out_dq, theirs.out_dq, firm, ours.kernel)
    assert ours.total_exptime == pytest.approx(theirs.total_exptime)
    for name in ("ctx_id", "kernel", "fillval", "fillval2"):
        assert getattr(ours, name) == getattr(theirs, name), name


def compare_images(mine: Any, other: Any, weights: np.ndarray, tolerance: float) -> None:
    """Compare images times weights; NaN must stand at the same pixels."""
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(other))
    assert_close(np.nan_to_num(mine) * weights, np.nan_to_num(other) * weights, tolerance)


LIMITS = {"gaussian": 1.0, "lanczos2": 0.01, "lanczos3": 0.01}
"""Maximum fraction of pixels that may lack a bit, by kernel; 0 for the other kernels.

The tails of these kernels fall below 1e-10 of the flux, which sets no bit in xresample.
"""


def compare_bits(mine: Any, other: Any, firm: np.ndarray, kernel: str) -> None:
    """Compare bits where the weight is far above the rounding of float32."""
    assert (mine is None) == (other is None)
    if mine is not None:
        assert mine.shape == other.shape
        assert not (mine & ~other)[..., firm].any()
        assert (mine != other)[..., firm].mean() <= LIMITS.get(kernel, 0.0)
