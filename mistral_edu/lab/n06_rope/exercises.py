"""The exercise of notebook 06: the rotation of queries and keys, in split halves."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n06_rope.slips import ROTATE_SLIPS


def rotate(x, offset, theta):
    """x (..., L, head_dim) at positions offset .. offset+L-1 -> the same shape, each pair turned by its angle."""
    half = x.shape[-1] // 2
    frequencies = theta ** (-mx.arange(half) / half)                      # (head_dim/2,)
    positions = offset + mx.arange(x.shape[-2])                           # (L,)
    angles = positions[:, None] * frequencies                             # (L, head_dim/2)
    cos, sin = mx.cos(angles), mx.sin(angles)
    first, second = x[..., :half], x[..., half:]                          # each (..., L, head_dim/2)
    return mx.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


EXERCISES = (
    Exercise(
        "6.3", minutes=12, points=3,
        cases=(
            (mx.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]), 0, 100.0),       # by hand on the page
            (mx.array([[0.0, 1.0, 0.0, 0.0]]), 1, 100.0),
            (_draw(1, 2, 3, 8), 0, 10000.0),                              # the first call of a model: a whole prompt
            (_draw(2, 3, 5, 6, seed=1), 7, 500.0),
            (_draw(1, 2, 1, 8, seed=2), 4, 10000.0),                      # later calls: one token each
            (_draw(4, 32, seed=3), 20, 10000.0),
        ),
        reference=rotate, slips=ROTATE_SLIPS,
        hints=(
            "Which position does each row have? mx.arange counts from 0; the first row is at position offset.",
            "The frequencies: theta ** (-2 * i / head_dim) for i = 0 .. head_dim/2 - 1, as an array of shape "
            "(head_dim/2,). The angles are a table of shape (L, head_dim/2): positions as a column, "
            "positions[:, None], times the frequencies.",
            "Cut x into its halves: first = x[..., :half], second = x[..., half:]. Clock i turns the pair (first[i], "
            "second[i]), so the formula of section 6.2 works on the whole halves at once.",
            "mx.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1), where cos and sin are "
            "those of the angles.",
        ),
    ),
)
