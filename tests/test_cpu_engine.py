"""The engine of compiled kernels: equal to the readable model token by token, and safe whatever happens around it."""
import copy
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

from mistral_edu import generate
from mistral_edu.attention import Attention
from mistral_edu.bench.equal import BOUND, QUANTIZED_BOUND, gap
from mistral_edu.cache import KVCache
from mistral_edu.checkpoints.saved_cache import load_cache, save_cache
from mistral_edu.fast import accelerate, changes, compiled, cpu_engine, jobs, step, structure
from mistral_edu.fast.attach import CHANGED
from mistral_edu.fast.team import JobList, Team, n_threads, team
from mistral_edu.fast.weight_views import Matrix, matrix
from mistral_edu.machine import blas
from mistral_edu.quantize import dequantize, quantize, size_in_bytes
from small_models import memory_held, random_model

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

CPU = cpu_engine.CpuEngine.name
TOKENS = mx.random.randint(0, 2048, (1, 24), key=mx.random.key(5))
HEADS = [(4, 4, 16), (4, 2, 32), (8, 1, 24), (6, 2, 64)]  # n_heads, n_kv_heads, head_dim

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kernels", "float32_products")]  # test_engine_equal.py is quick


def make(dtype=mx.float32, bits=None, group_size=32, heads=(4, 2, 32), **changes):
    n_heads, n_kv_heads, head_dim = heads
    model = random_model(n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, **changes)
    model.set_dtype(dtype)
    if bits:
        quantize(model, bits, group_size)
    mx.eval(model.parameters())
    return model


def step_by_step(model, first=1, cache=None):
    """Logits of TOKENS: `first` at once, then one at a time, as in decoding."""
    cache = model.make_cache() if cache is None else cache
    ends = [first, *range(first + 1, TOKENS.shape[1] + 1)]
    pieces = [model(TOKENS[:, start:end], cache) for start, end in zip([0, *ends], ends)]
    return mx.concatenate(pieces, axis=1)


# --- equal ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("window", [None, 1, 7, 16])
@pytest.mark.parametrize("heads", HEADS, ids=str)
def test_one_token_at_a_time_equals_the_readable_model(window, heads):
    model = make(heads=heads, window_size=window, tie_embeddings=heads[1] == 1)
    want = model(TOKENS)
    accelerate(model)
    for first in (1, 5, 18):
        assert gap(step_by_step(model, first), want) < 1e-4 and model.answered_by == CPU
    assert gap(model(TOKENS), want) < 1e-4 and model.answered_by == CPU
    assert gap(model(TOKENS[:, :1]), want[:, :1]) < 1e-4  # without a cache


@pytest.mark.parametrize("jobs_of_heads, together", [(0, "all"), (10**6, "one")])
@pytest.mark.parametrize("window", [None, 1, 7])
@pytest.mark.parametrize("dtype, bound", [(mx.float32, 1e-4), (mx.bfloat16, 0.05)])
@pytest.mark.parametrize("heads", [*HEADS, (3, 1, 80)], ids=str)
def test_however_many_heads_one_job_takes(heads, dtype, bound, window, jobs_of_heads, together, monkeypatch):
    monkeypatch.setattr(step, "JOBS_OF_HEADS", jobs_of_heads)
    model = make(dtype, heads=heads, window_size=window)
    want = step_by_step(model)
    assert gap(step_by_step(accelerate(model)), want) < bound and model.answered_by == CPU
    group = heads[0] // heads[1]
    assert step.heads_together(heads[1], group, 2) == (group if together == "all" else 1)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("bits, group_size", [(8, 32), (8, 64), (8, 128), (4, 32), (4, 64), (4, 128)])
def test_every_group_of_8_and_4_bit_equals_the_readable_model(bits, group_size, tied):
    sizes = dict(heads=(4, 2, 64), dim=128, hidden_dim=256, window_size=7, tie_embeddings=tied)
    model = make(bits=bits, group_size=group_size, **sizes)
    want = model(TOKENS)
    accelerate(model)
    assert gap(model(TOKENS), want) < BOUND                     # many rows of x are not rounded
    assert gap(step_by_step(model, 3), want) < QUANTIZED_BOUND and model.answered_by == CPU


