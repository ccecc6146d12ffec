"""Further planes: any variables of the exposures, with the weights of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import assert_same_bits, make_exposures, output_grid

GRID = output_grid()


def with_planes(n: int = 3, units: str | None = "MJy/sr") -> list[xr.Dataset]:
    """Return exposures with noise and with a mask of sources."""
    found = []
    for k, exposure in enumerate(make_exposures(n)):
        rng = np.random.default_rng(k)
        noise = rng.normal(size=exposure["data"].shape).astype(np.float32)
        attrs = {} if units is None else {"units": units}
        planes = {"noise": (("y", "x"), noise, attrs), "mask": (("y", "x"), noise > 1)}
        found.append(exposure.assign(planes))
    return found


def as_data(exposure: xr.Dataset, name: str) -> xr.Dataset:
    """Return an exposure whose data are another plane."""
    plane = exposure[name].astype(np.float32)
    return exposure.assign(data=plane.assign_attrs(exposure["data"].attrs))


@given(
    st.sampled_from(["square", "turbo", "gaussian", "lanczos3", "point"]),
    st.sampled_from(["resampled", "propagated"]),
    st.sampled_from([None, 37]),
)
@settings(max_examples=8)
def test_a_plane_has_the_bits_of_data_with_the_same_weights(
    kernel: Any, method: Any, chunks: Any
) -> None:
    options: dict[str, Any] = {"kernel": kernel, "pixfrac": 0.8, "variance_method": method}
    exposures = with_planes()
    plain = xrs.coadd(exposures, GRID, **options)
    mosaic = xrs.coadd(exposures, GRID, planes=("noise", "mask"), chunks=chunks, **options).load()
    assert_same_bits(mosaic, plain, list(map(str, plain.data_vars)))
    for name in ("noise", "mask"):
        alone = xrs.coadd([as_data(e, name) for e in exposures], GRID, **options)
        np.testing.assert_array_equal(mosaic[name].values, alone["data"].values)


def test_planes_survive_saving_adding_merging_and_filling(tmp_path: Path) -> None:
    first, *others = with_planes()
    whole = xrs.coadd([first, *others], GRID, planes=["noise"], fillval="nan")
    start = xrs.coadd([first], GRID, planes=["noise"], fillval="nan")
    start.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as saved:
        assert_same_bits(saved.resample.add(*others), whole)
    merged = start.resample.merge(xrs.coadd(others, GRID, planes=["noise"], fillval="nan"))
    np.testing.assert_allclose(merged["noise"], whole["noise"], rtol=1e-4, atol=1e-6)
    assert not np.isnan(whole.resample.filled(0.0)["noise"]).any()
    whole.resample.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        np.testing.assert_array_equal(hdus["NOISE"].data, whole["noise"].values)


def test_only_planes_with_the_units_of_data_are_scaled() -> None:
    flux = {"conserve": "flux", "planes": ("noise",)}
    like_data = xrs.coadd(with_planes(), GRID, **flux)["noise"]
    kept = xrs.coadd(with_planes(), GRID, planes=("noise",))["noise"]
    np.testing.assert_allclose(like_data, kept * 0.8**2, rtol=1e-2, atol=1e-6)
    other = xrs.coadd(with_planes(units=None), GRID, **flux)["noise"]
    np.testing.assert_array_equal(other, kept)


def test_bad_planes() -> None:
    exposures = with_planes()
    with pytest.raises(xrs.InvalidExposureError, match=r"exposure_0.*\n.*nois is missing.*noise"):
        xrs.coadd(exposures, GRID, planes=("nois",))
    exposures[1] = exposures[1].drop_vars("noise")
    with pytest.raises(xrs.InvalidExposureError, match=r"exposure_1.*\n.*noise is missing"):
        xrs.coadd(exposures, GRID, planes=("noise",), chunks=50)
    for name in ("data", "wht", "var_flat", "dq", "ra"):
        with pytest.raises(xrs.InvalidInputError, match=f"planes must be names.*{name}"):
            xrs.empty_mosaic(GRID, planes=(name,))
    flat = exposures[0].assign(noise=("y", np.zeros(40)), text=(("y", "x"), np.full((40, 50), "a")))
    with pytest.raises(xrs.InvalidExposureError, match="noise must have the dimensions"):
        xrs.coadd([flat], GRID, planes=("noise",))
    with pytest.raises(xrs.InvalidExposureError, match="text must hold real numbers"):
        xrs.coadd([flat], GRID, planes=("text",))


def test_a_mosaic_without_further_planes_has_no_such_attribute() -> None:
    assert "planes" not in xrs.empty_mosaic((2, 3)).attrs


def test_planes_keep_their_units(tmp_path: Path) -> None:
    exposures = with_planes(units="K")
    mosaic = xrs.coadd(exposures, GRID, planes=("noise", "mask"))
    assert mosaic["noise"].attrs["units"] == "K"
    assert "units" not in mosaic["mask"].attrs
    lazy = xrs.coadd(exposures, GRID, planes=("noise", "mask"), chunks=50)
    store = xrs.coadd_to_zarr(exposures, GRID, tmp_path / "a.zarr", planes=("noise",), chunks=50)
    parts = (xrs.coadd(part, GRID, planes=("noise",)) for part in (exposures[:1], exposures[1:]))
    merged = xrs.merge(*parts)
    for other in (lazy, store, merged):
        assert other["noise"].attrs["units"] == "K"


def test_planes_of_other_units_are_refused(tmp_path: Path) -> None:
    kelvin, jansky = with_planes(2, units="K"), with_planes(2, units="Jy")
    mosaic = xrs.coadd(kelvin[:1], GRID, planes=("noise",))
    mosaic.to_netcdf(tmp_path / "a.nc")
    words = r"exposure_1\.fits must have noise in the units of the mosaic, 'K', got 'Jy'"
    with (
        xr.open_dataset(tmp_path / "a.nc") as saved,
        pytest.raises(xrs.InvalidInputError, match=words),
    ):
        saved.resample.add(jansky[1])
    with pytest.raises(xrs.InvalidInputError, match=words):
        xrs.coadd([kelvin[0], jansky[1]], GRID, planes=("noise",), chunks=50)
    other = xrs.coadd(jansky[1:], GRID, planes=("noise",))
    with pytest.raises(xrs.GridMismatchError, match="same units of noise, got 'K' and 'Jy'"):
        mosaic.resample.merge(other)
    # Units that are unknown, or equal in another spelling, are no contradiction.
    plain = with_planes(2, units=None)[1]
    assert mosaic.resample.add(plain)["noise"].attrs["units"] == "K"


def test_units_of_data_in_another_spelling_are_those_of_data() -> None:
    flux = {"conserve": "flux", "planes": ("noise",)}
    usual, other = (
        xrs.coadd(with_planes(1, units=u), GRID, **flux) for u in ("MJy/sr", "MJy sr-1")
    )
    np.testing.assert_array_equal(usual["noise"], other["noise"])
