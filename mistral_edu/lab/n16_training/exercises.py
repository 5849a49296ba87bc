"""Exercises of notebook 16: a step of AdamW, and gradients clipped by their common size."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n16_training.slips import ADAM_SLIPS, CLIP_SLIPS


def adam_step(w, g, m, v, t, rate, beta1, beta2, eps, decay):
    """One step of AdamW; t counts from 1 (Loshchilov and Hutter 2017, algorithm 2). Returns the new w, m and v."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * (m_hat / (mx.sqrt(v_hat) + eps) + decay * w), m, v


def clip(gradients, limit):
    """Arrays with one common size (Pascanu et al. 2012): scaled down to `limit` together where it is larger."""
    size = mx.sqrt(sum((g * g).sum() for g in gradients))
    return [g * mx.minimum(1.0, limit / size) for g in gradients]


def _draw(*shape, seed=0, scale=1.0):
    return scale * mx.random.normal(shape, key=mx.random.key(seed))


def _state(*shape, seed):
    """m and v as they are after some steps: v is a mean of squares."""
    return _draw(*shape, seed=seed), mx.square(_draw(*shape, seed=seed + 1)) + 0.5


USUAL = (0.1, 0.9, 0.98, 1e-8, 0.0)           # rate, beta1, beta2, eps, decay: those of the page
EXERCISES = (
    Exercise(
        "16.1", minutes=7, points=3,
        cases=(
            (mx.array([2.0]), mx.array([4.0]), mx.array([0.0]), mx.array([0.0]), 1, *USUAL),     # by hand: 1.9
            (mx.array([1.9]), mx.array([-1.0]), mx.array([0.4]), mx.array([0.32]), 2, *USUAL),
            (_draw(3, 2), _draw(3, 2, seed=1), *_state(3, 2, seed=2), 5, 0.1, 0.9, 0.98, 1e-8, 0.0),
            (_draw(3, 2), _draw(3, 2, seed=1), *_state(3, 2, seed=2), 3, 0.1, 0.8, 0.95, 1e-8, 0.3),
            (_draw(4), _draw(4, seed=1), *_state(4, seed=2), 2, 0.5, 0.9, 0.98, 0.5, 0.1),       # an eps that shows
            (_draw(2, 2), _draw(2, 2, seed=1), *_state(2, 2, seed=2), 1000, 0.2, 0.9, 0.98, 0.1, 0.2),
        ),
        reference=adam_step, slips=ADAM_SLIPS,
        hints=(
            "Five lines, one for each part of the formula: the new m, the new v, the two corrected ones, and the new "
            "w.",
            "v is a mean of squares: beta2 * v + (1 - beta2) * g * g. The corrected ones are m / (1 - beta1**t) and "
            "v / (1 - beta2**t). They are for this step only: what you return is m and v without correction.",
            "The decay is next to the quotient, inside the brackets that the rate multiplies: "
            "w - rate * (m_hat / (mx.sqrt(v_hat) + eps) + decay * w).",
        ),
    ),
    Exercise(
        "16.3", minutes=5, points=2,
        cases=(
            ([mx.array([3.0]), mx.array([4.0])], 1.0),                       # by hand on the page: 0.6 and 0.8
            ([mx.array([0.3]), mx.array([0.4])], 1.0),                       # small ones stay as they are
            ([_draw(3, 2), _draw(4, seed=1)], 0.5),
            ([_draw(2, seed=2), _draw(2, 2, seed=3), _draw(3, seed=4)], 2.0),
            ([_draw(5, seed=5, scale=0.01)], 1.0),
            ([_draw(3, 3, seed=6, scale=100.0), _draw(3, seed=7)], 1.5),
            ([mx.array([0.36]), mx.array([0.48])], 0.5),                     # size 0.6, sum of squares 0.36
        ),
        reference=clip, slips=CLIP_SLIPS,
        hints=(
            "One number for all arrays together: their size, the root of the sum of all squares. For 3 and 4 it is 5.",
            "sum((g * g).sum() for g in gradients) adds up the squares of all numbers of all arrays.",
            "Every array is multiplied by the same factor, limit / size, but never by more than 1: "
            "mx.minimum(1.0, limit / size).",
        ),
    ),
)
