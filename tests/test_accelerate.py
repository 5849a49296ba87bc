"""Each engine answers as the readable code does, and leaves the word to it once the model is not what it was made of.
"""
import copy
import pickle

from mistral_edu.attention import Attention, scaled_dot_product_attention
from mistral_edu.bench.equal import BOUND, QUANTIZED_BOUND
from mistral_edu.config import MistralConfig
from mistral_edu.fast import accelerate, compiled, cpu_engine, detach, widened
from mistral_edu.machine import blas
from mistral_edu.quantize import quantize
from mistral_edu.transformer import Model

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import pytest
from mlx.utils import tree_flatten

CONFIG = MistralConfig(dim=64, n_layers=3, head_dim=16, hidden_dim=128, n_heads=4, n_kv_heads=2, window_size=6,
                       context_len=64, vocab_size=96)
TOKENS = mx.array([[1, 5, 9, 40, 2, 77, 95, 3, 3, 18, 60, 7, 33, 21], [8, 7, 6, 5, 4, 3, 2, 1, 0, 90, 91, 92, 93, 94]])
WIDE = widened.WideEngine.name
CPU = cpu_engine.CpuEngine.name


@pytest.fixture(autouse=True, params=[WIDE, CPU])
def engine_name(request, monkeypatch, processor):
    """The engine's answers do not depend on the BLAS, so these tests run on machines that lack a fast one, too."""
    if request.param == WIDE:
        monkeypatch.setattr(compiled, "kernels", lambda wait=None: None)
    elif compiled.kernels() is None:
        pytest.skip(compiled.why_not())
    monkeypatch.setattr(blas, "status", lambda: blas.Status(library="libopenblas"))
    return request.param


def make(dtype=mx.bfloat16, bits=None, seed=0, **changes):
    """A model whose random weights are large enough for attention to prefer some keys to others."""
    mx.random.seed(seed)
    model = Model(MistralConfig(**{**vars(CONFIG), **changes}))
    model.apply(lambda weight: (1.5 * weight).astype(dtype))
    if bits:
        quantize(model, bits, group_size=32)
    mx.eval(model.parameters())
    return model


def in_chunks(model, size, cache=None):
    """Logits of TOKENS, given to the model `size` at a time."""
    cache = model.make_cache() if cache is None else cache
    pieces = [model(TOKENS[:, i:i + size], cache) for i in range(0, TOKENS.shape[1], size)]
    return mx.concatenate(pieces, axis=1).astype(mx.float32)


def gap(a, b):
    """The largest difference, relative to the largest value."""
    a, b = a.astype(mx.float32), b.astype(mx.float32)
    return (mx.abs(a - b).max() / mx.abs(b).max()).item()


@pytest.mark.parametrize("changes", [{}, {"window_size": None}, {"tie_embeddings": True}])
@pytest.mark.parametrize("bits", [8, 4])
def test_in_float32_the_engine_is_the_readable_model(bits, changes, engine_name):
    readable = make(mx.float32, bits, **changes)
    fast = accelerate(make(mx.float32, bits, **changes))
    want = readable(TOKENS)
    assert gap(fast(TOKENS), want) < BOUND and fast.answered_by.startswith(engine_name)
    for size in (1, 3, 6, 13):
        assert gap(in_chunks(fast, size), want) < (BOUND if engine_name == WIDE else QUANTIZED_BOUND)
        assert fast.answered_by.startswith(engine_name)
    assert readable.answered_by == "readable"


