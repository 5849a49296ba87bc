"""Exercises of notebook 12: what lies in a ring, and four faults told apart by what they break."""
import numpy as np

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n12_ring.faulty_caches import FAULTS, JUDGES
from mistral_edu.lab.n12_ring.slips import NAME_SLIPS, RING_SLIPS


def ring_positions(n, window):
    """The positions in the slots 0 .. window-1 of a ring that has seen n >= window tokens."""
    ring = np.zeros(window, dtype=int)      # no list: so a list and an array of any kind are compared with it
    for position in range(n):
        ring[position % window] = position
    return ring


def name_the_faults(judge):
    """What judge says to the four right names."""
    return judge(**FAULTS)


EXERCISES = (
    Exercise(
        "12.1", minutes=4, points=2,
        cases=((9, 4), (10, 4), (4, 4), (8, 4), (7, 1), (5, 3), (23, 5), (300, 128)),
        reference=ring_positions, slips=RING_SLIPS,
        hints=(
            "Play the table above once more: an empty ring of window slots, then one token after the other. What does "
            "token p do to the ring?",
            "A list with window slots, and a loop over the positions 0 to n - 1. Later tokens overwrite earlier ones "
            "by themselves.",
            "ring = [None] * window, then for position in range(n): ring[position % window] = position, and return the "
            "ring.",
        ),
    ),
    Exercise(
        "12.6", minutes=4, points=2,
        cases=tuple((judge,) for judge in JUDGES),
        reference=name_the_faults, slips=NAME_SLIPS,
        hints=(
            "Ask of each class: with which chunks does it do anything else than RotatingKVCache? One of them leaves "
            "update_and_fetch as it is.",
            "OneTooFew takes a key even from a single query, and KeepsWindow takes keys from the first queries of a "
            "chunk. WritesFirst looks at the length of the chunk before it does anything.",
            "No chunk is wrong: TrimsFreely. All are wrong: OneTooFew. Of the other two, KeepsWindow is wrong for any "
            "chunk of more than one token.",
        ),
    ),
)
