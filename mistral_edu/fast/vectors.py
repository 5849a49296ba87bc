"""What Python cannot say to the compiler: bits read as another type, atomic counters, and sums over 16 numbers at once.

Each function here writes a few instructions of LLVM, the language that numba translates Python into. LLVM turns a
vector of 16 floats into whatever the processor has: one AVX-512 register, two of AVX2, four of ARM's NEON.
"""
import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

LANES = 16
UNIT = 32     # numbers of x that are rounded together, where they meet whole numbers
# Sums shall stay in registers: AVX-512 has 32 of 16 numbers, AVX2 16 of 8, NEON 32 of 4. So many rows are read side by
# side, as they are or packed; so many numbers of a sum of rows are added up; so large is a tile, a part of a product.
HAS_AVX512 = "+avx512f" in str(cpu_target.target_context.codegen().magic_tuple())
STREAMS, PACKED_STREAMS = 6, 3 if HAS_AVX512 else 2
COLUMNS = 32
TILE_ROWS, TILE_TOKENS = (12, 32) if HAS_AVX512 else (6, 16)
SIDE = 8      # of the square that is transposed in registers
UNROLLED = 4  # steps of a tile's sums between two looks at the end of the loop
i8, i16, i32, i64, f32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
PAUSES = {"x86_64": ("llvm.x86.sse2.pause",), "aarch64": ("llvm.aarch64.hint", 1), "arm64": ("llvm.aarch64.hint", 1)}
FAST = ("fast",)  # sums may be reordered, which is what makes vectors possible


@intrinsic
def float_of_bits(typingctx, bits):
    """The float32 whose 32 bits these are."""
    return types.float32(types.uint32), lambda context, builder, signature, args: builder.bitcast(args[0], f32)


@intrinsic
def bits_of_float(typingctx, number):
    """The 32 bits of a float32."""
    return types.uint32(types.float32), lambda context, builder, signature, args: builder.bitcast(args[0], i32)


@intrinsic
def pointer(typingctx, address):
    """An address, a whole number, as a pointer that numba's carray() makes an array of."""
    voidptr = types.voidptr
    return voidptr(types.intp), lambda context, builder, signature, args: builder.inttoptr(args[0], i8.as_pointer())


@intrinsic
def atomic_add(typingctx, address, amount):
    """Add to the int64 at an address in one step, whichever thread does so at the same time; returns what was there."""
    def code(context, builder, signature, args):
        return builder.atomic_rmw("add", builder.inttoptr(args[0], i64.as_pointer()), args[1], "seq_cst")
    return types.int64(types.intp, types.int64), code


@intrinsic
def atomic_read(typingctx, address):
    """The int64 at an address; whatever another thread wrote before it changed this number can be read after it."""
    def code(context, builder, signature, args):
        return builder.load_atomic(builder.inttoptr(args[0], i64.as_pointer()), "acquire", 8)
    return types.int64(types.intp), code


@intrinsic
def pause(typingctx):
    """Leave the processor's core to others for some nanoseconds: a thread that only waits slows the one it waits for."""
    def code(context, builder, signature, args):
        name, *hint = PAUSES.get(platform.machine(), ("llvm.donothing",))
        kind = ir.FunctionType(ir.VoidType(), [i32] * len(hint))
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [ir.Constant(i32, number) for number in hint])
        return context.get_dummy_value()
    return types.void(), code


def load(builder, base, index, kind, count=LANES):
    """`count` neighbours from base[index] on, as a vector."""
    vector_type = ir.VectorType(kind, count)
    vector = builder.load(builder.bitcast(builder.gep(base, [index]), vector_type.as_pointer()))
    vector.align = 1                                  # rows begin anywhere
    return vector


def store(builder, vector, at):
    builder.store(vector, builder.bitcast(at, vector.type.as_pointer())).align = 4


def lanes(indices):
    return ir.Constant(ir.VectorType(i32, len(indices)), list(indices))


