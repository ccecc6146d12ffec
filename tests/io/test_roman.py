"""Exposures in files of Roman."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import asdf
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.wcs import make_gwcs
from xresample.io.contents import ReadOptions
from xresample.io.roman import read
from xresample.io.source_file import SourceFile
from xresample.wcs.transform import pixel_to_world


@pytest.mark.parametrize("compression", [None, "zlib", "lz4"])
def test_variables_and_attributes(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "r_cal.asdf"
    arrays = files.roman(path, compression=compression)
    exposure = xr.open_dataset(path)
    assert set(exposure.data_vars) == set(arrays)
    for name, array in arrays.items():
        assert exposure[name].dtype == (np.uint32 if name == "dq" else np.float32)
        np.testing.assert_array_equal(exposure[name], array)
        np.testing.assert_array_equal(exposure[name][2:9:3, ::-2], array[2:9:3, ::-2])
    assert exposure["data"].attrs["units"] == "DN/s"
    assert exposure.attrs == {
        "filename": "r_cal.asdf", "group_id": "0001", "exposure_time": 139.5,
        "start_time": 61557.0, "end_time": 61557.5, "level": 0.25, "subtracted": 1,
        "date": "2027-06-01T00:00:00.000", "exposure": str(exposure["exposure"].values),
    }  # fmt: skip
    x, y = np.meshgrid(np.arange(files.NX), np.arange(files.NY))
    np.testing.assert_array_equal(
        pixel_to_world(exposure.resample.wcs, x, y), pixel_to_world(make_gwcs(files.SHAPE), x, y)
    )


def test_read_noise_follows_from_the_other_variances(tmp_path: Path) -> None:
    arrays = files.roman(tmp_path / "a.asdf", leave_out=("var_rnoise",))
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    exposure = xr.open_dataset(tmp_path / "a.asdf")
    expected = single["err"] ** 2 - (single["var_poisson"] + single["var_flat"])
    np.testing.assert_array_equal(exposure["var_rnoise"], expected)
    np.testing.assert_allclose(expected, single["var_rnoise"], rtol=0.01)
    np.testing.assert_array_equal(exposure["var_rnoise"][3:5, 7], expected[3:5, 7])


def test_sky_variance_on_request(tmp_path: Path) -> None:
    arrays = files.roman(tmp_path / "a.asdf")
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    assert "var_sky" not in xr.open_dataset(tmp_path / "a.asdf")
    exposure = xr.open_dataset(tmp_path / "a.asdf", var_sky=True)
    data = single["data"]
    expected = single["var_rnoise"] + single["var_poisson"] / data * np.median(data)
    np.testing.assert_allclose(exposure["var_sky"], expected, rtol=1e-6)
    # Also a part uses the median of the whole image.
    np.testing.assert_array_equal(exposure["var_sky"][2:4].values, exposure["var_sky"].values[2:4])


def test_units_of_the_tree(tmp_path: Path) -> None:
    arrays = files.roman(tmp_path / "a.asdf", units=True)
    exposure = xr.open_dataset(tmp_path / "a.asdf")
    assert exposure["data"].attrs["units"] == "DN/s"
    np.testing.assert_array_equal(exposure["data"], arrays["data"])


def test_fill_values_are_absent(tmp_path: Path) -> None:
    meta = {
        "wcs": None,
        "group_id": "mine",
        "exposure": {"exposure_time": -999999, "start_time": "?"},
    }
    files.roman(tmp_path / "a.asdf", meta=meta)
    exposure = xr.open_dataset(tmp_path / "a.asdf")
    assert "wcs" not in exposure.coords
    assert exposure.attrs["group_id"] == "mine"
    assert exposure.attrs.keys() == {"filename", "group_id", "level", "subtracted", "exposure"}


def test_flag_names_are_those_of_roman(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf")
    names = xr.open_dataset(tmp_path / "a.asdf")["dq"].attrs["flag_meanings"].split()
    assert "GW_AFFECTED_DATA" in names
    assert "RC" not in names


def test_a_file_needs_the_tree_and_the_image(tmp_path: Path) -> None:
    asdf.AsdfFile({"other": 1}).write_to(tmp_path / "a.asdf")
    with pytest.raises(xrs.FileError, match=r"must have a tree 'roman'.*got: .*other"):
        xr.open_dataset(tmp_path / "a.asdf")
    files.roman(tmp_path / "b.asdf", leave_out=("data",))
    with pytest.raises(xrs.FileError, match="data is missing"):
        xr.open_dataset(tmp_path / "b.asdf")


def test_truncated_files_name_the_missing_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    files.roman(path, compression=None)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(xrs.FileError, match=r"cut off: the blocks of .*var_.* are missing"):
        xr.open_dataset(path)
    path.write_bytes(content[:600])
    with pytest.raises(xrs.FileError, match="cut off within its tree, after 600 bytes"):
        xr.open_dataset(path)


def test_options_for_fits_files_are_refused(tmp_path: Path) -> None:
    files.roman(tmp_path / "a.asdf")
    with pytest.raises(
        xrs.InvalidInputError, match=r"group=, err=.* are options for FITS files, but .*a\.asdf"
    ):
        xr.open_dataset(tmp_path / "a.asdf", group=1)


TYPES = ("float16", ">f2", "float32", ">f4", "float64", "int16", ">i4", "uint8")


@pytest.mark.parametrize("dtype", TYPES)
def test_arrays_are_read_where_they_lie(tmp_path: Path, dtype: str) -> None:
    """Arrays of any type have the numbers that asdf reads, as a whole and in part."""
    image = np.random.default_rng(1).uniform(0, 100, files.SHAPE).astype(dtype)
    flags = np.random.default_rng(2).integers(0, 255, files.SHAPE).astype(">u4")
    tree = {"data": image, "dq": flags, "err": np.asfortranarray(image), "meta": {}}
    asdf.AsdfFile({"roman": tree}).write_to(tmp_path / "a.asdf")
    exposure = xr.open_dataset(tmp_path / "a.asdf")
    for name, expected in (("data", image), ("dq", flags), ("err", image)):
        plane = exposure[name]
        assert plane.dtype == (np.uint32 if name == "dq" else np.float32)
        expected = expected.astype(plane.dtype)
        for part in (np.s_[:, :], np.s_[3:5], np.s_[2:9, 4:7], np.s_[::-2, 1::3], np.s_[11, 15]):
            np.testing.assert_array_equal(plane[part].values, expected[part])


def test_only_strided_and_compressed_arrays_need_asdf(tmp_path: Path) -> None:
    image = np.arange(192, dtype=np.float32).reshape(files.SHAPE)
    tree = {"data": image, "err": np.asfortranarray(image), "meta": {}}
    asdf.AsdfFile({"roman": tree}).write_to(tmp_path / "a.asdf")
    files.roman(tmp_path / "b.asdf", compression="zlib")
    files.roman(tmp_path / "c.asdf", compression=None)
    expected = {"a": {"data"}, "b": set(), "c": set(files.planes())}
    for name, plain in expected.items():
        source = SourceFile.at(str(tmp_path / f"{name}.asdf"))
        planes = read(source, ReadOptions()).planes
        assert {n for n, plane in planes.items() if plane.stored is not None} == plain


def test_nothing_is_mapped_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading mapped memory of a file that has become shorter would kill the process."""
    files.roman(tmp_path / "a.asdf", compression=None)
    files.roman(tmp_path / "b.asdf", compression="zlib")

    class Refused(mmap.mmap):
        def __new__(cls, *_: Any, **__: Any) -> Any:
            raise AssertionError("a file is mapped into memory")

    monkeypatch.setattr(mmap, "mmap", Refused)
    for name in ("a.asdf", "b.asdf"):
        exposure = xr.open_dataset(tmp_path / name).load()
        assert exposure.resample.wcs is not None


def test_a_file_that_is_cut_off_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    files.roman(path, compression=None)
    exposure = xr.open_dataset(path)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)
    with pytest.raises(xrs.FileError, match="has changed since it was opened"):
        exposure["var_flat"].load()
