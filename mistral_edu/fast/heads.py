"""Attention with the keys and values of a cache, as it lies in memory: one query, or a block of a prompt's queries."""
import numpy as np

from mistral_edu.fast.arithmetic import dot, fast, floats, halves, softmax, widen, widen_all
from mistral_edu.fast.dots import COLUMNS, make_weighted_sum
from mistral_edu.fast.instructions import call_sgemm, f32, i16
from mistral_edu.fast.rows import BF16, FLOAT, plain_rows

# What changes with every call, a row for each layer; places in it. The slots that the next token sees lie in two runs,
# since those of a ring may cross its end. ALL_*: room in which a prompt gathers keys and values in time order.
KEYS, VALUES, N_SLOTS, NARROW, START_1, END_1, START_2, END_2, ALL_KEYS, ALL_VALUES, POSITION_WIDTH = range(11)
BLOCK = 64  # slots whose values stay in a processor's cache while one head after the other reads them
bf16_sum, float_sum = make_weighted_sum(i16), make_weighted_sum(f32)


@fast
def n_past(position):
    return position[END_1] - position[START_1] + position[END_2] - position[START_2]


@fast
def add_weighted(out, weight, v):
    for i in range(out.size):
        out[i] += weight * v[i]


@fast
def add_weighted_rows(form, weights, v, width, n, out):
    """out += weights @ v, v (n, width) in bfloat16 or float32."""
    size, whole = 2 if form == BF16 else 4, width // COLUMNS * COLUMNS
    for first in range(0, whole, COLUMNS):
        if form == BF16:
            bf16_sum(weights, v + first * size, width * size, out + 4 * first, n)
        else:
            float_sum(weights, v + first * size, width * size, out + 4 * first, n)
    rest = floats(out + 4 * whole, width - whole)
    for i in range(n if rest.size else 0):
        weight, at = floats(weights, n)[i], v + (i * width + whole) * size
        if form == BF16:
            row = halves(at, rest.size)
            for j in range(rest.size):
                rest[j] += weight * widen(row[j])
        else:
            add_weighted(rest, weight, floats(at, rest.size))


@fast
def attend(q, new_k, new_v, position, kv_head, n_heads, head_dim, scale, scores, out):
    """softmax(q k^T * scale) v for one query of each of n_heads heads that share their keys and values.

    Softmax and sum do not depend on the order, so a ring is read as it lies. The token's own key comes last; it is not
    in the cache yet. kv_head: counted through all sequences of the batch. q and out (n_heads, head_dim), new_k and
    new_v (head_dim), scores with room for n_heads * (past + 1): addresses of float32.
    """
    form, size = (BF16, 2) if position[NARROW] else (FLOAT, 4)
    first, n = kv_head * position[N_SLOTS] * head_dim * size, n_past(position) + 1
    at = 0
    for run in range(START_1, END_2, 2):
        start, end = position[run], position[run + 1]
        plain_rows(form, position[KEYS] + first, q, scores + 4 * (at - start), n, n_heads, start, end, head_dim, False)
        at += end - start
    plain_rows(FLOAT, new_k, q, scores + 4 * at, n, n_heads, 0, 1, head_dim, False)
    for h in range(n_heads):
        weights = floats(scores + 4 * h * n, n)
        for i in range(n):
            weights[i] *= scale
        softmax(weights)
        floats(out + 4 * h * head_dim, head_dim)[:] = 0
        add_weighted_rows(FLOAT, scores + 4 * (h * n + at), new_v, head_dim, 1, out + 4 * h * head_dim)
    at = 0
    for run in range(START_1, END_2, 2):
        for slot in range(position[run], position[run + 1], BLOCK):
            count, values = min(BLOCK, position[run + 1] - slot), position[VALUES] + first + slot * head_dim * size
            for h in range(n_heads):
                add_weighted_rows(form, scores + 4 * (h * n + at), values, head_dim, count, out + 4 * h * head_dim)
            at += count


@fast
def gather(new, new_step, n_new, cached, position, kv_head, head_dim, out):
    """One head's keys (or values) as float32 in time order: those of the cache, at `cached`, then n_new new ones.

    The new ones are new_step numbers apart. out: (heads, past + n_new, head_dim).
    """
    size = position[N_SLOTS] * head_dim
    out += 4 * kv_head * (n_past(position) + n_new) * head_dim
    for run in range(START_1, END_2, 2):
        start, n = position[run], (position[run + 1] - position[run]) * head_dim
        if position[NARROW]:
            widen_all(halves(cached + 2 * (kv_head * size + start * head_dim), n), floats(out, n))
        else:
            floats(out, n)[:] = floats(cached + 4 * (kv_head * size + start * head_dim), n)
        out += 4 * n
    for i in range(n_new):
        floats(out + 4 * i * head_dim, head_dim)[:] = floats(new + 4 * i * new_step, head_dim)


@fast
def softmax_between(scores, low, high, scale):
    """Softmax of scale * scores over low .. high; 0 elsewhere."""
    scores[:low] = 0
    scores[high:] = 0
    seen = scores[low:high]
    for i in range(seen.size):
        seen[i] *= scale
    softmax(seen)


@fast
def product(sgemm, transpose_b, m, n, k, a, a_step, b, b_step, c, c_step):
    """c (m, n) = a (m, k) @ b, by the cblas_sgemm at an address or, if that is 0, by the loops of this file."""
    if sgemm:
        call_sgemm(sgemm, transpose_b, m, n, k, a, a_step, b, b_step, np.float32(0), c, c_step)
        return
    for i in range(m):
        row, out = floats(a + 4 * i * a_step, k), floats(c + 4 * i * c_step, n)
        if transpose_b:
            for j in range(n):
                out[j] = dot(row, floats(b + 4 * j * b_step, k))
        else:
            out[:] = 0
            for j in range(k):
                add_weighted(out, row[j], floats(b + 4 * j * b_step, n))


@fast
def attend_block(q, step, start, end, n_new, position, kv_head, head_dim, window, scale, sgemm, own, out):
    """Attention of one head for the queries start .. end of n_new: two products with a softmax between them.

    q, out: addresses of the first query's head and its result; the next ones are `step` numbers further on.
    window: 0 for none. own: room for (end - start) * (past + n_new) scores.
    """
    past = n_past(position)
    first = max(0, past + start - window + 1) if window else 0           # the earliest key that any of them sees
    n_keys, n_queries = past + end - first, end - start
    place = 4 * (kv_head * (past + n_new) + first) * head_dim
    product(sgemm, True, n_queries, n_keys, head_dim, q, step, position[ALL_KEYS] + place, head_dim, own, n_keys)
    for i in range(n_queries):
        own_key = past + start + i
        low = max(0, own_key - window + 1) - first if window else 0
        softmax_between(floats(own + 4 * i * n_keys, n_keys), low, own_key + 1 - first, scale)
    product(sgemm, False, n_queries, head_dim, n_keys, own, n_keys, position[ALL_VALUES] + place, head_dim, out, step)
