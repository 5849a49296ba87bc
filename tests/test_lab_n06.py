"""What notebook 06 measures with: rotations of any frequency, costs by position, a small training, its pictures."""
import math

from mistral_edu import load_model, load_tokenizer
from mistral_edu.lab import check, use
from mistral_edu.lab.n06_rope import (
    draw_arrows,
    draw_beyond,
    draw_dials,
    draw_outgrown,
    draw_stopped,
    loss_on_noise,
    news,
    rotation_with,
    token_costs,
    trained,
)
from mistral_edu.lab.n06_rope.exercises import rotate
from mistral_edu.rope import rope, rope_frequencies, rope_interleaved

import mlx.core as mx
import numpy as np
import pytest

FREQUENCIES = np.array(rope_frequencies(32))


@pytest.fixture(scope="module")
def exact():
    return load_model(dtype="float32")


def drawn(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


@pytest.mark.parametrize("offset", [0, 7])
def test_with_the_librarys_frequencies_the_rotation_is_the_librarys(offset):
    x = drawn(2, 3, 5, 32)
    gap = mx.abs(rotation_with(FREQUENCIES)(x, offset, 10000.0) - rope(x, offset)).max().item()
    assert gap < 1e-5


def test_a_stopped_clock_keeps_its_pair_and_the_others_turn():
    x, frequencies = drawn(1, 2, 5, 32), FREQUENCIES.copy()
    frequencies[3] = 0
    turned, whole = rotation_with(frequencies)(x, 4, 10000.0), rope(x, 4)
    assert mx.array_equal(turned[..., 3], x[..., 3]) and mx.array_equal(turned[..., 19], x[..., 19])
    others = mx.array([n for n in range(32) if n % 16 != 3])
    assert mx.allclose(turned[..., others], whole[..., others], atol=1e-5)


def test_positions_can_be_changed_before_they_are_multiplied():
    x = drawn(1, 1, 5, 32)
    half = rotation_with(FREQUENCIES, lambda positions: positions / 2)(x, 6, 10000.0)
    assert mx.allclose(half, rotation_with(FREQUENCIES / 2)(x, 6, 10000.0), atol=1e-5)


def test_the_score_depends_on_the_distance_alone():
    q, k = drawn(1, 32), drawn(1, 32, seed=1)
    scores = [(rope(q, i) * rope(k, j)).sum().item() for i, j in ((5, 3), (105, 103), (6, 3))]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert abs(scores[0] - scores[2]) > 0.1


def test_losses_are_those_of_one_pass_however_the_text_is_read(exact):
    ids = [1, 3] + [5 + n % 300 for n in range(150)]
    logits = exact(mx.array([ids[:-1]]))[0]
    wanted = mx.logsumexp(logits, axis=-1) - logits[mx.arange(151), mx.array(ids[1:])]
    assert np.allclose(token_costs(exact, ids), wanted, atol=1e-3)
    assert np.allclose(token_costs(exact, ids, chunk=16), wanted, atol=1e-3)
    full = token_costs(exact, ids, "causal")                      # no window: equal up to the 128th query, then not
    assert np.allclose(full[:128], wanted[:128], atol=1e-3) and not np.allclose(full[128:], wanted[128:], atol=1e-3)


def test_news_has_the_length_that_was_asked_for():
    tokenizer = load_tokenizer()
    ids = news(tokenizer, 200)
    assert len(ids) == 200 and tokenizer.decode(ids).count(".") > 10


@pytest.mark.slow
def test_a_small_model_learns_with_either_layout_and_cannot_be_run_with_the_other():
    for own, other in ((rope, rope_interleaved), (rope_interleaved, rope)):
        model = trained(own, seed=2)
        assert loss_on_noise(model, own) < 0.1 and loss_on_noise(model, other) > 0.5


@pytest.mark.slow
def test_a_small_model_without_any_rotation_does_not_learn_a_distance():
    still = rotation_with(0 * FREQUENCIES)
    assert loss_on_noise(trained(still, seed=2), still) > 1


def test_positions_from_one_are_no_mistake_to_the_model_and_one_to_the_checker():
    def from_one(x, offset, theta):
        return rotate(x, offset + 1, theta)
    assert "one too large" in check("6.3", from_one).message
    ids = mx.array([[1, 3, 500, 600, 700]])
    assert mx.abs(use(rotate=from_one, quiet=True)(ids) - use()(ids)).max().item() < 1e-3


def angles_of(x, offset, theta):
    half = x.shape[-1] // 2
    return (offset + mx.arange(x.shape[-2]))[:, None] * theta ** (-mx.arange(half) / half)


def turned(a, b, angles):
    return a * mx.cos(angles) - b * mx.sin(angles), b * mx.cos(angles) + a * mx.sin(angles)


def first_half_overwritten(x, offset, theta):
    half, angles = x.shape[-1] // 2, angles_of(x, offset, theta)
    x[..., :half] = x[..., :half] * mx.cos(angles) - x[..., half:] * mx.sin(angles)
    x[..., half:] = x[..., half:] * mx.cos(angles) + x[..., :half] * mx.sin(angles)
    return x


def as_complex_numbers(x, offset, theta):
    half, angles = x.shape[-1] // 2, angles_of(x, offset, theta)
    z = (x[..., :half] + 1j * x[..., half:]) * (mx.cos(angles) + 1j * mx.sin(angles))
    return mx.concatenate([mx.real(z), mx.imag(z)], axis=-1)


def row_by_row(x, offset, theta):
    rows = [rope(x[..., n:n + 1, :], offset + n, theta) for n in range(x.shape[-2])]
    return mx.concatenate(rows, axis=-2)


@pytest.mark.parametrize("answer", [as_complex_numbers, row_by_row,
                                    lambda x, offset, theta: rope(x, offset, theta)])
def test_other_ways_to_the_same_rotation_pass(answer):
    assert check("6.3", answer)


@pytest.mark.parametrize("answer, words", [
    (first_half_overwritten, "you overwrote the first half"),
    (lambda x, offset, theta: mx.concatenate(turned(x[..., 0::2], x[..., 1::2], angles_of(x, offset, theta)), -1),
     "put them together as halves"),
    (lambda x, offset, theta: rope_interleaved(x, offset, theta), "your pairs are neighbours"),
    (lambda x, offset, theta: rope(x, 0, theta), "offset is not used"),
    (lambda x, offset, theta: rope(x, -offset, theta), "A hint waits"),
    (lambda x, offset, theta: rope(x, offset), "yours is always 10000"),
    (lambda x, offset, theta: mx.fast.rope(x[None], x.shape[-1], traditional=True, base=theta, scale=1.0,
                                           offset=offset)[0] if x.ndim == 2 else rope_interleaved(x, offset, theta),
     "your pairs are neighbours"),
    (lambda x, offset, theta: rotation_with(theta ** (-np.arange(x.shape[-1] // 2) / x.shape[-1]))(x, offset, theta),
     "yours lacks the 2"),
    (lambda x, offset, theta: rotation_with(-np.array(rope_frequencies(x.shape[-1], theta)))(x, 0, theta),
     "two things: you turn the other way"),
    (lambda x, offset, theta: mx.stack(turned(x[..., :x.shape[-1] // 2], x[..., x.shape[-1] // 2:],
                                              angles_of(x, offset, theta)), axis=-1).reshape(x.shape),
     "interleaved them again"),
    (lambda x, offset, theta: x, "x comes back as it was"),
])
def test_what_beginners_write_is_answered_to_the_point(answer, words):
    assert words in check("6.3", answer).message


def test_the_pictures_say_their_numbers():
    arrows = draw_arrows(((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (1.0, 0.0)), [-1, 0, 1], [0.0, 1.0, 0.0], 1)
    assert arrows.caption == "The query is turned to (0.00, 1.00), the key to (1.00, 0.00). Distance 1, score 0.00."
    dials = draw_dials([math.pi / 2, *[1e-3] * 14, math.pi / 4], 4)
    assert dials.caption == f"Distance 4. Within 10 degrees of where they began: {', '.join(map(str, range(15)))}."
    stopped = draw_stopped([0.3, 0.1, 0.105, 0.2], 0.1, [6, 60, 200, 300], furthest=127)
    assert stopped.caption == ("Story loss with one clock stopped, the largest three: clock 0: 0.30, clock 3: 0.20, "
                               "clock 2: 0.10. As it is: 0.10. 2 of 4 clocks cost less than 0.01.")
    outgrown = draw_outgrown([24, 40, 56], {"a": [0.0, 0.2, 0.6], "b": [0.0, 0.0, 0.1]}, {"a": 50.2, "b": 90.0})
    assert outgrown.caption == "a: period 50, above 0.5 from 56 on; b: period 90, never above 0.5."
    beyond = draw_beyond((32, 64, 128, 256), {"window": [1.0, 1.1, 1.2], "none": [1.0, 3.0]}, trained=127)
    assert beyond.caption == "Loss per token. window: 1.0 at first, 1.2 at the end; none: 1.0 at first, 3.0 at the end."
