"""The kernels for NVIDIA GPUs, on one: `make test-gpu`, or, where only the library's own needs are installed,

    PYTHONPATH=. python tests/test_on_gpu.py [the part of a test's name]

So nothing here needs pytest. Each test prints what it measured. The Python around the kernels is tested on any machine,
by test_gpu_kernels.py.
"""
import copy
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace

from mistral_edu import encode_chat, load
from mistral_edu.bench.equal import PROMPTS, compare, reference
from mistral_edu.cache import RotatingKVCache
from mistral_edu.fast import accelerate
from mistral_edu.fast.gpu import window as in_blocks
from mistral_edu.fast.gpu.engine import WITH_KERNELS
from mistral_edu.fast.gpu.nvidia.device import gpu
from mistral_edu.fast.gpu.nvidia.held import held_by
from mistral_edu.fast.gpu.nvidia.trust import distance
from mistral_edu.fast.gpu.nvidia.window import KEYS, make_kernel
from mistral_edu.quantize import quantize
from small_models import CONFIG, random_model

import mlx.core as mx

NO_GPU = "MLX computes on no NVIDIA GPU here"
try:
    import pytest
    pytestmark = [pytest.mark.gpu, pytest.mark.skipif(gpu() is None, reason=NO_GPU)]
except ImportError:
    pass

# head_dim, n_heads, n_kv_heads, dim, hidden_dim, vocab_size, bits of the matrices, window. Groups of 1, 2, 4 and 8.
SHAPES = [
    (32, 4, 4, 128, 256, 512, None, None),
    (32, 8, 2, 256, 896, 2048, 8, 128),
    (32, 16, 2, 512, 640, 4112, 4, None),
    (64, 4, 2, 256, 384, 1040, None, 300),
    (64, 8, 1, 384, 1024, 528, 8, None),
    (64, 8, 8, 512, 512, 32_000, 4, 4096),
    (128, 2, 1, 256, 512, 32_768, 8, None),
    (128, 8, 2, 1024, 2048, 16_016, None, None),
    (128, 8, 1, 1024, 3584, 2064, 4, None),
    (128, 4, 4, 512, 1152, 32_016, 4, 1),
    (128, 32, 8, 4096, 14_336, 32_768, None, 4096),         # a layer of Mistral-7B
    (128, 32, 8, 4096, 14_336, 32_768, 8, None),
    (128, 32, 8, 4096, 14_336, 32_768, 4, None),
]
# head_dim, n_heads, n_kv_heads, window, sequences, tokens of the piece, and how many came before it
WINDOWS = [
    (32, 8, 4, 1, 1, 70, 9), (32, 4, 1, 128, 1, 512, 128), (32, 4, 4, 64, 2, 64, 192), (64, 2, 2, 7, 2, 100, 50),
    (64, 8, 1, 128, 1, 300, 500), (64, 4, 2, 1000, 1, 1001, 1000), (128, 4, 4, 300, 1, 1, 1000),
    (128, 4, 2, 300, 3, 129, 300), (128, 4, 2, 100, 2, 257, 333), (128, 4, 2, 64, 1, 130, 64),
    (128, 8, 2, 4096, 1, 512, 31_000), (128, 32, 8, 4096, 1, 256, 4096), (128, 32, 8, 4096, 1, 2048, 6000),
]
POSITIONS = 1, 2, 63, 64, 255, 256, 300, 1023, 4095, 5000, 32_767
ANY_MORE, SOME_MORE = 1.5, 0.002    # how much further from float32 the kernel may be than MLX's operations in bfloat16
SHARED = 0.05   # of the largest logit: BF16_BOUND of bench/equal.py, and the roundings of all activations


# --- helpers ----------------------------------------------------------------------------------------------------------

def make(bits=None, seed=0, **changes):
    """A random model that the kernel takes."""
    model = random_model(seed, **{"dim": 256, "hidden_dim": 512, "vocab_size": 512, "context_len": 40_000, **changes})
    model.set_dtype(mx.bfloat16)
    accelerate(quantize(model, bits, group_size=64) if bits else model)
    assert model.engine.kernels, model.engine.why
    return model


