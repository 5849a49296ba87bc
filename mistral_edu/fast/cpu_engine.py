"""The engine for processors: the model's own weights, read by compiled loops. No second copy of them.

Two ways through the model. One token of one sequence, the step that is repeated most, is one call of compiled code
(decode.py). Everything else, prompts, batches, masks, quantized caches, is the readable code itself with its products
replaced (products.py). Both compute in float32 with the numbers that the model computes with, and keep in the caches
what the model would keep.
"""
from copy import deepcopy

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_map

from mistral_edu.transformer import check_call

from . import compiled, decode, views
from .products import EmbeddingProduct, GatedProducts, Product
from .watch import Watchful
from .wide import NarrowCache, activation_dtype, is_too_large


def make_engine(model):
    """The engine for this model; None where there are no kernels (see compiled.why_not) or they do not fit it."""
    if mx.default_device() != mx.Device(mx.cpu):
        return None
    kernels = compiled.kernels(compiled.LONG_WAIT if is_too_large(model) else None)
    if kernels is None:
        return None
    try:
        return CpuEngine(model, kernels)
    except views.NotSupported:
        return None


class CpuEngine(Watchful):
    name = "cpu: compiled kernels on the model's own weights"

    def __init__(self, model, kernels):
        self.dtype = activation_dtype(model)
        self.model = with_products(model, kernels)
        self.decoder = decode.Decoder(self.model, self.dtype, kernels) if decode.is_plain(model) else None

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        """tokens (B, L) int -> logits (B, L, vocab_size), float32. None where only the readable code can answer."""
        check_call(tokens, cache, len(self.model.layers))
        try:
            ids = np.array(tokens)
            mx.eval(mask)
        except ValueError:  # inside mx.compile or mx.vmap arrays have no values yet
            return None
        if ids.shape == (1, 1) and mask is None and self.decoder and self.decoder.takes(cache):
            return self.decoder(int(ids[0, 0]), cache)[None, None]
        if cache is not None:
            cache = [NarrowCache(layer, self.dtype) for layer in cache]
        return self.model(tokens, cache, mask, last_only)


class Waiting(Watchful):
    """Stands in for the engine while its kernels are compiled: another one answers, until they are there.

    other: that engine, or None, and then the readable code answers.
    """

    def __init__(self, other):
        self.other = other
        self.name = f"{other.name if other else 'readable'}; {compiled.why_not()}"

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        return self.other(tokens, cache, mask, last_only)

    def fits(self, model):
        if not super().fits(model):
            return False
        if compiled.is_coming():
            return self.other is not None
        from . import accelerate  # here, since that module imports this one
        engine = accelerate(model).engine
        return engine is not None and engine.fits(model)


def with_products(model, kernels):
    """A twin of the model: the same code, its matrices as views, its few other weights in float32."""
    twin = deepcopy(model)  # arrays are shared, not copied
    for layer in twin.layers:
        feed_forward = getattr(layer, "mlp", None)
        if decode.is_plain_feed_forward(feed_forward):
            layer.mlp = GatedProducts(feed_forward, kernels)

    def product(layer):
        if decode.is_untouched(layer, *decode.LINEAR):
            return Product(layer, kernels)
        return EmbeddingProduct(layer, kernels) if decode.is_untouched(layer, *decode.EMBEDDING) else layer
    twin.update_modules(tree_map(product, twin.leaf_modules(), is_leaf=nn.Module.is_module))
    twin.update(tree_map(lambda weight: weight.astype(mx.float32), twin.parameters()))
    mx.eval(twin.parameters())
    return twin
