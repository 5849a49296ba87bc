"""What became of a group of ranks, in words: which one failed and how, or in which line each was."""
import signal

LOST = "connection to a peer was lost"  # what MLX says when a neighbour has gone: this rank is not the one to blame


class GroupFailed(RuntimeError):
    """A rank died, or all wait. `rank`: the one that failed first, None for a deadlock; `codes`: all exit codes."""

    def __init__(self, message, rank=None, codes=()):
        super().__init__(message)
        self.rank, self.codes = rank, codes


def failure(ranks):
    """The error that names the rank that failed first, how it ended, its last words, and the line of an error."""
    failed = [rank for rank in ranks if rank.code]
    # One that was killed comes first, and last those that only lost a neighbour.
    first = min(failed, key=lambda rank: (rank.code > 0, LOST in rank.last_words))
    gone = [f"rank {rank.number}" for rank in ranks if rank.code == 0]
    said = first.last_words.strip().splitlines()
    message = f"rank {first.number} {ending(first.code)}"
    if LOST in first.last_words and gone:
        where = first.note.get("failed") or first.note.get("at") or "its start"
        message = (f"rank {first.number} ended while it waited in {where} for {' and '.join(gone)}, which had finished "
                   "already")
    elif said:
        message += f"; its last words: {said[-1].strip()}"
        if place := first.note.get("failed"):  # an exception has left the rank's function
            message += f", in {place}"
    others = [f"rank {rank.number}" for rank in ranks if rank.code is None]
    if others:
        message += f". {' and '.join(others)} had to be ended, because the group is no longer complete"
    return GroupFailed(message, first.number, [rank.code for rank in ranks])


def deadlock(ranks, limit):
    """The error that says of each rank in which line it was."""
    lines = [f"nothing has moved for {limit:g} s, so all ranks were ended. Each was in this line:"]
    for rank in ranks:
        received = rank.note.get("received")
        came = "" if received is None else f" ({received:,} bytes have arrived)"
        lines.append(f"  rank {rank.number} has ended" if rank.code is not None else
                     f"  rank {rank.number} was in {rank.note.get('at') or 'its start'}{came}")
    lines.append("All ranks must make the same calls to mx.distributed, in the same order, with arrays of equal size.")
    return GroupFailed("\n".join(lines), None, [rank.code for rank in ranks])


def ending(code):
    """How a process ended.

    >>> ending(3), ending(-15)
    ('ended with code 3', 'was ended by SIGTERM')
    """
    if code > 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}" + ", most likely because memory ran out" * (name == "SIGKILL")
