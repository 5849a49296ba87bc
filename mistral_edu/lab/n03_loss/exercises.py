"""Exercises of notebook 03: a softmax that does not overflow, and the loss of a text."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n03_loss.slips import LOSS, SOFTMAX


def stable_softmax(logits):
    """logits (..., V) -> shares (..., V) that add up to 1 along the last axis, however large the logits are."""
    shifted = logits - logits.max(axis=-1, keepdims=True)       # (..., V)  the largest becomes 0
    powers = mx.exp(shifted)                                    # (..., V)  none above 1
    return powers / powers.sum(axis=-1, keepdims=True)          # (..., V)


def cross_entropy(logits, ids):
    """The loss of a text in nats, (). logits (L, V): after each of its L tokens; ids (L,). The first has no cost."""
    forecasts, targets = logits[:-1], ids[1:]                   # (L-1, V), (L-1,)
    right = mx.take_along_axis(forecasts, targets[:, None], axis=-1)[:, 0]      # (L-1,)
    return (mx.logsumexp(forecasts, axis=-1) - right).mean()


def _draw(seed, *shape):
    """Logits of this shape."""
    return 3 * mx.random.normal(shape, key=mx.random.key(seed))


BY_HAND = mx.log(mx.array([[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]]))
LARGE = mx.array([[2.5e38, 0.0, 0.0], [-2.5e38, -3e38, -3e38], [0.0, 0.0, 0.0]])      # minus each other: no float
FAR_APART = mx.array([[200.0, 0.0, 0.0], [0.0, 0.0, 300.0], [0.0, 400.0, 0.0]])
EXERCISES = (
    Exercise(
        "3.3", minutes=5, points=2,
        cases=((mx.array([2.0, 1.0, 0.0]),),                            # by hand on the page
               (_draw(0, 2, 3, 5),),
               (mx.array([[1000.0, 999.0, 998.0], [2.0, 1.0, 0.0], [-1000.0, -999.0, -1001.0]]),),
               (mx.array([[1000.0, 0.0, 0.0, 0.0], [0.0, 0.0, 500.0, 500.0]]),),
               (_draw(1, 4, 4) + mx.array([[0.0], [150.0], [300.0], [450.0]]),)),
        reference=stable_softmax,
        slips=SOFTMAX,
        hints=(
            "For the row 1000, 999, 998 it would be enough to compute with 0, -1, -2. What was subtracted? And for a "
            "table of several rows, how many such numbers are there?",
            "logits.max(axis=-1, keepdims=True) is the largest logit of each row, of shape (..., 1). Subtract it "
            "before mx.exp, not after.",
            "Three lines: subtract the row's maximum; take mx.exp; divide by .sum(axis=-1, keepdims=True) of what you "
            "have then.",
        ),
    ),
    Exercise(
        "3.5", minutes=8, points=3,
        cases=((BY_HAND, mx.array([2, 0, 1])),                          # by hand on the page
               (_draw(2, 6, 10), mx.array([3, 1, 4, 1, 5, 9])),
               (_draw(3, 2, 7), mx.array([6, 0])),
               (FAR_APART, mx.array([1, 2, 0])),
               (_draw(4, 9, 9), mx.array([8, 7, 6, 5, 4, 3, 2, 1, 0])),
               (LARGE, mx.array([2, 0, 0]))),                           # a row may not meet another row's token
        reference=cross_entropy,
        slips=LOSS,
        hints=(
            "Row 0 of the logits is the forecast made after token 0. Which token does it have to be compared with? "
            "Which row has nothing to be compared with?",
            "logits[:-1] and ids[1:] belong together, row by row. "
            "mx.take_along_axis(forecasts, targets[:, None], axis=-1) "
            "picks each row's logit of the token that came, as a column.",
            "mx.logsumexp(forecasts, axis=-1) has one number for each row; subtract the logit of the token that came. "
            "Then the mean over the L - 1 rows.",
        ),
    ),
)
