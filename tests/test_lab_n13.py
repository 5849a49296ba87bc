"""What notebook 13 draws with: its exercises, what beginners write, and pictures that say their numbers."""
from mistral_edu import sampling
from mistral_edu.lab import check
from mistral_edu.lab.n13_sampling import draw_calibration, draw_price, draw_survivors
from mistral_edu.lab.n13_sampling.exercises import FIVE, draw, keep_top_p

import mlx.core as mx
import numpy as np
import pytest


def test_equally_spaced_points_draw_each_token_as_often_as_it_should_come():
    counts = np.bincount([draw(FIVE, n / 16) for n in range(16)], minlength=5)
    assert counts.tolist() == [1, 8, 2, 4, 1]


def test_a_filtered_forecast_is_drawn_from_without_its_zeros():
    counts = np.bincount([draw(keep_top_p(FIVE, 0.75), n / 12) for n in range(12)], minlength=5)
    assert counts.tolist() == [0, 8, 0, 4, 0]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99])
def test_top_p_on_probabilities_is_that_of_the_library_on_logits(p):
    logits = 3 * mx.random.normal((200,), key=mx.random.key(7))
    kept = keep_top_p(mx.softmax(logits), p)
    assert mx.allclose(kept / kept.sum(), mx.softmax(sampling.keep_top_p(logits, p)), atol=1e-6)


def loop_draw(probabilities, u):
    total = 0.0
    for token, p in enumerate(probabilities.tolist()):
        total += p
        if u < total:
            return token


def loop_top_p(probabilities, p):
    kept, total = [0.0] * len(probabilities), 0.0
    for token in mx.argsort(-probabilities).tolist():
        if total >= p:
            break
        kept[token] = probabilities[token].item()
        total += kept[token]
    return kept


def by_argsort(probabilities, p):
    order = mx.argsort(-probabilities)
    total = mx.cumsum(probabilities[order])
    kept = mx.zeros_like(probabilities)
    kept[order] = mx.where(total <= p, probabilities[order], 0)
    return kept


@pytest.mark.parametrize("label, answer, words", [
    ("13.1", loop_draw, "returns None"),
    ("13.1", lambda q, u: (mx.cumsum(q) > u).argmax().item(), "compare with u * sum"),
    ("13.1", lambda q, u: (mx.cumsum(q) < u).sum().item(), "two things: a stretch begins"),
    ("13.1", lambda q, u: (mx.cumsum(q / q.sum()) < u).sum().item(), "a stretch begins at its left end"),
    ("13.1", lambda q, u: (mx.cumsum(q) <= u * q.sum()).sum().item() - 1, "one token too far to the left"),
    ("13.1", lambda q, u: (mx.cumsum(q) <= u * len(q)).sum().item(), "len(probabilities) is their number"),
    ("13.1", lambda q, u: int(mx.argmax(q)), "temperature 0, no draw"),
    ("13.1", lambda q, u: mx.cumsum(q), "expected 2, yours gives [0.0625"),
    ("13.1", lambda q, u: (mx.cumsum(q) <= u * q.sum()).sum, "yours gives"),
    ("13.1", lambda q, u: mx.random.categorical(mx.log(q), key=mx.random.key(0)).item(), "expected"),
    ("13.4", by_argsort, "the token that crosses p is missing"),
    ("13.4", lambda q, p: mx.where(mx.cumsum(q) <= p, q, 0), "sort before mx.cumsum"),
    ("13.4", lambda q, p: mx.where(mx.cumsum(-mx.sort(-q)) < p, -mx.sort(-q), 0), "two things: the token that crosses"),
    ("13.4", lambda q, p: mx.where(mx.cumsum(mx.sort(q)) <= p, mx.sort(q), 0), "expected"),
    ("13.4", lambda q, p: keep_top_p(q, p) / keep_top_p(q, p).sum(), "made to add up to 1"),
    ("13.4", lambda q, p: keep_top_p(q, p) > 0, "which tokens stay"),
    ("13.4", lambda q, p: np.array(keep_top_p(q, p)), "NumPy array"),
    ("13.4", loop_top_p, "come as a list"),
    ("13.4", lambda q, p: mx.where(q >= p * q.max(), q, 0), "that is min-p"),
    ("13.4", lambda q, p: q.sort(reverse=True), "your code stops with"),
    ("13.4", keep_top_p(FIVE, 0.8), "give the function itself"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_other_ways_to_the_same_results_pass():
    assert check("13.1", lambda q, u: (mx.cumsum(q) > u * q.sum()).argmax().item())
    assert check("13.1", lambda q, u: loop_draw(q / q.sum(), u))
    assert check("13.4", lambda q, p: mx.array(loop_top_p(q, p)))


def test_the_pictures_say_their_numbers():
    names, model = [f"t{n}" for n in range(20)], np.array([0.6, 0.2] + [0.2 / 18] * 18)
    picture = draw_survivors(names, model, np.array([0.75, 0.25] + [0.0] * 18), "T 1.0, top-p 0.80")
    assert picture.caption == ("T 1.0, top-p 0.80: 2 tokens can be drawn. The 12 likeliest hold 1.00, the others "
                               "together 0.00; the model gave these 0.09.")
    ax = picture.fig.axes[0]
    assert ax.get_title(loc="left") == "2 of 20 tokens can be drawn"
    assert [text.get_text() for text in ax.texts] == ["out"] * 10        # the twelve likeliest without the two kept
    groups = [(0.1, 0.12, 50), (0.77, 0.95, 80), (0.99, 1.0, 900)]
    picture = draw_calibration(groups, 2.0, 0.3)
    assert picture.caption == ("Temperature 2: loss 0.300. Said / came, group by group: 0.10 / 0.12; 0.77 / 0.95; "
                               "0.99 / 1.00.")
    assert picture.fig.axes[0].get_title(loc="left") == "Temperature 2: of what gets 77%, 95% came"
    picture = draw_price((1.0, 2.0), {"a": [0.2, 0.7], "b": [0.2, 0.3]}, {"a": [1.0, 0.0], "b": [1.0, 0.98]})
    assert picture.caption == ("At temperature 2, nats of choice per token and the chance of a clean story: a 0.70 and "
                               "0.00; b 0.30 and 0.98.")
    assert [ax.get_title(loc="left") for ax in picture.fig.axes] == ["At T = 2: 0.30 to 0.70 nats",
                                                                     "1 of 2 keep stories clean"]
