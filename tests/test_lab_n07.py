"""What notebook 07 shows: heads have names, pictures say their numbers, exercises know what beginners write."""
from dataclasses import replace

from mistral_edu import MistralConfig, load_tokenizer, scaled_dot_product_attention
from mistral_edu.attention import repeat_kv as library_repeat
from mistral_edu.lab import check, use
from mistral_edu.lab.n07_groups import draw_layers, draw_shares, draw_wiring, story_loss
from mistral_edu.lab.n07_groups.exercises import coded, most_kv_heads

import mlx.core as mx
import numpy as np
import pytest

SEVEN = MistralConfig.preset("7b-v0.3")


def tiled(x, n_rep):
    return mx.tile(x, (1, n_rep, 1, 1))


def attention_with(copy):
    return lambda q, k, v, scale, mask: scaled_dot_product_attention(q, copy(k, 4), copy(v, 4), scale, mask)


def test_coded_numbers_say_where_they_are():
    assert coded(2, 3, 2, 4)[1, 2, 0, 3].item() == 1203


def test_repeat_and_tile_have_one_shape_and_two_orders():
    x = coded(1, 2, 3, 4)
    assert library_repeat(x, 4).shape == tiled(x, 4).shape == (1, 8, 3, 4)
    assert library_repeat(x, 4)[0, :, 0, 0].tolist() == [0, 0, 0, 0, 100, 100, 100, 100]
    assert tiled(x, 4)[0, :, 0, 0].tolist() == [0, 100, 0, 100, 0, 100, 0, 100]


def test_a_tiled_model_is_worse_than_one_that_knows_nothing():
    tokenizer = load_tokenizer()
    assert story_loss(use(attend=attention_with(library_repeat), quiet=True), tokenizer, n=1) < 0.5
    assert story_loss(use(attend=attention_with(tiled), quiet=True), tokenizer, n=1) > np.log(2048)


def test_tile_is_right_for_heads_that_are_renumbered():
    model, original, order = use(attend=attention_with(tiled), quiet=True), use(), mx.array([0, 4, 1, 5, 2, 6, 3, 7])
    for attention in (layer.self_attn for layer in model.layers):
        attention.q_proj.weight = attention.q_proj.weight.reshape(8, 32, 256)[order].reshape(256, 256)
        attention.o_proj.weight = attention.o_proj.weight.reshape(256, 8, 32)[:, order].reshape(256, 256)
    tokens = mx.array([[1, 500, 501, 502]])
    assert mx.abs(model(tokens) - original(tokens)).max().item() < 1e-3


def with_new_axis(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    x = mx.broadcast_to(x[:, :, None], (B, n_kv_heads, n_rep, S, head_dim))
    return x.reshape(B, n_kv_heads * n_rep, S, head_dim)


def axis_before_the_heads(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    x = mx.broadcast_to(x[:, None], (B, n_rep, n_kv_heads, S, head_dim))
    return x.reshape(B, n_kv_heads * n_rep, S, head_dim)


def test_other_ways_to_the_same_copies_and_the_same_tokens_pass():
    assert check("7.2", with_new_axis)
    assert check("7.2", lambda x, n: x[:, mx.array([h // n for h in range(n * x.shape[1])])])
    assert check("7.2", lambda x, n: mx.stack([x] * n, axis=2).reshape(x.shape[0], -1, *x.shape[2:]))


def test_a_loop_from_the_top_finds_as_many_kv_heads():
    def from_the_top(room, tokens, layers, heads, dim):
        for n in range(heads, 0, -1):
            if heads % n == 0 and 4 * n * tokens * layers * dim <= room:
                return n
        return 0
    assert check("7.7", from_the_top)


def fitting(room, of_one, n_heads):
    return max((n for n in range(1, n_heads + 1) if n_heads % n == 0 and n * of_one <= room), default=0)


@pytest.mark.parametrize("label, answer, words", [
    ("7.2", lambda x, n: mx.concatenate([x] * n, axis=1), "That is tile"),
    ("7.2", axis_before_the_heads, "That is tile"),
    ("7.2", lambda x, n: x[:, mx.array([h % x.shape[1] for h in range(n * x.shape[1])])], "That is tile"),
    ("7.2", lambda x, n: mx.repeat(x, n), "one long row"),
    ("7.2", lambda x, n: mx.repeat(x, n, axis=-2), "the positions"),
    ("7.2", lambda x, n: mx.repeat(x, n, axis=0).reshape(x.shape[0], -1, *x.shape[2:]), "expected"),
    ("7.2", lambda x, n: mx.concatenate([x] * n), "the texts of the batch"),
    ("7.7", lambda room, tokens, n, heads, d: min(heads, room // (4 * tokens * n * d)), "has to divide n_heads"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 2 * tokens * n * d, heads), "one of these two factors"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 4 * n * d, heads), "the tokens are missing"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 4 * tokens * d, heads), "the layers are missing"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room - 1, 4 * tokens * n * d, heads), "exactly full"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 4 * tokens * n * heads * d, heads), "holds no query heads"),
    ("7.7", lambda room, tokens, n, heads, d: heads * (heads * 4 * tokens * n * d <= room), "the other way round"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 4 * tokens * n * d, heads) or 1, "the answer is 0"),
    ("7.7", lambda room, tokens, n, heads, d: fitting(room, 64 * tokens * n * d / 2, heads), "16 bytes for a number"),
    ("7.7", lambda room, tokens, n, heads, d: 2 ** int(np.log2(max(room // (4 * tokens * n * d), 1))), "A hint waits"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    verdict = check(label, answer)
    assert not verdict and words in verdict.message


def test_kv_heads_by_hand():
    assert most_kv_heads(1000, tokens=10, n_layers=2, n_heads=6, head_dim=3) == 3
    assert most_kv_heads(4e9, 32_768, SEVEN.n_layers, SEVEN.n_heads, SEVEN.head_dim) == 4


@pytest.mark.parametrize("n_kv_heads, title, n_bytes, size", [
    (32, "MHA: each of 32 query heads has a kv head of its own", "524,288", "8.05"),
    (8, "GQA: each of 32 query heads shares a kv head with 3 others", "131,072", "7.25"),
    (16, "GQA: each of 32 query heads shares a kv head with 1 other", "262,144", "7.52"),
    (1, "MQA: each of 32 query heads shares a kv head with 31 others", "16,384", "7.01"),
])
def test_the_wiring_says_what_a_token_leaves(n_kv_heads, title, n_bytes, size):
    picture = draw_wiring(replace(SEVEN, n_kv_heads=n_kv_heads))
    assert picture.fig.axes[0].get_title(loc="left") == title
    assert f"leaves {n_bytes} bytes" in picture.caption and f"{size} billion parameters" in picture.caption


def test_each_line_of_the_wiring_leads_to_the_kv_head_of_the_rule():
    """Query head h stands at (h, 1); its line ends below the middle of group h // 4."""
    axes = draw_wiring(SEVEN).fig.axes[0]
    ends = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [(x[0], (x[1] - 1.5) / 4) for x in ends] == [(h, h // 4) for h in range(32)]


def test_pictures_say_their_numbers():
    assert draw_layers([3.0, 0.2, 0.3], [0.0, 1.0, 0.75], 0.14).caption == (
        "One layer tiled: layer 0 gives a story loss of 3.0 and a recall of 0; any other layer a loss of 0.30 at most, "
        "and a recall of 0.75 at least.")
    picture = draw_shares({"MHA": [0.0, 49.4], "MQA": [0.0, 3.0]}, [0, 1024], 1024)
    assert picture.caption.endswith("for the next token: MHA 49 %, MQA 3 %.")
