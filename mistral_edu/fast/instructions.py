"""What Python cannot say to the compiler: bits read as another type, atomic counters, a pause, a call of C by address.

Each function here writes a few instructions of LLVM, the language into which numba translates Python.
"""
import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

i8, i16, i32, i64, f32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
PAUSES = {"x86_64": ("llvm.x86.sse2.pause",), "aarch64": ("llvm.aarch64.hint", 1), "arm64": ("llvm.aarch64.hint", 1)}


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
    """An address, an integer, as a pointer from which numba's carray() makes an array."""
    voidptr = types.voidptr
    return voidptr(types.intp), lambda context, builder, signature, args: builder.inttoptr(args[0], i8.as_pointer())


@intrinsic
def atomic_add(typingctx, address, amount):
    """Add to the int64 at an address atomically, whatever other threads do at the same time; returns the old value."""
    def code(context, builder, signature, args):
        return builder.atomic_rmw("add", builder.inttoptr(args[0], i64.as_pointer()), args[1], "seq_cst")
    return types.int64(types.intp, types.int64), code


@intrinsic
def atomic_read(typingctx, address):
    """The int64 at an address; whatever another thread wrote before it changed this number can be read afterwards."""
    def code(context, builder, signature, args):
        return builder.load_atomic(builder.inttoptr(args[0], i64.as_pointer()), "acquire", 8)
    return types.int64(types.intp), code


@intrinsic
def pause(typingctx):
    """Leave the core to others for some nanoseconds: a thread that only waits can slow the one that it waits for."""
    def code(context, builder, signature, args):
        name, *hint = PAUSES.get(platform.machine(), ("llvm.donothing",))
        kind = ir.FunctionType(ir.VoidType(), [i32] * len(hint))
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [ir.Constant(i32, number) for number in hint])
        return context.get_dummy_value()
    return types.void(), code


@intrinsic
def ask_for(typingctx, address):
    """Prefetch the cache line at an address that will be read soon. Any address is allowed; none is an error."""
    def code(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [i8.as_pointer(), i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, keep, data = (ir.Constant(i32, number) for number in (0, 3, 1))
        builder.call(function, [builder.inttoptr(args[0], i8.as_pointer()), to_read, keep, data])
        return context.get_dummy_value()
    return types.void(types.intp), code


@intrinsic
def call(typingctx, function, a, b, c, d):
    """Call a C function that takes up to four integers or addresses; returns its int."""
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
        number = lambda value: builder.trunc(value, i32)
        place = lambda value: builder.inttoptr(value, f32.as_pointer())
        order, straight, turned = (ir.Constant(i32, value) for value in (row_major, plain, transposed))
        b_order = builder.select(builder.trunc(transpose, ir.IntType(1)), turned, straight)
        values = [order, straight, b_order, number(m), number(n), number(k), ir.Constant(f32, 1.0),
                  place(a), number(a_step), place(b), number(b_step), beta, place(c), number(c_step)]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(address, kind.as_pointer()), values)
        return context.get_dummy_value()
    whole = types.intp
    return types.void(whole, types.boolean, *[whole] * 7, types.float32, whole, whole), code
