"""Exercises of notebook 07: keys and values for every query head, and how many kv heads a cache has room for."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n07_groups.slips import FITTING_SLIPS, REPEAT_SLIPS


def repeat_kv(x, n_rep):
    """Each kv head n_rep times, side by side: (B, n_kv_heads, S, head_dim) -> (B, n_kv_heads * n_rep, S, head_dim)."""
    return mx.repeat(x, n_rep, axis=1)


def most_kv_heads(cache_bytes, tokens, n_layers, n_heads, head_dim):
    """The largest number of kv heads that divides n_heads and whose cache, in 16 bit, fits into cache_bytes; or 0."""
    of_one = tokens * 2 * n_layers * head_dim * 2                    # bytes: a key and a value; 2 bytes per number
    fitting = [n for n in range(1, n_heads + 1) if n_heads % n == 0 and n * of_one <= cache_bytes]
    return max(fitting, default=0)


def coded(B, n_heads, S, head_dim):
    """Numbers that say where they come from: 1203 is text 1, head 2, position 0, number 3.

    >>> coded(1, 2, 1, 3).tolist()
    [[[[0.0, 1.0, 2.0]], [[100.0, 101.0, 102.0]]]]
    """
    b, h, s, d = (mx.arange(n) for n in (B, n_heads, S, head_dim))
    whole = 1000 * b[:, None, None, None] + 100 * h[:, None, None] + 10 * s[:, None] + d
    return whole.astype(mx.float32)


SEVEN = (32_768, 32, 32, 128)       # tokens, layers, query heads, head_dim of Mistral-7B: 536,870,912 bytes a kv head
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
        "7.7", minutes=4, points=2,
        cases=(
            (1000, 10, 2, 6, 3),                             # by hand on the page: 240 bytes a kv head; 3
            (4_000_000_000, *SEVEN),                         # 7 would fit: 4
            (4_300_000_000, *SEVEN),                         # 8
            (536_870_912, *SEVEN),                           # exactly one
            (500_000_000, *SEVEN),                           # none
            (180_000, 1000, 4, 12, 2),                       # 32,000 bytes a kv head; 5 would fit: 4
            (10**9, 1000, 8, 8, 32),                         # room for more than there are query heads: 8
        ),
        reference=most_kv_heads, slips=FITTING_SLIPS,
        hints=(
            "First the bytes that one kv head takes: how many tokens, in how many layers, how many numbers, how many "
            "bytes each?",
            "A token leaves a key and a value of head_dim numbers in each layer, and 16 bits are 2 bytes.",
            "Go through the numbers from 1 to n_heads: keep those that divide n_heads (n_heads % n == 0) and fit, and "
            "take the largest; max(..., default=0) also works where there is none.",
        ),
    ),
)
