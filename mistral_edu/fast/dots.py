"""Sums over a row of weights: side by side for several rows, plain or packed, and weighted sums of rows."""
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from mistral_edu.fast.instructions import f32, i16, i32, i64
from mistral_edu.fast.vectors import (
    FAST,
    HAS_AVX512,
    LANES,
    add_product,
    beginnings,
    lanes,
    load,
    spread,
    store,
    total,
    widened,
    zeros,
)

UNIT = 32     # numbers of x that are rounded together, where they meet integers
STREAMS, PACKED_STREAMS = 6, 3 if HAS_AVX512 else 2  # rows read side by side, as they are or packed
COLUMNS = 32  # numbers of a sum of rows that are added up at once


def make_dots(kind):
    """Compiled code for the products of STREAMS rows with x: totals[n] = sum over k of w[n, k] * x[k].

    (w, far, x, totals, n_blocks): addresses; far: bytes from the beginning of one row to the next. A block is LANES
    numbers. w is bfloat16 if kind is i16, float32 if it is f32; x and totals are float32.
    """
    def code(context, builder, signature, args):
        rows = beginnings(builder, args[0], args[1], kind, STREAMS)
        x, totals = (builder.inttoptr(arg, f32.as_pointer()) for arg in args[2:4])
        sums = [cgutils.alloca_once_value(builder, zeros(LANES)) for _ in rows]
        with cgutils.for_range(builder, args[4]) as loop:
            at = builder.mul(loop.index, ir.Constant(i64, LANES))
            part_of_x = load(builder, x, at, f32)
            for row, row_sums in zip(rows, sums):
                part = load(builder, row, at, kind)
                add_product(builder, row_sums, widened(builder, part, LANES) if kind == i16 else part, part_of_x)
        for n, row_sums in enumerate(sums):
            builder.store(total(builder, builder.load(row_sums)), builder.gep(totals, [ir.Constant(i64, n)]))
        return context.get_dummy_value()

    @intrinsic
    def dots(typingctx, w, far, x, totals, n_blocks):
        return types.void(*[types.intp] * 5), code

    return dots


def make_weighted_sum(kind):
    """Compiled code for COLUMNS numbers of out += weights @ v, which stay in registers for all rows of v.

    (weights, v, row_bytes, out, n_rows): addresses, weights and out of float32; v (n_rows, COLUMNS) as in make_dots.
    """
    parts = [ir.Constant(i64, first) for first in range(0, COLUMNS, LANES)]

    def code(context, builder, signature, args):
        weights, v, row_bytes, out, n_rows = args
        weights, out = (builder.inttoptr(address, f32.as_pointer()) for address in (weights, out))
        sums = [cgutils.alloca_once_value(builder, load(builder, out, part, f32)) for part in parts]
        with cgutils.for_range(builder, n_rows) as loop:
            row = builder.inttoptr(builder.add(v, builder.mul(loop.index, row_bytes)), kind.as_pointer())
            weight = spread(builder, builder.load(builder.gep(weights, [loop.index])), LANES)
            for part, part_sums in zip(parts, sums):
                numbers = load(builder, row, part, kind)
                add_product(builder, part_sums, widened(builder, numbers, LANES) if kind == i16 else numbers, weight)
        for part, part_sums in zip(parts, sums):
            store(builder, builder.load(part_sums), builder.gep(out, [part]))
        return context.get_dummy_value()

    @intrinsic
    def weighted_sum(typingctx, weights, v, row_bytes, out, n_rows):
        return types.void(*[types.intp] * 5), code

    return weighted_sum


