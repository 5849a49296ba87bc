"""The model: logits against Hugging Face transformers, no leak, gradients, and how it is called."""
import json
import math

from golden.golden_cases import BATCH, FILE, GROUPINGS, TEXT, WINDOWS, random_weights
from golden.models import SMALL, gap, in_chunks, random_model, random_tokens
from mistral_edu import KVCache, QuantizedKVCache, RotatingKVCache
from mistral_edu.attention import scaled_dot_product_attention
from mistral_edu.config import MistralConfig
from mistral_edu.transformer import Model

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_map

GOLDEN, METADATA = mx.load(str(FILE), return_metadata=True)
CASES = {case["name"]: case for case in json.loads(METADATA["cases"])}
TOLERANCE = 1e-4      # of the largest logit, in fp32
WRONG = 0.1           # what a mistake in the window changes at least; 0.19 was the least seen

all_cases = pytest.mark.parametrize("name", CASES)


def golden(name, **changes):
    """(model, tokens, logits of transformers) of one case; changes go into the configuration."""
    case = CASES[name]
    config = MistralConfig.from_hf(case["config"])
    return random_model(config, case["seed"], **changes), GOLDEN[f"{name}.tokens"], GOLDEN[f"{name}.logits"]


def test_the_golden_file_covers_what_it_should_and_says_who_computed_it():
    configs = [case["config"] for case in CASES.values()]
    seen = {(c["sliding_window"], c["num_attention_heads"] // c["num_key_value_heads"]) for c in configs}
    assert seen == {(window, n_rep) for window in WINDOWS for n_rep in GROUPINGS}
    usual = [c["head_dim"] == c["hidden_size"] // c["num_attention_heads"] for c in configs]
    for window in WINDOWS:
        of_window = [(u, c["tie_word_embeddings"]) for u, c in zip(usual, configs) if c["sliding_window"] == window]
        assert set(of_window) == {(a, b) for a in (True, False) for b in (True, False)}
    assert BATCH == 2 and TEXT > 2 * 16 + 1
    assert set(json.loads(METADATA["versions"])) >= {"torch", "transformers", "numpy"}
    assert FILE.stat().st_size < 2_000_000


@all_cases
def test_to_hf_is_the_configuration_that_transformers_read(name):
    config = CASES[name]["config"]
    assert MistralConfig.from_hf(config).to_hf(dtype="float32") == config


@all_cases
def test_logits_equal_transformers(name):
    model, tokens, logits = golden(name)
    assert gap(model(tokens), logits) < TOLERANCE
    for layer in model.layers:
        layer.self_attn.attend = scaled_dot_product_attention
    assert gap(model(tokens), logits) < TOLERANCE


@all_cases
def test_logits_equal_transformers_token_by_token_and_in_chunks(name):
    model, tokens, logits = golden(name)
    window = model.config.window_size
    chunks = {1, 3} | ({window, 2 * window + 1} if window else {TEXT})
    for chunk in sorted(chunks):
        assert gap(in_chunks(model, tokens, model.make_cache(), [chunk]), logits) < TOLERANCE, f"chunks of {chunk}"
    plain_cache = [KVCache() for _ in model.layers]  # holds everything; here the mask alone makes the window
    assert gap(in_chunks(model, tokens, plain_cache, [3]), logits) < TOLERANCE


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["config"]["sliding_window"] in (1, 7, 16)])
def test_a_wrong_window_would_be_noticed(name):
    window = CASES[name]["config"]["sliding_window"]
    for wrong in {window + 1, max(1, window - 1), None} - {window}:
        model, tokens, logits = golden(name, window_size=wrong)
        assert gap(model(tokens), logits) > WRONG, f"window {wrong} instead of {window}, all at once"
        assert gap(in_chunks(model, tokens, model.make_cache(), [3]), logits) > WRONG, f"window {wrong}, in chunks"


@pytest.mark.parametrize("tied", [False, True])
def test_weights_have_the_names_and_shapes_of_a_hugging_face_checkpoint(tied):
    model = random_model(tie_embeddings=tied)
    expected = random_weights(model.config.to_hf(), seed=0)
    assert {name: w.shape for name, w in tree_flatten(model.parameters())} == {n: w.shape for n, w in expected.items()}
    assert model.config.n_parameters == sum(w.size for w in expected.values())


def test_a_checkpoint_file_loads_as_it_is(tmp_path):
    model, tokens = random_model(seed=1), random_tokens(1, 9)
    mx.save_safetensors(str(tmp_path / "model.safetensors"), dict(tree_flatten(model.parameters())))
    other = Model(SMALL)
    other.load_weights(str(tmp_path / "model.safetensors"))
    assert mx.array_equal(other(tokens), model(tokens))


@pytest.mark.parametrize("window", [None, 1, 5])
def test_no_later_token_changes_an_earlier_output(window):
    model, tokens = random_model(window_size=window), random_tokens(1, 12)
    before = model(tokens)
    for position in (4, 11):
        changed = mx.array(tokens)
        changed[0, position] = (changed[0, position] + 1) % SMALL.vocab_size
        difference = mx.abs(model(changed) - before).max(axis=-1)[0]  # (L,)
        assert difference[:position].max().item() == 0
        assert difference[position].item() > 0.01


def test_without_the_mask_a_later_token_does_change_it():
    model, tokens = random_model(), random_tokens(1, 12)
    everything = mx.ones((12, 12), dtype=mx.bool_)
    changed = mx.concatenate([tokens[:, :-1], (tokens[:, -1:] + 1) % SMALL.vocab_size], axis=1)
    assert mx.abs(model(changed, mask=everything) - model(tokens, mask=everything))[0, 0].max().item() > 0.01


@pytest.mark.parametrize("n_layers, window", [(1, 4), (2, 4), (3, 3)])
def test_information_travels_window_minus_1_tokens_a_layer_and_no_further(n_layers, window):
    model, L = random_model(n_layers=n_layers, window_size=window), 12
    embedded = model.model.embed_tokens(random_tokens(1, L))
    mask = model.model.make_mask(L)

    def last_output(x):
        for layer in model.layers:
            x = layer(x, mask)
        return x[0, -1].sum()

    size = mx.abs(mx.grad(last_output)(embedded)).max(axis=-1)[0]  # (L,) how much each position matters for the last
    reach = n_layers * (window - 1)
    assert mx.all(size[L - 1 - reach :] > 0).item()
    assert mx.all(size[: L - 1 - reach] == 0).item()


def test_rows_of_a_batch_do_not_see_each_other():
    model, tokens = random_model(), random_tokens(3, 9)
    alone = mx.concatenate([model(row[None]) for row in tokens])
    assert gap(model(tokens), alone) < 1e-5


def loss(model, tokens):
    return nn.losses.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:], reduction="mean")


