"""The tiles that an exposure may touch: none is missed, and few are listed in vain."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import make_arrays, make_exposure
from tests.support.wcs import make_fits, make_grid, make_gwcs, make_sip
from xresample.datamodel.options import KERNELS
from xresample.tiled.tiling import Tiling
from xresample.wcs.pixels import Pixels

SHAPE = (18, 22)
GRID = make_fits((64, 70), scale=0.1)
EXAMPLES = int(os.environ.get("XRESAMPLE_TEST_EXAMPLES", "30"))
"""Number of geometries to try; by hand, hundreds."""

PLAIN: dict[str, Any] = {"weight_type": None, "good_bits": None, "enable_var": False}


@st.composite
def geometries(draw: st.DrawFn) -> Any:
    """Draw the WCS of an exposure: rotated, scaled, distorted, partly outside the grid."""
    scale, rotation = draw(st.sampled_from([0.02, 0.09, 0.1, 0.3])), draw(st.integers(0, 359))
    wcs = make_sip(SHAPE, draw(st.sampled_from([0.0, 1.0, 6.0])), scale=scale, rotation=rotation)
    wcs.wcs.crpix += draw(st.integers(-40, 40)), draw(st.floats(-40, 40))
    if draw(st.booleans()):
        wcs.wcs.cd = wcs.wcs.cd @ np.diag([-1.0, 1.0])
    return wcs


@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")  # some exposures miss the grid
@given(geometries(), st.sampled_from(KERNELS), st.integers(3, 30))
@settings(max_examples=EXAMPLES)
def test_no_deposit_is_missed(wcs: Any, kernel: str, size: int) -> None:
    exposure = make_exposure(0, SHAPE, wcs)
    options = {**PLAIN, "kernel": kernel}
    planned = xrs.plan(exposure, GRID, chunks=size, **options)
    touched = xrs.coadd(exposure, GRID, **options)["con"].values.any(axis=0)
    for j in range(planned.tiling.shape[0]):
        for i in range(planned.tiling.shape[1]):
            tile = planned.tile(j, i)
            if touched[tile.y.start : tile.y.stop, tile.x.start : tile.x.stop].any():
                assert (j, i) in planned.parts


@given(geometries(), st.sampled_from(["square", "gaussian"]), st.integers(10, 30))
@settings(max_examples=EXAMPLES // 3)
@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")  # some exposures miss the grid
def test_no_pixel_of_a_part_is_missed(wcs: Any, kernel: str, size: int) -> None:
    """The pixels that a tile leaves out of an exposure add nothing to that tile."""
    arrays = make_arrays(0, SHAPE)
    exposure = make_exposure(0, SHAPE, wcs, arrays)
    planned = xrs.plan(exposure, GRID, chunks=size, kernel=kernel, **PLAIN)
    for (j, i), parts in planned.parts.items():
        (part,) = parts
        outside = np.ones(SHAPE, np.uint32)
        outside[part.y.start : part.y.stop, part.x.start : part.x.stop] = 0
        others = make_exposure(0, SHAPE, wcs, {**arrays, "dq": 1 - outside})
        tile = planned.tile(j, i)
        cut = {"y": slice(tile.y.start, tile.y.stop), "x": slice(tile.x.start, tile.x.stop)}
        target = xrs.empty_mosaic(GRID, kernel=kernel, **{**PLAIN, "good_bits": 0}).isel(cut)
        if outside.any():
            assert not target.resample.add(others)["con"].any()


@pytest.mark.parametrize("rotation", [0.0, 45.0, 100.0])
def test_few_tiles_are_listed_in_vain(rotation: float) -> None:
    """At most one ring of small tiles is listed around the tiles that the exposure touches."""
    wcs = make_gwcs((60, 60), rotation=rotation, distortion=0.5)
    grid = make_grid((120, 120))
    exposure = make_exposure(0, (60, 60), wcs)
    planned = xrs.plan(exposure, grid, chunks=4, **PLAIN)
    found = planned.exposures_per_tile > 0
    there = xrs.coadd(exposure, grid, **PLAIN)["con"].values[0] != 0
    needed = np.pad(there.reshape(30, 4, 30, 4).any(axis=(1, 3)), 1)
    near = np.any(
        [np.roll(needed, (j, i), (0, 1)) for j in (-1, 0, 1) for i in (-1, 0, 1)], axis=0
    )[1:-1, 1:-1]
    assert not (found & ~near).any()
    box = np.ptp(np.argwhere(found), axis=0) + 1
    if rotation == 45.0:
        assert found.sum() < 0.65 * box.prod()


def test_an_exposure_in_a_corner_touches_one_tile() -> None:
    exposure = make_exposure(0, SHAPE, make_fits(SHAPE))
    grid = make_fits((400, 400)).slice((slice(195, 400), slice(190, 400)))
    grid.array_shape = (200, 200)
    planned = xrs.plan(exposure, grid, chunks=50)
    np.testing.assert_array_equal(np.argwhere(planned.exposures_per_tile), [[0, 0]])


def test_a_tile_needs_only_a_window_of_the_exposure() -> None:
    """No tile needs the whole exposure."""
    exposure = make_exposure(0, (120, 120), make_gwcs((120, 120), rotation=30.0))
    planned = xrs.plan(exposure, make_grid((120, 120)), chunks=30)
    sizes = [part.size for parts in planned.parts.values() for part in parts]
    # The window holds a rotated square of 30 output pixels and a margin of lattice cells.
    assert max(sizes) < 65**2
    assert planned.work == sum(sizes)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ((10, 20, 30), "got \\(10, 20, 30\\)"),
        ({"y": 10, "z": 3}, "keys 'y' and 'x', got z"),
        ("few", "got 'few'"),
        (((10, 10), (70,)), "for a mosaic of 64 x 70 pixels"),
        ((10.5, 3), "chunks must be"),
        ({"y": "many"}, "chunks must be"),
        (object(), "chunks must be"),
        (0, "got 0"),
        (-3, "got -3"),
        ((64, 0), "chunks must be"),
        (((64, 0), 70), "chunks must be"),
        (((-6, 70), 70), "chunks must be"),
    ],
)
def test_bad_chunks_are_an_error(chunks: Any, message: str) -> None:
    exposure = make_exposure(0, SHAPE)
    with pytest.raises(xrs.InvalidInputError, match=message):
        xrs.coadd(exposure, GRID, chunks=chunks)


def test_tiles_cover_the_mosaic_exactly_once() -> None:
    tiling = Tiling.of({"y": (10, 1, 53), "x": 32}, Pixels.of((64, 70), (5, -3)), 20)
    assert tiling.shape == (3, 3)
    assert tiling.chunks == ((10, 1, 53), (32, 32, 6))
    count = np.zeros((64, 70), int)
    for j in range(3):
        for i in range(3):
            y, x = tiling.tile(j, i)
            count[y.start - 5 : y.stop - 5, x.start + 3 : x.stop + 3] += 1
    np.testing.assert_array_equal(count, 1)