def without_kernels(model):
    other = accelerate(copy.deepcopy(model))
    other.engine.kernels = None
    return other


def tokens_of(n, seed=1, vocab_size=512):
    return mx.random.randint(0, vocab_size, (1, n), key=mx.random.key(seed))


def after(model, tokens, n):
    cache = model.make_cache()
    mx.eval(model(tokens[:, :n], cache, last_only=True))
    return cache


def in_steps(model, cache, tokens, start, end):
    """Logits (end - start, vocab_size) of tokens that come one by one; the kernel has to answer all of them."""
    found = []
    for n in range(start, end):
        found.append(model(tokens[:, n:n + 1], cache)[0])
        if getattr(getattr(model, "engine", None), "kernels", None):
            assert model.answered_by == WITH_KERNELS and held_by(cache), f"answered by {model.answered_by}"
    return mx.concatenate(found).astype(mx.float32)


def filled(model, position, seed=3):
    """Caches as after so many tokens, with random keys and values."""
    config, cache = model.config, model.make_cache()
    for n, layer in enumerate(cache):
        layer.offset = position
        slots = layer.n_slots()
        keys = mx.random.split(mx.random.key(seed + n), 2)
        layer.keys, layer.values = (mx.random.normal((1, config.n_kv_heads, slots, config.head_dim), key=key)
                                    .astype(mx.bfloat16) for key in keys)
        if isinstance(layer, RotatingKVCache):
            layer.oldest = max(0, position - layer.window)
    mx.eval([layer.state for layer in cache])
    return cache


def newest(layer):
    """The key and the value that came last: (2, n_kv_heads, head_dim)."""
    slot = (layer.offset - 1) % getattr(layer, "window", layer.offset)
    return mx.concatenate([layer.keys[:, :, slot], layer.values[:, :, slot]])


# --- equal ------------------------------------------------------------------------------------------------------------

def test_the_kernel_is_as_close_to_float32_as_mlx_is():
    """One token after random keys and values: its logits, and what each layer stores of it.

    |found - exact| / |exact|, of the kernel and of MLX's own operations, which both compute in bfloat16.
    """
    far = []
    for head_dim, n_heads, n_kv_heads, dim, hidden_dim, vocab_size, bits, window in SHAPES:
        model = make(bits, n_layers=2 if dim < 4096 else 1, head_dim=head_dim, n_heads=n_heads, n_kv_heads=n_kv_heads,
                     dim=dim, hidden_dim=hidden_dim, vocab_size=vocab_size, window_size=window)
        shape = (f"head_dim {head_dim:3}, {n_heads:2} heads, {n_kv_heads} of keys, dim {dim:4}, {bits or 16:2} bits, "
                 f"window {window or '-':>4}")
        plain, exact, worst = without_kernels(model), reference(model), (0, 0)
        for position in POSITIONS:
            token = tokens_of(1, position, vocab_size)
            found, other, wanted = (answer_and_stored(each, token, position) for each in (model, plain, exact))
            for ours, theirs in ((distance(a, c), distance(b, c)) for a, b, c in zip(found, other, wanted)):
                worst = max(worst, (ours, theirs))
                if not ours <= ANY_MORE * theirs + SOME_MORE:
                    far.append(f"{shape}, position {position}: {ours:.4f}, where MLX's operations are {theirs:.4f} off")
        print(f"{shape}: at most {worst[0]:.4f} from float32; MLX's operations there {worst[1]:.4f}")
    assert not far, "\n".join(far)


def answer_and_stored(model, token, position):
    """The logits of a token that comes after so many others, and each layer's new key and value."""
    cache = filled(model, position)
    logits = in_steps(model, cache, token, 0, 1)
    return [logits, *map(newest, cache)]