@pytest.mark.parametrize("tied", [False, True])
def test_gradients_reach_every_weight_and_agree_with_a_small_step(tied):
    model, tokens = random_model(tie_embeddings=tied), random_tokens(2, 10)
    at_start, gradient = nn.value_and_grad(model, loss)(model, tokens)
    for name, g in tree_flatten(gradient):
        assert mx.all(mx.isfinite(g)).item() and mx.abs(g).max().item() > 0, name
    norm = sum((g * g).sum() for _, g in tree_flatten(gradient)).item()  # what a step of size 1 would gain
    step = 1e-3 / norm
    start = model.parameters()
    losses = []
    for direction in (1, -1):
        model.update(tree_map(lambda w, g: w + direction * step * g, start, gradient))
        losses.append(loss(model, tokens).item())
    assert (losses[0] - losses[1]) / (2 * step * norm) == pytest.approx(1, rel=0.02)
    assert at_start.item() == pytest.approx(sum(losses) / 2, abs=1e-3)


def test_bf16_gives_bf16_logits_close_to_those_of_fp32_and_gradients():
    model, tokens = random_model(), random_tokens(1, 10)
    exact = model(tokens)
    model.set_dtype(mx.bfloat16)
    logits = model(tokens)
    assert logits.dtype == mx.bfloat16
    assert 0 < gap(logits.astype(mx.float32), exact) < 0.1  # bf16 keeps 8 bits: 0.4 % a rounding, tens of them in a row
    value, gradient = nn.value_and_grad(model, loss)(model, tokens)
    assert all(g.dtype == mx.bfloat16 and mx.all(mx.isfinite(g)).item() for _, g in tree_flatten(gradient))
    cached = in_chunks(model, tokens, model.make_cache(), [3])
    assert cached.dtype == mx.bfloat16 and gap(cached.astype(mx.float32), exact) < 0.1


