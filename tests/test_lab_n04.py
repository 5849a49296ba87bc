"""What notebook 04 measures with: a task learned with norms and without, its pictures, its exercises."""
import math

import mlx.core as mx
import numpy as np
import pytest

from mistral_edu.lab import check, recorded, use
from mistral_edu.lab.n04_rmsnorm import draw_against, draw_doubt, draw_losses, draw_stream, losses_of, small_model
from mistral_edu.lab.n04_rmsnorm.exercises import leaks, rms_norm, so_far, texts_together, whole_text
from mistral_edu.norm import RMSNorm

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
    assert [(one["learned"], one["exploded"]) for one in results.values()] == [(5, 0), (0, 8), (8, 0)]


@pytest.mark.parametrize("norm, expected", [
    (lambda x, weight: rms_norm(x, weight, 1e-5), False), (whole_text, True), (so_far, False), (texts_together, False)])
def test_leaks_tells_the_future_from_the_past(norm, expected):
    assert leaks(norm, mx.concatenate([ROWS, 2 * ROWS]), mx.ones(2)) is expected


def test_leaks_does_not_change_what_it_is_given():
    x = mx.array(ROWS)
    leaks(whole_text, x, mx.ones(2))
    assert mx.array_equal(x, ROWS)


def test_one_size_for_a_text_is_right_for_one_token_and_wrong_for_two():
    """Why the model of section 4.8 is perfect one token at a time, and why one row is no test."""
    model, right = use(norm=lambda x, weight, eps: whole_text(x, weight), quiet=True), use()
    one, two = mx.array([[1]]), mx.array([[1, 500]])
    assert mx.abs(model(one) - right(one)).max().item() < 1e-3
    assert mx.abs(model(two) - right(two)).max().item() > 1


@pytest.mark.parametrize("label, answer, words", [
    ("4.2", lambda x, weight, eps: weight * x / mx.sqrt(mx.mean(x**2) + eps), "one size for all rows"),
    ("4.2", lambda x, weight, eps: weight * x * mx.rsqrt(mx.mean(x * x, axis=-1) + eps), "keepdims=True"),
    ("4.2", lambda x, weight, eps: weight * x / (mx.linalg.norm(x, axis=-1, keepdims=True) + eps), "root of the sum"),
    ("4.2", lambda x, weight, eps: weight * x / np.sqrt(np.mean(x * x, axis=-1) + eps), "use x.mean"),
    ("4.2", lambda x, weight, eps: x * mx.rsqrt(mx.mean(x * x, axis=-1, keepdims=True)), "eps is missing. And"),
    ("4.8", lambda norm, x, weight: norm(x, weight).shape != norm(x + 1, weight).shape, "False for every norm"),
    ("4.8", lambda norm, x, weight: (norm(x, weight) != norm(x + 1, weight)).any().item(), "True for every norm"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_another_way_to_the_same_norm_and_the_same_test_passes():
    assert check("4.2", lambda x, weight, eps: mx.fast.rms_norm(x, weight, eps))
    assert check("4.8", lambda norm, x, w: not mx.allclose(norm(x[:, :-1], w), norm(x, w)[:, :-1], atol=1e-5))


def test_the_pictures_say_their_numbers():
    before = {"RMSNorm": mx.array([1.0, -1.0]), "LayerNorm": mx.array([1.0, -1.0])}
    after = {"RMSNorm": mx.array([1.25, -1.0]), "LayerNorm": mx.array([1.0, -1.0])}
    assert draw_against(mx.array([3.0, -1.0]), before, after).caption == (
        "The row has the size 2.24 and the mean 1.00. The largest move of a number that comes out: RMSNorm: 0.25; "
        "LayerNorm: 0.00.")
    sizes = np.array([[1.0, 1.0, 2.0, 3.0], [12.0, 2.0, 4.0, 6.0]])
    assert draw_stream(sizes).caption == (
        "Size of the middle row: 2.00 at first, 4.0 at the last norm. <s>: 1.00 and 12.0, at most 3 times the middle "
        "row (norm 1). The largest row of all: 12.")
    caption = draw_losses({"a": [3.0, 0.01], "b": [3.0, float("nan")], "c": [3.0, 2.0]}, chance=2.77).caption
    assert caption == "Loss at the end. a: below 0.1; b: off the picture; c: above 0.1."
    doubt = draw_doubt(["a", "boy", "and"], [100, 10, 20], [math.log(8), 0.0, 0.5]).caption
    assert doubt.startswith('1 of 3 tokens leave the next one in doubt. The largest row: 100, after "a", as much doubt')
    assert "between 8.0 equally likely tokens" in doubt
    sure = draw_doubt(["a", "boy"], [10, 12], [0.0, 0.1])
    assert [text.get_text() for text in sure.fig.axes[0].get_legend().get_texts()] == ["next token nearly sure"]