def test_windows_are_as_close_to_float32_as_mlx_is():
    """A piece of a prompt after a full ring, with random queries, keys and values, and each size of tiles."""
    for head_dim, n_heads, n_kv_heads, window_size, B, L, position in WINDOWS:
        config = replace(CONFIG, head_dim=head_dim, n_heads=n_heads, n_kv_heads=n_kv_heads, window_size=window_size)
        sizes = [(n_heads, L), (n_kv_heads, L), (n_kv_heads, L), (n_kv_heads, position), (n_kv_heads, position)]
        q, k, v, past_k, past_v = (mx.random.normal((B, *size, head_dim), key=mx.random.key(n)).astype(mx.bfloat16)
                                   for n, size in enumerate(sizes))
        rings = [RotatingKVCache(window_size), RotatingKVCache(window_size)]
        for ring, dtype in zip(rings, (mx.bfloat16, mx.float32)):
            ring.store(past_k.astype(dtype), past_v.astype(dtype))
        scale, exactly = head_dim ** -0.5, [array.astype(mx.float32) for array in (q, k, v)]
        exact = in_blocks.attend(*exactly, rings[1], scale)
        theirs = distance(in_blocks.attend(q, k, v, rings[0], scale), exact)
        for n_keys in KEYS:
            ours = distance(make_kernel(config, n_keys)(q, k, v, rings[0]), exact)
            print(f"head_dim {head_dim:3}, {n_heads:2} heads, {n_kv_heads} of keys, window {window_size:4}, {B} x {L} "
                  f"tokens after {position:6}, {n_keys} keys a tile: {ours:.5f} from float32; MLX's {theirs:.5f}")
            assert ours <= ANY_MORE * theirs + SOME_MORE


def test_prompts_longer_than_the_window_are_what_mlx_s_operations_make_of_them():
    """Whole models, in pieces that begin anywhere, several sequences at a time; and the kernel has answered."""
    tokens = mx.concatenate([tokens_of(700), tokens_of(700, 2)])
    for bits, window_size, lengths in [(None, 7, [20, 333]), (4, 128, [128, 300, 1]), (8, 300, [299, 1, 200, 200])]:
        model = make(bits, window_size=window_size)
        plain = without_kernels(model)
        plain.engine.attend = in_blocks.attend
        for batch in (tokens[:1], tokens):
            caches, done = [each.make_cache() for each in (model, plain)], 0
            for L in lengths:
                found, want = (each(batch[:, done:done + L], cache) for each, cache in zip((model, plain), caches))
                assert distance(found, want) < 0.05, (bits, window_size, done, L)
                done += L
        assert model.engine.attend.trusted


def test_the_embedded_model_writes_what_float32_would():
    """500 tokens after each of three prompts, so far past its window of 128. A choice may differ from that of float32
    only where the two likeliest tokens are closer to each other than twice the bound."""
    for bits in (None, 8, 4):
        model, tokenizer = load(dtype="bfloat16", bits=bits)
        prompts = [encode_chat([{"role": "user", "content": prompt}], tokenizer) for prompt in PROMPTS[:3]]
        comparison = compare(model, reference(model), prompts, 500)
        print(f"{bits or 16:2} bits: {comparison}")
        assert model.answered_by == WITH_KERNELS
        assert comparison.tokens == 1500 and comparison.largest_gap < SHARED and comparison.widest_margin < 2 * SHARED


def test_long_runs_stay_beside_mlx_s_operations():
    """Rings that go round many times, and caches that grow: 700 tokens one by one."""
    tokens = tokens_of(720)
    for bits, window in [(None, None), (8, 7), (4, 16), (None, 300), (4, None)]:
        model = make(bits, window_size=window)
        plain = without_kernels(model)
        found, want = (in_steps(each, after(each, tokens, 20), tokens, 20, 720) for each in (model, plain))
        apart = (mx.linalg.norm(found - want, axis=-1) / mx.linalg.norm(want, axis=-1)).max().item()
        print(f"{bits or 16:2} bits, window {window or '-':>3}: at most {apart:.4f} apart")
        assert apart < 0.1


# --- the same again ---------------------------------------------------------------------------------------------------

