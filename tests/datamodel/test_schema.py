"""The tables of variables; mosaics follow the tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from astropy.units import Unit

import xresample as xrs
from tests.support.exposures import make_exposure, make_exposures, output_grid
from xresample.datamodel import schema
from xresample.datamodel.coordinates import COORDINATES
from xresample.datamodel.schema import EXPOSURE, MOSAIC, PROVENANCE, Rule
from xresample.datamodel.units import weight_units

SHAPE = (14, 16)


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mosaic_follows_the_table(method: str, dtype: str) -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="driz_err",
                       propagate_dq=True, variance_method=method, dtype=dtype)  # fmt: skip
    planes = [str(n) for n in mosaic.data_vars if mosaic[n].dims != ("exposure",)]
    for name in planes:
        row = schema.row_of(MOSAIC, name)
        assert row is not None, name
        assert mosaic[name].dims == row.dims
        assert mosaic[name].dtype == (dtype if row.dtype == "f" else row.dtype)
    assert set(mosaic.data_vars) == set(planes)
    assert {row.name for row in PROVENANCE} < set(mosaic.coords)
    for row in PROVENANCE:
        assert mosaic[row.name].attrs["long_name"] == row.long_name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("data", Rule.MEAN), ("err", Rule.MEAN), ("wht", Rule.SUM), ("con", Rule.CONTEXT),
        ("dq", Rule.DQ), ("var_rnoise", Rule.VARIANCE), ("var_rnoise_wht", Rule.SUM),
    ],
)  # fmt: skip
def test_row_of_finds_the_rule(name: str, rule: Rule) -> None:
    row = schema.row_of(MOSAIC, name)
    assert row is not None
    assert row.rule is rule


def test_row_of_other_names_is_none() -> None:
    assert schema.row_of(MOSAIC, "filename") is None
    assert schema.row_of(EXPOSURE, "wht") is None
    assert schema.row_of(EXPOSURE, "var_any_wht") is None
    assert schema.is_variance("var_sky")
    assert not schema.is_variance("var_sky_wht")
    assert not schema.is_variance("variance")


def test_units_follow_the_power_in_the_table() -> None:
    for name, units in (("data", "DN/s"), ("var_flat", "DN2 / s2"), ("wht", None)):
        row = schema.row_of(MOSAIC, name)
        assert row is not None
        assert schema.variable_attrs(name, row, "DN/s").get("units") == units
        assert "units" not in schema.variable_attrs(name, row, None)


@pytest.mark.parametrize(
    ("weight_type", "units"),
    [("ivm", "sr2 / MJy2"), ("ivm-sky", "sr2 / MJy2"), ("exptime", "s"), (None, "1")],
)
def test_units_of_weights_follow_weight_type(weight_type: str | None, units: str) -> None:
    exposures = make_exposures(2, SHAPE)
    mosaic = xrs.coadd(exposures, output_grid(SHAPE), weight_type=weight_type)
    assert mosaic["wht"].attrs["units"] == units
    assert mosaic["var_flat_wht"].attrs["units"] == units
    weights = exposures[0].resample.weight_map(weight_type)
    assert weights.attrs["units"] == units
    if weight_type == "ivm":
        # The weight is an inverse variance, so the product has no unit.
        assert Unit(units) * Unit(exposures[0]["var_rnoise"].attrs["units"]) == Unit(1)


def test_weights_of_data_without_units_have_no_units() -> None:
    exposure = make_exposure(0, SHAPE)
    for name in exposure.data_vars:
        exposure[name].attrs.pop("units", None)
    mosaic = exposure.resample.onto(output_grid(SHAPE))
    assert "units" not in mosaic["wht"].attrs
    assert "units" not in exposure.resample.weight_map().attrs
    assert weight_units(schema.UNKNOWN, "DN/s") is None


def test_every_variable_has_a_long_name_and_units() -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="driz_err",
                       propagate_dq=True).resample.with_sky()  # fmt: skip
    bare = {"con", "dq", "wcs", "exposure", "sky_level", *schema.TEXT}
    for dataset in (mosaic, make_exposure(0, SHAPE).resample.with_sky()):
        for name, variable in dataset.variables.items():
            assert variable.attrs["long_name"], name
            assert ("units" in variable.attrs) == (name not in bare), name
            if "units" in variable.attrs:
                Unit(variable.attrs["units"])
        assert dataset["dq"].attrs["standard_name"] == "quality_flag"
        assert dataset["err"].attrs["units"] == dataset["data"].attrs["units"] == "MJy/sr"
        assert dataset["var_flat"].attrs["units"] == "MJy2 / sr2"
    for row in COORDINATES:
        assert mosaic[row.name].dims == row.dims
        assert mosaic[row.name].attrs["long_name"] == row.long_name


def test_the_html_repr_shows_names_and_units() -> None:
    html = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE))._repr_html_()
    for text in ("co-added image", "sr2 / MJy2", "pixel column", "exposure time", "file name"):
        assert text in html


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float32(1.5), 1.5), (np.int64(3), 3), (np.array(2.0), 2.0), ("text", "text"),
        (None, None), (np.str_("a"), "a"),
    ],
)  # fmt: skip
def test_plain_converts_numpy_scalars(given: Any, expected: Any) -> None:
    found = schema.plain(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, []), ("one", ["one"]), (["a", "b"], ["a", "b"]), (np.array([1, 2]), [1, 2]), (3, [3])],
)
def test_as_list(given: Any, expected: list[Any]) -> None:
    assert schema.as_list(given) == expected


def test_exposure_scalars_and_their_defaults() -> None:
    scalars = schema.exposure_scalars({"exposure_time": np.float32(2.0), "group_id": 7})
    assert scalars["exposure_time"] == 2.0
    assert scalars["group_id"] == "7"
    assert scalars["filename"] == ""
    assert scalars["level"] == 0.0
    assert scalars["subtracted"] is False
    for name in ("measurement_time", "start_time", "duration", "pixelarea_steradians"):
        assert math.isnan(scalars[name])
    assert schema.exposure_scalars({"subtracted": np.int64(1)})["subtracted"] is True
    with pytest.raises(ValueError, match="long"):
        schema.exposure_scalars({"duration": "long"})
