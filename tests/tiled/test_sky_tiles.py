"""Tiles of the sky: each makes a mosaic on its own that pastes back bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asdf
import astropy.units as u
import numpy as np
import pytest
import xarray as xr
from stcal.alignment.util import calc_rotation_matrix

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposure, make_exposures, output_grid
from tests.support.wcs import CRVAL
from xresample.datamodel.grid import Grid

SHAPE = (15, 18)
GRID = output_grid(SHAPE, margin=20)


@pytest.mark.parametrize("overlap", [0, 5])
@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")
def test_mosaics_on_tiles_paste_back_bit_for_bit(overlap: int) -> None:
    exposures = make_exposures(4, SHAPE)
    whole = xrs.coadd(exposures, GRID)
    tiles = xrs.tile_grid(GRID, (30, 25), overlap=overlap)
    pasted = xrs.empty_mosaic(GRID)["data"].copy(deep=True)
    for tile in tiles.values():
        mosaic = xrs.coadd(exposures, tile)
        at = {"y": mosaic["y"], "x": mosaic["x"]}
        assert_same_bits(mosaic, whole.sel(at))
        pasted.loc[at] = mosaic["data"]
    np.testing.assert_array_equal(pasted, whole["data"])


@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")
def test_exposures_of_a_tile_are_those_that_touch_it() -> None:
    exposures = [
        make_exposure(k, SHAPE).resample.assign_wcs(make_exposure(k, SHAPE).resample.wcs)
        for k in range(4)
    ]
    whole = xrs.coadd(exposures, GRID)
    tiles = xrs.tile_grid(GRID, 12)
    touching = xrs.grid_touching(exposures, tiles)
    assert 0 < len(touching) < len(tiles)
    for name, tile in tiles.items():
        part = whole.sel(y=tile["y"], x=tile["x"])
        if name not in touching:
            assert not part["wht"].any()
            continue
        alone = xrs.coadd(touching[name], tile)
        assert_same_bits(alone, part, ("data", "wht", "var_rnoise"))


def test_tiles_keep_the_pixel_scale_and_cover_the_grid() -> None:
    scale = Grid.of(GRID).pixel_scale
    tiles = xrs.tile_grid(GRID, 20, overlap=3)
    assert {tile.attrs["pixel_scale"] for tile in tiles.values()} == {scale}
    shape = Grid.of(GRID).shape
    for name, length in zip(("y", "x"), shape, strict=True):
        found = np.unique(np.concatenate([tile[name].values for tile in tiles.values()]))
        np.testing.assert_array_equal(found, np.arange(length))
    assert len(xrs.tile_grid((100, 30), (10, 30))) == 10
    assert list(xrs.tile_grid((110, 30), (10, 30)))[:2] == ["y00x0", "y01x0"]


@pytest.mark.parametrize(
    ("shape", "overlap", "words"),
    [
        (0, 0, "shape must be an integer of at least 1"),
        ((5, 5, 5), 0, r"shape must be a size or sizes \(y, x\)"),
        (5, 5, "shape must be larger than the overlap, 5 pixels, got 5"),
        (5, -1, "overlap must be an integer of at least 0"),
    ],
)
def test_bad_tiles(shape: Any, overlap: int, words: str) -> None:
    with pytest.raises(xrs.InvalidInputError, match=words):
        xrs.tile_grid((10, 10), shape, overlap=overlap)


def test_padding_is_an_angle() -> None:
    exposures = make_exposures(2, SHAPE)
    plain = xrs.fit_wcs(exposures, pixel_scale=0.1)
    padded = xrs.fit_wcs(exposures, pixel_scale=0.1, padding=1.05, margin=1)
    assert np.subtract(padded.array_shape, plain.array_shape).tolist() == [24, 24]
    same = xrs.fit_wcs(exposures, pixel_scale=0.1, padding=1.05 / 60 * u.arcmin, margin=1)
    assert same.array_shape == padded.array_shape
    aligned = xrs.fit_wcs(exposures, align_with=plain, padding=1.0)
    assert np.subtract(aligned.array_shape, plain.array_shape).tolist() == [20, 20]
    with pytest.raises(xrs.InvalidInputError, match="padding must not be negative"):
        xrs.fit_wcs(exposures, padding=-1.0)


SIZE, SCALE = 60, 0.055


def table(path: Path, mirrored: bool = False, orientation: float = 20.0) -> dict[str, Any]:
    """Write a table of 3 x 3 cells around a tangent point, and return its content."""
    from astropy.wcs import WCS

    sign = -1 if mirrored else 1
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = CRVAL
    matrix = np.reshape(calc_rotation_matrix(np.deg2rad(orientation), 0.0, vparity=sign), (2, 2))
    wcs.wcs.cd = matrix * SCALE / 3600
    cells = []
    for j in range(3):
        for i in range(3):
            # The tangent point lies in the middle of the middle cell; cells overlap by 10 pixels.
            x, y = ((SIZE - 1) / 2 - 50 * (k - 1) for k in (i, j))
            wcs.wcs.crpix = x + 1, y + 1
            ra, dec = wcs.all_pix2world((SIZE - 1) / 2, (SIZE - 1) / 2, 0)
            cells.append((f"cell{j}{i}", float(ra), float(dec), orientation, x, y))
    columns = ["name", "ra_center", "dec_center", "orientat", "x_tangent", "y_tangent"]
    kinds = list(zip(columns, ["<U16", "<f8", "<f8", "<f4", "<f8", "<f8"], strict=True))
    names = ["index", "ra_tangent", "dec_tangent", "orientat", "skycell_start", "skycell_end"]
    of_regions = list(zip(names, ["<i4", "<f8", "<f8", "<f4", "<i4", "<i4"], strict=True))
    regions = [(0, *CRVAL, orientation, 0, 9), (1, 0.0, 0.0, 0.0, 9, 9)]
    roman = {
        "meta": {"nxy_skycell": SIZE, "skycell_border_pixels": 10, "pixel_scale": SCALE},
        "projection_regions": np.array(regions, of_regions),
        "skycells": np.array(cells, kinds),
    }
    asdf.AsdfFile({"roman": roman}).write_to(path)
    return roman


@pytest.mark.parametrize("mirrored", [False, True])
def test_cells_of_a_table_are_grids(mirrored: bool, tmp_path: Path) -> None:
    roman = table(tmp_path / "cells.asdf", mirrored)
    grids = xrs.skycell_grids(tmp_path / "cells.asdf", names=["cell11", "cell02"])
    assert list(grids) == ["cell11", "cell02"]
    for name, grid in grids.items():
        row = roman["skycells"][roman["skycells"]["name"] == name][0]
        middle = grid.resample.wcs.pixel_to_world((SIZE - 1) / 2, (SIZE - 1) / 2)
        assert middle.icrs.ra.deg == pytest.approx(row["ra_center"], abs=1e-9)
        assert middle.icrs.dec.deg == pytest.approx(row["dec_center"], abs=1e-9)
        assert Grid.of(grid).shape == (SIZE, SIZE)
        assert Grid.of(grid).pixel_scale == SCALE


def test_cells_overlap_bit_for_bit(tmp_path: Path) -> None:
    """Adjacent cells share 10 columns; their WCSs differ by rounding, so their values nearly."""
    table(tmp_path / "cells.asdf")
    exposures = make_exposures(2, (40, 40))
    grids = xrs.skycell_grids(tmp_path / "cells.asdf", exposures=exposures)
    touching = xrs.grid_touching(exposures, grids)
    assert "cell11" in touching
    assert set(touching) <= set(grids)
    far = slice(None, None, 3)
    binned = [exposure.isel(y=far, x=far) for exposure in exposures]
    assert list(xrs.skycell_grids(tmp_path / "cells.asdf", exposures=binned)) == list(grids)
    left, right = (xrs.coadd(exposures, grids[name]) for name in ("cell11", "cell12"))
    a, b = left["data"].isel(x=slice(50, None)), right["data"].isel(x=slice(0, 10))
    there = (left["wht"].isel(x=slice(50, None)).values > 0) & (
        right["wht"].isel(x=slice(0, 10)).values > 0
    )
    assert there.any()
    np.testing.assert_allclose(a.values[there], b.values[there], rtol=1e-4)


def test_bad_tables(tmp_path: Path) -> None:
    path = tmp_path / "cells.asdf"
    table(path)
    with pytest.raises(xrs.InvalidInputError, match="either names or exposures"):
        xrs.skycell_grids(path)
    with pytest.raises(xrs.InvalidInputError, match="names of sky cells, got 'none'"):
        xrs.skycell_grids(path, names="none")
    asdf.AsdfFile({"roman": {"meta": {}}}).write_to(tmp_path / "other.asdf")
    with pytest.raises(xrs.FileError, match="must hold the table of sky cells"):
        xrs.skycell_grids(tmp_path / "other.asdf", names="cell11")
    roman = table(path)
    roman["skycells"]["ra_center"] += 1.0
    asdf.AsdfFile({"roman": roman}).write_to(path)
    with pytest.raises(xrs.FileError, match="centre of cell cell11 must agree"):
        xrs.skycell_grids(path, names="cell11")
    far = xr.Dataset(attrs={})
    with pytest.raises(xrs.InvalidExposureError):
        xrs.skycell_grids(path, exposures=[far])