def test_to_go_back_and_on_again_gives_the_same_numbers():
    """The order of sums depends on the position alone, so even the last bits are the same."""
    tokens, others = tokens_of(400), tokens_of(400, 2)
    for bits, window, back in [(None, None, 30), (4, None, 50), (8, 300, 30), (None, 16, 1), (4, 128, 1)]:
        model = make(bits, window_size=window)
        want = in_steps(model, after(model, tokens, 200), tokens, 200, 300)
        cache = after(model, tokens, 200)
        in_steps(model, cache, tokens, 200, 250)
        fork = copy.deepcopy(cache)
        in_steps(model, fork, others, 250, 300)                     # another conversation from here on
        for layer in cache:
            layer.trim(back)
        again = in_steps(model, cache, tokens, 250 - back, 300)
        assert mx.array_equal(again, want[50 - back:]).item(), (bits, window)
        assert cache[0].keys is not None and not held_by(cache)     # whoever looks gets what there is
        assert mx.array_equal(in_steps(model, after(model, tokens, 200), tokens, 200, 300), want).item()


def test_models_and_caches_in_turn_do_not_disturb_one_another():
    tokens, others = tokens_of(130), tokens_of(130, 2)
    models = [make(seed=1), make(4, seed=2, window_size=50), make(8, seed=3, head_dim=64)]
    both = [(model, ids) for model in models for ids in (tokens, others)]
    wants = [in_steps(model, after(model, ids, 30), ids, 30, 130) for model, ids in both]
    caches, found = [after(model, ids, 30) for model, ids in both], [[] for _ in both]
    for n in range(30, 130):
        for (model, ids), cache, pieces in zip(both, caches, found):
            pieces.append(in_steps(model, cache, ids, n, n + 1))
    assert all(mx.array_equal(mx.concatenate(pieces), want).item() for pieces, want in zip(found, wants))


def test_interrupts_leave_caches_that_go_on():
    """Forty of them, at any moment of 100 tokens; then all is as if they had not come."""
    tokens = tokens_of(150)
    for window in (None, 300):
        model = make(n_layers=4, window_size=window)
        want = in_steps(model, after(model, tokens, 50), tokens, 50, 150)
        listens = False     # a moment after the last token is no interrupt

        def ring(*_):
            if listens:
                raise KeyboardInterrupt
        before = signal.signal(signal.SIGALRM, ring)
        cache, cut = after(model, tokens, 50), 0
        began = time.perf_counter()
        in_steps(model, cache, tokens, 50, 150)     # what is interrupted below, no more
        lasts = time.perf_counter() - began
        try:
            for n in range(40):
                cache = after(model, tokens, 50)
                try:
                    listens = True
                    signal.setitimer(signal.ITIMER_REAL, lasts * (n + 1) / 41)
                    in_steps(model, cache, tokens, 50, 150)
                    listens = False
                except KeyboardInterrupt:
                    listens, cut = False, cut + 1
                signal.setitimer(signal.ITIMER_REAL, 0)
                done = min(layer.offset for layer in cache)
                for layer in cache:
                    layer.trim(layer.offset - done)
                rest = in_steps(model, cache, tokens, done, 150) if done < 150 else want[100:]
                assert mx.array_equal(rest, want[done - 50:]).item(), f"interrupted after {done} tokens"
        finally:
            signal.signal(signal.SIGALRM, before)
        print(f"window {window or '-':>3}: 40 runs, {cut} interrupted")
        assert cut > 20


def test_two_threads_at_a_time():
    tokens, found = tokens_of(150), [None, None]
    models = [make(seed=1), make(4, seed=2)]
    wants = [in_steps(model, after(model, tokens, 50), tokens, 50, 150) for model in models]
    caches = [after(model, tokens, 50) for model in models]
    mx.eval(wants)

    def talk(which):
        found[which] = in_steps(models[which], caches[which], tokens, 50, 150)
        mx.eval(found[which])
    threads = [threading.Thread(target=talk, args=[which]) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(a is not None and mx.array_equal(a, b).item() for a, b in zip(found, wants))


def main(part=""):
    """Run the tests whose names hold `part`; how many failed."""
    if gpu() is None:
        print(f"skipped: {NO_GPU}")
        return 0
    os.environ.setdefault("MLX_ENABLE_TF32", "0")       # before the first product; under pytest, conftest.py does it
    failed = 0
    for name, test in list(globals().items()):
        if name.startswith("test_") and part in name:
            began = time.perf_counter()
            try:
                test()
                result = "passed"
            except Exception:
                traceback.print_exc()
                failed, result = failed + 1, "FAILED"
            print(f"{result} {name} in {time.perf_counter() - began:.1f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
