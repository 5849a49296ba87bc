"""What Python cannot say to the compiler: bits read as another type, atomic counters, and sums over 16 numbers at once.

Each function here writes a few instructions of LLVM, the language that numba translates Python into. LLVM turns a
vector of 16 floats into whatever the processor has: one AVX-512 register, two of AVX2, four of ARM's NEON.
"""
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
i8, i16, i32, i64, f32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
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


def make_group_dot(bits, group_size, scale_is_bf16):
    """Compiled code for the part of a row's product that has the integers in it: sum over groups of s * sum(q * x).

    (w, scales, x, n_groups) -> float32; the first three are addresses. w is the row as MLX packs it. In 4 bit x lies as
    arithmetic.shuffle orders it: of each 32 numbers first those at even places, then those at odd ones. For one byte
    holds an even and an odd neighbour, and so 16 bytes give two vectors that meet 16 numbers of x each.
    """
    Vector = lambda kind: ir.VectorType(kind, LANES)  # noqa: E731
    n_bytes = group_size * bits // 8
    per_load = LANES * 8 // bits                      # numbers in 16 bytes

    def load(builder, base, index, kind):
        at = builder.bitcast(builder.gep(base, [index]), Vector(kind).as_pointer())
        vector = builder.load(at)
        vector.align = 1                              # rows begin anywhere
        return vector

    def filled(builder, number):
        one = builder.insert_element(ir.Constant(Vector(number.type), ir.Undefined), number, ir.Constant(i32, 0))
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(i32, LANES), [0] * LANES))

    def constant(kind, number):
        return ir.Constant(Vector(kind), [number] * LANES)

    def total(builder, vector):
        while (n := vector.type.count) > 1:           # fold the upper half onto the lower one
            low, high = (ir.Constant(ir.VectorType(i32, n // 2), list(range(start, start + n // 2)))
                         for start in (0, n // 2))
            vector = builder.fadd(builder.shuffle_vector(vector, vector, low),
                                  builder.shuffle_vector(vector, vector, high), flags=FAST)
        return builder.extract_element(vector, ir.Constant(i32, 0))

    def code(context, builder, signature, args):
        w = builder.inttoptr(args[0], i8.as_pointer())
        scales = builder.inttoptr(args[1], (i16 if scale_is_bf16 else f32).as_pointer())
        x = builder.inttoptr(args[2], f32.as_pointer())
        sums = cgutils.alloca_once_value(builder, constant(f32, 0.0))
        with cgutils.for_range(builder, args[3]) as loop:
            scale = builder.load(builder.gep(scales, [loop.index]))
            if scale_is_bf16:                         # the upper half of a float32
                scale = builder.bitcast(builder.shl(builder.zext(scale, i32), ir.Constant(i32, 16)), f32)
            w_at = builder.mul(loop.index, ir.Constant(i64, n_bytes))
            x_at = builder.mul(loop.index, ir.Constant(i64, group_size))
            products = None
            for n in range(n_bytes // LANES):
                packed = load(builder, w, builder.add(w_at, ir.Constant(i64, n * LANES)), i8)
                packed = builder.zext(packed, Vector(i32))
                parts = [packed] if bits == 8 else [builder.and_(packed, constant(i32, 15)),
                                                    builder.lshr(packed, constant(i32, 4))]
                for m, part in enumerate(parts):
                    at = builder.add(x_at, ir.Constant(i64, n * per_load + m * LANES))
                    product = builder.fmul(builder.uitofp(part, Vector(f32)), load(builder, x, at, f32), flags=FAST)
                    products = product if products is None else builder.fadd(products, product, flags=FAST)
            scaled = builder.fmul(products, filled(builder, scale), flags=FAST)
            builder.store(builder.fadd(scaled, builder.load(sums), flags=FAST), sums)
        return total(builder, builder.load(sums))

    @intrinsic
    def group_dot(typingctx, w, scales, x, n_groups):
        return types.float32(types.intp, types.intp, types.intp, types.intp), code

    return group_dot
