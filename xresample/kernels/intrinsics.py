"""The one instruction sequence that a deposit is made of, as vectors of four or eight lanes.

The compiler does not make vectors of several statements by itself here (numba leaves that
optimisation out), it checks each index for counting from the end, and it counts references
to arrays at every call of a function that takes one. Written down as vector code, a deposit
costs a third of what it does otherwise.

Samples and sums are flat arrays of float64, and are counted in vectors of ``width`` lanes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .structures import GROUP, SPAN

I32, I64, F64 = ir.IntType(32), ir.IntType(64), ir.DoubleType()


def add_lanes(sums, at, factor, samples, sample):
    """Add ``factor`` times the group ``sample`` of ``samples`` to the group ``at`` of ``sums``.

    A factor of 0 adds nothing, whatever the samples are.
    """
    _add(sums, at, factor, samples, sample)


def _add(sums, at, factor, samples, sample):
    if factor != 0.0:
        own = samples[sample * GROUP : (sample + 1) * GROUP]
        sums[at * GROUP : (at + 1) * GROUP] += factor * own


class Vectors:
    """Writes the instructions for vectors of ``width`` lanes."""

    def __init__(self, context: Any, builder: Any, width: int) -> None:
        self.context, self.builder, self.width = context, builder, width
        self.type = ir.VectorType(F64, width)
        self.zeros = ir.Constant(self.type, [0.0] * width)

    def data(self, array_type: Any, array: Any) -> Any:
        """Return the pointer to the first element of an array."""
        return self.context.make_array(array_type)(self.context, self.builder, array).data

    def pointer(self, data: Any, group: Any) -> Any:
        """Return the pointer to a vector that starts with a group."""
        start = self.builder.mul(group, ir.Constant(I64, GROUP))
        return self.builder.bitcast(self.builder.gep(data, [start]), self.type.as_pointer())

    def filled(self, value: Any) -> Any:
        """Return a vector with one value in all lanes."""
        undefined = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(I32, 0))
        lanes = ir.Constant(ir.VectorType(I32, self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, undefined, lanes)

    def factors(self, first: Any, last: Any) -> Any:
        """Return one factor for the lanes of the last group, another for those before it."""
        in_last = [lane >= self.width - GROUP for lane in range(self.width)]
        mask = ir.Constant(ir.VectorType(ir.IntType(1), self.width), in_last)
        return self.builder.select(mask, self.filled(last), self.filled(first))

    def add(self, target: Any, factors: Any, samples: Any) -> None:
        """Add factors times the samples to what a pointer points to."""
        builder = self.builder
        # A select in place of a branch: which cells a pixel overlaps is hard to predict. Of the
        # product, not of the sum: a masked store is slow to read back.
        there = builder.fcmp_unordered("!=", factors, self.zeros)
        product = builder.select(there, builder.fmul(factors, samples), self.zeros)
        builder.store(builder.fadd(builder.load(target, align=8), product), target, align=8)


def _cells(side: int, builder: Any, data: Any, k: Any, w: Any) -> Any:
    """Yield the column, row and overlap times ``w`` of each cell of a patch."""
    for m in range(side * side):
        index = builder.add(k, ir.Constant(I64, m * SPAN))
        yield m % side, m // side, builder.fmul(builder.load(builder.gep(data, [index])), w)


@intrinsic
def _vector(typingctx, sums, at, factor, samples, sample):
    def codegen(context, builder, signature, args):
        make = Vectors(context, builder, GROUP)
        target = make.pointer(make.data(signature.args[0], args[0]), args[1])
        source = make.pointer(make.data(signature.args[3], args[3]), args[4])
        make.add(target, make.filled(args[2]), builder.load(source, align=8))
        return cgutils.get_null_value(context.get_value_type(types.void))

    return types.void(sums, types.intp, types.float64, samples, types.intp), codegen


def _vectors(width: int, side: int) -> Any:
    """Return the intrinsic that adds vectors of some lanes to a patch."""

    @intrinsic
    def vectors(typingctx, sums, at, steps, cells, k, w, powers, samples, sample):
        def codegen(context, builder, signature, args):
            make = Vectors(context, builder, width)
            data = make.data(signature.args[0], args[0])
            overlaps = make.data(signature.args[3], args[3])
            source = make.pointer(make.data(signature.args[7], args[7]), args[8])
            own = builder.load(source, align=8)
            step, row = (builder.extract_value(args[2], n) for n in range(2))
            one = ir.Constant(I64, 1)
            once = [
                builder.icmp_signed("==", builder.extract_value(args[6], n), one) for n in range(2)
            ]
            for c, r, aw in _cells(side, builder, overlaps, args[4], args[5]):
                away = builder.add(
                    builder.mul(step, ir.Constant(I64, c)), builder.mul(row, ir.Constant(I64, r))
                )
                squared = builder.fmul(aw, aw)
                factors = make.factors(*(builder.select(o, aw, squared) for o in once))
                make.add(make.pointer(data, builder.add(args[1], away)), factors, own)
            return cgutils.get_null_value(context.get_value_type(types.void))

        whole, pair = types.intp, types.UniTuple(types.intp, 2)
        return types.void(
            sums, whole, pair, cells, whole, types.float64, pair, samples, whole
        ), codegen

    return vectors


def _flags(side: int) -> Any:
    """Return the intrinsic that sets flags of a patch."""

    @intrinsic
    def flags_of(typingctx, flags, at, row, cells, k, w, flag):
        def codegen(context, builder, signature, args):
            make = Vectors(context, builder, 1)
            data = make.data(signature.args[0], args[0])
            overlaps = make.data(signature.args[3], args[3])
            for c, r, aw in _cells(side, builder, overlaps, args[4], args[5]):
                away = builder.add(builder.mul(args[2], ir.Constant(I64, r)), ir.Constant(I64, c))
                target = builder.gep(data, [builder.add(args[1], away)])
                positive = builder.fcmp_ordered(">", aw, ir.Constant(F64, 0.0))
                bits = builder.select(positive, args[6], ir.Constant(I64, 0))
                builder.store(builder.or_(builder.load(target), bits), target)
            return cgutils.get_null_value(context.get_value_type(types.void))

        whole = types.intp
        return types.void(flags, whole, whole, cells, whole, types.float64, whole), codegen

    return flags_of


@intrinsic
def _use_wide_vectors(typingctx):
    """Let the compiler use the longest vectors that the processor has in this function.

    It is told to be wary of them, for the clock of processors of long ago. The function is
    compiled by itself, not into its caller.
    """

    def codegen(context, builder, signature, args):
        attributes = builder.function.attributes
        attributes.add("noinline")
        # These are a set of the attributes that llvmlite knows; this is one of the rest.
        set.add(attributes, '"prefer-vector-width"="512"')
        return cgutils.get_null_value(context.get_value_type(types.void))

    return types.void(), codegen


def _do_nothing():
    """Stand in for an instruction to the compiler where there is none."""


use_wide_vectors = _do_nothing if config.DISABLE_JIT else _use_wide_vectors


@overload(add_lanes, inline="always")
def _add_lanes(sums, at, factor, samples, sample):
    return lambda sums, at, factor, samples, sample: _vector(sums, at, factor, samples, sample)


def patch(side: int) -> tuple[Any, Any, Any]:
    """Return the functions that deposit an input pixel on ``side`` x ``side`` output pixels.

    They add a group of lanes, add a pair of groups, and set flags. No branch depends on the
    overlaps: which cells a pixel overlaps is hard to predict.
    """
    four, eight, bits = _vectors(GROUP, side), _vectors(2 * GROUP, side), _flags(side)

    def add_group(sums, at, steps, cells, k, w, powers, samples, sample):
        """Add a group of lanes, to the first pixel at ``at``, to the others by steps along x, y.

        The factor is the overlap ``cells[m * SPAN + k]`` times ``w``, to a power of 1 or 2.
        """
        for m in range(side * side):
            here = at + m % side * steps[0] + m // side * steps[1]
            _add(sums, here, (cells[m * SPAN + k] * w) ** powers[0], samples, sample)

    def add_pair(sums, at, steps, cells, k, w, powers, samples, sample):
        """Add two groups that stand side by side, each with its power."""
        for m in range(side * side):
            here, aw = at + m % side * steps[0] + m // side * steps[1], cells[m * SPAN + k] * w
            _add(sums, here, aw ** powers[0], samples, sample)
            _add(sums, here + 1, aw ** powers[1], samples, sample + 1)

    def set_flags(flags, at, row, cells, k, w, flag):
        """Set bits where the overlap times ``w`` is positive."""
        for m in range(side * side):
            if cells[m * SPAN + k] * w > 0.0:
                flags[at + m // side * row + m % side] |= flag

    @overload(add_group, inline="always")
    def _add_group(sums, at, steps, cells, k, w, powers, samples, sample):
        def compiled(sums, at, steps, cells, k, w, powers, samples, sample):
            four(sums, at, steps, cells, k, w, powers, samples, sample)

        return compiled

    @overload(add_pair, inline="always")
    def _add_pair(sums, at, steps, cells, k, w, powers, samples, sample):
        def compiled(sums, at, steps, cells, k, w, powers, samples, sample):
            eight(sums, at, steps, cells, k, w, powers, samples, sample)

        return compiled

    @overload(set_flags, inline="always")
    def _set_flags(flags, at, row, cells, k, w, flag):
        def compiled(flags, at, row, cells, k, w, flag):
            bits(flags, at, row, cells, k, w, flag)

        return compiled

    return add_group, add_pair, set_flags
