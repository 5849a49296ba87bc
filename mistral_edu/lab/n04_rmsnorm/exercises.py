"""Exercises of notebook 04: RMSNorm for any shape, and a test that finds what leaks from the future."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n04_rmsnorm.norms import (
    across_texts,
    mean_of_abs,
    minus_mean_row,
    next_size,
    one_size,
    per_column,
    per_token,
    size_two_on,
    so_far,
)
from mistral_edu.lab.n04_rmsnorm.slips import LEAK_SLIPS, NORM_SLIPS


def rms_norm(x, weight, eps):
    """Divide each row by its root-mean-square, then scale its elements.  x (..., dim), weight (dim,) -> (..., dim)."""
    mean_square = (x * x).mean(axis=-1, keepdims=True)                # (..., 1)
    return weight * x * mx.rsqrt(mean_square + eps)                   # (..., dim)


def leaks(norm, x, weight, eps):
    """x (B, L, dim): does norm(x, weight, eps) let the last token change earlier rows? True or False."""
    changed = mx.array(x)                                             # a copy: x stays as it is
    changed[:, -1] = changed[:, -1] + 1
    return not mx.array_equal(norm(x, weight, eps)[:, :-1], norm(changed, weight, eps)[:, :-1]).item()


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def _rows(*rows):
    """One text (1, L, 2)."""
    return mx.array([rows], dtype=mx.float32)


TWO_ROWS = _rows([3, 4], [30, 40])                                    # by hand on the page
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
            (one_size, TWO_ROWS, mx.ones(2), 1e-5),                   # by hand on the page: True
            (per_token, TWO_ROWS, mx.ones(2), 1e-5),
            (next_size, _draw(2, 5, 4), mx.ones(4), 1e-5),
            (so_far, _draw(2, 5, 4), mx.ones(4), 0.5),
            (per_column, _draw(1, 3, 4), mx.ones(4), 1e-5),
            (across_texts, _draw(3, 3, 4), mx.ones(4), 1e-5),
            (mean_of_abs, _draw(2, 3, 4), mx.ones(4), 0.5),
            (one_size, _draw(1, 400, 4), mx.ones(4), 1e-5),           # little leaks from the last of many tokens
            (one_size, _rows([-3, -4], [30, 40]), mx.ones(2), 1e-5),  # what moves, moves the other way
            (one_size, _rows([3, -3], [30, 40]), mx.ones(2), 1e-5),   # what moves keeps its sum
            (minus_mean_row, _draw(2, 3, 4), mx.ones(4), 1e-5),
            (size_two_on, _draw(2, 5, 4), mx.ones(4), 1e-5),          # neither the first row nor the last but one
        ),
        reference=leaks, slips=LEAK_SLIPS,
        hints=(
            "Call norm twice: with x, and with a copy of x in which only the last token's row is another one.",
            "mx.array(x) makes a copy; changed[:, -1] is the last row of every text in it. Which rows of the two "
            "results have to be equal, if nothing leaks?",
            "Compare norm(x, weight, eps)[:, :-1] with norm(changed, weight, eps)[:, :-1]. mx.array_equal says whether "
            "all numbers are equal; leaks is the opposite.",
        ),
    ),
)
