"""Compare the kernels with ``drizzle``, and with a slow drizzle that follows the formulas."""

from __future__ import annotations

import numpy as np

from xresample.kernels.structures import MosaicPlanes

from .kernel_maps import run_drizzle
from .kernel_runs import Exposure, Onto, add
from .slow_drizzle import slow_drizzle

FLOAT32 = 2e-6
"""Maximum difference from ``drizzle``, which sums in float32, over the largest value."""

FLOAT64 = 1e-9
"""Maximum difference between two computations in float64, over the largest value."""

MARGINAL = 1e-6
"""An overlap below this limit may or may not set a bit."""


def assert_close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Fail if two images differ by more than a fraction of the largest value."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def against_drizzle(exposure: Exposure, onto: Onto) -> None:
    """Compare weights and data with ``drizzle``."""
    expected = run_drizzle(exposure, onto.shape, onto.kernel, onto.pixfrac, onto.ratio)
    values = add(exposure, onto).values
    assert_close(values[0], expected["wht"], FLOAT32)
    assert_close(values[0] * values[1], expected["wht"] * expected["data"], FLOAT32)


def slow(exposure: Exposure, onto: Onto) -> dict[str, np.ndarray]:
    """Drizzle an exposure with the formulas."""
    return slow_drizzle(
        exposure.data,
        exposure.weights,
        exposure.pixmap,
        onto.shape,
        onto.kernel,
        onto.pixfrac,
        onto.ratio,
        planes={f"mean {k}": image for k, image in enumerate(exposure.means)},
        variances={f"variance {k}": image for k, image in enumerate(exposure.variances)},
        dq=exposure.dq,
    )


def against_slow(exposure: Exposure, onto: Onto, flags_of_drizzle: bool = False) -> None:
    """Compare all planes with the slow drizzle, and on request the bits with ``drizzle``."""
    expected = slow(exposure, onto)
    planes = add(exposure, onto)
    values = planes.values
    assert_close(values[0], expected["wht"], FLOAT64)
    assert_close(values[0] * values[1], expected["wht"] * np.nan_to_num(expected["data"]), FLOAT64)
    clear = expected["lowest"] >= MARGINAL
    assert clear.mean() > 0.3
    assert_bits(planes, expected, clear)
    if flags_of_drizzle:
        other = run_drizzle(exposure, onto.shape, onto.kernel, onto.pixfrac, onto.ratio)
        if onto.kernel.startswith("lanczos"):
            # drizzle also keeps the dq of negative deposits, but not their bit of the context.
            assert ((planes.dq & other["dq"]) == planes.dq)[clear].all()
            other["dq"] = planes.dq
        assert_bits(planes, other, clear)


def assert_bits(planes: MosaicPlanes, expected: dict[str, np.ndarray], clear: np.ndarray) -> None:
    """Fail if the context or the flags differ in a pixel whose bits are clear."""
    np.testing.assert_array_equal((planes.context != 0)[clear], expected["context"][clear])
    if planes.dq.size:
        np.testing.assert_array_equal(planes.dq[clear], expected["dq"][clear])
