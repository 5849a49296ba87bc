"""Exercises of notebook 04: RMSNorm for any shape, and a test that finds what leaks from the future."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise

from .slips import LEAK_SLIPS, NORM_SLIPS


def rms_norm(x, weight, eps):
    """Divide each row by its root-mean-square, then scale its elements.  x (..., dim), weight (dim,) -> (..., dim)."""
    mean_square = (x * x).mean(axis=-1, keepdims=True)                # (..., 1)
    return weight * x * mx.rsqrt(mean_square + eps)                   # (..., dim)


def leaks(norm, x, weight):
    """Does norm(x, weight), x (B, L, dim), let the last token change earlier rows? True or False."""
    changed = mx.array(x)                                             # a copy: x stays as it is
    changed[:, -1] = changed[:, -1] + 1
    return not mx.array_equal(norm(x, weight)[:, :-1], norm(changed, weight)[:, :-1]).item()


# Norms to try a test on: what each takes the mean square over.
def per_token(x, weight):
    """As it should be: every row by itself."""
    return weight * x * mx.rsqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)


def whole_text(x, weight):
    """One size for a text."""
    return weight * x * mx.rsqrt((x * x).mean(axis=(-2, -1), keepdims=True) + 1e-5)


def per_column(x, weight):
    """One size for each place in the row, taken over the tokens."""
    return weight * x * mx.rsqrt((x * x).mean(axis=-2, keepdims=True) + 1e-5)


def texts_together(x, weight):
    """One size for each position, shared by all texts of the batch: wrong, but nothing comes from the future."""
    return weight * x * mx.rsqrt((x * x).mean(axis=(0, -1), keepdims=True) + 1e-5)


def so_far(x, weight):
    """One size for a token and all before it: earlier tokens count, later ones do not."""
    squares = mx.cumsum((x * x).mean(axis=-1, keepdims=True), axis=-2)            # (B, L, 1)
    return weight * x * mx.rsqrt(squares / mx.arange(1, x.shape[-2] + 1)[:, None] + 1e-5)


def next_one(x, weight):
    """Each row divided by the size of the one after it."""
    following = mx.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    return weight * x * mx.rsqrt((following * following).mean(axis=-1, keepdims=True) + 1e-5)


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


TWO_ROWS = mx.array([[[3.0, 4.0], [30.0, 40.0]]])                     # (1, 2, 2): by hand on the page
EXERCISES = (
    Exercise(
        "4.2", minutes=5, points=2,
        cases=(
            (mx.array([[3.0, 4.0]]), mx.ones(2), 1e-5),
            (mx.array([[3.0, 4.0], [30.0, 40.0]]), mx.array([1.0, 2.0]), 1e-5),
            (_draw(3, 4) + 0.5, _draw(4, seed=1), 0.5),               # an eps that shows
            (_draw(2, 3, 4) + 0.5, _draw(4, seed=1), 0.5),
            (mx.array([[0.0, 0.0, 0.0], [0.01, -0.02, 0.03]]), mx.array([0.5, 1.0, 1.5]), 1e-3),
        ),
        reference=rms_norm, slips=NORM_SLIPS,
        hints=(
            "By hand: square, take the mean, take the root, divide. Which of these makes one number of a whole row?",
            "The mean goes along the last axis, whatever the shape: axis=-1. With keepdims=True it keeps shape "
            "(..., 1), so that every row meets its own mean.",
            "eps is added to the mean square, before the root. mx.rsqrt(a) is 1 / sqrt(a). At the end each element is "
            "multiplied by its weight.",
        ),
    ),
    Exercise(
        "4.8", minutes=4, points=2,
        cases=(
            (whole_text, TWO_ROWS, mx.ones(2)),                       # by hand on the page: True
            (per_token, TWO_ROWS, mx.ones(2)),
            (next_one, _draw(2, 5, 4), _draw(4, seed=1)),
            (so_far, _draw(2, 5, 4), _draw(4, seed=1)),
            (per_column, _draw(1, 3, 4), _draw(4, seed=1)),
            (texts_together, _draw(3, 3, 4), mx.ones(4)),
            (whole_text, _draw(1, 400, 4), mx.ones(4)),               # little leaks from the last of many tokens
        ),
        reference=leaks, slips=LEAK_SLIPS,
        hints=(
            "Call norm twice: with x, and with a copy of x in which only the last token's row is another one.",
            "mx.array(x) makes a copy; changed[:, -1] is the last row of every text in it. Which rows of the two "
            "results have to be equal, if nothing leaks?",
            "Compare norm(x, weight)[:, :-1] with norm(changed, weight)[:, :-1]. mx.array_equal says whether all "
            "numbers are equal; leaks is the opposite.",
        ),
    ),
)
