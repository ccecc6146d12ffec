"""Programs in place of WCSs: as exact as the WCSs, and only where they are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.modeling import models as m
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from stcal.resample.utils import calc_pixmap

import xresample as xrs
from tests.support import wcs as makers
from tests.support.flavours import FLAVOURS
from tests.support.pipelines import make_telescope, polynomial
from tests.support.precise_wcs import IS_PRECISE, Plane
from xresample.wcs import models, translate
from xresample.wcs import transform as wcs
from xresample.wcs.expressions import EXTENDED, Expression, Linear, combined, number, pixel
from xresample.wcs.models import apply_model
from xresample.wcs.pixmap import (
    CompiledPixelMap,
    ModelPixelMap,
    PixmapOptions,
    build_pixmap,
)
from xresample.wcs.program import Program
from xresample.wcs.translate import translated

SMALL = (40, 50)
TABLES = {"gwcs with a table", "gwcs with a jump", "gwcs with NaN", "look-up tables", "TPV"}
"""Flavours that contain more than polynomials, rotations and TAN."""


def rounding(scale: float) -> float:
    """Return the rounding, in pixels, of astropy's angles; ``scale`` is in arcseconds."""
    return 4 * 360 * float(np.finfo(float).eps) / (scale / 3600)


def both(image: Any, grid: Any, shape: tuple[int, int] = SMALL) -> tuple[np.ndarray, np.ndarray]:
    """Return the map of an image from its program, and the map from its models."""
    x, y = range(shape[1]), range(shape[0])
    program = translated(image, grid, x, y)
    assert program is not None
    return program.at(y, x), ModelPixelMap(x, y, image, grid).evaluate(y, x, threads=1)


def assert_same(image: Any, grid: Any, scale: float, shape: tuple[int, int] = SMALL) -> None:
    """Fail if a program differs from the models by more than the rounding of angles."""
    texts = wcs.to_text(image), wcs.to_text(grid)
    found, wanted = both(image, grid, shape)
    assert np.isfinite(wanted).all()
    assert_allclose(found, wanted, rtol=0, atol=1e-9 + rounding(scale))
    assert (wcs.to_text(image), wcs.to_text(grid)) == texts


def grid_at(image: Any, **options: Any) -> Any:
    """Return a grid whose tangent point lies in an image."""
    there = wcs.pixel_to_world(image, 21.0, 17.0)[:2]
    return makers.make_grid(SMALL, tuple(float(v) for v in there), **options)


@pytest.mark.parametrize("name", FLAVOURS)
def test_common_kinds_are_translated(name: str) -> None:
    flavour = FLAVOURS[name]
    image = flavour.make(SMALL)
    centre = flavour.to_equatorial(*wcs.pixel_to_world(image, 20.0, 15.0))
    grid = makers.make_grid(SMALL, tuple(map(float, centre)), rotation=11.0)
    mapping = build_pixmap(image, grid, range(50), range(40), PixmapOptions(1))
    assert isinstance(mapping, ModelPixelMap if name in TABLES else CompiledPixelMap)
    if name not in TABLES:
        assert_same(image, grid, makers.SCALE)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("crval", [(150.0, 2.0), (0.0001, -71.0), (30.0, 89.9999)])
def test_pipelines_of_space_telescopes(aligned: bool, crval: tuple[float, float]) -> None:
    image = make_telescope(SMALL, crval, aligned=aligned)
    assert_same(image, grid_at(image, scale=0.03, rotation=70.0), 0.03)
    fits = makers.make_fits(SMALL, crval, 0.02, rotation=-30.0)
    assert_same(image, fits, 0.02)
    assert_same(makers.make_sip(SMALL, crval=crval, scale=0.02), fits, 0.02)


def test_grids_of_fit_wcs_and_spectra() -> None:
    image = make_telescope(SMALL)
    exposure = xrs.make_exposure(np.ones(SMALL), image, exposure_time=1.0)
    assert_same(image, xrs.fit_wcs([exposure]), 0.03)
    assert_same(makers.make_spectral(SMALL, 3.0), makers.make_spectral(SMALL), 0.06)


def test_as_stcal() -> None:
    image = makers.make_gwcs(SMALL, rotation=20.0)
    grid = grid_at(image)
    wanted = calc_pixmap(image, grid, disable_bbox="both")
    assert_allclose(both(image, grid)[0], wanted, rtol=0, atol=1e-9 + rounding(makers.SCALE))


def plane_of(model: Any, crval: tuple[float, float], terms: bool) -> Plane:
    """Return a WCS of `makers.make_gwcs` in extended precision."""
    matrix = np.array(model.forward_transform["linear"].matrix.value)
    found = ()
    if terms:
        parts = makers.make_distortion(SMALL, 2.0).right
        found = tuple(
            {
                tuple(map(int, name[1:].split("_"))): float(getattr(part, name).value)
                for name in part.param_names
            }
            for part in (parts.left, parts.right)
        )
    return Plane((24.5, 19.5), matrix, crval, 180.0, found)


