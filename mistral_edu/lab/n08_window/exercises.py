"""Exercises of notebook 08: the mask of a chunk, the reach of a stack, the pairs that are scored."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.exercises.time_limit import time_limit
from mistral_edu.lab.n08_window.slips import MASK, PAIRS, REACH


def chunk_mask(L, window, offset):
    """The mask of L queries at offset .. offset+L-1 over all keys so far: (L, offset + L) bool, True = may look."""
    q_pos = mx.arange(offset, offset + L)[:, None]      # (L, 1)
    k_pos = mx.arange(offset + L)[None, :]              # (1, S)
    back = q_pos - k_pos                                # (L, S)
    return (back >= 0) & (back < window)                # (L, S)


def earliest_token(position, depth, window):
    """The earliest position that can change the state at `position` after `depth` layers."""
    return max(0, position - depth * (window - 1))


def pairs(n, window):
    """How many (query, key) pairs one head scores for a text of n tokens."""
    filling = min(n, window)                            # these tokens see 1, 2, 3, ... keys, all later ones window
    return filling * (filling + 1) // 2 + (n - filling) * window


# By hand on the page: 15. A slip is named by these alone (check.ENOUGH): it may loop.
SHORT = ((6, 3), (6, 6), (2, 5), (100, 1), (1000, 128), (2000, 512),
         *((n, window) for n in range(1, 48) for window in (2, 7)))

EXERCISES = (
    Exercise(
        "8.3", minutes=5, points=2,
        cases=((2, 3, 4), (4, 2, 0), (1, 3, 5), (3, 8, 2), (5, 1, 3)),
        reference=chunk_mask,
        slips=MASK,
        hints=(
            "Which positions do the L queries have? Which have the keys? Only one of the two starts at 0.",
            "mx.arange(a, b)[:, None] is a column, mx.arange(c)[None, :] a row. Their difference, an (L, S) grid, says "
            "how far back each key lies.",
            "A query may look at a key that lies 0 or more positions back, and fewer than window. That takes two "
            "comparisons, each in brackets, joined by &.",
        ),
    ),
    Exercise(
        "8.5", minutes=4, points=2,
        cases=((10, 3, 4), (5, 3, 4), (4000, 8, 128), (9, 1, 3), (7, 5, 1), (200000, 32, 4096), (1, 2, 4)),
        reference=earliest_token,
        slips=REACH,
        hints=(
            "After one layer with window 4, position 10 has seen 7, 8, 9 and itself. How many tokens back is that?",
            "In the second layer it looks at position 7 again, and that state has already seen three tokens further "
            "back. And so on, layer by layer.",
            "depth hops of window - 1 tokens each, counted back from position; and never below 0.",
        ),
    ),
    Exercise(
        "8.9", minutes=3, points=2,
        cases=(*SHORT, (10**14, 4096)), around=lambda: time_limit(2),          # the last: too long for a loop, and MLX
        # refuses an array of this length; a mask of 10**8 tokens would bring the kernel down
        reference=pairs,
        slips=PAIRS,
        hints=(
            "By hand, for 6 tokens and a window of 3, write down how many keys each token sees. Then add.",
            "The token at position i has i + 1 tokens to look at, itself included, but sees at most window of them.",
            "Let w = min(n, window). The first w tokens see 1, 2, ..., w keys, w * (w + 1) // 2 together. How many "
            "tokens are left, and how many keys does each of them see?",
        ),
    ),
)
