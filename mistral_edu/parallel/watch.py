"""A group of ranks, watched: what they say as it comes, and the end of all when one fails or nothing moves."""
import os
import queue
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from mistral_edu.parallel.process import BACKEND, SEED, SIZE, START, Rank

LIMIT = 60      # seconds in which nothing moves on any rank
STARTING = 120  # the same, until a rank has reported for the first time: Python and MLX have to be read
GRACE = 1.5     # seconds from the first failure: others fail of it, and their last words come in
LOST = "connection to a peer was lost"  # MLX, where a neighbour has gone: this rank is not the one to blame


class GroupFailed(RuntimeError):
    """A rank died, or all wait. `rank` is the one that failed first, None for a deadlock; `codes` are all exit codes."""

    def __init__(self, message, rank=None, codes=()):
        super().__init__(message)
        self.rank, self.codes = rank, codes


class Group:
    """Ranks that run the same thing, in a `with`, at whose end no process and no file of theirs is left.

    words: what rank.py is to do; files: name -> bytes, put into the group's folder, whose path takes the place of
    "FOLDER" among the words. limit: seconds without any progress after which a deadlock is assumed.
    """

    def __init__(self, placement, words, files=None, limit=LIMIT):
        self.placement, self.words, self.files, self.limit = placement, words, files or {}, limit
        self.ranks, self.queue = [], queue.Queue()

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mistral_edu-ranks-"))
        try:
            for name, data in {**self.files, "hosts.json": self.placement.hostfile.encode()}.items():
                (self.folder / name).write_bytes(data)
            shared = {SEED: str(secrets.randbits(32)), BACKEND: self.placement.backend,
                      SIZE: str(len(self.placement.hosts)), "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
            command = ["-c", START, *[str(self.folder) if word == "FOLDER" else word for word in self.words]]
            self.moved = [time.monotonic()] * len(self.placement.hosts)
            for number, environment in enumerate(self.placement.environments):
                environment |= shared
                self.ranks.append(Rank(number, self.placement, command, self.queue, self.folder / "hosts.json"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for rank in self.ranks:
            rank.end()
        for rank in self.ranks:
            rank.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def events(self, tick=0.1):
        """Yield (rank, "out" or "err", text) as it comes, and None at least every `tick` seconds, until all have ended.

        Raises GroupFailed when a rank ends with another code than 0, or when no rank moves any more.
        """
        n_closed, failed_at = 0, None
        while True:
            try:
                rank, kind, text = self.queue.get(timeout=tick)
                self.moved[rank] = time.monotonic()
                n_closed += kind == "closed"
                if kind in ("out", "err"):
                    yield rank, kind, text
            except queue.Empty:
                yield None
            all_said = n_closed == 2 * len(self.ranks) and all(rank.code is not None for rank in self.ranks)
            if failed_at is None and any(rank.code for rank in self.ranks):
                failed_at = time.monotonic()
            if failed_at and (all_said or time.monotonic() - failed_at > GRACE) and self.queue.empty():
                raise self.failure()
            if all_said:
                return
            if failed_at is None and self.is_stuck():
                raise self.deadlock()

    def is_stuck(self):
        """Whether no rank that runs has moved for `limit` seconds, and none waits for a person."""
        now = time.monotonic()
        running = [rank for rank in self.ranks if rank.code is None]
        return bool(running) and all(
            now - self.moved[rank.number] > (self.limit if rank.note else max(self.limit, STARTING))
            and rank.note.get("state") != "reads" for rank in running)

    def failure(self):
        """The error that names the rank that failed first, how it ended, and its last words."""
        codes = [rank.code for rank in self.ranks]
        failed = [rank for rank in self.ranks if rank.code]
        # One that was killed comes first, and last those that only lost a neighbour.
        first = min(failed, key=lambda rank: (rank.code > 0, LOST in rank.last_words))
        said = first.last_words.strip().splitlines()
        lines = [f"rank {first.number} {ending(first.code)}" + (f"; its last words: {said[-1].strip()}" if said else "")]
        if LOST in first.last_words:
            gone = [rank for rank in self.ranks if rank.code == 0]
            lines[-1] = (f"rank {first.number} waited for a rank that had ended: "
                         + ", ".join(f"rank {rank.number} had done all it had to do" for rank in gone)
                         + f", and rank {first.number} was in {first.note.get('at', 'its start')}")
        others = [rank for rank in self.ranks if rank is not first and rank.code is None]
        if others:
            lines.append(f"{', '.join(f'rank {rank.number}' for rank in others)} then ended as well, because the group is "
                         "not whole any more")
        return GroupFailed(". ".join(lines), first.number, codes)

    def deadlock(self):
        """The error that says of each rank where it waits."""
        lines = [f"nothing has moved for {self.limit:g} s, so all ranks were ended. Each waits for another:"]
        for rank in self.ranks:
            received = rank.note.get("received")
            came = "" if received is None else f" ({received:,} bytes have come)"
            lines.append(f"  rank {rank.number} has ended" if rank.code is not None else
                         f"  rank {rank.number} waits in {rank.note.get('at') or 'its start'}{came}")
        lines.append("All ranks must make the same calls of mx.distributed, in the same order, of arrays of one size.")
        return GroupFailed("\n".join(lines), None, [rank.code for rank in self.ranks])


def ending(code):
    """In words: "ended with code 3", "was ended by SIGKILL"."""
    if code < 0 or code > 128:  # a shell reports a signal as 128 more
        number = -code if code < 0 else code - 128
        name = signal.Signals(number).name if number in [s.value for s in signal.Signals] else f"signal {number}"
        more = ", most likely because the memory was not enough" if name == "SIGKILL" else ""
        return f"was ended by {name}{more}"
    return f"ended with code {code}"
