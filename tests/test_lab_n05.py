"""What notebook 05 measures with: a wrong merge in a small model, its pictures, its exercises."""
import math

from mistral_edu.attention import merge_heads, scaled_dot_product_attention, split_heads
from mistral_edu.lab import check, recorded, use
from mistral_edu.lab.n05_attention import draw_head, draw_merges, draw_query, draw_sink
from mistral_edu.lab.n05_attention.exercises import attend, causal, coded, merge
from mistral_edu.lab.n05_attention.training import NO_CLUE, copies, forgotten, noise, small_model, trained, written

import mlx.core as mx
import numpy as np
import pytest

TEXTS = noise(1)[:4]


def furthest_move(model, tokens):
    """How far earlier logits move when the last token is another one."""
    changed = mx.array(tokens)
    changed[:, -1] = (changed[:, -1] + 1) % 16
    return mx.abs(model(tokens) - model(changed))[:, :-1].max().item()


def test_a_code_says_where_its_number_stands():
    codes = coded(2, 3, 4, 4)
    assert codes[1, 2, 0, 3].item() == 1203
    assert merge(codes)[1, 0].tolist() == [1000, 1001, 1002, 1003, 1100, 1101, 1102, 1103, 1200, 1201, 1202, 1203]
    assert mx.array_equal(split_heads(merge(codes), 3), codes)
    assert mx.array_equal(merge(codes), merge_heads(codes))


def test_the_first_row_holds_later_tokens_when_the_transpose_is_forgotten():
    assert forgotten(coded(1, 3, 4, 1))[0, 0].tolist() == [0, 10, 20]         # head 0 of the tokens 0, 1 and 2
    assert mx.array_equal(forgotten(coded(2, 1, 4, 4)), merge_heads(coded(2, 1, 4, 4)))     # one head: no difference


def test_models_differ_in_the_merge_alone_and_only_one_leaks():
    right, wrong = small_model(merge_heads), small_model(forgotten)
    assert mx.array_equal(right.layers[1].self_attn.o_proj.weight, wrong.layers[1].self_attn.o_proj.weight)
    assert right(TEXTS).shape == wrong(TEXTS).shape
    assert furthest_move(right, TEXTS) == 0
    assert furthest_move(wrong, TEXTS) > 0.01


def test_texts_are_copies_or_noise_and_new_at_each_step():
    half = copies(3)[:, :8]
    assert mx.array_equal(copies(3)[:, 8:], half) and not mx.array_equal(copies(4)[:, :8], half)
    assert noise(3).shape == copies(3).shape == (32, 16)


def test_training_starts_at_guessing_and_noise_stays_there():
    assert NO_CLUE == pytest.approx(math.log(16))
    _, first = trained(merge_heads, copies, asked=7, steps=1)
    assert first / 0.1 == pytest.approx(NO_CLUE, abs=0.4)                     # a tenth of the one step's loss
    assert trained(merge_heads, noise, steps=20)[1] > 2.7


def test_written_counts_what_a_model_writes():
    halves = copies(0)[:, :8]
    parrot = lambda text: mx.eye(16)[mx.concatenate([halves, halves], axis=1)[:, 1:text.shape[1] + 1]]
    assert written(parrot, halves) == 1.0 and written(parrot, halves, filled=True) == 1.0
    assert written(lambda text: parrot(text)[..., ::-1], halves) < 0.5


def test_what_is_recorded_says_that_copying_passes_and_noise_convicts():
    right, wrong = recorded("copy_and_noise")["results"].values()
    assert max(right["copy"]) < 0.1 and max(wrong["copy"]) < 0.1
    assert min(right["written"]) == 1.0 and max(wrong["written"]) < 0.5
    assert min(right["noise"]) > 2.7 and max(wrong["noise"]) < 1


