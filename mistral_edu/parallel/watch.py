"""A group of ranks, watched: what they say as it comes, and the end of all when one fails or nothing moves."""
import os
import queue
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mistral_edu.parallel.hosts import HERE
from mistral_edu.parallel.process import BACKEND, SEED, SIZE, START, Rank
from mistral_edu.parallel.verdict import deadlock, failure

LIMIT = 60      # seconds in which nothing moves on any rank
STARTING = 120  # the same, until a rank has reported for the first time: Python and MLX have to be read
GRACE = 1.5     # seconds from the first failure: others fail of it, and their last words come in


class Group:
    """Ranks that run the same thing, in a `with`, at whose end none of their processes and files is left.

    words: what rank.py is to do; files: name -> bytes, put into the group's folder, whose path replaces "FOLDER" among
    the words. limit: seconds without any progress after which a deadlock is assumed.
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
                      SIZE: str(len(self.placement.hosts))}
            command = ["-c", START, *[str(self.folder) if word == "FOLDER" else word for word in self.words]]
            self.moved = [time.monotonic()] * len(self.placement.hosts)
            for number, environment in enumerate(self.placement.environments):
                environment |= shared
                if self.placement.hosts[number].ssh_hostname == HERE:  # modules beside a notebook are found, too
                    environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
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
        """Yield (rank, "out" or "err", text) as it comes, and None every `tick` seconds, until all have ended.

        Raises GroupFailed when a rank ends with a code other than 0, or when no rank moves any longer.
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
                raise failure(self.ranks)
            if all_said:
                return
            if failed_at is None and self.is_stuck():
                raise deadlock(self.ranks, self.limit)

    def is_stuck(self):
        """Whether no running rank has moved for `limit` seconds, and none waits for a person."""
        now = time.monotonic()
        running = [rank for rank in self.ranks if rank.code is None]
        return bool(running) and all(
            now - self.moved[rank.number] > (self.limit if rank.note else max(self.limit, STARTING))
            and rank.note.get("state") != "reads" for rank in running)
