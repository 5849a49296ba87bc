"""The configuration: presets, the way from and to Hugging Face, and errors that help."""
import json
from dataclasses import replace

from mistral_edu.config import HF_DEFAULTS, HF_NAMES, PRESETS, MistralConfig

import pytest

TINY = MistralConfig.preset("tiny")
PUBLISHED = {  # the config.json that Mistral AI publishes with each 7B, as far as it concerns us
    "7b-v0.1": {"sliding_window": 4096, "vocab_size": 32000, "rope_theta": 10000.0},
    "7b-v0.2": {"sliding_window": None, "vocab_size": 32000, "rope_theta": 1000000.0},
    "7b-v0.3": {"sliding_window": None, "vocab_size": 32768, "rope_theta": 1000000.0},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_are_the_published_configurations(name):
    published = {"model_type": "mistral", "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
                 "max_position_embeddings": 32768, "num_attention_heads": 32, "num_hidden_layers": 32,
                 "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "tie_word_embeddings": False, **PUBLISHED[name]}
    assert MistralConfig.from_hf(published) == MistralConfig.preset(name)  # head_dim 128 follows from 4096 / 32


@pytest.mark.parametrize("name, n_parameters", [("7b-v0.1", 7_241_732_096), ("7b-v0.2", 7_241_732_096),
                                                ("7b-v0.3", 7_248_023_552), ("tiny", 7_868_672)])
def test_presets_have_the_published_number_of_parameters(name, n_parameters):
    assert MistralConfig.preset(name).n_parameters == n_parameters


def test_the_embedded_and_the_benchmark_model():
    assert (TINY.dim, TINY.n_layers, TINY.n_heads, TINY.n_kv_heads, TINY.head_dim, TINY.hidden_dim, TINY.vocab_size,
            TINY.window_size, TINY.context_len) == (256, 8, 8, 2, 32, 896, 2048, 128, 1024)
    bench = MistralConfig.preset("230m")
    assert (bench.dim, bench.n_layers, bench.n_heads, bench.n_kv_heads, bench.head_dim, bench.hidden_dim,
            bench.vocab_size, bench.window_size) == (1024, 12, 16, 4, 64, 3584, 32768, None)
    assert 225e6 < bench.n_parameters < 235e6
    assert not any(MistralConfig.preset(name).tie_embeddings for name in PRESETS)


def test_derived_numbers():
    seven = MistralConfig.preset("7b-v0.1")
    assert seven.n_rep == 4
    assert seven.kv_bytes_per_token() == 131_072
    assert seven.kv_bytes_per_token(bytes_per_number=4) == 262_144
    tied = replace(TINY, tie_embeddings=True)
    assert TINY.n_parameters - tied.n_parameters == TINY.vocab_size * TINY.dim


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match="7b-v9.*7b-v0.1.*tiny"):
        MistralConfig.preset("7b-v9")


@pytest.mark.parametrize("name", PRESETS)
def test_to_hf_and_back(name):
    config = MistralConfig.preset(name)
    hf = config.to_hf()
    assert MistralConfig.from_hf(json.loads(json.dumps(hf))) == config
    assert (hf["architectures"], hf["model_type"], hf["bos_token_id"], hf["eos_token_id"], hf["torch_dtype"]) == \
        (["MistralForCausalLM"], "mistral", 1, 2, "bfloat16")


def test_gaps_are_filled_as_transformers_does():
    hf = TINY.to_hf()
    for ours in HF_DEFAULTS:
        del hf[HF_NAMES[ours]]
    hf["head_dim"] = hf["num_key_value_heads"] = None
    filled = MistralConfig.from_hf(hf)
    assert (filled.window_size, filled.context_len, filled.rope_theta, filled.norm_eps, filled.tie_embeddings) == \
        (4096, 131072, 10000.0, 1e-6, False)
    assert (filled.head_dim, filled.n_kv_heads) == (32, 8)
    del hf["head_dim"]
    assert MistralConfig.from_hf(hf).head_dim == 32


def test_the_place_where_transformers_5_writes_rope_theta():
    hf = TINY.to_hf()
    del hf["rope_theta"]
    hf["rope_parameters"] = {"rope_theta": 500.0, "rope_type": "default"}
    assert MistralConfig.from_hf(hf).rope_theta == 500.0


@pytest.mark.parametrize("change, message", [
    ({"n_heads": 6, "n_kv_heads": 4}, "n_kv_heads should divide n_heads.*n_heads = 6, n_kv_heads = 4"),
    ({"head_dim": 33}, "head_dim should be even.*33"),
    ({"dim": 0}, "dim should be a whole number of at least 1; got 0"),
    ({"n_layers": 8.0}, "n_layers should be a whole number.*8.0"),
    ({"vocab_size": "2048"}, "vocab_size should be a whole number.*'2048'"),
    ({"hidden_dim": True}, "hidden_dim should be a whole number.*True"),
    ({"window_size": 0}, "window_size should be.*None for no window; got 0"),
    ({"rope_theta": -1.0}, "rope_theta should be a number above 0; got -1.0"),
    ({"rope_theta": None}, "rope_theta should be a number above 0; got None"),
    ({"norm_eps": float("nan")}, "norm_eps should be a number above 0; got nan"),
    ({"n_layers": 10**9}, "n_layers should be at most 1,000; got 1,000,000,000"),
    ({"vocab_size": 2**31}, "vocab_size should be at most 2,147,483,647"),
    ({"window_size": 10**30}, "window_size should be at most 2,147,483,647"),
    ({"tie_embeddings": 1}, "tie_embeddings should be True or False; got 1"),
])
def test_numbers_out_of_range_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)


@pytest.mark.parametrize("change, message", [
    ({"model_type": "mixtral"}, "model_type is 'mixtral'.*'mistral' only"),
    ({"hidden_act": "gelu"}, "hidden_act is 'gelu'.*'silu' only"),
    ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope type is 'linear'"),
    ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope type is 'yarn'"),
    ({"rope_scaling": "linear"}, "rope_scaling should be a JSON object.*'linear'"),
    ({"head_dim": None, "hidden_size": 250}, "250 is not a multiple of num_attention_heads = 8; state head_dim"),
    ({"head_dim": None, "num_attention_heads": "8"}, "num_attention_heads should be a whole number.*'8'"),
    ({"num_hidden_layers": None}, "n_layers should be a whole number.*None"),
])
def test_another_architecture_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        MistralConfig.from_hf({**TINY.to_hf(), **change})


def test_missing_numbers_are_named_all_at_once():
    hf = TINY.to_hf()
    del hf["hidden_size"], hf["vocab_size"]
    with pytest.raises(ValueError, match="lacks hidden_size, vocab_size"):
        MistralConfig.from_hf(hf)
    with pytest.raises(ValueError, match="JSON object.*found list"):
        MistralConfig.from_hf([1, 2])


def test_from_json_names_the_file(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match="config.json"):
        MistralConfig.from_json(path)
    path.write_text("{not json")
    with pytest.raises(ValueError, match="config.json is not valid JSON"):
        MistralConfig.from_json(path)
    path.write_text(json.dumps({**TINY.to_hf(), "vocab_size": -5}))
    with pytest.raises(ValueError, match=r"config.json: vocab_size .* -5"):
        MistralConfig.from_json(str(path))
    path.write_text(json.dumps(TINY.to_hf()))
    assert MistralConfig.from_json(path) == TINY
