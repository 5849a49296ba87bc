"""The model's weights as compiled code sees them: an address, a form, and a hold on the memory at that address.

MLX frees or reuses memory as soon as no array needs it, and `weight *= 2` gives an array different memory while the
Python object stays. So a view keeps an array of its own over the same memory, an alias: while it lives, the numbers
stay as they are, and MLX writes changed ones elsewhere.
"""
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.fast.changes import address
from mistral_edu.quantize import FLOAT, QUANTIZED

FLOAT_BITS = {mx.float32: 32, mx.bfloat16: 16}
QUANTIZED_BITS = (8, 4)


class NotSupported(ValueError):
    """The weights have a form that the kernels do not read, such as float16 or another number of bits."""


@dataclass(frozen=True)
class Matrix:
    """A weight (rows, width). bits: 32 float32, 16 bfloat16, 8 and 4 quantized; w, scales, biases: addresses."""

    rows: int
    width: int
    bits: int
    w: int
    alive: tuple            # the aliases
    group_size: int = 0
    scales: int = 0
    biases: int = 0
    narrow: bool = False    # whether scales and biases are bfloat16

    @property
    def is_quantized(self):
        return self.group_size > 0

    @property
    def row_bytes(self):
        """How many bytes of memory a row takes."""
        groups = self.width // self.group_size if self.is_quantized else 0
        return self.width * self.bits // 8 + 2 * groups * (2 if self.narrow else 4)


def alias(array):
    """An array of its own over the same memory, as rows without gaps (where the array has gaps: over a copy)."""
    own = mx.contiguous(array[:])
    mx.eval(own)
    return own


def matrix(layer):
    """The Matrix of an nn.Linear, nn.Embedding or their quantized forms. Raises NotSupported."""
    if "bias" in layer:
        raise NotSupported("a linear layer with a bias")
    weight = alias(layer.weight)
    if not isinstance(layer, QUANTIZED):
        if weight.dtype not in FLOAT_BITS:
            raise NotSupported(f"weights in {weight.dtype}")
        return Matrix(*weight.shape, FLOAT_BITS[weight.dtype], address(weight), (weight,))
    if getattr(layer, "mode", "affine") != "affine" or layer.bits not in QUANTIZED_BITS:
        raise NotSupported(f"weights in {layer.bits} bit, mode {getattr(layer, 'mode', 'affine')}")
    scales, biases = alias(layer.scales), alias(layer.biases)
    if scales.dtype not in FLOAT_BITS or scales.dtype != biases.dtype:
        raise NotSupported(f"scales in {scales.dtype}")
    rows, words = weight.shape
    return Matrix(rows, words * 32 // layer.bits, layer.bits, address(weight), (weight, scales, biases),
                  layer.group_size, address(scales), address(biases), scales.dtype == mx.bfloat16)


def why_not(model):
    """Which weights of a model the kernels do not read, in words: "weights in mlx.core.float16". "" for none."""
    for module in model.modules():
        if isinstance(module, FLOAT + QUANTIZED):
            try:
                matrix(module)
            except NotSupported as error:
                return str(error)
    return ""
