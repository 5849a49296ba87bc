"""All of the kernels for NVIDIA GPUs that is Python, tried on the processor with a kernel in MLX's operations.

What the CUDA code computes is tested by test_on_gpu.py, where there is such a GPU.
"""
import copy
import gc
import pickle
import re
import sys
import threading
import time
import weakref
from dataclasses import replace
from importlib import resources

from mistral_edu import Chat, generate, load
from mistral_edu.bench.equal import gap
from mistral_edu.cache import KVCache, RotatingKVCache
from mistral_edu.checkpoints.saved_cache import load_cache, save_cache
from mistral_edu.fast import accelerate, detach
from mistral_edu.fast.gpu import nvidia
from mistral_edu.fast.gpu.engine import WITH_KERNELS, GpuEngine
from mistral_edu.fast.gpu.nvidia import held, kernels, step, window
from mistral_edu.fast.gpu.nvidia.device import gpu
from mistral_edu.fast.gpu.nvidia.kernels import Shape, make_kernel
from mistral_edu.fast.gpu.window import attend as in_blocks
from mistral_edu.quantize import quantize
from small_kernel import H200, SmallKernel, SmallWindow
from small_models import CONFIG, memory_held, random_model

import mlx.core as mx
import numpy as np
import pytest

TOKENS = mx.random.randint(0, 512, (1, 320), key=mx.random.key(5))
OTHERS = mx.random.randint(0, 512, (1, 320), key=mx.random.key(6))
A100 = replace(H200, multiprocessors=108, capability=(8, 0), shared_memory=166_912)
FITS = {"dim": 128, "hidden_dim": 256, "n_layers": 2, "vocab_size": 512, "context_len": 1000}


@pytest.fixture(autouse=True)
def kernel(monkeypatch, processor):
    """As on an H200, but with a kernel for the processor."""
    small = SmallKernel()
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "gpu")
    monkeypatch.setattr(step, "gpu", lambda: H200)
    monkeypatch.setattr(step, "make_kernel", small)
    return small


@pytest.fixture
def window_kernel(monkeypatch):
    small = SmallWindow()
    monkeypatch.setattr(window, "gpu", lambda: H200)
    monkeypatch.setattr(window, "compiled", small)
    return small


def make(bits=None, **changes):
    model = random_model(**{**FITS, **changes})
    model.set_dtype(mx.bfloat16)
    return accelerate(quantize(model, bits, group_size=64) if bits else model)


def without_kernels(model):
    """The same model, answered by the plain step: what the kernel's answers are compared with, to the last bit."""
    other = accelerate(copy.deepcopy(model))
    other.engine.kernels = None
    return other


def after(model, n, tokens=TOKENS):
    """A cache that has read n tokens."""
    cache = model.make_cache()
    model(tokens[:, :n], cache)
    return cache


def in_steps(model, cache, start, end, tokens=TOKENS):
    """Logits (n, vocab_size) of tokens that come one by one."""
    return mx.concatenate([model(tokens[:, n:n + 1], cache)[0] for n in range(start, end)]).astype(mx.float32)


def equal(a, b):
    return a.shape == b.shape and mx.array_equal(a, b).item()


def follow(cache):
    return all(type(layer) in held.FOLLOWED for layer in cache)


# --- equal ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("bits, window_size, prompt, n", [
    (None, None, 10, 40), (None, 1, 10, 20), (None, 7, 3, 30), (None, 7, 20, 20), (None, 16, 10, 50), (8, 16, 10, 20),
    (4, 16, 10, 20), (None, 300, 250, 60), (None, None, 250, 12)])
def test_equals_the_plain_step(bits, window_size, prompt, n, kernel):
    """Rings that go round, one or several times, and caches that grow past 256 slots."""
    model = make(bits, window_size=window_size, tie_embeddings=bits == 8)
    plain = without_kernels(model)
    cache, want = after(model, prompt), in_steps(plain, after(plain, prompt), prompt, prompt + n)
    assert equal(in_steps(model, cache, prompt, prompt + n), want) and model.answered_by == WITH_KERNELS
    assert kernel.calls == n + 1 and follow(cache)          # one more, to see whether it is right
    assert {layer.offset for layer in cache} == {prompt + n} and follow(cache)


