"""What the units of one layer hold while a model reads stories: the numbers that notebook 09 searches."""
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from mistral_edu.lab.experiments.inside import walk
from mistral_edu.lab.experiments.skills import held_out_stories

CONTEXT = 7                 # tokens, the one just read among them


class Held(NamedTuple):
    """At each position of some stories: what each unit holds, the token just read, the next one, the words so far."""
    numbers: np.ndarray     # (positions, hidden_dim)
    now: np.ndarray         # (positions,)
    came: np.ndarray        # (positions,)
    context: list           # of str


def held_by_units(model, tokenizer, layer, n):
    """What the hidden units of a layer hold, silu(gate) * up, at each position of n held-out stories but the last."""
    mlp, numbers, now, came, context = model.layers[layer].mlp, [], [], [], []
    for wish, story in held_out_stories(tokenizer, n):
        ids = wish + story
        read = next(array for part, at, array in walk(model, ids)
                    if part == "norm before the feed-forward" and at == layer)      # (1, L, dim)
        gate, up = mlp.gate_proj(read), mlp.up_proj(read)
        numbers.append((gate * mx.sigmoid(gate) * up)[0, :-1])                      # (L - 1, hidden_dim)
        now, came = now + ids[:-1], came + ids[1:]
        context += [tokenizer.decode(ids[max(0, end - CONTEXT):end]) for end in range(1, len(ids))]
    return Held(np.array(mx.concatenate(numbers)), np.array(now), np.array(came), context)
