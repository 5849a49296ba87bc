"""The fast form of the training pass equals the readable model; the optimizer does what its paper says."""
import random

from mistral_edu.config import MistralConfig
from mistral_edu.tiny.training import data, learning, muon, optimizer, stacks
from mistral_edu.transformer import Model

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

CONFIG = MistralConfig(
    dim=32, n_layers=3, head_dim=8, hidden_dim=48, n_heads=4, n_kv_heads=2, window_size=8, context_len=64, vocab_size=50
)


@pytest.fixture(scope="module")
def model():
    mx.random.seed(0)
    model = Model(CONFIG)
    model.update({"lm_head": {"weight": mx.random.normal((50, 32))}})
    mx.eval(model.parameters())
    return model


def in_blocks(model):
    """The same weights in a model that attends in blocks."""
    other = learning.attend_in_blocks(Model(model.config))
    other.update(model.parameters())
    return other


def gap(a, b):
    return mx.abs(a - b).max().item()


def test_one_document_gives_what_the_readable_model_gives(model):
    tokens = mx.random.randint(5, 50, (2, 40), key=mx.random.key(1))
    tokens[:, 0] = data.BOS
    documents = mx.ones((2, 40), mx.int32)
    assert gap(learning.hidden_states(in_blocks(model), tokens, documents), model.model(tokens)) < 1e-4


def test_documents_of_a_row_do_not_see_each_other(model):
    rows = mx.random.randint(5, 50, (1, 64), key=mx.random.key(2))
    starts = [0, 13, 30, 64]
    for start in starts[:-1]:
        rows[0, start] = data.BOS
    documents = mx.cumsum((rows == data.BOS).astype(mx.int32), axis=1)
    together = learning.hidden_states(in_blocks(model), rows, documents)
    for start, end in zip(starts, starts[1:]):
        alone = model.model(rows[:, start:end])  # RoPE sees only distances, so the place in the row does not matter
        assert gap(together[:, start:end], alone) < 1e-4


def test_the_loss_is_the_weighted_cross_entropy(model):
    ids = [data.BOS, data.INST, 7, data.END_INST, 9, 10, data.EOS, data.BOS, data.INST, 8, data.END_INST, 11, data.EOS]
    classes = [0, 0, 0, 0, data.EXACT, data.EXACT, data.EXACT, 0, 0, 0, 0, data.FREE, data.FREE]
    row = [i | c << data.ID_BITS for i, c in zip(ids, classes)] + [0] * 3
    loss, (story, answer) = learning.loss_of(in_blocks(model), mx.array([row], mx.uint32))
    by_class = {0: [], data.FREE: [], data.EXACT: []}
    for start, end in ((0, 7), (7, 13)):
        logits = np.array(model(mx.array([ids[start:end]])))[0]
        for position in range(end - start - 1):
            z = logits[position].astype(np.float64)
            target = ids[start + position + 1]
            by_class[classes[start + position + 1]].append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[target])
    weights = {0: 0.03, data.FREE: 0.3, data.EXACT: 1.0}
    total = sum(weights[c] * sum(values) for c, values in by_class.items())
    assert loss.item() == pytest.approx(total / sum(weights[c] * len(v) for c, v in by_class.items()), rel=1e-4)
    assert story.item() == pytest.approx(np.mean(by_class[data.FREE]), rel=1e-4)
    assert answer.item() == pytest.approx(np.mean(by_class[data.EXACT]), rel=1e-4)


def test_stacking_the_layers_is_undone_exactly(model):
    weights = dict(tree_flatten(model.parameters()))
    stacked = stacks.stack_layers(dict(reversed(weights.items())))  # in whatever order a file gives them
    assert stacked["model.layers.*.mlp.gate_proj.weight"].shape == (3, 48, 32)
    back = stacks.unstack_layers(stacked)
    assert back.keys() == weights.keys() and all(gap(back[name], weights[name]) == 0 for name in weights)


def test_muon_makes_all_singular_values_about_one():
    tall = mx.random.normal((2, 48, 16), key=mx.random.key(3))
    wide = mx.random.normal((2, 16, 48), key=mx.random.key(4))
    directions = {"tall": muon.orthogonalized(tall), "wide": muon.orthogonalized(wide)}
    assert directions["tall"].shape == tall.shape and directions["wide"].shape == wide.shape
    for d in directions.values():
        singular = np.linalg.svd(np.array(d), compute_uv=False)
        assert singular.min() > 0.5 and singular.max() < 1.3
    alone = muon.orthogonalized(tall[1:])
    assert gap(alone, directions["tall"][1:]) < 1e-4  # computed with others or alone