@pytest.mark.parametrize("window_size, seen", [(None, [64, 150]), (100, [150, 150])])
def test_of_a_long_cache_the_beginning_is_enough_to_compare(window_size, seen, monkeypatch):
    """Copies of all of it would take as much memory again, twice; a ring has the size of its window."""
    offsets, make_held = [], step.Held
    monkeypatch.setattr(step, "ENOUGH", 64)
    monkeypatch.setattr(step, "Held", lambda cache: offsets.append(cache[0].offset) or make_held(cache))
    model = make(window_size=window_size)
    plain = without_kernels(model)
    cache = after(model, 150)
    assert equal(in_steps(model, cache, 150, 153), in_steps(plain, after(plain, 150), 150, 153))
    assert offsets == seen and model.engine.kernels.trusted and follow(cache)


def test_a_cache_gets_as_many_slots_as_the_plain_one_would_have():
    for window_size, slots in [(None, [256, 256, 512]), (300, [256, 256, 300]), (7, [7, 7, 7])]:
        model = make(window_size=window_size)
        cache = after(model, 254)
        for n, want in zip((254, 255, 256), slots):
            model(TOKENS[:, n:n + 1], cache)
            assert held.held_by(cache).keys[0].shape[1] == want
        assert cache[0].keys.shape == (1, 2, slots[-1], 32)


def test_generate_gives_the_same_text(kernel):
    model, tokenizer = load(dtype="bfloat16")
    assert model.engine.kernels, model.engine.why
    plain = without_kernels(model)
    story = "Tell me a story about a red ball."
    settings = {"max_tokens": 25, "temperature": 1.0, "seed": 3}
    assert generate(model, tokenizer, story, **settings) == generate(plain, tokenizer, story, **settings)
    assert model.answered_by == WITH_KERNELS and kernel.calls == 25     # each but the last, and one to see


# --- whoever looks at a cache finds what a cache holds ----------------------------------------------------------------

LOOKS = {
    "keys": lambda cache, path: cache[1].keys,
    "values": lambda cache, path: cache[0].values,
    "state": lambda cache, path: cache[1].state,
    "meta": lambda cache, path: cache[1].meta,
    "nbytes": lambda cache, path: cache[0].nbytes,
    "trimmable": lambda cache, path: cache[1].trimmable,
    "trim": lambda cache, path: cache[0].trim(0),
    "repr": lambda cache, path: repr(cache),
    "format": lambda cache, path: f"{cache[0]}",
    "vars": lambda cache, path: vars(cache[1]),
    "copy": lambda cache, path: copy.copy(cache[1]),
    "deepcopy": lambda cache, path: copy.deepcopy(cache),
    "pickle": lambda cache, path: pickle.dumps(cache),
    "save": lambda cache, path: save_cache(path / "cache.safetensors", cache),
    "an attribute of one's own": lambda cache, path: setattr(cache[0], "name", "mine"),
}


@pytest.mark.parametrize("window_size", [None, 7])
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_any_layer_brings_all_of_them_back(look, window_size, tmp_path):
    model = make(window_size=window_size)
    plain = without_kernels(model)
    cache, other = after(model, 10), after(plain, 10)
    for n in (10, 15):
        assert equal(in_steps(model, cache, n, n + 5), in_steps(plain, other, n, n + 5)) and follow(cache)
        LOOKS[look](cache, tmp_path)
        assert {type(layer) for layer in cache} == {type(other[0])} and not follow(cache)
        assert [repr(layer) for layer in cache] == [repr(layer) for layer in other]
        assert [layer.meta for layer in cache] == [layer.meta for layer in other]
        assert all(equal(layer.state[name], wanted.state[name])
                   for layer, wanted in zip(cache, other) for name in ("keys", "values"))


@pytest.mark.parametrize("copied", [lambda cache, path: [copy.copy(layer) for layer in cache],
                                    lambda cache, path: copy.deepcopy(cache),
                                    lambda cache, path: pickle.loads(pickle.dumps(cache)),
                                    lambda cache, path: (save_cache(path / "c", cache), load_cache(path / "c"))[1]],
                         ids=["copy", "deepcopy", "pickle", "file"])
