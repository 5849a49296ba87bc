"""What notebook 16 measures with: the echo, `tiny` at five moments, its pictures, its exercises."""
from mistral_edu.lab import check
from mistral_edu.lab.experiments.inside import record, silenced
from mistral_edu.lab.n16_training import (
    DISTANCE,
    LETTERS,
    adamw,
    checkpoints,
    clipped,
    draw_curves,
    draw_first_steps,
    draw_run,
    draw_schedule,
    draw_stages,
    echoes,
    furthest,
    gradients,
    per_set,
    small_model,
    written,
)
from mistral_edu.lab.n16_training.exercises import USUAL

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
import pytest


def test_an_echo_says_its_first_half_again_and_other_numbers_give_other_texts():
    texts = echoes(0, rows=4)
    assert texts.shape == (4, 2 * DISTANCE) and (texts[:, :DISTANCE] == texts[:, DISTANCE:]).all()
    assert not mx.array_equal(texts, echoes(1, rows=4)) and texts.max().item() < LETTERS


@pytest.mark.parametrize("window, places", [(4, 6), (5, 8), (6, 10)])
def test_two_layers_reach_twice_the_window_less_one(window, places):
    assert furthest(gradients(small_model(window), list(range(16)))[0]) == places


def test_written_counts_the_letters_that_are_right():
    def next_is_five(text):                                     # logits of a model that always says 5
        return mx.broadcast_to(mx.arange(LETTERS) == 5, (*text.shape, LETTERS))

    texts = mx.array([[5] * 18, [5, 1, 1, 1, 1, 1, 1, 1, 1] * 2])
    assert written(next_is_five, texts) == pytest.approx((9 + 1) / 18)


def test_the_place_stands_five_tokens_after_its_fact_began():
    tokens, places, where = checkpoints.asked()
    assert tokens.shape[0] == 24 and mx.array_equal(tokens[mx.arange(24), mx.array(where)], places)
    assert set((where - 7) % 7) == {0}                          # <s>, [INST], then facts of seven tokens


@pytest.mark.slow
def test_a_reading_holds_the_weights_and_answers_of_a_recorded_run():
    tokens, places, where = checkpoints.asked()
    model, found = checkpoints.opened("tiny"), checkpoints.reading("tiny")
    for text in range(2):
        run, place = record(model, tokens[text].tolist()), where[text]
        pattern = np.array(run.pattern)
        assert np.allclose(found.fetch[text], pattern[:, :, -1, place], atol=1e-4)
        assert np.allclose(found.bind[text], pattern[:, :, place - 1, place - 4], atol=1e-4)
        assert found.right[text] == (run.logits[-1].argmax() == places[text]).item()


@pytest.mark.slow
def test_without_the_binding_head_the_whole_model_gives_the_same_answers():
    tokens, places, _ = checkpoints.asked()
    with silenced(checkpoints.opened("tiny"), heads=[(3, 7)]) as model:
        whole = np.array(model(tokens)[:, -1].argmax(axis=-1) == places)
    assert (checkpoints.right_without("tiny", [(3, 7)]) == whole).all() and whole.sum() < 16


def test_per_set_is_a_mean_over_eight():
    assert per_set([1] * 8 + [0] * 16).tolist() == [1, 0, 0]


def test_adamw_by_hand_and_as_mlx_computes_it():
    assert adamw(*map(mx.array, (2.0, 4.0, 0.0, 0.0)), 1, *USUAL)[0].item() == pytest.approx(1.9)
    library = optim.AdamW(learning_rate=0.1, betas=[0.9, 0.98], weight_decay=0.3, bias_correction=True)
    ours = theirs = mx.array([0.5, -2.0])
    m = v = mx.zeros(2)
    library.init({"w": theirs})
    for t in range(1, 4):
        g = mx.array([1.0 / t, -100.0])
        ours, m, v = adamw(ours, g, m, v, t, 0.1, 0.9, 0.98, 1e-8, 0.3)
        theirs = library.apply_gradients({"w": g}, {"w": theirs})["w"]
    assert mx.abs(ours - theirs).max().item() < 1e-6


def test_clipping_keeps_the_direction():
    three, four = clipped([mx.array([3.0]), mx.array([4.0])], 1.0)
    assert three.item() == pytest.approx(0.6) and four.item() == pytest.approx(0.8)
    assert [g.item() for g in clipped([mx.array([3.0]), mx.array([4.0])], 10.0)] == [3.0, 4.0]


def test_the_pictures_say_their_numbers():
    steps = draw_first_steps(np.ones(3), np.array([3.0, 4.0, 2.0]), 0.9, 0.999)
    assert "first step is 3.00 times the rate, and the largest 4.00 times, at step 2" in steps.caption
    run = draw_run([0.1] * 3, [2.0, 0.5, 0.1], [2.8, 2.0, 0.1], limit=1.0)
    assert run.caption.startswith("The loss begins at 2.8; knowing nothing costs ln 16 = 2.77.")
    assert "in some steps" in run.caption
    assert "never falls to half" in draw_run([0.1], [0.5], [2.8], limit=1.0).caption
    curves = {4: np.full(20, 2.8), 5: np.zeros(20)}
    assert draw_curves(curves, 5).caption == "Window 5: reach 8, loss at the end below 0.05."
    assert draw_curves(curves, 4).caption == "Window 4: reach 6, loss at the end 2.8, and ln 16 = 2.77."
    legs = {"bind": np.zeros((8, 8)), "fetch": np.eye(8)}
    legs["bind"][3, 7] = 0.9
    caption = draw_stages(4, legs, 1.0, 0.131, "Hello.").caption
    assert caption == ("After 1,268 million tokens: 1.00 of the places right, story loss 0.13. Heads that give more "
                       "than half of their attention: 1 bind (most: layer 3 head 7, 0.90), 8 fetch. It writes: Hello.")


