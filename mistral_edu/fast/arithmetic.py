"""Norm, RoPE, gate and softmax as loops over numbers, for numba to translate: what MLX's operations do elsewhere.

Everything is float32; weights, keys and values are widened as they are read. LLVM vectorizes loops that run over a
whole slice from 0 on, given `fastmath`, which lets it reorder sums. Products are in rows.py, attention in heads.py.
"""
import numpy as np
from numba import carray, njit

from mistral_edu.fast.instructions import bits_of_float, float_of_bits, pointer

# error_model: in Python, division by zero raises an error, and a loop that can raise is not vectorized.
fast = njit(fastmath=True, nogil=True, error_model="numpy")
inlined = njit(fastmath=True, nogil=True, error_model="numpy", inline="always")


@inlined
def widen(bits):
    """bfloat16 is the upper half of a float32."""
    return float_of_bits(np.uint32(np.uint32(bits) << np.uint32(16)))


@inlined
def round_to_bf16(number):
    """The 16 bits of the nearest bfloat16; in a tie, the even one. MLX rounds in the same way."""
    bits = bits_of_float(number)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@inlined
def floats(address, n):
    return carray(pointer(address), n, np.float32)


@inlined
def halves(address, n):
    return carray(pointer(address), n, np.uint16)


@fast
def dot(w, x):
    total = np.float32(0)
    for i in range(w.size):
        total += w[i] * x[i]
    return total


@fast
def bf16_dot(w, x):
    total = np.float32(0)
    for i in range(w.size):
        total += widen(w[i]) * x[i]
    return total


@fast
def exp(x):
    """e**x to seven digits in operations that vectors have: 2**n by writing n into the exponent, the rest a polynomial.

    Source: the Cephes library, expf.
    """
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))                      # x = n ln 2 + r
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)             # ln 2 in two parts
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    power = float_of_bits(np.uint32(np.uint32(np.int32(n) + np.int32(127)) << np.uint32(23)))
    return (p * r * r + r + np.float32(1)) * power


@fast
def widen_all(bits, out):
    for i in range(out.size):
        out[i] = widen(bits[i])


@fast
def narrow_all(x, out):
    for i in range(out.size):
        out[i] = round_to_bf16(x[i])


@fast
def norm(x, weight, eps, out):
    mean_square = dot(x, x) / np.float32(x.size)
    factor = np.float32(1) / np.sqrt(mean_square + eps)
    for i in range(x.size):
        out[i] = x[i] * factor * weight[i]


@fast
def gate(gated, up):
    """silu(gated) * up, in place of gated: LLVM does not vectorize if a third array could overlap one of the two."""
    for i in range(gated.size):
        gated[i] = gated[i] / (np.float32(1) + exp(-gated[i])) * up[i]


@fast
def turn(head, cos, sin):
    """RoPE of one head, split halves: see rope.py."""
    half = cos.size
    first, second = head[:half], head[half:]
    for i in range(half):
        a, b = first[i], second[i]
        first[i] = a * cos[i] - b * sin[i]
        second[i] = b * cos[i] + a * sin[i]


@fast
def rotate(q, k, v, cos, sin, head_dim, narrow, stored):
    """Turn the heads of q and k. Keys and values become what the cache stores: rounded if narrow, bits in stored."""
    for h in range(q.size // head_dim):
        turn(q[h * head_dim:(h + 1) * head_dim], cos, sin)
    for h in range(k.size // head_dim):
        turn(k[h * head_dim:(h + 1) * head_dim], cos, sin)
    if narrow:
        for i in range(k.size):
            stored[0, i] = round_to_bf16(k[i])
            stored[1, i] = round_to_bf16(v[i])
        for i in range(k.size):
            k[i] = widen(stored[0, i])
            v[i] = widen(stored[1, i])


@fast
def softmax(scores):
    largest = scores[0]
    for i in range(scores.size):
        largest = max(largest, scores[i])
    total = np.float32(0)
    for i in range(scores.size):
        scores[i] = exp(scores[i] - largest)
        total += scores[i]
    for i in range(scores.size):
        scores[i] /= total