@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("window", [None, 7])
def test_in_bfloat16_only_the_cache_is_rounded(bits, window):
    """The bound is that of keys and values with 8 bits; without a cache nothing is rounded: the gap is that of fp32."""
    model = make(mx.bfloat16, bits, window_size=window)
    exact = dequantize(model) if bits is None else None
    fast = accelerate(model)
    if exact is not None:
        assert gap(fast(TOKENS), exact(TOKENS)) < 1e-4
    assert gap(step_by_step(fast, 3), fast(TOKENS)) < 0.03
    assert fast.answered_by == CPU
    stored = step_by_step(fast, 3)
    assert gap(stored, step_by_step(fast, 1)) < 0.01  # kernel and prompt path differ by roundings of single keys alone


def test_a_model_of_several_precisions():
    model = make(mx.bfloat16, window_size=7)
    layers = model.layers
    layers[0].mlp.down_proj = layers[0].mlp.down_proj.to_quantized(64, 8)
    layers[1].self_attn.q_proj = layers[1].self_attn.q_proj.to_quantized(32, 4)
    layers[2].self_attn.o_proj = layers[2].self_attn.o_proj.to_quantized(128, 4)
    accelerate(model)
    assert gap(step_by_step(model), model(TOKENS)) < 0.03 and model.answered_by == CPU


# --- caches serve both ways -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("window", [None, 7, 16])
@pytest.mark.parametrize("dtype, bound", [(mx.float32, 1e-4), (mx.bfloat16, 0.05)])
def test_the_readable_code_goes_on_from_the_engines_cache_and_back(window, dtype, bound, tmp_path):
    model = make(dtype, window_size=window)
    plain_cache, cache = model.make_cache(), model.make_cache()
    want = step_by_step(model, 1, plain_cache)
    engine, pieces = accelerate(model).engine, []
    for i in range(TOKENS.shape[1]):
        model.engine = engine if i % 3 else None
        pieces.append(model(TOKENS[:, i:i + 1], cache))
        assert model.answered_by == (CPU if i % 3 else "readable")
        if i == 12:  # through a file, which leaves the arrays elsewhere
            save_cache(tmp_path / "cache.safetensors", cache)
            cache = load_cache(tmp_path / "cache.safetensors")
    assert gap(mx.concatenate([piece.astype(mx.float32) for piece in pieces], axis=1), want) < bound
    assert [layer.nbytes for layer in cache] == [layer.nbytes for layer in plain_cache]
    assert [layer.meta for layer in cache] == [layer.meta for layer in plain_cache]
    assert gap(cache[1].keys, plain_cache[1].keys) < bound


@pytest.mark.parametrize("window", [None, 7])
def test_a_copy_of_a_cache_does_not_change_with_the_original(window):
    model = accelerate(make(window_size=window))
    cache = model.make_cache()
    model(TOKENS, cache)
    held, twin = [layer.keys for layer in cache], copy.deepcopy(cache)
    before = [np.array(keys) for keys in held]
    first = model(TOKENS[:, :1], cache)
    for _ in range(5):
        model(TOKENS[:, 3:4], cache)
    assert all(np.array_equal(np.array(layer.keys), keys) for layer, keys in zip(twin, before))
    assert mx.array_equal(model(TOKENS[:, :1], twin), first)


def test_trimmed_and_quantized_caches_and_batches():
    model = make(window_size=None)
    want = model(TOKENS)
    quantized = step_by_step(model, 4, model.make_cache(bits=8))
    accelerate(model)
    cache = model.make_cache()
    model(TOKENS, cache)
    for layer in cache:
        layer.trim(9)
    assert gap(model(TOKENS[:, 15:16], cache), want[:, 15:16]) < 1e-4 and model.answered_by == CPU
    assert gap(step_by_step(model, 4, model.make_cache(bits=8)), quantized) < 1e-3 and model.answered_by == CPU
    both = mx.concatenate([TOKENS, TOKENS[:, ::-1]])
    cache = model.make_cache()
    model(both[:, :-1], cache)
    assert gap(model(both[:, -1:], cache)[:1], want[:, -1:]) < 1e-4 and model.answered_by == CPU


