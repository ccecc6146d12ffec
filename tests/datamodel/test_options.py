"""The options: accepted values, and their round trip through attributes."""

from __future__ import annotations

import dataclasses
import math
from enum import IntFlag
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.nddata import extend_bit_flag_map
from hypothesis import given
from hypothesis import strategies as st

import xresample as xrs
from xresample.datamodel.options import (
    CHOICES,
    KERNELS,
    WEIGHT_TYPES,
    Options,
    parse_fillval,
)

names = st.lists(st.sampled_from(["var_rnoise", "var_flat"]), min_size=1, unique=True)
positive = st.floats(1e-6, 1e6)
OPTIONS = st.fixed_dictionaries({}, optional={
    "kernel": st.sampled_from(KERNELS),
    "pixfrac": st.floats(0.01, 1.0),
    "fillval": st.one_of(
        st.floats(allow_infinity=False, width=32), st.sampled_from(["INDEF", "2.5", None])
    ),
    "weight_type": st.sampled_from(WEIGHT_TYPES),
    "good_bits": st.one_of(st.none(), st.integers(0, 1 << 31), st.just("~4"), st.just([1, 4])),
    "flag_map": st.one_of(st.none(), st.just({"A": 1, "B": 1 << 31})),
    "enable_ctx": st.booleans(),
    "enable_var": st.booleans(),
    "compute_err": st.sampled_from(CHOICES["compute_err"]),
    "propagate_dq": st.booleans(),
    "variance_method": st.sampled_from(CHOICES["variance_method"]),
    "variance_names": st.one_of(st.none(), names),
    "error_from_variances": st.one_of(st.none(), names),
    "pixel_scale": st.one_of(st.none(), positive),
    "pixel_scale_ratio": st.one_of(st.none(), positive),
    "pixmap_stepsize": st.one_of(st.none(), st.integers(1, 100)),
    "pixmap_order": st.sampled_from([1, 3]),
    "pixmap_tol": positive,
    "conserve": st.sampled_from(CHOICES["conserve"]),
    "dtype": st.sampled_from(CHOICES["dtype"]),
})  # fmt: skip


@given(OPTIONS)
def test_options_survive_attributes(given: dict[str, Any]) -> None:
    options = Options(**given)
    attrs = options.to_attrs()
    for name, value in attrs.items():
        assert isinstance(value, str | int | float), name
        assert not isinstance(value, bool), name
    Options.from_attrs(attrs).require_equal(options)
    as_read = {n: v if isinstance(v, str) else np.asarray(v)[()] for n, v in attrs.items()}
    Options.from_attrs(as_read).require_equal(options)
    Options.from_attrs({**as_read, "title": "mine"}).require_equal(options)


@given(OPTIONS)
def test_options_keep_their_values(given: dict[str, Any]) -> None:
    options = Options(**given)
    changed = {"fillval", "good_bits", "variance_names", "error_from_variances", "enable_var"}
    for name, value in given.items():
        if name not in changed:
            assert getattr(options, name) == value


def test_options_survive_netcdf(tmp_path: Any) -> None:
    options = Options(variance_names=("var_flat",), flag_map={"A": 1}, fillval=None)
    path = tmp_path / "options.nc"
    xr.Dataset(attrs=options.to_attrs()).to_netcdf(path)
    with xr.open_dataset(path) as opened:
        Options.from_attrs(opened.attrs).require_equal(options)


def test_options_are_frozen_and_keyword_only() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().kernel = "turbo"
    with pytest.raises(TypeError):
        Options("turbo")


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, 0.0), (-1.5, -1.5), ("2", 2.0), (" 3.5 ", 3.5), ("1e3", 1000.0), (np.float32(0.5), 0.5)],
)
def test_parse_fillval_reads_numbers(given: Any, expected: float) -> None:
    assert parse_fillval(given) == expected


@pytest.mark.parametrize("given", [None, "INDEF", "indef", "NaN", "nan", " NAN ", math.nan])
def test_parse_fillval_reads_nan(given: Any) -> None:
    assert math.isnan(parse_fillval(given))


@pytest.mark.parametrize("given", ["zero", "1,5", [1], {}])
def test_parse_fillval_refuses_other_values(given: Any) -> None:
    with pytest.raises(xrs.InvalidInputError, match="fillval"):
        parse_fillval(given)


