"""Vector instructions for lanes, products and blocks, written through llvmlite.

`intrinsics` tries these functions and chooses between them and their plain equivalents.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .structures import GROUP, LANES, MIN_OVERLAP, SPAN

I32, I64, F64 = ir.IntType(32), ir.IntType(64), ir.DoubleType()


Adders = tuple[Any, Any]
"""Functions that add a group of lanes to some cells, and a pair of groups."""


class Vectors:
    """Writes instructions for vectors of ``width`` lanes."""

    def __init__(self, context: Any, builder: Any, width: int) -> None:
        self.context, self.builder, self.width = context, builder, width
        self.type, self.words = ir.VectorType(F64, width), ir.VectorType(I64, width)
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

    def marked(self, mark: Any) -> Any:
        """Return a vector with bits in one lane and 0 in the others; ``mark`` is bits and lane."""
        bits, lane = (
            self.builder.bitcast(self.filled(self.builder.bitcast(number, F64)), self.words)
            for number in (self.builder.extract_value(mark, k) for k in range(2))
        )
        lanes = ir.Constant(self.words, list(range(self.width)))
        here = self.builder.icmp_signed("==", lanes, lane)
        return self.builder.select(here, bits, ir.Constant(self.words, [0] * self.width))

    def raised(self, factors: Any, once: list[Any]) -> Any:
        """Return factors or their squares: ``once`` tells which, for the first and last group."""
        squares = self.builder.fmul(factors, factors)
        first, last = (self.builder.select(o, factors, squares) for o in once)
        in_last = [lane >= self.width - GROUP for lane in range(self.width)]
        mask = ir.Constant(ir.VectorType(ir.IntType(1), self.width), in_last)
        return self.builder.select(mask, last, first)

    def raise_and(self, add: Any, powers: Any) -> None:
        """Call ``add`` with the function that raises factors to the powers of both groups."""
        builder, one = self.builder, ir.Constant(I64, 1)
        once = [builder.icmp_signed("==", builder.extract_value(powers, n), one) for n in range(2)]
        # Most exposures have linear lanes only. The processor predicts this branch.
        with builder.if_else(builder.and_(*once)) as (linear, mixed):
            with linear:
                add(lambda factors: factors)
            with mixed:
                add(lambda factors: self.raised(factors, once))

    def add(self, target: Any, factors: Any, samples: Any, bits: Any) -> None:
        """Add factors times samples to the numbers that a pointer points to, and set bits."""
        builder = self.builder
        # A select replaces a branch, because the processor cannot predict which cells a pixel
        # overlaps. The select acts on the product: a masked store would be slow to read back.
        there = builder.fcmp_unordered("!=", factors, self.zeros)
        product = builder.select(there, builder.fmul(factors, samples), self.zeros)
        total = builder.bitcast(builder.fadd(builder.load(target, align=8), product), self.words)
        builder.store(builder.bitcast(builder.or_(total, bits), self.type), target, align=8)

    def where_positive(self, aw: Any, bits: Any) -> Any:
        """Return bits where overlaps times weights are positive, or else 0."""
        positive = self.builder.fcmp_ordered(">", aw, self.zeros)
        return self.builder.select(positive, bits, ir.Constant(self.words, [0] * self.width))


def _cells(side: int, builder: Any, data: Any, k: Any, w: Any) -> Any:
    """Yield the column, row and overlap times ``w`` of each cell of a patch."""
    for m in range(side * side):
        index = builder.add(k, ir.Constant(I64, m * SPAN))
        yield m % side, m // side, builder.fmul(builder.load(builder.gep(data, [index])), w)


def _vectors(width: int, side: int) -> Any:
    """Return the intrinsic that adds vectors of some lanes to a patch."""

    @intrinsic
    def vectors(typingctx, sums, at, steps, cells, k, w, powers, samples, sample, mark):
        def codegen(context, builder, signature, args):
            make = Vectors(context, builder, width)
            data = make.data(signature.args[0], args[0])
            overlaps = make.data(signature.args[3], args[3])
            source = make.pointer(make.data(signature.args[7], args[7]), args[8])
            own, bits = builder.load(source, align=8), make.marked(args[9])
            step, row = (builder.extract_value(args[2], n) for n in range(2))

            def add(raised: Any) -> None:
                for c, r, aw in _cells(side, builder, overlaps, args[4], args[5]):
                    away = builder.add(
                        builder.mul(step, ir.Constant(I64, c)),
                        builder.mul(row, ir.Constant(I64, r)),
                    )
                    target, factors = (
                        make.pointer(data, builder.add(args[1], away)),
                        make.filled(aw),
                    )
                    make.add(target, raised(factors), own, make.where_positive(factors, bits))

            make.raise_and(add, args[6])
            return context.get_dummy_value()

        whole, pair = types.intp, types.UniTuple(types.intp, 2)
        return types.void(
            sums, whole, pair, cells, whole, types.float64, pair, samples, whole, pair
        ), codegen

    return vectors


def _products(make: Vectors, types_of: Any, args: Any) -> Any:
    """Return ``LANES`` overlaps times the weight of a pixel, see `plain.product`.

    The arguments are an array, an index, and a pair of a factor and the weight.
    """
    builder = make.builder
    start = builder.gep(make.data(types_of[0], args[0]), [args[1]])
    factors = builder.load(builder.bitcast(start, make.type.as_pointer()), align=8)
    factor, weight = (make.filled(builder.extract_value(args[2], k)) for k in range(2))
    overlaps = builder.fmul(factors, factor)
    large, small = (make.filled(ir.Constant(F64, s * MIN_OVERLAP)) for s in (1, -1))
    is_kept = builder.or_(
        builder.fcmp_ordered(">", overlaps, large), builder.fcmp_ordered("<", overlaps, small)
    )
    return builder.fmul(builder.select(is_kept, overlaps, make.zeros), weight)


def _row(width: int) -> Any:
    """Return the intrinsic that adds vectors of some lanes to a row of cells."""

    @intrinsic
    def add_row(typingctx, sums, at, steps, cells, start, by, powers, samples, sample, mark):
        def codegen(context, builder, signature, args):
            make = Vectors(context, builder, width)
            data = make.data(signature.args[0], args[0])
            own = builder.load(
                make.pointer(make.data(signature.args[7], args[7]), args[8]), align=8
            )
            products = _products(Vectors(context, builder, LANES), signature.args[3:6], args[3:6])
            bits = make.marked(args[9])
            step, n = (builder.extract_value(args[2], k) for k in range(2))

            def add(raised: Any) -> None:
                # Cells are taken in twos, so the processor can nearly always predict the branches.
                for two in range(0, LANES, 2):
                    with builder.if_then(builder.icmp_signed(">", n, ir.Constant(I64, two))):
                        for c in (two, two + 1):
                            lane = ir.Constant(ir.VectorType(I32, width), [c] * width)
                            filled = builder.shuffle_vector(products, products, lane)
                            away = builder.mul(step, ir.Constant(I64, c))
                            target = make.pointer(data, builder.add(args[1], away))
                            make.add(target, raised(filled), own, make.where_positive(filled, bits))

            make.raise_and(add, args[6])
            return context.get_dummy_value()

        whole, pair = types.intp, types.UniTuple(types.intp, 2)
        numbers = types.UniTuple(types.float64, 2)
        return types.void(
            sums, whole, pair, cells, whole, numbers, pair, samples, whole, pair
        ), codegen

    return add_row


def row_by_llvm() -> Adders:
    """Return the functions of `plain.row` as vector instructions."""
    return _row(GROUP), _row(2 * GROUP)


def patch_by_llvm(side: int) -> Adders:
    """Return the functions of `plain.patch` as vector instructions.

    No branch depends on the overlaps: the processor cannot predict which cells a pixel overlaps.
    """
    return _vectors(GROUP, side), _vectors(2 * GROUP, side)


# The following code turns rows into columns. The compiler itself would load and store scattered
# numbers, which takes three times as long.

_FIRST_OF_PAIRS, _SECOND_OF_PAIRS = (0, 4, 2, 6), (1, 5, 3, 7)
_LOW_HALVES, _HIGH_HALVES = (0, 1, 4, 5), (2, 3, 6, 7)


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of four vectors of four numbers."""

    def mixed(a: Any, b: Any, order: tuple[int, ...]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, GROUP), list(order)))

    even = [mixed(rows[k], rows[k + 1], _FIRST_OF_PAIRS) for k in (0, 2)]
    odd = [mixed(rows[k], rows[k + 1], _SECOND_OF_PAIRS) for k in (0, 2)]
    return [mixed(a, b, half) for half in (_LOW_HALVES, _HIGH_HALVES) for a, b in (even, odd)]


@intrinsic
def turn_by_llvm(typingctx, source, at, pitch, target, to, target_pitch):
    """Write the instructions of `plain.turn`."""

    def codegen(context, builder, signature, args):
        make = Vectors(context, builder, GROUP)

        def lines(array: int) -> list[Any]:
            data = make.data(signature.args[array], args[array])
            at, pitch = args[array + 1], args[array + 2]
            starts = [
                builder.add(at, builder.mul(pitch, ir.Constant(I64, k))) for k in range(GROUP)
            ]
            return [
                builder.bitcast(builder.gep(data, [start]), make.type.as_pointer())
                for start in starts
            ]

        rows = [builder.load(line, align=8) for line in lines(0)]
        for column, line in zip(_turned(builder, rows), lines(3), strict=True):
            builder.store(column, line, align=8)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(source, whole, whole, target, whole, whole), codegen
