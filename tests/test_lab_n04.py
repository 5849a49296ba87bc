"""What notebook 04 measures with: a task learned with norms and without, its pictures, its exercises."""
import math

from mistral_edu import encode_chat, load_model, load_tokenizer
from mistral_edu.lab import check, recorded, use
from mistral_edu.lab.n04_rmsnorm import (
    draw_against,
    draw_doubt,
    draw_losses,
    draw_stream,
    held_out_stories,
    losses_of,
    small_model,
)
from mistral_edu.lab.n04_rmsnorm.exercises import leaks, rms_norm
from mistral_edu.lab.n04_rmsnorm.norms import (
    across_texts,
    mean_of_abs,
    minus_mean_row,
    next_size,
    one_size,
    per_column,
    per_token,
    size_two_on,
    so_far,
)
from mistral_edu.norm import RMSNorm

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

ROWS = mx.array([[[3.0, 4.0], [30.0, 40.0], [-1.0, 2.0]]])


def test_models_with_and_without_norms_have_the_same_weights_and_differ_in_division_alone():
    normed, plain = small_model(norms=True), small_model(norms=False)
    assert mx.array_equal(normed.lm_head.weight, plain.lm_head.weight)
    assert mx.array_equal(normed.layers[7].mlp.up_proj.weight, plain.layers[7].mlp.up_proj.weight)
    row = mx.arange(32.0)
    assert isinstance(normed.model.norm, RMSNorm) and mx.array_equal(plain.model.norm(row), row)


def test_training_starts_at_guessing_and_ends_where_the_loss_is_gone():
    assert losses_of(small_model(), 0.005, steps=1)[0] == pytest.approx(math.log(16), abs=0.4)
    losses = losses_of(small_model(norms=False), 0.1, steps=80)
    assert len(losses) < 80 and not losses[-1] <= 1000


def test_what_is_recorded_says_that_norms_prevent_explosions():
    results = recorded("eight_trainings")["results"]
    assert {kind: (one["learned"], one["exploded"]) for kind, one in results.items()} == {
        "with norms, steps of 0.005": (5, 0), "without norms, steps of 0.005": (0, 8),
        "with norms, steps of 0.001": (8, 0), "without norms, steps of 0.001": (8, 0)}
    assert [one["losses"][-1] < 0.1 for one in results.values()] == [True, False, True, True]


@pytest.mark.parametrize("norm, expected", [
    (rms_norm, False), (per_token, False), (mean_of_abs, False), (so_far, False), (across_texts, False),
    (one_size, True), (per_column, True), (next_size, True), (size_two_on, True),
    (minus_mean_row, True)])
def test_leaks_tells_the_future_from_the_past(norm, expected):
    assert leaks(norm, mx.concatenate([ROWS, 2 * ROWS]), mx.ones(2), 1e-5) is expected


def test_leaks_does_not_change_what_it_is_given():
    x = mx.array(ROWS)
    leaks(one_size, x, mx.ones(2), 1e-5)
    assert mx.array_equal(x, ROWS)


def test_one_size_for_a_text_is_right_for_one_token_and_wrong_for_two():
    """Why the model of section 4.8 is perfect one token at a time, and why one row is no test."""
    model, right = use(norm=one_size, quiet=True), use()
    one, two = mx.array([[1]]), mx.array([[1, 500]])
    assert mx.abs(model(one) - right(one)).max().item() < 1e-3
    assert mx.abs(model(two) - right(two)).max().item() > 1


def with_last(change):
    """A change of the last token's row alone."""
    return lambda x: mx.concatenate([x[:, :-1], change(x[:, -1:])], axis=1)


def leak_test(equal=mx.array_equal, change=with_last(lambda row: row + 1)):  # noqa: B008
    """A reader's test for leaks: how it changes x, and when it takes two results for equal."""
    def leaks(norm, x, weight, eps):
        return not bool(equal(norm(x, weight, eps)[:, :-1], norm(change(x), weight, eps)[:, :-1]))
    return leaks


