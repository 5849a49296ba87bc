"""The layout in which Mistral AI publishes: the same model as from the other, to the last bit; errors in its words."""
import json

from mistral_edu import MistralConfig, convert, generate, load, load_config, load_model, load_tokenizer
from mistral_edu.checkpoints.authors_layout import as_hugging_face
from mistral_edu.checkpoints.errors import (
    NonFiniteWeights,
    NotEnoughMemory,
    UnreadableFile,
    UnsupportedCheckpoint,
    WeightMismatch,
)
from mistral_edu.checkpoints.weights import read_one_by_one
from mistral_edu.commands import main
from small_authors import (
    CONSOLIDATED,
    CONSOLIDATED_INDEX,
    PARAMS,
    authors_weights,
    their_logits,
    write_authors,
    write_small_tekken,
)
from small_checkpoints import CONFIG, WEIGHTS, change_json, change_weights, same_weights, weights_of, write_checkpoint
from small_models import memory_held, random_model

import mlx.core as mx
import numpy as np
import pytest

pytestmark = pytest.mark.slow

TOKENS = [1, 5, 900, 17, 44, 1023, 5, 8, 300, 2]
ONE = "layers.1.feed_forward.w3.weight"  # the weight that tests damage
LAYOUTS = {"one file": dict(), "two files": dict(files=("consolidated.00.safetensors", "consolidated.01.safetensors")),
           "two files and their index": dict(index=True, files=("consolidated-00001-of-00002.safetensors",
                                                                "consolidated-00002-of-00002.safetensors"))}


@pytest.fixture(scope="module")
def original():
    return random_model(window_size=6)


@pytest.fixture
def folder(original, tmp_path):
    return write_authors(tmp_path / "authors", original)


def hugging_face(folder, model, dtype=mx.float32):
    """The same model as Hugging Face lays it out."""
    write_checkpoint(folder, model)
    change_weights(folder, lambda weights: weights.update({n: w.astype(dtype) for n, w in weights.items()}))
    return folder


def logits(model):
    return model(mx.array([TOKENS]))


# --- what works ---

def test_logits_are_those_that_the_authors_arithmetic_gives(folder, original):
    params = json.loads((folder / PARAMS).read_text()) | {"rope_theta": 10000.0}
    theirs = their_logits(params, mx.load(str(folder / CONSOLIDATED)), TOKENS)
    assert np.abs(np.array(logits(load_model(folder))[0]) - theirs).max() < 1e-4
    without_turning = their_logits(params | {"rope_theta": 1e300}, authors_weights(original), TOKENS)
    assert np.abs(without_turning - theirs).max() > 0.1  # or the order of the rows would not matter


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_the_model_of_the_hugging_face_folder_to_the_last_bit(original, tmp_path, layout, dtype):
    theirs = load_model(write_authors(tmp_path / "authors", original, dtype=dtype, **LAYOUTS[layout]))
    ours = load_model(hugging_face(tmp_path / "hf", original, dtype))
    assert theirs.config == ours.config and same_weights(theirs, ours)
    assert {weight.dtype for weight in weights_of(theirs).values()} == {dtype}
    assert mx.array_equal(logits(theirs), logits(ours))


@pytest.mark.parametrize("settings", [dict(bits=4), dict(bits=8), dict(dtype="bfloat16"), dict(window_size=3)], ids=str)
def test_it_loads_with_the_same_settings(original, folder, tmp_path, settings):
    theirs, ours = load_model(folder, **settings), load_model(hugging_face(tmp_path / "hf", original), **settings)
    assert same_weights(theirs, ours) and mx.array_equal(logits(theirs), logits(ours))


def test_load_gives_a_tokenizer_as_well_and_the_model_answers(folder):
    model, tokenizer = load(folder)
    assert (tokenizer.version, tokenizer.vocab_size, tokenizer.path.name) == ("v3", 1030, "tekken.json")
    assert load_tokenizer(folder).encode("Hello") == tokenizer.encode("Hello")
    assert generate(model, tokenizer, "Hello", max_tokens=3, raw=True) == generate(
        model, tokenizer, tokenizer.encode("Hello"), max_tokens=3)


def test_tied_embeddings_need_no_output(tmp_path):
    tied = random_model(tie_embeddings=True)
    folder = write_authors(tmp_path / "authors", tied)
    assert same_weights(load_model(folder), tied)
    change_weights(folder, lambda weights: weights.update({"output.weight": weights["tok_embeddings.weight"]}),
                   CONSOLIDATED)
    assert same_weights(load_model(folder), tied)  # a stored copy is not used


