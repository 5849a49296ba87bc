"""The engine for GPUs, tried on the processor: it computes what the readable model does, and leaves it as it was."""
import copy
import gc

from mistral_edu import generate, load
from mistral_edu.bench.equal import gap
from mistral_edu.checkpoints.saved_cache import load_cache, save_cache
from mistral_edu.fast import accelerate, detach
from mistral_edu.fast.attach import CHANGED
from mistral_edu.fast.gpu import choose, embedding, matrices, prompt, watching, window
from mistral_edu.fast.gpu.embedding import rows_of
from mistral_edu.fast.gpu.engine import GpuEngine
from mistral_edu.quantize import quantize, size_in_bytes
from small_models import memory_held, random_model

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

GPU = GpuEngine.name
TOKENS = mx.random.randint(0, 2048, (1, 40), key=mx.random.key(5))
PAIR = mx.random.randint(0, 2048, (2, 40), key=mx.random.key(6))
BOUND = 1e-5    # of the largest logit: both compute in float32, and add up in other orders


@pytest.fixture(autouse=True)
def chosen(monkeypatch):
    """As on a GPU; and short prompts are read with its care for memory, in short pieces and blocks."""
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "gpu")
    monkeypatch.setattr(prompt, "MANY", 4)
    for name, value in (("FEW", 8), ("AT_ONCE", 8), ("MOST_ROWS", 16_384)):     # as on NVIDIA
        monkeypatch.setattr(matrices, name, value)
    monkeypatch.setattr(embedding, "FEW", 256)
    monkeypatch.setattr(window, "LEAST", 4)
    monkeypatch.setattr(window, "ALIGNED", 4)


def make(bits=None, **changes):
    """A model, and what it answers without any engine: (model, readable(tokens) -> logits)."""
    model = random_model(**changes)
    if bits:
        quantize(model, bits, group_size=32)
    return model


def in_chunks(model, tokens, *lengths, cache=None):
    """Logits (B, L, vocab_size) of tokens that come in chunks of these lengths, and after them one by one."""
    cache = model.make_cache() if cache is None else cache
    done, pieces = 0, []
    while done < tokens.shape[1]:
        length = lengths[len(pieces)] if len(pieces) < len(lengths) else 1
        pieces.append(model(tokens[:, done:done + length], cache))
        done += length
    return mx.concatenate(pieces, axis=1)


# --- equal ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tokens", [TOKENS, PAIR], ids=["one sequence", "two"])
@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("window_size", [None, 1, 7, 16, 40])
@pytest.mark.slow
def test_equals_the_readable_model_for_every_chunk_batch_window_and_precision(window_size, bits, tokens):
    model = make(bits, window_size=window_size, tie_embeddings=bits == 8)
    want = model(tokens)
    accelerate(model)
    for lengths in [(), (5,), (3, 4, 9), (16, 8), (17, 1, 1, 15), (33,), (40,)]:
        assert gap(in_chunks(model, tokens, *lengths), want) < BOUND and model.answered_by == GPU
    assert gap(model(tokens), want) < BOUND                         # without a cache
    assert gap(model(tokens, last_only=True), want[:, -1:]) < BOUND and model.answered_by == GPU


@pytest.mark.parametrize("at_once", [1, 3, 8, 100])
@pytest.mark.parametrize("window_size", [None, 7])
def test_a_long_call_is_read_in_pieces(window_size, at_once):
    model = make(window_size=window_size)
    want = model(TOKENS)
    accelerate(model).engine.chunk = at_once
    assert gap(model(TOKENS), want) < BOUND and model.answered_by == GPU
    cache = model.make_cache()
    assert gap(model(TOKENS[:, :39], cache, last_only=True), want[:, 38:39]) < BOUND
    assert gap(model(TOKENS[:, 39:], cache), want[:, 39:]) < BOUND


def test_blocks_of_the_size_that_a_gpu_gets(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "gpu")
    tokens = mx.random.randint(0, 2048, (1, 500), key=mx.random.key(7))
    model = make(window_size=100)
    want = model(tokens)
    accelerate(model)
    assert gap(in_chunks(model, tokens, 130, 368), want) < BOUND and model.answered_by == GPU


