"""Instructions that numba does not write by itself.

A deposit is a short sequence of vector instructions. numba makes no vectors of several statements,
and checks each index for counting from the end. Therefore ``vectors`` writes these instructions
through llvmlite, which makes a deposit cost a third of its plain equivalent. This module writes
the rest, tries every feature, and chooses.

Each feature, ``*_by_llvm``, has an equivalent in ``plain``. When the module is imported, a small
function tries each feature and checks the numbers. A feature that fails is replaced by the plain
equivalent, which works without llvmlite and with numba switched off. Results may then differ by
rounding, because `multiply_add` rounds twice.

Samples and sums are flat arrays of float64 and are counted in groups of ``GROUP`` lanes.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import plain
from .jit import inlined, jit, variant
from .structures import GROUP, LANES, NO_LANE, SPAN, TOUCHED
from .vectors import (
    F64,
    patch_by_llvm,
    row_by_llvm,
    turn_by_llvm,
)

# The following code multiplies and adds with one rounding instead of two.


@intrinsic
def multiply_add_by_llvm(typingctx, a, b, c):
    """Write one instruction for ``a * b + c``, rounded once, where the processor has one."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(F64, [F64] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [F64], kind), args)

    return types.float64(types.float64, types.float64, types.float64), codegen


# The following code asks for the longest vectors of the processor.


@intrinsic
def use_wide_vectors_by_llvm(typingctx):
    """Let the compiler use the longest vectors of the processor in the calling function.

    By default the compiler avoids them, because they slow down the clock of old processors. The
    calling function is not compiled into its caller.
    """

    def codegen(context, builder, signature, args):
        attributes = builder.function.attributes
        attributes.add("noinline")
        # ``attributes.add`` refuses names that llvmlite does not list, so ``set.add`` is called.
        set.add(attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


# The functions below try the features on a few numbers.


_GROUP_BY_LLVM, _PAIR_BY_LLVM = patch_by_llvm(2)


@jit
def _try_patch(sums, cells, samples):
    _GROUP_BY_LLVM(sums, 0, (3, 6), cells, 1, 2.0, (2, 2), samples, 0, (TOUCHED | 5, NO_LANE))
    _PAIR_BY_LLVM(sums, 1, (3, 6), cells, 1, 2.0, (1, 2), samples, 1, (TOUCHED | 5, GROUP + 1))


def patches_work() -> bool:
    """Tell whether the functions of `patch_by_llvm` deposit on 2 x 2 pixels of three groups.

    A factor of 0 drops even NaN.
    """
    sums, cells, samples = np.zeros((4, 3, GROUP)), np.zeros(4 * SPAN), np.arange(3.0 * GROUP)
    samples[0] = np.nan
    overlaps = np.array([0.25, 0.0, 0.5, 0.125])
    cells[1::SPAN] = overlaps
    _try_patch(sums.reshape(-1), cells, samples)
    powers = (2 * overlaps[:, None]) ** (2, 1, 2)
    return _are(sums, powers, samples, np.array([True, False, True, True]))


def _are(sums: np.ndarray, powers: np.ndarray, samples: np.ndarray, positive: np.ndarray) -> bool:
    """Tell whether sums, zero before, are powers times samples, with bits in lane 1 of group 2."""
    expected = powers[:, :, None] * samples.reshape(3, GROUP)
    expected[(powers == 0).all(axis=1)] = 0.0
    expected[:, 2, 1].view(np.int64)[positive] |= TOUCHED | 5
    return (
        np.array_equal(sums[: len(powers)], expected, equal_nan=True)
        and not sums[len(powers) :].any()
    )


_ROW_OF_GROUPS, _ROW_OF_PAIRS = row_by_llvm()


@jit
def _try_row(sums, cells, samples):
    by = 2.0, 0.5
    _ROW_OF_GROUPS(sums, 0, (3, 3), cells, 1, by, (2, 2), samples, 0, (TOUCHED | 5, NO_LANE))
    _ROW_OF_PAIRS(sums, 1, (3, 3), cells, 1, by, (1, 2), samples, 1, (TOUCHED | 5, GROUP + 1))


def rows_work() -> bool:
    """Tell whether the functions of `row_by_llvm` deposit on a row of three cells."""
    sums, cells, samples = np.zeros((5, 3, GROUP)), np.zeros(LANES + 1), np.arange(3.0 * GROUP)
    cells[1:4] = factors = np.array([0.5, 0.0, -1.0])
    samples[0] = np.nan
    _try_row(sums.reshape(-1), cells, samples)
    return _are(sums, factors[:, None] ** (2, 1, 2), samples, factors > 0)


@jit
def _try_turn(source, target):
    turn_by_llvm(source, 1, 5, target, 2, 6)


def turn_works() -> bool:
    """Tell whether `turn_by_llvm` turns a block, and touches nothing else."""
    source, target = np.arange(21.0), np.zeros((5, 6))
    _try_turn(source, target.reshape(-1))
    expected = np.zeros((5, 6))
    expected[:4, 2:] = source[1:].reshape(4, 5)[:, :4].T
    return np.array_equal(target, expected)


@jit
def _try_multiply_add(a, b, c):
    return multiply_add_by_llvm(a, b, c)


def multiply_add_works() -> bool:
    """Tell whether `multiply_add_by_llvm` is right to the last bits."""
    return abs(_try_multiply_add(3.0, 1 / 3, 1.0) - 2.0) < 1e-15


@jit
def _try_wide_vectors(numbers):
    use_wide_vectors_by_llvm()
    for k in range(numbers.size):
        numbers[k] += 1.0


def wide_vectors_work() -> bool:
    """Tell whether a function with `use_wide_vectors_by_llvm` can be compiled."""
    numbers = np.zeros(64)
    _try_wide_vectors(numbers)
    return bool((numbers == 1.0).all())


def works(name: str, check: Callable[[], bool]) -> bool:
    """Tell whether a feature may be used, and note its name in `variant` where it fails.

    Examples
    --------
    >>> works("sums", lambda: 1 + 1 == 2) or numba.config.DISABLE_JIT == 1
    True
    """
    if numba.config.DISABLE_JIT:
        return False
    try:
        found = check()
    except Exception:  # Any failure means that the plain equivalent must be used.
        found = False
    if not found:
        variant.add(name)
    return found


patch = patch_by_llvm if works("patches", patches_work) else plain.patch
row = row_by_llvm if works("rows", rows_work) else plain.row
turn = turn_by_llvm if works("turn", turn_works) else inlined(plain.turn)
multiply_add = (
    multiply_add_by_llvm
    if works("multiply_add", multiply_add_works)
    else inlined(plain.multiply_add)
)
use_wide_vectors = (
    use_wide_vectors_by_llvm
    if works("wide_vectors", wide_vectors_work)
    else inlined(plain.use_wide_vectors)
)