def ready():
    """Weights of a small model as stacks, a step for them, and its optimizer."""
    weights = stacks.stack_layers(dict(tree_flatten(Model(CONFIG).parameters())))
    moved_by = optimizer.make_optimizer(mx.float32)
    moved_by.init(optimizer.as_tree(weights))
    step = optimizer.make_step(in_blocks(Model(CONFIG)), learning.loss_of, moved_by, mx.float32, compiled=False)
    return weights, step, moved_by


def test_steps_lower_the_loss_and_change_every_weight(model):
    rows = mx.random.randint(5, 50, (2, 64), key=mx.random.key(5)) | (data.EXACT << data.ID_BITS)
    first, step, _ = ready()
    weights, losses = first, []
    for _ in range(30):
        weights, loss, _ = step(weights, rows, mx.array(1e-2))
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    unchanged = [name for name in weights if gap(weights[name], first[name]) == 0]
    assert unchanged == []


def test_a_step_after_a_stop_is_the_one_that_would_have_come():
    rows = mx.random.randint(5, 50, (2, 64), key=mx.random.key(5)) | (data.EXACT << data.ID_BITS)
    weights, step, moved_by = ready()
    for _ in range(3):
        weights, _, _ = step(weights, rows, mx.array(1e-2))
    kept = dict(optimizer.moments(moved_by))
    expected, _, _ = step(weights, rows, mx.array(5e-3))
    _, step, moved_by = ready()
    optimizer.resume(moved_by, kept, step=3)
    got, _, _ = step(weights, rows, mx.array(5e-3))
    assert all(mx.array_equal(got[name], expected[name]) for name in weights)


def test_a_step_does_not_depend_on_the_order_of_the_weights(model):
    rows = mx.random.randint(5, 50, (2, 64), key=mx.random.key(5)) | (data.EXACT << data.ID_BITS)
    weights = stacks.stack_layers(dict(tree_flatten(model.parameters())))
    names, remembered = sorted(weights), []
    for seed in range(8):
        random.Random(seed).shuffle(names)
        _, step, moved_by = ready()
        step({name: weights[name] for name in names}, rows, mx.array(1e-2))
        remembered.append(optimizer.moments(moved_by))  # of clipped gradients: their norm is a sum over the weights
    first = remembered[0]
    assert all(mx.array_equal(again[name], first[name]) for again in remembered for name in first)


def test_the_moments_have_the_names_that_states_on_disk_have_always_had():
    weights, _, moved_by = ready()
    names = {f"m/{name}" for name in weights} | {f"v/{name}" for name in weights if not optimizer.is_matrix(name)}
    assert optimizer.moments(moved_by).keys() == names
    assert "m/model.layers.*.mlp.up_proj.weight" in names and "v/lm_head.weight" in names


def test_only_matrices_and_the_head_decay():
    weights, _, moved_by = ready()
    moved_by.learning_rate = 0.1
    still = optimizer.as_tree({name: mx.zeros_like(w) for name, w in weights.items()})
    after = dict(tree_flatten(moved_by.apply_gradients(still, optimizer.as_tree(weights))))
    for name, w in weights.items():
        decays = optimizer.is_matrix(name) or name == "lm_head.weight"
        assert gap(after[name], w * (1 - 0.1 * optimizer.DECAY * decays)) < 1e-6, name


def test_a_step_of_muon_is_about_as_long_as_one_of_adamw():
    for shape in ((2, 16, 48), (2, 48, 16), (1, 32, 32)):
        w, by = mx.zeros(shape), muon.Muon(1.0)
        by.init({"w": w})
        moved = by.apply_gradients({"w": mx.random.normal(shape, key=mx.random.key(6))}, {"w": w})["w"]
        assert 0.1 < mx.sqrt(mx.mean(moved * moved)).item() < 0.3   # AdamW's are 0.2 to 0.4 long (Liu et al. 2025)


def test_the_rate_rises_stays_and_falls_to_zero():
    rate = lambda progress, step: optimizer.rate_at(progress, step, peak=1.0)
    assert rate(0.0, 100) == 0.5 and rate(0.2, 1000) == 1.0 and rate(0.4, 1000) == 1.0
    assert rate(0.7, 1000) == pytest.approx(0.5) and rate(1.0, 1000) == 0.0
    assert rate(0.025, 3) == 0.5 and rate(0.05, 6) == 1.0  # a short run, as on a laptop: a twentieth of it is enough
