"""Laws that hold for every mosaic; hypothesis searches for counterexamples."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xresample as xrs
from tests.support.exposures import (
    FLAGS,
    assert_close,
    assert_same_bits,
    checksum,
    make_arrays,
    make_exposure,
    make_wcs,
    output_grid,
)
from xresample.datamodel.options import KERNELS

# Hypothesis draws some exposures more than once.
pytestmark = pytest.mark.filterwarnings("ignore::xresample.RepeatedExposureWarning")

SHAPE = (15, 18)
SLOW = settings(max_examples=12)
PLANES = ("data", "wht", "var_rnoise", "var_flat")

any_kernel = st.sampled_from(KERNELS)
smooth_kernels = st.sampled_from(["square", "turbo", "point", "gaussian"])


@st.composite
def all_options(draw: st.DrawFn, kernels: Any = any_kernel) -> dict[str, Any]:
    """Draw the options of a mosaic."""
    return {
        "kernel": draw(kernels),
        "pixfrac": draw(st.sampled_from([0.3, 0.8, 1.0])),
        "weight_type": draw(st.sampled_from(["ivm", "exptime", "ivm-sky", None])),
        "variance_method": draw(st.sampled_from(["resampled", "propagated"])),
        "compute_err": draw(st.sampled_from(["driz_err", "from_var", None])),
        "good_bits": draw(st.sampled_from([0, 4, None])),
        "propagate_dq": draw(st.booleans()),
        "fillval": draw(st.sampled_from([0.0, "nan"])),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
    }


@cache
def exposure_of(k: int) -> xr.Dataset:
    """Return exposure ``k`` of the campaign; tests must not change it."""
    return make_exposure(k, SHAPE)


@st.composite
def exposures(draw: st.DrawFn, minimum: int = 1, maximum: int = 3) -> list[xr.Dataset]:
    """Draw a few exposures of the campaign; the same exposure may occur twice."""
    numbers = draw(st.lists(st.integers(0, 5), min_size=minimum, max_size=maximum))
    return [exposure_of(k) for k in numbers]


GRID = output_grid(SHAPE, margin=8)
WIDE = output_grid(SHAPE, scale=0.02, margin=40)
"""A grid with more than one tile per side."""


@given(exposures(), all_options(), st.integers(2, 9))
@SLOW
def test_the_number_of_threads_changes_no_bit(
    given: list[xr.Dataset], options: dict[str, Any], threads: int
) -> None:
    one = xrs.coadd(given, WIDE, threads=1, **options)
    assert_same_bits(xrs.coadd(given, WIDE, threads=threads, **options), one)


@given(exposures(2, 4), all_options(smooth_kernels), st.randoms(use_true_random=False))
@SLOW
def test_the_order_of_exposures_changes_only_rounding(
    given: list[xr.Dataset], options: dict[str, Any], random: Any
) -> None:
    options["dtype"] = "float64"
    shuffled = list(given)
    random.shuffle(shuffled)
    a, b = (xrs.coadd(order, GRID, **options) for order in (given, shuffled))
    for name in a.data_vars:
        if set(a[name].dims) != {"y", "x"}:
            continue
        if a[name].dtype.kind == "u":
            np.testing.assert_array_equal(a[name], b[name])
        elif bool(a["wht"].any()):
            np.testing.assert_array_equal(np.isnan(a[name]), np.isnan(b[name]))
            assert_close(a[name].fillna(0), b[name].fillna(0), 1e-12, name=str(name))
    counts = [m.resample.decode_context().sum("exposure") for m in (a, b)]
    np.testing.assert_array_equal(*counts)


@given(exposures(1, 2), all_options())
@SLOW
def test_arguments_never_change(given: list[xr.Dataset], options: dict[str, Any]) -> None:
    start = xrs.coadd(exposure_of(6), GRID, **options)
    before = [checksum(d) for d in (start, *given)]
    mosaic = start.resample.add(*given)
    mosaic.resample.merge(start)
    mosaic.resample.filled(7.0)
    for exposure in given:
        exposure.resample.pixmap(GRID)
        exposure.resample.weight_map(options["weight_type"], good_bits=4)
    made = checksum(mosaic)
    for variable in mosaic.data_vars.values():
        variable.values[...] = variable.values[::-1]
    assert [checksum(d) for d in (start, *given)] == before
    assert checksum(mosaic) != made


@st.composite
def holes(draw: st.DrawFn) -> np.ndarray:
    """Draw a mask with up to 8 pixels set."""
    mask = np.zeros(SHAPE, bool)
    for _ in range(draw(st.integers(1, 8))):
        mask[draw(st.integers(0, SHAPE[0] - 1)), draw(st.integers(0, SHAPE[1] - 1))] = True
    return mask


@given(all_options(), holes(), st.sampled_from([np.nan, np.inf, 1e30]))
@SLOW
def test_a_pixel_without_weight_changes_nothing(
    options: dict[str, Any], mask: np.ndarray, value: float
) -> None:
    options["good_bits"] = 0
    arrays = make_arrays(0, SHAPE)
    arrays["dq"][mask] |= FLAGS["DO_NOT_USE"]
    expected = xrs.coadd(make_exposure(0, SHAPE, arrays=arrays), GRID, **options)
    for plane in (arrays["data"], arrays["err"], *arrays["variances"].values()):
        plane[mask] = value
    assert_same_bits(xrs.coadd(make_exposure(0, SHAPE, arrays=arrays), GRID, **options), expected)


@st.composite
def cuts(draw: st.DrawFn, shape: tuple[int, int], minimum: int) -> dict[str, slice]:
    """Draw slices of an image with at least ``minimum`` rows and columns."""
    found = {}
    for name, size in zip("yx", shape, strict=True):
        start = draw(st.integers(0, size - minimum))
        found[name] = slice(start, draw(st.integers(start + minimum, size)))
    return found


@given(all_options(smooth_kernels), cuts(SHAPE, 3))
@SLOW
def test_a_sliced_exposure_equals_the_masked_one(
    options: dict[str, Any], cut: dict[str, slice]
) -> None:
    """The corners of the outermost pixels are extrapolated, so only interior pixels agree."""
    options.update(good_bits=0, pixel_scale_ratio=0.8)
    arrays = make_arrays(0, SHAPE)
    outside = np.ones(SHAPE, bool)
    outside[cut["y"], cut["x"]] = False
    flagged = {**arrays, "dq": np.where(outside, FLAGS["DO_NOT_USE"], arrays["dq"])}
    part = make_exposure(0, SHAPE, arrays=arrays).isel(cut)
    a = xrs.coadd(part, GRID, **options)
    b = xrs.coadd(make_exposure(0, SHAPE, arrays=flagged), GRID, **options)
    if not bool(b["wht"].any()):
        return
    # Output pixels that the outermost input pixels of the slice reach are left out.
    edge = np.zeros(SHAPE, bool)
    edge[cut["y"], cut["x"]] = True
    edge[cut["y"].start + 1 : cut["y"].stop - 1, cut["x"].start + 1 : cut["x"].stop - 1] = False
    rim = {**arrays, "dq": np.where(edge, 0, 1).astype(np.uint32)}
    alone = {"kernel": options["kernel"], "weight_type": None, "enable_var": False}
    touched = xrs.coadd(make_exposure(0, SHAPE, arrays=rim), GRID, **alone)["wht"].values > 0
    for name in PLANES:
        here, there = (m[name].where(m["wht"] != 0, 0).fillna(0) for m in (a, b))
        largest = float(np.abs(there).max())
        bound = 1e-6 if options["dtype"] == "float64" else 2e-6
        where = ~touched & (b["wht"].values > 1e-3 * float(b["wht"].max()))
        np.testing.assert_allclose(here.values[where], there.values[where], atol=bound * largest)
        if options["kernel"] != "square":
            np.testing.assert_allclose(
                (here * a["wht"]).values, (there * b["wht"]).values,
                atol=bound * largest * float(b["wht"].max()),
            )  # fmt: skip


@pytest.mark.filterwarnings("ignore::xresample.NoOverlapWarning")  # tiny cutouts miss all exposures
@given(exposures(1, 2), all_options(), cuts(GRID.array_shape, 1))
@SLOW
def test_adding_to_a_cutout_equals_a_cutout_of_the_sum(
    given: list[xr.Dataset], options: dict[str, Any], cut: dict[str, slice]
) -> None:
    start = xrs.coadd(exposure_of(6), GRID, **options)
    whole = start.resample.add(*given).isel(cut)
    part = start.isel(cut).resample.add(*given)
    assert_same_bits(part, whole)


@given(st.integers(0, 5), all_options(smooth_kernels), st.floats(0.05, 0.3))
@SLOW
def test_a_flat_image_stays_flat(k: int, options: dict[str, Any], scale: float) -> None:
    """Surface brightness is conserved for any ratio of the pixel scales."""
    arrays = make_arrays(k, SHAPE)
    arrays["data"][...] = 3.25
    grid = output_grid(SHAPE, scale=scale, margin=8)
    mosaic = xrs.coadd(make_exposure(k, SHAPE, arrays=arrays), grid, **options)
    there = mosaic["wht"].values > 0
    np.testing.assert_allclose(mosaic["data"].values[there], 3.25, rtol=3e-7)


@given(st.integers(0, 5), st.sampled_from(["square", "point"]), st.sampled_from([0.3, 1.0]))
@SLOW
def test_weight_and_flux_are_conserved(k: int, kernel: str, pixfrac: float) -> None:
    arrays = make_arrays(k, SHAPE)
    exposure = make_exposure(k, SHAPE, make_wcs(k, SHAPE), arrays)
    mosaic = xrs.coadd(exposure, output_grid(SHAPE), kernel=kernel, pixfrac=pixfrac)
    weights = exposure.resample.weight_map("ivm").values.astype(np.float64)
    np.testing.assert_allclose(mosaic["wht"].values.sum(dtype=float), weights.sum(), rtol=1e-6)
    total = (mosaic["wht"] * mosaic["data"]).values.sum(dtype=float)
    np.testing.assert_allclose(total, (weights * arrays["data"]).sum(), rtol=1e-6)