def test_of_both_layouts_in_one_folder_config_json_wins(folder, tmp_path):
    other = random_model(seed=1)
    write_checkpoint(folder, other)
    (folder / CONSOLIDATED).write_text("not even a safetensors file")
    assert load_config(folder) == other.config and same_weights(load_model(folder), other)


@pytest.mark.parametrize("bits", [None, 4])
def test_a_converted_copy_is_that_of_the_hugging_face_folder(original, folder, tmp_path, bits):
    theirs = convert(folder, tmp_path / "a", bits=bits)
    ours = convert(hugging_face(tmp_path / "hf", original), tmp_path / "b", bits=bits)
    assert {file.name for file in theirs.iterdir()} == {CONFIG, WEIGHTS, "tekken.json"}
    assert (theirs / WEIGHTS).read_bytes() == (ours / WEIGHTS).read_bytes()
    assert json.loads((theirs / CONFIG).read_text()) == json.loads((ours / CONFIG).read_text())
    model, tokenizer = load(theirs)
    assert same_weights(model, load_model(folder, dtype="bfloat16", bits=bits)) and tokenizer.version == "v3"
    convert(folder, theirs, bits=bits, overwrite=True)


def test_a_copy_in_the_stored_type_says_so(tmp_path):
    out = convert(write_authors(tmp_path / "authors", dtype=mx.float16), tmp_path / "out", bits=None, dtype=None)
    assert json.loads((out / CONFIG).read_text())["torch_dtype"] == "float16"
    assert {weight.dtype for weight in mx.load(str(out / WEIGHTS)).values()} == {mx.float16}


def test_the_command_line_takes_such_a_folder(folder, tmp_path, capsys):
    assert main.main(["convert", str(folder), str(tmp_path / "out"), "--bits", "8"]) == 0
    capsys.readouterr()
    for model in (folder, tmp_path / "out"):
        ended = main.main(["generate", "Hello", "--model", str(model), "--max-tokens", "3"])
        assert ended == 0, capsys.readouterr().err


