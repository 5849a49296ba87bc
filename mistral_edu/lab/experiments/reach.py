"""How far one token's influence goes, layer by layer: measured by derivatives of the running model.

`influence` follows one token upward through all layers: which states change when it changes. `gradients` goes the other
way, from one output down: which states it depends on. Both give sizes, and exact zeros if there is no path.
"""
import mlx.core as mx
import numpy as np


def states(model, x):
    """x (1, L, dim), rows of the embedding table -> what runs along the stream: x, then after each layer."""
    mask = model.model.make_mask(x.shape[1])
    after = [x]
    for layer in model.layers:
        after.append(layer(after[-1], mask))
    return after


def influence(model, tokens, source, seed=0):
    """Nudge the embedding of the token at position `source`: how much does each state change? (n_layers + 1, L)

    Row k is after k layers. The nudge has a random direction and the size of the embedding, so row 0 holds a single 1;
    every change is given as a share of the state that it changes. A Jacobian-vector product: one pass, exact, with no
    finite step.
    """
    x = model.model.embed_tokens(mx.array([tokens])).astype(mx.float32)                 # (1, L, dim)
    direction = mx.random.normal((x.shape[2],), key=mx.random.key(seed))
    direction = direction * mx.linalg.norm(x[0, source]) / mx.linalg.norm(direction)
    nudge = (mx.arange(x.shape[1]) == source)[None, :, None] * direction                # (1, L, dim)
    after, changes = mx.jvp(lambda x: states(model, x), [x], [nudge])
    shares = [mx.linalg.norm(change[0], axis=-1) / mx.linalg.norm(state[0], axis=-1)
              for change, state in zip(changes, after)]
    return np.stack([np.array(share) for share in shares])


def gradients(model, tokens, seed=0):
    """How much the last output depends on each state: (n_layers + 1, L), row k for the input of layer k.

    The last row is for the output itself, so it has one entry, 1. The output is read in a random direction. One
    backward pass gives all rows: zeros added to each layer's input, and the gradient with respect to these zeros.
    """
    x = model.model.embed_tokens(mx.array([tokens])).astype(mx.float32)                 # (1, L, dim)
    mask = model.model.make_mask(x.shape[1])
    direction = mx.random.normal((x.shape[2],), key=mx.random.key(seed))
    direction = direction / mx.linalg.norm(direction)

    def read(zeros):
        state = x
        for zero, layer in zip(zeros, model.layers):
            state = layer(state + zero, mask)
        return ((state + zeros[-1])[0, -1] * direction).sum()

    slopes = mx.grad(read)([mx.zeros_like(x) for _ in range(len(model.layers) + 1)])
    return np.stack([np.array(mx.linalg.norm(slope[0], axis=-1)) for slope in slopes])


def furthest(sizes):
    """The distance between the first entry that is not zero and the last entry: sizes (L,)."""
    there = np.nonzero(sizes)[0]
    return int(there[-1] - there[0])