def make_packed_dots(bits, group_size, scale_is_bf16):
    """Compiled code for PACKED_STREAMS products of a row with x: sums over groups of s * sum(q * x) + b * sum(x).

    (w, far, scales, biases, far_scales, x, steps, sums, rests, totals, n_blocks): addresses; far, far_scales: bytes
    from the beginning of one row to the next, and of its scales or biases to theirs. w is the rows as MLX packs them,
    one number after another, the first in the lowest bits. A block is a cache line: 32 halves of 16 bits.
    Each time, one number of every half is masked out and multiplied by x in 16-bit integers: 16 or 32 products, added
    in pairs, are one instruction. rows.shuffle rounds x to such integers, and puts them in that order.
    steps: the unit in which they count, for each UNIT of x; sums: of x, over each UNIT; rests: the same for what
    rounding took off, times the middle of all q. So what was rounded off counts only by how far q is from that middle.
    """
    per_half = 16 // bits
    block = 2 * LANES * per_half
    n_units, n_scales = block // UNIT, max(1, block // group_size)  # of a block, which has as many biases as scales
    scale_type = i16 if scale_is_bf16 else f32
    of_unit = lanes([unit * n_scales // n_units for unit in range(n_units)])
    of_lane = lanes([lane * n_units // LANES for lane in range(LANES)])
    whole = ir.VectorType(i32, 2 * LANES)

    def numbers(builder, halves, n):
        """The n-th number of each half."""
        if n > 0:
            halves = builder.lshr(halves, ir.Constant(halves.type, [n * bits] * 2 * LANES))
        if n < per_half - 1:
            halves = builder.and_(halves, ir.Constant(halves.type, [2**bits - 1] * 2 * LANES))
        return halves

    def pairs(builder, q, x):
        products = builder.mul(builder.sext(q, whole), builder.sext(x, whole))
        even, odd = (builder.shuffle_vector(products, products, lanes(range(first, 2 * LANES, 2))) for first in (0, 1))
        return builder.add(even, odd)

    def of_units(builder, base, block_number):
        """The scale or bias of each unit of a block."""
        first = builder.udiv(builder.mul(block_number, ir.Constant(i64, block)), ir.Constant(i64, group_size))
        few = load(builder, base, first, scale_type, n_scales)
        if scale_is_bf16:
            few = widened(builder, few, n_scales)
        return builder.shuffle_vector(few, few, of_unit)

    def code(context, builder, signature, args):
        w, far, scales, biases, far_scales, *of_x, totals, n_blocks = args
        rows = [beginnings(builder, *row, PACKED_STREAMS) for row in (
            (w, far, i16), (scales, far_scales, scale_type), (biases, far_scales, scale_type))]
        x, steps, sums_of_x, rests, totals = (builder.inttoptr(arg, kind.as_pointer()) for arg, kind in (
            *zip(of_x, (i16, f32, f32, f32)), (totals, f32)))
        sums = [[cgutils.alloca_once_value(builder, zeros(count)) for count in (LANES, n_units)]
                for _ in range(PACKED_STREAMS)]
        with cgutils.for_range(builder, n_blocks) as loop:
            unit = builder.mul(loop.index, ir.Constant(i64, n_units))
            first = builder.mul(loop.index, ir.Constant(i64, block))
            xs = [load(builder, x, builder.add(first, ir.Constant(i64, n * 2 * LANES)), i16, 2 * LANES)
                  for n in range(per_half)]
            of_unit_steps, of_unit_sums, of_unit_rests = (
                load(builder, base, unit, f32, n_units) for base in (steps, sums_of_x, rests))
            for row, row_scales, row_biases, (products_of_row, shifts) in zip(*rows, sums):
                halves = load(builder, row, builder.mul(loop.index, ir.Constant(i64, 2 * LANES)), i16, 2 * LANES)
                products = None
                for n, part_of_x in enumerate(xs):
                    part = pairs(builder, numbers(builder, halves, n), part_of_x)
                    products = part if products is None else builder.add(products, part)
                scale = of_units(builder, row_scales, loop.index)
                add_product(builder, shifts, scale, of_unit_rests)
                add_product(builder, shifts, of_units(builder, row_biases, loop.index), of_unit_sums)
                scale = builder.fmul(scale, of_unit_steps, flags=FAST)
                add_product(builder, products_of_row, builder.sitofp(products, ir.VectorType(f32, LANES)),
                            builder.shuffle_vector(scale, scale, of_lane))
        for n, row_sums in enumerate(sums):
            a, b = (total(builder, builder.load(part)) for part in row_sums)
            builder.store(builder.fadd(a, b, flags=FAST), builder.gep(totals, [ir.Constant(i64, n)]))
        return context.get_dummy_value()

    @intrinsic
    def packed_dots(typingctx, w, far, scales, biases, far_scales, x, steps, sums, rests, totals, n_blocks):
        return types.void(*[types.intp] * 11), code

    return packed_dots
