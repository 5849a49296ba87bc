"""Exercises of notebook 13: one draw from a forecast, and the filter of nucleus sampling."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n13_sampling.slips import DRAW, TOP_P


def draw(probabilities, u):
    """The token on whose stretch u falls, an int. probabilities (V,), which may not add up to 1; u: 0 <= u < 1."""
    ends = mx.cumsum(probabilities)                             # (V,)  where each token's stretch ends
    return (ends <= u * ends[-1]).sum().item()                  # so many stretches end before u


def keep_top_p(probabilities, p):
    """(V,) -> (V,): the fewest most likely tokens that reach p together, and 0 for all others."""
    descending = -mx.sort(-probabilities)                       # (V,)
    before = mx.cumsum(descending) - descending                 # what the likelier ones hold together
    smallest = mx.where(before < p, descending, mx.inf).min()   # the last one kept
    return mx.where(probabilities >= smallest, probabilities, 0)


def _forecast(seed, size):
    return mx.softmax(2 * mx.random.normal((size,), key=mx.random.key(seed)))


FIVE = mx.array([0.0625, 0.5, 0.125, 0.25, 0.0625])             # sums of these are exact
EXERCISES = (
    Exercise(
        "13.1", minutes=3, points=2,
        cases=(
            (FIVE, 0.6),                                        # by hand on the page: token 2
            (FIVE, 0.0), (FIVE, 0.0625), (FIVE, 0.5625), (FIVE, 0.99),
            (mx.array([0.0, 0.25, 0.0, 0.75]), 0.0), (mx.array([0.0, 0.25, 0.0, 0.75]), 0.25),
            (mx.array([0.5, 0.25, 0.0, 0.0]), 0.9), (mx.array([0.0, 0.125, 0.125, 0.0]), 0.5),
            (mx.array([0.25, 0.125, 0.0, 0.125]), 0.74), (_forecast(0, 9), 0.3), (_forecast(1, 9), 0.7),
        ),
        reference=draw, slips=DRAW,
        hints=(
            "Walk along the stick of the page: where does each stretch end? mx.cumsum(probabilities) says it.",
            "u falls on the first stretch whose end lies above u. How many stretches end at u or below?",
            "A filter may have removed tokens, so the stick need not be 1 long: compare with u times its whole length, "
            "ends[-1]. Then count: (ends <= u * ends[-1]).sum().item().",
        ),
    ),
    Exercise(
        "13.4", minutes=5, points=3,
        cases=(
            (FIVE, 0.8),                                        # by hand on the page: 0.5, 0.25, 0.125
            (FIVE, 0.75), (FIVE, 0.3), (FIVE, 1.0), (mx.array([0.125, 0.25, 0.625]), 0.875),
            (mx.array([0.1, 0.7, 0.2]), 0.8), (_forecast(2, 9), 0.9), (_forecast(3, 40), 0.6),
        ),
        reference=keep_top_p, slips=TOP_P,
        hints=(
            "Sort first: -mx.sort(-probabilities) goes from the likeliest down. A token is needed as long as the "
            "likelier ones alone do not reach p. What do they hold together?",
            "before = mx.cumsum(descending) - descending is the sum of the likelier ones. Those with before < p stay. "
            "The smallest of them is the last one kept.",
            "smallest = mx.where(before < p, descending, mx.inf).min(), and then, in the order in which they came, "
            "mx.where(probabilities >= smallest, probabilities, 0).",
        ),
    ),
)
