"""Compare the kernels with the reference, and with the slow drizzle of the formulas."""

from __future__ import annotations

import numpy as np

from xresample.kernels.combine import Planes

from .kernel_maps import reference
from .kernel_runs import Exposure, Onto, add
from .slow_drizzle import slow_drizzle

FLOAT32 = 2e-6
"""Of the largest value: what the sums of the reference lose in float32."""

FLOAT64 = 1e-9
"""Of the largest value: what two ways to compute in float64 may differ by."""

MARGINAL = 1e-6
"""An overlap below this may or may not set a bit."""


def assert_close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Fail where two images differ by more than a tolerance of the largest value."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def against_reference(exposure: Exposure, onto: Onto) -> None:
    """Compare weights and data with the reference."""
    expected = reference(exposure, onto.shape, onto.kernel, onto.pixfrac, onto.ratio)
    values = add(exposure, onto).values
    assert_close(values[0], expected["wht"], FLOAT32)
    assert_close(values[0] * values[1], expected["wht"] * expected["data"], FLOAT32)


def slow(exposure: Exposure, onto: Onto) -> dict[str, np.ndarray]:
    """Drizzle an exposure by the formulas."""
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


def against_slow(exposure: Exposure, onto: Onto, flags_of_reference: bool = False) -> None:
    """Compare all planes with the slow drizzle; the bits also with those of the reference."""
    expected = slow(exposure, onto)
    planes = add(exposure, onto)
    values = planes.values
    assert_close(values[0], expected["wht"], FLOAT64)
    assert_close(values[0] * values[1], expected["wht"] * np.nan_to_num(expected["data"]), FLOAT64)
    clear = expected["lowest"] >= MARGINAL
    assert clear.mean() > 0.3
    assert_bits(planes, expected, clear)
    if flags_of_reference:
        other = reference(exposure, onto.shape, onto.kernel, onto.pixfrac, onto.ratio)
        if onto.kernel.startswith("lanczos"):
            # It takes the dq of negative deposits too, but not their bit of the context.
            assert ((planes.dq & other["dq"]) == planes.dq)[clear].all()
            other["dq"] = planes.dq
        assert_bits(planes, other, clear)


def assert_bits(planes: Planes, expected: dict[str, np.ndarray], clear: np.ndarray) -> None:
    """Fail where the context or the flags differ, in the pixels whose bits are clear."""
    np.testing.assert_array_equal((planes.context != 0)[clear], expected["context"][clear])
    if planes.dq.size:
        np.testing.assert_array_equal(planes.dq[clear], expected["dq"][clear])
