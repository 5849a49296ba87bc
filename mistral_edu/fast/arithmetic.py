"""The arithmetic of one token as loops over numbers, for numba to translate: what MLX's operations do elsewhere.

Everything is float32; weights, keys and values are widened as they are read. Loops over a whole slice from 0 on, and
`fastmath`, which lets sums be reordered, are what LLVM needs to make vectors of them.
"""
import numpy as np
from numba import carray, njit

from .vectors import bits_of_float, float_of_bits, make_group_dot, pointer

BLOCK = 32                         # quantized groups have 32, 64 or 128 numbers: whole blocks
POSITION_WIDTH = 8                 # numbers per layer that change with every token: see attend

fast = njit(fastmath=True, nogil=True)
inlined = njit(fastmath=True, nogil=True, inline="always")


@inlined
def widen(bits):
    """bfloat16 is the upper half of a float32."""
    return float_of_bits(np.uint32(np.uint32(bits) << np.uint32(16)))


@inlined
def round_to_bf16(number):
    """The 16 bits of the nearest bfloat16; of two as near, the even one. As MLX rounds."""
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
def shuffle(x, shuffled, sums):
    """Order x as products with quantized rows read it, and add up each block of 32.

    In 4 bit, 16 bytes hold 16 numbers at even places in their lower halves and 16 at odd places in their upper ones, so
    x lies in that order: of each 32 first the even, then the odd ones. In 8 bit x stays as it is.
    The sums serve the biases: sum((s * q + b) * x) = s * sum(q * x) + b * sum(x).
    """
    for block in range(sums.size):
        part, even = x[block * BLOCK:block * BLOCK + BLOCK], shuffled[block * BLOCK:block * BLOCK + BLOCK // 2]
        odd = shuffled[block * BLOCK + BLOCK // 2:block * BLOCK + BLOCK]
        total = np.float32(0)
        for i in range(BLOCK // 2):
            even[i] = part[2 * i]
            odd[i] = part[2 * i + 1]
            total += part[2 * i] + part[2 * i + 1]
        sums[block] = total


@fast
def norm(x, weight, eps, out):
    mean_square = dot(x, x) / np.float32(x.size)
    factor = np.float32(1) / np.sqrt(mean_square + eps)
    for i in range(x.size):
        out[i] = x[i] * factor * weight[i]


@fast
def gate(gated, up, out):
    for i in range(gated.size):
        out[i] = gated[i] / (np.float32(1) + exp(-gated[i])) * up[i]


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
    """Turn the heads of q and k. Keys and values as the cache will store them: rounded when narrow, bits in stored."""
    for h in range(q.size // head_dim):
        turn(q[h * head_dim:(h + 1) * head_dim], cos, sin)
    for h in range(k.size // head_dim):
        turn(k[h * head_dim:(h + 1) * head_dim], cos, sin)
    if narrow:
        for i in range(k.size):
            stored[i] = round_to_bf16(k[i])
            stored[k.size + i] = round_to_bf16(v[i])
        for i in range(k.size):
            k[i] = widen(stored[i])
            v[i] = widen(stored[k.size + i])


@fast
def add_weighted(out, weight, v):
    for i in range(out.size):
        out[i] += weight * v[i]


@fast
def add_weighted_bf16(out, weight, v):
    for i in range(out.size):
        out[i] += weight * widen(v[i])


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


@fast
def attend(q, new_k, new_v, position, kv_head, head_dim, scale, scores, out):
    """softmax(q k^T * scale) v for one head and one query.

    position: of this layer's cache now (POSITION_WIDTH numbers): addresses of keys and of values, slots per head,
    narrow, and the slots that the query sees, as two runs (start, end): a ring's run may cross its end. Softmax and sum
    ask for no order, so the ring is read as it lies. The token's own key comes last; it is not in the cache yet.
    """
    keys_at, values_at, n_slots, narrow = position[0], position[1], position[2], position[3]
    size = n_slots * head_dim
    n = 0
    for run in range(2):
        for slot in range(position[4 + 2 * run], position[5 + 2 * run]):
            if narrow:
                row = halves(keys_at + 2 * kv_head * size + 2 * slot * head_dim, head_dim)
                scores[n] = bf16_dot(row, q) * scale
            else:
                row = floats(keys_at + 4 * kv_head * size + 4 * slot * head_dim, head_dim)
                scores[n] = dot(row, q) * scale
            n += 1
    scores[n] = dot(new_k, q) * scale
    softmax(scores[:n + 1])
    for i in range(head_dim):
        out[i] = scores[n] * new_v[i]
    n = 0
    for run in range(2):
        for slot in range(position[4 + 2 * run], position[5 + 2 * run]):
            if narrow:
                row = halves(values_at + 2 * kv_head * size + 2 * slot * head_dim, head_dim)
                add_weighted_bf16(out, scores[n], row)
            else:
                row = floats(values_at + 4 * kv_head * size + 4 * slot * head_dim, head_dim)
                add_weighted(out, scores[n], row)
            n += 1


# One product kernel for each way to pack a group, (bits, group_size, bf16 scales): its operation is GROUP_ROWS + place.
GROUPS = [(bits, size, bf16) for bits in (4, 8) for size in (32, 64, 128) for bf16 in (False, True)]
q4_32, q4_32_bf16, q4_64, q4_64_bf16, q4_128, q4_128_bf16 = (make_group_dot(*kind) for kind in GROUPS[:6])
q8_32, q8_32_bf16, q8_64, q8_64_bf16, q8_128, q8_128_bf16 = (make_group_dot(*kind) for kind in GROUPS[6:])


@inlined
def group_dot(kind, w, scales, x, n):
    if kind == 0: return q4_32(w, scales, x, n)          # noqa: E701
    if kind == 1: return q4_32_bf16(w, scales, x, n)     # noqa: E701
    if kind == 2: return q4_64(w, scales, x, n)          # noqa: E701
    if kind == 3: return q4_64_bf16(w, scales, x, n)     # noqa: E701
    if kind == 4: return q4_128(w, scales, x, n)         # noqa: E701
    if kind == 5: return q4_128_bf16(w, scales, x, n)    # noqa: E701
    if kind == 6: return q8_32(w, scales, x, n)          # noqa: E701
    if kind == 7: return q8_32_bf16(w, scales, x, n)     # noqa: E701
    if kind == 8: return q8_64(w, scales, x, n)          # noqa: E701
    if kind == 9: return q8_64_bf16(w, scales, x, n)     # noqa: E701
    if kind == 10: return q8_128(w, scales, x, n)        # noqa: E701
    return q8_128_bf16(w, scales, x, n)


@fast
def sums_per_group(sums, per_group, out):
    for g in range(out.size):
        total = np.float32(0)
        for i in range(per_group):
            total += sums[g * per_group + i]
        out[g] = total


@fast
def group_rows(kind, w, scales, biases, x, shuffled, sums, out, start, end, n_groups, add):
    """Rows start .. end of a product with a quantized matrix: out[n] = sum over k of (s * q[n, k] + b) x[k]."""
    bits, scale_bytes = (4 if kind < 6 else 8), 4 - 2 * (kind % 2)
    group_size = 32 << (kind // 2 % 3)
    row_bytes = n_groups * group_size * bits // 8
    group_sums = np.empty(n_groups, np.float32)
    sums_per_group(floats(sums, n_groups * group_size // BLOCK), group_size // BLOCK, group_sums)
    result = floats(out, end)
    for n in range(start, end):
        row_scales, row_biases = scales + n * n_groups * scale_bytes, biases + n * n_groups * scale_bytes
        total = group_dot(kind, w + n * row_bytes, row_scales, shuffled if bits == 4 else x, n_groups)
        if scale_bytes == 2:
            total += bf16_dot(halves(row_biases, n_groups), group_sums)
        else:
            total += dot(floats(row_biases, n_groups), group_sums)
        result[n] = result[n] + total if add else total


@fast
def float_rows(w, x, out, start, end, width, add):
    """Rows start .. end of a product with a float32 matrix."""
    result, vector = floats(out, end), floats(x, width)
    for n in range(start, end):
        total = dot(floats(w + 4 * n * width, width), vector)
        result[n] = result[n] + total if add else total


@fast
def bf16_rows(w, x, out, start, end, width, add):
    """Rows start .. end of a product with a bfloat16 matrix."""
    result, vector = floats(out, end), floats(x, width)
    for n in range(start, end):
        total = bf16_dot(halves(w + 2 * n * width, width), vector)
        result[n] = result[n] + total if add else total


@fast
def widen_row(w, out):
    for i in range(out.size):
        out[i] = widen(w[i])


@fast
def unpack_group(packed, bits, scale, bias, out):
    if bits == 4:
        for i in range(packed.size):
            out[2 * i] = scale * np.float32(np.int32(packed[i] & np.uint8(15))) + bias
            out[2 * i + 1] = scale * np.float32(np.int32(packed[i] >> np.uint8(4))) + bias
    else:
        for i in range(packed.size):
            out[i] = scale * np.float32(np.int32(packed[i])) + bias


@fast
def unpack(w, scales, biases, bits, group_size, narrow, out, start, end, width):
    """Rows start .. end of a matrix as float32, for a product with many rows. bits: 16 for bfloat16, 8 or 4."""
    if bits == 16:
        widen_row(halves(w + 2 * start * width, (end - start) * width), floats(out, (end - start) * width))
        return
    group_bytes = group_size * bits // 8
    for g in range(start * width // group_size, end * width // group_size):
        if narrow:
            scale, bias = widen(halves(scales + 2 * g, 1)[0]), widen(halves(biases + 2 * g, 1)[0])
        else:
            scale, bias = floats(scales + 4 * g, 1)[0], floats(biases + 4 * g, 1)[0]
        packed = carray(pointer(w + g * group_bytes), group_bytes, np.uint8)
        unpack_group(packed, bits, scale, bias, floats(out + 4 * (g * group_size - start * width), group_size))
