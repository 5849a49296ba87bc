"""Caches: any split into chunks, constant bytes, trimming, saving; properties are searched by hypothesis."""
import os

from golden.models import gap, in_chunks, random_model, random_tokens
from mistral_edu.cache import STEP, KVCache, RotatingKVCache
from mistral_edu.checkpoints.saved_cache import load_cache, save_cache
from mistral_edu.quantized_cache import QuantizedKVCache

import mlx.core as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

L, WINDOW = 24, 6
MODELS = {window: random_model(head_dim=32, window_size=window) for window in (None, 1, WINDOW)}
TOKENS = random_tokens(1, L)
QUANTIZED_BOUND = {8: 0.03, 4: 0.5}  # of the largest logit, as the docstring of QuantizedKVCache states
SPLIT_BOUND = {None: 1e-5, 8: 0.01, 4: 0.2}  # a last digit may tip a number over to the next of its quantized values

splits = st.lists(st.integers(1, 2 * WINDOW + 1), min_size=1, max_size=8)
windows = st.sampled_from(list(MODELS))
bits = st.sampled_from([None, 8, 4])
quickly = settings(max_examples=25, deadline=None)


def random_kv(B, n_kv_heads, length, head_dim, seed=0, dtype=mx.float32):
    """Keys and values (B, n_kv_heads, length, head_dim)."""
    keys, values = mx.random.normal((2, B, n_kv_heads, length, head_dim), key=mx.random.key(seed)).astype(dtype)
    return keys, values


def make(kind, window):
    return {"plain": KVCache, "rotating": lambda: RotatingKVCache(window),
            8: lambda: QuantizedKVCache(8, 32, window), 4: lambda: QuantizedKVCache(4, 32, window)}[kind]()


def as_stored(cache, x):
    """What a cache makes of numbers by storing them."""
    return cache.unpack(cache.pack(x)) if isinstance(cache, QuantizedKVCache) else x


def feed(cache, keys, values, sizes, start=0):
    """Add keys and values from start on, in chunks of these sizes, the last one repeated; return what came last."""
    sizes, fetched = list(sizes), None
    while start < keys.shape[2]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        chunk = slice(start, start + size)
        fetched = cache.update_and_fetch(keys[:, :, chunk], values[:, :, chunk])
        start += size
    return fetched


# ---- what is handed back ----

@quickly
@given(splits, st.integers(1, 9), st.sampled_from(["plain", "rotating", 8, 4]))
def test_any_split_hands_back_the_right_keys_in_time_order(sizes, window, kind):
    keys, values = random_kv(2, 2, L, 32)
    cache = make(kind, window)
    start, sizes = 0, list(sizes)
    while start < L:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        new = slice(start, start + size)
        n_new = keys[:, :, new].shape[2]
        expected_n = cache.n_keys(n_new)
        fetched = cache.update_and_fetch(keys[:, :, new], values[:, :, new])
        start += n_new
        first = 0 if kind == "plain" else max(0, start - n_new - (window - 1))
        for got, everything in zip(fetched, (keys, values)):
            assert mx.array_equal(got, as_stored(cache, everything[:, :, first:start]))
        assert fetched[0].shape[2] == expected_n
        assert cache.offset == start


@quickly
@given(splits, windows, bits)
def test_any_split_gives_the_same_logits(sizes, window, bits):
    model = MODELS[window]
    logits = in_chunks(model, TOKENS, model.make_cache(bits), sizes)
    assert gap(logits, in_chunks(model, TOKENS, model.make_cache(bits), [L])) < SPLIT_BOUND[bits]
    assert gap(logits, model(TOKENS)) < (1e-5 if bits is None else QUANTIZED_BOUND[bits])


def test_a_batch_keeps_its_rows_apart():
    model, tokens = MODELS[WINDOW], random_tokens(3, L)
    together = in_chunks(model, tokens, model.make_cache(), [5])
    alone = mx.concatenate([in_chunks(model, row[None], model.make_cache(), [5]) for row in tokens])
    assert gap(together, alone) < 1e-5


