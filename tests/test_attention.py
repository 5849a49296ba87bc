"""Attention: heads and positions by coded arrays; written out, fused and in plain loops; what can be replaced."""
from golden.models import SMALL, gap
from mistral_edu.attention import (
    Attention,
    fused_attention,
    merge_heads,
    repeat_kv,
    scaled_dot_product_attention,
    split_heads,
)
from mistral_edu.cache import KVCache
from mistral_edu.masks import create_attention_mask
from mistral_edu.rope import rope

import mlx.core as mx
import numpy as np
import pytest

B, L, N_HEADS, HEAD_DIM = 2, 3, 4, 5


def random(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def coded(axes, order):
    """An array whose numbers say where they belong: 1203 = batch 1, head 2, position 0, dim 3; order names its axes."""
    digit = {"batch": 1000, "head": 100, "position": 10, "dim": 1}
    grid = np.indices([axes[name] for name in order])
    return mx.array(sum(digit[name] * index for name, index in zip(order, grid)))


AXES = {"batch": B, "head": N_HEADS, "position": L, "dim": HEAD_DIM}


def test_heads_and_positions_land_where_they_belong():
    in_tokens = coded(AXES, ["batch", "position", "head", "dim"]).reshape(B, L, N_HEADS * HEAD_DIM)
    in_heads = coded(AXES, ["batch", "head", "position", "dim"])
    assert in_heads[1, 2, 0, 3].item() == 1203
    assert mx.array_equal(split_heads(in_tokens, N_HEADS), in_heads)
    assert mx.array_equal(merge_heads(in_heads), in_tokens)
    forgotten = in_tokens.reshape(B, N_HEADS, L, HEAD_DIM)  # the usual slip: right shape, wrong places
    assert forgotten.shape == in_heads.shape and not mx.array_equal(forgotten, in_heads)


def test_neighbouring_query_heads_share_a_key_head():
    keys = coded({**AXES, "head": 2}, ["batch", "head", "position", "dim"])
    repeated = repeat_kv(keys, 3)
    assert (repeated[0, :, 0, 0] // 100).tolist() == [0, 0, 0, 1, 1, 1]
    for head in range(6):
        assert mx.array_equal(repeated[:, head], keys[:, head // 3])


def attention_in_64_bit(q, k, v, scale, mask):
    """One query after the other, one head after the other, in numpy."""
    q, k, v = (np.array(a, np.float64) for a in (q, k, v))
    out = np.zeros(q.shape)
    for b, h, i in np.ndindex(*q.shape[:3]):
        kv_head = h // (q.shape[1] // k.shape[1])
        scores = np.where(np.array(mask)[i], k[b, kv_head] @ q[b, h, i] * scale, -np.inf)
        weights = np.exp(scores - scores.max())
        out[b, h, i] = weights / weights.sum() @ v[b, kv_head]
    return out


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("L, S, window", [(1, 1, None), (1, 6, None), (4, 4, None), (4, 4, 2), (3, 7, 1), (3, 7, 5)])
def test_written_out_fused_and_plain_loops_agree(n_kv_heads, L, S, window):
    q, k, v = random(2, 4, L, 8), random(2, n_kv_heads, S, 8, seed=1), random(2, n_kv_heads, S, 8, seed=2)
    mask = create_attention_mask(L, offset=S - L, window=window, as_array=True)
    exact = attention_in_64_bit(q, k, v, 0.7, mask)
    for attend in (scaled_dot_product_attention, fused_attention):
        assert np.abs(np.array(attend(q, k, v, 0.7, mask)) - exact).max() < 1e-5
    causal = create_attention_mask(L, offset=S - L, as_array=True)
    by_name = scaled_dot_product_attention(q, k, v, 0.7, "causal")
    assert mx.abs(by_name - scaled_dot_product_attention(q, k, v, 0.7, causal)).max().item() < 1e-5
    assert mx.abs(by_name - fused_attention(q, k, v, 0.7, "causal")).max().item() < 1e-5


def test_no_mask_means_that_everything_is_seen():
    q, k = random(1, 2, 3, 8), random(1, 2, 5, 8, seed=1)
    all_true = mx.ones((3, 5), dtype=mx.bool_)
    for attend in (scaled_dot_product_attention, fused_attention):
        assert mx.abs(attend(q, k, k, 1.0) - attend(q, k, k, 1.0, all_true)).max().item() < 1e-6


def test_one_visible_key_hands_over_its_value():
    q, k, v = random(1, 2, 4, 8), random(1, 2, 4, 8, seed=1), random(1, 2, 4, 8, seed=2)
    only_itself = create_attention_mask(4, window=1)
    assert mx.abs(scaled_dot_product_attention(q, k, v, 1.0, only_itself) - v).max().item() < 1e-6


def test_softmax_is_fp32_for_16_bit_input():
    q, k, v = (random(1, 2, n, 8, seed=n).astype(mx.bfloat16) for n in (4, 600, 600))
    out = scaled_dot_product_attention(q, k, v, 0.3)
    assert out.dtype == mx.bfloat16
    exact = scaled_dot_product_attention(*(a.astype(mx.float32) for a in (q, k, v)), 0.3)
    assert gap(out.astype(mx.float32), exact) < 0.03
    assert gap(fused_attention(q, k, v, 0.3).astype(mx.float32), exact) < 0.03


@pytest.mark.parametrize("L, window", [(6, None), (6, 3)])
def test_the_layer_equals_one_written_without_its_helpers(L, window):
    layer, x = Attention(SMALL), random(2, L, SMALL.dim)
    mask = create_attention_mask(L, window=window, as_array=True)
    heads = lambda y, n: mx.stack([y[..., h * SMALL.head_dim : (h + 1) * SMALL.head_dim] for h in range(n)], axis=1)
    q = rope(heads(x @ layer.q_proj.weight.T, SMALL.n_heads), 0, SMALL.rope_theta)
    k = rope(heads(x @ layer.k_proj.weight.T, SMALL.n_kv_heads), 0, SMALL.rope_theta)
    v = heads(x @ layer.v_proj.weight.T, SMALL.n_kv_heads)
    out = mx.array(attention_in_64_bit(q, k, v, SMALL.head_dim**-0.5, mask).astype(np.float32))
    joined = mx.concatenate([out[:, h] for h in range(SMALL.n_heads)], axis=-1)
    assert mx.abs(layer(x, mask) - joined @ layer.o_proj.weight.T).max().item() < 1e-5


def test_positions_continue_where_the_cache_ends():
    layer, x, cache = Attention(SMALL), random(1, 7, SMALL.dim), KVCache()
    whole = layer(x, create_attention_mask(7))
    first = layer(x[:, :4], create_attention_mask(4), cache)
    last = layer(x[:, 4:], create_attention_mask(3, offset=4), cache)
    assert mx.abs(mx.concatenate([first, last], axis=1) - whole).max().item() < 1e-5


def test_the_score_part_and_the_rotation_can_be_replaced():
    layer, x = Attention(SMALL), random(1, 5, SMALL.dim)
    before = layer(x, "causal")
    layer.attend, layer.rotate = scaled_dot_product_attention, rope
    assert mx.abs(layer(x, "causal") - before).max().item() < 1e-5
    layer.rotate = lambda x, offset, theta: x
    assert mx.abs(layer(x, "causal") - before).max().item() > 1e-3
    assert "attend" not in layer.parameters()

    class Uniform(Attention):
        """Looks everywhere alike."""

        attend = staticmethod(lambda q, k, v, scale, mask: mx.broadcast_to(
            repeat_kv(v, q.shape[1] // v.shape[1]).mean(axis=2, keepdims=True), q.shape))

    alike = Uniform(SMALL)(x)
    assert mx.abs(alike - alike[:, :1]).max().item() < 1e-6


def test_gradients_of_both_forms_agree():
    q, k, v = random(1, 4, 5, 8), random(1, 2, 5, 8, seed=1), random(1, 2, 5, 8, seed=2)
    mask = create_attention_mask(5, window=3)
    gradients = [mx.grad(lambda *qkv: mx.sin(attend(*qkv, 0.5, mask)).sum(), argnums=(0, 1, 2))(q, k, v)
                 for attend in (scaled_dot_product_attention, fused_attention)]
    for a, b in zip(*gradients):
        assert mx.abs(a - b).max().item() < 1e-5