def test_matrices_packed_in_different_ways_stay_apart():
    model = make(window_size=7)
    model.layers[0].self_attn.v_proj = model.layers[0].self_attn.v_proj.to_quantized(64, 8)
    model.layers[1].mlp.up_proj = model.layers[1].mlp.up_proj.to_quantized(32, 4)
    want = model(TOKENS)
    accelerate(model)
    assert gap(in_chunks(model, TOKENS, 20), want) < BOUND and model.answered_by == GPU
    assert [layer.qkv.whole is None for layer in model.engine.layers] == [True, False, False]


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantized_weight_of_many_rows_meets_few_rows_of_x_in_pieces(bits, monkeypatch):
    monkeypatch.setattr(matrices, "MOST_ROWS", 100)
    model = make(bits)                          # 256 rows of gate and up, 2048 of the output layer
    want = model(TOKENS)
    accelerate(model)
    assert not model.engine.layers[0].gate_up.at_once and len(model.engine.output.head.pieces) == 21
    assert gap(in_chunks(model, TOKENS, 20), want) < BOUND and model.answered_by == GPU


@pytest.mark.parametrize("batch, products", [(7, [7]), (8, [8]), (20, [8, 8, 4]), (24, [8, 8, 8]), (25, [])])
def test_many_sequences_meet_a_packed_weight_eight_at_a_time(batch, products, monkeypatch):
    """Until it pays to unpack it."""
    tokens = mx.random.randint(0, 2048, (batch, 4), key=mx.random.key(4))
    model = make(4, window_size=3)
    want = model(tokens)
    accelerate(model)
    assert gap(in_chunks(model, tokens, 3), want) < BOUND and model.answered_by == GPU
    rows, multiply = [], mx.quantized_matmul
    monkeypatch.setattr(mx, "quantized_matmul", lambda x, *arrays, **form: rows.append(x.shape[0])
                        or multiply(x, *arrays, **form))
    head = model.engine.output.head
    assert head(mx.zeros((batch, 64))).shape == (batch, 2048) and rows == products
    assert head(mx.zeros((batch, 1, 64))).shape == (batch, 1, 2048) and rows == 2 * products


def test_a_token_is_handed_over_when_the_one_before_is_halfway(monkeypatch):
    """So that keys and values can be stored in place: see step.py."""
    model = make()
    accelerate(model)
    cache = model.make_cache()
    mx.eval(model(TOKENS[:, :20], cache))
    before, seen = cache[1].keys, []
    for name, call in (("eval", mx.eval), ("async_eval", mx.async_eval)):
        monkeypatch.setattr(mx, name, lambda *arrays, call=call, name=name:
                            seen.append((name, arrays)) or call(*arrays))
    model.engine.step(TOKENS[:, 20:21], cache)
    (waits, waited), (hands_over, handed) = seen
    assert (waits, hands_over) == ("eval", "async_eval")
    assert waited[0] is before and handed[1] is cache[1].keys and handed[0].shape == (1, 64)


def test_in_bfloat16_it_differs_by_roundings_alone():
    model = make(window_size=7)
    exact = model(TOKENS)
    model.set_dtype(mx.bfloat16)
    accelerate(model)
    logits = in_chunks(model, TOKENS, 20)
    assert logits.dtype == mx.bfloat16 and gap(logits, exact) < 0.05 and model.answered_by == GPU


@pytest.mark.slow
def test_the_embedded_model_gives_the_same_answer():
    plain, tokenizer = load(dtype="float32", fast=False)
    model, _ = load(dtype="float32")
    story = "Tell me a story about a red ball."
    assert generate(model, tokenizer, story, max_tokens=150) == generate(plain, tokenizer, story, max_tokens=150)
    assert model.answered_by == GPU


# --- caches serve both ways -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("window_size", [None, 7, 16])
def test_the_readable_code_goes_on_from_the_engines_cache_and_back(window_size, tmp_path):
    model = make(window_size=window_size)
    want = model(TOKENS)
    engine, cache, pieces = accelerate(model).engine, model.make_cache(), []
    for n, (start, end) in enumerate([(0, 9), (9, 18), (18, 19), (19, 20), (20, 21), (21, 30), (30, 31), (31, 40)]):
        model.engine = engine if n % 2 else None
        pieces.append(model(TOKENS[:, start:end], cache))
        assert model.answered_by == (GPU if n % 2 else "readable")
        if n == 4:
            save_cache(tmp_path / "cache.safetensors", cache)
            cache = load_cache(tmp_path / "cache.safetensors")
    assert gap(mx.concatenate(pieces, axis=1), want) < BOUND


@pytest.mark.parametrize("window_size, read, back", [(None, 20, 20), (None, 20, 7), (7, 6, 4), (7, 20, 1), (16, 16, 9)])
def test_a_cache_taken_back_forgets(window_size, read, back):
    model = make(window_size=window_size)
    other = mx.concatenate([TOKENS[:, :read - back], PAIR[:1, read - back:read]], axis=1)
    want = model(TOKENS)
    accelerate(model)
    cache = model.make_cache()
    in_chunks(model, other, 3, cache=cache)
    for layer in cache:
        layer.trim(back)
    rest = in_chunks(model, TOKENS[:, read - back:], cache=cache)
    assert gap(rest, want[:, read - back:]) < BOUND and model.answered_by == GPU


