"""Arithmetic without a call, so that a loop over pixels stays a vector loop."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .jit import inlined

ONE_BIT = 1.5 * 2.0**52
"""Adding this to a float64 leaves no bit for a fraction."""


@inlined
def floor(x):
    """Return the greatest integer not above ``x``, as a float; exact below 2^51, NaN for NaN."""
    nearest = (x + ONE_BIT) - ONE_BIT
    return nearest - 1.0 if nearest > x else nearest


def multiply_add(a, b, c):
    """Return ``a * b + c``; one instruction, rounded once, where the processor has it."""
    return a * b + c


@intrinsic
def _fmuladd(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        double = ir.DoubleType()
        kind = ir.FunctionType(double, [double] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [double], kind), args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@overload(multiply_add, inline="always")
def _multiply_add(a, b, c):
    return lambda a, b, c: _fmuladd(a, b, c)
