"""Exercises of notebook 09: the feed-forward from its three matrices, and two gated units that multiply."""
import mlx.core as mx
import numpy as np

from mistral_edu.feed_forward import silu
from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n09_swiglu.slips import FEED_FORWARD_SLIPS, PRODUCT_SLIPS


def feed_forward(x, gate, up, down):
    """down(silu(gate(x)) * up(x)), weights (out, in).  x (..., dim) -> (..., dim)."""
    gated = silu(x @ gate.T) * (x @ up.T)                             # (..., hidden_dim)
    return gated @ down.T                                             # (..., dim)


def product(rows):
    """rows (N, 2), each an x and a y -> (N, 1): x * y, from two gated units."""
    gate = mx.array([[1.0, 0.0], [-1.0, 0.0]])                        # x and -x
    up = mx.array([[0.0, 1.0], [0.0, 1.0]])                           # y and y
    down = mx.array([[1.0, -1.0]])                                    # the first minus the second
    return feed_forward(rows, gate, up, down)


def two_gated_units(points):
    """What a good answer to 9.6 computes, for points (N, 2) in numpy: (N,). The page shows it and keeps its weights."""
    return np.array(product(mx.array(points.astype(np.float32))))[:, 0]


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def _weights(dim, hidden_dim):
    return _draw(hidden_dim, dim, seed=1), _draw(hidden_dim, dim, seed=2), _draw(dim, hidden_dim, seed=3)


BY_HAND = (mx.array([[1.0, 2.0]]),                                    # on the page: [[5.2848, -0.7152]]
           mx.array([[2.0, 0.0], [2.0, -1.0], [0.0, -1.0]]), mx.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]),
           mx.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))
EXERCISES = (
    Exercise(
        "9.2", minutes=5, points=2,
        cases=(
            BY_HAND,
            (_draw(3, 4), *_weights(4, 4)),                           # square: a forgotten .T gives no error here
            (_draw(2, 3, 4), *_weights(4, 6)),
            (_draw(3, 3), *_weights(3, 3)),
            (mx.zeros((2, 4)), *_weights(4, 6)),
        ),
        reference=feed_forward, slips=FEED_FORWARD_SLIPS,
        hints=(
            "Three steps: the numbers of all gates, (..., hidden_dim); those of all ups, the same shape; then the "
            "units' numbers go back to (..., dim).",
            "A weight has the shape (out, in), a row for each number that comes out. So x @ gate.T gives the gates of "
            "all tokens at once, (..., hidden_dim).",
            "silu(x @ gate.T) times x @ up.T, number by number with *, are the units. @ down.T brings them back.",
        ),
    ),
    Exercise(
        "9.6", minutes=10, points=3,
        cases=(
            (mx.array([[3.0, 5.0], [-2.0, 4.0]]),),                   # by hand on the page: 15 and -8
            (_draw(6, 2),),
            (3 * _draw(6, 2, seed=1),),
            (mx.array([[100.0, -50.0], [0.0, 7.0], [-0.5, -0.5]]),),
        ),
        reference=product, slips=PRODUCT_SLIPS,
        hints=(
            "Move the slider of section 9.1 to a gate of 3, then to -3, with up = 1: SiLU passes 2.858, then -0.142. "
            "What is the difference of the two?",
            "silu(x) - silu(-x) = x, for every x, since sigmoid(x) + sigmoid(-x) = 1. One unit for silu(x), another "
            "one for silu(-x); what should up be in both, if x * y is to come out?",
            "A row of gate picks a number out of [x, y]: [1, 0] gives x, and [-1, 0] gives -x. Both rows of up give y. "
            "down has one row: the first unit minus the second.",
        ),
    ),
)