@pytest.mark.skipif(not IS_PRECISE, reason="this machine has no extended precision")
@pytest.mark.parametrize("scale", [0.03, 0.11])
@pytest.mark.parametrize("crval", [(150.0, 2.0), (0.001, -3.0), (30.0, 89.9995), (355.0, -71.0)])
def test_programs_are_closer_to_the_truth_than_models(
    crval: tuple[float, float], scale: float
) -> None:
    image = makers.make_gwcs(SMALL, crval, scale, rotation=33.0)
    there = crval[0] + 0.003, crval[1] - 0.0004
    grid = makers.make_grid(SMALL, there, scale, rotation=10.0)
    x, y = np.meshgrid(range(50), range(40))
    sky = plane_of(image, crval, terms=True).to_sky(x, y)
    truth = np.moveaxis(plane_of(grid, there, terms=False).to_pixel(*sky), 0, -1)
    found, models = (np.abs(values - truth).max() for values in both(image, grid))
    # Models keep their angles in degrees as radians, which costs a last digit of a degree or two.
    assert found < 1e-10
    assert found < 0.1 * models


ANGLE = st.floats(-180, 180).map(lambda v: round(v, 3))


LATITUDE = st.sampled_from([-90.0, -89.99, -30.0, 0.0, 41.0, 90.0])


@given(ANGLE, LATITUDE, ANGLE, ANGLE, st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_pair_of_tangent_planes(
    lon: float, lat: float, pole: float, roll: float, fits: bool
) -> None:
    image = makers.make_gwcs(SMALL, (lon, lat), 1.0, roll, distortion=0.0)
    if fits:
        grid = makers.make_fits(SMALL, (lon, lat), 1.0)
        grid.wcs.lonpole = pole
        grid.wcs.set()
    else:
        linear = m.Scale(2e-4) & m.Scale(3e-4)
        sky = m.RotateNative2Celestial(lon, lat, pole)
        grid = type(image)(linear | m.Pix2Sky_TAN() | sky, image.input_frame, image.output_frame)
    assert_same(image, grid, 0.7)


STAGES = st.one_of(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)).map(lambda v: m.Shift(v[0]) & m.Shift(v[1])),
    st.floats(0.5, 1).map(lambda v: m.Scale(v) & m.Multiply(-v)),
    st.floats(-180, 180).map(m.Rotation2D),
    st.floats(-0.3, 0.3).map(
        lambda v: m.AffineTransformation2D([[1, v], [-v, 0.9]], translation=[3 * v, 1])
    ),
    st.builds(
        polynomial,
        st.sampled_from(["Polynomial", "Chebyshev", "Legendre"]),
        st.integers(1, 5),
        st.integers(0, 99),
    ),
    st.floats(-1, 1).map(
        lambda v: m.Mapping((0, 1, 1)) | m.Planar2D(1.0, v, 0.5) & m.Linear1D(0.8, v)
    ),
    st.floats(-0.1, 0.1).map(
        lambda v: m.Polynomial1D(2, c0=v, c1=0.9, c2=v / 9) & m.Chebyshev1D(2, c1=1.0, c2=v / 9)
    ),
    st.floats(-0.1, 0.1).map(
        lambda v: m.Legendre1D(3, c1=0.9, c3=v / 99) & (m.Const1D(v) - m.Identity(1))
    ),
    st.sampled_from([m.Mapping((1, 0)), m.Identity(2), m.Identity(1) & m.Identity(1)]),
    st.floats(2, 3).map(
        lambda v: (m.Scale(v) + m.Shift(v)) & (m.Identity(1) / (m.Scale(0.0) | m.Shift(v)))
    ),
)
"""Models of two inputs and two outputs."""


@given(st.lists(STAGES, min_size=1, max_size=5), st.integers(-15, 0), st.integers(-9, 0))
@settings(deadline=None)
def test_any_pipeline_of_linear_models_and_polynomials(stages: list[Any], x0: int, y0: int) -> None:
    model = stages[0]
    for stage in stages[1:]:
        model = model | stage
    outputs = apply_model(model, pixel())
    x, y = range(x0, x0 + 20, 3), range(y0, y0 + 12, 5)
    found = Program.of(*map(number, outputs)).at(y, x)
    wanted = np.stack(model(*np.meshgrid(np.array(x, float), np.array(y, float))), axis=-1)
    largest = 1.0 + np.abs(wanted).max()
    # Polynomials of polynomials multiply errors of rounding by their slopes.
    assert_allclose(found / largest, wanted / largest, rtol=0, atol=1e-10)


def test_directions_behind_a_plane_are_nan() -> None:
    image = makers.make_gwcs(SMALL, (0.0, 0.0), 2 * 3600.0, distortion=0.0)
    grid = makers.make_grid(SMALL, (70.0, 3.0), 3600.0)
    found, wanted = both(image, grid)
    assert_array_equal(np.isnan(found), np.isnan(wanted))
    assert 0.1 < np.isnan(wanted).mean() < 0.9
    known = np.isfinite(wanted)
    assert_allclose(found[known], wanted[known], rtol=1e-11, atol=1e-9)