def test_only_the_point_kernel_allows_pixfrac_zero() -> None:
    assert Options(kernel="point", pixfrac=0).pixfrac == 0
    with pytest.raises(xrs.InvalidInputError, match="pixfrac"):
        Options(kernel="square", pixfrac=0)
    with pytest.raises(xrs.InvalidInputError, match="pixfrac"):
        Options(kernel="point", pixfrac=-0.5)


def test_equal_meanings_compare_equal() -> None:
    Options(good_bits=[1, 4, 4]).require_equal(Options(good_bits=5))
    Options(fillval="nan").require_equal(Options(fillval=None))
    Options(variance_names="var_flat var_sky").require_equal(
        Options(variance_names=["var_flat", "var_sky"])
    )
    Options(compute_err="from_var", enable_var=False).require_equal(Options(compute_err="from_var"))


def test_require_equal_lists_the_differences() -> None:
    with pytest.raises(xrs.GridMismatchError) as caught:
        Options(kernel="turbo", pixfrac=0.5).require_equal(Options())
    assert "kernel: 'turbo' and 'square'" in str(caught.value)
    assert "pixfrac: 0.5 and 1.0" in str(caught.value)
    assert "fillval" not in str(caught.value)


class Flags(IntFlag):
    """Flags as an enumeration, as in the pipelines."""

    LOW = 1
    HIGH = 1 << 31


@pytest.mark.parametrize(
    "flag_map",
    [Flags, {"LOW": 1, "HIGH": 1 << 31}, {"LOW": np.uint32(1), "HIGH": np.uint32(1 << 31)},
     extend_bit_flag_map("Map", LOW=1, HIGH=1 << 31)],
)  # fmt: skip
def test_flag_maps_of_several_types(flag_map: Any) -> None:
    options = Options(flag_map=flag_map, good_bits="HIGH")
    assert options.flag_map == {"LOW": 1, "HIGH": 1 << 31}
    Options.from_attrs(options.to_attrs()).require_equal(options)


@pytest.mark.parametrize("flag_map", [{"LOW": "1"}, {"LOW": 1.5}, ["LOW"], "LOW", 3])
def test_a_bad_flag_map_is_an_error(flag_map: Any) -> None:
    with pytest.raises(xrs.InvalidInputError, match="flag_map"):
        Options(flag_map=flag_map)


@pytest.mark.parametrize("attrs", [{"kernel": "box"}, {"pixfrac": "a"}, {"flag_map": "{'A': 1}"},
                                   {"flag_map": "__import__('os')"}, {"flag_map": "[1]"},
                                   {"good_bits": "__import__('os')"}])  # fmt: skip
def test_attributes_with_bad_options_are_an_error(attrs: dict[str, Any]) -> None:
    """Safe parsers read the text; anything that is not an option is an error."""
    mosaic = xrs.empty_mosaic((4, 5), weight_type=None).assign_attrs(attrs)
    exposure = xrs.make_exposure(np.ones((3, 3)), dq=np.ones((3, 3), np.uint8))
    pixmap = np.dstack(np.meshgrid(np.arange(3.0), np.arange(3.0)))
    with pytest.raises(xrs.InvalidInputError):
        mosaic.resample.add(exposure, pixmap=pixmap)


@pytest.mark.parametrize("option", ["variance_names", "error_from_variances"])
@pytest.mark.parametrize("name", ["rnoise", "data", "wht", "var_rnoise_wht"])
def test_names_of_other_variables_are_no_variances(option: str, name: str) -> None:
    """A plane of variances with the name of another plane would take the place of that plane."""
    with pytest.raises(
        xrs.InvalidInputError, match=rf"{option} must be names of variances.*{name}"
    ):
        Options(**{option: ("var_flat", name)})
    assert getattr(Options(**{option: "var_a var_b var_a"}), option) == ("var_a", "var_b")


@pytest.mark.parametrize("name", ["data", "ra", "exposure", "flag", "filter", "sky_level", "lag_y"])
def test_planes_have_names_of_their_own(name: str) -> None:
    """A plane with the name of a coordinate of the mosaic would be found after all the work."""
    with pytest.raises(xrs.InvalidInputError, match=rf"planes must be names of further.*{name}"):
        Options(planes=("noise", name))
