"""The instruments on a forward pass: parts that rebuild it, parts that are taken out, the first part that differs."""
from mistral_edu import encode_chat, load_model, load_tokenizer, quantize
from mistral_edu.attention import scaled_dot_product_attention
from mistral_edu.fast import accelerate
from mistral_edu.lab.experiments.inside import (
    attribution,
    first_difference,
    logit_lens,
    patch_map,
    patched,
    record,
    silenced,
)
from mistral_edu.rope import rope, rope_interleaved
from small_models import random_model

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

TOKENS, OTHERS = [1, *range(100, 119)], [1, *range(300, 319)]


def gap(a, b):
    return mx.abs(a - b).max().item()


@pytest.fixture(params=["full attention", "window", "tied embeddings", "4 bit", "engine"])
def model(request):
    """A small model of each kind that the instruments should work on."""
    changes = {"window": dict(window_size=4), "tied embeddings": dict(tie_embeddings=True)}.get(request.param, {})
    model = random_model(**changes)
    if request.param == "4 bit":
        return quantize(model, bits=4, group_size=32)
    return accelerate(model) if request.param == "engine" else model


def test_the_parts_of_a_run_add_up_to_its_stream_and_its_logits(model):
    run = record(model, TOKENS)
    assert run.heads.shape == (3, 4, 20, 64) and run.stream.shape == (7, 20, 64) and run.pattern.shape == (3, 4, 20, 20)
    for layer in range(3):
        before, middle, after = run.stream[2 * layer : 2 * layer + 3]
        assert gap(before + run.heads[layer].sum(axis=0), middle) < 1e-5
        assert gap(middle + run.feed_forward[layer], after) < 1e-5
    assert mx.array_equal(run.stream[0], run.embedding) and mx.array_equal(run.states[3], run.stream[6])
    assert gap(run.logits, model(mx.array([TOKENS]))[0]) < 1e-4 * mx.abs(run.logits).max().item()