def test_weights_are_read_one_at_a_time(tmp_path):
    """And so are those whose rows move: as read, as moved, and the one before."""
    n, size = 12, 1 << 20
    names = [f"layers.{i}.attention.wq.weight" for i in range(n)]
    mx.save_safetensors(str(tmp_path / CONSOLIDATED), {name: mx.full((1024, size // 1024), 1.0) for name in names})
    weights = mx.load(str(tmp_path / CONSOLIDATED))
    config = MistralConfig(dim=1024, n_layers=n, head_dim=64, hidden_dim=64, n_heads=16, n_kv_heads=4, window_size=None,
                           context_len=64, vocab_size=64)
    parameters = {name: weight.astype(mx.bfloat16) for name, weight in as_hugging_face(weights, config).items()}
    before = memory_held()
    mx.reset_peak_memory()
    assert len([name for name, _ in read_one_by_one(parameters, weights, tmp_path)]) == n
    assert mx.get_peak_memory() - before < 4 * 4 * size  # of 48 * size in all


# --- params.json ---

SEVEN_B = {"dim": 4096, "n_layers": 32, "head_dim": 128, "hidden_dim": 14336, "n_heads": 32, "n_kv_heads": 8,
           "norm_eps": 1e-05}


@pytest.mark.parametrize("preset, params", [
    ("7b-v0.1", {"vocab_size": 32000, "sliding_window": 4096}),  # its authors' code of then had 10000 built in
    ("7b-v0.1", {"vocab_size": 32000, "sliding_window": "4096", "rope_theta": 10000.0}),
    ("7b-v0.2", {"vocab_size": 32000, "rope_theta": 1000000.0}),
    ("7b-v0.3", {"vocab_size": 32768, "rope_theta": 1000000.0}),
    ("7b-v0.3", {"vocab_size": 32768, "sliding_window": None, "rope_theta": None, "moe": None, "use_biases": False,
                 "model_type": "transformer", "max_batch_size": 8, "causal": True})], ids=str)
def test_published_configurations(tmp_path, preset, params):
    (tmp_path / PARAMS).write_text(json.dumps(SEVEN_B | params))
    assert load_config(tmp_path) == MistralConfig.preset(preset)


def test_the_length_that_a_model_is_meant_for(tmp_path):
    (tmp_path / PARAMS).write_text(json.dumps(SEVEN_B | {"vocab_size": 131072, "max_seq_len": 128000}))
    assert load_config(tmp_path).context_len == 128000


@pytest.mark.parametrize("key, value, words", [
    ("moe", {"num_experts": 8, "num_experts_per_tok": 2}, "experts, as Mixtral"), ("use_biases", True, "biases"),
    ("lora", {"rank": 64}, "an adapter"), ("vision_encoder", {"hidden_size": 1024}, "an encoder for pictures"),
    ("quantization", {"qformat_weight": "fp8_e4m3"}, "quantized in a way that is not read here"),
    ("yarn", {"factor": 16}, "scaled by YaRN"), ("kv_lora_rank", 512, "may compute something else"),
    ("model_type", "mamba", "= 'mamba'"), ("sliding_window", [None, 4096], "for the layers in turn")])
def test_what_a_plain_mistral_does_not_have_is_refused_by_name(folder, key, value, words):
    change_json(folder / PARAMS, lambda params: params.update({key: value}))
    with pytest.raises(UnsupportedCheckpoint, match=f"params.json.* {key}.*{words}.*take a Mistral-7B"):
        load(folder)


def test_a_missing_number_is_named(folder):
    change_json(folder / PARAMS, lambda params: (params.pop("hidden_dim"), params.pop("norm_eps")))
    with pytest.raises(ValueError, match="params.json lacks hidden_dim, norm_eps"):
        load(folder)


def test_a_number_out_of_range_is_named(folder):
    change_json(folder / PARAMS, lambda params: params.update(n_kv_heads=3))
    with pytest.raises(ValueError, match="params.json: n_kv_heads should divide n_heads"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "\x00"])
def test_params_that_are_no_json_object(folder, text):
    (folder / PARAMS).write_text(text)
    with pytest.raises(UnreadableFile, match="params.json (is not valid JSON|holds (list|int), where an object)"):
        load(folder)


# --- what is wrong with the weights, in the authors' own names ---

def test_a_missing_weight(folder):
    change_weights(folder, lambda weights: weights.pop(ONE), CONSOLIDATED)
    with pytest.raises(WeightMismatch, match=f"do not fit its params.json: {ONE} is missing.*"
                                             f"Expected 30 weights, found 29 in {CONSOLIDATED}"):
        load_model(folder)


@pytest.mark.parametrize("name", ["layers.9.attention.wq.weight", "layers.0.attention.wq.bias", "model.norm.weight"])
def test_a_weight_too_many(folder, name):
    change_weights(folder, lambda weights: weights.update({name: mx.ones(3)}), CONSOLIDATED)
    with pytest.raises(WeightMismatch, match=f"{name} has no place in the model"):
        load_model(folder)


def test_a_weight_of_another_shape(folder):
    change_weights(folder, lambda weights: weights.update({ONE: weights[ONE].T}), CONSOLIDATED)
    with pytest.raises(WeightMismatch, match=rf"{ONE} has shape \(64, 128\), expected \(128, 64\)"):
        load_model(folder)


@pytest.mark.parametrize("name", [ONE, "layers.2.attention.wk.weight"])
def test_a_weight_that_is_no_number(folder, name):
    def spoil(weights):
        weights[name][3, 5] = float("nan")
    change_weights(folder, spoil, CONSOLIDATED)
    with pytest.raises(NonFiniteWeights, match=f"NaN or infinity in {name};"):
        load_model(folder)


def test_the_memory_check_comes_before_the_first_weight_is_read(folder, monkeypatch):
    def spoil(weights):
        weights[ONE][3, 5] = float("nan")
    change_weights(folder, spoil, CONSOLIDATED)
    monkeypatch.setattr("mistral_edu.checkpoints.memory.machine_memory", lambda: (10**6, 10**6))
    with pytest.raises(NotEnoughMemory, match=f"{folder} needs .* This machine has .* free"):
        load(folder)


def test_a_pickle_is_refused(folder):
    (folder / CONSOLIDATED).rename(folder / "consolidated.00.pth")
    with pytest.raises(UnsupportedCheckpoint, match=f"in consolidated.00.pth only.*pickle.*expected {CONSOLIDATED}"):
        load_model(folder)


def test_an_absent_file_is_named(folder):
    (folder / CONSOLIDATED).unlink()
    with pytest.raises(FileNotFoundError, match=f"{CONSOLIDATED}: no such file, nor {CONSOLIDATED_INDEX}"):
        load_model(folder)


def test_one_weight_in_two_files(folder):
    (folder / "consolidated.00.safetensors").write_bytes((folder / CONSOLIDATED).read_bytes())
    load_model(folder)  # consolidated.safetensors alone is read
    (folder / CONSOLIDATED).rename(folder / "consolidated.01.safetensors")
    with pytest.raises(WeightMismatch, match="lies in two files"):
        load_model(folder)


def test_a_tokenizer_of_another_model(folder):
    write_small_tekken(folder / "tekken.json", n_ranks=3000)
    with pytest.raises(WeightMismatch, match="3030 tokens, params.json says vocab_size 2048; tekken.json and the"):
        load(folder)
