"""What notebook 09 measures with: feed-forwards with a gate and without, ReLU units that multiply, its exercises."""
import math

from mistral_edu import load_model, load_tokenizer
from mistral_edu.feed_forward import silu
from mistral_edu.lab import check, recorded
from mistral_edu.lab.experiments.inside import walk
from mistral_edu.lab.experiments.skills import held_out_stories
from mistral_edu.lab.n09_swiglu import (
    draw_gate,
    draw_losses,
    draw_product,
    draw_skills,
    draw_unit,
    fitted_relu_units,
    held_by_units,
    two_gated_units,
)
from mistral_edu.lab.n09_swiglu.exercises import BY_HAND, feed_forward
from mistral_edu.lab.n09_swiglu.training import KINDS, Gated, Guesser, Plain, letters, trained_loss, windows

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten


def test_the_row_by_hand():
    """silu(2) * 3 = 5.2848 and silu(-2) * 3 = -0.7152; the unit between has a gate of 0."""
    assert np.allclose(feed_forward(*BY_HAND), [[6 / (1 + math.exp(-2)), -6 / (1 + math.exp(2))]], atol=1e-5)


def test_both_kinds_hold_equally_many_parameters():
    sizes = [sum(weight.size for _, weight in tree_flatten(make(nn.relu).parameters())) for make in (Plain, Gated)]
    assert sizes == [24_576, 24_576]


def test_what_the_units_hold_times_their_columns_is_what_the_feed_forward_adds():
    tokenizer, model = load_tokenizer(), load_model(dtype="float32", fast=False)
    held = held_by_units(model, tokenizer, layer=7, n=1)
    ids = [token for part in held_out_stories(tokenizer, 1)[0] for token in part]
    assert held.now.tolist() == ids[:-1] and held.came.tolist() == ids[1:] and len(held.context) == len(ids) - 1
    added = next(array for part, at, array in walk(model, ids) if part == "feed-forward" and at == 7)[0, :-1]
    by_columns = mx.array(held.numbers) @ model.layers[7].mlp.down_proj.weight.T
    assert (mx.abs(by_columns - added).max() / mx.abs(added).max()).item() < 1e-5


def test_with_silu_the_gated_kind_is_swiglu():
    layer, x = Gated(nn.silu), mx.random.normal((3, 64), key=mx.random.key(0))
    weights = (layer.gate_proj.weight, layer.up_proj.weight, layer.down_proj.weight)
    assert mx.abs(layer(x) - feed_forward(x, *weights)).max().item() < 1e-5


def test_a_guesser_sees_eight_letters_and_is_asked_for_the_ninth():
    seen, came = windows(np.arange(20), [0, 5])
    assert seen.tolist() == [list(range(8)), list(range(5, 13))] and came.tolist() == [8, 13]
    assert Guesser(True, "SiLU", 30)(seen).shape == (2, 30)


@pytest.mark.slow
def test_training_begins_near_chance_and_learns():
    chance = math.log(len(letters()[2]))
    assert trained_loss(True, "SiLU", steps=1) == pytest.approx(chance, abs=0.6)
    assert trained_loss(True, "SiLU", steps=40) < chance - 0.8


@pytest.mark.slow
def test_unseen_stories_are_other_ones():
    train, unseen, _ = letters()
    assert train[:2000].tolist() != unseen[:2000].tolist()


def test_what_is_recorded_says_that_every_gate_beats_no_gate():
    record = recorded("gate_or_activation")
    for one in (record, record["longer"]):
        assert list(one["losses"]) == list(KINDS)
        assert all(len(losses) == one["seeds"] for losses in one["losses"].values())
        without = [losses for kind, losses in one["losses"].items() if kind.startswith("no gate")]
        gated = [losses for kind, losses in one["losses"].items() if kind.startswith("gate")]
        assert max(map(max, gated)) < min(map(min, without))


def test_relu_units_come_closer_with_their_number_and_two_gated_units_are_exact():
    side = np.linspace(-2, 2, 21)
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    wanted = points[:, 0] * points[:, 1]
    errors = [np.abs(fitted_relu_units(n)(points) - wanted).max() for n in (8, 16, 32)]
    assert errors[1] < errors[0] / 3 and errors[2] < errors[1] / 3 and errors[2] > 0.01
    far = 50 * points
    assert np.allclose(two_gated_units(far), far[:, 0] * far[:, 1], rtol=1e-4, atol=1e-2)
    assert abs(fitted_relu_units(32)(np.array([[4.0, 4.0]]))[0] - 16) > 4


def swish(x):
    return x * mx.sigmoid(x)