def test_generation_is_the_same_with_and_without():
    model = make(window_size=16)
    settings = dict(max_tokens=40, logprobs=2)
    want = [generate(model, None, [1, 5, 9], temperature=t, seed=3, **settings) for t in (0.0, 1.0)]
    accelerate(model)
    assert [generate(model, None, [1, 5, 9], temperature=t, seed=3, **settings) for t in (0.0, 1.0)] == want
    assert model.answered_by == CPU


def test_inside_compile_the_readable_code_answers():
    model = make()
    want = model(TOKENS)
    accelerate(model)
    assert gap(mx.compile(model)(TOKENS), want) < 1e-4 and model.answered_by.startswith("readable")


# --- weights that change, and memory that is used again ---------------------------------------------------------------

def fill_memory(n=300):
    """Free what can be freed, and put numbers wherever memory of the usual sizes is to be had."""
    gc.collect()
    mx.clear_cache()
    junk = [mx.full((rows, 64), 1e6) for rows in (64, 128, 256, 2048) for _ in range(n // 4)]
    mx.eval(junk)
    return junk


@pytest.mark.parametrize("bits", [None, 4])
def test_weights_replaced_or_changed_are_followed_and_old_memory_is_never_read(bits):
    model = make(mx.bfloat16, bits)
    plain = copy.deepcopy(model)
    accelerate(model)
    before = model(TOKENS[:, :1])
    junk = fill_memory()
    assert mx.array_equal(model(TOKENS[:, :1]), before) and model.answered_by == CPU
    name = "scales" if bits else "weight"
    for changed in (model, plain):
        changed.layers[1].mlp.down_proj[name] = changed.layers[1].mlp.down_proj[name] * 3
    junk += fill_memory()
    assert mx.array_equal(model(TOKENS[:, :1]), plain(TOKENS[:, :1])) and model.answered_by.startswith("readable")
    accelerate(model)
    assert gap(model(TOKENS[:, :1]), plain(TOKENS[:, :1])) < 0.1  # the readable code rounds
    assert model.answered_by == CPU
    for changed in (model, plain):
        changed.layers[2].mlp.down_proj[name][5] = 0.5  # in place: the Python object stays
    junk += fill_memory()
    assert mx.array_equal(model(TOKENS[:, :1]), plain(TOKENS[:, :1])) and model.answered_by.startswith("readable")


@pytest.mark.parametrize("dtype, bits", [(mx.float32, None), (mx.bfloat16, None), (mx.bfloat16, 4)])
def test_no_second_copy_of_the_weights_is_made(dtype, bits):
    model = make(dtype, bits, dim=256, hidden_dim=512)
    mx.clear_cache()
    before, size = memory_held(), size_in_bytes(model)
    accelerate(model)
    model(TOKENS[:, :1], model.make_cache())
    model(TOKENS)
    assert model.answered_by == CPU and memory_held() - before < 0.05 * size


def test_weights_that_are_part_of_a_larger_array_are_found_where_they_lie():
    model = make()
    for block in model.layers:
        attention = block.self_attn
        both = mx.concatenate([attention.k_proj.weight, attention.v_proj.weight])
        attention.k_proj.weight, attention.v_proj.weight = mx.split(both, 2)  # the second half begins further on
    want = model(TOKENS)
    assert gap(accelerate(model)(TOKENS), want) < 1e-4 and model.answered_by == CPU


def test_compiled_code_finds_addresses_as_python_does():
    whole = mx.arange(100, dtype=mx.float32)
    arrays = [whole, whole[10:20], *mx.split(whole, 4), whole.astype(mx.bfloat16), mx.array([1, 2], dtype=mx.uint32)]
    mx.eval(arrays)
    assert changes.addresses(arrays, compiled.kernels()) == [changes.address(array) for array in arrays]
    assert changes.address(arrays[1]) - changes.address(whole) == 40


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 6, 7, 13])
@pytest.mark.parametrize("bits, group_size, width", [
    (32, 0, 33), (32, 0, 64), (16, 0, 15), (16, 0, 33), (16, 0, 64), (16, 0, 96), (16, 0, 250), (8, 32, 64),
    (8, 64, 192), (4, 32, 160), (4, 128, 128)])