@pytest.mark.parametrize("L", [1, 6])
def test_an_interrupt_leaves_every_layer_where_it_was(L, monkeypatch):
    model = accelerate(make())
    cache = model.make_cache()
    before = in_chunks(model, TOKENS[:, :10], 4, cache=cache)
    calls = []

    def interrupted(*arguments, **named):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return attention(*arguments, **named)
    attention = mx.fast.scaled_dot_product_attention
    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model(TOKENS[:, 10:10 + L], cache)
    monkeypatch.undo()
    assert len(calls) == 2 and [layer.offset for layer in cache] == [10, 10, 10]
    detach(model)
    assert gap(mx.concatenate([before, model(TOKENS[:, 10:], cache)], axis=1), model(TOKENS)) < BOUND


def test_what_the_engine_does_not_take_the_readable_code_answers():
    model = make(window_size=7)
    quantized = model(TOKENS, model.make_cache(bits=8))
    masked = model(TOKENS, mask=mx.ones((40, 40), dtype=mx.bool_))
    want = model(TOKENS)
    accelerate(model)
    assert gap(model(TOKENS, model.make_cache(bits=8)), quantized) < BOUND and model.answered_by.startswith("readable")
    assert gap(model(TOKENS, mask=mx.ones((40, 40), dtype=mx.bool_)), masked) < BOUND
    assert gap(mx.compile(model)(TOKENS), want) < BOUND and model.answered_by.startswith("readable")
    assert gap(mx.compile(model)(TOKENS[:, :1]), want[:, :1]) < BOUND
    assert gap(model(TOKENS), want) < BOUND and model.answered_by == GPU
    cache = model.make_cache()
    model(TOKENS, cache)
    with pytest.raises(ValueError, match="another batch"):
        model(PAIR, cache)
    with pytest.raises(ValueError, match="the model has 3 layers, but the cache has 2"):
        model(TOKENS, model.make_cache()[:2])


# --- the model stays what it was --------------------------------------------------------------------------------------

def test_two_models_in_turn():
    models = [make(seed=1, window_size=7), make(4, seed=2), make(8, seed=3, window_size=16)]
    wants = [model(TOKENS) for model in models]
    caches = [accelerate(model).make_cache() for model in models]
    pieces = [[], [], []]
    for start, end in [(0, 20), *((n, n + 1) for n in range(20, 40))]:
        for found, model, cache in zip(pieces, models, caches):
            found.append(model(TOKENS[:, start:end], cache))
            assert model.answered_by == GPU
    for found, want in zip(pieces, wants):
        assert gap(mx.concatenate(found, axis=1), want) < BOUND


def in_place(model):
    model.layers[1].self_attn.k_proj.weight *= 2


def part_in_place(model):
    model.layers[2].mlp.up_proj.weight[3] = 0


def twice_in_place(model):
    model.lm_head.weight *= 2
    model.lm_head.weight *= 2


def replaced(model):
    model.model.norm.weight = model.model.norm.weight + 1


def another_module(model):
    model.layers[0].mlp.down_proj = nn.Linear(128, 64, bias=False)


@pytest.mark.parametrize("change", [in_place, part_in_place, twice_in_place, replaced, another_module])
@pytest.mark.parametrize("first", [1, 20])
def test_changed_weights_are_noticed_at_the_next_token(change, first):
    model = accelerate(make())
    cache = model.make_cache()
    model(TOKENS[:, :10], cache)
    change(model)
    got = model(TOKENS[:, 10:10 + first], cache)
    assert model.answered_by == f"readable: {CHANGED}"
    new = accelerate(model)(TOKENS)
    assert model.answered_by == GPU and gap(new, detach(model)(TOKENS)) < BOUND
    assert got.shape == (1, first, 2048)


def test_to_copy_a_model_changes_nothing():
    """Not even the first time, when Python's copy keeps a note in each class."""
    model = make()
    for kind in {type(module) for module in model.modules() if "__slotnames__" in vars(type(module))}:
        del kind.__slotnames__
    copy.deepcopy(accelerate(model))
    model(TOKENS)
    assert model.answered_by == GPU and "__slotnames__" in vars(type(model.layers[0]))


def test_a_change_of_a_view_leaves_its_neighbours_alone():
    model = accelerate(make())
    keys = np.array(model.layers[0].self_attn.k_proj.weight)
    model.layers[0].self_attn.q_proj.weight *= 0
    assert np.array_equal(keys, np.array(model.layers[0].self_attn.k_proj.weight))


