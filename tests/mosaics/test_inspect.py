"""Reports of the accessor on exposures and mosaics: maps, weights and contributors."""

from __future__ import annotations

import numpy as np
import pytest

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    VARIANCES,
    assert_same_bits,
    checksum,
    make_exposure,
    make_exposures,
    make_wcs,
    output_grid,
)

SHAPE = (16, 20)
GRID = output_grid(SHAPE)


def test_pixmap_matches_the_wcs() -> None:
    exposure = make_exposure(1, SHAPE)
    pixmap = exposure.resample.pixmap(GRID, pixmap_stepsize=1)
    assert pixmap.dims == ("y", "x", "axis")
    assert pixmap["axis"].values.tolist() == ["x", "y"]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    world = exposure.resample.wcs.pixel_to_world_values(x, y)
    expected = np.stack(GRID.world_to_pixel_values(*world), axis=-1)
    np.testing.assert_allclose(pixmap, expected, atol=1e-7)
    default = exposure.resample.pixmap(GRID)
    np.testing.assert_allclose(default, expected, atol=1e-6)
    given = xrs.empty_mosaic(GRID).resample.add(exposure, pixmap=default)
    assert_same_bits(given, exposure.resample.onto(GRID))


def test_weight_map_of_each_type() -> None:
    exposure = make_exposure(1, SHAPE)
    good = exposure["dq"].values == 0
    jumps = (exposure["dq"].values & ~np.uint32(FLAGS["JUMP_DET"])) == 0
    with np.errstate(divide="ignore"):
        inverse = (1 / exposure["var_rnoise"]).values
    weights = exposure.resample.weight_map
    np.testing.assert_array_equal(weights(), np.where(good, inverse, 0))
    np.testing.assert_array_equal(weights("exptime", good_bits=4), np.where(jumps, 90.0, 0))
    np.testing.assert_array_equal(weights(None, good_bits="JUMP_DET"), jumps)
    np.testing.assert_array_equal(weights(None, good_bits="Q", flag_map={"Q": 4}), jumps)
    np.testing.assert_array_equal(weights(None, good_bits=None), 1)
    assert weights().dims == ("y", "x")
    with pytest.warns(xrs.MissingVarianceWarning, match="var_sky"):
        exposure.drop_vars("var_sky").resample.weight_map("ivm-sky")


def test_pixel_area_and_footprint() -> None:
    exposure = make_exposure(1, SHAPE, make_wcs(1, SHAPE, distortion=0.0))
    nominal = np.deg2rad(0.1 / 3600) ** 2
    assert exposure.resample.pixel_area == pytest.approx(nominal, rel=1e-6)
    outline = exposure.resample.footprint()
    assert outline.shape[1] == 2
    x, y = exposure.resample.wcs.invert(*outline.T, with_bounding_box=False)
    assert {-0.5, 15.5} <= set(np.round(y, 6))
    part = exposure.isel(x=slice(5, 10)).resample.footprint()
    x, _ = exposure.resample.wcs.invert(*part.T, with_bounding_box=False)
    assert x.min() == pytest.approx(4.5, abs=1e-6)
    assert x.max() == pytest.approx(9.5, abs=1e-6)
    mosaic = exposure.resample.onto(GRID)
    assert mosaic.resample.pixel_area == pytest.approx(0.64 * nominal, rel=1e-6)


def test_contributors_and_context() -> None:
    exposures = make_exposures(3, SHAPE)
    mosaic = xrs.coadd(exposures, GRID)
    contributes = mosaic.resample.decode_context()
    assert contributes.dims == ("exposure", "y", "x")
    for k, exposure in enumerate(exposures):
        alone = exposure.resample.onto(GRID)["wht"] > 0
        np.testing.assert_array_equal(contributes[k], alone)
    x, y = 22, 21
    rows = mosaic.resample.contributors(x=x, y=y)
    assert rows["exposure"].values.tolist() == np.flatnonzero(contributes[:, y, x]).tolist()
    assert rows["filename"].values.tolist() == [
        exposures[k].attrs["filename"] for k in rows["exposure"].values
    ]
    cutout = mosaic.isel(x=slice(10, 30), y=slice(15, 30))
    assert_same_bits(cutout.resample.contributors(x=x, y=y), rows)
    with pytest.raises(KeyError):
        mosaic.resample.contributors(x=1000, y=0)
    assert mosaic.resample.contributors(x=0, y=0).sizes["exposure"] == 0
    without = exposures[0].resample.onto(GRID, enable_ctx=False)
    with pytest.raises(xrs.InvalidInputError, match="con"):
        without.resample.decode_context()
    with pytest.raises(xrs.InvalidInputError, match="mosaic"):
        exposures[0].resample.decode_context()


def test_filled_replaces_empty_pixels() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, compute_err="driz_err", fillval="nan")
    before = checksum(mosaic)
    filled = mosaic.resample.filled(-9.0)
    empty = mosaic["wht"].values == 0
    for name in ("data", "err"):
        np.testing.assert_array_equal(filled[name].values[empty], -9.0)
        np.testing.assert_array_equal(filled[name].values[~empty], mosaic[name].values[~empty])
        assert filled[name].dtype == np.float32
        assert filled[name].attrs == mosaic[name].attrs
    assert checksum(mosaic) == before
    exposure = make_exposure(2, SHAPE)
    more, expected = (m.resample.add(exposure) for m in (filled, mosaic))
    assert_same_bits(more.resample.filled(0.0), expected.resample.filled(0.0))


def test_err_adds_variances() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), GRID, compute_err="from_var")
    err = mosaic.resample.err()
    np.testing.assert_allclose(err, mosaic["err"], rtol=1e-6)
    assert err.attrs["units"] == "MJy/sr"
    two = mosaic.resample.err(["var_flat", "var_rnoise"])
    expected = np.sqrt(mosaic["var_flat"] + mosaic["var_rnoise"])
    np.testing.assert_allclose(two, expected, rtol=1e-6)
    exposure = make_exposure(0, SHAPE)
    total = sum(exposure[name] for name in (*VARIANCES, "var_sky"))
    np.testing.assert_allclose(exposure.resample.err(), np.sqrt(total), rtol=1e-6)
    with pytest.raises(xrs.InvalidInputError, match="var_none"):
        mosaic.resample.err(["var_none"])
    with pytest.raises(xrs.InvalidInputError, match="at least one variance"):
        exposure[["data"]].resample.err()
