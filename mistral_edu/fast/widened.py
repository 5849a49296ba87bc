"""An engine for small models on a Linux processor: the same weights, widened to float32.

There, MLX computes bfloat16 and quantized products as plain loops that add up in 16 bits; float32 products run on
OpenBLAS (machine/blas.py), many times faster. So this engine holds a float32 copy of the very numbers with which the
model computes, and lets it answer. Nothing is approximated: the copy rounds less often than the original. The cache
keeps the dtype of the model, so it takes the same bytes, and each path can go on from what the other stored.
"""
from functools import reduce

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.fast.changes import Watchful
from mistral_edu.machine import blas, processors
from mistral_edu.norm import RMSNorm
from mistral_edu.quantize import QUANTIZED, dequantize

LARGEST_COPY = 1e9                                     # bytes
SHARE_OF_FREE_MEMORY = 0.25


def make_engine(model):
    """The engine for this model on this machine, or None if it gains nothing or its copy would be too large."""
    if mx.default_device() != mx.Device(mx.cpu) or blas.status().library is None:
        return None
    quantized = any(isinstance(module, QUANTIZED) for module in model.modules())
    if not quantized and all(weight.dtype == mx.float32 for _, weight in tree_flatten(model.parameters())):
        return None                                    # the readable code already multiplies in float32
    return None if is_too_large(model) else WideEngine(model)


def is_too_large(model):
    """Whether a float32 copy of the model would take too much memory."""
    copy_bytes = 4 * model.config.n_parameters
    _, available = processors.memory()
    return copy_bytes > LARGEST_COPY or copy_bytes > SHARE_OF_FREE_MEMORY * (available or 0)


class WideEngine(Watchful):
    name = "wide: float32 products on OpenBLAS"

    def __init__(self, model):
        self.copy = dequantize(model, mx.float32)
        self.dtype = activation_dtype(model)

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        """tokens (B, L) int -> logits (B, L, vocab_size), float32."""
        if cache is not None:
            cache = [NarrowCache(layer_cache, self.dtype) for layer_cache in cache]
        return self.copy(tokens, cache, mask, last_only)


def activation_dtype(model):
    """The dtype in which the readable model computes, and so the caches', too: that of its embedding's rows, normed."""
    embedding = model.model.embed_tokens
    rows = embedding.scales if "scales" in embedding else embedding.weight
    norms = [module.weight for module in model.modules() if isinstance(module, RMSNorm)]
    return reduce(mx.result_type, norms, rows.dtype)


class NarrowCache:
    """A layer's cache as the float32 copy sees it: it stores the dtype of the model, and returns float32."""

    def __init__(self, cache, dtype):
        self.cache, self.dtype = cache, dtype

    def __getattr__(self, name):
        return getattr(self.cache, name)

    def update_and_fetch(self, keys, values):
        keys, values = self.cache.update_and_fetch(keys.astype(self.dtype), values.astype(self.dtype))
        return keys.astype(mx.float32), values.astype(mx.float32)
