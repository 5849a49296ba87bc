"""Exercises of notebook 19: a rank's term of the feed-forward, and the slowest link that still pays."""
from unittest.mock import patch

import mlx.core as mx
import numpy as np

from mistral_edu.feed_forward import silu
from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n19_ranks.slips import LATENCY_SLIPS, TERM_SLIPS


def matrices(dim, hidden, n_rows, seed):
    """x (n_rows, dim), gate and up (hidden, dim), down (dim, hidden)."""
    draw = np.random.default_rng(seed).normal
    shapes = (n_rows, dim), (hidden, dim), (hidden, dim), (dim, hidden)
    return tuple(mx.array(draw(size=shape).astype(np.float32)) for shape in shapes)


BY_HAND = (mx.array([[1.0, 2.0]]), mx.array([[1.0, 0.0], [0.0, 1.0]]), mx.array([[1.0, 1.0], [1.0, -1.0]]),
           mx.array([[1.0, 2.0], [3.0, 4.0]]))


def term(x, gate, up, down, rank, size):
    """x (L, dim), gate and up (hidden_dim, dim), down (dim, hidden_dim) -> this rank's term, (L, dim)."""
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def no_sum(*arrays, **options):
    """In place of all_sum, which changes nothing in one process, so that a sum would be taken for a term."""
    raise RuntimeError("a term is what goes into the sum; return it as it is, without all_sum")


def largest_latency(read_ms, n, sums, kb, gb_per_s):
    """The latency in microseconds at which n devices take as long for a token as one that reads for read_ms.

    It is negative where no latency is small enough: the transfer alone takes longer than what is saved.
    """
    saved = 1000 * read_ms * (1 - 1 / n)
    return saved / sums - 2 * (n - 1) / n * kb / gb_per_s


EXERCISES = (
    Exercise(
        "19.2", minutes=6, points=3,
        cases=((*BY_HAND, 0, 2), (*BY_HAND, 1, 2), *((*matrices(4, 6, 3, 1), rank, 3) for rank in range(3)),
               *((*matrices(6, 4, 2, 2), rank, 2) for rank in range(2)), (*matrices(3, 8, 1, 3), 1, 4),
               (*matrices(4, 4, 4, 4), 0, 1)),
        reference=term, slips=TERM_SLIPS, around=lambda: patch.object(mx.distributed, "all_sum", no_sum),
        hints=(
            "Begin with the whole feed-forward, as in notebook 09: (silu(x @ gate.T) * (x @ up.T)) @ down.T. Which "
            "rows of gate and up make the rank's own hidden units?",
            "hidden_dim is gate.shape[0], and each rank has n = gate.shape[0] // size units: those from rank * n up "
            "to, and without, (rank + 1) * n.",
            "Rows: gate[start:end] and up[start:end]. Of down, the columns that these units are multiplied by: "
            "down[:, start:end].",
            "mine = slice(rank * n, (rank + 1) * n), and return "
            "(silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T",
        ),
    ),
    Exercise(
        "19.9", minutes=5, points=2,
        cases=((8, 2, 40, 10, 1), (8, 4, 40, 10, 1), (8, 2, 40, 10, 100), (5.54, 2, 64, 8.192, 6),
               (5.54, 8, 64, 8.192, 6), (18, 3, 64, 8.192, 1.25), (86, 4, 176, 24.576, 6),
               (1.04, 2, 64, 8.192, 302), (16, 3, 80, 10.24, 25), (1, 2, 100, 64, 4)),
        reference=largest_latency, slips=LATENCY_SLIPS,
        hints=(
            "How many milliseconds does a token save, since each device reads 1 / n of the bytes? All sums together "
            "may take as long as that.",
            "Saved: read_ms - read_ms / n milliseconds, 1000 times as many microseconds. Divided by the number of "
            "sums, that is what one sum may take.",
            "A sum takes the latency, and the time of its transfer: each device sends 2 (n - 1) / n of kb kilobytes. "
            "kb / gb_per_s is in microseconds. What remains is the latency.",
            "In two lines: saved = 1000 * (read_ms - read_ms / n); then return what one sum may take of it, less the "
            "time of its transfer.",
        ),
    ),
)
