"""A mosaic has the same bits however it is divided into tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel_maps import noisy_exposure, smooth_map
from tests.support.kernel_runs import Exposure, Onto, add, empty_planes
from xresample.accumulate import deposit
from xresample.errors import InvalidInputError
from xresample.kernels.structures import KERNELS, MosaicPlanes

SHAPE = (41, 47)


def rich_exposure(rotation: float = 17.0, scale: float = 1.1, seed: int = 0) -> Exposure:
    """Return an exposure with every kind of plane that reaches beyond the output."""
    centre = (SHAPE[1] / 2 + 7, SHAPE[0] / 2)
    pixmap = smooth_map((37, 39), scale, rotation, centre=centre)
    pixmap[5, 6] = pixmap[0, 20] = np.nan
    exposure = noisy_exposure(pixmap, seed)
    rng = np.random.default_rng(seed + 1)
    images = [rng.random(pixmap.shape[:2]) for _ in range(4)]
    return exposure._replace(means=images[:1], sigmas=images[1:])


def assert_same(one: MosaicPlanes, other: MosaicPlanes) -> None:
    """Fail unless all planes have the same bits."""
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_array_equal(a, b)


@given(
    kernel=st.sampled_from(KERNELS),
    side=st.integers(1, 50),
    rotation=st.floats(0, 360),
    scale=st.floats(0.3, 6.0),
    pixfrac=st.floats(0.1, 1.0),
)
@settings(max_examples=60)
def test_tiles_of_any_size_give_the_same_bits(
    kernel: str, side: int, rotation: float, scale: float, pixfrac: float
) -> None:
    exposure = rich_exposure(rotation, scale)
    onto = Onto(SHAPE, kernel, pixfrac, 1 / scale)
    whole = add(exposure, onto, dtype="f4")
    assert_same(add(exposure, onto, dtype="f4", side=side), whole)


@given(
    kernel=st.sampled_from(KERNELS),
    y0=st.integers(0, 20),
    x0=st.integers(0, 20),
    scale=st.floats(0.3, 6.0),
)
@settings(max_examples=40)
def test_a_window_has_the_bits_of_the_mosaic(kernel: str, y0: int, x0: int, scale: float) -> None:
    exposure = rich_exposure(scale=scale)
    whole = add(exposure, Onto(SHAPE, kernel, 0.8, 1 / scale))
    window = add(exposure, Onto((15, 18), kernel, 0.8, 1 / scale, origin=(y0, x0)))
    inside = (..., slice(y0, y0 + 15), slice(x0, x0 + 18))
    for a, b in zip(window[:3], whole[:3], strict=True):
        np.testing.assert_array_equal(a, b[inside])


def test_indices_of_the_grid_may_be_negative() -> None:
    exposure = rich_exposure()
    moved = exposure._replace(pixmap=exposure.pixmap - 64)
    whole = add(exposure, Onto(SHAPE))
    other = add(moved, Onto(SHAPE, origin=(-64, -64)), side=16)
    np.testing.assert_allclose(other.values, whole.values, atol=1e-9)
    np.testing.assert_array_equal(other.context, whole.context)


@pytest.mark.parametrize("kernel", KERNELS)
def test_threads_change_no_bit(kernel: str) -> None:
    exposure, onto = rich_exposure(), Onto(SHAPE, kernel)
    whole = add(exposure, onto, dtype="f4")
    assert_same(add(exposure, onto, dtype="f4", side=7, threads=4), whole)


def test_each_exposure_may_have_other_tiles() -> None:
    exposures = [rich_exposure(20.0 * k, seed=k)._replace(number=k) for k in range(4)]
    onto = Onto(SHAPE)
    whole = divided = None
    for side, exposure in zip((5, 11, 23, 64), exposures, strict=True):
        whole = add(exposure, onto, planes=whole, dtype="f4")
        divided = add(exposure, onto, planes=divided, dtype="f4", side=side)
    assert whole is not None
    assert divided is not None
    assert_same(divided, whole)


def test_a_tile_out_of_reach_stays_as_it_is() -> None:
    exposure = rich_exposure()
    onto = Onto(SHAPE, fillval=np.nan, origin=(1000, 1000))
    planes = empty_planes(exposure, onto)
    before = planes.values.copy()
    add(exposure, onto, planes=planes, side=10)
    np.testing.assert_array_equal(planes.values, before)
    assert not planes.context.any()


def test_a_thread_without_tiles_does_nothing() -> None:
    exposure, onto = rich_exposure(), Onto(SHAPE)
    placement = deposit.place(exposure.pixmap, exposure.active, onto.footprint, SHAPE, (0, 0))
    nothing = placement._replace(tiles=placement.tiles[:0])
    planes, rules = empty_planes(exposure, onto), deposit.make_rules(0)
    deposit.run(
        exposure.sampled(), deposit.Flags(), exposure.pixmap, nothing, exposure.lanes, rules, planes
    )
    assert not planes.context.any()


def test_a_plane_of_another_shape_is_refused() -> None:
    """The kernels read planes by address, so a plane that is too small must not reach them."""
    exposure, onto = rich_exposure(), Onto(SHAPE)
    planes = empty_planes(exposure, onto)
    for name in ("data", "dq"):
        small = exposure._replace(**{name: getattr(exposure, name)[:-1]})
        with pytest.raises(InvalidInputError, match=r"shape of the pixel map, \(37, 39\)"):
            add(small, onto, planes=planes)
    assert not planes.context.any()
