"""Attention of a long piece of a prompt, each query within its window, by a kernel that knows no window.

With keys 0 1 2 3 4 5 6 7 and a window of 3, the queries 3 4 5 6 7 see

    3: 1 2 3    4: 2 3 4    5: 3 4 5    6: 4 5 6    7: 5 6 7

so of the long row of keys two queries together need only W + 1, and the same places of them as the two before:

    3 4:  1 2 3 4       3 sees the first three, 4 the last three
    5 6:  3 4 5 6       5 sees the first three, 6 the last three

Blocks of C queries therefore become a batch, with one mask (C, W - 1 + C) for all of them. Their keys overlap, and are
not copied: `mx.as_strided` shows the same memory as blocks. A kernel for whole rows does W - 1 + C keys a query and not
all of them.
"""
from functools import lru_cache

import mlx.core as mx

LEAST = 128     # queries of a block at least: fewer keep a GPU less busy than the keys spared are worth
ALIGNED = 64    # a kernel of NVIDIA's wants its rows, and the mask's, to begin at multiples of 16 bytes


def attend(q, k, v, held, scale):
    """Attention of a piece of a prompt to itself and to a layer's ring. q, k, v: of the piece. Returns q's shape."""
    past_k, past_v = held.in_time_order(held.keys), held.in_time_order(held.values)
    return attend_in_window(q, [*past_k, k], [*past_v, v], held.window, scale)


def attend_in_window(q, keys, values, window, scale):
    """q (B, n_heads, L, head_dim): the last L tokens of those whose keys are given, each of which sees `window` keys.

    keys, values: lists of (B, n_kv_heads, n, head_dim) in time order, together window - 1 + L. Returns as q.
    """
    L = q.shape[2]
    C = min(max(LEAST, window // 8), rounded_up(L))
    n_blocks, width = -(-L // C), rounded_up(window - 1 + C)
    missing = (n_blocks - 1) * C + width - (window - 1 + L)     # keys behind the last one, which nobody sees
    keys, values = joined(keys, missing), joined(values, missing)
    if n_blocks * C > L:
        q = mx.pad(q, [(0, 0), (0, 0), (0, n_blocks * C - L), (0, 0)])
    mask = band(C, window, width, q.dtype)
    found = [attend_in_blocks(q[b], keys[b], values[b], C, width, mask, scale) for b in range(len(q))]
    return mx.stack(found)[:, :, :L] if len(found) > 1 else found[0][None, :, :L]


def attend_in_blocks(q, keys, values, C, width, mask, scale):
    """One sequence: q (n_heads, n_blocks * C, head_dim), keys and values (n_kv_heads, S, head_dim). Returns as q."""
    n_heads, n_queries, head_dim = q.shape
    q = q.reshape(n_heads, -1, C, head_dim).transpose(1, 0, 2, 3)           # (n_blocks, n_heads, C, head_dim)
    n_kv_heads, S, _ = keys.shape
    shape, strides = (len(q), n_kv_heads, width, head_dim), (C * head_dim, S * head_dim, head_dim, 1)
    keys, values = mx.as_strided(keys, shape, strides), mx.as_strided(values, shape, strides)
    out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=scale, mask=mask)
    return out.transpose(1, 0, 2, 3).reshape(n_heads, n_queries, head_dim)


def joined(runs, missing):
    """Runs of tokens as one, with as many zeros behind it as are missing: (B, n_kv_heads, S, head_dim)."""
    B, n_kv_heads, _, head_dim = runs[-1].shape
    zeros = mx.zeros((B, n_kv_heads, missing, head_dim), dtype=runs[-1].dtype)
    return mx.concatenate([*runs, zeros], axis=2)


@lru_cache(maxsize=16)
def band(C, window, width, dtype):
    """What is added to scores (C, width): 0 where query r may see key c, r <= c < r + window, and -inf elsewhere."""
    behind = mx.arange(width) - mx.arange(C)[:, None]                       # (C, width)
    mask = mx.where((behind >= 0) & (behind < window), 0.0, -mx.inf).astype(dtype)
    mx.eval(mask)
    return mask


def rounded_up(n):
    return -(-n // ALIGNED) * ALIGNED
