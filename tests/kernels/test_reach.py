"""Bounds of blocks of pixels: no cell that a pixel reaches may lie outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel_maps import smooth_map
from tests.support.kernel_runs import block_bounds
from tests.support.slow_drizzle import overlaps
from xresample.accumulate.deposit import make_footprint
from xresample.kernels.reach import BLOCK
from xresample.kernels.structures import KERNELS


def assert_bounded(
    pixmap: np.ndarray, kernel: str, pixfrac: float, ratio: float, active: tuple[int, ...]
) -> None:
    """Fail if a pixel reaches a cell outside the bounds of its block."""
    j0, j1, i0, i1 = active
    bounds = block_bounds(pixmap, make_footprint(kernel, pixfrac, ratio), (j0, j1, i0, i1))[..., :4]
    assert (bounds[:, -1, ::2] == bounds[:, :-1, ::2].min(axis=1)).all()
    assert (bounds[:, -1, 1::2] == bounds[:, :-1, 1::2].max(axis=1)).all()
    for j in range(j0, j1, 3):
        for i in range(i0, i1, 3):
            y_lo, y_hi, x_lo, x_hi = bounds[(j - j0) // BLOCK, (i - i0) // BLOCK]
            for x, y, a in overlaps(pixmap, i, j, kernel, pixfrac, ratio):
                if a != 0:
                    assert y_lo <= y <= y_hi
                    assert x_lo <= x <= x_hi


@given(
    kernel=st.sampled_from(KERNELS),
    rotation=st.floats(0, 360),
    scale=st.floats(0.3, 3.0),
    bend=st.floats(0, 40),
    pixfrac=st.floats(0.1, 1.0),
)
@settings(max_examples=40)
def test_every_cell_that_a_pixel_reaches_is_in_the_bounds(
    kernel: str, rotation: float, scale: float, bend: float, pixfrac: float
) -> None:
    pixmap = smooth_map((BLOCK + 5, 2 * BLOCK + 3), scale, rotation, bend=bend)
    assert_bounded(pixmap, kernel, pixfrac, 1 / scale, (0, BLOCK + 5, 0, 2 * BLOCK + 3))


@pytest.mark.parametrize("seed", range(5))
def test_a_rough_map_is_bounded_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixmap = smooth_map((BLOCK + 5, BLOCK + 7)) + rng.normal(0, 3, (BLOCK + 5, BLOCK + 7, 2))
    assert_bounded(pixmap, "square", 1.0, 1.0, (0, BLOCK + 5, 0, BLOCK + 7))
    assert_bounded(pixmap, "square", 1.0, 1.0, (2, BLOCK + 5, 3, BLOCK + 6))


def test_bounds_are_not_wide() -> None:
    y, x = np.mgrid[:BLOCK, :BLOCK].astype(float)
    pixmap = np.dstack([x + 0.2, y + 5.2])
    bounds = block_bounds(pixmap, make_footprint("square", 1.0, 1.0), (0, BLOCK, 0, BLOCK))[..., :4]
    np.testing.assert_array_equal(bounds[0, 0], [4, BLOCK + 5, -1, BLOCK])
    bounds = block_bounds(pixmap, make_footprint("point", 1.0, 1.0), (0, BLOCK, 0, BLOCK))[..., :4]
    np.testing.assert_array_equal(bounds[0, 0], [5, BLOCK + 4, 0, BLOCK - 1])


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_block_of_nan_reaches_nothing_and_hides_no_other_block(kernel: str) -> None:
    pixmap = smooth_map((BLOCK, 2 * BLOCK), rotation=10.0)
    whole = block_bounds(pixmap, make_footprint(kernel, 1.0, 1.0), (0, BLOCK, 0, 2 * BLOCK))[
        ..., :4
    ]
    pixmap[:, :BLOCK] = np.nan
    bounds = block_bounds(pixmap, make_footprint(kernel, 1.0, 1.0), (0, BLOCK, 0, 2 * BLOCK))[
        ..., :4
    ]
    y_lo, y_hi, x_lo, x_hi = bounds[0, 0]
    assert y_lo > y_hi
    assert x_lo > x_hi
    np.testing.assert_allclose(bounds[0, 1], whole[0, 1], atol=1)