def none_for(image: Any, grid: Any) -> None:
    """Fail if there is a program."""
    assert translated(image, grid, range(50), range(40)) is None
    mapping = build_pixmap(image, grid, range(50), range(40), PixmapOptions(1))
    assert isinstance(mapping, ModelPixelMap)


class Odd(m.Shift):
    """A model that is not the class that it derives from."""

    @staticmethod
    def evaluate(x: Any, offset: Any) -> Any:
        return x + offset + np.sin(x)


def test_other_kinds_call_the_models() -> None:
    image, grid = makers.make_gwcs(SMALL), makers.make_grid(SMALL)
    none_for(image, makers.make_gwcs(SMALL))
    none_for(image, makers.make_sip(SMALL))
    none_for(makers.Plain(), makers.Plain())
    none_for(makers.make_gwcs(SMALL, (330.0, -2.0)), grid)
    odd = Odd(0.1) & m.Identity(1) | grid.forward_transform
    none_for(type(grid)(odd, grid.input_frame, grid.output_frame), grid)
    unchecked = makers.make_fits(SMALL)
    unchecked.wcs.bounds_check(True, False)
    none_for(image, unchecked)
    other = makers.make_fits(SMALL)
    other.wcs.ctype = "RA---SIN", "DEC--SIN"
    none_for(other, grid)
    none_for(image, other)


def test_models_with_units_call_the_models() -> None:
    grid = makers.make_grid(SMALL)
    model = (
        m.Shift(-20 * u.pix) & m.Shift(-25 * u.pix)
        | m.Multiply(1e-5 * u.deg / u.pix) & m.Multiply(1e-5 * u.deg / u.pix)
        | m.Pix2Sky_TAN()
        | m.RotateNative2Celestial(150 * u.deg, 2 * u.deg, 180 * u.deg)
    )
    none_for(type(grid)(model, grid.input_frame, grid.output_frame), grid)


@pytest.mark.parametrize("error", [1e-7, 1e-3, np.nan])
def test_a_program_that_is_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch, error: float) -> None:
    image, grid = makers.make_gwcs(SMALL), makers.make_grid(SMALL)
    assert translated(image, grid, range(50), range(40)) is not None
    rules = models._rules()

    def wrong(model: Any, values: Any) -> list[Linear]:
        return [combined((1.0,), values, model.offset.value + error)]

    monkeypatch.setattr(models, "_rules", lambda: {**rules, m.Shift: wrong})
    assert translated(image, grid, range(50), range(40)) is None


@pytest.mark.parametrize("make", [makers.make_gwcs, makers.make_sip, make_telescope])
def test_a_cutout_has_the_same_program(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Any]
) -> None:
    image = make(SMALL)
    grid, compared = grid_at(image), []
    original = translate._is_right

    def record(*arguments: Any) -> bool:
        compared.append(arguments[-2:])
        return original(*arguments)

    monkeypatch.setattr(translate, "_is_right", record)
    for x, y in ((range(50), range(40)), (range(7, 9), range(3, 4))):
        assert translated(image, grid, x, y) is not None
    assert compared[0] == compared[1]


def test_angles_that_do_not_belong_together() -> None:
    first, second = (apply_model(m.Pix2Sky_TAN(), pixel()) for _ in range(2))
    mixed: list[tuple[Expression, Expression]] = [
        (first[0], second[1]),
        (first[1], first[0]),
        (first[0], combined((EXTENDED(1),), pixel()[:1])),
    ]
    for pair in mixed:
        with pytest.raises(translate.UntranslatableError):
            apply_model(m.Sky2Pix_TAN(), pair)
    with pytest.raises(translate.UntranslatableError, match="arithmetic with angles"):
        apply_model(m.Shift(1.0) & m.Identity(1), first)


def test_without_a_program_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "of", None)
    image, grid = makers.make_gwcs(), makers.make_grid()
    for options in (PixmapOptions(), PixmapOptions(5), PixmapOptions(1, compiled=False)):
        build_pixmap(image, grid, range(50), range(40), options)


def test_tiles_and_threads_have_the_bits_of_the_whole() -> None:
    exposures = [
        xrs.make_exposure(np.ones(SMALL, np.float32), image, exposure_time=1.0)
        for image in (make_telescope(SMALL), make_telescope(SMALL, (150.0001, 2.0), aligned=True))
    ]
    grid = xrs.fit_wcs(exposures)
    options: dict[str, Any] = {"pixmap_stepsize": 1, "weight_type": None, "dtype": "float64"}
    whole = xrs.coadd(exposures, grid, threads=1, **options)
    for other in (
        xrs.coadd(exposures, grid, threads=3, **options),
        xrs.coadd(exposures, grid, chunks=23, **options),
    ):
        for name in ("data", "wht", "con"):
            assert_array_equal(other[name], whole[name])