def test_the_reference_is_the_library_s_attention_and_runs_in_the_model(capsys):
    q, k, v = mx.random.normal((3, 2, 3, 5, 8), key=mx.random.key(0))
    expected = scaled_dot_product_attention(q, k, v, 0.3, "causal")
    assert mx.allclose(attend(q, k, v, 0.3, causal(5)), expected, atol=1e-5)
    use(attend, repeat_kv=True)
    assert capsys.readouterr().out.startswith("✓ attend in the model")


INF = mx.array(mx.inf)


@pytest.mark.parametrize("label, answer, words", [
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]),
                                                             -INF), axis=-1) @ v, "scale of your own"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(q @ k.swapaxes(-1, -2) * scale + mask, axis=-1) @ v, "counts as 1"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, -INF, q @ k.swapaxes(-1, -2) * scale), axis=-1) @ v,
     "wrong way round"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, q @ k.swapaxes(-1, -2) * scale, -INF), axis=-2) @ v,
     "over the queries"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, q @ k.T * scale, -INF), axis=-1) @ v, "all axes"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, q @ k.swapaxes(-1, -2), -INF), axis=-1) * scale @ v,
     "comes after softmax"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(q @ k.swapaxes(-1, -2)) @ v, "without an axis"),
    ("5.4", lambda q, k, v, scale, mask: mx.softmax(q @ k.swapaxes(-1, -2), axis=-1) @ v, "two things"),
    ("5.5", lambda out: out.reshape(out.shape[0], out.shape[2], -1), "the transpose is missing"),
    ("5.5", lambda out: out.swapaxes(1, 2), "the reshape is missing"),
    ("5.5", lambda out: out.swapaxes(1, 3).reshape(out.shape[0], out.shape[2], -1), "head_dim has to stay last"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_powers_by_hand_are_right_only_where_scores_are_small():
    def divided_by_hand(q, k, v, scale, mask):
        powers = mx.exp(q @ mx.swapaxes(k, -1, -2) * scale) * mask
        return powers / powers.sum(axis=-1, keepdims=True) @ v
    message = check("5.4", divided_by_hand).message
    assert "case 6 of 6" in message and "too large a number for 32 bits" in message


def test_other_ways_to_the_same_result_pass():
    def large_negative(q, k, v, scale, mask):
        return mx.softmax(mx.where(mask, (q * scale) @ k.swapaxes(-1, -2), -1e9), axis=-1) @ v

    assert check("5.4", large_negative)
    assert check("5.5", lambda out: mx.concatenate([out[:, h] for h in range(out.shape[1])], axis=-1))
    assert check("5.5", lambda out: mx.flatten(out.swapaxes(1, 2), 2))


def test_the_pictures_say_their_numbers():
    keys = mx.array([[2.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    query = draw_query(("Mia", "ate", "she"), [1.0, 1.0], keys, mx.softmax(mx.array([2.0, 1.0, 0.0])))
    assert query.caption == "The query is [1.00, 1.00]. Weights: Mia 0.67, ate 0.24, she 0.09."
    even = draw_query(("Mia", "ate", "she"), [0.0, 0.0], keys, mx.ones(3) / 3)
    assert even.fig.get_suptitle() == "All keys get the same weight"

    parts = np.stack(np.indices((2, 2)), axis=-1)                             # (head, token) of two heads, two tokens
    right, wrong = parts.transpose(1, 0, 2), parts
    assert draw_merges({"right": right, "wrong": wrong}).caption == (
        "right: 0 of 4 parts come from a later token, 0 from an earlier one; wrong: 1 of 4 parts come from a later "
        "token, 1 from an earlier one.")

    pattern = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])
    assert draw_head(["<s>", "a", "ball"], pattern, 2, 3).caption == (
        'Layer 2 head 3. The last token, "ball", gives 0.50 to "a" at position 1. On average a token gives 0.50 to the '
        "one before it, 0.38 to itself, 0.38 to <s>.")

    assert draw_sink([0.1, 0.5], [(4.0, 4.0), (2.0, 6.0)]).caption == (
        "Attention on <s>: 0.10 in layer 0, 0.50 at most (layer 1). From layer 1 on its value is 3.0 to 3.0 times "
        "shorter than the median of the others.")
