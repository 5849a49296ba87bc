"""Feed-forwards with a gate and without, at equal parameters: small models that guess the next letter of a story.

There is no attention in them: the last 8 letters are side by side in one row, and two feed-forwards do all the work.
"""
import random
from functools import lru_cache, partial

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np

from mistral_edu.norm import RMSNorm
from mistral_edu.tiny.world import sample

LETTERS, DIM = 8, 64                     # letters that are seen; numbers in a row, 8 for each letter
WIDE, GATED = 192, 128                   # hidden units: two matrices of 192 rows hold as much as three of 128
ROWS = 256                               # letters guessed per step
ACTIVATIONS = {"ReLU": nn.relu, "GELU": nn.gelu, "SiLU": nn.silu, "nothing": lambda z: z}


class Plain(nn.Module):
    """down(activation(up(x))): what stood in transformers before the gate."""

    def __init__(self, activation):
        super().__init__()
        self.up_proj, self.down_proj = nn.Linear(DIM, WIDE, bias=False), nn.Linear(WIDE, DIM, bias=False)
        self.activation = activation

    def __call__(self, x):
        """x (..., DIM) -> (..., DIM)."""
        return self.down_proj(self.activation(self.up_proj(x)))


class Gated(nn.Module):
    """down(activation(gate(x)) * up(x)); with SiLU it is SwiGLU."""

    def __init__(self, activation):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(DIM, GATED, bias=False), nn.Linear(DIM, GATED, bias=False)
        self.down_proj = nn.Linear(GATED, DIM, bias=False)
        self.activation = activation

    def __call__(self, x):
        """x (..., DIM) -> (..., DIM)."""
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


class Guesser(nn.Module):
    """Embedding, two feed-forwards with norms as in a block, output layer."""

    def __init__(self, gated, activation, alphabet):
        super().__init__()
        make = Gated if gated else Plain
        self.embedding, self.output = nn.Embedding(alphabet, DIM // LETTERS), nn.Linear(DIM, alphabet, bias=False)
        self.norms, self.layers = [RMSNorm(DIM) for _ in range(3)], [make(ACTIVATIONS[activation]) for _ in range(2)]

    def __call__(self, seen):
        """seen (N, LETTERS) -> logits (N, alphabet)."""
        x = self.embedding(seen).reshape(len(seen), DIM)
        for norm, layer in zip(self.norms, self.layers):
            x = x + layer(norm(x))
        return self.output(self.norms[-1](x))


@lru_cache
def letters():
    """Stories of the village as two rows of numbers, a letter each: 200 to train on, 200 unseen; and the alphabet."""
    train, unseen = ("\n".join(sample(random.Random(f"letters/{k}"), split, "story").turns[0][1] for k in range(200))
                     for split in ("train", "test"))
    alphabet = {letter: k for k, letter in enumerate(sorted(set(train + unseen)))}
    train, unseen = (np.array([alphabet[letter] for letter in text]) for text in (train, unseen))
    return train, unseen, alphabet


def windows(text, starts):
    """The LETTERS letters from each start, and the letter after them: (N, LETTERS), (N,)."""
    places = np.asarray(starts)[:, None] + np.arange(LETTERS + 1)
    rows = mx.array(text[places])
    return rows[:, :-1], rows[:, -1]


def loss_of(model, seen, came):
    """Mean cross-entropy per letter, in nats."""
    return nn.losses.cross_entropy(model(seen), came, reduction="mean")


def trained_loss(gated, activation, seed=0, steps=500, step_size=0.003):
    """Train a small model from random weights; its loss per letter on unseen stories."""
    mx.random.seed(seed)
    train, unseen, alphabet = letters()
    model, draw = Guesser(gated, activation, len(alphabet)), np.random.default_rng(seed)
    slopes, optimizer = nn.value_and_grad(model, loss_of), optim.Adam(optim.cosine_decay(step_size, steps))
    state = [model.state, optimizer.state]

    @partial(mx.compile, inputs=state, outputs=state)
    def step(seen, came):
        loss, gradients = slopes(model, seen, came)
        optimizer.update(model, gradients)
        return loss

    for _ in range(steps):
        mx.eval(step(*windows(train, draw.integers(0, len(train) - LETTERS, ROWS))), state)
    return loss_of(model, *windows(unseen, range(0, 100_000, 10))).item()


KINDS = {"no gate, ReLU": (False, "ReLU"), "no gate, SiLU": (False, "SiLU"), "gate, no activation": (True, "nothing"),
         "gate, ReLU": (True, "ReLU"), "gate, SiLU (SwiGLU)": (True, "SiLU")}


def losses_by_kind(seeds=8, **options):
    """What recorded/gate_or_activation.json holds: {kind: [the loss of each seed]}, to four digits."""
    return {kind: [round(trained_loss(*how, seed=seed, **options), 4) for seed in range(seeds)]
            for kind, how in KINDS.items()}