@pytest.mark.parametrize("dtype, cache_bound, readable_bound", [(mx.bfloat16, 0.03, 0.1), (mx.float16, 0.004, 0.02)])
@pytest.mark.parametrize("bits", [None, 8, 4])
def test_in_16_bit_the_engine_computes_exactly_with_the_models_numbers(dtype, cache_bound, readable_bound, bits,
                                                                       engine_name):
    """It rounds only what goes into the cache, to the model's dtype (8 bits in bfloat16, 11 in float16).

    The readable model rounds after every operation; MLX's quantized products on a processor round every partial sum.
    """
    expected = WIDE if dtype == mx.float16 else engine_name  # the kernels do not read float16
    readable, fast, exact = make(dtype, bits), accelerate(make(dtype, bits)), make(dtype, bits)
    rows = exact.model.embed_tokens(mx.arange(CONFIG.vocab_size))  # a quantized embedding hands out rounded rows
    exact.model.embed_tokens = nn.Embedding(CONFIG.vocab_size, CONFIG.dim)
    exact.model.embed_tokens.weight = rows
    exact.apply(lambda weight: weight if weight.dtype == mx.uint32 else weight.astype(mx.float32))
    want = exact(TOKENS)
    assert gap(fast(TOKENS), want) < 1e-4 and fast.answered_by.startswith(expected)
    assert gap(in_chunks(fast, 3), want) < cache_bound
    assert 1e-4 < gap(readable(TOKENS), want) < readable_bound


@pytest.mark.parametrize("cache_bits", [None, 8])
def test_both_paths_share_a_cache_in_turn(cache_bits, engine_name):
    """A step by one, a step by the other: the cache holds the same bytes of the same kind, and logits stay right."""
    readable, mixed = make(head_dim=32), accelerate(make(head_dim=32))
    engine = mixed.engine
    cache, plain_cache = mixed.make_cache(cache_bits), readable.make_cache(cache_bits)
    want = in_chunks(readable, 2, plain_cache)
    pieces, paths = [], []
    for i in range(0, TOKENS.shape[1], 2):
        mixed.engine = engine if i % 4 == 0 else None
        pieces.append(mixed(TOKENS[:, i:i + 2], cache))
        paths.append(mixed.answered_by.split("; ")[0])  # what follows says why it is not a faster one
    assert paths[:2] == [engine_name, "readable"]
    assert gap(mx.concatenate([piece.astype(mx.float32) for piece in pieces], axis=1), want) < 0.04
    assert [layer.nbytes for layer in cache] == [layer.nbytes for layer in plain_cache]
    assert [layer.offset for layer in cache] == [TOKENS.shape[1]] * CONFIG.n_layers
    keys, values = cache[0].update_and_fetch(*[mx.zeros((2, 2, 1, 32), mx.bfloat16)] * 2)
    assert keys.dtype == values.dtype == mx.bfloat16


def test_a_mask_and_the_errors_are_the_models_own():
    readable, fast = make(mx.float32, 8), accelerate(make(mx.float32, 8))
    mask = mx.eye(TOKENS.shape[1], dtype=mx.bool_)
    assert gap(fast(TOKENS, mask=mask), readable(TOKENS, mask=mask)) < 1e-4
    with pytest.raises(ValueError, match="the model has 3 layers, but the cache has 1"):
        fast(TOKENS, cache=fast.make_cache()[:1])


def test_names_parameters_and_saved_files_stay_as_they_are(tmp_path):
    plain, fast = make(bits=4), accelerate(make(bits=4))
    names, fast_names = ([name for name, _ in tree_flatten(model.parameters())] for model in (plain, fast))
    assert names == fast_names
    assert [name for name, _ in plain.named_modules()] == [name for name, _ in fast.named_modules()]
    assert repr(plain) == repr(fast) and isinstance(fast, Model)
    for name, model in (("plain", plain), ("fast", fast)):
        model.save_weights(str(tmp_path / f"{name}.safetensors"))
    assert (tmp_path / "plain.safetensors").read_bytes() == (tmp_path / "fast.safetensors").read_bytes()


def loss(model):
    return nn.losses.cross_entropy(model(TOKENS[:, :-1]), TOKENS[:, 1:], reduction="mean")


def test_gradients_and_training_go_through_the_readable_code(engine_name):
    plain, fast = make(), accelerate(make())
    for model in (plain, fast):
        model(TOKENS)
        optimizer = optim.SGD(learning_rate=0.5)
        for _ in range(2):
            _, gradients = nn.value_and_grad(model, loss)(model)
            optimizer.update(model, gradients)
            mx.eval(model.parameters())
    for (name, a), (_, b) in zip(tree_flatten(plain.parameters()), tree_flatten(fast.parameters())):
        assert mx.array_equal(a, b), name
    assert fast.answered_by.startswith("readable") and mx.array_equal(plain(TOKENS), fast(TOKENS))
    accelerate(fast)
    assert gap(fast(TOKENS), plain(TOKENS)) < 0.03 and fast.answered_by.startswith(engine_name)


