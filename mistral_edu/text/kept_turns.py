"""Which turns of a conversation are still read once it has outgrown the context."""


def first_kept(lengths, room) -> int:
    """The number of the first turn that is read, where the turns take so many tokens and room of them may be read.

    What is left out reaches the next multiple of half the room. So the beginning of what is read stays where it is for
    many turns, which find it in the cache; to leave out as little as possible would move it at each turn, and all would
    be read again each time. Only the lengths count, so the same conversation is always read alike; and the last turn is
    always read, even one that is longer than the room.

    >>> [first_kept([30] * n, room=120) for n in range(1, 11)]
    [0, 0, 0, 0, 2, 2, 4, 4, 6, 6]
    """
    half = max(1, room // 2)
    over = sum(lengths) - room
    least = -(-over // half) * half  # of tokens to leave out
    left_out = 0
    for n, length in enumerate(lengths[:-1]):
        if left_out >= least:
            return n
        left_out += length
    return max(0, len(lengths) - 1)
