"""Instructions that read memory, or ask for it, by its address.

numba knows no way to read an array by its address. Like ``intrinsics``, this module writes the
instructions through llvmlite, with plain equivalents where that does not work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import plain
from .intrinsics import works
from .jit import inlined, jit
from .structures import CACHE_LINE
from .vectors import F64, I32

Readers = tuple[Any, Any, Any]
"""Functions that read a float32, a float64 and a uint32 number."""


def _reader_by_llvm(kind: Any, number: Any) -> Any:
    @intrinsic
    def number_at(typingctx, address, k, scratch):
        def codegen(context, builder, signature, args):
            start = builder.inttoptr(args[0], number.as_pointer())
            return builder.load(builder.gep(start, [args[1]]))

        return kind(types.intp, types.intp, scratch), codegen

    return number_at


def readers_by_llvm() -> Readers:
    """Return the functions of `plain.readers` as one instruction each."""
    return (
        _reader_by_llvm(types.float32, ir.FloatType()),
        _reader_by_llvm(types.float64, F64),
        _reader_by_llvm(types.uint32, I32),
    )


# The following code asks for memory before it is needed. The processor does so by itself only
# after a few lines of a plane, and a tile reads short pieces of many planes.

_READ, _SECOND_LEVEL, _DATA = I32(0), I32(2), I32(1)


@intrinsic
def prefetch_by_llvm(typingctx, address):
    """Write the instruction of `plain.prefetch`."""

    def codegen(context, builder, signature, args):
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        where = builder.inttoptr(args[0], byte)
        builder.call(function, [where, _READ, _SECOND_LEVEL, _DATA])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


# The functions below try the features on a few numbers.


_FLOAT_BY_LLVM, _DOUBLE_BY_LLVM, _WORD_BY_LLVM = readers_by_llvm()


@jit
def _try_readers(address, scratch):
    last = _DOUBLE_BY_LLVM(address, 2, scratch)
    return last, _FLOAT_BY_LLVM(address, 2, scratch), _WORD_BY_LLVM(address, 2, scratch)


def readers_work() -> bool:
    """Tell whether the functions of `readers_by_llvm` find numbers in memory."""
    numbers = np.array([1.1, -2.2, 3.3])
    expected = numbers[2], numbers.view(np.float32)[2], numbers.view(np.uint32)[2]
    return _try_readers(numbers.ctypes.data, np.zeros(3)) == expected


@jit
def _try_prefetch(address):
    prefetch_by_llvm(address)
    return True


def prefetch_works() -> bool:
    """Tell whether `prefetch_by_llvm` can be compiled, and does no harm at any address."""
    return bool(_try_prefetch(np.zeros(1).ctypes.data) and _try_prefetch(0))


float_at, double_at, word_at = (
    readers_by_llvm() if works("readers", readers_work) else plain.readers()
)
prefetch = prefetch_by_llvm if works("prefetch", prefetch_works) else inlined(plain.prefetch)


@inlined
def fetch(address, size):
    """Ask for some bytes that are needed soon; the address need not be valid."""
    for k in range(0, size, CACHE_LINE):
        prefetch(address + k)
