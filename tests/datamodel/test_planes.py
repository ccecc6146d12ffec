"""The planes of a mosaic follow from the table: a new plane is a new row, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures, output_grid
from xresample.datamodel import schema
from xresample.datamodel.options import Options
from xresample.datamodel.planes import Layout
from xresample.datamodel.schema import PlaneRow, Rule

SHAPE = (20, 22)
GRID = output_grid(SHAPE)
NOISE = PlaneRow(
    "noise", schema.PIXELS, "f", "noise realisation", 1,
    rule=Rule.MEAN, identity=None, source="realisation",
)  # fmt: skip


def half(values: np.ndarray) -> np.ndarray:
    """Return half of the values, as a producer of samples."""
    return values * np.float32(0.5)


@pytest.fixture(params=[None, half], ids=["variable", "function"])
def exposures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[xr.Dataset]:
    """Return exposures with a further variable, and add a row for it to the table."""
    row = PlaneRow(**{**vars(NOISE), "produce": request.param})
    monkeypatch.setattr(schema, "MOSAIC", (*schema.MOSAIC, row))
    made = make_exposures(4, SHAPE)
    for k, exposure in enumerate(made):
        values = np.random.default_rng(k).normal(0, 1, SHAPE).astype(np.float32)
        scale = np.float32(1.0 if request.param is None else 2.0)
        made[k] = exposure.assign(realisation=(("y", "x"), scale * values))
    return made


def expected(exposures: list[xr.Dataset], **options: Any) -> np.ndarray:
    """Return the noise plane by co-adding the noise in place of the data."""
    scale = 1.0 if schema.MOSAIC[-1].produce is None else np.float32(0.5)
    replaced = [
        exposure.assign(data=(exposure["realisation"] * scale).assign_attrs(units="MJy/sr"))
        for exposure in exposures
    ]
    return np.asarray(xrs.coadd(replaced, GRID, **options)["data"])


@pytest.mark.parametrize("method", ["resampled", "propagated"])
def test_a_new_plane_is_a_new_row(exposures: list[xr.Dataset], method: Any) -> None:
    options = {"variance_method": method, "compute_err": "driz_err", "fillval": "nan"}
    mosaic = xrs.coadd(exposures, GRID, **options)
    np.testing.assert_array_equal(mosaic["noise"], expected(exposures, **options))
    assert mosaic["noise"].attrs == {"long_name": "noise realisation", "units": "MJy/sr"}
    added = xrs.coadd(exposures[:2], GRID, **options).resample.add(exposures[2:])
    assert_same_bits(added, mosaic)


def test_a_new_plane_merges(exposures: list[xr.Dataset]) -> None:
    mosaic = xrs.coadd(exposures, GRID)
    merged = xrs.merge(xrs.coadd(exposures[:2], GRID), xrs.coadd(exposures[2:], GRID))
    np.testing.assert_allclose(merged["noise"], mosaic["noise"], rtol=1e-5, atol=1e-6)


def test_a_new_plane_in_tiles_and_files(exposures: list[xr.Dataset], tmp_path: Path) -> None:
    mosaic = xrs.coadd(exposures, GRID)
    assert_same_bits(xrs.coadd(exposures, GRID, chunks=25).compute(), mosaic)
    stored = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "m.zarr", chunks=25)
    np.testing.assert_array_equal(stored["noise"], mosaic["noise"])
    xrs.coadd(exposures[:3], GRID).to_netcdf(tmp_path / "m.nc")
    with xr.open_dataset(tmp_path / "m.nc") as opened:
        again = opened.resample.add(exposures[3])
    np.testing.assert_array_equal(again["noise"], mosaic["noise"])
    mosaic.resample.to_fits(tmp_path / "m.fits")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "m.fits", "NOISE"), mosaic["noise"])


def test_planes_that_no_option_asks_for() -> None:
    options = Options(enable_ctx=False, propagate_dq=False, compute_err=None)
    assert tuple(Layout.of(options, ("var_a",)).planes) == ("data", "wht", "var_a", "var_a_wht")
    options = Options(compute_err="from_var", propagate_dq=True, variance_method="propagated")
    layout = Layout.of(options, ("var_a",))
    assert tuple(layout.planes) == ("data", "err", "wht", "con", "dq", "var_a")
    assert layout.names == ("wht", "data", "var_a")
    assert layout.by_rule(Rule.DERIVED) == ("err",)
    assert layout.shape("con", (3, 4), 33) == (2, 3, 4)
    assert layout.pixel_bytes(options, 33) == 4 * 4 + 2 * 4 + 4
