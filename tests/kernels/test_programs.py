"""The kernel that runs programs, step by step against numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.support.precise_wcs import DEGREE, IS_PRECISE
from xresample.kernels import programs

Step = tuple[int, int, Sequence[int], Sequence[float]]


def run(
    steps: Sequence[Step],
    results: tuple[int, int],
    y: range = range(3),
    x: range = range(-4, 6),
) -> np.ndarray:
    """Run steps ``(code, target, links, numbers)`` on a lattice; return the results, x first."""
    table: list[tuple[int, int, int, int]] = []
    links: list[int] = []
    numbers: list[float] = []
    for code, target, own_links, own_numbers in steps:
        table.append((code, target, len(links), len(numbers)))
        links += own_links
        numbers += own_numbers
    out = np.full((len(y), len(x), 2), -7.0)
    lattice = y.start, y.step, x.start, x.step
    arrays = np.array(table, int).reshape(-1, 4), np.array(links, int), np.array(numbers, float)
    programs.run_program(*arrays, results, lattice, np.full((20, programs.BLOCK), 9e9), out)
    return out


def mesh(y: range = range(3), x: range = range(-4, 6)) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixels of a lattice."""
    at_x, at_y = np.meshgrid(np.array(x, float), np.array(y, float))
    return at_x, at_y


def test_without_steps_the_results_are_the_pixels() -> None:
    y, x = range(2, 9, 3), range(7, 5007, 11)
    assert_array_equal(run([], (0, 1), y, x), np.stack(mesh(y, x), axis=-1))


@pytest.mark.parametrize("factors", [(2.5,), (2.5, -0.75), (0.5, 2.0, 4.0), (1.0, 2.0, 3.0, -4.0)])
def test_sum(factors: tuple[float, ...]) -> None:
    links = [k % 2 for k in range(len(factors))]
    x, y = mesh()
    wanted = 0.25 + sum(f * (x, y)[k] for f, k in zip(factors, links, strict=True))
    found = run([(programs.SUM, 2, [len(links), *links], [0.25, *factors])], (2, 0))
    assert_array_equal(found[..., 0], wanted)


@pytest.mark.parametrize("lengths", [(1,), (0, 2), (3,), (1, 2, 3), (4, 0, 4), (1, 0, 0, 0, 0, 0)])
def test_polynomial(lengths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(lengths))
    rows = [rng.normal(size=length) for length in lengths]
    links = [0, 1, len(lengths), *lengths]
    found = run([(programs.POLYNOMIAL, 2, links, np.concatenate(rows).tolist())], (2, 1))
    x, y = mesh()
    wanted = sum(
        c * x ** (len(rows) - 1 - k) * y ** (len(row) - 1 - n)
        for k, row in enumerate(rows)
        for n, c in enumerate(row)
    )
    assert_allclose(found[..., 0], wanted, rtol=1e-13, atol=1e-12)


@pytest.mark.skipif(not IS_PRECISE, reason="this machine has no extended precision")
def test_vector_of_angles_is_right_to_the_last_bit_but_one() -> None:
    scale = (programs.SUM, 2, [1, 0], [0.0, 0.37])
    other = (programs.SUM, 3, [1, 1], [0.0, 45.0])
    sphere = (programs.SPHERE, 4, [2, 3], [])
    y, x = range(-17, 18), range(-3000, 3000)
    at_x, at_y = mesh(y, x)
    lon, lat = 0.37 * at_x * DEGREE, 45.0 * at_y * DEGREE
    wanted = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    for part in range(3):
        found = run([scale, other, sphere], (4 + part, 0), y, x)[..., 0]
        assert_allclose(found, wanted[part].astype(float), rtol=0, atol=4e-16)


def test_multiples_of_right_angles_are_exact() -> None:
    right = (programs.SUM, 2, [1, 0], [0.0, 90.0])
    zero = (programs.SUM, 3, [1, 0], [0.0, 0.0])
    x = range(-8, 9)
    steps = [right, zero, (programs.SPHERE, 4, [2, 3], [])]
    found = run(steps, (4, 5), range(1), x)[0]
    turns = np.array(x) % 4
    assert_array_equal(found[:, 0], np.array([1.0, 0.0, -1.0, 0.0])[turns])
    assert_array_equal(found[:, 1], np.array([0.0, 1.0, 0.0, -1.0])[turns])


def test_quotients() -> None:
    x, y = mesh()
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = y / x
    steps: list[Step] = [(programs.QUOTIENT, 2, [1, 0], []), (programs.FRONT, 3, [1, 0], [])]
    found = run(steps, (2, 3))
    assert_array_equal(found[..., 0], wanted)
    assert_array_equal(found[..., 1], np.where(x > 0, wanted, np.nan))


def test_vector_of_length_one() -> None:
    x, y = mesh()
    steps: list[Step] = [(programs.SUM, 2, [1, 0], [2.0, 0.0]), (programs.UNIT, 3, [0, 1, 2], [])]
    length = np.sqrt(x**2 + y**2 + 4.0)
    wanted = np.stack([x, 0 * x + 2.0], axis=-1) / length[..., np.newaxis]
    assert_allclose(run(steps, (3, 5)), wanted, rtol=1e-15)


POLYNOMIAL_AND_ALL: list[Step] = [
    (programs.POLYNOMIAL, 2, [0, 1, 3, 1, 2, 3], [1e-7, 2e-6, 1e-3, 3e-7, 1e-3, 0.1]),
    (programs.SPHERE, 4, [2, 1], []),
    (programs.SUM, 7, [3, 4, 5, 6], [0.1, 0.3, 0.4, 0.5]),
    (programs.FRONT, 8, [4, 7], []),
    (programs.UNIT, 9, [8, 7, 2], []),
]


@given(data=st.data())
def test_same_bits_in_any_window(data: st.DataObject) -> None:
    y, x = range(5), range(-300, 700)
    whole = run(POLYNOMIAL_AND_ALL, (9, 10), y, x)
    j, i = (sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in (5, 1000))
    step = data.draw(st.integers(1, 7))
    window = run(POLYNOMIAL_AND_ALL, (9, 10), y[slice(*j)], x[slice(*i, step)])
    assert_array_equal(window, whole[slice(*j), slice(*i, step)])


def test_what_is_not_finite_stays_in_its_pixel() -> None:
    huge: list[Step] = [
        (programs.SUM, 2, [1, 0], [0.0, 1e200]),
        (programs.POLYNOMIAL, 3, [2, 1, 3, 1, 0, 1], [1.0, 5.0]),
        (programs.SPHERE, 5, [3, 1], []),
    ]
    found = run(huge, (3, 5))
    at_zero = mesh()[0] == 0
    assert_array_equal(np.isfinite(found[..., 0]), at_zero)
    assert_array_equal(np.isfinite(found[..., 1]), at_zero)
