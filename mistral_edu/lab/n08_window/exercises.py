"""Exercises of notebook 08: the mask of a chunk, the reach of a stack, the pairs that are scored."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise


def chunk_mask(L, window, offset):
    """Masks of L queries at offset .. offset+L-1 over all keys so far: (L, offset + L) bool, True = may look."""
    q_pos = mx.arange(offset, offset + L)[:, None]      # (L, 1)
    k_pos = mx.arange(offset + L)[None, :]              # (1, S)
    back = q_pos - k_pos                                # (L, S)
    return (back >= 0) & (back < window)                # (L, S)


def _back(L, offset, start=None):
    """Query position minus key position, with the queries starting at `start`."""
    start = offset if start is None else start
    return mx.arange(start, start + L)[:, None] - mx.arange(offset + L)[None, :]


def earliest_token(position, depth, window):
    """The earliest position that can change the state at `position` after `depth` layers."""
    return max(0, position - depth * (window - 1))


def pairs(n, window):
    """How many (query, key) pairs one head scores for a text of n tokens."""
    return sum(min(i + 1, window) for i in range(n))


EXERCISES = (
    Exercise(
        "8.3", minutes=5, points=2,
        cases=((2, 3, 4), (4, 2, 0), (1, 3, 5), (3, 8, 2), (5, 1, 3)),
        reference=chunk_mask,
        slips=(
            (lambda L, window, offset: (_back(L, offset) >= 0) & (_back(L, offset) <= window),
             "your rows see window + 1 keys: the own key counts, so it is back < window"),
            (lambda L, window, offset: (_back(L, offset) > 0) & (_back(L, offset) < window),
             "no query sees its own key: back = 0 is the token itself, so it is back >= 0"),
            (lambda L, window, offset: _back(L, offset) < window,
             "later tokens are visible: back is negative for them, and nothing excludes that"),
            (lambda L, window, offset: abs(_back(L, offset)) < window,
             "the window reaches into the future too: abs() forgets which of the two comes later"),
            (lambda L, window, offset: _back(L, offset) >= 0,
             "that is the causal mask; the window is missing"),
            (lambda L, window, offset: (_back(L, offset, 0) >= 0) & (_back(L, offset, 0) < window),
             "your queries start at position 0; the first one sits at position offset"),
            (lambda L, window, offset: (_back(L, 0) >= 0) & (_back(L, 0) < window),
             "the keys before this chunk are missing: there are offset + L of them, not L"),
            (lambda L, window, offset: ~((_back(L, offset) >= 0) & (_back(L, offset) < window)),
             "True and False are exchanged: True means may look"),
            (lambda L, window, offset: ((_back(L, offset) >= 0) & (_back(L, offset) < window)).T,
             "rows and columns are exchanged: a row is a query, a column a key"),
        ),
        hints=(
            "Which positions do the L queries have? Which have the keys? Only one of the two starts at 0.",
            "mx.arange(a, b)[:, None] is a column, mx.arange(c)[None, :] a row. Their difference, an (L, S) grid, says "
            "how far back each key lies.",
            "A key may be looked at when it lies 0 or more places back, and fewer than window. Two comparisons, joined "
            "by & and with brackets around each.",
        ),
    ),
    Exercise(
        "8.5", minutes=4, points=2,
        cases=((10, 3, 4), (5, 3, 4), (4000, 8, 128), (9, 1, 3), (7, 5, 1), (200000, 32, 4096)),
        reference=earliest_token,
        slips=(
            (lambda position, depth, window: max(0, position - depth * window),
             "each layer reaches window - 1 places back, since the window counts the token itself"),
            (lambda position, depth, window: position - depth * (window - 1),
             "there is no token before position 0"),
            (lambda position, depth, window: max(0, position - (window - 1)),
             "that is one layer; each further one adds another window - 1"),
            (lambda position, depth, window: max(0, position - (depth * window - 1)),
             "depth * window - 1 takes off one place for all layers together; every layer loses one"),
            (lambda position, depth, window: depth * (window - 1),
             "that is the reach, a number of places; asked is the position where it ends"),
            (lambda position, depth, window: max(0, position - (window - 1) ** depth),
             "reaches add up from layer to layer; they do not multiply"),
            (lambda position, depth, window: max(0, position - (depth - 1) * (window - 1)),
             "one layer too few: after depth layers there were depth hops"),
        ),
        hints=(
            "After one layer with window 4, position 10 has seen 7, 8, 9 and itself. How many places back is that?",
            "In the second layer it looks at position 7 again, and that state has already seen three places further "
            "back. So it goes on, layer by layer.",
            "depth hops of window - 1 places each, counted back from position; and never below 0.",
        ),
    ),
    Exercise(
        "8.9", minutes=3, points=2,
        cases=((6, 3), (6, 6), (2, 5), (100, 1), (1000, 128), (32768, 4096)),
        reference=pairs,
        slips=(
            (lambda n, window: n * window,
             "the first queries see fewer: the one at position i has only i + 1 tokens to look at"),
            (lambda n, window: n * (n + 1) // 2,
             "that is full attention: no query sees more than window keys"),
            (lambda n, window: n * n,
             "that counts later tokens too, which nobody sees"),
            (lambda n, window: sum(min(i, window) for i in range(n)),
             "the token at position i sees i + 1 keys, its own included"),
            (lambda n, window: sum(min(i + 1, window + 1) for i in range(n)),
             "a window of W means W keys, the own one included, not W + 1"),
            (lambda n, window: n * window - window * (window - 1) // 2,
             "right for texts longer than the window; a shorter one never fills it"),
            (lambda n, window: window * (window + 1) // 2 + (n - window) * window,
             "right for texts longer than the window; a shorter one never fills it"),
        ),
        hints=(
            "By hand, for 6 tokens and a window of 3, write down how many keys each token sees. Then add.",
            "The token at position i has i + 1 tokens to look at, itself included, and looks at no more than window.",
            "A sum over i of min(i + 1, window). Python's sum and range do it in one line.",
        ),
    ),
)
