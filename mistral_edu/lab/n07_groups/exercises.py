"""Exercises of notebook 07: keys and values for every query head, and when the cache weighs as much as the weights."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n07_groups.slips import EVEN_SLIPS, REPEAT_SLIPS


def repeat_kv(x, n_rep):
    """Each kv head n_rep times, side by side: (B, n_kv_heads, S, head_dim) -> (B, n_kv_heads * n_rep, S, head_dim)."""
    return mx.repeat(x, n_rep, axis=1)


def break_even(weight_bytes, n_layers, n_kv_heads, head_dim):
    """After how many tokens keys and values in 16 bit take as many bytes as the weights."""
    bytes_per_token = 2 * n_layers * n_kv_heads * head_dim * 2       # a key and a value; 2 bytes per number
    return weight_bytes / bytes_per_token


def coded(B, n_heads, S, head_dim):
    """Numbers that say where they come from: 1203 is text 1, head 2, position 0, number 3.

    >>> coded(1, 2, 1, 3).tolist()
    [[[[0.0, 1.0, 2.0]], [[100.0, 101.0, 102.0]]]]
    """
    b, h, s, d = (mx.arange(n) for n in (B, n_heads, S, head_dim))
    whole = 1000 * b[:, None, None, None] + 100 * h[:, None, None] + 10 * s[:, None] + d
    return whole.astype(mx.float32)


SEVEN = dict(n_layers=32, head_dim=128)
EXERCISES = (
    Exercise(
        "7.2", minutes=4, points=2,
        cases=(                                              # never more copies than kv heads: a wrong divisor of h
            (coded(1, 2, 1, 1), 2),                          # then picks a wrong head, and not one that is not there
            (coded(1, 4, 2, 3), 2),
            (coded(2, 3, 2, 2), 3),
            (coded(1, 3, 4, 2), 1),                          # nothing to repeat
            (mx.random.normal((2, 4, 5, 8), key=mx.random.key(0)), 4),
        ),
        reference=repeat_kv, slips=REPEAT_SLIPS,
        hints=(
            "With 2 kv heads and n_rep = 2, the query heads 0 1 2 3 read the kv heads 0 0 1 1. Which axis of x counts "
            "the heads?",
            "MLX has a function for it: look at mx.repeat and mx.tile, and try both on mx.array([0, 1]) with 2 copies. "
            "Which one gives 0 0 1 1?",
            "One line: mx.repeat(x, n_rep, axis=...), with the axis of (B, n_kv_heads, S, head_dim) that counts heads.",
        ),
    ),
    Exercise(
        "7.7", minutes=3, points=2,
        cases=(
            (960, 2, 1, 3),                                  # by hand on the page: 24 bytes per token, 40 tokens
            (14_227_611_648, SEVEN["n_layers"], 8, SEVEN["head_dim"]),
            (4_454_500_608, SEVEN["n_layers"], 32, SEVEN["head_dim"]),
            (2_048_000, 8, 2, 32),
        ),
        reference=break_even, slips=EVEN_SLIPS,
        hints=(
            "First the bytes that one token leaves behind: in how many layers, in how many heads, how many numbers, "
            "how many bytes each?",
            "A token leaves a key and a value in each kv head of each layer, head_dim numbers each, and 16 bits are 2 "
            "bytes.",
            "bytes_per_token = 2 * n_layers * n_kv_heads * head_dim * 2. Divide the bytes of the weights by it.",
        ),
    ),
)