@pytest.mark.parametrize("window_size", [None, 7])
def test_two_conversations_from_one_cache_do_not_disturb_each_other(window_size, copied, tmp_path):
    model = make(window_size=window_size)
    plain = without_kernels(model)

    def two(model, apart):
        first = after(model, 10)
        in_steps(model, first, 10, 14)
        second, found = apart(first), []
        for n in (14, 17, 20):
            found += [in_steps(model, first, n, n + 3), in_steps(model, second, n, n + 3, OTHERS)]
        return mx.concatenate(found)
    assert equal(two(model, lambda cache: copied(cache, tmp_path)), two(plain, copy.deepcopy))


@pytest.mark.parametrize("window_size, prompt", [(None, 10), (None, 256), (16, 10), (7, 20), (1, 5)])
def test_arrays_that_a_cache_once_gave_away_never_change(window_size, prompt, kernel):
    model = make(window_size=window_size)
    cache, given = after(model, prompt), []
    for n in range(prompt, prompt + 20, 5):
        for layer in cache:
            given += [(array, np.array(array.astype(mx.float32)))
                      for array in (layer.keys, layer.values, *layer.state.values())]
        in_steps(model, cache, n, n + 5)
    assert kernel.calls == 21 and all(np.array_equal(np.array(array.astype(mx.float32)), old) for array, old in given)


@pytest.mark.parametrize("window_size", [None, 7])
def test_prompts_masks_the_readable_code_and_other_engines_go_on_from_a_cache(window_size, kernel, monkeypatch):
    model = make(window_size=window_size)
    plain = without_kernels(model)
    cache, other = after(model, 10), after(plain, 10)
    mask = mx.ones((1, 14 if window_size is None else 7), dtype=mx.bool_)

    def same(found, want, bound=0):
        assert gap(found, want.astype(mx.float32)) <= bound
    same(in_steps(model, cache, 10, 13), in_steps(plain, other, 10, 13))
    same(model(TOKENS[:, 13:14], cache, mask), plain(TOKENS[:, 13:14], other, mask))
    assert model.answered_by.startswith("readable") and not follow(cache)
    same(in_steps(model, cache, 14, 16), in_steps(plain, other, 14, 16))
    same(model(TOKENS[:, 16:30], cache), plain(TOKENS[:, 16:30], other))            # a prompt in the middle
    same(in_steps(model, cache, 30, 33), in_steps(plain, other, 30, 33))
    detach(model)
    same(model(TOKENS[:, 33:34], cache), plain(TOKENS[:, 33:34], other), 0.05)
    accelerate(model)
    same(in_steps(model, cache, 34, 36), in_steps(plain, other, 34, 36), 0.05)
    assert follow(cache) and model.answered_by == WITH_KERNELS
    monkeypatch.delenv("MISTRAL_EDU_ENGINE")
    accelerate(model)
    same(in_steps(model, cache, 36, 38), in_steps(plain, other, 36, 38), 0.05)
    assert not follow(cache) and model.answered_by != WITH_KERNELS


@pytest.mark.parametrize("window_size, prompt, back", [(None, 10, 8), (16, 4, 6), (7, 20, 1)])
def test_a_cache_taken_back_forgets(window_size, prompt, back):
    model = make(window_size=window_size)
    cache, want = after(model, prompt), in_steps(model, after(model, prompt), prompt, prompt + 20)
    in_steps(model, cache, prompt, prompt + 10 - back)
    in_steps(model, cache, prompt, prompt + back, OTHERS)
    for layer in cache:
        layer.trim(back)
    assert equal(in_steps(model, cache, prompt + 10 - back, prompt + 20), want[10 - back:])


def test_a_chat_edits_and_takes_back(kernel):
    def talk(model):
        chat = Chat(model, tokenizer, max_tokens=8, stop="\0")
        return [chat("Hello!"), chat("The ball is in the barn. Where is the ball?"), chat.undo(), chat("Where is it?"),
                chat.edit(0, "Tell me a story."), chat("Go on.")]
    model, tokenizer = load(dtype="bfloat16")
    assert talk(model) == talk(without_kernels(model)) and kernel.calls > 10


