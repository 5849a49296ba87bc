"""Grouped-query attention: each query head looks at keys that it shares with its neighbours.

Sources: Vaswani et al. 2017 (arXiv:1706.03762), equation 1; Ainslie et al. 2023, "GQA" (arXiv:2305.13245), section 2.2;
Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), section 2.
"""
import mlx.core as mx
import mlx.nn as nn

from mistral_edu.config import MistralConfig
from mistral_edu.masks import causal_mask
from mistral_edu.quantized_cache import Cache
from mistral_edu.rope import fused_rope


def split_heads(x: mx.array, n_heads: int) -> mx.array:
    """Cut each token's vector into heads, heads before positions.

    (B, L, n_heads * head_dim) -> (B, n_heads, L, head_dim)

    >>> split_heads(mx.array([[[11, 12, 21, 22], [31, 32, 41, 42]]]), n_heads=2).tolist()   # two tokens of two heads
    [[[[11, 12], [31, 32]], [[21, 22], [41, 42]]]]
    """
    B, L, width = x.shape
    return x.reshape(B, L, n_heads, width // n_heads).transpose(0, 2, 1, 3)  # (B, n_heads, L, head_dim)


def merge_heads(x: mx.array) -> mx.array:
    """The inverse of split_heads: (B, n_heads, L, head_dim) -> (B, L, n_heads * head_dim)."""
    B, n_heads, L, head_dim = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, L, n_heads * head_dim)         # (B, L, n_heads * head_dim)


def repeat_kv(x: mx.array, n_rep: int) -> mx.array:
    """Give each of n_rep neighbouring query heads a copy: (B, n_kv_heads, S, head_dim) -> (B, n_heads, S, head_dim).

    Query head h reads key head h // n_rep: with n_rep = 2 the order is 0 0 1 1, not 0 1 0 1.
    """
    return mx.repeat(x, n_rep, axis=1)


def scaled_dot_product_attention(q: mx.array, k: mx.array, v: mx.array, scale: float,
                                 mask: mx.array | str | None = None) -> mx.array:
    """softmax(q k^T * scale) v, written out.

    q: queries, (B, n_heads, L, head_dim).
    k, v: keys and values, (B, n_kv_heads, S, head_dim).
    scale: what the scores are multiplied by, usually head_dim ** -0.5.
    mask: bool, broadcast to (B, n_heads, L, S), True = may look; "causal": no key later than the query; None: all keys.

    Returns (B, n_heads, L, head_dim). A query that may see no key yields a row of NaN. Scores and softmax are fp32
    whatever the dtype of q: 16 bits would blur the differences that the exponential then magnifies.
    """
    L, S = q.shape[2], k.shape[2]
    n_rep = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)                         # (B, n_heads, S, head_dim)
    q, k = q.astype(mx.float32), k.astype(mx.float32)
    scores = q * scale @ k.swapaxes(2, 3)                                   # (B, n_heads, L, S)
    if isinstance(mask, str):
        mask = causal_mask(L, offset=S - L)                                 # (L, S)
    if mask is not None:
        scores = mx.where(mask, scores, -mx.inf)                            # e^-inf = 0: no weight at all
    weights = mx.softmax(scores, axis=-1)                                   # (B, n_heads, L, S), each row sums to 1
    return weights.astype(v.dtype) @ v                                      # (B, n_heads, L, head_dim)


def fused_attention(q: mx.array, k: mx.array, v: mx.array, scale: float,
                    mask: mx.array | str | None = None) -> mx.array:
    """scaled_dot_product_attention as one MLX operation, which repeats no keys; a test checks that the two agree.

    q, k, v, scale, mask: as there; the shapes are the same.
    """
    return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)


class Attention(nn.Module):
    """One attention layer.

    Its two steps without weights, `attend` and `rotate`, are plain functions. Set a different one on a layer to see
    what it does: `model.layers[0].self_attn.attend = scaled_dot_product_attention`.
    """

    attend = staticmethod(fused_attention)  # (q, k, v, scale, mask) -> (B, n_heads, L, head_dim)
    rotate = staticmethod(fused_rope)       # (x, offset, theta) -> the shape of x

    def __init__(self, config: MistralConfig):
        super().__init__()
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        self.rope_theta = config.rope_theta
        self.scale = config.head_dim**-0.5  # a sum of head_dim products grows like its square root
        self.q_proj = nn.Linear(config.dim, config.n_heads * config.head_dim, bias=False)
        self.k_proj = nn.Linear(config.dim, config.n_kv_heads * config.head_dim, bias=False)
        self.v_proj = nn.Linear(config.dim, config.n_kv_heads * config.head_dim, bias=False)
        self.o_proj = nn.Linear(config.n_heads * config.head_dim, config.dim, bias=False)

    def __call__(self, x: mx.array, mask: mx.array | str | None = None, cache: Cache | None = None) -> mx.array:
        """x (B, L, dim) -> (B, L, dim).

        mask: as in scaled_dot_product_attention; None hides nothing, not even later tokens (the model makes the mask).
        cache: this layer's cache; the L new keys and values are added to it.
        """
        offset = cache.offset if cache is not None else 0
        q = split_heads(self.q_proj(x), self.n_heads)           # (B, n_heads, L, head_dim)
        k = split_heads(self.k_proj(x), self.n_kv_heads)        # (B, n_kv_heads, L, head_dim)
        v = split_heads(self.v_proj(x), self.n_kv_heads)        # (B, n_kv_heads, L, head_dim)
        q = self.rotate(q, offset, self.rope_theta)
        k = self.rotate(k, offset, self.rope_theta)             # absolute position, so a cached key never turns again
        if cache is not None:
            k, v = cache.update_and_fetch(k, v)                 # (B, n_kv_heads, S, head_dim)
        out = self.attend(q, k, v, self.scale, mask)            # (B, n_heads, L, head_dim)
        return self.o_proj(merge_heads(out))                    # (B, L, dim)
