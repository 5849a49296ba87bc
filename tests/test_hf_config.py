"""Every field that transformers' MistralConfig has had: followed, refused by its name, or without effect."""
import json

from mistral_edu.checkpoints.hf_config import COMPUTES, ROPES
from mistral_edu.config import HF_NAMES, MistralConfig

import pytest

TINY = MistralConfig.preset("tiny").to_hf()
# The union of the fields of transformers' MistralConfig, 4.34 to 5.24.
FIELDS = {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "initializer_range",
          "rms_norm_eps", "use_cache", "pad_token_id", "bos_token_id", "eos_token_id", "tie_word_embeddings",
          "rope_theta", "rope_scaling", "rope_parameters", "sliding_window", "attention_dropout", "layer_types"}
# Of a training, of a program, or of how text is chosen: they leave the logits as they are.
WITHOUT_EFFECT = {"initializer_range": 0.5, "use_cache": False, "pad_token_id": 7, "bos_token_id": 1, "eos_token_id": 2,
                  "attention_dropout": 0.1}
OTHERS = {"vocab_size": 4096, "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4,
          "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64, "max_position_embeddings": 2048,
          "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "rope_theta": 5e5, "sliding_window": 64}


def read(**changes):
    return MistralConfig.from_hf({**TINY, **changes})


def test_each_field_is_of_one_kind():
    kinds = [set(HF_NAMES.values()), set(WITHOUT_EFFECT), set(ROPES) | {"layer_types"}, FIELDS & COMPUTES.keys()]
    assert set().union(*kinds) == FIELDS and sum(map(len, kinds)) == len(FIELDS)


@pytest.mark.parametrize("name", OTHERS)
def test_a_number_is_followed(name):
    assert read(**{name: OTHERS[name]}) != read()


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_what_has_no_effect_is_no_obstacle(name):
    assert read(**{name: WITHOUT_EFFECT[name]}) == read()


@pytest.mark.parametrize("name", COMPUTES)
def test_what_would_change_the_computation_is_refused_by_its_name(name):
    for value in ("something", True if False in COMPUTES[name] else 0.5, 7):
        with pytest.raises(ValueError, match=f"^{name} is '?{value}'?"):
            read(**{name: value} | ({"sliding_window": 64} if name == "use_sliding_window" else {}))
    for value in (None, *COMPUTES[name]):
        assert read(**{name: value}) == read()


@pytest.mark.parametrize("place", ROPES)
@pytest.mark.parametrize("other", [{}, {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
                                   {"rope_scaling": {"type": "default"}}])
def test_another_rope_is_refused_wherever_it_stands(place, other):
    for rope in ({"type": "linear", "factor": 4.0}, {"rope_type": "yarn"}, {"rope_type": "default", "type": "dynamic"},
                 {"rope_type": "llama3"}):
        with pytest.raises(ValueError, match=f"rope type is '.*' .{place}"):
            read(**other | {place: rope})
    with pytest.raises(ValueError, match=f"{place} is .*factor.*without a rope_type"):
        read(**other | {place: {"factor": 4.0}})
    with pytest.raises(ValueError, match=f"partial_rotary_factor is 0.5 .{place}"):
        read(**other | {place: {"rope_type": "default", "partial_rotary_factor": 0.5}})
    with pytest.raises(ValueError, match=f"{place} .*full_attention.*without a rope_type"):
        read(**other | {place: {"full_attention": {"rope_type": "default"}, "sliding_attention": {}}})


@pytest.mark.parametrize("place", ROPES)
def test_the_base_of_rope_is_followed_wherever_it_stands(place):
    assert read(**{place: {"rope_theta": 500.0}}).rope_theta == 500.0
    assert read(**{place: {"rope_type": "default", "rope_theta": 500.0, "factor": 1.0}}).rope_theta == 500.0
    assert read(**{place: None}).rope_theta == read(**{place: {}}).rope_theta == 10000.0


def test_two_bases_of_rope_are_refused():
    with pytest.raises(ValueError, match="rope_theta is 500.0 in rope_parameters and 700.0 in rope_scaling"):
        read(rope_parameters={"rope_theta": 500.0}, rope_scaling={"type": "default", "rope_theta": 700.0})


def test_layer_types_have_to_agree_with_the_window():
    sliding, full = ["sliding_attention"] * 8, ["full_attention"] * 8
    assert read(layer_types=sliding) == read()
    assert read(layer_types=full, sliding_window=None) == read(sliding_window=None)
    for types, window in ((full, 128), (sliding, None), (["full_attention", "sliding_attention"] * 4, 128),
                          ("full", 1)):
        with pytest.raises(ValueError, match="layer_types is .* and sliding_window is"):
            read(layer_types=types, sliding_window=window)


@pytest.mark.parametrize("name, value", [("rope_theta", 1e-300), ("rope_theta", 1e300), ("rms_norm_eps", 1e300),
                                         ("rms_norm_eps", 1e-300)])
def test_numbers_that_cannot_compute_are_refused(name, value):
    with pytest.raises(ValueError, match="should be a number from .* to .*, beyond which float32 computes nothing"):
        read(**{name: value})


def test_a_message_has_the_names_of_the_file():
    with pytest.raises(ValueError, match="got 0 .window_size is called sliding_window there"):
        read(sliding_window=0)


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "\xff", '{"a": ', "null"])
def test_what_is_no_json_object_is_an_error_of_ours(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match="config.json"):
        MistralConfig.from_json(path)


def test_no_message_is_longer_than_a_screen(tmp_path):
    path = tmp_path / "config.json"
    for name in ("hidden_size", "rope_theta", "hidden_act", "rope_scaling", "layer_types", "sliding_window"):
        for long in ("x" * 20000, ["x"] * 5000, {"x" * 9000: 1}):
            path.write_text(json.dumps({**TINY, name: long}))
            with pytest.raises(ValueError) as caught:
                MistralConfig.from_json(path)
            assert len(str(caught.value)) < 1000
