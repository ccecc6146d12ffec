"""Stacks of exposures: `concat`, and mosaics of stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import xresample as xrs
from tests.support import files
from tests.support.exposures import (
    FLAGS,
    assert_same_attrs,
    assert_same_bits,
    checksum,
    make_exposure,
    output_grid,
)

SHAPE = (14, 16)
GRID = output_grid(SHAPE)
OPTIONS: dict[str, Any] = {"good_bits": "JUMP_DET", "propagate_dq": True}


@cache
def campaign() -> list[xr.Dataset]:
    """Return exposures that differ in every fact; tests must not change them."""
    return [
        make_exposure(
            *(k, SHAPE), level=0.5 * k, subtracted=k == 2, instrument="ACS", detector=f"D{k}",
            date=f"2024-0{k + 1}-01", photflam=1e-19,
        )
        for k in range(4)
    ]  # fmt: skip


@cache
def stack() -> xr.Dataset:
    """Return the stack of the campaign."""
    return xrs.concat(campaign())


@cache
def whole() -> xr.Dataset:
    """Return the mosaic of the separate exposures."""
    return xrs.coadd(campaign(), GRID, **OPTIONS)


def coadded(exposures: Any, **more: Any) -> xr.Dataset:
    """Return the mosaic of exposures, in memory."""
    return xrs.coadd(exposures, GRID, **OPTIONS, **more).compute()


def assert_whole(mosaic: xr.Dataset) -> None:
    """Fail unless a mosaic equals the mosaic of the separate exposures, bit for bit."""
    assert_same_bits(mosaic, whole())
    assert_same_attrs(mosaic.attrs, whole().attrs)


def test_the_variables_and_coordinates_of_a_stack() -> None:
    made = stack()
    assert dict(made.sizes) == {"exposure": 4, "y": SHAPE[0], "x": SHAPE[1]}
    assert made.attrs == {}
    assert list(made["exposure"].values) == [e.attrs["exposure"] for e in campaign()]
    for name in ("level", "subtracted", "filename", "exposure_time", "date", "photflam", "wcs"):
        assert made[name].dims == ("exposure",)
    assert list(made["level"].values) == [0.0, 0.5, 1.0, 1.5]
    assert made["duration"].attrs == {"long_name": "duration of the exposure", "units": "s"}
    assert made["data"].attrs["units"] == "MJy/sr"
    assert made["dq"].attrs["flag_meanings"].split() == list(FLAGS)
    assert made["dq"].dtype == np.uint32
    assert not made.resample.is_mosaic


WAYS: dict[str, Callable[[xr.Dataset], Any]] = {
    "coadd": coadded,
    "lazy": lambda made: coadded(made, chunks=20),
    "dask": lambda made: coadded(made.chunk(exposure=1, y=5, x=7), chunks=20),
    "dask, eager": lambda made: coadded(made.chunk(exposure=3, y=5)),
    "add": lambda made: xrs.empty_mosaic(GRID, **OPTIONS).resample.add(made),
    "add to two": lambda made: coadded(campaign()[:2]).resample.add(made[{"exposure": [2, 3]}]),
    "start": lambda made: made.resample.add(output_wcs=GRID, **OPTIONS),
    "isel": lambda made: coadded([made.isel(exposure=k) for k in range(4)]),
    "sel": lambda made: coadded([made.sel(exposure=str(k)) for k in made["exposure"].values]),
    "groupby": lambda made: coadded([part for _, part in made.groupby("group_id")]),
    "generator": lambda made: coadded(part for _, part in made.groupby("group_id")),
    "where": lambda made: coadded(made.where(made["level"] < 9)),
    "where, dropped": lambda made: coadded(made.where(made["level"] < 9, drop=True)),
    "where, dask": lambda made: coadded(made.chunk(y=5).where(made["level"] < 9), chunks=20),
    "condition": lambda made: coadded(made.sel(exposure=made["level"] < 9)),
    "sorted": lambda made: coadded(made.sortby("level", ascending=False).sortby("level")),
    "mixed": lambda made: coadded([made.isel(exposure=slice(0, 3)), campaign()[3]]),
    "again": lambda made: coadded(xrs.concat([made.isel(exposure=[0, 1]), *campaign()[2:]])),
    "xr.concat": lambda made: coadded(
        xr.concat([made.isel(exposure=[0]), made.isel(exposure=[1, 2, 3])], "exposure",
                  data_vars="minimal", coords="minimal", compat="override", join="override")),
    "times 1": lambda made: coadded((made * 1).assign(
        {n: made[n] for n in ("data", "dq")})),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_mosaic_of_a_stack_is_that_of_the_exposures(way: str) -> None:
    before = checksum(stack())
    assert_whole(WAYS[way](stack()))
    assert checksum(stack()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.isel(x=slice(1, None, 2)),
        lambda e: e.isel(y=slice(None, None, -1)),
        lambda e: e.drop_vars("dq").coarsen(y=2, x=2).mean(),
    ],
    ids=["step", "flip", "coarsen"],
)
def test_a_stack_of_other_pixels(change: Any) -> None:
    expected = coadded([change(exposure) for exposure in campaign()])
    assert_same_bits(coadded(change(stack())), expected)
    assert_same_bits(coadded(xrs.concat([change(exposure) for exposure in campaign()])), expected)


def test_a_stack_written_to_zarr(tmp_path: Path) -> None:
    mosaic = xrs.coadd_to_zarr(stack(), GRID, tmp_path / "m.zarr", chunks=32, **OPTIONS)
    assert_same_bits(mosaic.compute(), whole())


@pytest.mark.parametrize("chunks", [None, {}])
def test_a_stack_survives_netcdf(tmp_path: Path, chunks: Any) -> None:
    stack().to_netcdf(tmp_path / "stack.nc")
    with xr.open_dataset(tmp_path / "stack.nc", chunks=chunks) as opened:
        assert_whole(coadded(opened))
        assert_whole(coadded(opened, chunks=20))
        assert_same_bits(
            opened.isel(exposure=2).resample.onto(GRID), campaign()[2].resample.onto(GRID)
        )


def test_grids_plans_and_pictures_take_a_stack() -> None:
    assert repr(xrs.fit_wcs(stack())) == repr(xrs.fit_wcs(campaign()))
    assert repr(xrs.plan(stack(), GRID, chunks=20)) == repr(xrs.plan(campaign(), GRID, chunks=20))
    ax = xrs.plot_footprints(stack())
    assert [line.get_label() for line in ax.lines] == [e.attrs["filename"] for e in campaign()]


@pytest.mark.parametrize("change", [{}, {"y": slice(3, 12), "x": slice(2, None)}])
def test_an_exposure_of_a_stack_is_an_exposure(change: Any) -> None:
    for k, exposure in enumerate(campaign()):
        part, expected = stack().isel(exposure=k, **change), exposure.isel(change)
        np.testing.assert_array_equal(part.resample.footprint(), expected.resample.footprint())
        assert_same_bits(
            part.resample.onto(GRID, weight_type="exptime"),
            expected.resample.onto(GRID, weight_type="exptime"),
        )


@pytest.mark.parametrize(
    "use",
    [
        lambda made: made.resample.onto(GRID),
        lambda made: made.resample.weight_map(),
        lambda made: made.resample.footprint(),
        lambda made: made.resample.wcs,
        lambda made: made.resample.pixmap(GRID),
        lambda made: xrs.coadd(campaign(), made),
        lambda made: xrs.Resample(GRID).add_model(made),
    ],
)
def test_methods_of_one_exposure_refuse_a_stack(use: Any) -> None:
    with pytest.raises(xrs.XResampleError, match=r"\.isel\(exposure="):
        use(stack())


def test_lazy_exposures_stay_lazy(tmp_path: Path) -> None:
    paths = []
    for k in range(3):
        files.jwst(tmp_path / f"{k}_cal.fits", seed=k)
        paths.append(tmp_path / f"{k}_cal.fits")
    exposures = xrs.open_exposures(paths, chunks={})
    made = xrs.concat(exposures)
    assert made["data"].chunks is not None
    grid = xrs.fit_wcs(exposures)
    assert_same_bits(xrs.coadd(made, grid), xrs.coadd(xrs.open_exposures(paths), grid))


DIFFERENT: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], str]] = {
    "shape": (lambda e: e.isel(x=slice(0, 5)), r"shape must be \(14, 16\), got \(14, 5\)"),
    "origin": (lambda e: e.assign_coords(x=e["x"] + 4), "x must go from 0 to 15, got 4 to 19"),
    "step": (lambda e: e.assign_coords(y=2 * e["y"]), "y must go from 0 to 13, got 0 to 26"),
    "variables": (lambda e: e.drop_vars("dq"), "only one of them has the variables dq"),
    "type": (lambda e: e.assign(err=e["err"].astype("f8")), "err must have type float32, got f"),
    "wcs": (lambda e: e.drop_vars("wcs"), "either all exposures must have a WCS, or none"),
    "units": (
        lambda e: e.assign(data=e["data"].assign_attrs(units="DN/s")),
        r"data must have units \['MJy/sr'\], got \['DN/s'\]",
    ),
    "flags": (
        lambda e: e.assign(dq=e["dq"].assign_attrs(flag_masks=[1, 2], flag_meanings="A B")),
        "dq must have flag_masks",
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_different_exposures_are_refused(case: str) -> None:
    change, message = DIFFERENT[case]
    with pytest.raises(xrs.InvalidExposureError, match=message) as caught:
        xrs.concat([*campaign()[:2], change(campaign()[2])])
    assert "exposure_2.fits: " in str(caught.value)
    assert "exposure_0.fits:\n" in str(caught.value)


def test_what_is_no_exposure_is_refused() -> None:
    with pytest.raises(xrs.InvalidInputError, match="at least one exposure"):
        xrs.concat([])
    with pytest.raises(xrs.InvalidInputError, match="use merge"):
        xrs.concat([whole()])
    with pytest.raises(xrs.InvalidExposureError, match="data is missing"):
        xrs.concat([campaign()[0].drop_vars("data")])
    with pytest.raises(xrs.InvalidExposureError, match="belong to the exposure"):
        xrs.concat([campaign()[0].assign_attrs(campaign()[1].attrs)])


def test_flags_that_are_no_integers_are_refused() -> None:
    with xr.set_options(keep_attrs=True):
        odd = stack().assign(dq=stack()["dq"] + 0.5)
    for given in (odd, odd.chunk(y=5)):
        with pytest.raises(xrs.InvalidInputError, match="dq must hold flags"):
            coadded(given)


def test_a_stack_made_by_hand() -> None:
    """Facts along ``exposure`` need neither attributes nor an identity."""
    data = np.stack([e["data"].values for e in campaign()])
    attrs = {"units": "MJy/sr"}
    planes = {"data": (("exposure", "y", "x"), data, attrs)}
    facts = {n: ("exposure", [e.attrs[n] for e in campaign()]) for n in ("level", "exposure_time")}
    wcs = ("exposure", [e["wcs"].item() for e in campaign()])
    made = xr.Dataset(planes, {"exposure": [10, 11, 12, 13], "wcs": wcs, **facts})
    single = [
        xrs.make_exposure(e["data"].values, e["wcs"].item(), units="MJy/sr",
                          level=e.attrs["level"], exposure_time=e.attrs["exposure_time"])
        for e in campaign()
    ]  # fmt: skip
    # The exposures of the stack have names of their own, so their fingerprints differ.
    expected = xrs.coadd(single, GRID, weight_type="exptime").drop_vars("fingerprint")
    for given in (made, made.drop_vars("exposure")):
        mosaic = xrs.coadd(given, GRID, weight_type="exptime")
        assert_same_bits(mosaic.drop_vars("fingerprint"), expected)


def test_sky_coordinates_are_left_out() -> None:
    made = xrs.concat([exposure.resample.with_sky() for exposure in campaign()])
    assert_same_bits(made, stack())


def test_further_attributes_and_coordinates() -> None:
    def with_more(k: int, exposure: xr.Dataset) -> xr.Dataset:
        more = {"observer": "x", "seeing": 0.5 + k, "note": f"n{k}", "box": [k, 1], "visit": k}
        return exposure.assign_attrs(more).assign_coords(roll=float(k), run=1)

    made = xrs.concat([with_more(k, exposure) for k, exposure in enumerate(campaign())])
    assert made.attrs == {"observer": "x"}
    assert list(made["seeing"].values) == [0.5, 1.5, 2.5, 3.5]
    assert made["visit"].dtype == np.int64
    assert list(made["note"].values) == ["n0", "n1", "n2", "n3"]
    assert list(made["roll"].values) == [0.0, 1.0, 2.0, 3.0]
    assert made["run"].shape == ()
    assert_whole(coadded(made))


def test_a_stack_of_co_added_images_is_no_mosaic(tmp_path: Path) -> None:
    """Files of mosaics have weights, as mosaics do."""
    images = []
    for k in range(2):
        campaign()[k].resample.onto(GRID).resample.to_fits(tmp_path / f"{k}.fits")
        image = xr.open_dataset(tmp_path / f"{k}.fits")
        images.append(image.assign(wht=image["data"] * 0 + 1))
    made = xrs.concat(images)
    assert not made.resample.is_mosaic
    assert_same_bits(xrs.coadd(made, GRID), xrs.coadd(images, GRID))