# --- several at a time ------------------------------------------------------------------------------------------------

def test_two_models_and_two_caches_of_each_in_turn(kernel):
    models = [make(seed=1), make(4, seed=2, window_size=7)]
    plains = [without_kernels(model) for model in models]

    def turns(models):
        both = [(model, tokens) for model in models for tokens in (TOKENS, OTHERS)]
        found, caches = [], [(model, tokens, after(model, 10, tokens)) for model, tokens in both]
        for n in range(10, 16):
            found += [in_steps(model, cache, n, n + 1, tokens) for model, tokens, cache in caches]
        return mx.concatenate(found)
    assert equal(turns(models), turns(plains)) and kernel.calls == 4 * 6 + 2


def test_steps_are_chained_and_another_thread_waits_for_the_last(monkeypatch):
    in_turn, seen, waited = held.OneAfterAnother(), [], []
    monkeypatch.setattr(mx, "eval", lambda *arrays: waited.extend(arrays))

    def one(after):
        seen.append(after)
        return [after + 1]
    first, second = in_turn(one)[0], in_turn(one)[0]
    assert seen[1] is first and second.item() == 2
    waited.clear()
    in_turn(one)
    assert not waited                               # this thread's steps are in order as they are
    other = threading.Thread(target=lambda: in_turn(one))
    other.start()
    other.join()
    assert waited == [seen[3]] and seen[3].item() == 3


