"""Provenance: the rows of the exposures in a mosaic, and the totals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.time import Time

import xresample as xrs
from tests.support.exposures import (
    assert_same_bits,
    make_attrs,
    make_exposure,
    make_exposures,
    make_wcs,
    output_grid,
)
from xresample.datamodel import provenance, schema

SHAPE = (12, 14)
GRID = output_grid(SHAPE)


def test_rows_follow_the_order_of_the_exposures() -> None:
    mosaic = xrs.coadd(make_exposures(4, SHAPE), GRID)
    for k in range(4):
        row = mosaic.isel(exposure=k)
        for name, value in make_attrs(k).items():
            if name in mosaic:
                assert row[name].item() == value, name


@pytest.mark.parametrize(
    "change",
    [
        lambda mosaic: mosaic.where(mosaic["wht"] > 0),
        lambda mosaic: mosaic * 2,
        np.isfinite,
        lambda mosaic: mosaic.astype("f8"),
        lambda mosaic: mosaic.clip(0, 1),
        lambda mosaic: mosaic.coarsen(y=2, x=2, boundary="trim").mean(),
        lambda mosaic: mosaic.fillna(0.0),
        lambda mosaic: mosaic.mean("x"),
    ],
    ids=["where", "times", "isfinite", "astype", "clip", "coarsen", "fillna", "mean"],
)
def test_arithmetic_does_not_change_the_provenance(change: Any) -> None:
    mosaic = xrs.coadd(make_exposures(3, SHAPE), GRID)
    changed = change(mosaic)
    assert "filename" not in changed.data_vars
    for name in ("exposure", "filename", "exposure_time"):
        np.testing.assert_array_equal(changed[name], mosaic[name])


def covering_halves() -> xr.Dataset:
    """Return a mosaic of two exposures; only the second one contributes to the right half."""
    wcs = make_wcs(0, SHAPE, distortion=0.0)
    left = make_exposure(0, SHAPE, wcs, filename="left.fits")
    left["dq"].values[:] = 0
    left["dq"].values[:, SHAPE[1] // 2 :] = 1
    both = make_exposure(0, SHAPE, wcs, filename="both.fits")
    both["dq"].values[:] = 0
    return xrs.coadd([left, both], both)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda mosaic: mosaic, ["both.fits"]),
        (lambda mosaic: mosaic.isel(exposure=[1, 0]), ["both.fits"]),
        (lambda mosaic: mosaic.sortby("filename"), ["both.fits"]),
        (lambda mosaic: mosaic.isel(exposure=[1]), ["both.fits"]),
        (lambda mosaic: mosaic.isel(exposure=[0]), []),
    ],
)
def test_names_and_bits_stay_together(change: Any, expected: list[str]) -> None:
    changed = change(covering_halves())
    x, y = SHAPE[1] - 3, SHAPE[0] // 2
    found = changed.resample.contributors(x=x, y=y)
    assert list(found["filename"].values) == expected
    decoded = changed.resample.decode_context().sel(y=y, x=x)
    assert list(decoded["filename"].values[decoded.values]) == expected


def test_contributors_refuses_more_than_one_pixel() -> None:
    for x in ([1, 2], slice(0, 2), np.array([1])):
        with pytest.raises(xrs.InvalidInputError, match=r"x must be a finite number, got"):
            covering_halves().resample.contributors(x=x, y=3)


def test_adding_to_reordered_exposures_restores_the_order_of_bits() -> None:
    exposures = make_exposures(4, SHAPE)
    whole = xrs.coadd(exposures, GRID)
    reordered = xrs.coadd(exposures[:3], GRID).isel(exposure=[2, 0, 1])
    assert_same_bits(reordered.resample.add(exposures[3]), whole)


@pytest.mark.parametrize("rows", [[0], [1, 2], [0, 1], []])
def test_a_selection_of_exposures_cannot_be_added_to(rows: list[int]) -> None:
    exposures = make_exposures(4, SHAPE)
    part = xrs.coadd(exposures[:3], GRID).isel(exposure=rows)
    with pytest.raises(xrs.InvalidInputError, match="rows of all its 3 exposures"):
        part.resample.add(exposures[3])


def test_a_mosaic_without_context_planes_cannot_be_added_to() -> None:
    exposures = make_exposures(2, SHAPE)
    part = xrs.coadd(exposures[:1], GRID).isel(plane=slice(0, 0))
    with pytest.raises(xrs.InvalidInputError, match="con must have 1 planes, got 0"):
        part.resample.add(exposures[1])


LOSSES: dict[str, Any] = {
    "drop_attrs": lambda mosaic: mosaic.drop_attrs(deep=False),
    "rebuilt": lambda mosaic: xr.Dataset(dict(mosaic.data_vars), mosaic.coords),
    "joined": lambda mosaic: xr.concat(
        [mosaic.isel(x=slice(0, 20)), mosaic.isel(x=slice(20, None))],
        "x",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        combine_attrs="drop",
    ),
    "conflicts": lambda mosaic: xr.merge(
        [mosaic, xr.Dataset(attrs={"kernel": "square"})], combine_attrs="drop_conflicts"
    ),
}
"""Operations of xarray that lose attributes of a mosaic."""


@pytest.mark.parametrize("lose", LOSSES)
def test_a_mosaic_that_lost_its_options_cannot_be_continued(lose: str) -> None:
    """The defaults would be other options than those of the exposures before."""
    options: dict[str, Any] = {"kernel": "turbo", "pixfrac": 0.5, "weight_type": "exptime"}
    exposures = make_exposures(3, SHAPE)
    before = xrs.coadd(exposures[:2], GRID, **options)
    lost = LOSSES[lose](before)
    for refused in (
        lambda: lost.resample.add(exposures[2]),
        lambda: lost.resample.merge(lost),
        lambda: lost.resample.drop(0, exposures=exposures[1:2]),
        lambda: lost.resample.noise_factor(),
    ):
        with pytest.raises(xrs.InvalidInputError, match=r"kernel.* been lost: restore"):
            refused()
    restored = lost.assign_attrs(before.attrs).resample.add(exposures[2])
    assert_same_bits(restored, xrs.coadd(exposures, GRID, **options))


def test_mosaics_of_earlier_versions_can_be_added_to() -> None:
    """Earlier versions kept the provenance as data variables, without a coordinate ``exposure``."""
    exposures = make_exposures(3, SHAPE)
    whole = xrs.coadd(exposures, GRID)
    names = [row.name for row in schema.PROVENANCE]
    old = xrs.coadd(exposures[:2], GRID).drop_vars("exposure").reset_coords(names)
    del old.attrs["n_exposures"]
    assert "filename" in old.data_vars
    assert_same_bits(old.resample.add(exposures[2]), whole)


def test_without_a_group_each_exposure_is_a_group() -> None:
    exposures = make_exposures(3, SHAPE, group_id="", filename="img_001.fits")
    attrs = xrs.coadd(exposures, GRID).attrs
    assert attrs["pointings"] == 3
    assert attrs["exposure_time"] == 100 + 100 + 101
    assert attrs["group_ids"] == ["img_001.fits", "img_001.fits (2)", "img_001.fits (3)"]


def test_times_count_once_per_group() -> None:
    exposures = make_exposures(5, SHAPE)
    attrs = xrs.coadd(exposures, GRID).attrs
    assert attrs["pointings"] == 3
    assert attrs["group_ids"] == ["group_0", "group_1", "group_2"]
    assert attrs["exposure_time"] == 100 + 101 + 102
    assert attrs["measurement_time"] == 90 + 91 + 92
    assert attrs["duration"] == attrs["elapsed_exposure_time"] == 120 + 121 + 122
    assert attrs["start_time"] == 60000.0
    assert attrs["end_time"] == pytest.approx(60000.045)


def test_the_start_is_the_minimum_for_any_order() -> None:
    exposures = make_exposures(6, SHAPE)[::-2]
    attrs = xrs.coadd(exposures, GRID).attrs
    assert attrs["start_time"] == min(e.attrs["start_time"] for e in exposures)
    assert attrs["end_time"] == max(e.attrs["end_time"] for e in exposures)


def test_a_group_may_be_added_in_parts() -> None:
    a, b, c = (make_exposure(k, SHAPE, group_id=g) for k, g in ((0, "g"), (1, "h"), (2, "g")))
    mosaic = xrs.coadd([a, b], GRID).resample.add(c)
    assert mosaic.attrs["pointings"] == 2
    assert mosaic.attrs["exposure_time"] == 200.0
    assert mosaic.attrs["group_ids"] == ["g", "h"]


def test_exposures_without_group_are_separate_groups() -> None:
    exposures = make_exposures(3, SHAPE, group_id=None)
    assert xrs.coadd(exposures, GRID).attrs["pointings"] == 3
    nameless = make_exposures(3, SHAPE, group_id=None, filename=None)
    mosaic = xrs.coadd(nameless, GRID)
    assert mosaic.attrs["pointings"] == 3
    assert mosaic.attrs["exposure_time"] == 301.0


def test_a_group_without_measurement_time_removes_the_total() -> None:
    exposures = make_exposures(4, SHAPE)
    exposures[2] = make_exposure(2, SHAPE, measurement_time=None)
    attrs = xrs.coadd(exposures, GRID).attrs
    assert "measurement_time" not in attrs
    assert attrs["exposure_time"] == 201.0
    # The first exposure of a group gives the time, so the second may lack a measurement time.
    exposures = make_exposures(3, SHAPE)
    exposures[1] = make_exposure(1, SHAPE, measurement_time=None)
    assert xrs.coadd(exposures, GRID).attrs["measurement_time"] == 181.0


def test_totals_of_exposures_without_times() -> None:
    exposure = xrs.make_exposure(np.ones(SHAPE), make_exposure(0, SHAPE).resample.wcs)
    attrs = xrs.coadd(exposure, GRID, weight_type=None).attrs
    for name in ("exposure_time", "duration", "measurement_time", "start_time", "end_time"):
        assert name not in attrs
    for value in attrs.values():
        assert value is not None


@pytest.mark.parametrize("make", [Time, lambda mjd, format: Time(mjd, format=format).isot])
def test_astropy_times_become_mjd(make: Any) -> None:
    """A time as text is an error."""
    start = make(60123.25, format="mjd")
    if isinstance(start, str):
        with pytest.raises(xrs.InvalidExposureError, match="attribute"):
            make_exposure(0, SHAPE, start_time=start)
        return
    mosaic = make_exposure(0, SHAPE, start_time=start).resample.onto(GRID)
    assert mosaic.attrs["start_time"] == 60123.25


def test_pixel_areas_in_attributes() -> None:
    attrs = xrs.coadd(make_exposures(1, SHAPE), GRID).attrs
    assert attrs["pixel_scale"] == pytest.approx(0.08, rel=1e-6)
    assert attrs["pixelarea_arcsecsq"] == pytest.approx(0.0064, rel=1e-6)
    arcsec = np.deg2rad(1 / 3600)
    assert attrs["pixelarea_steradians"] == pytest.approx(0.0064 * arcsec**2, rel=1e-6)


def random_rows(count: int, seed: int) -> list[provenance.Row]:
    """Return rows; some have no group, no time or no filter."""
    rng = np.random.default_rng(seed)
    return [
        {
            "filename": f"{'long' * (k % 3)}{k % 5}.fits" if rng.random() < 0.8 else "",
            "group_id": str(rng.choice(["", "a", "bb"])),
            "exposure_time": float(rng.choice([np.nan, 1.5, 10.0])),
            "start_time": float(rng.choice([np.nan, 60000.0 + k])),
            "filter": str(rng.choice(["F1", "F1", ""])),
            "date": str(rng.choice(["", "2026-01-02", "2025-03-04"])),
            "fingerprint": f"{k:03x}",
        }
        for k in range(count)
    ]


@pytest.mark.parametrize(("count", "more"), [(0, 0), (0, 3), (4, 0), (5, 7)])
def test_arrays_of_rows_are_the_rows(count: int, more: int) -> None:
    rows = random_rows(count + more, 3)
    held = provenance.Rows.of(rows[:count]).joined(provenance.Rows.of([]))
    for row in rows[count:]:
        held.append(row)
    assert len(held) == count + more
    listed, coords = provenance.Rows.of(rows), provenance.coordinates(held)
    for name, expected in provenance.coordinates(rows).items():
        assert coords[name].identical(expected)
        assert coords[name].dtype == expected.dtype
    for entry in schema.PROVENANCE:
        values = [row.get(entry.name, entry.default) for row in rows]
        np.testing.assert_array_equal(held.column(entry), np.array(values, type(entry.default)))
        np.testing.assert_array_equal(listed.column(entry), held.column(entry))
    for k, row in enumerate(rows):
        np.testing.assert_equal({name: held[k][name] for name in row}, row)
    np.testing.assert_equal(
        [row["filename"] for row in held[1:3]], [r["filename"] for r in rows[1:3]]
    )
    assert provenance.fingerprints(held) == {row["fingerprint"] for row in rows}
    np.testing.assert_equal(provenance.totals(held), provenance.totals(rows))


def test_totals_of_many_rows_follow_from_each_row() -> None:
    rows = random_rows(40, 5)
    groups: dict[str, Any] = {}
    for k, row in enumerate(rows):
        name = row["group_id"] or provenance.unused_name(row["filename"] or f"exposure {k}", groups)
        groups.setdefault(name, row)
    totals = provenance.totals(rows)
    assert totals["group_ids"] == list(groups)
    assert totals["pointings"] == len(groups)
    times = [row["exposure_time"] for row in groups.values()]
    assert totals["exposure_time"] == sum(time for time in times if not np.isnan(time))
    assert totals["date"] == "2025-03-04"
    assert "filter" not in totals
    known = {"filter": "F1", "instrument": "NIRCam"}
    other = [{**rows[0], "filter": "F2"}]
    assert provenance.watched(known, rows) == known
    assert provenance.watched(known, other) == {"filter": None, "instrument": "NIRCam"}
