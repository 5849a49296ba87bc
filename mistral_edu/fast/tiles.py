"""A tile (the part of a product whose sums all fit in registers), and transposing, which lays out x and w for it."""
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from mistral_edu.fast.instructions import f32, i64
from mistral_edu.fast.vectors import FAST, HAS_AVX512, LANES, add_product, lanes, load, spread, store

TILE_ROWS, TILE_TOKENS = (12, 32) if HAS_AVX512 else (6, 16)
SIDE = 8      # of the square that is transposed in registers
UNROLLED = 4  # steps of a tile's sums between two looks at the end of the loop


@intrinsic
def transpose_block(typingctx, source, source_step, target, target_step, add):
    """target[j, i] = source[i, j], or +=, for SIDE rows and columns of float32. Rows are `step` numbers apart."""
    low = lanes([lane // 2 + lane % 2 * SIDE for lane in range(SIDE)])           # number by number, in turn, of the
    high = lanes([(SIDE + lane) // 2 + lane % 2 * SIDE for lane in range(SIDE)])  # lower, the upper halves of two rows

    def code(context, builder, signature, args):
        source, target = (builder.inttoptr(args[n], f32.as_pointer()) for n in (0, 2))
        place = lambda step, n: builder.mul(step, ir.Constant(i64, n))
        rows = [load(builder, source, place(args[1], n), f32, SIDE) for n in range(SIDE)]
        for _ in range(SIDE.bit_length() - 1):
            # Shuffled as a deck of cards: the first half of the numbers with the second, in turn. Each time, the bits
            # of a number's place (row * SIDE + column) turn by one, until those of row and column have changed places.
            rows = [builder.shuffle_vector(rows[n], rows[n + SIDE // 2], half)
                    for n in range(SIDE // 2) for half in (low, high)]
        places = [builder.gep(target, [place(args[3], n)]) for n in range(SIDE)]
        with builder.if_then(args[4]):
            for at, row in zip(places, rows):
                store(builder, builder.fadd(row, load(builder, at, ir.Constant(i64, 0), f32, SIDE), flags=FAST), at)
        with builder.if_then(builder.not_(args[4])):
            for at, row in zip(places, rows):
                store(builder, row, at)
        return context.get_dummy_value()
    return types.void(*[types.intp] * 4, types.boolean), code


def make_multiply_tile(tokens):
    """Compiled code for a tile of a product, the first `tokens` columns of it.

    (w, x, depth, sums, begin): sums[r, t] += sum over k of w[r, k] * x[k, t]; with begin true, = instead of +=.
    Addresses of float32 without gaps: w (TILE_ROWS, depth), x (depth, TILE_TOKENS), sums (TILE_ROWS, TILE_TOKENS). Each
    number of w is spread over a register and meets all tokens: one read for many products. All sums stay in registers.
    """
    count = min(tokens, LANES)
    vector_type = ir.VectorType(f32, count)
    places = [(r, t) for r in range(TILE_ROWS) for t in range(0, tokens, count)]

    def code(context, builder, signature, args):
        w, x, out = (builder.inttoptr(args[n], f32.as_pointer()) for n in (0, 1, 3))
        depth, unrolled = args[2], ir.Constant(i64, UNROLLED)
        sums = {place: cgutils.alloca_once(builder, vector_type) for place in places}
        at = {(r, t): ir.Constant(i64, r * TILE_TOKENS + t) for r, t in places}
        rows = [builder.gep(w, [builder.mul(depth, ir.Constant(i64, r))]) for r in range(TILE_ROWS)]

        def step(k):
            first = builder.mul(k, ir.Constant(i64, TILE_TOKENS))
            parts = {t: load(builder, x, builder.add(first, ir.Constant(i64, t)), f32, count)
                     for t in range(0, tokens, count)}
            for r, row in enumerate(rows):
                everywhere = spread(builder, builder.load(builder.gep(row, [k])), count)
                for t, part in parts.items():
                    add_product(builder, sums[r, t], everywhere, part)

        with builder.if_else(args[4]) as (begin, go_on):
            with begin:
                for place in places:
                    builder.store(ir.Constant(vector_type, [0.0] * count), sums[place])
            with go_on:
                for place in places:
                    builder.store(load(builder, out, at[place], f32, count), sums[place])
        with cgutils.for_range(builder, builder.udiv(depth, unrolled)) as loop:
            for n in range(UNROLLED):
                step(builder.add(builder.mul(loop.index, unrolled), ir.Constant(i64, n)))
        with cgutils.for_range(builder, builder.urem(depth, unrolled)) as loop:     # what is left, from the end
            step(builder.sub(builder.sub(depth, loop.index), ir.Constant(i64, 1)))
        for place in places:
            store(builder, builder.load(sums[place]), builder.gep(out, [at[place]]))
        return context.get_dummy_value()

    @intrinsic
    def multiply_tile(typingctx, w, x, depth, sums, begin):
        return types.void(*[types.intp] * 4, types.boolean), code

    return multiply_tile