def test_what_was_handed_back_does_not_change_later():
    keys, values = random_kv(1, 2, 30, 8)
    for cache in (KVCache(), RotatingKVCache(4)):
        first, _ = cache.update_and_fetch(keys[:, :, :5], values[:, :, :5])
        cache.trim(1)
        feed(cache, keys, values, [7], start=5)
        assert mx.array_equal(first, keys[:, :, :5])


# ---- bytes ----

@quickly
@given(splits, st.integers(1, 9), st.sampled_from(["rotating", 8, 4]))
def test_bytes_are_constant_once_the_window_is_full(sizes, window, kind):
    keys, values = random_kv(1, 2, 3 * L, 32)
    cache, at_full = make(kind, window), None
    for size in sizes * 9:
        if cache.offset >= 2 * L:
            break
        feed(cache, keys[:, :, :size], values[:, :, :size], [size])
        mx.eval(cache.state)
        if cache.offset >= window:
            at_full = at_full or cache.nbytes
            assert cache.nbytes == at_full
            assert sum(array.nbytes for array in cache.state.values()) == at_full
    if kind == "rotating" and at_full:
        assert at_full == 2 * keys[:, :, :window].nbytes


def test_bytes_grow_in_steps_and_a_ring_stops_at_its_window():
    keys, values = random_kv(1, 1, 1, 8)
    one_token = keys.nbytes + values.nbytes
    plain, ring = KVCache(), RotatingKVCache(STEP + 44)
    assert plain.nbytes == ring.nbytes == 0
    for slots_plain, slots_ring in ((STEP, STEP), (2 * STEP, STEP + 44), (3 * STEP, STEP + 44)):
        for _ in range(STEP):
            plain.update_and_fetch(keys, values), ring.update_and_fetch(keys, values)
        assert (plain.nbytes, ring.nbytes) == (slots_plain * one_token, slots_ring * one_token)


def test_a_quantized_cache_takes_the_bytes_that_bits_and_groups_say():
    keys, values = random_kv(1, 2, STEP, 64, dtype=mx.bfloat16)
    plain = KVCache()
    plain.update_and_fetch(keys, values)
    for n_bits in (8, 4):
        cache = QuantizedKVCache(n_bits, 64)
        cache.update_and_fetch(keys, values)
        assert cache.nbytes / plain.nbytes == (n_bits + 2 * 16 / 64) / 16  # a 16-bit scale and bias for 64 numbers


# ---- the error of quantization ----

@quickly
@given(st.sampled_from([8, 4]), st.sampled_from([32, 64]), st.integers(0, 10**6), st.floats(-3, 3),
       st.floats(0.01, 100))
def test_no_quantized_number_is_off_by_more_than_a_step(n_bits, group_size, seed, shift, size):
    keys, values = random_kv(1, 2, 5, 64, seed)
    keys, values = size * (keys + shift), size * (values - shift)
    for got, x in zip(QuantizedKVCache(n_bits, group_size).update_and_fetch(keys, values), (keys, values)):
        groups, got = (a.reshape(-1, group_size) for a in (x, got))
        step = (groups.max(axis=-1) - groups.min(axis=-1)) / (2**n_bits - 1)
        rounding = 1e-6 * mx.abs(groups).max(axis=-1)
        error = mx.abs(got - groups)
        assert mx.all(error.max(axis=-1) <= step + rounding).item()
        assert mx.all(error.mean(axis=-1) <= 0.5 * step + rounding).item()


def test_8_bits_are_better_than_4_and_neither_is_exact():
    model = MODELS[WINDOW]
    gaps = [gap(in_chunks(model, TOKENS, model.make_cache(n_bits), [3]), model(TOKENS)) for n_bits in (8, 4)]
    assert 1e-4 < gaps[0] < gaps[1] / 4


# ---- trimming ----

@quickly
@given(st.data(), st.sampled_from(["plain", "rotating", 8, 4]), st.integers(1, 9), st.integers(0, 12),
       st.integers(0, 12))