def test_two_threads_never_start_a_step_at_the_same_time(kernel):
    model = make()
    plain, inside, most = without_kernels(model), [], []
    caches = [after(model, 10, tokens) for tokens in (TOKENS, OTHERS)]
    mx.eval([layer.state for cache in caches for layer in cache])
    wants = [in_steps(plain, after(plain, 10, tokens), 10, 20, tokens) for tokens in (TOKENS, OTHERS)]

    def enter():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.001)
    kernel.before, kernel.after = enter, inside.pop
    found = [None, None]

    def talk(which, tokens):
        found[which] = np.array(in_steps(model, caches[which], 10, 20, tokens))
    threads = [threading.Thread(target=talk, args=each) for each in enumerate((TOKENS, OTHERS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and all(np.array_equal(*pair) for pair in zip(found, map(np.array, wants)))


# --- what kernels do not take -----------------------------------------------------------------------------------------

def test_batches_and_quantized_caches_and_tokens_without_a_past_go_other_ways(kernel):
    model = make(head_dim=64, n_heads=2, n_kv_heads=1)
    plain = without_kernels(model)
    pair = mx.concatenate([TOKENS, OTHERS])
    caches = [(tokens, model.make_cache(bits), plain.make_cache(bits)) for tokens, bits in ((pair, None), (TOKENS, 8))]
    for tokens, cache, other in caches:
        model(tokens[:, :10], cache), plain(tokens[:, :10], other)
        assert equal(in_steps(model, cache, 10, 14, tokens), in_steps(plain, other, 10, 14, tokens))
    first = model(TOKENS[:, :1], cache := model.make_cache())
    assert equal(first.astype(mx.float32), plain(TOKENS[:, :1]).astype(mx.float32)) and not follow(cache)
    with pytest.raises(ValueError, match="the model has 2 layers, but the cache has 1"):
        model(TOKENS[:, :1], cache[:1])
    assert kernel.calls == 0
    model(TOKENS[:, 1:2], cache)
    assert kernel.calls == 2 and follow(cache)


def test_what_is_traced_the_readable_code_answers(kernel):
    model = make()
    cache = after(model, 10)
    mx.compile(lambda token: model(token, copy.deepcopy(cache)))(TOKENS[:, 10:11])
    assert model.answered_by.startswith("readable") and model.engine.kernels.trusted is None
    in_steps(model, cache, 10, 12)
    assert model.answered_by == WITH_KERNELS and kernel.calls == 3


class WrongKeys(SmallKernel):
    def write(self, array, slot, new):
        super().write(array, slot, mx.flip(new))


def wrong(says):
    small = SmallKernel()
    small.says = says
    return small


def failing(error):
    small = SmallKernel()
    small.before = lambda: (_ for _ in ()).throw(error)
    return small


@pytest.mark.parametrize("broken, message", [
    (wrong(mx.negative), r"their results are 2 of the right ones' length away"),
    (wrong(lambda logits: logits * mx.nan), r"nan of the right ones' length"),
    (WrongKeys(), r"their results are (1|0\.[3-9])\d* of"),
    (failing(RuntimeError("first line\nptxas: too much of it")), "not used: ptxas: too much of it. MLX's own"),
    (failing(ValueError()), "not used: ValueError")], ids=["wrong", "NaN", "keys", "RuntimeError", "ValueError"])
@pytest.mark.parametrize("window_size", [None, 7])
def test_kernels_that_are_wrong_warn_once_and_do_not_answer(window_size, broken, message, monkeypatch):
    monkeypatch.setattr(step, "make_kernel", broken)
    broken.calls = 0
    model = make(window_size=window_size)
    plain = without_kernels(model)
    want, cache = in_steps(plain, after(plain, 10), 10, 15), after(model, 10)
    with pytest.warns(UserWarning, match=message) as warned:
        found = in_steps(model, cache, 10, 15)
        in_steps(model, after(model, 10), 10, 12)
    assert equal(found, want) and model.answered_by == GpuEngine.name and not follow(cache)
    assert broken.calls <= 1 and len(warned) == 1


@pytest.mark.parametrize("changes, message", [
    ({"dtype": mx.float32}, "for bfloat16, and the weights are mlx.core.float32"),
    ({"group_size": 32}, "8 or 4 in groups of 64"),
    ({"mixed": True}, "alike in all layers"),
    ({"head_dim": 48}, "not for models of this shape"), ({"dim": 192}, "of this shape"),
    ({"hidden_dim": 320}, "of this shape"), ({"vocab_size": 500}, "of this shape"),
    ({"head_dim": 32, "n_heads": 36, "n_kv_heads": 4}, "of this shape"),
    ({"gpu": replace(H200, capability=(7, 5))}, "compute capability 8.0"),
    ({"gpu": replace(H200, shared_memory=48 << 10)}, "too little shared memory"),
    ({"gpu": replace(H200, multiprocessors=1)}, "of this shape"),
    ({"gpu": None}, "does not compute on an NVIDIA GPU"),
])
def test_why_there_are_no_kernels(changes, message, kernel, monkeypatch):
    changes = dict(changes)
    dtype, group_size, mixed = changes.pop("dtype", mx.bfloat16), changes.pop("group_size", 64), changes.pop("mixed", 0)
    here = changes.pop("gpu", H200)
    monkeypatch.setattr(step, "gpu", lambda: here)
    model = random_model(**{**FITS, **changes})
    model.set_dtype(dtype)
    if mixed:
        for layer, bits in zip(model.layers, (8, 4)):
            quantize(layer, bits, group_size=64)
    elif group_size != 64:
        quantize(model, 8, group_size=group_size)
    accelerate(model)
    assert model.engine.kernels is None and message in model.engine.why
    in_steps(model, after(model, 10), 10, 12)
    assert model.answered_by == GpuEngine.name and kernel.calls == 0


def test_the_environment_leaves_the_kernels_out(monkeypatch):
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "mlx")
    assert step.make_step(None, None, None, None) == (None, "MISTRAL_EDU_ENGINE=mlx leaves them out")


def test_without_cuda_there_is_no_gpu():
    if not mx.cuda.is_available():
        assert gpu() is None


# --- windows of prompts -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("window_size, lengths", [(1, [5, 30]), (7, [7, 20, 1, 9]), (16, [10, 6, 50, 3, 40]),
                                                  (64, [200])])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_kernel_for_windows_reads_the_ring_where_it_lies(batch, window_size, lengths, window_kernel):
    model = make(window_size=window_size)
    plain = copy.deepcopy(model)
    accelerate(plain)
    plain.engine.attend = in_blocks
    tokens = TOKENS if batch == 1 else mx.concatenate([TOKENS, OTHERS])
    cache, other, done = model.make_cache(), plain.make_cache(), 0
    for L in lengths:
        found, want = (each(tokens[:, done:done + L], held) for each, held in ((model, cache), (plain, other)))
        assert gap(found.astype(mx.float32), want.astype(mx.float32)) < 0.03
        done += L
    assert window_kernel.calls >= len(model.layers) and model.engine.attend.trusted
    assert all(gap(a.keys.astype(mx.float32), b.keys.astype(mx.float32)) < 0.03 for a, b in zip(cache, other))


