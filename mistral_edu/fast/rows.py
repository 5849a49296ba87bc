"""Products of a matrix as it is stored, float32, bfloat16 or quantized, with a few rows of x, as in decoding.

Memory is the limit. Each row of the matrix is read once, where it lies, and meets all rows of x while it is in the
processor's cache.
"""
import numpy as np
from numba import carray

from mistral_edu.fast.arithmetic import bf16_dot, dot, fast, floats, halves, inlined, round_to_bf16, widen, widen_all
from mistral_edu.fast.dots import PACKED_STREAMS, STREAMS, UNIT, make_dots, make_packed_dots
from mistral_edu.fast.instructions import f32, i16, pointer
from mistral_edu.fast.vectors import LANES

# The ways to store a matrix: (bits, group_size, whether scales are bf16). A job names one by its place here.
FORMS = [(bits, size, bf16) for bits in (4, 8) for size in (32, 64, 128) for bf16 in (False, True)]
BF16, FLOAT = len(FORMS), len(FORMS) + 1
q4_32, q4_32_bf16, q4_64, q4_64_bf16, q4_128, q4_128_bf16 = (make_packed_dots(*form) for form in FORMS[:6])
q8_32, q8_32_bf16, q8_64, q8_64_bf16, q8_128, q8_128_bf16 = (make_packed_dots(*form) for form in FORMS[6:])
bf16_dots, float_dots = make_dots(i16), make_dots(f32)


@inlined
def bits_of(form):
    if form == BF16: return 16
    if form == FLOAT: return 32
    return 4 if form < 6 else 8


