"""Folders of other kinds: the message says what they are, and what to do."""
import json

from mistral_edu import load, load_config
from mistral_edu.checkpoints.errors import UnsupportedCheckpoint, WeightMismatch
from small_checkpoints import change_weights, write_checkpoint

import mlx.core as mx
import pytest


@pytest.mark.parametrize("described, base", [
    ({"base_model_name_or_path": "mistralai/Mistral-7B-v0.1", "peft_type": "LORA"}, "mistralai/Mistral-7B-v0.1"),
    ({"model": "mlx-community/Mistral-7B-v0.3", "fine_tune_type": "lora"}, "mlx-community/Mistral-7B-v0.3"),
    ({}, "a model that it does not name"), ([], "a model that it does not name")])
def test_an_adapter_is_no_model(tmp_path, described, base):
    (tmp_path / "adapter_config.json").write_text(json.dumps(described))
    for read in (load, load_config):
        with pytest.raises(UnsupportedCheckpoint, match=rf"adapter \(LoRA\) for {base}, and no whole model; merge it"):
            read(tmp_path)


def test_an_adapter_beside_a_model_is_left_alone(tmp_path):
    (write_checkpoint(tmp_path) / "adapter_config.json").write_text("{}")
    load(tmp_path)


def test_weights_packed_by_awq_or_gptq_of_which_the_configuration_says_nothing(tmp_path):
    def pack(weights):
        for name in [name for name in weights if "proj" in name]:
            layer = name.removesuffix(".weight")
            del weights[name]
            weights |= {f"{layer}.qweight": mx.zeros((8, 8), mx.int32), f"{layer}.scales": mx.zeros((8, 8))}
    change_weights(write_checkpoint(tmp_path), pack)
    with pytest.raises(UnsupportedCheckpoint, match="hold model.layers.0.mlp.down_proj.qweight.*AWQ or GPTQ.*bits=4"):
        load(tmp_path)


def test_names_without_their_prefix(tmp_path):
    """As an embedding model is saved: no output layer, and names begin with layers."""
    def strip(weights):
        del weights["lm_head.weight"]
        for name in list(weights):
            weights[name.removeprefix("model.")] = weights.pop(name)
    change_weights(write_checkpoint(tmp_path), strip)
    with pytest.raises(WeightMismatch, match='without the prefix "model.": found embed_tokens.weight, expected '
                                             "model.embed_tokens.weight"):
        load(tmp_path)
