"""What goes wrong in the exercises of notebook 12: (wrong function, what to tell its author) pairs."""
import numpy as np

from mistral_edu.lab.n12_ring.faulty_caches import FAULTS


def _by_slot(position_of):
    """ring_positions with position_of(slot, n, window) in each slot."""
    return lambda n, window: [position_of(slot, n, window) for slot in range(window)]


def _turned_the_other_way(n, window):
    last = list(range(n - window, n))
    return last[n % window:] + last[:n % window]


def _one_token_too_many(n, window):
    ring = [None] * window
    for position in range(n + 1):
        ring[position % window] = position
    return ring


def _counted_from_one(n, window):
    ring = [None] * window
    for position in range(1, n + 1):
        ring[(position - 1) % window] = position
    return ring


def _slot_by_round(n, window):
    ring = [None] * window
    for position in range(n):
        ring[position // window] = position
    return ring


def _slot_moved(by):
    def ring_positions(n, window):
        ring = [None] * window
        for position in range(n):
            ring[(position + by) % window] = position
        return ring
    return ring_positions


def _last_token_missing(n, window):
    ring = [0] * window
    for position in range(n - 1):
        ring[position % window] = position
    return ring


RING_SLIPS = (
    (lambda n, window: np.arange(n - window, n),
     "these are the right positions in the order of time; give them in the order of the slots: position p is in slot "
     "p % window"),
    (lambda n, window: np.arange(n - window, n)[::-1],
     "these are the positions from newest to oldest; give them in the order of the slots: position p is in slot "
     "p % window"),
    (lambda n, window: np.arange(window),
     "the first window tokens are kept and the later ones are not written; the ring keeps the last ones"),
    (lambda n, window: np.arange(n - window, n) % window,
     "these are the numbers of the slots; say which position is in each of them"),
    (_by_slot(lambda slot, n, window: slot + window * (n // window)),
     "slots that the present round has not reached still hold the position of the round before, window less"),
    (_by_slot(lambda slot, n, window: slot + window * ((n - 1) // window)),
     "slots that the present round has not reached still hold the position of the round before, window less"),
    (_by_slot(lambda slot, n, window: slot + window * (n // window - 1)),
     "slots that the present round has reached hold a position that is window larger"),
    (_one_token_too_many, "that is the ring after n + 1 tokens: the last of n tokens has the position n - 1"),
    (_counted_from_one, "your positions start at 1; the first token has the position 0"),
    (_slot_by_round, "position // window counts the rounds; the slot is what is left, position % window"),
    (_slot_moved(-1), "each position is one slot too early: position p belongs in slot p % window"),
    (_slot_moved(1), "each position is one slot too late: position p belongs in slot p % window"),
    (_last_token_missing, "the last token is not written: range(n) ends with its position, n - 1"),
    (_turned_the_other_way, "the last window positions are turned the wrong way round: the oldest, n - window, lies in "
                            "slot n % window"),
    (lambda n, window: list(range(n - window, n))[-1:] + list(range(n - window, n))[:-1],
     "the newest position is moved to slot 0; it belongs in slot (n - 1) % window, which is 0 after 9 tokens and a "
     "window of 4 only"),
    (lambda n, window: _by_slot(lambda slot, n, w: n - 1 - (n - 1 - slot) % w)(n, 4),
     "your function counts with 4, or with W or ring of the cell above; its own window is an argument"),
    (lambda n, window: [8, 5, 6, 7], "that is the answer for 9 tokens and a window of 4 alone"),
    (lambda n, window: n % window, "that is one slot, the one that comes next; return a list: the position in each "
                                   "slot"),
)


def _guess(**changed):
    """name_the_faults with other names for some letters."""
    return lambda judge: judge(**{**FAULTS, **changed})


def _exchanged(first, second):
    return _guess(**{first: FAULTS[second], second: FAULTS[first]})


ONE_RIGHT = ("only one is right; the three names that are left belong to the other three letters, one to each, in "
             "another order than yours")
TWICE = "three are right, so the fourth has a name that appears twice; each cache has one letter"
NAME_SLIPS = (
    (_exchanged("A", "B"), "look at A and B again: one of them is right for every chunk, and wrong only after a trim. "
                           "Which class changes nothing but trim?"),
    (_exchanged("A", "C"), "look at A and C again: one of them is wrong for a chunk of 3 already, the other only for a "
                           "chunk longer than the window. Which class asks for the length of the chunk first?"),
    (_exchanged("A", "D"), "look at A and D again: one of them is wrong even with chunks of a single token. How many "
                           "keys does each class hand to a single query?"),
    (_exchanged("B", "C"), "look at B and C again: one of them is right for every chunk. Which class changes nothing "
                           "but trim?"),
    (_exchanged("B", "D"), "look at B and D again: one of them is right for every chunk, the other for none. Which "
                           "class changes nothing but trim?"),
    (_exchanged("C", "D"), "look at C and D again: one of them is wrong only for a chunk longer than the window. Which "
                           "class asks for the length of the chunk first?"),
    (_guess(A=FAULTS["B"]), TWICE), (_guess(B=FAULTS["A"]), TWICE), (_guess(C=FAULTS["A"]), TWICE),
    (_guess(D=FAULTS["A"]), TWICE),
    (lambda judge: judge(A=..., B=..., C=..., D=...), "put the name of a class in place of each of the four dots"),
    *((lambda judge, name=name: judge(**dict.fromkeys(FAULTS, name)), ONE_RIGHT) for name in FAULTS.values()),
    (lambda judge: "A right, B right, C right, D right", "that is the text itself; return what judge(A=..., B=..., "
                                                         "C=..., D=...) returns"),
    (lambda judge: tuple(FAULTS.values()), "these are the names; hand them to judge, and return what it says: "
                                           "return judge(A=..., B=..., C=..., D=...)"),
)