def step_with(*lines):
    """What a beginner may write, as lines of the function's body."""
    body = "\n".join(f"    {line}" for line in lines)
    names = {"mx": mx}
    exec(f"def adam_step(w, g, m, v, t, rate, beta1, beta2, eps, decay):\n{body}", names)
    return names["adam_step"]


M, V = "m = beta1 * m + (1 - beta1) * g", "v = beta2 * v + (1 - beta2) * g * g"
MH, VH = "mh = m / (1 - beta1**t)", "vh = v / (1 - beta2**t)"
W = "return w - rate * (mh / (mx.sqrt(vh) + eps) + decay * w), m, v"


@pytest.mark.parametrize("lines, words", [
    ((M, V, "return w - rate * (m / (mx.sqrt(v) + eps) + decay * w), m, v"), "m and v are used as they are"),
    ((M, V, "return w - rate * (m / (mx.sqrt(v) + eps)), m, v"), "two things"),
    (("g = g + decay * w", M, V, MH, VH, "return w - rate * mh / (mx.sqrt(vh) + eps), m, v"), "added to the gradient"),
    ((M, V, MH, VH, "return w - rate * (mh / mx.sqrt(vh + eps) + decay * w), m, v"), "inside the root"),
    ((M, V, MH, VH, "return w - rate * mh / (mx.sqrt(vh) + eps), m, v"), "the decay is missing"),
    ((M, V, MH, VH, "return w - rate * mh / (mx.sqrt(vh) + eps) - decay * w, m, v"), "not multiplied by the rate"),
    ((M, V.replace("g * g", "g"), MH, VH, W), "mean of the squares"),
    ((M, V, MH.replace("t)", "(t - 1))"), VH.replace("t)", "(t - 1))"), W), "one too low"),
    ((M, V, MH, VH, W.replace("m, v", "mh, vh")), "the corrected m and v are returned"),
    ((M, V, MH, VH, W.removesuffix(", m, v")), "three results are expected"),
    ((MH, VH, M, V, W), "A hint waits"),
    ((M, V, MH, VH, W.replace("(mx.sqrt(vh) + eps)", "mx.sqrt(vh) + eps")), "mind the brackets: m_hat"),
    ((M, V.replace("g * g", "m * m"), MH, VH, W), "not of m"),
    (("given = m, v", M, V, MH, VH, W.replace("m, v", "*given")), "the m and v that came in"),
    ((M, V, MH, VH, W.replace("rate * ", "")), "not multiplied by the rate"),
    (("import math", M, V, MH, VH, W.replace("mx", "math")), "math.sqrt takes a single number"),
    (("m *= beta1", "m += (1 - beta1) * g", V, MH, VH, W), "your function changes m"),
    ((M, V, MH.replace("**t", ""), VH.replace("**t", ""), W), "the power is missing"),
    ((M, V, MH, VH, W.replace("w - rate", "w + rate")), "goes up the slope"),
])
def test_what_beginners_write_for_16_1_is_answered_to_the_point(lines, words):
    assert words in " ".join(check("16.1", step_with(*lines)).message.split())


def test_the_formula_as_it_stands_passes():
    assert check("16.1", step_with(M, V, MH, VH, W))


def size_of(gradients):
    return mx.sqrt(sum((g * g).sum() for g in gradients))


@pytest.mark.parametrize("answer, words", [
    (lambda gradients, limit: [mx.clip(g, -limit, limit) for g in gradients], "single numbers are cut off"),
    (lambda gradients, limit: [g * mx.minimum(1, limit / mx.sqrt((g * g).sum())) for g in gradients], "by itself"),
    (lambda gradients, limit: [g * limit / size_of(gradients) for g in gradients], "small gradients are made larger"),
    (lambda gradients, limit: [g / mx.maximum(1, size_of(gradients)) for g in gradients], "it should become the limit"),
    (lambda gradients, limit: [g * limit / size_of(gradients) if size_of(gradients) > limit**0.5 else g
                               for g in gradients], "compared with the sum of the squares"),
    (lambda gradients, limit: gradients, "nothing is clipped"),
    (lambda gradients, limit: mx.minimum(1, limit / size_of(gradients)), "that is the factor"),
    (lambda gradients, limit: [g * mx.minimum(1, limit / size_of(gradients) ** 2) for g in gradients],
     "the sum of the squares"),
    (lambda gradients, limit: [np.array(g * mx.minimum(1, limit / size_of(gradients))) for g in gradients],
     "a NumPy array"),
    (lambda gradients, limit: [g * min(1, limit // size_of(gradients).item()) for g in gradients], "rounds down"),
    (lambda gradients, limit: [g * min(1, limit / max(size_of([g]).item() for g in gradients)) for g in gradients],
     "the largest of the sizes"),
])
def test_what_beginners_write_for_16_3_is_answered_to_the_point(answer, words):
    assert words in " ".join(check("16.3", answer).message.split())


def test_an_answer_with_if_passes():
    def clip(gradients, limit):
        size = size_of(gradients)
        return [g * (limit / size) for g in gradients] if size > limit else gradients

    assert check("16.3", clip)


def test_the_picture_of_the_schedule_says_its_mean_and_where_it_is_half():
    rates = [0.5, 1.0, 1.0, 1.0, 0.6, 0.1]                         # of steps 1, 1001, 2001 ...
    assert draw_schedule(rates, peak=1.0, every=1000).caption == (
        "The rate starts at 50.0% of its peak, falls below half of it at about step 4,000, and its mean is 0.70 of "
        "the peak.")
    assert "its mean is 0.35 of the peak" in draw_schedule(rates, peak=2.0, every=1000).caption     # never reached