@pytest.mark.parametrize("answer, words", [
    (lambda x, gate, up, down: (x @ gate.T * mx.sigmoid(x @ up.T)) @ down.T, "two things: gate and up are exchanged"),
    (lambda x, gate, up, down: (swish(x @ gate.T) * x @ up.T) @ down.T, "A hint waits"),
    (lambda x, gate, up, down: (swish(x @ up.T) * (x @ gate.T)) @ down.T, "gate and up are exchanged"),
    (lambda x, gate, up, down: swish((x @ gate.T) * (x @ up.T)) @ down.T, "silu is around the product"),
    (lambda x, gate, up, down: (swish(x @ gate) * (x @ up)) @ down, "a weight has the shape (out, in)"),
    (lambda x, gate, up, down: (mx.sigmoid(x @ gate.T) * (x @ up.T)) @ down.T, "that is the sigmoid alone"),
    (lambda x, gate, up, down: swish(x @ gate.T) * (x @ up.T), "down is missing"),
    (lambda x, gate, up, down: mx.sigmoid(x @ gate.T) * (x @ up.T), "two things: down is missing"),
    (lambda x, gate, up, down: (swish(x @ up) * (x @ gate)) @ down, "And gate and up are exchanged"),
    (lambda x, gate, up, down: (nn.relu(x @ gate.T) * (x @ up.T)) @ down.T, "that is ReLU"),
    (lambda x, gate, up, down: (swish(x @ gate.T) @ (x @ up.T)) @ down.T, "number by number"),
    (lambda x, gate, up, down: (swish(x @ gate.T) * (x @ up.T)) @ down, "down needs .T as well"),
])
def test_what_beginners_write_for_9_2_is_answered_to_the_point(answer, words):
    assert words in check("9.2", answer).message


def units(gate, up, down):
    gate, up, down = (mx.array(weight) for weight in (gate, up, down))
    return lambda rows: (silu(rows @ gate.T) * (rows @ up.T)) @ down.T


@pytest.mark.parametrize("answer, words", [
    (units([[1., 0], [0, 1]], [[0., 1], [1, 0]], [[.5, .5]]), "that is half of silu(x) y + silu(y) x"),
    (units([[1., 0], [-1, 0]], [[0., 1], [0, 1]], [[1., 1]]), "the two units are added"),
    (units([[1., 0], [-1, 0]], [[0., 1], [0, -1]], [[1., -1]]), "the two units are added"),
    (units([[1., 0], [1, 0]], [[0., 1], [0, 1]], [[.5, .5]]), "that is silu(x) y alone"),
    (units([[1., 0], [-1, 0]], [[1., 0], [1, 0]], [[1., -1]]), "that is x * x"),
    (units([[1., 0], [-1, 0]], [[0., 1], [0, 1]], [1., -1]), "two brackets"),
    (units([[1., 0], [-1, 0]], [[1., 1], [1, 1]], [[1., -1]]), "that is x (x + y)"),
    (units([[1., -1], [0, 0]], [[0., 0], [1, 1]], [[1., -1]]), "not a column"),
    (units([[2., 0], [-2, 0]], [[0., 1], [0, 1]], [[1., -1]]), "that is twice x * y"),
    (units([[10., 0], [0, 0]], [[0., 1], [0, 0]], [[.1, 0]]), "A hint waits"),
])
def test_what_beginners_write_for_9_6_is_answered_to_the_point(answer, words):
    assert words in check("9.6", answer).message


@pytest.mark.parametrize("answer", [
    units([[0., 1], [0, -1]], [[1., 0], [1, 0]], [[1., -1]]),          # the gates find y
    units([[1., 0], [-1, 0]], [[0., 1], [0, -1]], [[1., 1]]),          # the sign is in up
    units([[-1., 0], [1, 0]], [[0., 2], [0, 2]], [[-.5, .5]]),
], ids=["gates of y", "sign in up", "other factors"])
def test_other_weights_that_multiply_pass(answer):
    assert check("9.6", answer)


def test_the_pictures_say_their_numbers():
    curves = {"ReLU": lambda z: mx.maximum(z, 0), "GELU": nn.gelu, "SiLU": silu}
    assert draw_gate(curves, 2.0, -1.0).caption == (
        "Gate 2, up -1. Passed on with ReLU -2.000, GELU -1.954, SiLU -1.762; gate times up is -2.")
    assert draw_gate(curves, 0.0, 1.0).caption.endswith("SiLU 0.000; gate times up is 0.")
    table = [[1.0, 1.0], [0.2, 1.0], [1.0, 0.9]]
    assert draw_skills(table, ["nothing", "layer 0", "layer 1"], ["spell", "sum"]).caption == (
        "The fewest right of 8 in each skill: spell 2 without layer 0, sum 7 without layer 1.")
    assert draw_unit("Unit 3", ["a | b", "c | b"], [-2.0, -9.0], ["b", "d"]).caption == (
        'Unit 3, at its 2 strongest positions, holds negative numbers, as large as 2 to 9. There it raises these '
        'tokens most: "b", "d".')
    line = np.array([-2.0, 0.0, 2.0])
    assert draw_product(8, line, line**2, line**2 + [0.5, 0, 1], line**2, inside=1).caption == (
        "Largest error along this line where it was fitted: 8 ReLU units 0.000; outside 1.00. Two gated units: below "
        "0.001 everywhere: True.")
    picture = draw_losses({"no gate, ReLU": [2.0, 2.2], "gate, ReLU": [1.0, 1.0]})
    assert picture.caption == "Mean and spread over 2 seeds: no gate, ReLU 2.100 ± 0.100; gate, ReLU 1.000 ± 0.000."
    assert picture.fig.axes[0].get_title(loc="left") == "All kinds with a gate do better than those without"
