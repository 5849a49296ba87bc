"""LLVM's vectors: a vocabulary for dots.py and tiles.py, which write their innermost loops in it.

LLVM turns a vector of 16 floats into whatever the processor has: one AVX-512 register, two of AVX2, four of ARM's NEON.
Sums should stay in registers: AVX-512 has 32 of 16 numbers, AVX2 16 of 8, NEON 32 of 4.
"""
from llvmlite import ir
from numba.core.registry import cpu_target

from mistral_edu.fast.instructions import f32, i32, i64

LANES = 16
HAS_AVX512 = "+avx512f" in str(cpu_target.target_context.codegen().magic_tuple())
FAST = ("fast",)  # sums may be reordered, which is what makes vectors possible


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