def total(builder, vector):
    """The sum of a vector's numbers."""
    while (n := vector.type.count) > 1:               # fold the upper half onto the lower one
        low, high = lanes(list(range(n // 2))), lanes(list(range(n // 2, n)))
        vector = builder.fadd(builder.shuffle_vector(vector, vector, low),
                              builder.shuffle_vector(vector, vector, high), flags=FAST)
    return builder.extract_element(vector, ir.Constant(i32, 0))


def spread(builder, number, count):
    """A vector that holds a float32 `count` times."""
    one = builder.insert_element(ir.Constant(ir.VectorType(f32, count), ir.Undefined), number, ir.Constant(i32, 0))
    return builder.shuffle_vector(one, one, lanes([0] * count))


def add_product(builder, sums, a, b):
    """*sums += a * b."""
    builder.store(builder.fadd(builder.fmul(a, b, flags=FAST), builder.load(sums), flags=FAST), sums)


def widened(builder, halves, count):
    """Numbers in bfloat16, the upper halves of float32."""
    words = builder.zext(halves, ir.VectorType(i32, count))
    words = builder.shl(words, ir.Constant(ir.VectorType(i32, count), [16] * count))
    return builder.bitcast(words, ir.VectorType(f32, count))


def zeros(count):
    return ir.Constant(ir.VectorType(f32, count), [0.0] * count)


def beginnings(builder, address, far, kind, count):
    """Pointers to `count` rows, each `far` bytes after the one before."""
    return [builder.inttoptr(builder.add(address, builder.mul(far, ir.Constant(i64, n))), kind.as_pointer())
            for n in range(count)]


def make_dots(kind):
    """Compiled code for the products of STREAMS rows with x: totals[n] = sum over k of w[n, k] * x[k].

    (w, far, x, totals, n_blocks): addresses; far: how many bytes lie between the beginnings of two rows. A block is
    LANES numbers. w is in bfloat16 where kind is i16, in float32 where it is f32; x and totals are float32.
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

    (w, far, scales, biases, far_scales, x, steps, sums, rests, totals, n_blocks): addresses; far, far_scales: how many
    bytes lie between the beginnings of two rows, and of their scales, or biases. w is the rows as MLX packs them, one
    number after the other, the first in the lowest bits. A block is a cache line: 32 halves of 16 bits.
    Each time, one number of every half is masked out, and multiplied with x in whole numbers of 16 bits: 16 or 32
    products, added in pairs, are one instruction. rows.shuffle rounds x to such numbers, and puts them in that order.
    steps: what they count in, for each UNIT of x; sums: of x, over each UNIT; rests: the same of what rounding took
    off, times the middle of all q. So what was rounded off counts only by how far q is from that middle.
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


@intrinsic
def ask_for(typingctx, address):
    """Ask for the cache line at an address, which will be read soon. Any address will do: none is an error."""
    def code(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [i8.as_pointer(), i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, keep, data = (ir.Constant(i32, number) for number in (0, 3, 1))
        builder.call(function, [builder.inttoptr(args[0], i8.as_pointer()), to_read, keep, data])
        return context.get_dummy_value()
    return types.void(types.intp), code


@intrinsic
def transpose_block(typingctx, source, source_step, target, target_step, add):
    """target[j, i] = source[i, j], or +=, for SIDE rows and columns of float32. Rows lie `step` numbers apart."""
    low = lanes([lane // 2 + lane % 2 * SIDE for lane in range(SIDE)])           # number by number, in turn, of the
    high = lanes([(SIDE + lane) // 2 + lane % 2 * SIDE for lane in range(SIDE)])  # lower, the upper halves of two rows

    def code(context, builder, signature, args):
        source, target = (builder.inttoptr(args[n], f32.as_pointer()) for n in (0, 2))
        place = lambda step, n: builder.mul(step, ir.Constant(i64, n))            # noqa: E731
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

    (w, x, depth, sums, begin): sums[r, t] += sum over k of w[r, k] * x[k, t], where begin is true = instead of +=.
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


@intrinsic
def call(typingctx, function, a, b, c, d):
    """Call a C function that takes up to four whole numbers or addresses; returns its int."""
    def code(context, builder, signature, args):
        kind = ir.FunctionType(i32, [i64] * 4)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
    return types.int32(*[types.intp] * 5), code


@intrinsic
def call_sgemm(typingctx, function, transpose_b, m, n, k, a, a_step, b, b_step, beta, c, c_step):
    """c = a @ b + beta * c by the cblas_sgemm at an address: a (m, k), b (k, n) or, transposed, (n, k), c (m, n).

    a, b, c: addresses of float32; their rows begin `step` numbers apart.
    """
    row_major, plain, transposed = 101, 111, 112

    def code(context, builder, signature, args):
        address, transpose, m, n, k, a, a_step, b, b_step, beta, c, c_step = args
        number = lambda value: builder.trunc(value, i32)                       # noqa: E731
        place = lambda value: builder.inttoptr(value, f32.as_pointer())        # noqa: E731
        order, straight, turned = (ir.Constant(i32, value) for value in (row_major, plain, transposed))
        b_order = builder.select(builder.trunc(transpose, ir.IntType(1)), turned, straight)
        values = [order, straight, b_order, number(m), number(n), number(k), ir.Constant(f32, 1.0),
                  place(a), number(a_step), place(b), number(b_step), beta, place(c), number(c_step)]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(address, kind.as_pointer()), values)
        return context.get_dummy_value()
    whole = types.intp
    return types.void(whole, types.boolean, *[whole] * 7, types.float32, whole, whole), code
