"""Quantizing a model: which layers, how large, how exact, the way back, and errors that help."""
from golden.models import gap, random_model, random_tokens
from mistral_edu.quantize import BITS, QUANTIZED, dequantize, quantization, quantize, size_in_bytes

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten


def wide_model(**changes):
    """Rows of 64, 96 and 128 weights: groups of 32 fill them all."""
    return random_model(dim=64, hidden_dim=96, head_dim=32, **changes)


TOKENS = random_tokens(1, 9)


def test_every_linear_layer_and_the_embedding_are_quantized_in_place():
    model = wide_model()
    names = {name for name, m in model.named_modules() if isinstance(m, (nn.Linear, nn.Embedding))}
    assert quantize(model, bits=4, group_size=32) is model
    quantized = {name for name, m in model.named_modules() if isinstance(m, QUANTIZED)}
    assert quantized == names and len(names) == 2 * 7 + 2  # q k v o gate up down in two layers, embedding, output
    assert quantization(model) == {"bits": 4, "group_size": 32}
    assert quantization(wide_model()) is None


def test_more_bits_come_closer():
    model = wide_model()
    exact = model(TOKENS)
    gaps = [gap(quantize(wide_model(), bits, 32)(TOKENS), exact) for bits in (2, 4, 8)]
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] > 0
    assert gaps[2] < 0.03


@pytest.mark.parametrize("bits", BITS)
def test_a_group_is_scale_times_integer_plus_bias(bits):
    model = quantize(wide_model(), bits, 32)
    layer, original = model.layers[0].mlp.up_proj, np.array(wide_model().layers[0].mlp.up_proj.weight)
    scales, biases = (np.repeat(np.array(a), 32, axis=1) for a in (layer.scales, layer.biases))
    restored = np.array(dequantize(model).layers[0].mlp.up_proj.weight)
    integers = (restored - biases) / scales
    assert np.abs(integers - np.rint(integers)).max() < 1e-3
    assert integers.min() > -0.5 and integers.max() < 2**bits - 0.5
    assert np.all(np.abs(restored - original) <= np.abs(scales) * 1.001 + 1e-6)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("bits", [8, 4])
def test_the_dequantized_model_computes_what_the_quantized_one_does(bits, tied):
    model = quantize(wide_model(tie_embeddings=tied), bits, 32)
    before = model(TOKENS)
    restored = dequantize(model)
    assert restored is not model and quantization(restored) is None
    assert gap(restored(TOKENS), before) < 1e-5
    assert mx.array_equal(model(TOKENS), before) and quantization(model) == {"bits": bits, "group_size": 32}


def test_16_bit_scales_are_taken_as_the_layers_take_them():
    model = wide_model()
    model.set_dtype(mx.bfloat16)
    restored = dict(dequantize(quantize(model, 4, 32)).named_modules())
    for name, layer in model.named_modules():
        if isinstance(layer, nn.QuantizedLinear):
            one_input_each = mx.eye(restored[name].weight.shape[1])  # fp32, so products are not rounded
            assert mx.array_equal(layer(one_input_each).T, restored[name].weight), name
    ids = mx.arange(model.config.vocab_size)
    assert mx.array_equal(restored["model.embed_tokens"](ids), model.model.embed_tokens(ids).astype(mx.float32))


def test_a_float_model_is_copied_and_cast():
    model = wide_model()
    copy = dequantize(model, mx.bfloat16)
    assert copy is not model
    for (name, a), (other, b) in zip(tree_flatten(copy.parameters()), tree_flatten(model.parameters())):
        assert name == other and a.dtype == mx.bfloat16 and b.dtype == mx.float32
        assert mx.array_equal(a, b.astype(mx.bfloat16))
    copy.layers[0].mlp.up_proj.weight = mx.zeros_like(copy.layers[0].mlp.up_proj.weight)
    assert mx.abs(model.layers[0].mlp.up_proj.weight).max().item() > 0


def test_the_copy_keeps_what_was_changed_in_the_model():
    model = quantize(wide_model(), 8, 32)
    before = model(TOKENS)
    for layer in model.layers:
        layer.self_attn.rotate = lambda x, offset, theta: x  # no positions
    assert gap(model(TOKENS), before) > 0.01
    assert gap(dequantize(model)(TOKENS), model(TOKENS)) < 1e-5


def test_size_in_bytes_counts_bits_scales_and_biases():
    model = wide_model()
    config = model.config
    assert size_in_bytes(model) == 4 * config.n_parameters
    model.set_dtype(mx.bfloat16)
    assert size_in_bytes(model) == 2 * config.n_parameters
    norms = (2 * config.n_layers + 1) * config.dim
    for bits in (8, 4):
        quantized = quantize(dequantize(model, mx.bfloat16), bits, 32)
        assert size_in_bytes(quantized) == (config.n_parameters - norms) * (bits + 2 * 16 / 32) / 8 + 2 * norms


def test_it_refuses_to_quantize_twice():
    model = quantize(wide_model(), 8, 32)
    with pytest.raises(ValueError, match="already has 8-bit weights.*load the 16-bit model again"):
        quantize(model, 4, 32)
    assert quantization(model) == {"bits": 8, "group_size": 32}


@pytest.mark.parametrize("bits, group_size, message", [
    (7, 32, "bits should be one of 2, 3, 4, 5, 6, 8; got 7"),
    ("4", 32, "bits should be one of .* got '4'"),
    (4, 16, "group_size should be one of 32, 64, 128; got 16"),
    (4, 64, r"mlp.down_proj has rows of 96 weights.*groups of 64 do not fill; group_size = 32 fits every layer"),
])
def test_wrong_numbers_are_named_and_nothing_is_changed(bits, group_size, message):
    model = wide_model()
    with pytest.raises(ValueError, match=message):
        quantize(model, bits, group_size)
    assert quantization(model) is None


def test_a_model_that_no_group_size_fits_is_told_so():
    with pytest.raises(ValueError, match="no group size fits every layer"):
        quantize(random_model(), group_size=32)


def test_gradients_flow_through_a_quantized_model_to_what_is_still_float():
    model = quantize(wide_model(), 8, 32)
    loss = lambda model: nn.losses.cross_entropy(model(TOKENS[:, :-1]), TOKENS[:, 1:], reduction="mean")
    _, gradient = nn.value_and_grad(model, loss)(model)
    trained = {name for name, _ in tree_flatten(gradient)}
    assert trained == {name for name, _ in tree_flatten(model.trainable_parameters())}
    assert all("norm" in name for name in trained)
    assert all(mx.abs(g).max().item() > 0 for _, g in tree_flatten(gradient))