def test_any_number_of_rows_of_any_width_is_multiplied(bits, group_size, width, n_rows, add, kernels):
    """Rows are read several at a time. Each comes once, whatever their number: a row more shows in a sum."""
    key = mx.random.key(n_rows)
    layer = nn.Linear(width, n_rows, bias=False)
    layer.weight = mx.random.normal((n_rows, width), key=key).astype(mx.bfloat16 if bits == 16 else mx.float32)
    if group_size:
        layer = nn.QuantizedLinear.from_linear(layer, group_size, bits)
    x, out = jobs.Rows(2, width), jobs.Rows(2, n_rows)
    x.plain[:] = mx.random.normal(x.plain.shape, key=key)
    out.plain[:] = 1
    writer, crew = jobs.JobWriter(kernels), team(kernels)
    writer.products(x, (matrix(layer), out, add))
    with crew.lock:
        crew.run(JobList(kernels, writer.rows), writer.room)
    weight = mx.dequantize(layer.weight, layer.scales, layer.biases, group_size, bits) if group_size else layer.weight
    want = add + x.plain.astype(np.float64) @ np.array(weight.astype(mx.float32), np.float64).T
    assert np.abs(out.plain - want).max() < (1e-4 if bits < 16 else 1e-5) * np.abs(want).max()


def test_ids_outside_the_vocabulary_are_left_to_the_readable_code():
    model = accelerate(make())
    for ids in ([[-1, 3]], [[3, model.config.vocab_size]]):
        assert not model.engine.stepper.takes(np.array(ids), None)
    last = mx.array([[model.config.vocab_size - 1]])
    assert gap(model(mx.array([[-1]])), model(last)) < 1e-4  # as MLX counts


@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("group_size", [32, 64, 128])
def test_rows_of_the_embedding_are_those_that_mlx_looks_up(bits, group_size):
    layer = nn.Embedding(40, 256)
    layer.weight = layer.weight.astype(mx.bfloat16)
    if bits:
        layer = nn.QuantizedEmbedding.from_embedding(layer, group_size, bits)
    kernels, ids, rows = compiled.kernels(), np.arange(40)[::-1].copy(), jobs.Rows(40, 256)
    writer = jobs.JobWriter(kernels)
    writer.look_up(matrix(layer), ids, rows)
    crew = Team(kernels, 1)
    with crew.lock:
        crew.run(JobList(kernels, writer.rows))
    assert np.array_equal(rows.plain, np.array(layer(mx.array(ids)).astype(mx.float32)))


def test_an_engine_outlives_the_model_that_it_was_made_from():
    model = make(mx.bfloat16, 4)
    engine = accelerate(model).engine
    want = engine(TOKENS[:, :1])
    del model
    junk = fill_memory()
    assert mx.array_equal(engine(TOKENS[:, :1]), want) and len(junk) == 300


