"""Folders that MLX quantized: the same logits as mlx-lm, and an error for each way in which they can be wrong."""
from golden.golden_cases import FILE
from mistral_edu import generate, load_model
from mistral_edu.bench.equal import QUANTIZED_BOUND, gap
from mistral_edu.checkpoints.errors import UnsupportedCheckpoint, WeightMismatch
from mistral_edu.quantize import QUANTIZED
from small_checkpoints import ONE, WEIGHTS, change_config, change_json, change_weights, same_weights, write_quantized

import mlx.core as mx
import pytest

LAYER = ONE.removesuffix(".weight")


@pytest.mark.parametrize("name, bits", [("uniform", {4}), ("mixed", {4, 6})])
def test_what_mlx_lm_quantized_gives_the_logits_of_mlx_lm(name, bits):
    folder = FILE.parent / "mlx_lm" / name
    model, golden = load_model(folder), mx.load(str(folder / "logits.safetensors"))
    assert {module.bits for module in model.modules() if isinstance(module, QUANTIZED)} == bits
    assert mx.abs(model(golden["tokens"]) - golden["logits"]).max() < 1e-4  # the largest is about 4


def test_a_quantized_folder_gives_the_weights_that_were_saved(tmp_path):
    quantized = write_quantized(tmp_path)
    model = load_model(tmp_path)
    assert same_weights(model, quantized)
    assert generate(model, None, [5, 6], max_tokens=5) == generate(quantized, None, [5, 6], max_tokens=5)


def test_a_layer_may_stay_in_floats_without_a_word(tmp_path):
    """Older folders do not list layers: what has scales is quantized, the rest is not."""
    model = write_quantized(tmp_path)
    def widen(weights):
        packed = [weights.pop(f"{LAYER}.{part}") for part in ("weight", "scales", "biases")]
        weights[ONE] = mx.dequantize(*packed, group_size=32, bits=4)
    change_weights(tmp_path, widen)
    tokens = mx.array([[5, 6, 7, 8]])
    assert gap(load_model(tmp_path)(tokens), model(tokens)) < QUANTIZED_BOUND


def test_scales_take_the_dtype_and_packed_numbers_stay(tmp_path):
    write_quantized(tmp_path)
    layer = load_model(tmp_path, dtype="bfloat16").layers[1].mlp.up_proj
    assert layer.weight.dtype == mx.uint32 and layer.scales.dtype == layer.biases.dtype == mx.bfloat16


def test_quantizing_twice_is_refused(tmp_path):
    write_quantized(tmp_path)
    with pytest.raises(ValueError, match="already has 4-bit weights"):
        load_model(tmp_path, bits=8)


@pytest.mark.parametrize("settings, complaint", [
    ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quantized by gptq.*take a 16-bit checkpoint"),
    ({"quantization": "4bit"}, "quantization is '4bit'; expected an object"),
    ({"quantization": {"bits": 4}}, "expected bits, one of .* and group_size"),
    ({"quantization": {"bits": 7, "group_size": 32}}, "expected bits, one of"),
    ({"quantization": {"bits": 4, "group_size": 48}}, "group_size, one of"),
    ({"quantization": {"bits": 4, "group_size": 32, "mode": "mxfp4"}}, "in mode 'mxfp4', and only 'affine'"),
    ({"quantization": {"bits": 4, "group_size": 32, "zero_point": True}}, "quantization is .*zero_point"),
    ({"quantization": {"bits": 4, "group_size": 32, LAYER: {"bits": 8, "group_size": 32, "mode": "nvfp4"}}},
     f"{LAYER}: .*nvfp4"),
    ({"quantization": {"bits": 4, "group_size": 32, "model.layers.9.mlp": False}}, "model.layers.9.mlp.*no such layer"),
])
def test_quantization_of_another_kind_is_refused(tmp_path, settings, complaint):
    write_quantized(tmp_path)
    change_json(tmp_path / "config.json", lambda description: (description.pop("quantization"),
                                                               description.update(settings)))
    with pytest.raises(UnsupportedCheckpoint, match=f"config.json.*{complaint}"):
        load_model(tmp_path)


@pytest.mark.parametrize("said", [dict(bits=8, group_size=32), dict(bits=4, group_size=64),
                                  dict(bits=2, group_size=128)])
def test_bits_and_groups_are_compared_with_the_shapes(tmp_path, said):
    write_quantized(tmp_path, bits=4, group_size=32)
    change_config(tmp_path, quantization=said)
    complaint = (f"is quantized to {said['bits']} bits in groups of {said['group_size']}, and the shapes in the files "
                 "are those of 4 bits in groups of 32")
    with pytest.raises(WeightMismatch, match=complaint):
        load_model(tmp_path)


def test_a_layer_that_should_not_be_quantized(tmp_path):
    write_quantized(tmp_path, **{LAYER: False})
    with pytest.raises(WeightMismatch, match=f"{LAYER} is not quantized, and the files hold its scales"):
        load_model(tmp_path)


def test_quantized_weights_that_config_json_does_not_know_of(tmp_path):
    write_quantized(tmp_path)
    change_json(tmp_path / "config.json", lambda description: description.pop("quantization"))
    with pytest.raises(WeightMismatch, match='the weights are quantized, and config.json does not say so'):
        load_model(tmp_path)


def test_floats_that_should_be_quantized(tmp_path):
    write_quantized(tmp_path)
    change_weights(tmp_path, lambda weights: [weights.pop(name) for name in list(weights) if "scales" in name])
    with pytest.raises(WeightMismatch, match="says that the weights are quantized, and the files hold no scales"):
        load_model(tmp_path)


@pytest.mark.parametrize("part", ["weight", "biases"])
def test_a_part_of_a_quantized_layer_is_missing(tmp_path, part):
    write_quantized(tmp_path)
    change_weights(tmp_path, lambda weights: weights.pop(f"{LAYER}.{part}"))
    with pytest.raises(WeightMismatch, match=f"{LAYER}.{part} is missing"):
        load_model(tmp_path)


def test_scales_that_are_no_numbers(tmp_path):
    write_quantized(tmp_path)
    def spoil(weights):
        weights[f"{LAYER}.scales"][0, 0] = float("inf")
    change_weights(tmp_path, spoil, WEIGHTS)
    with pytest.raises(ValueError, match=f"NaN or infinity in {LAYER}.scales"):
        load_model(tmp_path)
