"""Fewer bits per weight: each becomes a small integer, and groups of neighbours share a scale and a bias.

weight = scale * q + bias with q in 0 .. 2**bits - 1: the bias is the end of the group's range that is farther from 0,
and the scale leads toward the other end, adjusted so that, where weights have both signs, one of the levels is 0. A
group is `group_size` neighbours in a row of the matrix; mx.quantize does the arithmetic. With 4 bits, groups of 64 and
a 16-bit scale and bias, a weight costs 4 + (16 + 16) / 64 = 4.5 bits.
"""
from copy import deepcopy
from typing import TypeVar

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map

BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)
FLOAT = (nn.Linear, nn.Embedding)
AnyModule = TypeVar("AnyModule", bound=nn.Module)
QUANTIZED = (nn.QuantizedLinear, nn.QuantizedEmbedding)


def quantize(model: AnyModule, bits: int = 4, group_size: int = 64) -> AnyModule:
    """Replace every nn.Linear and nn.Embedding of the model by its quantized form, in place; returns the model.

    bits: 2, 3, 4, 5, 6 or 8; group_size: 32, 64 or 128. Norms stay as they are: they are small and scale everything.
    Raises ValueError, and leaves the model unchanged, for other numbers, for a layer whose rows do not divide into
    groups, and for a model that is already quantized.
    """
    check_bits(bits, group_size)
    for name, module in model.named_modules():
        if isinstance(module, QUANTIZED):
            raise ValueError(f"{name} already has {module.bits}-bit weights, and rounding twice only adds error; "
                             f"load the 16-bit model again")
    check_widths(model, group_size)
    nn.quantize(model, group_size, bits, class_predicate=lambda _, module: isinstance(module, FLOAT))
    return model


def dequantize(model, dtype=mx.float32):
    """A new model with float weights: the numbers with which the quantized one computes, as `dtype`.

    The model itself stays as it is. If it is not quantized, the new one is a copy with its weights cast.
    """
    copy = deepcopy(model)
    layers = tree_map(lambda module: float_layer(module) if isinstance(module, QUANTIZED) else module,
                      copy.leaf_modules(), is_leaf=nn.Module.is_module)
    copy.update_modules(layers)
    copy.set_dtype(dtype)
    mx.eval(copy.parameters())
    return copy


def float_layer(quantized):
    """The nn.Linear or nn.Embedding that a quantized layer stands for."""
    weight = dequantized_weight(quantized)  # (rows, columns)
    rows, columns = weight.shape
    layer = nn.Embedding(rows, columns) if looks_up(quantized) else nn.Linear(columns, rows, bias=False)
    layer.weight = weight
    return layer


def dequantized_weight(quantized):
    """The float weight (rows, columns) of one quantized layer.

    A product multiplies by scale * q + bias in fp32, not rounded to the 16 bits that scales may have. An embedding
    returns its rows in the dtype of its scales, so there they are rounded to it.
    """
    scales, biases = quantized.scales, quantized.biases
    if not looks_up(quantized):
        scales, biases = scales.astype(mx.float32), biases.astype(mx.float32)
    return mx.dequantize(quantized.weight, scales, biases, group_size=quantized.group_size, bits=quantized.bits)


def looks_up(quantized):
    """Whether a quantized layer is an embedding, which looks rows up; otherwise it is a linear layer."""
    return isinstance(quantized, nn.QuantizedEmbedding)


def quantization(model):
    """For example {"bits": 4, "group_size": 64} for a quantized model; None for a float model."""
    for module in model.modules():
        if isinstance(module, QUANTIZED):
            return {"bits": module.bits, "group_size": module.group_size}
    return None


def size_in_bytes(model):
    """Bytes that the weights take, scales and biases of quantized groups included."""
    return sum(value.nbytes for _, value in tree_flatten(model.parameters()))


def check_bits(bits, group_size):
    """Raise ValueError unless MLX has this number of bits and this group size."""
    if bits not in BITS:
        raise ValueError(f"bits should be one of {', '.join(map(str, BITS))}; got {bits!r}")
    if group_size not in GROUP_SIZES:
        raise ValueError(f"group_size should be one of {', '.join(map(str, GROUP_SIZES))}; got {group_size!r}")


def check_widths(model, group_size):
    """Raise ValueError unless the rows of every layer divide into groups of this size."""
    widths = {name: module.weight.shape[-1] for name, module in model.named_modules() if isinstance(module, FLOAT)}
    for name, width in widths.items():
        if width % group_size:
            fitting = [size for size in GROUP_SIZES if all(width % size == 0 for width in widths.values())]
            advice = f"group_size = {fitting[-1]} fits every layer" if fitting else "no group size fits every layer"
            raise ValueError(f"{name} has rows of {width} weights, which groups of {group_size} do not fill; {advice}")