class Doubled(nn.Module):
    """Stands for an adapter: a layer with something added."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def __call__(self, x):
        return 2 * self.layer(x)


class OtherLinear(nn.Linear):
    def __call__(self, x):
        return 3 * super().__call__(x)


def another_attention(model):
    model.layers[0].self_attn.attend = lambda q, k, v, scale, mask: mx.zeros_like(q)

def an_adapter_in_attention(model):
    model.layers[1].self_attn.q_proj = Doubled(model.layers[1].self_attn.q_proj)

def an_adapter_in_feed_forward(model):
    model.layers[1].mlp.up_proj = Doubled(model.layers[1].mlp.up_proj)

def another_output(model):
    model.lm_head = Doubled(model.lm_head)

def another_class(model):
    model.layers[1].mlp.up_proj.__class__ = OtherLinear

@pytest.mark.parametrize("change", [another_attention, an_adapter_in_attention, an_adapter_in_feed_forward,
                                    another_output, another_class])
def test_models_put_together_otherwise_keep_their_meaning(change):
    model = make()
    plain = model(TOKENS)
    change(model)
    want, first = model(TOKENS), model(TOKENS[:, :1])
    accelerate(model)
    assert gap(model(TOKENS), want) < 1e-4 and gap(model(TOKENS[:, :1]), first) < 1e-4
    assert model.engine.stepper is None and gap(want, plain) > 1e-3


def test_a_patched_class_is_not_decoded_by_the_list_of_jobs(monkeypatch):
    assert structure.is_plain(make())
    monkeypatch.setattr(Attention, "__call__", lambda self, x, mask=None, cache=None: x)
    assert not structure.is_plain(make())


# --- threads ----------------------------------------------------------------------------------------------------------

def test_any_thread_may_ask_and_several_at_once():
    model = accelerate(make(mx.bfloat16, 4))
    want = np.array(step_by_step(model))
    answers = []

    def ask():
        cache, tokens = model.make_cache(), np.array(TOKENS)
        with mx.stream(mx.new_stream(mx.cpu)):
            steps = [model(mx.array(tokens[:, i:i + 1]), cache) for i in range(tokens.shape[1])]
            answers.append(np.concatenate([np.array(step) for step in steps], axis=1))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 3 and all(np.array_equal(answer, want) for answer in answers)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_threads_does_every_job_once(n, kernels, monkeypatch):
    """out += x, 5,000 times over 50 stages: with a job left out, done twice or too early, the sum is another one."""
    monkeypatch.setattr(jobs, "LARGEST_JOB", 64)  # the fewest rows that a job has
    n_rows = 100 * kernels.STREAMS
    ones = np.ones((n_rows, 16), np.float32)
    x, out = jobs.Rows(1, 16), jobs.Rows(1, n_rows)
    x.plain[:] = 1
    writer = jobs.JobWriter(kernels)
    for _ in range(50):
        writer.products(x, (Matrix(n_rows, 16, 32, ones.ctypes.data, ()), out, True))
    job_list, crew = JobList(kernels, writer.rows), Team(kernels, n)
    assert len(writer.rows) == 5000
    for repeat in range(1, 21):
        crew.run(job_list)
        assert (out.plain == 16 * 50 * repeat).all()


@pytest.mark.parametrize("L", [1, 5])
def test_weights_that_change_in_the_middle_of_an_answer_leave_the_caches_to_the_readable_code(L):
    """The engine begins, then looks whether the model is the same. What it began with must leave no trace."""
    model, twin = accelerate(make(window_size=7)), make(window_size=7)
    cache, other = model.make_cache(), twin.make_cache()
    for changed in (False, True):
        if changed:
            for one in (model, twin):
                one.model.layers[0].mlp.up_proj.weight[3] = 0
        n = 9 if not changed else L
        assert gap(model(TOKENS[:, :n], cache), twin(TOKENS[:, :n], other)) < 1e-4
        assert [layer.offset for layer in cache] == [layer.offset for layer in other]
    assert model.answered_by == f"readable: {CHANGED}"
    assert gap(cache[1].keys, other[1].keys) < 1e-4


def test_a_call_that_suits_a_changed_model_alone_is_answered():
    """A layer is taken out, and a cache for the layers that are left is handed in."""
    model, twin = accelerate(make()), make()
    for one in (model, twin):
        one.model.layers = one.model.layers[:1]
    assert mx.allclose(model(TOKENS, model.make_cache()), twin(TOKENS, twin.make_cache()), atol=1e-5)
    assert model.answered_by == f"readable: {CHANGED}"


def test_an_interrupt_while_helpers_begin_lets_the_list_end(kernels):
    ones, x, out = np.ones((8, 16), np.float32), jobs.Rows(1, 16), jobs.Rows(1, 8)
    x.plain[:] = 1
    writer = jobs.JobWriter(kernels)
    writer.products(x, (Matrix(8, 16, 32, ones.ctypes.data, ()), out, True))
    job_list, crew = JobList(kernels, writer.rows), Team(kernels, 2)

    def interrupted():
        raise KeyboardInterrupt
    for repeat in range(1, 50):
        with pytest.raises(KeyboardInterrupt):
            crew.run(job_list, meanwhile=interrupted)
        assert (out.plain == 16 * (2 * repeat - 1)).all()
        assert crew.run(job_list, meanwhile=lambda: "said") == "said"
        assert (out.plain == 16 * 2 * repeat).all()


@pytest.mark.parametrize("bits", [None, 8, 4])
def test_a_prompt_is_the_same_with_and_without_blas_and_however_many_pieces(bits, monkeypatch):
    model = make(bits=bits, window_size=7)
    want = model(TOKENS)
    for rows in (10**6, 100, 1):
        for sgemm in (blas.sgemm_address, lambda: 0):
            with monkeypatch.context() as patch:
                patch.setattr(jobs, "ROWS", rows)
                patch.setattr(blas, "sgemm_address", sgemm)
                assert gap(accelerate(model)(TOKENS), want) < 1e-4 and model.answered_by == CPU
                assert gap(step_by_step(model, 18), want) < (QUANTIZED_BOUND if bits else BOUND)
                both = model(mx.concatenate([TOKENS, TOKENS[:, ::-1]]), None, model.model.make_mask(24))  # products.py
                assert gap(both[:1], want) < 1e-4 and model.answered_by == CPU


# --- prompts and batches ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("bits, group_size", [(None, 0), (8, 32), (8, 128), (4, 32), (4, 64), (4, 128)])
@pytest.mark.parametrize("dim, hidden_dim", [(384, 128), (128, 640)])
def test_widths_that_do_not_fill_whole_blocks_and_any_number_of_rows(bits, group_size, dim, hidden_dim):
    """Blocks of packed numbers are 128 in 4 bit; 3 and 5 groups of 32 and 64 leave some over in 96 and 160 (below)."""
    if group_size in (32, 64):
        dim, hidden_dim = dim // 4 * group_size // 32, hidden_dim // 4 * group_size // 32
    model = make(bits=bits, group_size=group_size, heads=(4, 2, 64), dim=dim, hidden_dim=hidden_dim, window_size=7)
    want = model(TOKENS)
    accelerate(model)
    for first in (1, 2, 4, 5, 23):
        cache = model.make_cache()
        rest = TOKENS.shape[1] - first                  # as few as 1, whose x is rounded for packed weights as well
        bound, bound_of_rest = (QUANTIZED_BOUND if bits and fewest <= jobs.FEW else BOUND
                                for fewest in (first, min(first, rest)))
        assert gap(model(TOKENS[:, :first], cache), want[:, :first]) < bound
        assert gap(model(TOKENS[:, first:], cache), want[:, first:]) < bound_of_rest and model.answered_by == CPU


@pytest.mark.parametrize("bits", [None, 4])
@pytest.mark.parametrize("window", [None, 1, 7])
@pytest.mark.parametrize("B", [2, 3, 9])
def test_batches_equal_the_readable_model(B, window, bits):
    model = make(bits=bits, window_size=window, heads=(6, 2, 64))
    tokens = mx.random.randint(0, 2048, (B, 20), key=mx.random.key(B))
    want = model(tokens)
    accelerate(model)
    cache, ends = model.make_cache(), [0, 6, 13, *range(14, 21)]
    pieces = [model(tokens[:, start:end], cache) for start, end in zip(ends, ends[1:])]
    assert gap(mx.concatenate(pieces, axis=1), want) < (QUANTIZED_BOUND if bits else BOUND) and model.answered_by == CPU
    assert gap(model(tokens), want) < 1e-4
    assert gap(model(tokens, model.make_cache(), last_only=True), want[:, -1:]) < 1e-4
    with pytest.raises(ValueError, match=f"holds keys of shape \\({B}, 2"):
        model(TOKENS[:, :1], cache)  # one sequence into the cache of several


def test_batches_in_bfloat16_keep_what_the_readable_model_would_keep():
    model = make(mx.bfloat16, window_size=7)
    tokens = mx.random.randint(0, 2048, (2, 20), key=mx.random.key(3))
    plain_cache, cache = model.make_cache(), model.make_cache()
    model(tokens, plain_cache)
    accelerate(model)(tokens[:, :11], cache)
    for i in range(11, 20):
        model(tokens[:, i:i + 1], cache)
    for one, other in zip(cache, plain_cache):
        assert gap(one.keys, other.keys) < 0.05 and gap(one.values, other.values) < 0.05
        assert one.keys.dtype == mx.bfloat16


@pytest.mark.parametrize("B, window", [(1, None), (1, 7), (3, 7)])
def test_more_tokens_than_one_list_takes_are_read_in_pieces(B, window, monkeypatch):
    model = make(window_size=window)
    tokens = mx.random.randint(0, 2048, (B, 24), key=mx.random.key(B))
    plain_cache, cache = model.make_cache(), model.make_cache()
    want = model(tokens), model(tokens, plain_cache), model(tokens[:, :1], plain_cache)
    monkeypatch.setattr("mistral_edu.fast.step.MOST_TOKENS", 10)
    accelerate(model)
    for got, expected in zip((model(tokens), model(tokens, cache), model(tokens[:, :1], cache)), want):
        assert gap(got, expected) < 1e-4 and got.shape == expected.shape and model.answered_by == CPU
    assert cache[0].offset == 25 and {L for _, L, _ in model.engine.stepper.steps} <= {10 // B, 24 % (10 // B), 1}
    assert gap(model(tokens, last_only=True), want[0][:, -1:]) < 1e-4


def test_an_interrupt_between_two_pieces_leaves_the_cache_as_it_was(monkeypatch):
    model = accelerate(make())
    cache, run, want = model.make_cache(), step.Step.run, model(TOKENS)
    monkeypatch.setattr("mistral_edu.fast.step.MOST_TOKENS", 10)

    def interrupted(self, *arguments):
        if cache[0].offset == 20:
            raise KeyboardInterrupt
        return run(self, *arguments)
    with monkeypatch.context() as patch:
        patch.setattr(step.Step, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model(TOKENS, cache)
    assert {layer.offset for layer in cache} == {0} and gap(model(TOKENS, cache), want) < 1e-4


def test_only_the_last_lists_are_kept():
    model = accelerate(make())
    for length in range(1, 12):
        model(TOKENS[:, :length])
    assert [L for _, L, _ in model.engine.stepper.steps] == [8, 9, 10, 11]


@pytest.mark.parametrize("n_before", [5, 12])  # the ring has room; it is full
@pytest.mark.parametrize("L, which", [(4, 3), (4, 4), (1, 1), (1, 2)])  # the list of the third layer; the output layer
def test_an_interrupt_between_two_lists_leaves_the_cache_as_it_was(L, which, n_before, monkeypatch):
    model = accelerate(make(window_size=7))
    cache, tokens = model.make_cache(), TOKENS[:, n_before:n_before + L]
    model(TOKENS[:, :n_before], cache)
    want = model(tokens, copy.deepcopy(cache))
    calls, run = [], Team.run

    def interrupted(self, *arguments):
        calls.append(1)
        said = run(self, *arguments)
        if len(calls) == which:
            raise KeyboardInterrupt
        return said

    threads = blas.status().threads
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Team, "run", interrupted)
        model(tokens, cache)
    assert [layer.offset for layer in cache] == [n_before] * 3
    assert mx.array_equal(model(tokens, cache), want)
    assert threads == blas.set_threads(threads).threads


# --- threads and the environment --------------------------------------------------------------------------------------

def test_threads_follow_the_environment_and_the_machine(monkeypatch):
    from mistral_edu.machine import processors
    monkeypatch.setattr(processors, "processors", lambda: 4)
    for asked, given in (("1", 1), ("3", 3), ("64", 4), ("2,1", 2), ("", 4), ("many", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert n_threads() == given


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_answers_for_itself():
    """A child has none of its parent's threads: the team makes new ones. (No MLX here: it does not survive a fork.)"""
    code = """if 1:
        import os, sys, numpy as np
        from mistral_edu.fast import compiled
        from mistral_edu.fast.jobs import JobWriter, Rows
        from mistral_edu.fast.team import JobList, team
        from mistral_edu.fast.weight_views import Matrix
        kernels = compiled.kernels(120)
        ones, x, out = np.ones((8, 16), np.float32), Rows(1, 16), Rows(1, 8)
        x.plain[:] = 1
        writer = JobWriter(kernels)
        writer.products(x, (Matrix(8, 16, 32, ones.ctypes.data, ()), out))
        jobs = JobList(kernels, writer.rows)
        parent = team(kernels)
        with parent.lock:
            parent.run(jobs)
            child = os.fork()  # while the lock is held
        out.plain[:] = 0
        with team(kernels).lock:
            team(kernels).run(jobs)
        right = (out.plain == 16).all() and (team(kernels) is parent) == (child != 0)
        if not child:
            os._exit(0 if right else 1)
        sys.exit(0 if right and os.waitpid(child, 0)[1] == 0 else 1)
    """
    assert run_python(code).returncode == 0


