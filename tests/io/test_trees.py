"""Files with several exposures as trees and groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.exposures import assert_same_bits, make_exposures
from tests.support.wcs import make_grid
from xresample.io.backend import XResampleBackend


def test_each_chip_is_a_node(tmp_path: Path) -> None:
    """A file with two chips opens as a tree with two nodes, equal to the exposures."""
    path = tmp_path / "two_chips_flc.fits"
    files.hst(path)
    tree = xr.open_datatree(path, engine="xresample")
    exposures = xrs.open_exposures(path)
    assert list(tree.children) == ["1", "2"]
    for node, exposure in zip(tree.children.values(), exposures, strict=True):
        xr.testing.assert_identical(node.to_dataset(), exposure)
    groups = xr.open_groups(path, engine="xresample")
    assert sorted(groups) == ["/", "/1", "/2"]
    xr.testing.assert_identical(groups["/2"], exposures[1])


def test_the_engine_is_found_and_described(tmp_path: Path) -> None:
    """The engine is guessed from the file, and says where its documentation is."""
    path = tmp_path / "two_chips_flc.fits"
    files.hst(path)
    assert list(xr.open_datatree(path).children) == ["1", "2"]
    assert XResampleBackend.supports_groups
    assert XResampleBackend.url.startswith("https://")


def test_one_exposure_is_one_node(tmp_path: Path) -> None:
    """A file with one exposure has one child, and a group is a child of its name."""
    path = tmp_path / "a_cal.fits"
    files.jwst(path)
    assert list(xr.open_datatree(path, engine="xresample").children) == ["1"]
    two = tmp_path / "b_flc.fits"
    files.hst(two)
    assert list(xr.open_datatree(two, engine="xresample", group=2).children) == ["2"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_tree_is_co_added(nested: bool) -> None:
    """``coadd`` takes the exposures of a tree, at any depth, in order."""
    exposures, grid = make_exposures(3, (20, 24)), make_grid((30, 34))
    names = ["night1/a", "night1/b", "night2/c"] if nested else ["a", "b", "c"]
    tree = xr.DataTree.from_dict(dict(zip(names, exposures, strict=True)))
    assert_same_bits(xrs.coadd(tree, grid), xrs.coadd(exposures, grid))
    assert_same_bits(xrs.coadd(tree, grid, chunks=16).compute(), xrs.coadd(exposures, grid))
    fitted, expected = (xrs.fit_wcs(given) for given in (tree, exposures))
    np.testing.assert_array_equal(fitted.wcs.crval, expected.wcs.crval)
    assert fitted.array_shape == expected.array_shape
