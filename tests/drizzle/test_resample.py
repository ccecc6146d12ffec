"""The class against ``drizzle``, argument by argument."""

from __future__ import annotations

import inspect
import itertools
import warnings
from typing import Any

import drizzle.resample
import numpy as np
import pytest

import xresample as xrs
import xresample.drizzle as ours_package
from tests.support.drizzle_pairs import both, combine, compare, flags, images, variances
from xresample.kernels.structures import KERNELS

OURS, THEIRS = ours_package.resample, drizzle.resample


def check(added: list[dict[str, Any]], **options: Any) -> Any:
    """Combine images with both packages, compare, and return our object."""
    ours, theirs = combine(OURS, added, **options), combine(THEIRS, added, **options)
    compare(ours, theirs)
    return ours


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("pixfrac", "scale"), [(1.0, 1.0), (0.6, 0.7), (0.8, 1.6), (1.3, 1.0)])
def test_kernels(kernel: str, pixfrac: float, scale: float) -> None:
    added, shape = images(3, scale)
    for k, image in enumerate(added):
        image |= {"pixfrac": pixfrac - 0.1 * k, "pixel_scale_ratio": (1 + 0.1 * k) / scale}
    check(added, kernel=kernel, out_shape=shape, fillval=0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_variances_and_flags(kernel: str) -> None:
    added, shape = images(3)
    for k, image in enumerate(added):
        image |= {"data2": variances(2, k), "dq": flags(k), "pixfrac": 0.9}
    check(added, kernel=kernel, out_shape=shape, fillval=0)


@pytest.mark.parametrize("option", [
    {"wht_scale": 2.5},
    {"iscale": 0.3},
    {"in_units": "counts"},
    {"in_units": "counts", "iscale": 4.0, "wht_scale": 0.5},
    {"weight_map": None},
    {"weight_map": None, "wht_scale": 3.0},
    {"data2": variances(1)[0]},
    {"data2": tuple(variances(3))},
    {"data2": [variances(1)[0], None]},
    {"data2": [np.array([]), *variances(1)]},
    {"data2": [None, None]},
    {"dq": flags().astype(np.int16)},
    {"xmin": 3}, {"xmax": 11}, {"ymin": 4}, {"ymax": 9}, {"xmax": 0, "ymax": 0},
    {"xmin": 3, "xmax": 11, "ymin": 4, "ymax": 9}, {"xmin": -5, "xmax": 500},
    {"pixfrac": 0.0005},
])  # fmt: skip
@pytest.mark.parametrize("kernel", ["square", "turbo", "gaussian"])
def test_options_of_an_image(kernel: str, option: dict[str, Any]) -> None:
    added, shape = images(2)
    check([image | option for image in added], kernel=kernel, out_shape=shape, fillval=0)


@both
def test_scale_is_deprecated(package: Any) -> None:
    added, shape = images(1)
    made = package.Drizzle(kernel="turbo", out_shape=shape)
    with pytest.warns(DeprecationWarning, match="'scale' has been deprecated") as caught:
        made.add_image(**added[0], scale=1.2)
    assert package is THEIRS or caught[0].filename == __file__
    same = combine(package, [added[0] | {"iscale": 1.44, "pixel_scale_ratio": 1.2}],
                   kernel="turbo", out_shape=shape)  # fmt: skip
    compare(made, same)


@pytest.mark.parametrize("fillval", [None, "INDEF", "", " indef ", "nan", 0, -1.5, "3", "-1e3"])
@pytest.mark.parametrize("given", [False, True])
def test_fill_values(fillval: Any, given: bool) -> None:
    added, shape = images(1)
    added[0]["data2"] = variances(2)
    results = []
    for package in (OURS, THEIRS):
        arrays = {}
        if given:
            arrays = {"out_img": np.full(shape, 7.0, np.float32),
                      "out_img2": [np.full(shape, 8.0, np.float32), None]}  # fmt: skip
        made = combine(package, added, out_shape=shape, fillval=fillval, fillval2=fillval, **arrays)
        results.append(made)
    compare(*results)
    mine, other = results
    empty = other.out_wht == 0
    np.testing.assert_array_equal(mine.out_img[empty], other.out_img[empty])
    for a, b in zip(mine.out_img2, other.out_img2, strict=True):
        np.testing.assert_array_equal(a[empty], b[empty])


@pytest.mark.parametrize(("begin", "most"), [(0, None), (5, None), (31, 32), (40, 100)])
def test_numbers_of_the_context(begin: int, most: int | None) -> None:
    added, shape = images(2)
    made = check(added, out_shape=shape, begin_ctx_id=begin, max_ctx_id=most, fillval=0)
    assert made.ctx_id == begin + 2


def test_many_images_need_more_planes() -> None:
    added, shape = images(2)
    made = check(list(itertools.islice(itertools.cycle(added), 65)), out_shape=shape, fillval=0)
    assert made.out_ctx.shape[0] == 3
    y, x = np.argwhere(made.out_wht == made.out_wht.max())[0]
    assert list(ours_package.decode_context(made.out_ctx, x, y)[0]) == list(range(65))


def test_no_context() -> None:
    added, shape = images(2)
    made = check(added, out_shape=shape, disable_ctx=True, begin_ctx_id=-3)
    assert made.out_ctx is None
    assert made.ctx_id is None


def outputs(shape: tuple[int, int], planes: int = 1) -> dict[str, Any]:
    """Return empty output arrays."""
    return {
        "out_img": np.zeros(shape, np.float32),
        "out_wht": np.zeros(shape, np.float32),
        "out_ctx": np.zeros((planes, *shape), np.int32),
        "out_img2": [np.zeros(shape, np.float32) for _ in range(2)],
        "out_dq": np.zeros(shape, np.uint32),
    }


@both
def test_given_arrays_are_changed_in_place(package: Any) -> None:
    added, shape = images(2)
    for k, image in enumerate(added):
        image |= {"data2": variances(2, k), "dq": flags(k)}
    arrays = outputs(shape)
    made = combine(package, added, **arrays)
    for name in ("out_img", "out_wht", "out_dq"):
        assert getattr(made, name) is arrays[name]
    assert made.out_ctx is arrays["out_ctx"]
    assert all(a is b for a, b in zip(made.out_img2, arrays["out_img2"], strict=True))
    assert arrays["out_wht"].max() > 0
    new = combine(package, added, out_shape=shape, fillval=0, fillval2=0)
    np.testing.assert_allclose(made.out_img, new.out_img, rtol=1e-6)
    np.testing.assert_allclose(made.out_img2, new.out_img2, rtol=1e-6)


def test_continuing_equals_going_on() -> None:
    added, shape = images(4)
    for k, image in enumerate(added):
        image |= {"data2": variances(2, k), "dq": flags(k)}
    whole = combine(OURS, added, out_shape=shape, fillval="nan", fillval2=0)
    results = []
    for package in (OURS, THEIRS):
        first = combine(package, added[:2], out_shape=shape, fillval="nan", fillval2=0)
        names = ("out_img", "out_wht", "out_ctx", "out_img2", "out_dq")
        held = {name: getattr(first, name) for name in names}
        results.append(combine(package, added[2:], **held, exptime=first.total_exptime,
                               begin_ctx_id=first.ctx_id, fillval="nan", fillval2=0))  # fmt: skip
    compare(*results)
    ours = results[0]
    for name in ("out_img", "out_wht", "out_ctx", "out_dq"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(whole, name))
    np.testing.assert_array_equal(ours.out_img2, whole.out_img2)


def test_a_flat_context_becomes_a_plane() -> None:
    added, shape = images(1)
    context = np.zeros(shape, np.int32)
    made = combine(OURS, added, out_ctx=context, fillval=0)
    assert made.out_ctx.shape == (1, *shape)
    assert context.any()
    compare(made, combine(THEIRS, added, out_shape=shape, fillval=0))


@pytest.mark.parametrize("dtype", [np.float64, ">f4", np.int16])
def test_arrays_of_another_type_are_copied(dtype: Any) -> None:
    added, shape = images(1)
    arrays = {"out_img": np.zeros(shape, dtype), "out_wht": np.zeros(shape, dtype)}
    check(added, **arrays)
    assert not arrays["out_wht"].any()


@pytest.mark.parametrize("dtype", [np.float64, ">f4", np.int16, np.uint8])
def test_inputs_of_any_type(dtype: Any) -> None:
    added, shape = images(1)
    image = {
        **added[0],
        "data": (10 * added[0]["data"]).clip(0, 100).astype(dtype),
        "weight_map": (10 * added[0]["weight_map"]).astype(dtype)[:, ::-1],
        "pixmap": added[0]["pixmap"].astype(np.float32),
    }
    check([image], out_shape=shape, fillval=0)


def test_the_shape_comes_from_the_arrays() -> None:
    added, shape = images(1)
    for name in ("out_img", "out_wht", "out_ctx", "out_dq"):
        made = combine(OURS, added, **{name: outputs(shape)[name]}, fillval=0)
        assert made.out_img.shape == shape


def test_signatures_and_attributes_are_those_of_drizzle() -> None:
    for mine, other in (
        (OURS.Drizzle.__init__, THEIRS.Drizzle.__init__),
        (OURS.Drizzle.add_image, THEIRS.Drizzle.add_image),
        (OURS.blot_image, THEIRS.blot_image),
    ):
        a, b = (inspect.signature(function).parameters for function in (mine, other))
        assert list(a) == list(b)
        defaults = [
            (x.default, y.default) for x, y in zip(a.values(), b.values(), strict=True)
            if type(y.default) is not object
        ]  # fmt: skip
        assert all(x == y for x, y in defaults)
    public = {name for name in dir(THEIRS.Drizzle) if not name.startswith("_")}
    assert public <= {name for name in dir(OURS.Drizzle) if not name.startswith("_")}
    assert OURS.__all__ == THEIRS.__all__


@both
@pytest.mark.parametrize("option", [
    {"kernel": "magic"}, {"kernel": "sqare"}, {"fillval": "no number"}, {"fillval2": "no number"},
    {"begin_ctx_id": -1}, {"begin_ctx_id": 3, "max_ctx_id": 2}, {"exptime": -1.0},
    {"exptime": 2.0}, {"out_img": np.zeros((5, 6))}, {"out_wht": np.ones((9, 9))},
    {"out_ctx": np.zeros(9, np.int32)}, {"out_ctx": np.ones((9, 9), np.int32)},
    {"out_wht": np.ones((9, 9)), "exptime": 1.0}, {"out_dq": np.zeros((5, 6), np.uint8)},
    {"out_img2": np.zeros((5, 6))}, {"out_img2": [None, np.zeros((5, 6))]},
])  # fmt: skip
def test_bad_arguments_of_the_class(package: Any, option: dict[str, Any]) -> None:
    message = "not supported|convert|Invalid|smaller|xposure time|nconsistent|2D or 3D"
    with pytest.raises(ValueError, match=message):
        package.Drizzle(**{"out_shape": (9, 9), **option})


@pytest.mark.parametrize("option", [
    {"exptime": 0.0}, {"exptime": -1.0}, {"exptime": np.nan}, {"exptime": "long"},
    {"data": np.ones((3, 3))}, {"data": np.ones(9)}, {"data": "text"},
    {"pixmap": np.zeros((19, 23))}, {"pixmap": np.zeros((19, 23, 3))}, {"pixmap": None},
    {"weight_map": np.ones((3, 3))}, {"dq": np.ones((3, 3), np.uint8)},
    {"data2": np.ones((3, 3))}, {"data2": [np.ones((3, 3))]}, {"data2": 5},
    {"iscale": 0.0}, {"iscale": np.inf}, {"wht_scale": 0.0}, {"pixel_scale_ratio": -1.0},
    {"pixfrac": np.nan}, {"in_units": "photons"}, {"xmin": 12, "xmax": 4}, {"ymin": 99},
    {"xmax": -4}, {"scale": 0.0}, {"dq": np.ones((19, 23))}, {"dq": np.ones((19, 23), np.int64)},
])  # fmt: skip
# One of the bad arguments is also deprecated.
@pytest.mark.filterwarnings("ignore:Argument 'scale':DeprecationWarning")
def test_bad_arguments_of_an_image_change_nothing(option: dict[str, Any]) -> None:
    added, shape = images(1)
    made = combine(OURS, added, out_shape=shape, fillval=-1)
    before = [made.out_img.copy(), made.out_wht.copy(), made.out_ctx.copy()]
    with pytest.raises(xrs.InvalidInputError):
        made.add_image(**(added[0] | option))
    assert (made.ctx_id, made.total_exptime) == (1, 5.0)
    assert made.out_dq is None
    assert made.out_img2 is None
    for array, old in zip((made.out_img, made.out_wht, made.out_ctx), before, strict=True):
        np.testing.assert_array_equal(array, old)


@both
def test_types_of_flags(package: Any) -> None:
    added, shape = images(1)
    with pytest.raises(TypeError, match="'out_dq' must be of an unsigned integer type"):
        package.Drizzle(out_dq=np.zeros(shape, np.uint64))
    with pytest.raises(TypeError, match="'dq' must be of an unsigned integer type"):
        package.Drizzle().add_image(**added[0], dq=flags().astype(np.int64))


@both
def test_the_number_of_variances_stays(package: Any) -> None:
    added, shape = images(1)
    made = combine(package, [added[0] | {"data2": variances(2)}], out_shape=shape)
    for data2 in (None, variances(1)[0], variances(3)):
        with pytest.raises(ValueError, match="Mismatch between the number"):
            made.add_image(**added[0], data2=data2)
    made = combine(package, added, out_shape=shape)
    with pytest.raises(ValueError, match="Mismatch between the number"):
        made.add_image(**added[0], data2=variances(1)[0])


@both
@pytest.mark.parametrize("kernel", ["gaussian", "lanczos2", "lanczos3"])
def test_kernels_that_do_not_conserve_flux_warn(package: Any, kernel: str) -> None:
    added, shape = images(1)
    with pytest.warns(Warning, match=f"Kernel '{kernel}' is not a flux-conserving kernel"):
        package.Drizzle(kernel=kernel, out_shape=shape).add_image(**added[0])


@both
def test_tiny_pixels_are_points(package: Any) -> None:
    added, shape = images(1)
    made = package.Drizzle(out_shape=shape, fillval=0)
    with pytest.warns(Warning, match="Kernel reset to 'point'"):
        made.add_image(**added[0], pixfrac=0.0)
    points = combine(package, added, kernel="point", out_shape=shape, fillval=0)
    np.testing.assert_array_equal(made.out_wht, points.out_wht)
    np.testing.assert_array_equal(made.out_img, points.out_img)


def test_no_warning_otherwise() -> None:
    added, shape = images(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = OURS.Drizzle(out_shape=shape)
        for image in added:
            made.add_image(**image)


SHIFTS = [(0.0, 0.0), (3.2, 0.0), (0.0, 3.2), (-3.2, -4.7), (6.3, 9.4)]


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("kernel", ["square", "turbo"])
def test_misses(kernel: str, shift: tuple[float, float]) -> None:
    """drizzle counts one miss too few for each line inside the limits."""
    shape = (20, 24)
    y, x = np.indices(shape, float)
    image = {"data": np.ones(shape), "exptime": 1.0, "pixmap": np.dstack([x, y]) + shift}
    found = []
    for package in (OURS, THEIRS):
        made = package.Drizzle(kernel=kernel, out_shape=shape)
        found.append(made.add_image(**image))
    (nmiss, nskip), (their_nmiss, their_nskip) = found
    assert (nmiss, nskip) == (their_nmiss + shape[0], their_nskip)
    expected = [
        int((c + s > n - 0.5 + 0.5).sum() + (c + s < -1).sum())
        for c, s, n in ((np.arange(24), shift[0], 24), (np.arange(20), shift[1], 20))
    ]
    assert nskip == expected[1]
    assert nmiss == 24 * nskip + expected[0] * (20 - nskip)
