"""Nothing is computed early, and no pixel is read without need."""

from __future__ import annotations

from typing import Any

import dask
import pytest

import xresample as xrs
from tests.support.exposures import make_exposure
from tests.support.spectral import make_slit
from tests.support.tiles import (
    FULL,
    GRID,
    SHAPE,
    assert_identical,
    campaign,
    eager_mosaic,
    nothing_computed,
    watched,
)
from tests.support.wcs import make_grid, make_gwcs, make_spectral
from xresample.tiled import graph


@pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")
def test_building_and_inspecting_reads_no_pixel() -> None:
    exposures = [watched(exposure, refuse=True)[0] for exposure in campaign()]
    exposures.append(campaign(1)[0].chunk(7))
    with nothing_computed():
        lazy = xrs.coadd(exposures, GRID, chunks=20, **FULL)
        assert "dask.array" in repr(lazy)
        assert "dask.array" in lazy._repr_html_()
        assert lazy.sizes["exposure"] == 4
        cut = lazy.isel(y=slice(3, 20), x=5)
        assert cut["con"].shape == (1, 17)
        assert lazy["data"].sel(y=slice(3, 8)).chunks is not None
        assert float(lazy["exposure_time"].sum()) > 0
        assert lazy.resample.is_mosaic
        assert repr(xrs.plan(exposures, GRID, **FULL))
    with pytest.raises(AssertionError, match="no pixel must be read"):
        lazy.compute(scheduler="synchronous")


@pytest.mark.parametrize("ratio", [None, 0.8])
def test_building_a_spectral_mosaic_reads_no_pixel(ratio: float | None) -> None:
    slits = [watched(make_slit(k), refuse=True)[0] for k in range(2)]
    with nothing_computed():
        xrs.coadd(slits, make_spectral((34, 52)), chunks=20, pixel_scale_ratio=ratio, **FULL)


def test_fitting_a_grid_reads_no_pixel() -> None:
    exposures = [watched(exposure, refuse=True)[0] for exposure in campaign()]
    with nothing_computed():
        xrs.coadd(exposures, xrs.fit_wcs(exposures), chunks=20)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Record the first row and column of each tile that is computed."""
    found: list[tuple[int, int]] = []
    compute = graph.compute_tile

    def recorded(job: Any, tile: Any, *more: Any) -> Any:
        found.append((tile.y.start, tile.x.start))
        return compute(job, tile, *more)

    monkeypatch.setattr(graph, "compute_tile", recorded)
    return found


def test_only_requested_tiles_are_computed(computed: list[tuple[int, int]]) -> None:
    lazy = xrs.coadd(campaign(), GRID, chunks=20, **FULL)
    expected = eager_mosaic()
    cut = {"y": slice(3, 18), "x": slice(25, 42)}
    assert_identical(lazy.isel(cut), expected.isel(cut))
    assert sorted(computed) == [(0, 20), (0, 40)]
    computed.clear()
    assert_identical(lazy, expected)
    # Each tile is computed once for all planes.
    assert sorted(computed) == [(y, x) for y in (0, 20, 40) for x in (0, 20, 40)]


def test_one_pixel_of_one_plane_computes_one_tile(computed: list[tuple[int, int]]) -> None:
    lazy = xrs.coadd(campaign(), GRID, chunks=20, **FULL)
    lazy["wht"].isel(y=30, x=30).compute(scheduler="synchronous")
    assert computed == [(20, 20)]


def test_a_tile_reads_one_window_per_plane() -> None:
    """The window is the part of the exposure that the tile needs."""
    shape = (120, 120)
    exposure, arrays = watched(make_exposure(0, shape, make_gwcs(shape, rotation=30.0)))
    lazy = xrs.coadd(exposure, make_grid(shape), chunks=30, **FULL)
    lazy.isel(y=slice(60, 90), x=slice(30, 60)).compute(scheduler="synchronous")
    for name, array in arrays.items():
        (window,) = array.read
        # The window holds a rotated square of 30 pixels and a margin of two cells of the 17.
        assert min(window) >= 30, name
        assert max(window) < 70, name
    assert {"data", "err", "dq", "var_rnoise"} <= set(arrays)


def test_unused_planes_are_not_read() -> None:
    exposure, arrays = watched(campaign(1)[0])
    options = {"enable_var": False, "weight_type": "exptime", "good_bits": None}
    xrs.coadd(exposure, GRID, chunks=30, **options).compute(scheduler="synchronous")
    assert arrays["data"].read
    assert not any(arrays[name].read for name in ("err", "var_rnoise", "var_flat"))


def test_only_the_dask_blocks_under_a_tile_are_computed() -> None:
    """A block that the tile does not overlap is never computed."""
    shape = (120, 120)
    exposure = make_exposure(0, shape, make_gwcs(shape)).chunk(y=20, x=20)
    seen: list[Any] = []
    recorded = exposure["data"].data.map_blocks(
        lambda block, block_info=None: seen.append(block_info[0]["chunk-location"]) or block,
        dtype="f4",
    )
    lazy = xrs.coadd(exposure.assign(data=(("y", "x"), recorded)), make_grid(shape), chunks=20)
    seen.clear()
    lazy.isel(y=slice(40, 60), x=slice(60, 80)).compute(scheduler="synchronous")
    assert 1 <= len(seen) <= 9
    assert (2, 3) in seen or (2, 2) in seen


def test_an_empty_tile_reads_nothing() -> None:
    exposure, arrays = watched(campaign(1)[0], refuse=True)
    lazy = xrs.coadd(exposure, make_grid((300, 300)), chunks=50, **FULL)
    corner = lazy.isel(y=slice(0, 40), x=slice(0, 40)).compute(scheduler="synchronous")
    assert not corner["wht"].any()
    assert not arrays["data"].read


def test_exposures_from_a_generator_are_read_only_when_computed() -> None:
    made = [watched(exposure) for exposure in campaign()]
    lazy = xrs.coadd((exposure for exposure, _ in made), GRID, chunks=30, **FULL)
    assert not any(array.read for _, arrays in made for array in arrays.values())
    assert_identical(lazy, eager_mosaic())


def test_the_scheduler_comes_from_dask() -> None:
    lazy = xrs.coadd(campaign(1), GRID, chunks=-1)
    with nothing_computed(), pytest.raises(AssertionError, match="must not compute"):
        lazy.load()
    with dask.config.set(scheduler="synchronous"):
        assert lazy.load()["data"].shape == GRID.array_shape
    assert GRID.array_shape > SHAPE
