"""Sky coordinates: computed when read, right after any slice, and selected by."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import wcs as wcs_makers
from tests.support.exposures import (
    assert_same_bits,
    checksum,
    make_exposure,
    make_exposures,
    output_grid,
)
from tests.support.flavours import Flavour
from xresample.sky.index import SkyIndex
from xresample.wcs import celestial as radec

SHAPE = (24, 32)
GRID = output_grid(SHAPE)


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list of how many pixels were evaluated, call by call."""
    sizes: list[int] = []
    original = radec.pixel_to_radec

    def counted(wcs: Any, x: Any, y: Any) -> Any:
        sizes.append(np.broadcast(x, y).size)
        return original(wcs, x, y)

    monkeypatch.setattr(radec, "pixel_to_radec", counted)
    return sizes


def mosaic() -> xr.Dataset:
    """Return a mosaic of two exposures."""
    return xrs.coadd(make_exposures(2, SHAPE), GRID)


def has_index(dataset: Any) -> bool:
    """Tell whether the sky coordinates of a Dataset are lazy, and selected by."""
    return all(isinstance(dataset.xindexes.get(name), SkyIndex) for name in ("ra", "dec"))


def test_exposures_of_every_flavour(flavour: Flavour) -> None:
    exposure = make_exposure(0, SHAPE, flavour.make(SHAPE)).resample.with_sky()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    expected = flavour.to_equatorial(*exposure.resample.wcs.pixel_to_world_values(x, y))
    for name, values in zip(("ra", "dec"), expected, strict=True):
        assert exposure[name].dims == ("y", "x")
        assert exposure[name].dtype == np.float64
        np.testing.assert_allclose(exposure[name], values, rtol=0, atol=1e-10)
    # The search needs neighbours on the sky, so no pixel beside the rows of NaN is looked up.
    found = [(j, i) for j, i in ((0, 0), (9, 20), (23, 1)) if np.isfinite(expected[0][j, i])]
    for j, i in [*found, (9, 9)]:
        pixel = exposure.sel(ra=expected[0][j, i], dec=expected[1][j, i], method="nearest")
        assert (int(pixel["y"]), int(pixel["x"])) == (j, i)
        assert float(pixel["data"]) == float(exposure["data"][j, i])


def test_attributes_say_what_they_are() -> None:
    given = mosaic().resample.with_sky()
    assert given["ra"].attrs == {
        "long_name": "right ascension", "units": "degree", "radesys": "ICRS"
    }  # fmt: skip
    assert given["dec"].attrs["long_name"] == "declination"
    assert given.isel(x=slice(3)).chunk(y=5)["dec"].attrs == given["dec"].attrs
    fk5 = make_exposure(0, SHAPE, wcs_makers.make_fits(SHAPE, radesys="FK5")).resample.with_sky()
    assert fk5["ra"].attrs["radesys"] == "FK5"
    assert fk5["ra"].attrs["equinox"] == 2000.0


@pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")
def test_nothing_is_computed_before_it_is_read(evaluated: list[int], tmp_path: Path) -> None:
    given, exposure = mosaic().resample.with_sky(), make_exposure(2, SHAPE).resample.with_sky()
    before = mosaic()
    added = given.resample.add(exposure)
    assert_same_bits(added, before.resample.add(exposure.resample.without_sky()))
    assert_same_bits(given.resample.merge(given), before.resample.merge(before))
    assert list(added.coords) == list(before.coords)
    xrs.coadd([exposure], given)
    exposure.resample.onto(GRID)
    given.resample.to_fits(tmp_path / "mosaic.fits")
    given.resample.contributors(x=20, y=20)
    given.resample.decode_context()
    given.resample.err()
    assert has_index(given.resample.filled(1.0))
    assert has_index(given.isel(x=slice(2, 9)).sel(y=slice(3, 8)).transpose("x", ...).copy())
    assert has_index(given["data"] * 2 - given["wht"])
    assert has_index(pickle.loads(pickle.dumps(given)))  # noqa: S301 - our own bytes
    assert evaluated == []
    repr(given)
    given._repr_html_()
    assert 0 < sum(evaluated) < 400


