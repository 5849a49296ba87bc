"""Models for tests: one small and random, in fp32; and a wrapper that counts what is read and can interrupt."""
from functools import lru_cache

from mistral_edu import MistralConfig, Model

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

CONFIG = MistralConfig(dim=64, n_layers=3, head_dim=32, hidden_dim=128, n_heads=4, n_kv_heads=2, window_size=None,
                       context_len=200, vocab_size=2048)


def random_model(seed=0, **changes):
    """A Model with normal random weights, large enough that its answers differ from prompt to prompt."""
    model = Model(MistralConfig(**{**CONFIG.__dict__, **changes}))
    shapes = tuple((name, weight.shape) for name, weight in tree_flatten(model.parameters()))
    model.load_weights([(name, mx.array(weight)) for name, weight in random_weights(seed, shapes)])
    mx.eval(model.parameters())
    return model


@lru_cache(maxsize=16)
def random_weights(seed, shapes):
    """(name, numpy array) pairs for (name, shape) pairs: to draw them takes ten times as long as to copy them."""
    weights = []
    for key, (name, shape) in zip(mx.random.split(mx.random.key(seed), len(shapes)), shapes):
        noise = mx.random.normal(shape, key=key)
        weights.append((name, np.array(1.0 + 0.1 * noise if noise.ndim == 1 else noise * noise.shape[-1] ** -0.5)))
    return weights


def memory_held():
    """Bytes that MLX holds, once its own thread has let go of what it computed with: a moment after the result."""
    mx.synchronize()
    return mx.get_active_memory()


class Counted:
    """Calls a model, and counts the tokens that it reads.

    interrupt_at: the number of the call that is cut short; where: before or after the model, or among its layers.
    """

    def __init__(self, model):
        self.model, self.config, self.make_cache = model, model.config, model.make_cache
        self.tokens_read = self.calls = 0
        self.interrupt_at, self.where = None, "after"

    def __call__(self, tokens, cache=None, last_only=False):
        self.calls += 1
        self.tokens_read += tokens.shape[1]
        cut = self.calls == self.interrupt_at
        if cut and self.where == "before":
            raise KeyboardInterrupt
        if cut and self.where == "middle":
            for block, layer in list(zip(self.model.layers, cache))[:2]:  # these take the token in, the others do not
                block(self.model.model.embed_tokens(tokens), "causal", layer)
            raise KeyboardInterrupt
        logits = self.model(tokens, cache=cache, last_only=last_only)
        if cut:
            raise KeyboardInterrupt
        return logits
