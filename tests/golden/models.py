"""Small random models for tests, with attention sharp enough that a wrong key shows."""
from dataclasses import replace

from golden.golden_cases import random_weights
from mistral_edu.config import MistralConfig
from mistral_edu.transformer import Model

import mlx.core as mx

SMALL = MistralConfig(dim=32, n_layers=2, head_dim=8, hidden_dim=48, n_heads=4, n_kv_heads=2, window_size=5,
                      context_len=64, vocab_size=30)


def random_model(config=SMALL, seed=0, **changes):
    """A Model of this configuration, with some of its numbers changed, and reproducible random weights."""
    config = replace(config, **changes)
    model = Model(config)
    model.load_weights([(name, mx.array(w)) for name, w in random_weights(config.to_hf(), seed).items()])
    mx.eval(model.parameters())
    return model


def random_tokens(B, L, vocab_size=SMALL.vocab_size, seed=0):
    """(B, L) token ids."""
    return mx.random.randint(0, vocab_size, (B, L), key=mx.random.key(seed))


def in_chunks(model, tokens, cache, sizes):
    """Logits (B, L, vocab_size) of a text fed in chunks of these sizes; the last size repeats until the text ends."""
    sizes, logits, start = list(sizes), [], 0
    while start < tokens.shape[1]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        logits.append(model(tokens[:, start : start + size], cache))
        start += size
    return mx.concatenate(logits, axis=1)


def gap(a, b):
    """The largest difference, relative to the largest number of b."""
    return (mx.abs(a - b).max() / mx.abs(b).max()).item()
