"""Fewer bits per weight: groups of neighbours share a scale and a lowest value, each weight becomes a small integer.

weight = scale * q + bias, q in 0 .. 2**bits - 1, one scale and one bias per `group_size` weights of a row, as `mx.quantize`
computes them. At 4 bit in groups of 64 with 16-bit scales, a weight costs 4 + 32/64 = 4.5 bits.
"""
import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)
QUANTIZED = (nn.QuantizedLinear, nn.QuantizedEmbedding)


def quantize(model, bits=4, group_size=64):
    """Replace every nn.Linear and nn.Embedding of the model by its quantized form, in place; returns the model.

    Raises ValueError for bits or a group size that MLX lacks, a row that groups do not fill, or a quantized model.
    """
    check_bits(bits, group_size)
    leaves = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    for name, module in leaves:
        if isinstance(module, QUANTIZED):
            raise ValueError(f"{name} already has {module.bits}-bit weights; load the model in 16 bit, or dequantize it, first")
        if isinstance(module, (nn.Linear, nn.Embedding)) and module.weight.shape[-1] % group_size:
            raise ValueError(f"{name} has rows of {module.weight.shape[-1]} weights, which groups of {group_size} do not fill; "
                             f"choose a group_size that divides {module.weight.shape[-1]} among {GROUP_SIZES}")
    nn.quantize(model, group_size, bits, class_predicate=lambda _, m: isinstance(m, (nn.Linear, nn.Embedding)))
    return model


def dequantize(model, dtype=mx.float32):
    """A new Model with float weights: the numbers that the quantized one computes with, as `dtype`.

    The model itself stays as it is. If it is not quantized, the new one is a copy with its weights cast.
    """
    weights = []
    for name, module in model.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(module, QUANTIZED):
            weights.append((f"{prefix}weight", dequantized_weight(module).astype(dtype)))
        else:
            own = {key: value for key, value in module.items() if isinstance(value, mx.array)}
            weights += [(f"{prefix}{key}", value.astype(dtype)) for key, value in own.items()]
    copy = type(model)(model.config)
    copy.load_weights(weights)
    mx.eval(copy.parameters())
    return copy


def dequantized_weight(module):
    """The float weight (rows, columns) of one quantized layer.

    A quantized product multiplies with scale * q + bias in fp32. An embedding hands out its rows in the dtype of its
    scales, so there they are rounded to it.
    """
    looked_up = isinstance(module, nn.QuantizedEmbedding)
    scales, biases = (a if looked_up else a.astype(mx.float32) for a in (module.scales, module.biases))
    return mx.dequantize(module.weight, scales, biases, group_size=module.group_size, bits=module.bits)


def quantization(model):
    """{"bits": 4, "group_size": 64} for a model quantized so, None for a float model."""
    for module in model.modules():
        if isinstance(module, QUANTIZED):
            return {"bits": module.bits, "group_size": module.group_size}
    return None


def size_in_bytes(model):
    """Bytes that the weights take, scales and biases of quantized groups included."""
    return sum(value.nbytes for _, value in tree_flatten(model.parameters()))


def check_bits(bits, group_size):
    """Raise ValueError unless MLX has groups of this size with this many bits."""
    if bits not in BITS:
        raise ValueError(f"bits should be one of {', '.join(map(str, BITS))}; got {bits!r}")
    if group_size not in GROUP_SIZES:
        raise ValueError(f"group_size should be one of {', '.join(map(str, GROUP_SIZES))}; got {group_size!r}")