def test_trim_then_continue_equals_never_having_gone_there(data, kind, window, n_kept, n_detour):
    keys, values = random_kv(1, 2, n_kept + 5, 32)
    detour = random_kv(1, 2, n_detour, 32, seed=1)
    sizes = data.draw(splits)
    cache, straight = make(kind, window), make(kind, window)
    for each in (cache, straight):
        feed(each, keys[:, :, :n_kept], values[:, :, :n_kept], sizes)
    feed(cache, *detour, sizes)
    if n_detour > cache.trimmable:
        with pytest.raises(ValueError):
            cache.trim(n_detour)
        return
    on_the_way = data.draw(st.integers(0, n_detour))
    cache.trim(on_the_way)
    cache.trim(n_detour - on_the_way)
    assert (cache.offset, cache.n_keys(2)) == (n_kept, straight.n_keys(2))
    for size in (1, 3, 1):
        new = slice(straight.offset, straight.offset + size)
        for a, b in zip(*(each.update_and_fetch(keys[:, :, new], values[:, :, new]) for each in (cache, straight))):
            assert mx.array_equal(a, b)


@pytest.mark.parametrize("bits", [None, 8])
@pytest.mark.parametrize("window", [None, WINDOW])
def test_a_model_continues_after_a_trim_as_if_nothing_had_been(window, bits):
    model = MODELS[window]
    cache, straight = model.make_cache(bits), model.make_cache(bits)
    model(TOKENS[:, :4], cache), model(TOKENS[:, :4], straight)
    model(random_tokens(1, 2, seed=5), cache)
    for layer in cache:
        layer.trim(2)
    assert mx.array_equal(model(TOKENS[:, 4:], cache), model(TOKENS[:, 4:], straight))


@pytest.mark.parametrize("kind", ["rotating", 8])
def test_a_ring_gives_back_all_until_it_is_full_and_then_one_token(kind):
    keys, values = random_kv(1, 2, 1, 32)
    cache, trimmable = make(kind, 5), []
    for _ in range(8):
        cache.update_and_fetch(keys, values)
        trimmable.append(cache.trimmable)
    assert trimmable == [1, 2, 3, 4, 5, 1, 1, 1]
    with pytest.raises(ValueError, match="last 2 of 8 tokens, only 1: .*first 6 tokens again"):
        cache.trim(2)
    cache.trim(1)
    with pytest.raises(ValueError, match="last 1 of 7 tokens, only 0: "):
        cache.trim(1)
    assert cache.offset == 7  # a refused trim changes nothing


def test_trim_refuses_what_is_not_there():
    cache = KVCache()
    cache.update_and_fetch(*random_kv(1, 2, 3, 8))
    with pytest.raises(ValueError, match="last 4 tokens: the cache has seen 3; trim at most 3"):
        cache.trim(4)
    with pytest.raises(ValueError, match="0 or more; got -1"):
        cache.trim(-1)


@pytest.mark.parametrize("at_part", [0, 1, 2])
def test_an_interrupt_in_the_middle_of_a_quantized_update_can_be_trimmed_away(at_part, monkeypatch):
    keys, values = random_kv(1, 2, 8, 32)
    cache, straight = QuantizedKVCache(8, 32), QuantizedKVCache(8, 32)
    for each in (cache, straight):
        feed(each, keys[:, :, :3], values[:, :, :3], [3])

    def interrupted(keys, values):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.parts[at_part], "update_and_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.update_and_fetch(*random_kv(1, 2, 4, 32, seed=1))
    monkeypatch.undo()
    cache.trim(cache.offset - 3)
    for a, b in zip(feed(cache, keys, values, [2], start=3), feed(straight, keys, values, [2], start=3)):
        assert mx.array_equal(a, b)


# ---- saving and loading ----

@quickly
@given(st.sampled_from(["plain", "rotating", 8, 4]), st.integers(1, 9), splits, st.integers(0, 14), st.booleans(),
       st.sampled_from([mx.float32, mx.bfloat16]))
def test_a_saved_cache_comes_back_exactly_and_goes_on(tmp_path_factory, kind, window, sizes, length, trim, dtype):
    path = tmp_path_factory.mktemp("cache") / "kept.safetensors"
    keys, values = random_kv(1, 2, length + 5, 32, dtype=dtype)
    cache = [make(kind, window) for _ in range(2)]
    for layer in cache:
        feed(layer, keys[:, :, :length], values[:, :, :length], sizes)
        layer.trim(min(1, layer.trimmable) if trim else 0)
    save_cache(path, cache)
    assert os.listdir(path.parent) == ["kept.safetensors"]
    loaded = load_cache(path)
    assert len(loaded) == 2
    for a, b in zip(loaded, cache):
        assert (type(a), a.meta, a.trimmable) == (type(b), b.meta, b.trimmable)
        assert a.state.keys() == b.state.keys()
        for name in a.state:
            assert a.state[name].dtype == b.state[name].dtype and mx.array_equal(a.state[name], b.state[name])
        for got, expected in zip(a.update_and_fetch(keys[:, :, -5:], values[:, :, -5:]),
                                 b.update_and_fetch(keys[:, :, -5:], values[:, :, -5:])):
            assert mx.array_equal(got, expected)