def test_a_kernel_for_windows_gets_tiles_that_fit(window_kernel, monkeypatch):
    seven_b = replace(CONFIG, n_heads=32, n_kv_heads=8, head_dim=128, window_size=4096)
    for here, n_keys in [(H200, 64), (A100, 64), (replace(H200, capability=(8, 9), shared_memory=101_376), 32)]:
        monkeypatch.setattr(window, "gpu", lambda here=here: here)
        assert isinstance(window.make_attention(seven_b, mx.bfloat16), window.WindowKernel)
        assert window_kernel.constants["KEYS"] == n_keys and window_kernel.constants["GROUP"] == 4
        assert window_kernel.constants["SHARED_BYTES"] + kernels.STATIC <= here.shared_memory


@pytest.mark.parametrize("changes, here", [({"window_size": None}, H200), ({"head_dim": 48}, H200), ({}, None),
                                           ({"dtype": mx.float32}, H200), ({}, replace(H200, capability=(7, 5))),
                                           ({}, replace(H200, shared_memory=48 << 10)), ({"mlx": True}, H200)])
def test_windows_that_the_kernel_does_not_take_go_in_blocks(changes, here, window_kernel, monkeypatch):
    monkeypatch.setattr(window, "gpu", lambda: here)
    if changes.pop("mlx", False):
        monkeypatch.setenv("MISTRAL_EDU_ENGINE", "mlx")
    dtype = changes.pop("dtype", mx.bfloat16)
    config = replace(CONFIG, **{"head_dim": 128, "window_size": 7, **changes})
    assert window.make_attention(config, dtype) is in_blocks


def fails(out):
    raise RuntimeError("first line\nptxas: too much of it")


@pytest.mark.parametrize("says, message", [(mx.negative, "its result is 2 of the right one's"),
                                           (lambda out: out * mx.nan, "its result is nan of"),
                                           (fails, "not used: ptxas: too much of it. MLX's own")],
                         ids=["wrong", "NaN", "error"])
def test_a_wrong_kernel_for_windows_warns_once_and_does_not_answer(says, message, window_kernel):
    window_kernel.says = says
    model = make(window_size=7)
    plain = copy.deepcopy(model)
    accelerate(plain)
    plain.engine.attend = in_blocks
    with pytest.warns(UserWarning, match=message) as warned:
        found = model(TOKENS[:, :30])
        model(TOKENS[:, :30])
    assert equal(found, plain(TOKENS[:, :30])) and window_kernel.calls == 1 and len(warned) == 1


# --- interrupts -------------------------------------------------------------------------------------------------------

def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("window_size, prompt", [(None, 10), (None, 250), (7, 3), (7, 20)])
def test_an_interrupt_of_a_step_leaves_a_cache_that_goes_on(window_size, prompt, when, kernel):
    model = make(window_size=window_size)
    want, cache = in_steps(model, after(model, prompt), prompt, prompt + 12), after(model, prompt)
    in_steps(model, cache, prompt, prompt + 6)
    for n, tokens in ((6, TOKENS), (7, OTHERS)):
        setattr(kernel, when, interrupt)
        with pytest.raises(KeyboardInterrupt):
            model(tokens[:, :1], cache)
        setattr(kernel, when, lambda: None)
        assert {layer.offset for layer in cache} == {prompt + n}
        assert equal(in_steps(model, cache, prompt + n, prompt + n + 1)[0], want[n])
    setattr(kernel, when, interrupt)
    with pytest.raises(KeyboardInterrupt):
        model(OTHERS[:, :1], cache)
    setattr(kernel, when, lambda: None)
    full = window_size is not None and prompt + 8 >= window_size
    # The last token can be forgotten, unless what its next one would need may be overwritten.
    assert {layer.trimmable for layer in cache} == {0 if full else prompt + 8}
    for layer in cache:
        layer.trim(0 if full else 1)
    n = 8 if full else 7
    assert equal(in_steps(model, cache, prompt + n, prompt + 12), want[n:])