# --- kernels that are there, or not -----------------------------------------------------------------------------------

def run_python(code, **environment):
    root = str(Path(compiled.__file__).parents[2])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": root, **environment})


def test_without_numba_the_other_engine_answers_and_says_so():
    code = """if 1:
        import sys
        sys.modules["numba"] = None
        import importlib.util
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
        import mistral_edu
        from mistral_edu.fast import compiled
        model, _ = mistral_edu.load()
        print(model.answered_by, "|", compiled.why_not())
    """
    done = run_python(code)
    assert not done.stdout.startswith("cpu") and "numba is not installed" in done.stdout, done.stderr


def test_until_kernels_are_compiled_another_path_answers_and_then_the_engine_takes_over(monkeypatch):
    ready, compiling = compiled.kernels(), threading.Event()
    monkeypatch.setattr(compiled, "_kernels", None)
    monkeypatch.setattr(compiled, "_loader", threading.Thread(target=compiling.wait, daemon=True))
    monkeypatch.setattr(compiled, "WAIT", 0.01)
    compiled._loader.start()
    model, plain = accelerate(make(mx.bfloat16)), make(mx.bfloat16)
    cache = model.make_cache()
    first = model(TOKENS[:, :3], cache)
    assert gap(first, plain(TOKENS[:, :3])) < 0.05
    assert model.answered_by.startswith("readable") or "are being" in model.answered_by
    compiling.set()
    compiled._loader.join()
    monkeypatch.setattr(compiled, "_kernels", ready)
    assert gap(model(TOKENS[:, 3:4], cache), plain(TOKENS[:, :4])[:, 3:]) < 0.05 and model.answered_by == CPU


def test_kernels_are_kept_in_the_users_folder_wherever_numbas_own_is(tmp_path):
    code = """if 1:
        from mistral_edu.fast import compiled
        print(compiled.folder())
    """
    done = run_python(code, XDG_CACHE_HOME=str(tmp_path), NUMBA_CACHE_DIR="/nonexistent")
    folder = Path(done.stdout.strip())
    assert folder.is_dir() and tmp_path in folder.parents


def test_a_cache_that_another_model_filled_is_left_to_the_readable_code():
    model = accelerate(make(mx.bfloat16))
    cache = [KVCache() for _ in model.layers]
    for layer in cache:  # float32 keys: the readable code casts them, so does this path
        layer.update_and_fetch(mx.zeros((1, 2, 3, 32)), mx.zeros((1, 2, 3, 32)))
    assert not model.engine.stepper.takes(np.array([[1]]), cache)
    assert model(TOKENS[:, :1], cache).shape == (1, 1, 2048) and cache[0].offset == 4
