"""What notebook 08 measures with: reach by derivatives, recall on the way, the leak test, the recorded port."""
import copy
import math

from mistral_edu import load_model, load_tokenizer
from mistral_edu.lab.experiments.leak import LENGTH, NO_CLUE, noise_loss
from mistral_edu.lab.experiments.reach import furthest, gradients, influence
from mistral_edu.lab.n08_window.pictures import draw_influence, draw_reach, reach_picture
from mistral_edu.lab.n08_window.recall_by_distance import asked_on_the_way, nearer, recall_curve
from mistral_edu.lab.recorded import recorded
from mistral_edu.lab.showing.figures import figure
from mistral_edu.masks import sliding_window_mask
from mistral_edu.tiny.answers import answered
from mistral_edu.tiny.exam import recall_items
from small_models import random_model

import mlx.core as mx
import numpy as np
import pytest

TOKENS = [1, *range(100, 139)]


@pytest.mark.parametrize("window", [1, 4, 7])
def test_gradients_and_influence_end_exactly_at_the_reach(window):
    model = random_model(window_size=window)
    down, up = gradients(model, TOKENS), influence(model, TOKENS, source=5)
    assert down.shape == up.shape == (4, 40)
    for k in range(4):
        assert furthest(down[3 - k]) == furthest(up[k]) == k * (window - 1)
        assert np.nonzero(up[k])[0][0] == 5 and np.nonzero(down[3 - k])[0][-1] == 39


def test_without_a_window_one_layer_reaches_everything():
    assert [furthest(row) for row in gradients(random_model(), TOKENS)] == [39, 39, 39, 0]


def test_influence_is_the_derivative_that_a_small_step_approaches():
    """The nudge of influence, a thousandth of it in fact, moves the state after all layers by a thousandth."""
    model, step = random_model(window_size=4), 1e-3
    predicted = influence(model, TOKENS, source=5, seed=3)[3]
    table = model.model.embed_tokens.weight
    direction = mx.random.normal((64,), key=mx.random.key(3))
    direction = direction / mx.linalg.norm(direction) * mx.linalg.norm(table[TOKENS[5]])

    def last_states(x):
        for layer in model.layers:
            x = layer(x, sliding_window_mask(40, 4))
        return x[0]

    x = table[mx.array([TOKENS])]
    moved = x + step * direction * (mx.arange(40) == 5)[None, :, None]
    change = mx.linalg.norm(last_states(moved) - last_states(x), axis=-1) / mx.linalg.norm(last_states(x), axis=-1)
    assert np.allclose(np.array(change) / step, predicted, atol=0.02 * predicted.max())


@pytest.mark.slow
@pytest.mark.parametrize("back, window, seen", [(2, 3, True), (3, 3, False), (-1, 3, False)])
def test_the_leak_test_tells_what_a_mask_shows(back, window, seen):
    loss = noise_loss(back, sliding_window_mask(LENGTH, window))
    assert loss < 0.5 if seen else abs(loss - NO_CLUE) < 0.05
    assert NO_CLUE == math.log(16)


def test_the_leak_test_sees_the_future_where_a_mask_shows_it():
    assert noise_loss(-1, mx.ones((LENGTH, LENGTH), dtype=mx.bool_)) < 0.5


@pytest.fixture(scope="module")
def tiny():
    return load_model(dtype="float32"), load_tokenizer()


@pytest.mark.parametrize("window", [128, None])
@pytest.mark.slow
def test_asking_on_the_way_gives_what_asking_each_text_gives(tiny, window):
    model, tokenizer = load_model(dtype="float32", window_size=window), tiny[1]
    items = nearer(tokenizer, recall_items(tokenizer, 320, 2, 1)[0], (64, 200, 320))
    wrong = [item._replace(answer="Nobody knows.") for item in items[:1]]
    for some in (items, items[::-1], wrong + items):
        assert asked_on_the_way(model, tokenizer, some) == answered(model, tokenizer, some)


def test_nearer_items_keep_fact_and_question_and_meet_their_distance(tiny):
    item = recall_items(tiny[1], 320, 2, 1)[0]
    before = copy.deepcopy(item)
    near, middle, far = nearer(tiny[1], item, (64, 200, 320))
    assert item == before and far.text == item.text and far.prompt == item.prompt
    for one, distance in ((near, 64), (middle, 200)):
        assert abs(one.meta - distance) <= 6 and len(item.prompt) - len(one.prompt) == item.meta - one.meta
        assert one.text.split("? ")[-1].split(". ")[-1] == item.text.split(". ")[-1]
        assert item.text.startswith(one.text[: one.text.rindex(". ")])


def test_a_recall_curve_counts_facts(tiny):
    curve = recall_curve(*tiny, (64, 128), rivals=0, n=2)
    assert len(curve) == 2 and all(0 <= n <= 2 for n in curve)
    assert curve[0] == 2                        # a fact within the window: the least that any good weights recall


def test_what_is_recorded_says_that_the_port_ignores_the_window():
    record = recorded("mlx_lm_window")
    gaps = record["largest_difference"]
    assert gaps["no window, the other 48 tokens"] < 1e-4 < 1 < gaps["window 16, the other 48 tokens"]
    assert {"mlx-lm", "mlx"} <= set(record["versions"]) and record["date"] and record["command"]
    with pytest.raises(ValueError, match="mlx_lm_window"):
        recorded("nothing")


def test_the_pictures_say_their_numbers():
    assert reach_picture(sliding_window_mask(16, 4), 3).caption.endswith("depends on 10, the furthest 9 tokens back.")
    assert "One layer: the last of 8 tokens sees 1" in reach_picture(sliding_window_mask(8, 1), 6).caption
    model = random_model(window_size=4)
    far, share = draw_reach(figure()[1], gradients(model, TOKENS), 4)
    assert far == 9 and 0 < share < 1
    fig, ax = draw_influence(influence(model, TOKENS, 5), 5, 4)
    line, = ax.lines                            # the edge of the reach: half a place beyond source + k (W - 1)
    assert sorted(set(line.get_xdata())) == [5.5, 8.5, 11.5, 14.5]
