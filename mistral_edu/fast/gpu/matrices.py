"""Weights as the engine multiplies with them. Those that meet the same input lie one below the other, as one matrix.

A token's time on a GPU is spent on starting kernels as much as in them, so one product for queries, keys and values is
better than three. There is no second copy: the model's own parameters become views, runs of rows of the whole.

Quantized weights meet few rows of x in `mx.quantized_matmul`, which reads them packed. For many rows each weight is
unpacked first, and then multiplied as a float one is, which is faster. What is few depends on MLX's kernels. On NVIDIA
those for more than a few rows take long to compile when they are first used, and most are slow; unpacking does
without. On Apple's GPUs they are there, and to write and read all weights in 16 bit pays for long prompts alone.
"""
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mistral_edu.quantize import QUANTIZED

ON_NVIDIA = mx.cuda.is_available()
FEW = 8 if ON_NVIDIA else 256       # rows of x in a prompt, below which a quantized weight is not unpacked
SIDE_BY_SIDE = 24                   # sequences, a token of each, up to which it never is
# In one product with packed weights, rows of x and of the weight. MLX's quickest kernels for NVIDIA take no more; with
# fewer than 8 rows of x, but more than one, others answer.
AT_ONCE = 8 if ON_NVIDIA else FEW
MOST_ROWS = 16_384 if ON_NVIDIA else 1 << 30

ARRAYS = ("weight", "scales", "biases")


@dataclass(frozen=True)
class Matrix:
    """A weight (rows, width): `arrays` is the float array alone, or packed integers, scales and biases."""

    arrays: tuple
    packing: dict | None    # bits, group_size and mode of a quantized weight
    pieces: tuple           # the arrays again, in runs of at most MOST_ROWS rows
    columns: mx.array | None = None     # a float weight transposed: a view, made once instead of at each product

    def __call__(self, x):
        """x (..., width) -> (..., rows)."""
        if self.packing is None:
            return x @ self.columns
        if has_few_rows(x):
            return self.packed(x) if x.ndim == 2 else mx.unflatten(self.packed(x.flatten(0, -2)), 0, x.shape[:-1])
        return x @ mx.dequantize(*self.arrays, **self.packing).T

    def packed(self, x):
        """The weight read packed, once for AT_ONCE rows of x: (n, width) -> (n, rows)."""
        found = [[mx.quantized_matmul(x[n:n + AT_ONCE], *piece, transpose=True, **self.packing)
                  for piece in self.pieces] for n in range(0, len(x), AT_ONCE)]
        side_by_side = [each[0] if len(each) == 1 else mx.concatenate(each, axis=-1) for each in found]
        return side_by_side[0] if len(found) == 1 else mx.concatenate(side_by_side)

    @property
    def rows(self):
        return self.arrays[0].shape[0]


def has_few_rows(x):
    """Whether x, (B, L, width) or (B, width) of one token each, has so few rows that unpacking does not pay."""
    rows = x.size // x.shape[-1]
    return rows < FEW or (x.ndim == 2 or x.shape[1] == 1) and rows <= SIDE_BY_SIDE


def matrix(layer):
    """The Matrix of an nn.Linear, nn.Embedding or their quantized forms."""
    arrays = tuple(layer[name] for name in ARRAYS if name in layer)
    packing = form(layer)
    if not packing:
        return of_floats(arrays[0])
    n_pieces = -(-arrays[0].shape[0] // MOST_ROWS)
    at_once = -(-arrays[0].shape[0] // n_pieces)
    pieces = tuple(tuple(array[n * at_once:(n + 1) * at_once] for array in arrays) for n in range(n_pieces))
    mx.eval(pieces)
    return Matrix(arrays, packing, pieces)


def of_floats(weight):
    """The Matrix of a float weight (rows, width)."""
    columns = weight.T
    mx.eval(columns)
    return Matrix((weight,), None, ((weight,),), columns)


def form(layer):
    """How a layer's numbers are packed; {} for a float one."""
    if not isinstance(layer, QUANTIZED):
        return {}
    return {"bits": layer.bits, "group_size": layer.group_size, "mode": getattr(layer, "mode", "affine")}


class Joined:
    """Several matrices (rows_i, width) that meet the same x, as one (sum of rows_i, width).

    layers: nn.Linear or nn.QuantizedLinear. Their parameters become views of the whole, with the same numbers. Layers
    that are packed in different ways stay apart.
    """

    def __init__(self, layers):
        self.whole = None
        if all(form(layer) == form(layers[0]) and layer.weight.dtype == layers[0].weight.dtype for layer in layers):
            self.whole = put_together(layers)
        self.parts = [matrix(layer) for layer in layers]
        self.ends = ends_of([part.arrays[0] for part in self.parts])
        self.at_once = self.whole is not None and (self.whole.packing is None or self.whole.rows <= MOST_ROWS)

    def __call__(self, x):
        """All products side by side: x (..., width) -> (..., sum of rows_i)."""
        if self.whole is not None:
            return self.whole(x)
        return mx.concatenate([part(x) for part in self.parts], axis=-1)

    def apart(self, x):
        """One product for each matrix: x (..., width) -> [(..., rows_i), ...]."""
        if self.at_once or (self.whole is not None and not has_few_rows(x)):
            return mx.split(self.whole(x), self.ends, axis=-1)
        return [part(x) for part in self.parts]


def put_together(layers):
    """The Matrix of all layers; their parameters become views of it, which take no memory of their own."""
    wholes = []
    for name in ARRAYS:
        if name in layers[0]:
            arrays = [layer[name] for layer in layers]
            wholes.append(mx.concatenate(arrays))
            views = mx.split(wholes[-1], ends_of(arrays))
            mx.eval(wholes[-1], views)
            for layer, view in zip(layers, views):
                layer[name] = view
    packing = form(layers[0])
    return Matrix(tuple(wholes), packing, (tuple(wholes),)) if packing else of_floats(wholes[0])


def ends_of(arrays):
    """Where each but the last of them ends, if they lie one below the other."""
    return np.cumsum([array.shape[0] for array in arrays])[:-1].tolist()
