"""A model of a given shape with random weights: speed and memory depend on the shape, not on what was learned."""
import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.checkpoints import memory
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.config import MistralConfig
from mistral_edu.quantize import quantize
from mistral_edu.transformer import unfilled


def random_model(preset, bits=None, seed=0, context=None):
    """A Model of the preset's shape with bfloat16 weights, quantized to 8 or 4 bits if bits is given.

    Made in memory, one layer after another, so that it never takes more than the finished model and one layer.
    Matrices are uniform with variance 1 / columns, which preserves the size of what flows through; norms are ones.
    Raises NotEnoughMemory if the model and `context` tokens (None: 2048) do not fit, as load_model does.

    >>> random_model("tiny").config.n_layers
    8
    """
    model = unfilled(MistralConfig.preset(preset))
    memory.check(Checkpoint.planned(f"a random {preset}", model.config), context, bits=bits)
    shapes = {name: weight.shape for name, weight in tree_flatten(model.parameters())}
    keys = mx.random.split(mx.random.key(seed), len(shapes))
    model.load_weights([(name, random_weight(shape, key)) for key, (name, shape) in zip(keys, shapes.items())])
    if bits is not None:
        quantize(model, bits)
    for _, module in model.named_modules():  # nothing was computed so far; the largest layers come one by one
        if not module.children():
            mx.eval(module.parameters())
    return model


def random_weight(shape, key):
    """One weight (rows, columns) or (dim,), lazily."""
    if len(shape) == 1:
        return mx.ones(shape, dtype=mx.bfloat16)
    edge = (3 / shape[-1]) ** 0.5  # uniform in -edge .. edge has variance edge**2 / 3
    return mx.random.uniform(-edge, edge, shape, dtype=mx.bfloat16, key=key)
