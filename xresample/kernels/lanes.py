"""The one instruction sequence that a deposit is made of, as vectors of four lanes.

The compiler does not make vectors of four statements by itself here (numba leaves that
optimisation out), and it checks each index for counting from the end. Written down as
vector code, a deposit costs a third of what it does otherwise.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from .structures import GROUP


def add_lanes(sums, at, factor, samples, sample):
    """Add ``factor`` times the group ``sample`` of ``samples`` to the group ``at`` of ``sums``."""
    target = sums.reshape(-1)[at * GROUP : (at + 1) * GROUP]
    target += factor * samples.reshape(-1)[sample * GROUP : (sample + 1) * GROUP].astype(np.float64)


@intrinsic
def _add_vector(typingctx, sums, at, factor, samples, sample):
    def group(context, builder, array_type, array, index):
        """Return a pointer to a group of lanes, and the type of a vector of them."""
        data = context.make_array(array_type)(context, builder, array).data
        element = context.get_data_type(array_type.dtype)
        vector = ir.VectorType(element, GROUP)
        start = builder.gep(data, [builder.mul(index, ir.Constant(index.type, GROUP))])
        return builder.bitcast(start, vector.as_pointer()), element

    def codegen(context, builder, signature, args):
        sums_value, at_value, factor_value, samples_value, sample_value = args
        double = ir.VectorType(ir.DoubleType(), GROUP)
        target, element = group(context, builder, signature.args[0], sums_value, at_value)
        source, source_element = group(
            context, builder, signature.args[3], samples_value, sample_value
        )
        value = builder.load(source, align=4)
        if source_element != element:
            value = builder.fpext(value, double)
        lane0 = builder.insert_element(
            ir.Constant(double, ir.Undefined), factor_value, ir.Constant(ir.IntType(32), 0)
        )
        mask = ir.Constant(ir.VectorType(ir.IntType(32), GROUP), [0] * GROUP)
        factors = builder.shuffle_vector(lane0, lane0, mask)
        total = builder.fadd(builder.load(target, align=8), builder.fmul(factors, value))
        builder.store(total, target, align=8)
        return cgutils.get_null_value(context.get_value_type(types.void))

    signature = types.void(sums, types.intp, types.float64, samples, types.intp)
    return signature, codegen


@overload(add_lanes, inline="always")
def _add_lanes(sums, at, factor, samples, sample):
    def compiled(sums, at, factor, samples, sample):
        _add_vector(sums, at, factor, samples, sample)

    return compiled
