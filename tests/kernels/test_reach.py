"""Bounds of blocks against a plain calculation with numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xresample.accumulate import deposit
from xresample.accumulate.deposit import place
from xresample.kernels.reach import BLOCK, SLACK
from xresample.kernels.structures import TURBO, QuadrilateralFootprint, SeparableFootprint


def plain_bounds(
    pixmap: np.ndarray, rows: slice, columns: slice, steps: float, far: float
) -> np.ndarray:
    """Return the bounds of one block: a neighbour beyond the map counts as no step."""
    map_ = np.where(np.isfinite(pixmap), pixmap, np.nan)
    inner = map_[rows, columns]
    ring = map_[
        max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1
    ]
    above = map_[1:][
        max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1
    ]
    right = map_[:, 1:][
        max(rows.start - 1, 0) : rows.stop + 1, max(columns.start - 1, 0) : columns.stop + 1
    ]
    found = np.full(5, 0.0)
    for axis, k in ((1, 0), (0, 2)):
        here = inner[..., axis]
        low = np.nanmin(here) if np.isfinite(here).any() else np.inf
        high = np.nanmax(here) if np.isfinite(here).any() else -np.inf
        up = np.abs(above[..., axis] - ring[: above.shape[0], :, axis])
        side = np.abs(right[..., axis] - ring[:, : right.shape[1], axis])
        longest = max([0.0, *up[np.isfinite(up)], *side[np.isfinite(side)]])
        margin = far + steps * longest
        found[k], found[k + 1] = np.floor(low - margin + 0.5), np.floor(high + margin + 0.5)
        found[4] = max(found[4], margin + SLACK)
    return found


@given(
    ny=st.integers(1, 3 * BLOCK + 1), nx=st.integers(1, 2 * BLOCK + 1),
    seed=st.integers(0, 99), missing=st.sampled_from([0.0, 0.1, 1.0]),
    pixfrac=st.sampled_from([0.0, 0.8]), far=st.sampled_from([0.5, 2.5]),
    together=st.integers(1, 3), data=st.data(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_bounds_of_blocks(ny, nx, seed, missing, pixfrac, far, together, data):
    rng = np.random.default_rng(seed)
    pixmap = np.stack(np.meshgrid(np.arange(nx), np.arange(ny)), axis=-1) * 1.1
    pixmap += rng.normal(size=pixmap.shape)
    pixmap[rng.random((ny, nx)) < missing] = rng.choice([np.nan, np.inf, -np.inf])
    j0 = data.draw(st.integers(0, ny - 1))
    i0 = data.draw(st.integers(0, nx - 1))
    j1, i1 = data.draw(st.integers(j0 + 1, ny)), data.draw(st.integers(i0 + 1, nx))
    blocks = -(-(j1 - j0) // BLOCK), -(-(i1 - i0) // BLOCK)
    separable = SeparableFootprint(TURBO, 1.0, 1.0, far, np.zeros(1))
    footprint = QuadrilateralFootprint(pixfrac) if pixfrac else separable
    steps, far = (pixfrac, 0.0) if pixfrac else (0.0, far)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deposit, "BOUND_ROWS", together)
        bounds = place(pixmap, (j0, j1, i0, i1), footprint, (9, 9), (0, 0)).block_bounds
    for by in range(blocks[0]):
        rows = slice(j0 + by * BLOCK, min(j0 + (by + 1) * BLOCK, j1))
        expected = []
        for bx in range(blocks[1]):
            block = slice(i0 + bx * BLOCK, min(i0 + (bx + 1) * BLOCK, i1))
            expected.append(plain_bounds(pixmap, rows, block, steps, far))
        np.testing.assert_array_equal(bounds[by, :-1], expected)
        lowest, highest = np.min(expected, axis=0), np.max(expected, axis=0)
        whole = [lowest[0], highest[1], lowest[2], highest[3], highest[4]]
        np.testing.assert_array_equal(bounds[by, -1], whole)


def test_a_map_without_numbers_reaches_nothing() -> None:
    pixmap = np.full((9, 9, 2), np.nan)
    found = place(pixmap, (0, 9, 0, 9), QuadrilateralFootprint(1.0), (9, 9), (0, 0))
    assert (found.block_bounds[..., [0, 2]] == np.inf).all()
    assert (found.block_bounds[..., [1, 3]] == -np.inf).all()
    assert not len(found.tiles)
