"""A small deep model and a task that it learns in seconds: the same with norms and without."""
import json

import mlx.core as mx
import mlx.nn as nn

from mistral_edu.config import MistralConfig
from mistral_edu.lab.experiments.training import train
from mistral_edu.transformer import Model

ALPHABET, LENGTH, ROWS = 16, 12, 64      # different tokens; tokens per text; texts per step
LEARNED, GONE = 0.1, 1000                # a loss below which the task is learned; one from which nothing comes back
SEEDS, STEPS = 8, 80
CONFIG = MistralConfig(dim=32, n_layers=8, head_dim=32, hidden_dim=64, n_heads=1, n_kv_heads=1, window_size=None,
                       context_len=LENGTH, vocab_size=ALPHABET)


class OnlyGain(nn.Module):
    """What is left of a norm when the division is taken out."""

    def __init__(self, dim):
        super().__init__()
        self.weight = mx.ones((dim,))

    def __call__(self, x):
        """x (..., dim) -> (..., dim)."""
        return self.weight * x


def small_model(norms=True, seed=0):
    """A Mistral of 8 layers and dim 32 with random weights; the same ones for the same seed, with norms or without."""
    mx.random.seed(seed)
    model = Model(CONFIG)
    if not norms:
        for layer in model.layers:
            layer.input_layernorm, layer.post_attention_layernorm = OnlyGain(CONFIG.dim), OnlyGain(CONFIG.dim)
        model.model.norm = OnlyGain(CONFIG.dim)
    return model


def losses_of(model, step_size, steps=STEPS, seed=0):
    """Train a model to name the token before each one, in texts of random tokens: its loss at every step, a list.

    It ends early if the loss passes GONE or is no longer a number.
    """
    def loss(model, tokens):
        return nn.losses.cross_entropy(model(tokens)[:, 1:], tokens[:, :-1], reduction="mean")

    texts = (mx.random.randint(0, ALPHABET, (ROWS, LENGTH), key=key)
             for key in mx.random.split(mx.random.key(seed), steps))
    losses = []
    for value in train(model, loss, texts, step_size):
        losses.append(value)
        if not losses[-1] <= GONE:       # NaN, too
            break
    return losses


def eight_trainings():
    """The results in recorded/eight_trainings.json, as JSON: of each kind, how many of eight seeds learn and explode.

    The losses are those of the first seed, at every step; 1e9 stands for one above GONE or not a number.
    """
    results = {}
    for step_size in (0.005, 0.001):
        for norms in (True, False):
            all_losses = [losses_of(small_model(norms, seed), step_size, seed=seed) for seed in range(SEEDS)]
            ends = [losses[-1] for losses in all_losses]
            results[f"{'with' if norms else 'without'} norms, steps of {step_size}"] = {
                "learned": sum(end < LEARNED for end in ends), "exploded": sum(not end <= GONE for end in ends),
                "losses": [float(f"{loss:.3g}") if loss <= GONE else 1e9 for loss in all_losses[0]]}
    return json.dumps(results)