def test_compiled_it_computes_the_same():
    model, tokens = random_model(), random_tokens(2, 9)
    compiled = mx.compile(lambda tokens: model(tokens))
    assert gap(compiled(tokens), model(tokens)) < 1e-5
    other = random_tokens(2, 9, seed=1)
    assert gap(compiled(other), model(other)) < 1e-5


def test_an_untrained_model_guesses_evenly():
    mx.random.seed(0)
    model = Model(MistralConfig.preset("tiny"))
    tokens = random_tokens(2, 40, model.config.vocab_size)
    assert loss(model, tokens).item() == pytest.approx(math.log(model.config.vocab_size), abs=0.3)


def test_the_parts_put_together_by_hand_are_the_model():
    model, tokens = random_model(), random_tokens(1, 9)
    x = model.model.embed_tokens(tokens)
    for layer in model.layers:
        mask = model.model.make_mask(9)
        x = x + layer.self_attn(layer.input_layernorm(x), mask)
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    assert mx.array_equal(model.lm_head(model.model.norm(x)), model(tokens))
    assert mx.array_equal(model.lm_head(model.model(tokens)), model(tokens))


def test_make_cache_suits_the_model():
    assert [type(c) for c in random_model(window_size=None).make_cache()] == [KVCache, KVCache]
    rotating = random_model(window_size=5).make_cache()
    assert [(type(c), c.window) for c in rotating] == [(RotatingKVCache, 5)] * 2
    quantized = random_model(head_dim=32).make_cache(bits=4)
    assert [(type(c), c.bits, c.group_size, c.window) for c in quantized] == [(QuantizedKVCache, 4, 32, 5)] * 2
    assert random_model(head_dim=128).make_cache(bits=8)[0].group_size == 64
    with pytest.raises(ValueError, match="head_dim = 8, so leave out bits"):
        random_model(head_dim=8).make_cache(bits=8)


def test_wrong_calls_say_what_would_be_right():
    model = random_model()
    with pytest.raises(ValueError, match=r"\(B, L\).*got shape \(3,\)"):
        model(mx.array([1, 2, 3]))
    with pytest.raises(ValueError, match=r"L >= 1"):
        model(mx.zeros((1, 0), dtype=mx.int32))
    with pytest.raises(ValueError, match="2 layers, but the cache has 1"):
        model(mx.array([[1]]), cache=model.make_cache()[:1])


def test_random_weights_are_the_same_bits_everywhere():
    weights = random_weights(CASES[next(iter(CASES))]["config"], seed=0)
    assert np.abs(weights["model.embed_tokens.weight"][0, :3] - [1.7640524, 0.4001572, 0.978738]).max() < 1e-6


def test_the_last_position_alone_gives_the_last_logits():
    model = random_model(window_size=7)
    cache, vocab_size = model.make_cache(), model.config.vocab_size
    tokens = mx.random.randint(0, vocab_size, (2, 12), key=mx.random.key(1))
    last = model(tokens, cache, last_only=True)
    assert last.shape == (2, 1, vocab_size) and mx.allclose(last, model(tokens)[:, -1:], atol=1e-5)
    assert cache[0].offset == 12