def test_the_pattern_is_the_softmax_of_the_scores():
    """By hand, for the first layer of a model with a window of 4."""
    model = random_model(window_size=4)
    run, attention = record(model, TOKENS), model.layers[0].self_attn
    x = model.layers[0].input_layernorm(run.embedding)
    for head in range(4):
        rows, shared = slice(32 * head, 32 * head + 32), slice(32 * (head // 2), 32 * (head // 2) + 32)
        q = rope((x @ attention.q_proj.weight[rows].T)[None, None])[0, 0]
        k = rope((x @ attention.k_proj.weight[shared].T)[None, None])[0, 0]
        scores = np.array(q @ k.T) / 32**0.5
        back = np.arange(20)[:, None] - np.arange(20)[None, :]
        powers = np.where((back >= 0) & (back < 4), np.exp(scores), 0)
        assert np.allclose(run.pattern[0, head], powers / powers.sum(axis=1, keepdims=True), atol=1e-5)


def test_attribution_sums_to_the_logit_difference(model):
    run = record(model, TOKENS)
    for position, token, other in ((-1, 7, 1900), (4, 0, 3)):
        parts = attribution(model, run, token, other, position)
        logits = run.logits[position]
        assert abs(parts.total - (logits[token] - logits[other]).item()) < 1e-4
        assert len(parts.ranked()) == 1 + 3 * 4 + 3
        assert abs(sum(value for _, value in parts.ranked()) - parts.total) < 1e-5


def test_attribution_gives_each_part_its_own_share():
    """A head without weights adds nothing; what is left of the sum is the others'."""
    model = random_model()
    weight = mx.array(model.layers[1].self_attn.o_proj.weight)
    weight[:, 64:96] = 0                                        # what head 2 writes
    model.layers[1].self_attn.o_proj.weight = weight
    parts = attribution(model, record(model, TOKENS), 7, 1900)
    assert parts.heads[1, 2] == 0 and np.count_nonzero(parts.heads) == 11
    assert ("layer 1 head 2", 0.0) == parts.ranked()[-1]


def test_the_lens_after_the_last_layer_is_what_the_model_says(model):
    run = record(model, TOKENS)
    probabilities = logit_lens(model, run)
    assert probabilities.shape == (4, 20, 2048) and gap(probabilities.sum(axis=-1), mx.ones((4, 20))) < 1e-4
    assert gap(probabilities[-1], mx.softmax(run.logits, axis=-1)) < 1e-5


def test_silencing_all_heads_of_a_layer_is_the_model_without_its_attention(model):
    with silenced(model, heads=[(1, head) for head in range(4)]):
        silent = model(mx.array([TOKENS]))
    model.layers[1].self_attn = Nothing()
    assert gap(silent, model(mx.array([TOKENS]))) < 1e-4 * mx.abs(silent).max().item()


def test_silencing_a_feed_forward_is_the_model_without_it(model):
    with silenced(model, feed_forwards=[2]):
        silent = model(mx.array([TOKENS]))
    model.layers[2].mlp = Nothing()
    assert gap(silent, model(mx.array([TOKENS]))) < 1e-4 * mx.abs(silent).max().item()


class Nothing(nn.Module):
    """In the place of a part: it adds nothing to the stream."""

    def __call__(self, x, mask=None, cache=None):
        return mx.zeros_like(x)


def test_silencing_one_head_takes_away_what_it_wrote():
    model = random_model()
    run = record(model, TOKENS)
    with silenced(model, heads=[(0, 3)], feed_forwards=[0]):
        without = record(model, TOKENS)
    assert gap(without.stream[2], run.stream[1] - run.heads[0, 3]) < 1e-5


def test_after_silencing_the_model_is_as_before(model):
    tokens = mx.array([TOKENS])
    before, path = model(tokens), model.answered_by
    with pytest.raises(RuntimeError, match="in the block"):
        with silenced(model, heads=[(0, 1), (2, 2)], feed_forwards=[1]):
            assert gap(model(tokens), before) > 0.01
            raise RuntimeError("in the block")
    assert mx.array_equal(model(tokens), before) and model.answered_by == path


def test_a_function_that_was_set_before_silencing_comes_back():
    model = random_model()
    model.layers[0].self_attn.attend = scaled_dot_product_attention
    with silenced(model, heads=[(0, 1)]):
        pass
    assert model.layers[0].self_attn.attend is scaled_dot_product_attention


def test_patching_everything_gives_the_other_run():
    model = random_model(window_size=4)
    run, donor = record(model, TOKENS), record(model, OTHERS)
    for layer in range(4):
        assert gap(patched(model, run, donor, layer, slice(None)), donor.logits) < 1e-4
        assert gap(patched(model, run, run, layer, [3, 4]), run.logits) < 1e-4


def test_a_patched_state_reaches_no_earlier_place_and_none_beyond_the_window():
    model = random_model(window_size=4)
    run, donor = record(model, TOKENS), record(model, OTHERS)
    changed = mx.abs(patched(model, run, donor, 2, 5) - run.logits).max(axis=-1)    # one layer follows: 5, 6, 7, 8
    assert [place for place in range(20) if changed[place].item() > 1e-3] == [5, 6, 7, 8]


def test_a_patch_map_is_every_patch_by_itself():
    model = random_model()
    run, donor = record(model, TOKENS), record(model, OTHERS)
    everything = patch_map(model, run, donor)
    assert everything.shape == (4, 20, 2048)
    for layer, position in ((0, 19), (1, 4), (2, 0), (3, 19)):
        assert gap(everything[layer, position], patched(model, run, donor, layer, position)[-1]) < 1e-4


def test_no_difference_between_equal_models():
    assert first_difference(random_model(), random_model(), TOKENS) is None


def test_another_way_to_compute_the_same_is_no_difference():
    model = random_model()
    for layer in model.layers:
        layer.self_attn.attend, layer.self_attn.rotate = scaled_dot_product_attention, rope
    assert first_difference(random_model(), model, TOKENS) is None


def of_layer(name, layer=1):
    return lambda model: getattr(model.layers[layer], name)


PLANTED = {
    ("embedding", None): lambda model: model.model.embed_tokens,
    ("norm before the attention", 1): of_layer("input_layernorm"),
    ("queries", 1): lambda model: model.layers[1].self_attn.q_proj,
    ("keys", 2): lambda model: model.layers[2].self_attn.k_proj,
    ("values", 0): lambda model: model.layers[0].self_attn.v_proj,
    ("output projection of the attention", 1): lambda model: model.layers[1].self_attn.o_proj,
    ("norm before the feed-forward", 2): of_layer("post_attention_layernorm", 2),
    ("feed-forward", 1): lambda model: model.layers[1].mlp.down_proj,
    ("last norm", None): lambda model: model.model.norm,
    ("output layer", None): lambda model: model.lm_head,
}


@pytest.mark.parametrize("part, layer", PLANTED)
def test_the_first_difference_finds_changed_weights(part, layer):
    model = random_model()
    module = PLANTED[part, layer](model)
    module.weight = module.weight * 1.01
    found = first_difference(random_model(), model, TOKENS)
    assert (found.part, found.layer) == (part, layer) and found.size > 0


def test_the_first_difference_finds_changed_functions():
    model = random_model()
    model.layers[2].self_attn.rotate = rope_interleaved
    assert str(first_difference(random_model(), model, TOKENS)).startswith(
        "It first differs after the rotation of the queries of layer 2, by ")
    model.layers[1].self_attn.attend = lambda q, k, v, scale, mask: q
    found = first_difference(random_model(), model, TOKENS)
    assert (found.part, found.layer) == ("attention", 1)


def test_the_first_difference_finds_a_transposed_weight_of_the_embedded_model():
    """The query weight is square, so no shape check sees it."""
    model = load_model(dtype="float32", fast=False)
    projection = model.layers[3].self_attn.q_proj
    projection.weight = projection.weight.T
    found = first_difference(load_model(dtype="float32", fast=False), model, TOKENS)
    assert (found.part, found.layer) == ("queries", 3)


def test_the_first_difference_names_nan_and_refuses_another_shape():
    model = random_model()
    model.layers[1].mlp.up_proj.weight = model.layers[1].mlp.up_proj.weight * mx.nan
    assert str(first_difference(random_model(), model, TOKENS)) == "NaN first appears after the feed-forward of layer 1"
    with pytest.raises(ValueError, match=r"embedding.*\(1, 20, 64\).*\(1, 20, 32\)"):
        first_difference(random_model(), random_model(dim=32), TOKENS)


@pytest.mark.parametrize("mistake, told", [
    (lambda model: record(model, [[1, 5]]), r"ids of one text.*\(1, 2\)"),
    (lambda model: record(model, []), r"ids of one text.*\(0,\)"),
    (lambda model: silenced(model, heads=[(3, 0)]).__enter__(), "no layer 3; the model has 3"),
    (lambda model: silenced(model, heads=[(0, 4)]).__enter__(), "no head 4; the model has 4"),
    (lambda model: patched(model, record(model, TOKENS), record(model, TOKENS[:5]), 0, 0), "20 tokens, the other 5"),
    (lambda model: patched(model, record(model, TOKENS), record(model, TOKENS), 4, 0), "0 to 3; got 4"),
])
def test_mistakes_are_told(mistake, told):
    with pytest.raises(ValueError, match=told):
        mistake(random_model())


def test_what_the_embedded_model_writes_about_a_question():
    """The answer is the sum of 73 parts, and it is settled in the last layers."""
    model, tokenizer = load_model(dtype="float32", fast=False), load_tokenizer()
    question = "The ball is in the kitchen. The key is in the barn. Where is the key?"
    ids = encode_chat([{"role": "user", "content": question}], tokenizer)
    ids += tokenizer.encode(" The key is in the", bos=False)
    barn, kitchen = (tokenizer.encode(word, bos=False)[0] for word in (" barn", " kitchen"))
    run = record(model, ids)
    parts = attribution(model, run, barn, kitchen)
    assert len(parts.ranked()) == 73
    assert abs(parts.total - (run.logits[-1, barn] - run.logits[-1, kitchen]).item()) < 1e-4
    chances = logit_lens(model, run)[:, -1, barn].tolist()
    assert chances[0] < 0.05 and chances[-1] > 0.9