@inlined
def group_size_of(form):
    return 32 << (form // 2 % 3)


@inlined
def packed_dots(form, arguments):
    """The function above that fits a form, called with its arguments."""
    if form == 0: return q4_32(*arguments)
    if form == 1: return q4_32_bf16(*arguments)
    if form == 2: return q4_64(*arguments)
    if form == 3: return q4_64_bf16(*arguments)
    if form == 4: return q4_128(*arguments)
    if form == 5: return q4_128_bf16(*arguments)
    if form == 6: return q8_32(*arguments)
    if form == 7: return q8_32_bf16(*arguments)
    if form == 8: return q8_64(*arguments)
    if form == 9: return q8_64_bf16(*arguments)
    if form == 10: return q8_128(*arguments)
    return q8_128_bf16(*arguments)


@fast
def shuffle(x, bits, shuffled, steps, sums, rests):
    """Round x to 16-bit integers, and order them as packed_dots reads them; add up each UNIT.

    Rounding gives x = number * step, with 32767 steps for the largest of a unit: the others are off by at most half a
    step. A 16-bit half of a matrix holds 16 / bits neighbours. 32 halves are read at a time, first the lowest number of
    each, then the next; x is laid out in this order. The sums are for the biases:
    sum((s * q + b) * x) = s * sum(q * x) + b * sum(x).
    """
    per_half = 16 // bits
    middle = np.float32(2**bits - 1) / np.float32(2)
    rounded = np.empty(UNIT, np.int16)
    for unit in range(steps.size):
        part = x[unit * UNIT:(unit + 1) * UNIT]
        largest, total = np.float32(0), np.float32(0)
        for i in range(UNIT):
            largest = max(largest, abs(part[i]))
            total += part[i]
        step = largest / np.float32(32767)
        factor, rest = np.float32(32767) / max(largest, np.float32(1e-30)), np.float32(0)
        for i in range(UNIT):
            whole = np.rint(part[i] * factor)
            rounded[i] = np.int16(whole)
            rest += part[i] - whole * step
        steps[unit], sums[unit], rests[unit] = step, total, rest * middle
        if unit >= steps.size // per_half * per_half:     # not in a whole block: tail_dot reads x itself
            continue
        block, first = unit // per_half * per_half * UNIT, unit % per_half * UNIT // per_half
        for n in range(per_half):
            target = shuffled[block + n * UNIT + first:]
            for i in range(UNIT // per_half):
                target[i] = rounded[i * per_half + n]


@fast
def scale_at(scales, narrow, g):
    return widen(halves(scales + 2 * g, 1)[0]) if narrow else floats(scales + 4 * g, 1)[0]


@fast
def tail_dot(packed, bits, scale, bias, x):
    """One group, number by number: one of the last of a row, which do not fill 16 words."""
    total, sum_of_x = np.float32(0), np.float32(0)
    for i in range(x.size):
        sum_of_x += x[i]
    if bits == 4:
        for i in range(packed.size):
            total += np.float32(np.int32(packed[i] & np.uint8(15))) * x[2 * i]
            total += np.float32(np.int32(packed[i] >> np.uint8(4))) * x[2 * i + 1]
    else:
        for i in range(packed.size):
            total += np.float32(np.int32(packed[i])) * x[i]
    return scale * total + bias * sum_of_x


@inlined
def n_turns(start, end, many):
    """The number of turns in which rows start .. end are read, `many` side by side."""
    return (end - start) // many + (end - start) % many


@inlined
def rows_of(turn, start, end, many):
    """(first row, from one to the next, how many) of a turn.

    Where memory is read in order, a processor prefetches what follows, but only so much for each place, and not past
    the end of a small page. So several places are read at once, as far apart as possible. The few rows left over come
    one by one, by the same code, which then reads one row several times.
    """
    far = (end - start) // many
    return (start + turn, far, many) if turn < far else (start + (many - 1) * far + turn, 0, 1)


@inlined
def put(out, number, add):
    result = floats(out, 1)
    result[0] = result[0] + number if add else number


@fast
def packed_rows(form, w, scales, biases, x, shuffled, steps, out, out_step, n_rows, start, end, n_groups, add):
    """Rows start .. end of a quantized matrix with n_rows of x: out[m, n] = sum over k of (s * q[n, k] + b) x[m, k].

    shuffled: x as shuffle leaves it. steps: of each row of x, its steps, sums and rests.
    """
    bits, group_size, narrow = bits_of(form), group_size_of(form), form % 2 == 1
    width = n_groups * group_size
    block = 2 * LANES * 16 // bits
    n_blocks, n_units = width // block, width // UNIT
    tail = n_blocks * block // group_size                 # the first group that is in no whole block
    group_bytes = group_size * bits // 8
    row_bytes, scale_bytes = n_groups * group_bytes, n_groups * (2 if narrow else 4)
    totals = np.empty(PACKED_STREAMS, np.float32)
    for turn in range(n_turns(start, end, PACKED_STREAMS)):
        first, far, count = rows_of(turn, start, end, PACKED_STREAMS)
        for m in range(n_rows):
            of_x = steps + 4 * 3 * m * n_units
            packed_dots(form, (w + first * row_bytes, far * row_bytes, scales + first * scale_bytes,
                               biases + first * scale_bytes, far * scale_bytes, shuffled + 2 * m * width, of_x,
                               of_x + 4 * n_units, of_x + 8 * n_units, totals.ctypes.data, n_blocks))
            for s in range(count):
                n = first + s * far
                for g in range(tail, n_groups):
                    totals[s] += tail_dot(carray(pointer(w + n * row_bytes + g * group_bytes), group_bytes, np.uint8),
                                          bits, scale_at(scales + n * scale_bytes, narrow, g),
                                          scale_at(biases + n * scale_bytes, narrow, g),
                                          floats(x + 4 * (m * width + g * group_size), group_size))
                put(out + 4 * (m * out_step + n), totals[s], add)


@fast
def plain_rows(form, w, x, out, out_step, n_rows, start, end, width, add):
    """Rows start .. end of a product with a float32 or a bfloat16 matrix."""
    size, whole = 2 if form == BF16 else 4, width // LANES * LANES
    totals = np.empty(STREAMS, np.float32)
    for turn in range(n_turns(start, end, STREAMS)):
        first, far, count = rows_of(turn, start, end, STREAMS)
        for m in range(n_rows):
            at, of_x = w + first * width * size, x + 4 * m * width
            if form == BF16:
                bf16_dots(at, far * width * size, of_x, totals.ctypes.data, whole // LANES)
            else:
                float_dots(at, far * width * size, of_x, totals.ctypes.data, whole // LANES)
            for s in range(count):
                n = first + s * far
                rest, rest_of_x = w + (n * width + whole) * size, floats(of_x + 4 * whole, width - whole)
                if form == BF16:
                    totals[s] += bf16_dot(halves(rest, width - whole), rest_of_x)
                else:
                    totals[s] += dot(floats(rest, width - whole), rest_of_x)
                put(out + 4 * (m * out_step + n), totals[s], add)


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
def unpack(form, w, scales, biases, first, count, out):
    """`count` numbers of a matrix from the first on, counted through its rows, as float32. Whole groups."""
    if form == BF16:
        widen_all(halves(w + 2 * first, count), floats(out, count))
        return
    if form == FLOAT:
        floats(out, count)[:] = floats(w + 4 * first, count)
        return
    bits, group_size, narrow = bits_of(form), group_size_of(form), form % 2 == 1
    group_bytes = group_size * bits // 8
    for g in range(first // group_size, (first + count) // group_size):
        unpack_group(carray(pointer(w + g * group_bytes), group_bytes, np.uint8), bits, scale_at(scales, narrow, g),
                     scale_at(biases, narrow, g), floats(out + 4 * (g * group_size - first), group_size))


@fast
def look_up(form, w, scales, biases, n, width, out):
    """Row n of an embedding as float32, rounded where MLX rounds: scales in bfloat16 give bfloat16, after each step."""
    if form >= BF16:
        unpack(form, w, scales, biases, n * width, width, out)
        return
    bits, group_size, narrow = bits_of(form), group_size_of(form), form % 2 == 1
    packed = carray(pointer(w + n * (width * bits // 8)), width * bits // 8, np.uint8)
    row = floats(out, width)
    for i in range(width):
        g = (n * width + i) // group_size
        number = packed[i] if bits == 8 else (packed[i // 2] >> np.uint8(4 * (i % 2))) & np.uint8(15)
        product = scale_at(scales, narrow, g) * np.float32(np.int32(number))
        if narrow:
            product = widen(round_to_bf16(product))
            row[i] = widen(round_to_bf16(product + scale_at(biases, narrow, g)))
        else:
            row[i] = product + scale_at(biases, narrow, g)