@pytest.mark.parametrize(
    "key",
    [
        {"x": slice(5, 20)}, {"y": slice(3, 20, 2), "x": slice(25, 4, -3)}, {"x": [1, 4, 9]},
        {"y": np.array([9, 5, 2])}, {"x": xr.Variable("x", [3, 5])}, {"x": slice(0, 0)},
        {"y": np.arange(40) % 3 == 0},
    ],
)  # fmt: skip
def test_parts_stay_lazy_and_right(key: dict[str, Any], evaluated: list[int]) -> None:
    given = mosaic().resample.with_sky()
    if "y" in key and getattr(key["y"], "dtype", None) is not None and key["y"].dtype.kind == "b":
        key = {"y": np.arange(given.sizes["y"]) % 3 == 0}
    part = given.isel(key)
    assert has_index(part)
    assert evaluated == []
    twice = part.isel(y=slice(1, None))
    for name in ("ra", "dec"):
        values = xr.DataArray(given[name].values, dims=("y", "x")).isel(key)
        np.testing.assert_array_equal(part[name], values)
        np.testing.assert_array_equal(twice[name], values[1:])
    # Made anew, from the coordinates y and x, they are the same.
    again = part.resample.without_sky().resample.with_sky()
    assert part.xindexes["ra"].equals(again.xindexes["ra"])
    np.testing.assert_array_equal(again["ra"], part["ra"])


@pytest.mark.parametrize(
    "key",
    [
        {"x": 3}, {"y": -1, "x": 2}, {"x": [4, 4]}, {"x": [3, 9, 5]},
        {"x": xr.Variable("s", [1, 2]), "y": xr.Variable("s", [5, 6])},
    ],
)  # fmt: skip
def test_what_is_no_image_keeps_its_values(key: dict[str, Any]) -> None:
    given = mosaic().resample.with_sky()
    part = given.isel(key)
    assert not has_index(part)
    values = xr.DataArray(given["ra"].values, dims=("y", "x")).isel(key)
    np.testing.assert_array_equal(part["ra"], values)


def test_many_positions_at_once() -> None:
    given = mosaic().resample.with_sky().isel(y=slice(2, None), x=slice(40, 4, -1))
    j, i = np.array([[3, 4], [20, 9]]), np.array([[0, 5], [11, 30]])
    dims, names = ("k", "source"), {"source": ["a", "b"]}
    ra, dec = (xr.DataArray(given[n].values[j, i], names, dims) for n in ("ra", "dec"))
    found = given.sel(ra=ra - 360, dec=dec + 1e-9, method="nearest")
    assert found["data"].dims == dims
    assert found["source"].values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(found["data"], given["data"].values[j, i])
    np.testing.assert_array_equal(found["y"], given["y"].values[j])
    np.testing.assert_array_equal(found["ra"], ra)
    bare = given.sel(ra=ra.variable, dec=dec.variable, method="nearest")
    np.testing.assert_array_equal(bare["data"], found["data"])


def test_one_position() -> None:
    given = mosaic().resample.with_sky()
    ra, dec = float(given["ra"][30, 20]), float(given["dec"][30, 20])
    for position in ((ra, dec), (ra * u.deg, (dec * u.deg).to(u.arcsec)), (np.array(ra), dec)):
        pixel = given.sel(ra=position[0], dec=position[1], method="nearest")
        assert (int(pixel["y"]), int(pixel["x"])) == (30, 20)
        assert float(pixel["ra"]) == ra
    one = given["data"].sel(ra=ra, dec=dec, method="nearest")
    assert float(one) == float(given["data"][30, 20])