def scale_in_place(model):
    model.layers[1].mlp.down_proj.weight *= 0

def write_one_row(model):
    model.layers[2].self_attn.o_proj.weight[3] = 1.0

def replace_an_array(model):
    model.model.norm.weight = 2 * model.model.norm.weight

def replace_a_module(model):
    model.layers[0].mlp = nn.Identity()

def drop_a_layer(model):
    del model.layers[1]

def replace_a_function(model):
    blind = lambda q, k, v, scale, mask: scaled_dot_product_attention(q, 0 * k, v, scale, mask)
    model.layers[1].self_attn.attend = blind

def change_a_number(model):
    model.layers[1].self_attn.scale = 3.0

def open_the_window(model):
    model.model.config = MistralConfig(**{**vars(CONFIG), "window_size": None})

def load_other_weights(model):
    model.load_weights(tree_flatten(make(seed=1).parameters()))


@pytest.mark.parametrize("change", [scale_in_place, write_one_row, replace_an_array, replace_a_module, drop_a_layer,
                                    replace_a_function, change_a_number, open_the_window, load_other_weights])
def test_a_changed_model_is_answered_for_by_the_readable_code(change, engine_name):
    plain, fast = make(), accelerate(make())
    before = fast(TOKENS)
    assert fast.answered_by.startswith(engine_name)
    change(plain)
    change(fast)
    assert mx.array_equal(fast(TOKENS), plain(TOKENS)) and fast.answered_by.startswith("readable")
    assert gap(fast(TOKENS), before) > 0.03  # else the change would have gone unnoticed anyway


def test_the_engine_answers_again_once_a_change_is_undone(engine_name):
    fast = accelerate(make())
    attention = fast.layers[0].self_attn
    attention.attend = scaled_dot_product_attention
    fast(TOKENS)
    assert fast.answered_by.startswith("readable")
    del attention.attend
    fast(TOKENS)
    assert fast.answered_by.startswith(engine_name)


def test_a_patched_class_is_noticed(monkeypatch):
    fast, seen = accelerate(make()), []
    original = Attention.__call__
    monkeypatch.setattr(Attention, "__call__", lambda self, *args: seen.append(self) or original(self, *args))
    fast(TOKENS)
    assert fast.answered_by.startswith("readable") and seen == [layer.self_attn for layer in fast.layers]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_plain_models(duplicate, engine_name):
    fast = accelerate(make())
    twin = duplicate(fast)
    assert type(twin) is Model and twin.answered_by == "readable" and fast.answered_by.startswith(engine_name)
    assert mx.array_equal(twin(TOKENS), make()(TOKENS))


def test_detach_gives_the_plain_model_back(engine_name):
    fast = accelerate(accelerate(make()))
    assert fast.answered_by.startswith(engine_name)
    detach(fast)
    assert type(fast) is Model and fast.answered_by == "readable" and vars(fast).keys() == vars(make()).keys()


def test_where_it_gains_nothing_or_costs_too_much_no_copy_is_made(monkeypatch):
    monkeypatch.setattr(compiled, "kernels", lambda wait=None: None)
    assert type(accelerate(make(mx.float32))) is Model             # float32 products are fast already
    with monkeypatch.context() as patch:
        patch.setattr(widened, "LARGEST_COPY", 4 * CONFIG.n_parameters - 1)
        assert type(accelerate(make())) is Model
    with monkeypatch.context() as patch:
        patch.setattr(widened.processors, "memory", lambda: (10**10, 15 * CONFIG.n_parameters))
        assert type(accelerate(make())) is Model
    with monkeypatch.context() as patch:
        patch.setattr(blas, "status", lambda: blas.Status(reason="none"))
        assert type(accelerate(make())) is Model
    with monkeypatch.context() as patch:
        patch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
        assert accelerate(make()).answered_by.startswith("gpu")  # by an engine that copies nothing
    assert accelerate(make()).answered_by.startswith(WIDE)
