"""A small model whose only task is a distance, trained in a second with any rotation."""
import mlx.core as mx
import mlx.nn as nn

from mistral_edu.config import MistralConfig
from mistral_edu.lab.experiments.training import train
from mistral_edu.transformer import Model

TOKENS, LENGTH, ROWS, BACK = 16, 12, 64, 3      # different tokens; tokens per text; texts per step; positions back
CONFIG = MistralConfig(dim=32, n_layers=1, head_dim=32, hidden_dim=32, n_heads=1, n_kv_heads=1, window_size=None,
                       context_len=LENGTH, vocab_size=TOKENS)


def trained(rotation, seed=0, steps=100):
    """A model of one layer with this rotation, trained on noise to name the token BACK positions back."""
    mx.random.seed(seed)
    model = Model(CONFIG)
    model.layers[0].self_attn.rotate = rotation
    for _ in train(model, _loss, map(_noise, mx.random.split(mx.random.key(seed), steps)), step_size=0.01):
        pass
    return model


def loss_on_noise(model, rotation):
    """The loss of a trained model on fresh noise when its queries and keys are turned by this rotation."""
    attention = model.layers[0].self_attn
    before, attention.rotate = attention.rotate, rotation
    loss = _loss(model, _noise(mx.random.key(10_000), 4 * ROWS)).item()
    attention.rotate = before
    return loss


def _noise(key, rows=ROWS):
    return mx.random.randint(0, TOKENS, (rows, LENGTH), key=key)


def _loss(model, tokens):
    """Mean loss where the token BACK positions back exists."""
    return nn.losses.cross_entropy(model(tokens)[:, BACK:], tokens[:, :-BACK], reduction="mean")
