"""Patches of 2 x 2 or 3 x 3 cells against the overlaps of a pixel of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kernel_maps import smooth_map
from xresample.kernels.corners import blend_rows, corners
from xresample.kernels.jit import jit
from xresample.kernels.patches import (
    FIRST,
    SIDE,
    box_patches,
    gather_wide,
    is_small,
    narrow_patches,
    patch_window,
    wide_patches,
)
from xresample.kernels.square import quadrilateral_cells
from xresample.kernels.structures import LARGE, PAD, SPAN, OutputTile

TILE = OutputTile(-20, 60, -30, 70)


@jit
def by_patch(pixmap, j, n, h, tile, blended, cells, image):
    """Add the overlaps of each pixel of a row to its image; return how many have a patch."""
    blend_rows(pixmap.reshape(len(pixmap), -1), j, 0, n, h, blended)
    narrow_patches(blended, n, h, tile, cells)
    wide_patches(gather_wide(n, cells), cells)
    return spread(n, tile, cells, image)


@jit
def by_box(pixmap, j, n, half, tile, cells, image):
    """Add the overlaps of each box to its image; return how many have a patch."""
    box_patches(pixmap.reshape(len(pixmap), -1), j, 0, n, half, tile, cells)
    return spread(n, tile, cells, image)


@jit
def spread(n, tile, cells, image):
    """Add the overlaps of ``n`` pixels to their images; return how many have a patch."""
    count = 0
    for k in range(n):
        if is_small(cells, k):
            count += 1
            window = patch_window(cells, k, tile)
            for r in range(window.ny):
                for c in range(window.nx):
                    a = cells[window.start + (r * window.pitch + c) * window.stride]
                    image[k, window.y0 + r - tile.y0, window.x0 + c - tile.x0] += a
    return count


@jit
def at_large(n, h, tile, blended, cells, image):
    """Add the overlaps of each pixel to its image, without patches."""
    for k in range(n):
        window = quadrilateral_cells(corners(blended, k, h), tile, cells)
        for r in range(window.ny):
            for c in range(window.nx):
                a = cells[window.start + (r * window.pitch + c) * window.stride]
                image[k, window.y0 + r - tile.y0, window.x0 + c - tile.x0] += a


@jit
def corners_of(blended, k, h):
    """Call the compiled function, which Python cannot call."""
    return corners(blended, k, h)


def scratch() -> tuple[np.ndarray, np.ndarray]:
    """Return space for corners and for cells."""
    return np.full(4 * (SPAN + 2), np.nan), np.full(LARGE + 8000, np.nan)


def images(n: int) -> np.ndarray:
    """Return an image of the tile for each pixel."""
    return np.zeros((n, TILE.y1 - TILE.y0, TILE.x1 - TILE.x0))


@given(
    scale=st.floats(0.3, 1.6),
    rotation=st.floats(0, 360),
    h=st.floats(0.1, 0.5),
    mirror=st.booleans(),
)
def test_patches_have_the_overlaps_of_pixels_of_any_size(
    scale: float, rotation: float, h: float, mirror: bool
) -> None:
    pixmap = smooth_map((4, 23), scale, rotation, mirror, centre=(20.0, 20.0))
    n = pixmap.shape[1]
    blended, cells = scratch()
    small, large = images(n), images(n)
    count = by_patch(pixmap, 1, n, h, TILE, blended, cells, small)
    sides = cells[SIDE : SIDE + n]
    assert set(sides) <= {2.0, 3.0}
    at_large(n, h, TILE, blended, cells, large)
    there = small.any(axis=(1, 2))
    assert there.sum() == count
    np.testing.assert_allclose(small[there], large[there], atol=3e-10)
    np.testing.assert_allclose(small[there].sum(axis=(1, 2)), 1.0, rtol=1e-9)
    # No patch is too small for its pixel.
    rows, columns = (large > 1e-9).any(axis=2).sum(axis=1), (large > 1e-9).any(axis=1).sum(axis=1)
    assert (np.maximum(rows, columns)[there] <= sides[there]).all()


def test_the_first_cell_is_known_for_a_patch_inside_the_tile() -> None:
    pixmap = smooth_map((3, 60), 1.0, 12.0, centre=(15.0, 20.0))
    blended, cells = scratch()
    tile = OutputTile(10, 30, 0, 40)
    width = tile.x1 - tile.x0 + PAD
    by_patch(pixmap, 1, 60, 0.5, tile, blended, cells, np.zeros((60, 20, 40)))
    seen = set()
    for k in range(60):
        q = corners_of(blended, k, 0.5)
        x, y = (int(np.floor(min(q[a::2]) + 0.5)) for a in (0, 1))
        side = int(cells[SIDE + k])
        inside = 0 <= x <= 40 - side and 10 <= y <= 30 - side
        first = (y - 10) * width + x if inside else -1
        assert cells[FIRST + k] == first
        seen.add((side, inside))
    assert seen >= {(2, True), (3, True), (2, False)}


@pytest.mark.parametrize("half", [0.2, 0.5, 0.7])
def test_boxes_are_products(half: float) -> None:
    pixmap = smooth_map((2, 50), 0.8, 30.0, centre=(15.0, 20.0))
    cells = scratch()[1]
    found = images(50)
    assert by_box(pixmap, 1, 50, half, TILE, cells, found) == 50
    edges_y, edges_x = np.arange(TILE.y0, TILE.y1) - 0.5, np.arange(TILE.x0, TILE.x1) - 0.5
    for k, (x, y) in enumerate(pixmap[1]):
        along = [
            np.clip(np.minimum(c + half, e + 1) - np.maximum(c - half, e), 0, None) / (2 * half)
            for c, e in ((y, edges_y), (x, edges_x))
        ]
        np.testing.assert_allclose(found[k], np.outer(*along), atol=3e-10)


def test_a_nan_or_a_line_has_no_patch() -> None:
    blended, cells = scratch()
    pixmap = smooth_map((3, 9), 1.0, 20.0)
    pixmap[1, 4] = np.nan
    assert by_patch(pixmap, 1, 9, 0.5, TILE, blended, cells, images(9)) == 6
    flat = np.dstack(np.broadcast_arrays(np.arange(9.0), np.zeros((3, 1))))
    assert by_patch(flat, 1, 9, 0.5, TILE, blended, cells, images(9)) == 0
    assert by_box(pixmap, 1, 9, 0.5, TILE, cells, images(9)) == 8
