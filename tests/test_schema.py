"""The tables of variables, and that mosaics are what the tables say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xresample as xrs
from xresample import schema
from xresample.schema import EXPOSURE, MOSAIC, PROVENANCE, Rule

from .makers import make_exposures, output_grid

SHAPE = (14, 16)


@pytest.mark.parametrize("method", ["resampled", "propagated"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mosaic_is_what_the_table_says(method: str, dtype: str) -> None:
    mosaic = xrs.coadd(make_exposures(2, SHAPE), output_grid(SHAPE), compute_err="driz_err",
                       propagate_dq=True, variance_method=method, dtype=dtype)  # fmt: skip
    planes = [str(n) for n in mosaic.data_vars if mosaic[n].dims != ("exposure",)]
    for name in planes:
        row = schema.row_of(MOSAIC, name)
        assert row is not None, name
        assert mosaic[name].dims == row.dims
        assert mosaic[name].dtype == (dtype if row.dtype == "f" else row.dtype)
    assert set(mosaic.data_vars) - set(planes) == {row.name for row in PROVENANCE}
    for row in PROVENANCE:
        assert mosaic[row.name].attrs["long_name"] == row.long_name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("data", Rule.MEAN), ("err", Rule.MEAN), ("wht", Rule.SUM), ("con", Rule.CONTEXT),
        ("dq", Rule.DQ), ("var_rnoise", Rule.VARIANCE), ("var_rnoise_wht", Rule.SUM),
    ],
)  # fmt: skip
def test_rows_by_name(name: str, rule: Rule) -> None:
    row = schema.row_of(MOSAIC, name)
    assert row is not None
    assert row.rule is rule


def test_names_without_a_row() -> None:
    assert schema.row_of(MOSAIC, "filename") is None
    assert schema.row_of(EXPOSURE, "wht") is None
    assert schema.row_of(EXPOSURE, "var_any_wht") is None
    assert schema.is_variance("var_sky")
    assert not schema.is_variance("var_sky_wht")
    assert not schema.is_variance("variance")


def test_units_have_the_power_of_the_row() -> None:
    for name, units in (("data", "DN/s"), ("var_flat", "(DN/s)**2"), ("wht", None)):
        row = schema.row_of(MOSAIC, name)
        assert row is not None
        assert schema.variable_attrs(name, row, "DN/s").get("units") == units
        assert "units" not in schema.variable_attrs(name, row, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float32(1.5), 1.5), (np.int64(3), 3), (np.array(2.0), 2.0), ("text", "text"),
        (None, None), (np.str_("a"), "a"),
    ],
)  # fmt: skip
def test_plain_values(given: Any, expected: Any) -> None:
    found = schema.plain(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, []), ("one", ["one"]), (["a", "b"], ["a", "b"]), (np.array([1, 2]), [1, 2]), (3, [3])],
)
def test_lists(given: Any, expected: list[Any]) -> None:
    assert schema.as_list(given) == expected


def test_scalars_and_their_defaults() -> None:
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
