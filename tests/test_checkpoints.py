"""Loading, and one test for each thing that can be wrong with a checkpoint."""
import json
from concurrent.futures import ThreadPoolExecutor

from mistral_edu import (
    CheckpointError,
    MistralConfig,
    Tokenizer,
    load,
    load_config,
    load_model,
    load_tokenizer,
    quantize,
)
from mistral_edu.checkpoints.checkpoint import Checkpoint, expected_entries
from mistral_edu.checkpoints.errors import (
    NonFiniteWeights,
    NotEnoughMemory,
    UnavailableCheckpoint,
    UnreadableFile,
    UnsupportedCheckpoint,
    WeightMismatch,
)
from mistral_edu.tiny import FOLDER
from small_checkpoints import (
    CONFIG,
    ONE,
    WEIGHTS,
    change_config,
    change_weights,
    same_weights,
    weights_of,
    write_checkpoint,
    write_quantized,
)
from small_models import random_model

import mlx.core as mx
import pytest


@pytest.fixture(scope="module")
def original():
    return random_model(window_size=6)


@pytest.fixture
def folder(original, tmp_path):
    return write_checkpoint(tmp_path, original)


# --- what works ---

def test_tiny_is_a_name_wherever_a_folder_is():
    assert load_config() == load_config("tiny") == load_config(FOLDER) == MistralConfig.preset("tiny")
    for name in ("tiny", FOLDER, FOLDER / "tokenizer.json"):
        assert load_tokenizer(name).encode("x") == load_tokenizer().encode("x")
    model, tokenizer = load()
    assert model.config == MistralConfig.preset("tiny") and isinstance(tokenizer, Tokenizer)
    assert same_weights(model, load_model(str(FOLDER)))


def test_a_folder_gives_the_weights_that_were_saved(folder, original):
    model, tokenizer = load(folder)
    assert model.config == original.config and same_weights(model, original)
    assert tokenizer.vocab_size == model.config.vocab_size


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", mx.bfloat16])
def test_dtype_casts_every_weight(folder, original, dtype):
    expected = getattr(mx, dtype) if isinstance(dtype, str) else dtype
    model = load_model(folder, dtype=dtype)
    assert {weight.dtype for weight in weights_of(model).values()} == {expected}
    assert mx.array_equal(weights_of(model)[ONE], weights_of(original)[ONE].astype(expected))


def test_without_dtype_weights_are_as_stored(folder):
    def shorten(weights):
        weights.update({name: weight.astype(mx.bfloat16) for name, weight in weights.items()})
    change_weights(folder, shorten)
    assert {weight.dtype for weight in weights_of(load_model(folder)).values()} == {mx.bfloat16}


@pytest.mark.parametrize("bits", [8, 4])
def test_bits_quantizes_while_loading(folder, bits):
    assert same_weights(load_model(folder, bits=bits), quantize(load_model(folder), bits))


@pytest.mark.parametrize("window_size", [None, 3])
def test_another_window_may_be_chosen(folder, original, window_size):
    assert load_config(folder).window_size == original.config.window_size
    assert load_config(folder, window_size=window_size).window_size == window_size
    model = load_model(folder, window_size=window_size)
    assert model.config.window_size == window_size
    tokens = mx.array([list(range(5, 20))])
    assert mx.abs(model(tokens) - original(tokens)).max() > 0.01  # the window changes what is computed


@pytest.mark.parametrize("window_size", [0, -4, "all", 2.5])
def test_a_window_that_is_none_is_refused(folder, window_size):
    with pytest.raises(ValueError, match="window_size"):
        load_config(folder, window_size=window_size)


def test_the_memory_check_comes_before_the_first_weight_is_read(folder, monkeypatch):
    """And knows of dtype and bits: what does not fit as stored may fit in 4 bit."""
    def spoil(weights):
        weights[ONE][3, 5] = float("nan")
    change_weights(folder, spoil)
    monkeypatch.setattr("mistral_edu.checkpoints.memory.machine_memory", lambda: (10**6, 10**6))
    with pytest.raises(NotEnoughMemory, match=f"{folder} needs .* This machine has .* free"):
        load(folder)
    with pytest.raises(ValueError, match="context should be a number of tokens"):
        load(folder, context=0)
    monkeypatch.setenv("MISTRAL_EDU_MEMORY_CHECK", "0")
    with pytest.raises(NonFiniteWeights):
        load(folder)


@pytest.mark.parametrize("quantized", [False, True])
def test_what_the_configuration_lets_expect_is_what_the_files_hold(tmp_path, quantized):
    if quantized:
        write_quantized(tmp_path)
    else:
        write_checkpoint(tmp_path)
    checkpoint = Checkpoint.open(tmp_path)
    expected, found = expected_entries(checkpoint), checkpoint.entries
    assert {name: entry[1:] for name, entry in expected.items()} == {name: entry[1:] for name, entry in found.items()}


def test_tied_embeddings_need_no_lm_head(tmp_path):
    tied = random_model(tie_embeddings=True)
    (tmp_path / CONFIG).write_text(json.dumps(tied.config.to_hf()))
    tied.save_weights(str(tmp_path / WEIGHTS))
    assert same_weights(load_model(tmp_path), tied)