def interrupted_at_line(n, what, *arguments):
    """Call what, and interrupt it at the n-th line that held.py or nvidia/step.py comes to; whether there were so many.

    But for lines inside a lock: Python itself sees to it that a real interrupt does not come before the lock is let go.
    """
    lines, files = 0, {held.__file__, step.__file__}

    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename not in files:
            return None
        if event == "line" and not held.in_turn.lock.locked():
            lines += 1
            if lines == n:
                raise KeyboardInterrupt
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        what(*arguments)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("begins", [True, False], ids=["begins", "gives back"])
@pytest.mark.parametrize("window_size", [None, 7])
def test_an_interrupt_at_any_line_leaves_a_cache_that_goes_on(window_size, begins):
    """While the kernels take over a cache and answer, and while they give it back."""
    model = make(window_size=window_size)
    want, start = in_steps(model, after(model, 10), 10, 14), after(model, 10)
    n = 0
    while True:
        cache, n = copy.deepcopy(start), n + 1
        if begins:
            was_cut = interrupted_at_line(n, model, TOKENS[:, 10:11], cache)
        else:
            in_steps(model, cache, 10, 12)
            was_cut = interrupted_at_line(n, getattr, cache[0], "keys")
        if not was_cut:
            break
        for layer in cache:         # as Reader.resume does: the token may have been counted, or not
            layer.trim(layer.offset - 10 - (0 if begins else 2))
        done = cache[0].offset
        assert equal(in_steps(model, cache, done, 14), want[done - 10:]), n
    assert n > 10


# --- nothing is kept --------------------------------------------------------------------------------------------------

@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_cache_that_nobody_needs_takes_its_arrays_along(no_gc):
    model = make(n_layers=1)
    in_steps(model, after(model, 10), 10, 12)                   # what is made once is there by now
    before = memory_held()
    cache = after(model, 200)
    in_steps(model, cache, 200, 203)
    seen, arrays = weakref.ref(cache[0]), weakref.ref(held.held_by(cache))
    assert memory_held() > before + 2 * 2 * 256 * 32
    del cache
    assert seen() is None and arrays() is None and memory_held() < before + 4096


def test_one_layer_s_arrays_at_a_time_are_there_twice_when_kernels_take_over(no_gc):
    model = make(n_layers=12)
    cache = after(model, 300)
    mx.eval([layer.state for layer in cache])
    one_layer, before = cache[0].nbytes, memory_held()
    mx.reset_peak_memory()
    taken = held.Held(cache)
    assert follow(cache) and taken.is_of(cache) and mx.get_peak_memory() - before < 2 * one_layer


def test_a_model_that_nobody_needs_takes_its_kernels_along(no_gc):
    model = make()
    in_steps(model, after(model, 10), 10, 12)
    seen = weakref.ref(model.engine.kernels)
    detach(model)
    assert seen() is None


# --- the kernel's text ------------------------------------------------------------------------------------------------

SHAPES = [(bits, embed_bits, here) for bits in (16, 8, 4) for embed_bits in sorted({16, bits}) for here in (H200, A100)]
MODELS = [{}, {"window_size": 7, "dim": 384, "hidden_dim": 640}, {"n_layers": 32, "dim": 4096, "hidden_dim": 14_336,
          "n_heads": 32, "n_kv_heads": 8, "head_dim": 128, "vocab_size": 32_768}]


