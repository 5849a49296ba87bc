"""What a model needs, compared with what there is."""
import gc

from mistral_edu import MistralConfig, Model, generate, load_config, load_model
from mistral_edu.checkpoints import memory
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.entries import Entry, read_entries
from mistral_edu.checkpoints.errors import CheckpointError, NotEnoughMemory
from mistral_edu.quantize import size_in_bytes
from small_checkpoints import write_checkpoint, write_quantized
from small_models import memory_held

import mlx.core as mx
import pytest

SEVEN = MistralConfig.preset("7b-v0.3")


def seven(config=SEVEN):
    """A checkpoint that need not exist: of Mistral-7B in bfloat16, as its configuration lets expect."""
    return Checkpoint.planned("7b", config)


def with_free(monkeypatch, free, total=None):
    monkeypatch.setattr(memory, "machine_memory", lambda: (total or free, free))


def test_the_cache_follows_the_context_and_stops_at_the_window():
    per_token = SEVEN.kv_bytes_per_token()
    assert [memory.need(SEVEN, context).cache for context in (1000, 32768)] == [1000 * per_token, 32768 * per_token]
    windowed = MistralConfig.preset("7b-v0.1")
    assert memory.need(windowed, 32768).cache == 4096 * per_token == memory.need(windowed, 4096).cache
    assert memory.need(SEVEN, 1000, bytes_per_number=4).cache == 2000 * per_token
    assert memory.need(SEVEN).context == 2048 and memory.need(MistralConfig.preset("tiny")).context == 1024


@pytest.mark.parametrize("settings", [dict(), dict(dtype="bfloat16"), dict(bits=8), dict(bits=4, dtype="float16")])
def test_weights_are_counted_to_the_byte(tmp_path, settings):
    entries = read_entries(write_checkpoint(tmp_path))
    loaded = size_in_bytes(load_model(tmp_path, fast=False, **settings))
    assert sum(memory.loaded_bytes(entry, **settings) for entry in entries.values()) == loaded


def test_weights_that_are_stored_quantized_are_counted_to_the_byte(tmp_path):
    write_quantized(tmp_path)
    counted = sum(memory.loaded_bytes(entry, "bfloat16") for entry in read_entries(tmp_path).values())
    assert counted == size_in_bytes(load_model(tmp_path, fast=False, dtype="bfloat16"))


def test_the_formula_agrees_with_the_files(tmp_path):
    entries = read_entries(write_checkpoint(tmp_path))
    formula = memory.need(load_config(tmp_path), bytes_per_number=4).weights
    assert formula == sum(memory.loaded_bytes(entry) for entry in entries.values())


def test_what_fits_is_let_through_and_what_does_not_is_refused(monkeypatch):
    needed = memory.need(SEVEN).total
    with_free(monkeypatch, needed)
    memory.check(seven())
    with_free(monkeypatch, needed - 1)
    complaint = ("7b needs 15.6 GB: 14.5 GB for the weights, 0.3 GB for the keys and values of 2,048 tokens, 0.8 GB to "
                 "work in. This machine has 15.6 GB free")
    with pytest.raises(NotEnoughMemory, match=complaint):
        memory.check(seven())
    memory.check(seven(), bits=4)
    assert issubclass(NotEnoughMemory, CheckpointError)
    monkeypatch.setenv("MISTRAL_EDU_MEMORY_CHECK", "0")
    memory.check(seven())


@pytest.mark.parametrize("free, total, settings, way", [
    (12e9, 12e9, dict(), r"Ways out: bits=8 \(8.8 GB\)\."),
    (8e9, 8e9, dict(), r"Ways out: bits=4 \(5.2 GB\)\."),
    (8e9, 8e9, dict(bits=8), r"Ways out: bits=4 \(5.2 GB\)\."),
    (8e9, 8e9, dict(bits=4, context=32768), r"Ways out: a shorter context, context=16384 \(7.0 GB\); a smaller window, "
                                            r"window_size=1024 \(5.0 GB\)\."),
    (8e9, 8e9, dict(context=32768), r"Ways out: bits=4 with context=16384 \(7.0 GB\)\."),
    (12e9, 20e9, dict(), "close other programs, which hold 8.0 GB"),
    (3e9, 3e9, dict(), r"free of 3.0 GB\. Take a smaller model, or one quantized to fewer bits\. \(MISTRAL"),
])
def test_the_message_names_ways_out_that_fit(monkeypatch, free, total, settings, way):
    with_free(monkeypatch, free, total)
    with pytest.raises(NotEnoughMemory, match=way):
        memory.check(seven(), **settings)


def test_each_way_out_is_one(monkeypatch):
    """What the message offers is let through."""
    with_free(monkeypatch, 8e9)
    memory.check(seven(), bits=4, context=16384)
    from dataclasses import replace
    memory.check(seven(replace(SEVEN, window_size=1024)), bits=4, context=32768)


def test_a_quantized_model_is_not_advised_to_be_quantized(monkeypatch):
    entries = {"a.weight": Entry(None, "uint32", (4096, 10**6)), "a.scales": Entry(None, "bfloat16", (4096, 10**5))}
    with_free(monkeypatch, 8e9)
    with pytest.raises(NotEnoughMemory) as refused:
        memory.check_weights("7b", SEVEN, entries)
    assert "bits=" not in str(refused.value)


def test_a_gpu_is_asked_for_its_own_memory(monkeypatch):
    monkeypatch.setattr(memory.processors, "memory", lambda: (64e9, 50e9))
    assert mx.default_device() != mx.Device(mx.cpu) or memory.machine_memory() == (64e9, 50e9)
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    monkeypatch.setattr(mx, "device_info", lambda: {"max_recommended_working_set_size": 48e9})   # Metal
    assert memory.machine_memory() == (48e9, 48e9)
    monkeypatch.setattr(mx, "device_info", lambda: {"total_memory": 24e9, "free_memory": 20e9})  # CUDA
    assert memory.machine_memory() == (24e9, 20e9)
    monkeypatch.setattr(mx, "device_info", lambda: {})
    monkeypatch.setattr(memory.processors, "memory", lambda: (16e9, None))                          # macOS does not say
    assert memory.machine_memory() == (16e9, 16e9)


@pytest.mark.slow
@pytest.mark.parametrize("n_tokens", [300, 2000])
def test_what_reading_a_prompt_takes_is_no_more_than_was_said_and_not_far_less(n_tokens):
    config = MistralConfig(dim=256, n_layers=3, head_dim=32, hidden_dim=896, n_heads=8, n_kv_heads=2, window_size=None,
                           context_len=4096, vocab_size=4096)
    model = Model(config)
    mx.eval(model.parameters())
    said = memory.need(config, n_tokens, bytes_per_number=4)
    gc.collect()  # what other tests have left must not go meanwhile
    before = memory_held() - said.weights  # of other tests
    mx.reset_peak_memory()
    generate(model, None, [5] * n_tokens, max_tokens=2)
    taken = mx.get_peak_memory() - before
    assert 0.8 * said.total < taken < said.total, f"{taken:,} bytes taken, {said}"
