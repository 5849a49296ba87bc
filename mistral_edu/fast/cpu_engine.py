"""The engine for processors: the model's own weights, read by compiled loops. No second copy of them.

There are two ways through the model. Prompts and the steps after them are lists of jobs for compiled code (step.py).
What these do not cover (masks, quantized caches, models with replaced parts) is done by the readable code itself, with
its products replaced (products.py). Both compute in float32 with the numbers that the model computes with, except where
few rows of x meet 8- and 4-bit weights (see bench/equal.py), and keep in the caches what the model would keep.
"""
import mlx.core as mx
import numpy as np

from mistral_edu.fast import compiled, structure, weight_views
from mistral_edu.fast.changes import Changed, Watchful, address, addresses
from mistral_edu.fast.products import Traced, known, with_products
from mistral_edu.fast.step import Stepper, go_back
from mistral_edu.fast.team import team
from mistral_edu.fast.widened import NarrowCache, activation_dtype, is_too_large
from mistral_edu.machine import large_pages
from mistral_edu.transformer import check_call


def make_engine(model):
    """The engine for this model; None where there are no kernels (see compiled.why_not) or they do not fit it."""
    if mx.default_device() != mx.Device(mx.cpu):
        return None
    kernels = compiled.kernels(compiled.LONG_WAIT if is_too_large(model) else None)
    if kernels is None:
        return None
    try:
        return CpuEngine(model, kernels)
    except weight_views.NotSupported:
        return None


class CpuEngine(Watchful):
    name = "cpu: compiled kernels on the model's own weights"

    def __init__(self, model, kernels):
        self.dtype, self.kernels = activation_dtype(model), kernels
        self.model = with_products(model, kernels)
        large_pages.put_together(places(self.model))
        follows = structure.is_plain(model) and structure.has_shapes_of(model.config, self.model)
        self.stepper = Stepper(self.model, self.dtype, kernels) if follows else None

    def __call__(self, tokens, cache=None, mask=None, last_only=False, is_valid=lambda: True):
        """tokens (B, L) int -> logits (B, L, vocab_size), float32. None if only the readable code can answer.

        So it is, too, if is_valid() says no; that is asked while other threads are already at work.
        """
        try:
            check_call(tokens, cache, len(self.model.layers))
            ids = np.array(tokens)
            known(mask, *([getattr(layer, name, None) for layer in cache or ()] for name in ("keys", "values")))
        except (ValueError, Traced):  # a mistake, which the readable code explains; or inside mx.compile, mx.grad
            return None
        if ids.dtype.kind not in "iu" or not ids.size or team(self.kernels).is_busy_here():
            return None
        if mask is None and self.stepper and self.stepper.takes(ids, cache):
            return self.stepper(ids, cache, last_only, is_valid)
        if not is_valid():
            return None
        return self.part_by_part(tokens, cache, mask, last_only)

    def part_by_part(self, tokens, cache, mask, last_only):
        """The same by the code of transformer.py, with our own products in it."""
        offset = cache[0].offset if cache else 0
        try:
            narrow = None if cache is None else [NarrowCache(layer, self.dtype) for layer in cache]
            return self.model(tokens, narrow, mask, last_only)
        except Traced:
            go_back(cache or (), offset)
            return None

    def answer(self, model, *call):
        logits = self(*call, is_valid=lambda: self.fits(model))
        if logits is None and not self.fits(model):
            raise Changed
        return logits

    def addresses(self, arrays):
        return addresses(arrays, self.kernels)


def places(twin):
    """(address, bytes) of all that the engine's products read."""
    matrices = [module.matrix for module in twin.modules() if hasattr(module, "matrix")]
    return [(address(array), array.nbytes) for matrix in matrices for array in matrix.alive]
