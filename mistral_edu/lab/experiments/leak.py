"""The leak test: train a small model on pure noise and see whether it can name a token that it must not see.

Nothing in noise can be guessed: a model that is asked for a token it cannot see stays at a loss of ln(vocabulary),
however long it is trained. A falling loss proves that the token is seen. Shapes prove nothing of the kind.
"""
import math

import mlx.core as mx
import mlx.nn as nn

from mistral_edu.config import MistralConfig
from mistral_edu.lab.experiments.training import train
from mistral_edu.transformer import Model

VOCABULARY, LENGTH, ROWS = 16, 12, 64     # different tokens; tokens per text; texts per step
CONFIG = dict(dim=32, n_layers=1, head_dim=32, hidden_dim=32, n_heads=1, n_kv_heads=1, window_size=None,
              context_len=LENGTH, vocab_size=VOCABULARY)
NO_CLUE = math.log(VOCABULARY)            # the loss of 16 equal chances: ln 16 = 2.77


def noise_loss(back, mask, n_layers=1, steps=100, seed=0) -> float:
    """The loss, after training, of naming the token `back` places ago (below 0: one that comes later).

    mask: (L, L) bool with L = LENGTH, True = may look. Every text is new, so there is nothing to learn by heart. Only
    places for which the wanted token exists are asked.
    """
    mx.random.seed(seed)
    model = Model(MistralConfig(**{**CONFIG, "n_layers": n_layers}))
    keys = mx.random.split(mx.random.key(seed), steps)
    asked = mx.arange(max(back, 0), LENGTH + min(back, 0))            # positions of the queries

    def loss(model, tokens):
        logits = model(tokens, mask=mask)[:, asked]                   # (B, asked, vocab_size)
        return nn.losses.cross_entropy(logits, tokens[:, asked - back], reduction="mean")

    texts = (mx.random.randint(0, VOCABULARY, (ROWS, LENGTH), key=key) for key in keys)
    losses = list(train(model, loss, texts, step_size=0.01))
    return sum(losses[-10:]) / 10