def test_pixels_end_at_their_borders() -> None:
    exposure = make_exposure(0, SHAPE, wcs_makers.make_fits(SHAPE))
    given = exposure.isel(y=slice(4, 20), x=slice(3, 30, 4)).resample.with_sky()
    wcs = exposure.resample.wcs

    def select(x: float, y: float) -> tuple[int, int]:
        ra, dec = wcs.pixel_to_world_values(x, y)
        pixel = given.sel(ra=float(ra), dec=float(dec), method="nearest")
        return int(pixel["x"]), int(pixel["y"])

    assert select(4.9, 3.51) == (3, 4)
    assert select(5.1, 19.49) == (7, 19)
    assert select(1.01, 4.6) == (3, 5)
    for off in ((0.9, 5), (29.1, 5), (9, 3.4), (9, 19.6)):
        with pytest.raises(xrs.MissingKeyError, match=r"off the image: ra="):
            select(*off)
    one = exposure.isel(y=[7], x=[5]).resample.with_sky()
    ra, dec = (float(v) for v in wcs.pixel_to_world_values(5.4, 6.6))
    assert int(one.sel(ra=ra, dec=dec, method="nearest")["x"]) == 5


def test_selections_that_cannot_be() -> None:
    given = mosaic().resample.with_sky()
    ra, dec = 150.0, 2.0
    with pytest.raises(xrs.InvalidInputError, match="method must be 'nearest'"):
        given.sel(ra=ra, dec=dec)
    with pytest.raises(xrs.InvalidInputError, match="tolerance"):
        given.sel(ra=ra, dec=dec, method="nearest", tolerance=1.0)
    with pytest.raises(xrs.InvalidInputError, match="dec is missing"):
        given.sel(ra=ra, method="nearest")
    with pytest.raises(xrs.InvalidInputError, match="dims='source'"):
        given.sel(ra=[ra, ra], dec=[dec, dec], method="nearest")
    with pytest.raises(xrs.InvalidInputError, match="same dimensions"):
        given.sel(ra=xr.DataArray([ra], dims="a"), dec=dec, method="nearest")
    with pytest.raises(xrs.InvalidInputError, match="An angle must be"):
        given.sel(ra="10h", dec=dec, method="nearest")
    with pytest.raises(KeyError, match="One of 2 positions is off the image: ra=10"):
        given.sel(ra=xr.DataArray([ra, 10, 11.0], dims="s"),
                  dec=xr.DataArray([dec] * 3, dims="s"), method="nearest")  # fmt: skip
    with pytest.raises(xrs.MissingKeyError, match="off the image"):
        given.isel(x=slice(0, 0)).sel(ra=ra, dec=dec, method="nearest")
    slit = make_exposure(0, (40, 60), wcs_makers.make_spectral()).resample.with_sky()
    assert np.isfinite(slit["ra"]).all()
    with pytest.raises(xrs.UnsupportedWCSError, match="spectral"):
        slit.sel(ra=ra, dec=dec, method="nearest")


def test_images_that_cannot_have_them() -> None:
    exposure = make_exposure(0, SHAPE)
    with pytest.raises(xrs.MissingKeyError, match="assign_wcs"):
        exposure.drop_vars("wcs").resample.with_sky()
    with pytest.raises(xrs.InvalidInputError, match="must not have variables ra"):
        exposure.assign(ra=1.0).resample.with_sky()
    with pytest.raises(xrs.InvalidInputError, match="'x' must hold pixels"):
        exposure.isel(x=[3, 3]).resample.with_sky()
    with pytest.raises(xrs.InvalidInputError, match="'y' must hold pixels"):
        exposure.assign_coords(y=["a"] * SHAPE[0]).resample.with_sky()
    with pytest.raises(xrs.InvalidInputError, match="y and x"):
        exposure.isel(x=0).resample.with_sky()


def test_arguments_stay_as_they_are() -> None:
    exposure = make_exposure(0, SHAPE)
    before = checksum(exposure)
    given = exposure.resample.with_sky()
    assert "ra" not in exposure.coords
    given.resample.without_sky()
    assert has_index(given)
    assert checksum(exposure) == before
    assert_same_bits(given.resample.without_sky(), exposure)
    assert has_index(given.resample.with_sky())
    without = exposure.drop_vars(["y", "x"]).resample.with_sky()
    np.testing.assert_array_equal(without["ra"], given["ra"])