@pytest.mark.parametrize("changes", MODELS, ids=["small", "odd", "7B"])
@pytest.mark.parametrize("bits, embed_bits, here", SHAPES)
def test_the_table_names_each_input_once_and_its_numbers_are_the_models(bits, embed_bits, here, changes):
    c = replace(CONFIG, **{**FITS, **changes})
    shape = Shape(c, bits, embed_bits, (1e-5, 1e-5, 1e-6), here)
    names, lines = shape.inputs(), list(shape.table())
    per_matrix, per_embedding = 1 if bits == 16 else 3, 1 if embed_bits == 16 else 3
    assert len(names) == len(set(names)) == 6 + per_embedding + c.n_layers * (4 * per_matrix + 4) + per_matrix + 1
    text = "\n".join(lines)
    used = re.findall(r"\b(?:(?:qkv|o|gate_up|down)\d+_|head)[wsb]\b|\b(?:norm[12]|keys|values)_\d+", text)
    outside = {"token", "where", "after", "signs", "room", "periods", "norm", *shape.names("embed", embed_bits)}
    assert sorted(used) == sorted(set(names) - outside)
    assert (outside - {"after"}) - set(shape.names("embed", embed_bits)) <= set(re.findall(r"\w+", kernels.SOURCE))
    # Each matrix: how wide it is, and its tiles and chunks, which make up the whole.
    entry = r"matrices\[(\d+)\] = \{\(const unsigned char\*\)(\w+?)w, \w+, \w+, (\d+), (\d+), (\d+), (\d+)\}"
    entries = re.findall(entry, text)
    assert [int(at) for at, *_ in entries] == list(range(4 * c.n_layers + 1))
    q_size, kv_size = c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim
    wanted = {"qkv": (q_size + 2 * kv_size, c.dim), "o": (c.dim, q_size), "gate_up": (2 * c.hidden_dim, c.dim),
              "down": (c.dim, c.hidden_dim), "head": (c.vocab_size, c.dim)}
    for _, name, width, tiles, chunks, half in entries:
        kind = re.sub(r"\d+_$", "", name)
        assert (int(tiles) * kernels.TILE, int(width)) == wanted[kind] and int(chunks) * shape.step == int(width)
        assert int(half) == (c.hidden_dim if kind == "gate_up" else 0)


@pytest.mark.parametrize("bits, embed_bits, here", SHAPES)
def test_a_block_takes_as_much_shared_memory_as_fits(bits, embed_bits, here):
    for changes in MODELS:
        shape = Shape(replace(CONFIG, **{**FITS, **changes}), bits, embed_bits, (1e-5, 1e-5, 1e-6), here)
        sizes = [shape.shared_memory(n) for n in range(1, kernels.MOST_STAGES + 2)]
        assert sizes == sorted(sizes) and all(size % 128 == 0 for size in sizes)
        assert 1 <= shape.stages <= kernels.MOST_STAGES and shape.shared_memory() == sizes[shape.stages - 1]
        assert shape.shared_memory() + kernels.STATIC <= here.shared_memory
        assert shape.stages == kernels.MOST_STAGES or sizes[shape.stages] + kernels.STATIC > here.shared_memory
        assert f"constexpr int SHARED_BYTES = {shape.shared_memory()};" in shape.constants()


def test_the_kernel_holds_each_file_and_has_the_inputs_of_its_shape(monkeypatch):
    made = []
    monkeypatch.setattr(mx.fast, "cuda_kernel", lambda **named: made.append(named) or len(made))
    config = replace(CONFIG, **FITS)
    shapes = [Shape(config, 4, 16, (1e-5, 1e-5, 1e-6), H200), Shape(config, 4, 16, (1e-5, 1e-5, 1e-5), H200)]
    for shape in shapes:
        make_kernel(shape)
        text = made[-1]["header"] + made[-1]["source"]
        assert made[-1]["input_names"] == shape.inputs() and made[-1]["output_names"] == ["logits", "next"]
        assert made[-1]["shared_memory"] == shape.shared_memory()
        assert text.count("{") == text.count("}") and "{table}" not in text and "{embed}" not in text
        assert all(constant in text for constant in shape.constants().splitlines())
    files = {each.name for each in resources.files(nvidia).iterdir() if each.name.endswith(".cuh")}
    assert files == {*kernels.FILES, *window.FILES} and len(files) == 6
    assert all((resources.files(nvidia) / name).read_text() in made[0]["header"] for name in kernels.FILES)
    assert made[0]["name"] != made[1]["name"]                   # MLX keeps what it compiled by its name


def test_caches_that_follow_are_known_by_both_kinds():
    assert set(held.FOLLOWING) == {KVCache, RotatingKVCache}
    assert [kind.__mro__[1:3] for kind in held.FOLLOWING.values()] == [(held.Following, KVCache),
                                                                       (held.Following, RotatingKVCache)]