@pytest.mark.parametrize("label, answer, words", [
    ("4.2", lambda x, weight, eps: weight * x / mx.sqrt(mx.mean(x**2) + eps), "one size for all rows"),
    ("4.2", lambda x, weight, eps: weight * x * mx.rsqrt(mx.mean(x * x, axis=-1) + eps), "keepdims=True"),
    ("4.2", lambda x, weight, eps: weight * x / (mx.linalg.norm(x, axis=-1, keepdims=True) + eps), "root of the sum"),
    ("4.2", lambda x, weight, eps: weight * x / np.sqrt(np.mean(x * x, axis=-1) + eps), "use x.mean"),
    ("4.2", lambda x, weight, eps: x * mx.rsqrt(mx.mean(x * x, axis=-1, keepdims=True)), "eps is missing. And"),
    ("4.2", lambda x, weight, eps: weight * x * mx.rsqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5), "a fixed 1e-5"),
    ("4.2", lambda x, weight, eps: x * mx.rsqrt((x * x).mean(axis=-1) + eps), "lost their axis"),
    ("4.2", lambda x, weight, eps: x * mx.rsqrt((x * x).mean(axis=-1) + eps), "weight is missing"),
    ("4.2", lambda x, weight, eps: weight * x / (mx.sqrt((x * x).mean()) + eps), "one size for all rows"),
    ("4.2", lambda x, weight, eps: weight * x / (mx.sqrt((x * x).mean()) + eps), "yours comes after it"),
    ("4.2", lambda x, weight, eps: weight * x * mx.rsqrt((x * x).max(axis=-1, keepdims=True) + eps), "largest of the"),
    ("4.2", lambda x, weight, eps: mx.stack([weight * row / mx.sqrt((row * row).mean() + eps) for row in x]), "a loop"),
    ("4.2", lambda x, weight, eps: weight * x * mx.rsqrt((x * x).mean(axis=-2, keepdims=True) + eps), "axis=-2"),
    ("4.2", lambda x, weight, eps: weight * x / mx.sqrt((x * x).sum(-1, keepdims=True) / len(x) + eps), "x.shape[-1]"),
    ("4.2", lambda x, weight, eps: mx.fast.rms_norm(weight * x, None, eps), "the weight is in the size"),
    ("4.2", lambda x, weight, eps: weight * x / mx.sqrt(mx.var(x, -1, keepdims=True) + eps), "subtract the mean first"),
    ("4.2", lambda x, weight, eps: x / math.sqrt((x * x).mean(axis=-1).item() + eps) * weight, "a single number"),
    ("4.8", lambda norm, x, weight, eps: not mx.array_equal(norm(x, weight, eps)[:, :-2], norm(
        mx.concatenate([x[:, :-1], x[:, -1:] + 1], axis=1), weight, eps)[:, :-2]), "just before the last"),
    ("4.8", leak_test(lambda a, b: True if a == b else False), "an if needs one answer"),
    ("4.8", leak_test(lambda a, b: a.shape == b.shape), "False for every norm"),
    ("4.8", leak_test(change=lambda x: x + 1), "True for every norm"),
    ("4.8", leak_test(change=lambda x: x * 2), "x * 2 changes every row"),
    ("4.8", leak_test(mx.allclose, lambda x: x * 2), "x * 2 changes every row"),
    ("4.8", leak_test(change=with_last(lambda row: -row)), "with its sign turned"),
    ("4.8", leak_test(change=with_last(lambda row: row + 1e-6)), "a small change or a tolerance hides it"),
    ("4.8", leak_test(lambda a, b: mx.allclose(a, b, atol=0.1)), "a small change or a tolerance hides it"),
    ("4.8", leak_test(change=lambda x: mx.concatenate([x[..., :-1], x[..., -1:] + 1], axis=-1)), "x[..., -1] the last"),
    ("4.8", leak_test(lambda a, b: not (b - a).max() > 0), "a difference can be negative"),
    ("4.8", leak_test(lambda a, b: not (a - b).max() > 0), "a difference can be negative"),
    ("4.8", leak_test(lambda a, b: a.mean() == b.mean()), "two sums can agree"),
    ("4.8", lambda norm, x, weight, eps: leak_test()(rms_norm, x, weight, eps), "another norm is called"),
    ("4.8", lambda norm, x, weight, eps: not mx.allclose(norm(x, weight, eps), rms_norm(x, mx.ones(x.shape[-1]), 1e-5)),
     "whether norm computes what RMSNorm computes"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_another_way_to_the_same_norm_and_the_same_test_passes():
    assert check("4.2", lambda x, weight, eps: mx.fast.rms_norm(x, weight, eps))
    assert check("4.8", lambda norm, x, w, e: not mx.allclose(norm(x[:, :-1], w, e), norm(x, w, e)[:, :-1], atol=1e-5))
    assert check("4.8", leak_test(lambda a, b: mx.abs(a - b).max() == 0, with_last(lambda row: 0 * row)))
    assert check("4.8", leak_test(lambda a, b: mx.allclose(a, b, rtol=0, atol=1e-6), with_last(lambda row: row + 100)))


def test_a_test_that_changes_its_callers_array_is_told_so():
    def leaks(norm, x, weight, eps):
        before = norm(x, weight, eps)
        x[:, -1] = x[:, -1] + 1
        return not mx.array_equal(before[:, :-1], norm(x, weight, eps)[:, :-1])
    message = check("4.8", leaks).message
    assert "your function changes x" in message and "Begin with a copy, mx.array(x)" in message


@pytest.mark.slow
def test_the_wish_is_why_these_stories_cost_less_than_those_of_notebook_03():
    model, tokenizer = load_model(dtype="float32"), load_tokenizer()
    bare = encode_chat([{"role": "user", "content": "Tell me a story."}], tokenizer)

    def loss(prompts, stories):
        return np.mean([nn.losses.cross_entropy(model(mx.array([prompt + story]))[0, len(prompt) - 1:-1],
                                                mx.array(story), reduction="mean").item()
                        for prompt, story in zip(prompts, stories)])

    wishes, stories = zip(*held_out_stories(tokenizer, 8))
    assert loss(wishes, stories) < 0.15 and loss([bare] * 8, stories) > 0.25


def test_the_pictures_say_their_numbers():
    before = {"RMSNorm": mx.array([1.0, -1.0]), "LayerNorm": mx.array([1.0, -1.0])}
    after = {"RMSNorm": mx.array([1.25, -1.0]), "LayerNorm": mx.array([1.0, -1.0])}
    assert draw_against(mx.array([3.0, -1.0]), before, after).caption == (
        "The row has the size 2.24 and the mean 1.00. The largest move of a number that comes out: RMSNorm: 0.25; "
        "LayerNorm: 0.00.")
    sizes = np.array([[1.0, 1.0, 2.0, 3.0], [12.0, 2.0, 4.0, 6.0]])
    assert draw_stream(sizes, 0 * sizes + 0.5).caption == (
        "Size of the middle row: 2.00 at first, 4.0 at the last norm, 2 times as much; after the gains from 0.50 to "
        "0.50. <s>: 1.00 and 12.0, at most 3 times the middle row (norm 1). The largest row of all: 12.")
    caption = draw_losses({"a": [3.0, 0.01], "b": [3.0, float("nan")], "c": [3.0, 2.0]}, chance=2.77).caption
    assert caption == "Loss at the end. a: below 0.1; b: off the picture; c: above 0.1."
    doubt = draw_doubt(["a", "boy", "and"], [100, 10, 20], [math.log(8), 0.0, 0.5], first=30, of=40)
    assert doubt.caption == (
        'What comes after these 3 tokens: 1 nearly sure, 1 some doubt, 1 wide open. The largest row is that of "a": '
        "size 100, an entropy of 2.08, as with 8.0 equally likely tokens.")
    assert doubt.fig.axes[0].get_xlabel() == "the token that has just been read: 31 to 33 of 40"
    sure = draw_doubt(["a", "boy"], [10, 12], [0.0, 0.05])
    assert [text.get_text() for text in sure.fig.axes[0].get_legend().get_texts()] == ["next token: nearly sure"]


def test_what_comes_in_is_drawn_on_one_axis_whatever_its_scale():
    row = mx.array([1.0, -1.0])
    limits = {draw_against(scale * row, {"RMSNorm": row}, {"RMSNorm": row}).fig.axes[0].get_ylim() for scale in (1, 10)}
    assert len(limits) == 1
