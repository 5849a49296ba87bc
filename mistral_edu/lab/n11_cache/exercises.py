"""Exercises of notebook 11: keys and values that join those before them, and the loop that reads each token once."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n11_cache.slips import LOOP_SLIPS, UPDATE_SLIPS
from mistral_edu.lab.n11_cache.stand_in_model import END, VOCABULARY, Reading


def update(cache, k, v):
    """The keys and values held so far, (B, n_kv_heads, S, head_dim) each or None, with L new ones behind them."""
    if cache is None:
        return k, v
    keys, values = cache
    return mx.concatenate([keys, k], axis=2), mx.concatenate([values, v], axis=2)


def continue_text(read, ids, n, end):
    """At most n greedy tokens after ids, each read once; where `end` comes, it is the last one in the list."""
    said, new = [], ids
    while len(said) < n:
        logits = read(new)                                            # (len(new), vocab_size)
        said.append(logits[-1].argmax().item())
        if said[-1] == end:
            break
        new = said[-1:]
    return said


def numbered(B, n_kv_heads, L, head_dim, first=0.0):
    """An array that counts up from `first`: no two numbers are equal.

    >>> numbered(1, 1, 2, 1, first=3.0).tolist()
    [[[[3.0], [4.0]]]]
    """
    size = B * n_kv_heads * L * head_dim
    return (first + mx.arange(size)).astype(mx.float32).reshape(B, n_kv_heads, L, head_dim)


def _case(B, n_kv_heads, S, L, head_dim):
    """S tokens held, L new ones: the arguments of update."""
    shape = (B, n_kv_heads, L, head_dim)
    held = numbered(B, n_kv_heads, S, head_dim), numbered(B, n_kv_heads, S, head_dim, 1000)
    return held if S else None, numbered(*shape, 500), numbered(*shape, 1500)


EXERCISES = (
    Exercise(
        "11.3", minutes=4, points=2,
        cases=(_case(1, 1, 2, 1, 1), _case(1, 2, 0, 3, 2), _case(1, 2, 3, 1, 2), _case(2, 2, 4, 3, 2),
               _case(2, 3, 1, 1, 4)),
        reference=update, slips=UPDATE_SLIPS,
        hints=(
            "Before the first token there is nothing to join: what should come back then?",
            "mx.concatenate([a, b], axis=...) puts b behind a. Which axis of (B, n_kv_heads, S, head_dim) counts the "
            "tokens?",
            "keys, values = cache takes the pair apart. Join keys with k and values with v along axis 2, and return "
            "both.",
        ),
    ),
    Exercise(
        "11.4", minutes=6, points=3,
        cases=(*((Reading(seed), ids, n, END) for seed, ids, n in (
            (0, [3, 5, 7], 2), (1, [4], 6), (2, [9, 1, 1, 8], 12), (3, [2, 6], 1), (4, [1, 2, 3, 4, 5], 15),
            (5, [7, 7], 15), (6, [8, 0, 5], 15), (7, [10, 2, 2, 2, 9, 4], 3), (8, [5, 1], 15), (9, [6, 3, 3], 15))),
            (Reading(10), [4, 9], 5, VOCABULARY)),                    # an end token that never comes
        reference=continue_text, slips=LOOP_SLIPS,
        hints=(
            "What has read to be given in the first round, and what in each later one?",
            "read returns a row of logits for each token that it was given; the last row belongs to the token that "
            "comes next. .argmax().item() makes a number of it.",
            "Keep two lists: said, all new tokens, and new, what has still to be read. It starts as ids; after each "
            "round it is said[-1:].",
            "while len(said) < n: read new; append the likeliest token of the last row; break when it is end; "
            "new = said[-1:]. Finally, return said.",
        ),
    ),
)