def test_rotary_frequencies_of_old_checkpoints_are_left_aside(folder, original):
    old = {"model.layers.0.self_attn.rotary_emb.inv_freq": mx.ones(8)}
    change_weights(folder, lambda weights: weights.update(old))
    assert same_weights(load_model(folder), original)


@pytest.mark.parametrize("settings", [dict(), dict(bits=4), dict(dtype="bfloat16")])
def test_all_weights_are_in_memory_when_load_returns(folder, settings):
    """So the file may go; and another thread, as JupyterLab's widgets use, may read what it could not compute."""
    model = load_model(folder, fast=False, **settings)
    (folder / WEIGHTS).unlink()
    with ThreadPoolExecutor() as pool:
        pool.submit(mx.eval, model.parameters()).result()


def test_fast_can_be_left_out(folder, monkeypatch):
    accelerated = []
    monkeypatch.setattr("mistral_edu.checkpoints.loading.accelerate", lambda model: accelerated.append(model))
    monkeypatch.delenv("MISTRAL_EDU_FAST", raising=False)
    load_model(folder, fast=False)
    assert accelerated == []
    model = load_model(folder)
    assert accelerated == [model]
    monkeypatch.setenv("MISTRAL_EDU_FAST", "0")
    load_model(folder)
    assert accelerated == [model]


# --- what is wrong with the files ---

def test_no_folder(tmp_path):
    complaint = 'there is no folder .*nowhere; expected "tiny", a folder that holds .* or a name on the Hugging Face'
    with pytest.raises(FileNotFoundError, match=complaint):
        load(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder(folder):
    with pytest.raises(FileNotFoundError, match="model.safetensors is a file; expected the folder"):
        load_model(folder / WEIGHTS)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load(folder)


def test_without_weights_the_message_lists_what_is_there(folder):
    (folder / WEIGHTS).rename(folder / "consolidated.safetensors")
    found = "config.json, consolidated.safetensors, tokenizer.json"
    with pytest.raises(FileNotFoundError, match=f"the folder holds only {found}"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_config_that_is_no_json_object(folder, text):
    (folder / CONFIG).write_text(text)
    with pytest.raises(ValueError, match="config.json"):
        load(folder)


def test_another_architecture(folder):
    change_config(folder, model_type="llama")
    with pytest.raises(ValueError, match="config.json.*llama"):
        load(folder)


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 50_000, -1])
def test_a_file_that_is_cut_off(folder, keep):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:keep])
    with pytest.raises(UnreadableFile, match="model.safetensors.*fetch it again"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\x08" + bytes(7) + b"[1, 2,3]"])
def test_a_file_of_another_kind(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(UnreadableFile, match="model.safetensors"):
        load_model(folder)


def test_a_missing_weight(folder):
    change_weights(folder, lambda weights: weights.pop(ONE))
    with pytest.raises(WeightMismatch, match=f"{ONE} is missing.*Expected 30 weights, found 29"):
        load_model(folder)


def test_a_weight_too_many(folder):
    change_weights(folder, lambda weights: weights.update({"model.layers.9.mlp.up_proj.weight": mx.ones(3)}))
    with pytest.raises(WeightMismatch, match="model.layers.9.mlp.up_proj.weight has no place in the model"):
        load_model(folder)


def test_a_weight_of_another_shape(folder):
    change_weights(folder, lambda weights: weights.update({ONE: weights[ONE].T}))
    with pytest.raises(WeightMismatch, match=rf"{ONE} has shape \(64, 128\), expected \(128, 64\)"):
        load_model(folder)


def test_a_weight_of_another_type(folder):
    change_weights(folder, lambda weights: weights.update({ONE: weights[ONE].astype(mx.int32)}))
    with pytest.raises(WeightMismatch, match=f"{ONE} holds I32, expected float32 or float16 or bfloat16"):
        load_model(folder)


def test_many_problems_are_counted(folder):
    change_config(folder, num_hidden_layers=2)
    with pytest.raises(WeightMismatch, match="; and 4 more"):
        load_model(folder)


@pytest.mark.parametrize("bits", [None, 4])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number(folder, bits, value):
    def spoil(weights):
        weights[ONE][3, 5] = value
    change_weights(folder, spoil)
    with pytest.raises(NonFiniteWeights, match=f"NaN or infinity in {ONE};"):
        load_model(folder, bits=bits)


def test_the_tokenizer_of_another_model(folder):
    change_config(folder, vocab_size=300)
    with pytest.raises(WeightMismatch, match="the tokenizer has 2048 tokens, config.json says vocab_size 300"):
        load(folder)


@pytest.mark.parametrize("settings, complaint", [(dict(dtype="int8"), "dtype is one of"),
                                                 (dict(dtype="huge"), "dtype is one of"),
                                                 (dict(bits=7), "bits should be one of")])
def test_settings_out_of_range(folder, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        load_model(folder, **settings)


def test_every_error_of_a_checkpoint_is_a_checkpoint_error():
    for error in (UnreadableFile, UnsupportedCheckpoint, WeightMismatch, NonFiniteWeights, UnavailableCheckpoint,
                  NotEnoughMemory):
        assert issubclass(error, CheckpointError) and issubclass(error, ValueError)