@pytest.mark.parametrize("kind", ["plain", "rotating", 8, 4])
def test_a_cache_that_has_seen_nothing_comes_back_too(tmp_path, kind):
    save_cache(tmp_path / "c", [make(kind, WINDOW)])
    (loaded,) = load_cache(tmp_path / "c")
    assert type(loaded) is type(make(kind, WINDOW)) and loaded.offset == 0 and loaded.state == {}


def test_twelve_layers_come_back_in_order(tmp_path):
    cache = [KVCache() for _ in range(12)]
    for i, layer in enumerate(cache):
        layer.update_and_fetch(mx.full((1, 1, 1, 4), i), mx.full((1, 1, 1, 4), -i))
    save_cache(tmp_path / "c", cache)
    loaded = load_cache(tmp_path / "c")
    assert [int(layer.state["keys"].max()) for layer in loaded] == list(range(12))
    assert [int(layer.state["values"].max()) for layer in loaded] == [-i for i in range(12)]


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path, model = tmp_path / "kept.safetensors", MODELS[WINDOW]
    cache = model.make_cache()
    model(TOKENS[:, :3], cache)
    save_cache(path, cache)
    before = path.read_bytes()
    model(TOKENS[:, 3:], cache)

    def full_disk(source, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_cache(path, cache)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["kept.safetensors"]


def test_what_is_no_saved_cache_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.safetensors"):
        load_cache(tmp_path / "nothing.safetensors")
    (tmp_path / "text").write_text("no arrays here, only words and more words")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_cache(tmp_path / "text")
    mx.save_safetensors(str(tmp_path / "weights.safetensors"), {"a": mx.ones(2)})
    with pytest.raises(ValueError, match="not a saved cache.*found None"):
        load_cache(tmp_path / "weights.safetensors")


def test_a_cache_says_what_it_holds():
    cache = RotatingKVCache(1000)
    for _ in range(3):
        cache.update_and_fetch(*random_kv(1, 1, 400, 8))
    assert repr(cache) == "RotatingKVCache(1,200 tokens seen, 64,000 bytes)"  # 1000 tokens * 2 * 8 numbers * 4 bytes
    assert repr(QuantizedKVCache()) == "QuantizedKVCache(0 tokens seen, 0 bytes)"


# ---- wrong arguments ----

def test_arrays_that_do_not_fit_are_refused():
    for cache in (KVCache(), RotatingKVCache(4)):
        cache.update_and_fetch(*random_kv(2, 2, 3, 8))
        with pytest.raises(ValueError, match=r"shape \(2, 2, L, 8\), got \(1, 2, 1, 8\).*new cache"):
            cache.update_and_fetch(*random_kv(1, 2, 1, 8))  # a batch of 1 must not spread over 2 rows
        with pytest.raises(ValueError, match="should both be"):
            cache.update_and_fetch(random_kv(2, 2, 3, 8)[0], random_kv(2, 2, 4, 8)[0])
        assert cache.offset == 3


def test_a_ring_and_a_quantized_cache_check_their_numbers():
    with pytest.raises(ValueError, match="at least 1; got 0"):
        RotatingKVCache(0)
    with pytest.raises(ValueError, match="8 or 4 bits.*got bits = 3"):
        QuantizedKVCache(3)
    with pytest.raises(ValueError, match="group_size should be 32, 64 or 128; got 16"):
        QuantizedKVCache(8, group_size=16)
    with pytest.raises(ValueError, match="head_dim = 8 is not a multiple of group_size = 64"):
        QuantizedKVCache(8).update_and_fetch(*random_kv(1, 2, 3, 8))