@pytest.mark.parametrize("bits", [None, 4])
def test_joined_weights_take_no_memory_of_their_own(bits):
    model = make(bits, dim=256, hidden_dim=512)
    size = size_in_bytes(model)
    weights = {name: np.array(layer.weight) for name, layer in model.named_modules() if "weight" in layer}
    gc.collect()
    before = memory_held()
    accelerate(model)
    gc.collect()
    assert size_in_bytes(model) == size and memory_held() - before < 0.02 * size
    assert all(np.array_equal(np.array(layer.weight), weights[name])
               for name, layer in model.named_modules() if "weight" in layer)


def test_a_model_that_has_gone_takes_its_engine_and_its_weights_along():
    gc.collect()
    before = memory_held()
    model = accelerate(make(dim=256))
    in_chunks(model, TOKENS, 20)
    del model
    gc.collect()
    assert memory_held() - before < 1e5


@pytest.mark.parametrize("bits, n_tokens, halves", [(None, 200, 0), (None, 256, 12), (4, 7, 0), (4, 8, 12),
                                                    (8, 256, 12)])
def test_few_tokens_are_waited_for_only_where_weights_are_unpacked(bits, n_tokens, halves, monkeypatch):
    """Weights take as much memory for a few tokens as for many: on a GPU all layers' at a time, if nobody waited."""
    monkeypatch.setattr(prompt, "MANY", 256)
    model, tokens, begun = accelerate(make(bits, n_layers=6)), mx.zeros((1, n_tokens), dtype=mx.int32), []
    x = rows_of(model.engine.embed, tokens)
    monkeypatch.setattr(mx, "async_eval", lambda *arrays: begun.append(arrays[0].shape))
    prompt.read(model.engine.layers, x, model.make_cache(), None)
    assert begun == halves * [x.shape]


def test_memory_of_a_prompt_does_not_grow_with_the_layers():
    """Two halves of layers are under way at a time: but for keys and values, so many layers more take nothing more."""
    tokens = mx.random.randint(0, 2048, (1, 256), key=mx.random.key(8))

    def peak(n_layers):
        model = accelerate(make(n_layers=n_layers, hidden_dim=2048, window_size=4))
        cache = model.make_cache()
        mx.eval(model(tokens, cache, last_only=True))       # what is compiled or made once is there by now
        mx.reset_peak_memory()
        before = memory_held()
        mx.eval(model(tokens, cache, last_only=True))
        return mx.get_peak_memory() - before
    assert peak(12) < 1.2 * peak(3)


# --- its parts --------------------------------------------------------------------------------------------------------

def test_a_block_of_queries_sees_its_window_and_no_more():
    """Against a mask for the whole row: of 10 queries after 6 keys, with a window of 7."""
    q, k, v = (mx.random.normal((1, heads, n, 32), key=mx.random.key(seed))
               for seed, (heads, n) in enumerate([(4, 10), (2, 16), (2, 16)]))
    back = mx.arange(6, 16)[:, None] - mx.arange(16)
    want = mx.fast.scaled_dot_product_attention(q, k, v, scale=0.2, mask=(back >= 0) & (back < 7))
    got = window.attend_in_window(q, [k[:, :, :2], k[:, :, 2:]], [v], 7, 0.2)
    assert mx.abs(got - want).max().item() < 1e-6


def test_pointers_see_changes_in_place_and_nothing_else():
    arrays = [mx.random.normal((8,)) for _ in range(3)]
    mx.eval(arrays)
    look = watching.Pointers()
    before = look(arrays)
    mx.eval([array + 1 for array in arrays])
    assert look(arrays) == before
    for _ in range(50):                         # memory that is let go is given out again: never to these
        arrays[1] *= 1.5
        mx.eval(arrays[1])
        assert look(arrays) != before


def test_unsuitable_models_stay_readable():
    model = make()
    model.layers[0].mlp.down_proj = nn.Linear(128, 64, bias=True)
    assert accelerate(model).answered_by == "readable: layers.0.mlp.down_proj has a bias" or \
        model.answered_by.startswith("readable")
    mixed = make()
    mixed.model.norm.set_dtype(mx.bfloat16)
    assert "several types" in choose.why_not(mixed)
    assert "replaced" in choose.why_not(swapped(make()))


def swapped(model):
    model.layers[0].mlp = nn.Identity()
    return model


def test_only_a_gpu_or_the_environment_chooses_it(monkeypatch):
    monkeypatch.delenv("MISTRAL_EDU_ENGINE")
    assert mx.default_device() != mx.Device(mx.cpu) or not choose.is_wanted()