def test_another_wcs_moves_them() -> None:
    given = make_exposure(0, SHAPE).resample.with_sky()
    other = wcs_makers.make_sip(SHAPE, crval=(10.0, -40.0))
    moved = given.resample.assign_wcs(other)
    assert has_index(moved)
    assert float(moved["dec"].mean()) == pytest.approx(-40.0, abs=0.01)
    assert "ra" not in given.resample.without_sky().resample.assign_wcs(other).coords


def test_images_of_two_places_do_not_mix() -> None:
    a, b = (e.resample.with_sky() for e in make_exposures(2, SHAPE))
    with pytest.raises(xrs.InvalidInputError, match="without_sky"):
        _ = a["data"] - b["data"]
    with pytest.raises(xrs.InvalidInputError, match="without_sky"):
        xr.concat([a, b], "y", join="outer")
    assert has_index(a["data"] - a.copy()["data"])


def test_parts_join_again() -> None:
    given = mosaic().resample.with_sky()[["data", "wht"]]
    whole = xr.concat([given.isel(x=slice(0, 9)), given.isel(x=slice(9, None))], "x")
    assert has_index(whole)
    xr.testing.assert_identical(whole.transpose("y", "x"), given)
    assert given.xindexes["ra"].equals(whole.xindexes["ra"])
    with pytest.raises(xrs.InvalidInputError, match="in order"):
        xr.concat([given.isel(x=slice(9, 12)), given.isel(x=slice(0, 12))], "x")


def test_other_names() -> None:
    given = mosaic().resample.with_sky()
    renamed = given.rename(y="row", ra="alpha")
    part = renamed.isel(row=slice(4, 9))
    np.testing.assert_array_equal(part["alpha"], given["ra"].values[4:9])
    pixel = renamed.sel(alpha=float(given["ra"][8, 9]), dec=float(given["dec"][8, 9]),
                        method="nearest")  # fmt: skip
    assert int(pixel["row"]) == 8


@pytest.mark.parametrize("kind", ["netcdf", "fits"])
@pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")
def test_files(kind: str, tmp_path: Path, evaluated: list[int]) -> None:
    """A netCDF file holds them as plain coordinates, and work goes on from it; see `with_sky`."""
    plain = mosaic()
    given, exposure = plain.resample.with_sky(), make_exposure(2, SHAPE)
    if kind == "fits":
        given.resample.to_fits(tmp_path / "mosaic.fits")
        assert evaluated == []
        return
    given.to_netcdf(tmp_path / "with.nc")
    given.resample.without_sky().to_netcdf(tmp_path / "without.nc")
    with xr.open_dataset(tmp_path / "without.nc") as opened:
        assert set(opened.coords) == set(plain.coords)
        assert_same_bits(opened.resample.add(exposure), plain.resample.add(exposure))
    with xr.open_dataset(tmp_path / "with.nc") as opened:
        assert "ra" in opened.coords
        assert not has_index(opened)
        assert opened["ra"].attrs == given["ra"].attrs
        np.testing.assert_array_equal(opened["dec"], given["dec"])
        assert_same_bits(opened.resample.add(exposure), plain.resample.add(exposure))
        assert_same_bits(opened.resample.merge(plain), plain.resample.merge(plain))
        assert_same_bits(opened.resample.without_sky(), plain)
        assert has_index(opened.resample.with_sky())


def test_threads_read_their_own_wcs() -> None:
    given = make_exposure(0, SHAPE, wcs_makers.make_sip(SHAPE)).resample.with_sky()
    blocks = given.chunk(y=3, x=4)
    np.testing.assert_array_equal(blocks["ra"].compute(scheduler="threads"), given["ra"])
