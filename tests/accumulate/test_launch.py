"""The launcher: the order of lanes, the tiles, and the pixels that an exposure may change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_arrays, make_attrs, shifted_map
from xresample.accumulate import deposit
from xresample.accumulate.buffers import Buffers, Layout
from xresample.accumulate.launch import lane_layout, lane_names, require_memory_order
from xresample.datamodel.options import Options
from xresample.kernels.structures import GROUP, NO_LANE, LaneLayout

SHAPE = (30, 34)
TILE = int(np.max(deposit.TILE))


def make(k: int = 0) -> xr.Dataset:
    """Return an exposure without a WCS."""
    return xrs.make_exposure(**make_arrays(k, SHAPE), **make_attrs(k))


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize("weight_type", ["ivm", "ivm-sky", "exptime", None])
def test_lanes_follow_the_planes(method: str, weight_type: str | None) -> None:
    options = Options(variance_method=method, weight_type=weight_type, compute_err="driz_err")
    layout = Layout.of(options, ("var_flat", "var_sky"))
    weights = ("var_flat_wht", "var_sky_wht") if method == "resampled" else ()
    assert layout.names == ("wht", "data", "err", "var_flat", "var_sky", *weights)
    reference = layout.reference
    lanes, names = lane_layout(layout, reference), lane_names(layout, reference)
    assert names[:4] == ("data", "err", "var_flat", "var_sky")
    assert len(lanes.sampled) == len(names)
    by_name = dict(zip(names, lanes.sampled, strict=True))
    assert (by_name["data"], by_name["err"]) == (1, 2)
    if method == "propagated":
        assert reference is None
        assert (by_name["var_flat"], by_name["var_sky"]) == (GROUP, GROUP + 1)
    else:
        assert (by_name["var_flat"], by_name["var_sky"]) == (3, 4)
        # A variance that the mosaic does not hold gets the last lane.
        expected = {"ivm": 5, "ivm-sky": 4}.get(weight_type or "", NO_LANE)
        assert lanes.reference == expected
        assert names[4:] == (("var_rnoise",) if weight_type == "ivm" else ())


@given(
    means=st.integers(1, 6),
    resampled=st.integers(0, 6),
    propagated=st.integers(0, 6),
    extra=st.booleans(),
)
def test_linear_and_squared_lanes_share_no_group(
    means: int, resampled: int, propagated: int, extra: bool
) -> None:
    reference = resampled if extra and resampled else None
    lanes = LaneLayout.of(means, resampled, propagated, reference)
    assert len(set(lanes.sampled)) == len(lanes.sampled) == lanes.linear - 1 + propagated
    assert max(lanes.sampled) < GROUP * lanes.groups
    squared = lanes.sampled[lanes.linear - 1 :]
    assert all(lane // GROUP >= lanes.linear_groups for lane in squared)
    assert (lanes.linear - 1) // GROUP < lanes.linear_groups


def test_buffers_grow_in_planes_and_context() -> None:
    options = Options(fillval=None)
    layout = Layout.of(options, ())
    buffers = Buffers.empty(layout, options, (4, 5), 0, 0)
    assert np.isnan(buffers.plane("data")).all()
    buffers.plane("wht")[...] = 2
    wider = buffers.with_layout(Layout.of(options, ("var_a",)), options)
    np.testing.assert_array_equal(wider.plane("wht"), 2)
    assert np.isnan(wider.plane("var_a")).all()
    assert not wider.plane("var_a_wht").any()
    assert wider.context_plane(0).base is not None
    wider.context_plane(64)
    assert wider.context is not None
    assert wider.context.shape == (3, 4, 5)


def test_an_exposure_changes_only_its_footprint() -> None:
    """A NaN outside the footprint stays unchanged."""
    mosaic = xrs.empty_mosaic((3 * TILE, 3 * TILE))
    mosaic["data"].values[...] = 7.0
    mosaic["wht"].values[...] = np.nan
    mosaic["wht"].values[: TILE // 2, : TILE // 2] = 0
    more = mosaic.resample.add(make(), pixmap=shifted_map(SHAPE, 5, 6))
    touched = more["wht"].values > 0
    assert 0.8 * SHAPE[0] * SHAPE[1] < touched.sum() <= SHAPE[0] * SHAPE[1]
    np.testing.assert_array_equal(more["data"].values[~touched], 7.0)
    assert np.isnan(more["wht"].values[TILE:]).all()


@pytest.mark.parametrize("kernel", ["square", "turbo", "point", "gaussian", "lanczos3"])
@pytest.mark.parametrize("place", [(TILE - 10.3, TILE - 17.7), (-12.4, 30.2), (2 * TILE - 9, -20)])
def test_borders_of_tiles_change_no_bit(kernel: str, place: tuple[float, float]) -> None:
    """The tiles of a cutout have other borders, and the bits are the same."""
    options: dict[str, Any] = {"kernel": kernel, "compute_err": "driz_err", "propagate_dq": True}
    start = xrs.empty_mosaic((2 * TILE, 2 * TILE), **options)
    pixmap = shifted_map(SHAPE, *place)
    whole = start.resample.add(make(), pixmap=pixmap)
    x = slice(max(int(place[0]) - 3, 0), int(place[0]) + 40)
    y = slice(max(int(place[1]) - 3, 0), int(place[1]) + 40)
    part = start.isel(x=x, y=y).resample.add(make(), pixmap=pixmap)
    assert_same_bits(part, whole.isel(x=x, y=y))
    assert bool(part["wht"].any())


def test_a_large_pixel_and_a_large_exposure() -> None:
    exposure = make()
    large = exposure.resample.onto((90, 90), pixmap=40 * shifted_map(SHAPE, -14, -13),
                                   weight_type=None, good_bits=None)  # fmt: skip
    np.testing.assert_allclose(large["wht"].values[25:60, 25:60], 1 / 1600, rtol=1e-6)
    small = exposure.resample.onto((3, 3), pixmap=shifted_map(SHAPE) / 40 + 0.5,
                                   weight_type=None, good_bits=None)  # fmt: skip
    assert float(small["wht"].sum()) == pytest.approx(SHAPE[0] * SHAPE[1], rel=1e-6)
    mean = exposure["data"].values.mean(dtype=float)
    total = float((small["data"] * small["wht"]).sum(dtype=float) / small["wht"].sum(dtype=float))
    assert total == pytest.approx(mean, rel=1e-6)


def test_pixel_maps_are_brought_into_memory_order() -> None:
    pixmap = shifted_map((4, 5))
    for pixels in (pixmap[..., ::-1][..., ::-1], np.asfortranarray(pixmap), pixmap.tolist(),
                  pixmap.astype(">f8"), pixmap.astype(int)):  # fmt: skip
        found = require_memory_order(pixels, (4, 5))
        assert found.flags.c_contiguous
        assert found.dtype == np.float64
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, pixmap)
    with pytest.raises(xrs.InvalidInputError, match="2 x 2"):
        require_memory_order(np.zeros((1, 5, 2)), (1, 5))
