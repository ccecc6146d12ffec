"""Plans: their numbers, their text, their errors, and their small size."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

import cloudpickle
import dask
import numpy as np
import pytest
import xarray as xr
from astropy.wcs import WCS
from xarray.core.indexing import LazilyIndexedArray

import xresample as xrs
from tests.support.exposures import VARIANCES, make_arrays, make_exposure
from tests.support.tiles import FULL, GRID, SHAPE, Watched, campaign, nothing_computed, watched
from tests.support.wcs import make_gwcs


def test_the_numbers_of_a_plan() -> None:
    planned = xrs.plan(campaign(3), GRID, chunks=20, **FULL)
    mosaic = xrs.coadd(campaign(3), GRID, **FULL)
    planes = [v for v in mosaic.data_vars.values() if {"y", "x"} <= set(v.dims)]
    assert planned.shape == GRID.array_shape
    assert planned.n_exposures == 3
    assert planned.output_bytes == sum(v.nbytes for v in planes)
    assert 0 < planned.touched_bytes <= planned.output_bytes
    assert planned.exposures_per_tile.shape == planned.tiling.shape == (3, 3)
    assert planned.exposures_per_tile.max() == 3
    assert planned.work >= 3 * SHAPE[0] * SHAPE[1]
    assert planned.memory > max(planned.output_bytes / 9, SHAPE[0] * SHAPE[1] * 4)


def test_with_one_tile_the_work_is_all_pixels() -> None:
    planned = xrs.plan(campaign(3), GRID, chunks=-1)
    assert planned.work == 3 * SHAPE[0] * SHAPE[1]
    assert planned.touched_bytes == planned.output_bytes


def test_the_repr_of_a_plan_is_a_table() -> None:
    text = repr(xrs.plan(campaign(3), GRID, chunks=20, **FULL))
    rows = {line[:20].strip(): line[20:] for line in text.splitlines()[1:]}
    assert list(rows) == [
        "mosaic", "tiles", "exposures", "exposures per tile", "output", "memory", "work"
    ]  # fmt: skip
    assert rows["tiles"].startswith("3 x 3 of 20 x 20 pixels")
    assert rows["exposures"] == "3, 0 of them outside"
    assert all(name in rows["mosaic"] for name in ("data", "err", "con", "dq", *VARIANCES))
    with pytest.warns(xrs.NoExposureWarning):
        empty = repr(xrs.plan([], GRID))
    assert "0, 0 of them outside" in empty
    assert "exposures per tile  none" in empty


def broken() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return exposures and options that cannot be co-added, by name."""
    good, other = campaign(2)
    return {
        "no data": ([good, other.drop_vars("data")], {}),
        "no wcs": ([good.drop_vars("wcs")], {}),
        "no error": ([good.drop_vars("err")], {"compute_err": "driz_err"}),
        "no time": ([good.drop_attrs()], {"weight_type": "exptime"}),
        "uneven columns": ([good.isel(x=[0, 1, 3])], {}),
        "units": ([good, other.assign(data=other["data"].assign_attrs(units="Jy"))], {}),
        "a DataArray": ([good["data"]], {}),
        "unknown option": ([good], {"kernell": "square"}),
        "unknown kernel": ([good], {"kernel": "round"}),
        "unknown variance": (
            [good],
            {"compute_err": "from_var", "error_from_variances": ["var_none"]},
        ),
    }


@pytest.mark.parametrize("case", broken())
def test_planning_raises_the_same_error_as_the_eager_path(case: str) -> None:
    """The error is raised before anything is computed."""
    exposures, options = broken()[case]
    with pytest.raises(xrs.XResampleError) as eager:
        xrs.coadd(exposures, GRID, **options)
    with pytest.raises(type(eager.value)) as lazy:
        xrs.coadd(exposures, GRID, chunks=20, **options)
    assert str(lazy.value) == str(eager.value)


def test_without_dask_the_error_names_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(xrs.InvalidInputError, match="need dask, which is not installed"):
        xrs.plan(campaign(1), GRID)


def test_a_lazy_mosaic_requires_a_wcs() -> None:
    with pytest.raises(xrs.InvalidInputError, match="The mosaic has no WCS"):
        xrs.coadd(campaign(1), (20, 30), chunks=10)


def test_a_lazy_mosaic_refuses_progress() -> None:
    with pytest.raises(xrs.InvalidInputError, match="nothing is computed yet"):
        xrs.coadd(campaign(1), GRID, chunks=10, progress=True)


def sky_grid(side: int, tile: int, scale: float = 0.1) -> WCS:
    """Return a square grid with ``side`` tiles of ``tile`` pixels per side."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 2.0]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    wcs.wcs.crpix = [side * tile / 2, side * tile / 2]
    wcs.array_shape = (side * tile, side * tile)
    return wcs


class NeverRead(Watched):
    """An array that must not be read; its pickle holds the shape only, like a file its path."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(np.broadcast_to(np.float32(0), shape), refuse=True)

    def __reduce__(self) -> Any:
        self.pickled += 1
        return NeverRead, (self.shape,)


def survey(count: int, side: int, tile: int) -> list[xr.Dataset]:
    """Return exposures spread over a grid, whose pixels must not be read."""
    shape = (2 * tile, 2 * tile)
    first, _ = watched(make_exposure(0, shape, make_gwcs(shape), make_arrays(0, shape)), True)
    rng = np.random.default_rng(1)
    base = sky_grid(2, tile)
    made = []
    for k in range(count):
        wcs = base.deepcopy()
        wcs.wcs.crpix = base.wcs.crpix + rng.uniform(-0.45, 0.45, 2) * side * tile
        planes = {
            n: (v.dims, LazilyIndexedArray(NeverRead(shape)))
            for n, v in first.data_vars.items()
            if n != "dq"
        }
        exposure = first.drop_vars(["wcs", "dq"]).assign(planes).assign_attrs(filename=f"{k}.fits")
        made.append(exposure.resample.assign_wcs(wcs))
    return made


def test_a_large_plan_is_small() -> None:
    """60 exposures in 2500 tiles need few bytes, and each exposure is pickled once."""
    count, side, tile = 60, 50, 40
    exposures = survey(count, side, tile)
    tracemalloc.start()
    with nothing_computed():
        lazy = xrs.coadd(exposures, sky_grid(side, tile), chunks=tile)
    graph = dict(lazy.__dask_graph__())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lazy["data"].data.numblocks == (side, side)
    arrays = [arrays_of(exposure) for exposure in exposures]
    text = cloudpickle.dumps(graph)
    assert all(array.pickled == 1 for planes in arrays for array in planes)
    assert len(text) < 6e6
    assert peak < 60e6
    # Each tile is one task, and each plane of a tile another task that selects the plane.
    assert len(graph) < side**2 * (len(lazy.data_vars) + 2) + 2 * count


def arrays_of(exposure: xr.Dataset) -> list[Watched]:
    """Return the arrays of an exposure that the co-add reads."""
    return [exposure.variables[n]._data.array for n in exposure.data_vars
            if n != "err"]  # fmt: skip


def test_auto_chunks_grow_with_the_chunk_size_of_dask() -> None:
    sides = []
    for size in ("16 kiB", "256 kiB"):
        with dask.config.set({"array.chunk-size": size}):
            sides.append(max(xrs.plan(campaign(1), GRID, chunks="auto").tiling.chunks[0]))
    assert sides[0] < sides[1]
