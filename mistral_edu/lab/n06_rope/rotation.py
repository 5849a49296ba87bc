"""A rotation of split halves with any frequencies and at any positions: what notebook 06 slows, stops and reverses."""
import mlx.core as mx
import numpy as np


def rotation_with(frequencies, change=lambda positions: positions):
    """A function (x, offset, theta) for a model's queries and keys, whose pairs turn with these frequencies.

    frequencies (head_dim/2,): the angle per position of each pair, in radians; theta is not asked. change: what to make
    of the positions (L,) before they are multiplied. With the library's frequencies it computes what
    `mistral_edu.rope.rope` does.

    >>> still = rotation_with([0.0])
    >>> still(mx.array([[3.0, 4.0]]), 5, 10000.0).tolist()
    [[3.0, 4.0]]
    """
    per_position = mx.array(np.asarray(frequencies, np.float32))              # (head_dim/2,)

    def rotation(x, offset, theta):
        positions = change(offset + mx.arange(x.shape[-2], dtype=mx.float32))  # (L,)
        angles = positions.astype(mx.float32)[:, None] * per_position         # (L, head_dim/2)
        cos, sin = mx.cos(angles), mx.sin(angles)
        first, second = mx.split(x, 2, axis=-1)                               # each (..., L, head_dim/2)
        return mx.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotation
